import type { FlashPartition } from "../../../../sdk/index.js";
import { crc32 } from "../../../../sdk/ledger/crc32.js";

/** Two sectors with an entry each, at the begin of the partition `otadata`; the rest of a sector is not used. */
const SECTORS = 2;
const ENTRY_BYTES = 32;
const STATE_AT = 24;
const CRC_AT = 28;
/** Application partitions that the entries choose from: `ota_0` and `ota_1`. */
export const SLOTS = 2;

const NEW = 0;
const PENDING_VERIFY = 1;
const VALID = 2;
const INVALID = 3;
const ABORTED = 4;
const ERASED = 0xffffffff;
/** ESP-IDF begins its CRC with this. */
const CRC_BEGIN = 0xffffffff;

interface Entry {
  readonly sequence: number;
  readonly state: number;
  /** The bootloader takes it into account. */
  readonly isValid: boolean;
}

/**
 * What ESP-IDF's bootloader goes by when it chooses between two images: `esp_ota_select_entry_t`. Each sector has one; of those that are valid
 * the higher sequence counts, and (sequence - 1) modulo 2 is the slot. The platform's own function for confirming an image is not reachable
 * from JavaScript; this partition is.
 */
export class OtaData {
  readonly #flash: FlashPartition;
  readonly #sector: number;

  /** @param flash the partition `otadata` */
  constructor(flash: FlashPartition) {
    this.#flash = flash;
    this.#sector = flash.status().blockLength;
  }

  /** Slot that the bootloader is told to boot: that of the valid entry with the higher sequence, 0 without one. */
  next(): number {
    const entries = this.#entries();
    const active = activeOf(entries);
    return active < 0 ? 0 : slotOf(entries[active]!);
  }

  /** An image that the bootloader has given its only boot gets another one. */
  arm(): void {
    const entries = this.#entries();
    const active = activeOf(entries);
    // From 1 to 0: a bit that is cleared in place, so that no cut can take the entry away.
    if (active >= 0 && entries[active]!.state === PENDING_VERIFY)
      this.#write(active, STATE_AT, word(NEW), NEW);
  }

  /**
   * Leaves one entry: that for a slot, without conditions. Wherever it is cut, what is there before or what comes after is booted, and it may be
   * done again: nothing of what a cut may have left is built on, so the entry is written anew.
   */
  settle(slot: number): void {
    this.arm();
    const entries = this.#entries();
    const active = activeOf(entries);
    const target = active === 0 ? 1 : 0;
    let sequence = active < 0 ? 1 : entries[active]!.sequence + 1;
    if ((sequence - 1) % SLOTS !== slot) sequence++;
    this.#flash.eraseBlock(target, target + 1);
    this.#write(target, 0, entryOf(sequence), VALID);
    this.#flash.eraseBlock(1 - target, 2 - target);
  }

  #entries(): Entry[] {
    const entries: Entry[] = [];
    for (let sector = 0; sector < SECTORS; sector++) entries.push(this.#entry(sector));
    return entries;
  }

  #entry(sector: number): Entry {
    const bytes = new Uint8Array(this.#flash.read(ENTRY_BYTES, sector * this.#sector));
    const view = new DataView(bytes.buffer);
    const sequence = view.getUint32(0, true);
    const state = view.getUint32(STATE_AT, true);
    const isValid =
      sequence !== ERASED &&
      state !== INVALID &&
      state !== ABORTED &&
      view.getUint32(CRC_AT, true) === checkOf(bytes);
    return { sequence, state, isValid };
  }

  /** Writes, and reads back what it is for: a worn cell takes a write without a word. */
  #write(sector: number, at: number, bytes: Uint8Array, state: number): void {
    this.#flash.write(bytes, sector * this.#sector + at);
    const entry = this.#entry(sector);
    if (!entry.isValid || entry.state !== state)
      throw new Error(`otadata: sector ${sector} does not hold what was written`);
  }
}

function activeOf(entries: readonly Entry[]): number {
  const [first, second] = entries as [Entry, Entry];
  if (first.isValid && second.isValid) return first.sequence >= second.sequence ? 0 : 1;
  return first.isValid ? 0 : second.isValid ? 1 : -1;
}

function slotOf(entry: Entry): number {
  return (entry.sequence - 1) % SLOTS;
}

/** CRC-32 of the sequence alone: the state may change without it. */
function checkOf(entry: Uint8Array): number {
  return crc32(entry, CRC_BEGIN, 0, 4);
}

function entryOf(sequence: number): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES).fill(0xff);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sequence, true);
  view.setUint32(STATE_AT, VALID, true);
  view.setUint32(CRC_AT, checkOf(bytes), true);
  return bytes;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
