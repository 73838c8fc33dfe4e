import { Clock } from "../../../../sdk/clock/clock.js";
import { ByteReader, ByteWriter, type LedgerRecord, type Part, Stock } from "../../../../sdk/ledger/index.js";
import { Cycles } from "../../../../sdk/reorder/cycle.js";
import { checkedSlots, type Slot } from "../../../../sdk/slot.js";
import type { Codec } from "../../../../sdk/uplink/index.js";
import { Mailbox } from "../../../../sdk/uplink/mailbox.js";

/** Slots of which a test's device has the first one, two or four. */
export function slotsOf(count: number): Slot[] {
  return checkedSlots(
    Array.from({ length: count }, (_, index) => ({
      id: `slot-${index}`,
      unit: "count",
      stepsPerUnit: 1,
      capacity: 300 + 50 * index,
      refill: 250,
      opening: 200 + 10 * index,
      ratedLife: 30,
      smallestUse: 1,
    })),
  );
}

/** The parts that a device keeps in its ledger, in the order of `Everfull`. */
export class Parts {
  readonly slots: readonly Slot[];
  readonly codec: Codec;
  readonly clock: Clock;
  readonly stock: Stock;
  readonly cycles: Cycles;
  readonly mailbox: Mailbox;
  readonly list: readonly Part[];

  constructor(slots: readonly Slot[], codec: Codec) {
    this.slots = slots;
    this.codec = codec;
    this.clock = new Clock({ ticks: () => 0, utcOffsetMinutes: 60 });
    this.stock = new Stock(slots);
    this.cycles = new Cycles(slots.length);
    this.mailbox = new Mailbox(codec);
    this.list = [this.clock, this.stock, this.cycles, this.mailbox];
  }

  /** All that lasts, as a checkpoint of the ledger holds it. */
  save(): Uint8Array {
    const bytes = new ByteWriter(512);
    const state = new ByteWriter(256);
    for (const part of this.list) {
      state.clear();
      part.save(state);
      bytes.bytes(state.view());
    }
    return bytes.view().slice();
  }

  load(saved: Uint8Array): void {
    const from = new ByteReader(saved);
    for (const part of this.list) part.load(new ByteReader(from.bytes()));
  }

  fold(records: readonly LedgerRecord[]): void {
    for (const record of records) {
      const fields = new ByteWriter();
      record.write(fields);
      const from = new ByteReader(fields.view());
      for (const part of this.list) if (part.replay(record.kind, from)) break;
    }
  }
}

/** The payload of a commit, as README.md of the ledger has it. */
export function payloadOf(records: readonly LedgerRecord[]): Uint8Array {
  const bytes = new ByteWriter();
  const fields = new ByteWriter();
  for (const record of records) {
    fields.clear();
    record.write(fields);
    bytes.byte(record.kind);
    bytes.bytes(fields.view());
  }
  return bytes.view().slice();
}
