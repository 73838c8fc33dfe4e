import { MOST_OFFSET } from "../clock/clock.js";
import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";
import { MOST_DAYS, type ReorderOptions, type Slot } from "../slot.js";
import type { Settings, SettingsOutcome, SlotSettings } from "../uplink/messages.js";

/** Thousandths of a probability that are below 1. */
const MOST_EPSILON = 999;

/** What becomes of settings, and the slot whose value they are refused for; 0 where it is none's. */
export interface Verdict {
  readonly outcome: SettingsOutcome;
  readonly slot: number;
}

/** What the gateway has set at run time, as it lasts. The offset from UTC is not here: it is the clock's. */
export class DeviceSettings implements Part {
  readonly #configured: readonly Slot[];
  #number = 0;
  #slots: readonly SlotSettings[] = [];

  constructor(slots: readonly Slot[]) {
    this.#configured = slots;
  }

  /** Number of the newest settings that were applied or refused; 0 before the first. */
  get number(): number {
    return this.#number;
  }

  /** When to order for a slot: as configured, but for what is set. */
  policy(index: number): Required<ReorderOptions> {
    const { policy } = this.#configured[index]!;
    const set = this.#slots.find(({ slot }) => slot === index);
    if (!set) return policy;
    return {
      ...policy,
      reserveDays: set.reserveDays ?? policy.reserveDays,
      epsilon: set.epsilon === undefined ? policy.epsilon : set.epsilon / 1000,
    };
  }

  /** Whether settings can be applied, all of them; and if not, what for. */
  judge({ utcOffset = 0, slots }: Settings): Verdict {
    const isWithin = (value: number | undefined, least: number, most: number) =>
      value === undefined || (value >= least && value <= most);
    if (!isWithin(utcOffset, -MOST_OFFSET, MOST_OFFSET)) return { outcome: "utcOffset", slot: 0 };
    for (const [index, { slot, reserveDays, epsilon }] of slots.entries()) {
      const isFirst = slots.findIndex((other) => other.slot === slot) === index;
      if (slot >= this.#configured.length || !isFirst) return { outcome: "slot", slot };
      if (!isWithin(reserveDays, 0, MOST_DAYS)) return { outcome: "reserveDays", slot };
      if (!isWithin(epsilon, 1, MOST_EPSILON)) return { outcome: "epsilon", slot };
    }
    return { outcome: "applied", slot: 0 };
  }

  /** The record that the device is done with settings; what was set before them stays where they are `refused`. */
  settle({ number, slots }: Settings, isRefused: boolean): LedgerRecord {
    return {
      kind: RECORD.settled,
      write: (to) => {
        to.count(number);
        if (!isRefused) writeSlots(to, slots);
      },
    };
  }

  replay(kind: number, record: ByteReader): boolean {
    if (kind !== RECORD.settled) return false;
    const number = record.count();
    // Once, and never back, whatever the journal holds.
    if (number <= this.#number) return true;
    this.#number = number;
    if (!record.done) this.#slots = readSlots(record);
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.#number);
    writeSlots(to, this.#slots);
  }

  load(from: ByteReader): void {
    this.#number = from.count();
    this.#slots = readSlots(from);
  }
}

/** 0 stands for what is left out, so the others are one more. */
function writeSlots(to: ByteWriter, slots: readonly SlotSettings[]): void {
  to.count(slots.length);
  for (const { slot, reserveDays = -1, epsilon = 0 } of slots) {
    to.count(slot);
    to.count(reserveDays + 1);
    to.count(epsilon);
  }
}

function readSlots(from: ByteReader): SlotSettings[] {
  return Array.from({ length: from.count() }, () => {
    const slot = from.count();
    const reserve = from.count();
    const epsilon = from.count();
    return { slot, ...(reserve > 0 && { reserveDays: reserve - 1 }), ...(epsilon > 0 && { epsilon }) };
  });
}
