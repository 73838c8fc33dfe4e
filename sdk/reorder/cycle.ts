import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";
import { redated } from "../ledger/stock.js";

/*
 *            intend               accepted             placed             shipped
 *     idle ----------> intended ------------> accepted ----------> placed ----------> shipped
 *      ^                  |                      |                 ^  |                  |
 *      |                  |           resolution v          placed |  |                  |
 *      |                  |                 resolution ------------+  |                  |
 *      |                  |                      |                    |                  |
 *      |                  +----------------------+--------------------+ cancelled        |
 *      |                                                              | rejected         |
 *      +------------------------------ refilled ----------------------+------------------+
 *      |                                                              | overdue          | overdue
 *      +------------- refilled ------------ delivered <---------------+------------------+
 *
 * `cancelled`, `rejected` and `delivered` are left by the next `intend`. An order that is not yet placed may also
 * become `unknown`; it goes on wherever it is heard of next.
 *
 * Events may be missed, doubled or late: states may be skipped, an event that a state does not list changes
 * nothing, and an order never moves backwards.
 */
const STATES = Object.freeze([
  "idle",
  "intended",
  "accepted",
  "resolution",
  "placed",
  "shipped",
  "delivered",
  "cancelled",
  "rejected",
  "unknown",
] as const);
export type CycleState = (typeof STATES)[number];

const EVENTS = Object.freeze([
  "intend",
  "accepted",
  "resolution",
  "placed",
  "shipped",
  "cancelled",
  "rejected",
  "unknown",
  "refilled",
  "overdue",
] as const);
export type CycleEvent = (typeof EVENTS)[number];

type Row = { readonly [event in CycleEvent]?: CycleState };

// Not `unknown`: a placed order that left its state for that could come back to an earlier one.
const FAILURES: Row = Object.freeze({ cancelled: "cancelled", rejected: "rejected" });

const TRANSITIONS: { readonly [state in CycleState]: Row } = Object.freeze({
  idle: { intend: "intended" },
  intended: {
    accepted: "accepted",
    resolution: "resolution",
    placed: "placed",
    shipped: "shipped",
    unknown: "unknown",
    ...FAILURES,
  },
  accepted: {
    resolution: "resolution",
    placed: "placed",
    shipped: "shipped",
    unknown: "unknown",
    ...FAILURES,
  },
  resolution: { placed: "placed", shipped: "shipped", unknown: "unknown", ...FAILURES },
  placed: { shipped: "shipped", refilled: "idle", overdue: "delivered", ...FAILURES },
  shipped: { refilled: "idle", overdue: "delivered" },
  delivered: { intend: "intended", refilled: "idle" },
  cancelled: { intend: "intended" },
  rejected: { intend: "intended" },
  unknown: {
    accepted: "accepted",
    placed: "placed",
    shipped: "shipped",
    cancelled: "cancelled",
    rejected: "rejected",
  },
});

/** The order cycle of one slot. */
export interface Cycle {
  /** Number of the newest cycle, from 1; 0 before the first. Upward for the life of the device. */
  readonly number: number;
  readonly state: CycleState;
  /** Day on which the state was entered; 0 while the device had not been told the time. */
  readonly since: number;
  /** Estimated delivery day of the service; 0 while it has told none. */
  readonly delivery: number;
  /** Steps that were ordered. */
  readonly quantity: number;
}

const NONE: Cycle = Object.freeze({ number: 0, state: "idle", since: 0, delivery: 0, quantity: 0 });

/** The state that an event leads to; undefined when it changes nothing. */
export function nextState(state: CycleState, event: CycleEvent): CycleState | undefined {
  return TRANSITIONS[state][event];
}

/** The order cycles of all slots. */
export class Cycles implements Part {
  #cycles: Cycle[];

  constructor(slots: number) {
    this.#cycles = new Array(slots).fill(NONE);
  }

  of(slot: number): Cycle {
    return this.#cycles[slot]!;
  }

  /**
   * The record of an event. An event that the state does not list is kept and changes nothing, see {@link nextState}.
   *
   * @param day the day it happened on
   * @param value `intend`: the steps ordered; `placed` and `shipped`: the estimated delivery day, 0 when not told
   */
  event(slot: number, event: CycleEvent, day: number, value = 0): LedgerRecord {
    return {
      kind: RECORD.cycle,
      write: (to) => {
        to.byte(slot);
        to.byte(EVENTS.indexOf(event));
        to.count(day);
        to.count(value);
      },
    };
  }

  /**
   * The record that lets all slots' cycles go on above a number, and forgets orders that were not acknowledged. For a device whose journal was lost: the
   * gateway takes a cycle that it knows for a repetition.
   */
  renumber(above: number): LedgerRecord {
    return { kind: RECORD.renumbered, write: (to) => to.count(above) };
  }

  /**
   * The record that goes with a calendar day that is opened for the first time or re-dated: what happened when no day was known counts from
   * `day`, and what a wrong clock has dated moves as that day does.
   */
  redate(from: number, day: number): LedgerRecord {
    return {
      kind: RECORD.cyclesRedated,
      write: (to) => {
        to.count(from);
        to.count(day);
      },
    };
  }

  replay(kind: number, record: ByteReader): boolean {
    if (kind === RECORD.cyclesRedated) {
      const from = record.count();
      const day = record.count();
      this.#cycles = this.#cycles.map((cycle) => ({
        ...cycle,
        since: cycle.number > 0 && cycle.since === 0 ? day : redated(cycle.since, from, day),
      }));
      return true;
    }
    if (kind === RECORD.renumbered) {
      const above = record.count();
      this.#cycles = this.#cycles.map((cycle) => ({
        ...cycle,
        number: Math.max(cycle.number, above),
        state: cycle.state === "intended" ? "idle" : cycle.state,
      }));
      return true;
    }
    if (kind !== RECORD.cycle) return false;
    const slot = record.byte();
    const event = EVENTS[record.byte()]!;
    const day = record.count();
    const value = record.count();
    const cycle = this.#cycles[slot];
    // A firmware that drops a slot still finds its records.
    if (!cycle) return true;
    const state = nextState(cycle.state, event);
    if (state === undefined) return true;
    this.#cycles[slot] = {
      number: cycle.number + (event === "intend" ? 1 : 0),
      state,
      since: day,
      delivery:
        event === "intend"
          ? 0
          : event === "placed" || event === "shipped"
            ? value || cycle.delivery
            : cycle.delivery,
      quantity: event === "intend" ? value : cycle.quantity,
    };
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.#cycles.length);
    for (const cycle of this.#cycles) {
      to.count(cycle.number);
      to.byte(STATES.indexOf(cycle.state));
      to.count(cycle.since);
      to.count(cycle.delivery);
      to.count(cycle.quantity);
    }
  }

  load(from: ByteReader): void {
    const known = from.count();
    this.#cycles = this.#cycles.map((none, index) =>
      index >= known
        ? none
        : {
            number: from.count(),
            state: STATES[from.byte()]!,
            since: from.count(),
            delivery: from.count(),
            quantity: from.count(),
          },
    );
  }
}
