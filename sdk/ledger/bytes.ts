import { LedgerError } from "./errors.js";

/** Bytes that a number takes at most. */
const MOST_COUNT_BYTES = 8;

/** Writes numbers and byte strings one after another; grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(room = 64) {
    this.#bytes = new Uint8Array(room);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits to a byte, least significant first (LEB128). */
  count(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new LedgerError("record", `count: a whole number from 0 to 2^53 - 1 is accepted (got ${value})`);
    this.#reserve(MOST_COUNT_BYTES);
    const bytes = this.#bytes;
    while (value >= 0x80) {
      bytes[this.#length++] = (value % 0x80) + 0x80;
      value = Math.floor(value / 0x80);
    }
    bytes[this.#length++] = value;
  }

  /** A whole number of either sign below 2^52 in size, zigzag coded. */
  signed(value: number): void {
    if (!(Number.isInteger(value) && Math.abs(value) < 2 ** 52))
      throw new LedgerError("record", `signed: a whole number below 2^52 in size is accepted (got ${value})`);
    this.count(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Length and content. */
  bytes(value: Uint8Array): void {
    this.count(value.length);
    this.raw(value);
  }

  /** Content without its length. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Starts over, keeping the room. */
  clear(): void {
    this.#length = 0;
  }

  /** A view of what has been written, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.view());
    this.#bytes = grown;
  }
}

/** Reads what {@link ByteWriter} wrote. Running past the end is a {@link LedgerError} `record`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new LedgerError("record", `record: ends at byte ${this.#bytes.length}`);
    return value;
  }

  count(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value -= 0x80;
    let weight = 0x80;
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * weight;
      if (!Number.isSafeInteger(value))
        throw new LedgerError("record", `record: a number at byte ${this.#at} is above 2^53 - 1`);
      if (next < 0x80) return value;
      weight *= 0x80;
    }
  }

  signed(): number {
    const value = this.count();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A view into the record: copy what is to be kept. */
  bytes(): Uint8Array {
    const length = this.count();
    if (this.#at + length > this.#bytes.length)
      throw new LedgerError("record", `record: ends at byte ${this.#bytes.length} within ${length} bytes`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A view of everything that was not read yet. */
  rest(): Uint8Array {
    const from = this.#at;
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(from);
  }
}
