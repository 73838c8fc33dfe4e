import type { FlashPartition } from "../../sdk/index.js";

export interface NorFlashOptions {
  /** Bytes in a block; default 4096. */
  readonly blockLength?: number;
  /** Blocks; default 16. */
  readonly blocks?: number;
  /** Bytes that writes start and end at multiples of; default 4. */
  readonly writeAlign?: number;
  /** What the partition holds before its first use; default: erased. */
  readonly content?: Uint8Array;
}

const ERASED = 0xff;

/**
 * NOR flash: an erase sets the bytes of a block to 0xFF, a write only clears bits. Writing over written bytes, which would leave the AND
 * of both, and writes off the alignment are refused as errors of the program.
 */
export class NorFlash implements FlashPartition {
  readonly bytes: Uint8Array;
  readonly #blockLength: number;
  readonly #blocks: number;
  readonly #writeAlign: number;
  /** 1 for each byte that was written since its erase, with whatever value: flash with error correction tells even 0xFF from erased. */
  readonly #used: Uint8Array;
  /** Erases of each block. */
  readonly erases: number[];
  /** Bytes written since the partition was made. */
  written = 0;

  constructor(options: NorFlashOptions = {}) {
    this.#blockLength = options.blockLength ?? 4096;
    this.#blocks = options.blocks ?? 16;
    this.#writeAlign = options.writeAlign ?? 4;
    const size = this.#blockLength * this.#blocks;
    this.bytes = new Uint8Array(size).fill(ERASED);
    this.#used = new Uint8Array(size);
    if (options.content) this.bytes.set(options.content.subarray(0, size));
    this.erases = new Array(this.#blocks).fill(0);
  }

  status() {
    return {
      size: this.bytes.length,
      blockLength: this.#blockLength,
      blocks: this.#blocks,
      eraseValue: ERASED,
      writeAlign: this.#writeAlign,
    };
  }

  read(byteLength: number, offset: number): ArrayBuffer {
    this.#check("read", byteLength, offset);
    return this.bytes.slice(offset, offset + byteLength).buffer;
  }

  write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
    this.#check("write", bytes.length, offset);
    if (offset % this.#writeAlign !== 0 || bytes.length % this.#writeAlign !== 0)
      throw new Error(`write of ${bytes.length} bytes at ${offset}: not at multiples of ${this.#writeAlign}`);
    for (let i = 0; i < bytes.length; i++)
      if (this.#used[offset + i] === 1 || this.bytes[offset + i] !== ERASED)
        throw new Error(`write of ${bytes.length} bytes at ${offset}: byte ${offset + i} is written already`);
    this.bytes.set(bytes, offset);
    this.#used.fill(1, offset, offset + bytes.length);
    this.written += bytes.length;
  }

  eraseBlock(start: number, end = start + 1): void {
    if (!(start >= 0 && start < end && end <= this.#blocks))
      throw new Error(`erase of blocks ${start} to ${end}: the partition has ${this.#blocks}`);
    this.bytes.fill(ERASED, start * this.#blockLength, end * this.#blockLength);
    this.#used.fill(0, start * this.#blockLength, end * this.#blockLength);
    for (let block = start; block < end; block++) this.erases[block]!++;
  }

  close(): void {}

  #check(operation: string, length: number, offset: number): void {
    if (
      !(
        Number.isInteger(offset) &&
        Number.isInteger(length) &&
        offset >= 0 &&
        length >= 0 &&
        offset + length <= this.bytes.length
      )
    )
      throw new Error(`${operation} of ${length} bytes at ${offset}: the partition has ${this.bytes.length}`);
  }
}
