import { Clock } from "../../sdk/clock/clock.js";
import type { LedgerRecord, Part } from "../../sdk/ledger/index.js";
import { Stock, weekday } from "../../sdk/ledger/stock.js";
import { Registration } from "../../sdk/registration/registration.js";
import { Cycles, nextState } from "../../sdk/reorder/cycle.js";
import { decide, isOrder, timeOut } from "../../sdk/reorder/policy.js";
import { allocate, isFull } from "../../sdk/reorder/shelf.js";
import type { Slot } from "../../sdk/slot.js";
import { Codec } from "../../sdk/uplink/codec.js";
import { Mailbox } from "../../sdk/uplink/mailbox.js";
import type { OrderEvent, UplinkMessage } from "../../sdk/uplink/messages.js";

/*
 * What a device does to its store, without sensors and network: the SDK's own parts, and their records put together into commits as Everfull
 * does it. What comes from outside comes as tasks, so that every store gets the same work.
 */

/** One thing that happens; `at` is UTC in milliseconds. */
export type Task = { readonly at: number } & (
  | { readonly do: "start" }
  | { readonly do: "use"; readonly slot: number; readonly steps: number }
  | { readonly do: "refill"; readonly slot: number; readonly steps: number }
  /** Keeps the time, when it was not kept for hours. */
  | { readonly do: "heartbeat" }
  | { readonly do: "closeDay" }
  /** Queues the status of a slot, and the order that is due. */
  | { readonly do: "report"; readonly slot: number }
  /** The day is closed and reported: when stores write that write once a day. */
  | { readonly do: "dayDone" }
  /** The gateway's message `sequence`: it has seen everything up to `seen`, and this became of orders. */
  | {
      readonly do: "answer";
      readonly sequence: number;
      readonly seen: number;
      readonly events: readonly OrderEvent[];
    }
);

/** The durable state of a device. */
export interface Parts {
  readonly clock: Clock;
  readonly stock: Stock;
  readonly cycles: Cycles;
  readonly mailbox: Mailbox;
  readonly registration: Registration;
}

/** In the order of the checkpoint. */
export function listOf(parts: Parts): readonly Part[] {
  return [parts.clock, parts.stock, parts.cycles, parts.mailbox, parts.registration];
}

/** Keeps the state of parts. */
export interface Store {
  /** Brings the parts to the state that was kept. */
  open(): void;
  /** Folds records into the parts and keeps them. */
  commit(records: readonly LedgerRecord[]): void;
  dayDone(): void;
}

// As in sdk/everfull.ts.
const MINUTE = 60 * 1000;
const HEARTBEAT = 30 * MINUTE;
const TIMESTAMP = 10 * MINUTE;
const MOST_BYTE = 255;
const MOST_WORD = 0xffff;

export class Work {
  readonly #slots: readonly Slot[];
  readonly #makeStore: (parts: Parts, slots: readonly Slot[]) => Store;
  #now = 0;
  #startedAt = 0;
  #parts: Parts;
  #store: Store;

  constructor(slots: readonly Slot[], makeStore: (parts: Parts, slots: readonly Slot[]) => Store) {
    this.#slots = slots;
    this.#makeStore = makeStore;
    this.#parts = this.#newParts();
    this.#store = makeStore(this.#parts, slots);
  }

  get parts(): Parts {
    return this.#parts;
  }

  get store(): Store {
    return this.#store;
  }

  perform(task: Task): void {
    this.#now = task.at;
    const { clock, stock } = this.#parts;
    switch (task.do) {
      case "start":
        this.#start();
        break;
      case "use":
        this.#commit(stock.consume(task.slot, task.steps));
        break;
      case "refill":
        this.#refill(task.slot, task.steps);
        break;
      case "heartbeat":
        if (clock.isRecordDue(HEARTBEAT)) this.#store.commit([clock.record()]);
        break;
      case "closeDay":
        this.#commit([stock.closeBefore(clock.day!)]);
        break;
      case "report":
        this.#report(task.slot, stock.openDay!);
        break;
      case "dayDone":
        this.#store.dayDone();
        break;
      case "answer":
        this.#receive(task.sequence, task.seen, task.events);
        break;
    }
  }

  #newParts(): Parts {
    return {
      clock: new Clock({ ticks: () => this.#now - this.#startedAt, utcOffsetMinutes: 0 }),
      stock: new Stock(this.#slots),
      cycles: new Cycles(this.#slots.length),
      mailbox: new Mailbox(new Codec()),
      registration: new Registration(this.#slots.length),
    };
  }

  /** Power on: nothing is known but what the store has kept, and the time. */
  #start(): void {
    this.#startedAt = this.#now;
    this.#parts = this.#newParts();
    this.#store = this.#makeStore(this.#parts, this.#slots);
    this.#store.open();
    const { clock, registration } = this.#parts;
    clock.anchor(this.#now, "gateway");
    if (registration.state === "new")
      this.#commit([
        registration.enter("registered"),
        ...this.#slots.map((_, slot) => registration.subscribe(slot, true)),
      ]);
  }

  #commit(records: readonly LedgerRecord[]): void {
    const { clock } = this.#parts;
    this.#store.commit(clock.isRecordDue(TIMESTAMP) ? [...records, clock.record()] : records);
  }

  #refill(index: number, steps: number): void {
    const { clock, stock, cycles } = this.#parts;
    const { onHand, remaining } = stock.account(index);
    const slot = this.#slots[index]!;
    const cycle = cycles.of(index);
    const after = allocate(steps, onHand, cycle, slot.refill, clock.day!);
    const records = [stock.refill(index, steps)];
    if (after.onHand !== onHand) records.push(stock.book(index, after.onHand - onHand));
    if (after.delivered || (cycle.state === "delivered" && after.onHand === 0))
      records.push(cycles.event(index, "refilled", clock.day!));
    if (cycle.cancellations > 0 && isFull(remaining + steps, slot))
      records.push(cycles.event(index, "filled", clock.day!));
    this.#commit(records);
  }

  #report(index: number, day: number): void {
    const { stock, cycles, mailbox, registration } = this.#parts;
    if (stock.reported(index) >= day) return;
    const { policy, refill, capacity } = this.#slots[index]!;
    const before = cycles.of(index);
    // What was reported last is answered.
    const passed = timeOut(before, day, policy, stock.reported(index) + 1);
    const cycle = passed ? { ...before, state: nextState(before.state, passed)! } : before;
    const overdue = passed === "overdue" ? before.quantity : 0;
    const { remaining, onHand, consumed, lastUse } = stock.account(index);
    const shelf = onHand + overdue;
    const forecast = stock.forecast(index);
    const runOut = forecast.runOut(remaining + shelf, weekday(day), MOST_WORD);
    const records = [stock.report(index, day)];
    const messages: UplinkMessage[] = [
      {
        kind: "status",
        slot: index,
        day,
        consumed,
        remaining: Math.min(remaining, MOST_WORD),
        onHand: Math.min(shelf, MOST_WORD),
        runOut: runOut.median,
        early: Math.min(runOut.median - runOut.low, MOST_BYTE),
        late: Math.min(runOut.high - runOut.median, MOST_BYTE),
        idle: lastUse === undefined ? MOST_BYTE : Math.min(day - lastUse, MOST_BYTE),
        applied: mailbox.applied,
      },
    ];
    if (overdue > 0) records.push(stock.book(index, overdue));
    if (passed) records.push(cycles.event(index, passed, day));
    const permission = registration.permission(index);
    const decision = decide({ day, remaining, onHand: shelf, capacity, permission, cycle, forecast }, policy);
    if (isOrder(decision)) {
      records.push(...cycles.intend(index, day, refill, decision === "late"));
      messages.push({
        kind: "intent",
        slot: index,
        cycle: cycle.number + 1,
        day,
        quantity: refill,
        remaining: Math.min(remaining, MOST_WORD),
        runOut: runOut.median,
        applied: mailbox.applied,
      });
    }
    this.#commit([...records, ...mailbox.enqueue(messages)]);
  }

  #receive(sequence: number, seen: number, events: readonly OrderEvent[]): void {
    const { clock, cycles, mailbox } = this.#parts;
    this.#commit([
      ...mailbox.acknowledge(seen),
      mailbox.receive(sequence, events.at(-1)?.number ?? mailbox.applied),
      ...events.map((event) => cycles.event(event.slot, event.state, clock.day!, event.day)),
    ]);
  }
}
