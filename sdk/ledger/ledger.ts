import { ByteReader, ByteWriter } from "./bytes.js";
import type { FlashPartition } from "./flash.js";
import { Journal, type JournalHealth, type Slices } from "./journal.js";

/**
 * What lasts, by the byte that starts its records. A number is never reused: journals outlive firmware versions.
 * Each part of the state owns its records; this table only keeps the numbers apart.
 */
export const RECORD = Object.freeze({
  consumed: 1,
  refilled: 2,
  corrected: 3,
  dayClosed: 4,
  booked: 5,
  reported: 6,
  calibrated: 7,
  cycle: 8,
  renumbered: 9,
  started: 10,
  healthReported: 11,
  queued: 16,
  acknowledged: 17,
  received: 18,
  withdrawn: 19,
  registered: 20,
  subscribed: 21,
  settled: 22,
  informed: 23,
  anchored: 24,
  absent: 25,
  metered: 26,
  moved: 27,
  dated: 28,
  redated: 29,
  cyclesRedated: 30,
  rescaled: 31,
  cyclesEnded: 32,
  updated: 40,
  trialDay: 41,
});

/**
 * A part of the durable state: a fold over records. `replay` is the only way in which a part changes, while running as well as after a
 * restart, so what runs is what recovers.
 */
export interface Part {
  /** Folds one record into the state. Returns false when the record is not of this part. */
  replay(kind: number, record: ByteReader): boolean;
  /** Writes the whole state. */
  save(to: ByteWriter): void;
  /** Reads what {@link save} wrote. */
  load(from: ByteReader): void;
}

/** One record: its kind and what writes its fields. */
export interface LedgerRecord {
  readonly kind: number;
  write(to: ByteWriter): void;
}

export interface LedgerOptions {
  readonly flash: FlashPartition;
  /** In a fixed order, to which later firmware only adds at the end: a checkpoint is their states one after another. */
  readonly parts: readonly Part[];
  warn(text: string): void;
}

/** The parts of the durable state over one journal. */
export class Ledger {
  readonly #parts: readonly Part[];
  readonly #journal: Journal;
  #commits = 0;

  /** Does not touch the flash, see {@link open}. @throws {LedgerError} `options` */
  constructor(options: LedgerOptions) {
    this.#parts = options.parts;
    this.#journal = new Journal({
      flash: options.flash,
      snapshot: () => this.#save(),
      restore: (snapshot) => this.#load(snapshot),
      replay: (record) => this.#fold(record),
      warn: options.warn,
    });
  }

  get isOpen(): boolean {
    return this.#journal.isOpen;
  }

  get health(): JournalHealth {
    return this.#journal.health;
  }

  /**
   * Opens the journal and rebuilds the state of all parts. May be called again after it has thrown `flash`.
   *
   * @throws {LedgerError} `flash`; `version`: a newer firmware's journal; `full`
   */
  open(): void {
    this.#journal.open();
  }

  /** {@link open} in slices. @throws {LedgerError} as that, from a slice */
  opening(): Slices {
    return this.#journal.opening();
  }

  /** See {@link Journal.isNearlyFull}. */
  get isNearlyFull(): boolean {
    return this.#journal.isNearlyFull;
  }

  /** See {@link Journal.advance}. @throws {LedgerError} `flash` or `full` */
  advance(): boolean {
    return this.#journal.advance();
  }

  /** Commits since opening. */
  get commits(): number {
    return this.#commits;
  }

  /** Blocks erased since opening. */
  get erases(): number {
    return this.#journal.erases;
  }

  /**
   * Makes records durable and folds them into the state: all of them or, if power is cut before this returns, none.
   *
   * @throws {LedgerError} `flash` or `full`: nothing was folded
   */
  commit(records: readonly LedgerRecord[]): void {
    if (records.length === 0) return;
    const bytes = new ByteWriter();
    const fields = new ByteWriter();
    for (const record of records) {
      fields.clear();
      record.write(fields);
      bytes.byte(record.kind);
      bytes.bytes(fields.view());
    }
    this.#journal.append(bytes.view());
    this.#commits++;
    this.#fold(bytes.view());
  }

  #fold(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    while (!reader.done) {
      const kind = reader.byte();
      const fields = new ByteReader(reader.bytes());
      // Records carry their length, so that one of a kind that this version does not know is passed over.
      for (const part of this.#parts) if (part.replay(kind, fields)) break;
    }
  }

  #save(): Uint8Array {
    const bytes = new ByteWriter(512);
    const state = new ByteWriter(256);
    for (const part of this.#parts) {
      state.clear();
      part.save(state);
      bytes.bytes(state.view());
    }
    return bytes.view();
  }

  #load(snapshot: Uint8Array): void {
    const reader = new ByteReader(snapshot);
    for (const part of this.#parts) {
      // A checkpoint of an older firmware: a part that came later starts as it is.
      if (reader.done) return;
      part.load(new ByteReader(reader.bytes()));
    }
  }
}
