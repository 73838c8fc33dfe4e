import { crc32 } from "./crc32.js";
import { LedgerError } from "./errors.js";
import type { FlashPartition } from "./flash.js";

/*
 * The blocks of the partition are used as a ring. A block in use holds
 *
 *   header      magic (4) | format (1) | 0 (3) | block sequence (4) | erase count (4) | CRC-32 of these (4)
 *   checkpoint  a record with the whole state as of the start of the block
 *   records     what happened since, in order
 *   erased bytes
 *
 * and a record is: length of the payload (2) | payload | CRC-32 of block sequence, length and payload (4) | padding to the write alignment.
 * All numbers are big endian. The block sequence in the CRC keeps a record of an earlier use of the block from passing for one of
 * this. The newest block with a whole checkpoint is the state; everything older is only there until it is erased.
 */
const MAGIC = 0x45564652; // "EVFR"
const FORMAT = 1;
const HEADER_BYTES = 20;
const LENGTH_BYTES = 2;
const CRC_BYTES = 4;
/** A length of erased bytes: no record follows. */
const ERASED_LENGTH = 0xffff;

export interface JournalOptions {
  readonly flash: FlashPartition;
  /** The whole state, as {@link restore} takes it. */
  snapshot(): Uint8Array;
  /** Sets the state from a snapshot. Called once while opening, when the partition holds one. */
  restore(snapshot: Uint8Array): void;
  /** Folds one record into the state. Called while opening, in the order of {@link Journal.append}. */
  replay(record: Uint8Array): void;
  /** Told about what opening had to repair: a formatted partition, a torn record. */
  warn(text: string): void;
}

/**
 * An append-only journal on raw flash. When {@link append} has returned, the record survives a power cut; when power is cut within it, the
 * record is found whole or not at all after the restart.
 */
export class Journal {
  readonly #flash: FlashPartition;
  readonly #snapshot: () => Uint8Array;
  readonly #blocks: number;
  readonly #blockLength: number;
  readonly #align: number;
  readonly #erased: number;
  /** Block in use and its sequence; -1 before the first. */
  #block = -1;
  #sequence = 0;
  /** Where the next record goes, from the start of the block. */
  #end = 0;
  /** The rest of the block is not known to be erased: nothing may be written there. */
  #sealed = true;
  /** Blocks after the present one that could not be taken into use since it was. */
  #refused = 0;
  #erases = 0;

  /** @throws {LedgerError} `options`, `version` or `flash` */
  constructor(options: JournalOptions) {
    const status = options.flash.status();
    this.#align = status.writeAlign ?? 4;
    this.#erased = status.eraseValue ?? 0xff;
    this.#blocks = status.blocks;
    this.#blockLength = status.blockLength;
    if (this.#blocks < 2)
      throw new LedgerError(
        "options",
        `flash: a partition of 2 blocks or more is accepted (got ${this.#blocks})`,
      );
    if (!(this.#blockLength >= 256 && this.#blockLength <= 0xffff))
      throw new LedgerError(
        "options",
        `flash: blocks of 256 to 65535 bytes are accepted (got ${this.#blockLength})`,
      );
    this.#flash = options.flash;
    this.#snapshot = options.snapshot;
    this.#recover(options);
  }

  /** Blocks erased since this journal was opened. */
  get erases(): number {
    return this.#erases;
  }

  /**
   * Makes one record durable.
   *
   * @throws {LedgerError} `flash`: refused by the partition; `full`: the state has outgrown a block
   */
  append(record: Uint8Array): void {
    const length = this.#recordLength(record.length);
    if (this.#sealed || this.#end + length > this.#blockLength) this.#advance(record.length);
    this.#write(record, this.#block);
  }

  /**
   * Takes the next block of the ring into use, starting with a checkpoint. The present block is the only one that
   * holds everything until that is whole, so the ring does not move before. A block that is refused is passed over
   * the next time.
   *
   * @param needed length of the record that is to fit beside the checkpoint
   */
  #advance(needed?: number): void {
    const next = (this.#block + 1 + (this.#refused % (this.#blocks - 1))) % this.#blocks;
    const start = next * this.#blockLength;
    const header = this.#readHeader(next);
    const eraseCount = (header ? header.eraseCount : 0) + 1;
    const snapshot = this.#snapshot();
    const end = this.#headerLength() + this.#recordLength(snapshot.length);
    if (end > this.#blockLength)
      throw new LedgerError(
        "full",
        `journal: a state of ${snapshot.length} bytes does not fit in a block of ${this.#blockLength}`,
      );
    if (needed !== undefined && end + this.#recordLength(needed) > this.#blockLength)
      throw new LedgerError(
        "full",
        `journal: a record of ${needed} bytes does not fit beside the state in a block of ${this.#blockLength}`,
      );
    this.#refused++;
    this.#attempt(() => this.#flash.eraseBlock(next, next + 1));
    this.#erases++;
    // A checkpoint whose write is refused may be whole in the flash all the same: it would hide what is added to the
    // present block from here on.
    this.#sealed = true;
    this.#sequence++;
    const bytes = new Uint8Array(this.#headerLength()).fill(this.#erased);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC);
    view.setUint32(4, FORMAT * 0x1000000);
    view.setUint32(8, this.#sequence);
    view.setUint32(12, eraseCount);
    view.setUint32(16, crc32(bytes, 0, 0, 16));
    this.#attempt(() => this.#flash.write(bytes, start));
    this.#end = this.#headerLength();
    this.#write(snapshot, next);
    this.#block = next;
    this.#refused = 0;
  }

  /** Writes a record at the end. */
  #write(record: Uint8Array, block: number): void {
    const bytes = new Uint8Array(this.#recordLength(record.length)).fill(this.#erased);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, record.length);
    bytes.set(record, LENGTH_BYTES);
    view.setUint32(LENGTH_BYTES + record.length, this.#recordCrc(bytes, record.length));
    // Not cleared when the write throws: how much of it is in the flash is not known.
    this.#sealed = true;
    this.#attempt(() => this.#flash.write(bytes, block * this.#blockLength + this.#end));
    this.#sealed = false;
    this.#end += bytes.length;
  }

  #recover(options: JournalOptions): void {
    const used: { block: number; sequence: number }[] = [];
    let blank = true;
    for (let block = 0; block < this.#blocks; block++) {
      const header = this.#readHeader(block);
      if (header) used.push({ block, sequence: header.sequence });
      else blank &&= this.#isErased(block, 0, HEADER_BYTES);
    }
    used.sort((a, b) => b.sequence - a.sequence);
    for (const { block, sequence } of used) {
      this.#block = block;
      this.#sequence = sequence;
      this.#end = this.#headerLength();
      const checkpoint = this.#readRecord();
      if (!checkpoint) {
        options.warn(`journal: block ${block} has no whole checkpoint; it is not used`);
        continue;
      }
      options.restore(checkpoint);
      for (;;) {
        const record = this.#readRecord();
        if (!record) break;
        options.replay(record);
      }
      this.#sealed = !this.#isErased(block, this.#end, this.#blockLength);
      if (this.#sealed)
        options.warn(
          `journal: block ${block} ends in a torn record at byte ${this.#end}; it was not committed`,
        );
      if (block !== used[0]!.block) {
        // A newer block without a checkpoint must not stay the newest when this one is continued.
        this.#sequence = used[0]!.sequence;
        this.#sealed = true;
      }
      return;
    }
    if (!blank || used.length > 0) options.warn("journal: the partition holds no ledger; it is formatted");
    this.#block = -1;
    this.#sequence = used[0]?.sequence ?? 0;
    this.#advance();
  }

  #readHeader(block: number): { sequence: number; eraseCount: number } | undefined {
    const bytes = this.#read(HEADER_BYTES, block * this.#blockLength);
    const view = new DataView(bytes.buffer);
    if (view.getUint32(0) !== MAGIC || view.getUint32(16) !== crc32(bytes, 0, 0, 16)) return undefined;
    if (bytes[4] !== FORMAT)
      throw new LedgerError(
        "version",
        `journal: format ${FORMAT} is accepted (got ${bytes[4]}); nothing was erased`,
      );
    return { sequence: view.getUint32(8), eraseCount: view.getUint32(12) };
  }

  /** The record at the end, which moves behind it; undefined when there is none that is whole. */
  #readRecord(): Uint8Array | undefined {
    if (this.#end + LENGTH_BYTES + CRC_BYTES > this.#blockLength) return undefined;
    const start = this.#block * this.#blockLength + this.#end;
    const head = this.#read(LENGTH_BYTES, start);
    const length = head[0]! * 256 + head[1]!;
    if (length === ERASED_LENGTH || this.#end + this.#recordLength(length) > this.#blockLength)
      return undefined;
    const bytes = this.#read(LENGTH_BYTES + length + CRC_BYTES, start);
    const crc = new DataView(bytes.buffer).getUint32(LENGTH_BYTES + length);
    if (crc !== this.#recordCrc(bytes, length)) return undefined;
    this.#end += this.#recordLength(length);
    return bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  }

  #recordCrc(bytes: Uint8Array, length: number): number {
    const sequence = new Uint8Array(4);
    new DataView(sequence.buffer).setUint32(0, this.#sequence);
    return crc32(bytes, crc32(sequence), 0, LENGTH_BYTES + length);
  }

  #isErased(block: number, from: number, to: number): boolean {
    const CHUNK = 256;
    for (let at = from; at < to; at += CHUNK) {
      const bytes = this.#read(Math.min(CHUNK, to - at), block * this.#blockLength + at);
      for (let i = 0; i < bytes.length; i++) if (bytes[i] !== this.#erased) return false;
    }
    return true;
  }

  #recordLength(payload: number): number {
    return this.#aligned(LENGTH_BYTES + payload + CRC_BYTES);
  }

  #headerLength(): number {
    return this.#aligned(HEADER_BYTES);
  }

  #aligned(length: number): number {
    return Math.ceil(length / this.#align) * this.#align;
  }

  #read(length: number, offset: number): Uint8Array {
    return this.#attempt(() => new Uint8Array(this.#flash.read(length, offset)));
  }

  #attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw new LedgerError("flash", `flash: ${error instanceof Error ? error.message : error}`);
    }
  }
}
