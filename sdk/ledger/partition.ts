import { LedgerError } from "./errors.js";
import type { FlashPartition } from "./flash.js";

const LEAST_BLOCKS = 3;
/** A block's number takes one byte of a checkpoint. */
const MOST_BLOCKS = 256;
const LEAST_BLOCK = 256;
/** Units of writing in a block: header, checkpoint and record take nine at the least. */
const LEAST_UNITS = 16;
/** A block is read as a whole while opening, and record lengths take two bytes. */
const MOST_BLOCK = 0x8000;

/** A flash partition by blocks: typed errors, and no write that is not read back. */
export class Partition {
  readonly blocks: number;
  readonly blockLength: number;
  /** Writes start and end at multiples of this many bytes. */
  readonly align: number;
  /** What an erased byte reads as. */
  readonly erased: number;
  readonly #flash: FlashPartition;

  /** @throws {LedgerError} `options` */
  constructor(flash: FlashPartition) {
    // ESP32 says neither: its flash is erased to 0xFF and written in words.
    const { blocks, blockLength, writeAlign = 4, eraseValue = 0xff } = flash.status();
    const check = (holds: boolean, accepted: string, value: number) => {
      if (!holds) throw new LedgerError("options", `flash: ${accepted} accepted (got ${value})`);
    };
    check(
      blocks >= LEAST_BLOCKS && blocks <= MOST_BLOCKS,
      `a partition of ${LEAST_BLOCKS} to ${MOST_BLOCKS} blocks is`,
      blocks,
    );
    check(
      blockLength >= LEAST_BLOCK && blockLength <= MOST_BLOCK,
      `blocks of ${LEAST_BLOCK} to ${MOST_BLOCK} bytes are`,
      blockLength,
    );
    check(
      writeAlign >= 1 && blockLength % writeAlign === 0 && writeAlign * LEAST_UNITS <= blockLength,
      `a write alignment that divides the block length ${LEAST_UNITS} times or more is`,
      writeAlign,
    );
    this.#flash = flash;
    this.blocks = blocks;
    this.blockLength = blockLength;
    this.align = writeAlign;
    this.erased = eraseValue;
  }

  /** @throws {LedgerError} `flash` */
  read(block: number, from = 0, length = this.blockLength): Uint8Array {
    return this.#attempt(
      "read",
      block,
      () => new Uint8Array(this.#flash.read(length, block * this.blockLength + from)),
    );
  }

  /**
   * Programs bytes and reads them back: a worn cell takes a write without a word.
   *
   * @throws {LedgerError} `flash`: how much of it is in the flash is then not known
   */
  write(block: number, at: number, bytes: Uint8Array): void {
    this.#attempt("write", block, () => this.#flash.write(bytes, block * this.blockLength + at));
    const found = this.read(block, at, bytes.length);
    const i = firstDifference(found, bytes);
    if (i < bytes.length)
      throw new LedgerError(
        "flash",
        `flash: block ${block} is worn: byte ${at + i} reads back as ${found[i]} (written as ${bytes[i]})`,
      );
  }

  /** @throws {LedgerError} `flash` */
  erase(block: number): void {
    this.#attempt("erase", block, () => this.#flash.eraseBlock(block, block + 1));
  }

  /** The length rounded up to whole units of writing. */
  aligned(length: number): number {
    return Math.ceil(length / this.align) * this.align;
  }

  /** So many bytes, as erased. */
  blank(length: number): Uint8Array {
    return new Uint8Array(length).fill(this.erased);
  }

  /** Whether all of these bytes read as erased. */
  isBlank(bytes: Uint8Array, from: number, to: number): boolean {
    for (let i = from; i < to; i++) if (bytes[i] !== this.erased) return false;
    return true;
  }

  #attempt<T>(what: string, block: number, operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw new LedgerError(
        "flash",
        `flash: block ${block}: ${what} refused: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
}

/** The index from which two byte strings of one length differ; the length when they do not. A checkpoint is long: words first, where both begin at one. */
function firstDifference(one: Uint8Array, other: Uint8Array): number {
  let at = 0;
  if (one.byteOffset % 4 === 0 && other.byteOffset % 4 === 0) {
    const words = one.length >> 2;
    const a = new Uint32Array(one.buffer, one.byteOffset, words);
    const b = new Uint32Array(other.buffer, other.byteOffset, words);
    while (at < words && a[at] === b[at]) at++;
    at *= 4;
  }
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}
