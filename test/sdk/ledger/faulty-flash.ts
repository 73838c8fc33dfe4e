import type { NorFlash } from "../../../hal/simulator/nor-flash.js";
import type { FlashPartition } from "../../../sdk/ledger/index.js";

/** Power went off: nothing works any more. */
export class PowerCut extends Error {
  override name = "PowerCut";
}

/** What happens when the fault's point is reached. */
export type Fault = "cut" | "refuse";

/** Ways in which an erase can be half done. */
const ERASE_POINTS = 6;

/**
 * A partition that fails at one point of what is done to it. Every byte of a write is such a point, as are the moments before its first
 * byte and after its last; an erase has six.
 *
 * After a `cut`, every operation fails. A `refuse` is over with the operation it happened in.
 */
export class FaultyFlash implements FlashPartition {
  readonly #flash: NorFlash;
  /** Points passed so far. */
  points = 0;
  /** Point of the next fault; none at first. */
  faultAt = Number.POSITIVE_INFINITY;
  fault: Fault = "cut";
  /** Blocks that refuse every write. */
  readonly badBlocks = new Set<number>();
  isOff = false;
  /** What the last fault interrupted. */
  hit: "write" | "erase" | undefined;

  constructor(flash: NorFlash, faultAt = Number.POSITIVE_INFINITY, fault: Fault = "cut") {
    this.#flash = flash;
    this.faultAt = faultAt;
    this.fault = fault;
  }

  status() {
    return this.#flash.status();
  }

  read(byteLength: number, offset: number): ArrayBuffer {
    if (this.isOff) throw new PowerCut("off");
    return this.#flash.read(byteLength, offset);
  }

  write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
    const done = this.#pass(bytes.length + 1);
    if (done === undefined) {
      if (this.badBlocks.has(Math.floor(offset / this.#flash.status().blockLength)))
        throw new Error(`write at ${offset}: refused`);
      this.#flash.write(bytes, offset);
      return;
    }
    this.hit = "write";
    // Programming clears bits; of the byte at the fault some are cleared.
    const kept = (this.faultAt * 151) % 256;
    for (let i = 0; i < done; i++) this.#flash.bytes[offset + i]! &= bytes[i]!;
    if (done < bytes.length) this.#flash.bytes[offset + done]! &= bytes[done]! | kept;
    this.#fail(`write at ${offset}: refused after ${done} bytes`);
  }

  eraseBlock(start: number, end = start + 1): void {
    const how = this.#pass(ERASE_POINTS);
    if (how === undefined) {
      this.#flash.eraseBlock(start, end);
      return;
    }
    this.hit = "erase";
    const { blockLength } = this.#flash.status();
    const from = start * blockLength;
    const to = end * blockLength;
    const middle = Math.floor((from + to) / 2);
    for (let i = from; i < to; i++) {
      const erased =
        (how === 1 && i < middle) ||
        (how === 2 && i >= middle) ||
        (how === 3 && i >= from + 64) ||
        (how === 4 && (i * 2654435761) % 7 < 4) ||
        how === 5;
      if (erased) this.#flash.bytes[i] = 0xff;
    }
    this.#fail(`erase of block ${start}: refused`);
  }

  close(): void {}

  /** How far into the operation the fault is; undefined when it is not in it. */
  #pass(points: number): number | undefined {
    if (this.isOff) throw new PowerCut("off");
    const at = this.faultAt - this.points;
    this.points += points;
    return at >= 0 && at < points ? at : undefined;
  }

  #fail(text: string): never {
    if (this.fault === "refuse") throw new Error(text);
    this.isOff = true;
    throw new PowerCut(text);
  }
}
