import { Random } from "../../../hal/simulator/models/random.js";
import { crc32 } from "../../../sdk/ledger/crc32.js";
import { type FlashPartition, Journal } from "../../../sdk/ledger/index.js";

/** A state in which every record, its length and its place in the order leave their mark. */
export class Tally {
  count = 0;
  hash = 0;
  /** Bytes of the snapshot beyond the 8 it needs. */
  readonly filler: number;

  constructor(filler = 0) {
    this.filler = filler;
  }

  fold(record: Uint8Array): void {
    this.count++;
    this.hash = crc32(Uint8Array.of(record.length >> 8, record.length), this.hash);
    this.hash = crc32(record, this.hash);
  }

  snapshot(): Uint8Array {
    const bytes = new Uint8Array(8 + this.filler).fill(this.count);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.count);
    view.setUint32(4, this.hash);
    return bytes;
  }

  restore(snapshot: Uint8Array): void {
    const view = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.length);
    this.count = view.getUint32(0);
    this.hash = view.getUint32(4);
  }
}

/** A tally kept in a journal, as a ledger keeps its parts. */
export class KeptTally {
  readonly #flash: FlashPartition;
  readonly tally: Tally;
  readonly warnings: string[] = [];
  readonly journal: Journal;
  /** Times that opening restored a snapshot. */
  restores = 0;

  constructor(flash: FlashPartition, filler = 0, isOpen = true) {
    this.#flash = flash;
    this.tally = new Tally(filler);
    this.journal = new Journal({
      flash,
      snapshot: () => this.tally.snapshot(),
      restore: (snapshot) => {
        this.restores++;
        this.tally.restore(snapshot);
      },
      replay: (record) => this.tally.fold(record),
      warn: (text) => this.warnings.push(text),
    });
    if (isOpen) this.journal.open();
  }

  /** As after a restart, yet to be opened. */
  restarted(): KeptTally {
    return new KeptTally(this.#flash, this.tally.filler, false);
  }

  append(record: Uint8Array): void {
    this.journal.append(record);
    this.tally.fold(record);
  }
}

/** The hash after each number of records. */
export function hashes(records: readonly Uint8Array[]): number[] {
  const tally = new Tally();
  const result = [tally.hash];
  for (const record of records) {
    tally.fold(record);
    result.push(tally.hash);
  }
  return result;
}

/** Records of 0 to `most` bytes, the same for the same seed. */
export function records(seed: number, count: number, most: number): Uint8Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => randomBytes(random, random.int(most + 1)));
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.int(256));
}
