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
 *      |                  | lapsed               | lapsed             | rejected         |
 *      |                  v                      v                    |                  |
 *      |                lapsed                 lapsed                 |                  |
 *      +------------------------------ refilled ----------------------+------------------+
 *      |                                                              | overdue          | overdue
 *      +------------- refilled ------------ delivered <---------------+------------------+
 *
 * `cancelled`, `rejected`, `lapsed` and `delivered` are left by the next `intend`. An order that is not yet placed may
 * also become `unknown`. `unknown` and `lapsed` go on wherever the order is heard of next; what was taken for delivered may turn out to be `cancelled`.
 *
 * Events may be missed, doubled or late: states may be skipped, an event that a state does not list changes
 * nothing, and an order never moves backwards.
 */
// The order of both lists is the format on flash.
export const CYCLE_STATES = Object.freeze([
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
  "lapsed",
] as const);
export type CycleState = (typeof CYCLE_STATES)[number];

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
  "lapsed",
  "filled",
  "subscribed",
  "late",
  "waiting",
] as const);
export type CycleEvent = (typeof EVENTS)[number];

type Row = { readonly [event in CycleEvent]?: CycleState };

// Not `unknown`: a placed order that left its state for that could come back to an earlier one.
const FAILURES: Row = Object.freeze({ cancelled: "cancelled", rejected: "rejected" });
const ANYWHERE: Row = Object.freeze({
  accepted: "accepted",
  resolution: "resolution",
  placed: "placed",
  shipped: "shipped",
  ...FAILURES,
});

const TRANSITIONS: { readonly [state in CycleState]: Row } = Object.freeze({
  // Cancelled is what was taken for delivered, and was not.
  idle: { intend: "intended", cancelled: "cancelled" },
  intended: {
    accepted: "accepted",
    resolution: "resolution",
    placed: "placed",
    shipped: "shipped",
    unknown: "unknown",
    lapsed: "lapsed",
    waiting: "intended",
    ...FAILURES,
  },
  accepted: {
    resolution: "resolution",
    placed: "placed",
    shipped: "shipped",
    unknown: "unknown",
    ...FAILURES,
  },
  resolution: { placed: "placed", shipped: "shipped", unknown: "unknown", lapsed: "lapsed", ...FAILURES },
  placed: { shipped: "shipped", refilled: "idle", overdue: "delivered", ...FAILURES },
  shipped: { refilled: "idle", overdue: "delivered" },
  delivered: { intend: "intended", refilled: "idle", cancelled: "cancelled" },
  cancelled: { intend: "intended" },
  rejected: { intend: "intended", subscribed: "idle" },
  unknown: { lapsed: "lapsed", ...ANYWHERE },
  lapsed: { intend: "intended", ...ANYWHERE },
});
/** Events that say something beside the state, and so in every state. */
const COUNTED: readonly CycleEvent[] = Object.freeze(["filled", "subscribed", "late"]);
/** A delivery, a refill to 100 %, a new subscription. */
const CLEARING: readonly CycleEvent[] = Object.freeze(["refilled", "overdue", "filled", "subscribed"]);
/** Further ones change nothing. */
const MOST_CANCELLATIONS = 2;

/** The order cycle of one slot. */
export interface Cycle {
  /** Number of the newest cycle, from 1; 0 before the first. Upward for the life of the device. */
  readonly number: number;
  readonly state: CycleState;
  /** Day on which the state was entered, or the last one that began with the intent in the outbox; 0 while the device had not been told the time. */
  readonly since: number;
  /** Estimated delivery day of the service; 0 while it has told none. */
  readonly delivery: number;
  /** Steps that were ordered. */
  readonly quantity: number;
  /** Cancellations in a row, 0 to 2: since the last delivery, refill to 100 % or new subscription. */
  readonly cancellations: number;
  /** Orders ever placed after their order-by day. */
  readonly late: number;
}

const NONE: Cycle = Object.freeze({
  number: 0,
  state: "idle",
  since: 0,
  delivery: 0,
  quantity: 0,
  cancellations: 0,
  late: 0,
});

/** Not yet placed, so far as is known. */
const UNPLACED: readonly CycleState[] = Object.freeze([
  "intended",
  "accepted",
  "resolution",
  "unknown",
  "lapsed",
]);

/** Whether the order of a cycle in this state was ever placed, so far as is known. */
export function wasPlaced(state: CycleState): boolean {
  return !UNPLACED.includes(state);
}

/** The state that an event leads to; undefined when it changes nothing. */
export function nextState(state: CycleState, event: CycleEvent): CycleState | undefined {
  return TRANSITIONS[state][event];
}

/** Steps that the service has bought and that have not come yet. */
export function inboundOf({ state, quantity }: Cycle): number {
  return state === "placed" || state === "shipped" ? quantity : 0;
}

function after(cycle: Cycle, event: CycleEvent, day: number, value: number): Cycle {
  const state = nextState(cycle.state, event);
  if (state === undefined && !COUNTED.includes(event)) return cycle;
  const begins = event === "intend";
  const told = event === "placed" || event === "shipped" ? value : 0;
  return {
    number: cycle.number + (begins ? 1 : 0),
    state: state ?? cycle.state,
    since: state === undefined ? cycle.since : day,
    delivery: begins ? 0 : told || cycle.delivery,
    quantity: begins ? value : cycle.quantity,
    cancellations: CLEARING.includes(event)
      ? 0
      : Math.min(cycle.cancellations + (event === "cancelled" ? 1 : 0), MOST_CANCELLATIONS),
    late: cycle.late + (event === "late" ? 1 : 0),
  };
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
   * The record of an event. An event that the state does not list is kept and does not change it, see {@link nextState}.
   *
   * @param day the day it happened on; 0 when it is not known
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

  /** The records with which a cycle begins. @param quantity steps ordered @param isLate the order-by day is past */
  intend(slot: number, day: number, quantity: number, isLate: boolean): LedgerRecord[] {
    const records = [this.event(slot, "intend", day, quantity)];
    if (isLate) records.push(this.event(slot, "late", day));
    return records;
  }

  /**
   * The record that lets all slots' cycles go on above a number, and forgets orders that were not acknowledged. For a device whose journal was lost: the
   * gateway takes a cycle that it knows for a repetition.
   */
  renumber(above: number): LedgerRecord {
    return { kind: RECORD.renumbered, write: (to) => to.count(above) };
  }

  /**
   * The record that ends whatever is open on all slots: it was another customer's. Of these cycles nothing is heard any more, and
   * the next begin as on a new device.
   */
  end(day: number): LedgerRecord {
    return { kind: RECORD.cyclesEnded, write: (to) => to.count(day) };
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
    if (kind === RECORD.cyclesEnded) {
      const since = record.count();
      // Under a number that no order has: events of the ones before are passed over.
      this.#cycles = this.#cycles.map(({ number, late }) =>
        number === 0 ? NONE : { ...NONE, number: number + 1, since, late },
      );
      return true;
    }
    if (kind !== RECORD.cycle) return false;
    const slot = record.byte();
    const event = EVENTS[record.byte()]!;
    const day = record.count();
    const value = record.count();
    // A firmware that drops a slot keeps its numbers for one that has it again: the gateway would take them for repetitions.
    while (this.#cycles.length <= slot) this.#cycles.push(NONE);
    this.#cycles[slot] = after(this.#cycles[slot]!, event, day, value);
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.#cycles.length);
    for (const cycle of this.#cycles) {
      to.count(cycle.number);
      to.byte(CYCLE_STATES.indexOf(cycle.state));
      to.count(cycle.since);
      to.count(cycle.delivery);
      to.count(cycle.quantity);
    }
    for (const cycle of this.#cycles) {
      to.byte(cycle.cancellations);
      to.count(cycle.late);
    }
  }

  load(from: ByteReader): void {
    const known = from.count();
    const states = Array.from({ length: known }, () => ({
      ...NONE,
      number: from.count(),
      state: CYCLE_STATES[from.byte()]!,
      since: from.count(),
      delivery: from.count(),
      quantity: from.count(),
    }));
    // A checkpoint of earlier firmware ends here.
    const cycles = states.map((cycle) =>
      from.done ? cycle : { ...cycle, cancellations: from.byte(), late: from.count() },
    );
    this.#cycles = [...cycles, ...this.#cycles.slice(known)];
  }
}
