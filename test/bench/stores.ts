import { Forecast } from "../../sdk/forecast/index.js";
import {
  ByteReader,
  ByteWriter,
  type FlashPartition,
  Ledger,
  type LedgerRecord,
} from "../../sdk/ledger/index.js";
import { REGISTRATION_STATES } from "../../sdk/registration/registration.js";
import { CYCLE_STATES } from "../../sdk/reorder/cycle.js";
import type { Slot } from "../../sdk/slot.js";
import { listOf, type Parts, type Store } from "./work.js";

/** The journal. */
export class JournalStore implements Store {
  readonly #ledger: Ledger;

  constructor(parts: Parts, flash: FlashPartition) {
    this.#ledger = new Ledger({ flash, parts: listOf(parts), warn: () => {} });
  }

  open(): void {
    this.#ledger.open();
  }

  commit(records: readonly LedgerRecord[]): void {
    this.#ledger.commit(records);
  }

  dayDone(): void {}
}

/** A text under one key. */
export interface TextStore {
  get(): string | undefined;
  set(text: string): void;
}

/** When a {@link RewriteStore} writes. `never`: it keeps nothing, to tell what the work itself takes. */
export type Writing = "event" | "day" | "never";

/** The plain alternative: the whole state as JSON under one key. */
export class RewriteStore implements Store {
  readonly #parts: Parts;
  readonly #slots: readonly Slot[];
  readonly #text: TextStore;
  readonly #writing: Writing;

  constructor(parts: Parts, slots: readonly Slot[], text: TextStore, writing: Writing) {
    this.#parts = parts;
    this.#slots = slots;
    this.#text = text;
    this.#writing = writing;
  }

  open(): void {
    const text = this.#text.get();
    if (text !== undefined) restore(JSON.parse(text), this.#parts);
  }

  commit(records: readonly LedgerRecord[]): void {
    fold(records, this.#parts);
    if (this.#writing === "event") this.#write();
  }

  dayDone(): void {
    if (this.#writing === "day") this.#write();
  }

  #write(): void {
    this.#text.set(JSON.stringify(stateOf(this.#parts, this.#slots.length)));
  }
}

/** All bytes of the state: two that are equal are equal in everything. */
export function stateBytes(parts: Parts): Uint8Array {
  const bytes = new ByteWriter(512);
  for (const part of listOf(parts)) {
    const state = new ByteWriter(256);
    part.save(state);
    bytes.bytes(state.view());
  }
  return bytes.view().slice();
}

/** Without a journal: the records change the parts, which they can do in their encoded form only. */
function fold(records: readonly LedgerRecord[], parts: Parts): void {
  const list = listOf(parts);
  const bytes = new ByteWriter();
  for (const record of records) {
    bytes.clear();
    record.write(bytes);
    const fields = new ByteReader(bytes.view());
    for (const part of list) if (part.replay(record.kind, fields)) break;
  }
}

type State = ReturnType<typeof stateOf>;

const ABSENT = 0;

/** What a checkpoint holds, as numbers and texts. The device of the bench is never absent, so that it is always 0. */
function stateOf({ clock, stock, cycles, mailbox, registration }: Parts, count: number) {
  const doubles = new Float64Array(Forecast.BYTES / 8);
  const bytes = new Uint8Array(doubles.buffer);
  const time = new ByteWriter();
  clock.save(time);
  const slots = [];
  for (let slot = 0; slot < count; slot++) {
    const account = stock.account(slot);
    const cycle = cycles.of(slot);
    stock.forecast(slot).save(bytes);
    slots.push({
      opening: account.opening,
      refills: account.refills,
      corrections: account.corrections,
      consumed: account.consumed,
      onHand: account.onHand,
      today: account.today,
      lastUse: account.lastUse ?? 0,
      reported: stock.reported(slot),
      calibration: stock.calibration(slot),
      forecast: Array.from(doubles),
      cycle: cycle.number,
      state: cycle.state,
      since: cycle.since,
      delivery: cycle.delivery,
      quantity: cycle.quantity,
      cancellations: cycle.cancellations,
      lateOrders: cycle.late,
      subscribed: registration.isSubscribed(slot),
    });
  }
  return {
    clock: Array.from(time.view()),
    openDay: stock.openDay ?? 0,
    absent: ABSENT,
    slots,
    lastSequence: mailbox.lastSequence,
    dropped: mailbox.dropped,
    received: mailbox.received,
    applied: mailbox.applied,
    queue: mailbox.queue.map(({ sequence, replaces, body }) => ({
      sequence,
      replaces,
      body: Array.from(body),
    })),
    registration: registration.state,
  };
}

/** Sets the parts to a state; they take it in the form of a checkpoint only. */
function restore(state: State, { clock, stock, cycles, mailbox, registration }: Parts): void {
  const to = new ByteWriter(2048);
  const from = () => {
    const reader = new ByteReader(to.view().slice());
    to.clear();
    return reader;
  };
  clock.load(new ByteReader(Uint8Array.from(state.clock)));
  to.count(state.openDay);
  to.count(state.absent);
  to.count(state.slots.length);
  for (const slot of state.slots) {
    to.count(slot.opening);
    to.count(slot.refills);
    to.signed(slot.corrections);
    to.count(slot.consumed);
    to.count(slot.onHand);
    to.count(slot.today);
    to.count(slot.lastUse);
    to.count(slot.reported);
    to.signed(slot.calibration);
    to.bytes(new Uint8Array(Float64Array.from(slot.forecast).buffer));
  }
  stock.load(from());
  to.count(state.slots.length);
  for (const slot of state.slots) {
    to.count(slot.cycle);
    to.byte(CYCLE_STATES.indexOf(slot.state));
    to.count(slot.since);
    to.count(slot.delivery);
    to.count(slot.quantity);
  }
  for (const slot of state.slots) {
    to.byte(slot.cancellations);
    to.count(slot.lateOrders);
  }
  cycles.load(from());
  to.count(state.lastSequence);
  to.count(state.dropped);
  to.count(state.received);
  to.count(state.applied);
  to.count(state.queue.length);
  for (const { sequence, replaces, body } of state.queue) {
    to.count(sequence);
    to.count(replaces);
    to.bytes(Uint8Array.from(body));
  }
  mailbox.load(from());
  to.byte(REGISTRATION_STATES.indexOf(state.registration));
  to.count(state.slots.length);
  for (const slot of state.slots) to.byte(slot.subscribed ? 1 : 0);
  registration.load(from());
}
