import { crc32 } from "./crc32.js";
import type { Partition } from "./partition.js";

/*
 * What the bytes of a block are. All numbers are big endian.
 *
 *   header      magic (4) | format (1) | blocks back (3) | block sequence (4) | erase count (4) | CRC-32 of these (4)
 *   checkpoint  framed as a record, with the whole state as of the start of the block and the sequence of the newest record in it; more markers behind its commit marker
 *   records     what happened since, in order
 *   erased bytes
 *   closing marker, the last unit of writing: a later block has taken over
 *
 * and a record is: length of the payload (2) | record sequence (4) | payload | CRC-32 of block sequence, length, record sequence and payload (4) |
 * gap up to the unit of writing | commit marker, a unit of its own. A marker has all bits of its unit programmed, and is one as soon as
 * any of them is: it is written only when what it confirms has been read back.
 *
 * The header means the same in all formats, so that every firmware knows a journal that is too new for it.
 */
const MAGIC = 0x45564652; // "EVFR"
export const FORMAT = 2;
export const HEADER_BYTES = 20;
const HEAD_BYTES = 6;
const CRC_BYTES = 4;
const MOST_BACK = 0xffffff;
/**
 * Markers of a checkpoint, written one after another. Power may be cut within one of them: it then reads as it likes, but those before it are
 * whole. One more of them is seen at the most than are whole.
 */
export const MARKERS = 3;

export interface Header {
  readonly format: number;
  /** Goes up by one or more with every block that is taken into use. */
  readonly sequence: number;
  /** Sequence of the block whose state this one began with; 0 for none. */
  readonly base: number;
  /** Erases of this block, as far as they are known. */
  readonly eraseCount: number;
}

export function encodeHeader(to: Uint8Array, header: Omit<Header, "format">): void {
  const view = new DataView(to.buffer, to.byteOffset);
  const back = header.base === 0 ? 0 : header.sequence - header.base;
  view.setUint32(0, MAGIC);
  view.setUint32(4, FORMAT * 0x1000000 + Math.min(back, MOST_BACK));
  view.setUint32(8, header.sequence);
  view.setUint32(12, header.eraseCount);
  view.setUint32(16, crc32(to, 0, 0, 16));
}

/** The header at the start of a block; undefined when there is none that is whole. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0) !== MAGIC || view.getUint32(16) !== crc32(bytes, 0, 0, 16)) return undefined;
  const word = view.getUint32(4);
  const sequence = view.getUint32(8);
  const back = word % 0x1000000;
  return {
    format: Math.floor(word / 0x1000000),
    sequence,
    base: back === 0 ? 0 : sequence - back,
    eraseCount: view.getUint32(12),
  };
}

/** A record as it lies in a block. */
export interface Found {
  readonly sequence: number;
  /** A view of the block's bytes. */
  readonly payload: Uint8Array;
  /** Its commit marker is there. */
  readonly isCommitted: boolean;
  readonly start: number;
  /** Where the next record goes. */
  readonly end: number;
}

/** Records of one partition's geometry. */
export class Frame {
  readonly #partition: Partition;
  /** The block that the checksum was begun for last, by its sequence, and how. */
  #seeded = -1;
  #seedOf = 0;
  /** First byte of the closing marker: records end before it. */
  readonly limit: number;
  /** Length of a header with its gap: where the checkpoint goes. */
  readonly headerLength: number;

  constructor(partition: Partition) {
    this.#partition = partition;
    this.limit = partition.blockLength - partition.align;
    this.headerLength = partition.aligned(HEADER_BYTES);
  }

  /** Bytes that a record takes without its commit marker. */
  bodyLength(payload: number): number {
    return this.#partition.aligned(HEAD_BYTES + payload + CRC_BYTES);
  }

  /** Bytes that a record takes. */
  recordLength(payload: number): number {
    return this.bodyLength(payload) + this.#partition.align;
  }

  /** Bytes that a checkpoint takes. */
  checkpointLength(payload: number): number {
    return this.bodyLength(payload) + MARKERS * this.#partition.align;
  }

  marker(): Uint8Array {
    return new Uint8Array(this.#partition.align).fill(~this.#partition.erased & 0xff);
  }

  isClosed(block: Uint8Array): boolean {
    return !this.#partition.isBlank(block, this.limit, block.length);
  }

  /** Writes a record without its commit marker. `to` is blank and starts where the record does. */
  encode(to: Uint8Array, blockSequence: number, sequence: number, payload: Uint8Array): void {
    const view = new DataView(to.buffer, to.byteOffset);
    view.setUint16(0, payload.length);
    view.setUint32(2, sequence);
    to.set(payload, HEAD_BYTES);
    const end = HEAD_BYTES + payload.length;
    view.setUint32(end, crc32(to, this.#seed(blockSequence), 0, end));
  }

  /** The record at a place of a block; undefined when there is none that is whole. */
  at(block: Uint8Array, at: number, blockSequence: number): Found | undefined {
    if (at + this.recordLength(0) > this.limit) return undefined;
    const view = new DataView(block.buffer, block.byteOffset);
    const length = view.getUint16(at);
    const end = at + this.recordLength(length);
    if (end > this.limit) return undefined;
    const crc = at + HEAD_BYTES + length;
    if (view.getUint32(crc) !== crc32(block, this.#seed(blockSequence), at, crc)) return undefined;
    return {
      sequence: view.getUint32(at + 2),
      payload: block.subarray(at + HEAD_BYTES, crc),
      isCommitted: this.#isMarked(block, end),
      start: at,
      end,
    };
  }

  /**
   * The first committed record at a place or, where what stands there is damaged, behind it.
   *
   * @param last sequence of the record before
   */
  next(block: Uint8Array, at: number, blockSequence: number, last: number): Found | undefined {
    const here = this.at(block, at, blockSequence);
    if (here?.isCommitted && here.sequence === last + 1) return here;
    return this.isEnd(block, at) ? undefined : this.after(block, at, blockSequence, last);
  }

  /**
   * The next committed record behind a place that none can be read at, with a sequence above `last`. What lies before it is damaged: a
   * power cut leaves nothing behind what it has torn.
   */
  after(block: Uint8Array, at: number, blockSequence: number, last: number): Found | undefined {
    const view = new DataView(block.buffer, block.byteOffset);
    for (let next = at; next + this.recordLength(0) <= this.limit; next += this.#partition.align) {
      // Looked at first: the checksum of every place would take a long time.
      const sequence = view.getUint32(next + 2);
      if (sequence <= last || sequence > last + block.length) continue;
      const found = this.at(block, next, blockSequence);
      if (found?.isCommitted) return found;
    }
    return undefined;
  }

  /** Whether a commit marker stands where the record at this place says: then it was whole once. */
  isMarked(block: Uint8Array, at: number): boolean {
    const end = at + this.recordLength(new DataView(block.buffer, block.byteOffset).getUint16(at));
    return end <= this.limit && this.#isMarked(block, end);
  }

  /** Where the first record behind a checkpoint goes. */
  behind(checkpoint: Found): number {
    return checkpoint.end + (MARKERS - 1) * this.#partition.align;
  }

  /** Sequence of the newest committed record of a block. */
  newest(block: Uint8Array, checkpoint: Found, blockSequence: number): number {
    let last = checkpoint.sequence;
    let at = this.behind(checkpoint);
    for (;;) {
      const found = this.next(block, at, blockSequence, last);
      if (!found) return last;
      last = found.sequence;
      at = found.end;
    }
  }

  /** Number of the last marker of a checkpoint that is seen, or one more when something was begun behind them. */
  proof(block: Uint8Array, checkpoint: Found): number {
    const behind = this.behind(checkpoint);
    if (!this.isEnd(block, behind) || this.isClosed(block)) return MARKERS + 1;
    const { align } = this.#partition;
    for (let marker = MARKERS; marker > 0; marker--)
      if (this.#isMarked(block, checkpoint.end + (marker - 1) * align)) return marker;
    return 0;
  }

  /** Whether nothing was ever begun at this place, as far as it reads. */
  isEnd(block: Uint8Array, at: number): boolean {
    return this.#partition.isBlank(block, at, Math.min(at + HEAD_BYTES, this.limit));
  }

  #isMarked(block: Uint8Array, end: number): boolean {
    return !this.#partition.isBlank(block, end - this.#partition.align, end);
  }

  /** The block's sequence goes into the checksum: what is left of an earlier use of the block cannot pass for a record of this one. */
  #seed(blockSequence: number): number {
    if (blockSequence !== this.#seeded) {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, blockSequence);
      this.#seeded = blockSequence;
      this.#seedOf = crc32(bytes);
    }
    return this.#seedOf;
  }
}
