import type { FlashPartition } from "../../sdk/index.js";

/** An operation that changes what the flash holds. */
export type FlashOperation =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "erase"; readonly block: number };

/** Anything that is asked of the flash. */
export type FlashAccess =
  | FlashOperation
  | { readonly kind: "read"; readonly offset: number; readonly length: number };

/**
 * How far an operation came: some bytes are finished, some behind them are half done, the rest is as it was. A half done bit has changed or it has not, by
 * a pattern that `seed` repeats.
 */
export interface Tear {
  /** Bytes that are finished, in order. */
  readonly done: number;
  /** Bytes behind them that are half done. */
  readonly reach: number;
  /** How many of 256 bits that had to change have changed where it is half done. */
  readonly share: number;
  readonly seed: number;
  /** The bits that were changing read anew each time, until their block is erased. */
  readonly unstable?: boolean;
  /** It went from the last byte to the first. */
  readonly backwards?: boolean;
  /** The pattern takes whole bytes. */
  readonly bytewise?: boolean;
  /** Erases: all bits were programmed before, as many chips do against over-erasing. */
  readonly programmed?: boolean;
}

/** The operation was not begun. */
export const NOT_BEGUN: Tear = Object.freeze({ done: 0, reach: 0, share: 0, seed: 0 });

/**
 * What unstable bits read as: `settled` as the pattern of the tear left them, `old` and `new` as before and after the operation, `alternating` between the
 * two from one read to the next, `random` anew for each bit and read.
 */
export type Readings = "settled" | "old" | "new" | "alternating" | "random";

/** How a block that is worn out behaves. */
export type WearManner =
  | "refusesErase"
  | "refusesWrite"
  /** Some bits stay 0 over an erase; nothing is said. */
  | "keepsZeros"
  /** Some bits stay 1 over a write; nothing is said. */
  | "keepsOnes";

export interface Wear {
  readonly block: number;
  /** Erases that it stands. */
  readonly after: number;
  readonly manner: WearManner;
  /** Places the bits that no longer change. */
  readonly seed?: number;
}

export interface NorFlashOptions {
  /** Bytes in a block; default 4096. */
  readonly blockLength?: number;
  /** Blocks; default 16. */
  readonly blocks?: number;
  /** Bytes that writes start and end at multiples of; default 4. */
  readonly writeAlign?: number;
  /** What the partition holds before its first use; default: erased. */
  readonly content?: Uint8Array;
  /** A block that wears out. */
  readonly wear?: Wear;
}

/** Power went off: nothing works until {@link NorFlash.powerOn}. */
export class PowerCut extends Error {
  override name = "PowerCut";
}

const ERASED = 0xff;
/** Of a byte: it was written, or reads unstable. */
const USED = 1;
/** Of a byte: it reads as erased, but its erase, or a write that changed no bit of it, was interrupted. */
const DOUBTFUL = 2;
/** Of 256 bits of a worn block, those that no longer change. */
const STUCK_SHARE = 3;

/**
 * NOR flash: an erase sets the bytes of a block to 0xFF, a write only clears bits. Writing over written bytes, which would leave the AND
 * of both, and writes off the alignment are refused as errors of the program.
 *
 * Power may be cut within an operation: {@link onOperation} sees each before it happens, {@link interrupt} leaves it half done. Operations may be
 * refused ({@link refuse}), and a block may wear out.
 */
export class NorFlash implements FlashPartition {
  readonly bytes: Uint8Array;
  readonly #blockLength: number;
  readonly #blocks: number;
  readonly #writeAlign: number;
  readonly #wear: Wear | undefined;
  /** What was done to each byte since its erase, with whatever value: flash with error correction tells even 0xFF from erased. */
  readonly #used: Uint8Array;
  /** Bits that read anew each time, and what they were; only once there are any. */
  #unstable: Uint8Array | undefined;
  #old: Uint8Array | undefined;
  #readings: Readings = "settled";
  #noise = 0;
  #isOff = false;
  /** Told each operation before it happens. It may call {@link interrupt} and {@link cutPower}. */
  onOperation: ((operation: FlashOperation) => void) | undefined;
  /** Asked before each access: a tear refuses it, after so much of it was done. What a refused read would have done is nothing. */
  refuse: ((access: FlashAccess) => Tear | undefined) | undefined;
  /** Erases of each block. */
  readonly erases: number[];
  /** Bytes written since the partition was made. */
  written = 0;
  /** Writes over bytes that were written or are unstable. */
  violations = 0;
  /** Writes over bytes that read as erased, but were part of an operation that was interrupted: refused, though no reading could have told. */
  doubtful = 0;
  reads = 0;
  bytesRead = 0;
  /** Bytes of the largest read. */
  largestRead = 0;

  constructor(options: NorFlashOptions = {}) {
    this.#blockLength = options.blockLength ?? 4096;
    this.#blocks = options.blocks ?? 16;
    this.#writeAlign = options.writeAlign ?? 4;
    this.#wear = options.wear;
    const size = this.#blockLength * this.#blocks;
    this.bytes = new Uint8Array(size).fill(ERASED);
    this.#used = new Uint8Array(size);
    if (options.content) this.bytes.set(options.content.subarray(0, size));
    this.erases = new Array(this.#blocks).fill(0);
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  /** Bytes with bits that read anew each time. */
  get unstableBytes(): number {
    return this.#unstable?.reduce((sum, mask) => sum + (mask === 0 ? 0 : 1), 0) ?? 0;
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
    this.reads++;
    this.bytesRead += byteLength;
    if (byteLength > this.largestRead) this.largestRead = byteLength;
    if (this.refuse?.({ kind: "read", offset, length: byteLength }))
      throw new Error(`read of ${byteLength} bytes at ${offset}: refused`);
    const bytes = this.bytes.slice(offset, offset + byteLength);
    if (this.#unstable && this.#readings !== "settled") this.#destabilize(bytes, offset);
    return bytes.buffer;
  }

  write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
    this.#check("write", bytes.length, offset);
    if (offset % this.#writeAlign !== 0 || bytes.length % this.#writeAlign !== 0)
      throw new Error(`write of ${bytes.length} bytes at ${offset}: not at multiples of ${this.#writeAlign}`);
    const worn = this.#wornAt(offset);
    for (let at = offset; at < offset + bytes.length; at++)
      if (this.#used[at] !== 0 || (this.bytes[at] !== ERASED && worn?.manner !== "keepsZeros")) {
        if (this.#used[at] !== DOUBTFUL) this.violations++;
        else this.doubtful++;
        throw new Error(`write of ${bytes.length} bytes at ${offset}: byte ${at} is written already`);
      }
    const operation: FlashOperation = { kind: "write", offset, bytes };
    this.#begin(operation, worn?.manner === "refusesWrite");
    this.#program(bytes, offset, bytes.length);
    this.written += bytes.length;
  }

  eraseBlock(start: number, end = start + 1): void {
    if (this.#isOff) throw new PowerCut("off");
    if (!(start >= 0 && start < end && end <= this.#blocks))
      throw new Error(`erase of blocks ${start} to ${end}: the partition has ${this.#blocks}`);
    for (let block = start; block < end; block++) {
      const worn = this.#wornAt(block * this.#blockLength, 1);
      this.#begin({ kind: "erase", block }, worn?.manner === "refusesErase");
      this.#erase(block);
    }
  }

  close(): void {}

  /** Does an operation, as {@link write} and {@link eraseBlock} do. */
  apply(operation: FlashOperation): void {
    if (operation.kind === "write") this.write(operation.bytes, operation.offset);
    else this.eraseBlock(operation.block);
  }

  /** Leaves an operation as it is found after power went off in the middle of it. */
  interrupt(operation: FlashOperation, tear: Tear): void {
    if (tear.done === 0 && tear.reach === 0 && !tear.programmed) return;
    if (operation.kind === "write") this.#interruptWrite(operation.bytes, operation.offset, tear);
    else this.#interruptErase(operation.block, tear);
  }

  /** From here on everything throws {@link PowerCut}. */
  cutPower(): void {
    this.#isOff = true;
  }

  /** Power is there (again); the seed is that of random readings. */
  powerOn(readings: Readings = "settled", seed = 0): void {
    this.#isOff = false;
    this.#readings = readings;
    this.#noise = mixed(seed + 1);
    this.reads = 0;
    this.bytesRead = 0;
    this.largestRead = 0;
  }

  /**
   * Another partition that holds the same, with the same wear or `repaired`. It has no hooks, it has power, and it counts reads, writes and violations
   * from 0.
   */
  clone(repaired = false): NorFlash {
    const copy = new NorFlash({
      blockLength: this.#blockLength,
      blocks: this.#blocks,
      writeAlign: this.#writeAlign,
      content: this.bytes,
      ...(this.#wear && !repaired && { wear: this.#wear }),
    });
    copy.#used.set(this.#used);
    copy.#unstable = this.#unstable?.slice();
    copy.#old = this.#old?.slice();
    copy.#readings = this.#readings;
    copy.#noise = this.#noise;
    for (let block = 0; block < this.#blocks; block++) copy.erases[block] = this.erases[block]!;
    return copy;
  }

  #begin(operation: FlashOperation, isWorn: boolean): void {
    this.onOperation?.(operation);
    if (this.#isOff) throw new PowerCut("off");
    const tear = this.refuse?.(operation) ?? (isWorn ? NOT_BEGUN : undefined);
    if (!tear) return;
    this.interrupt(operation, tear);
    throw new Error(
      operation.kind === "write"
        ? `write of ${operation.bytes.length} bytes at ${operation.offset}: refused`
        : `erase of block ${operation.block}: refused`,
    );
  }

  #program(bytes: Uint8Array, offset: number, length: number): void {
    const worn = this.#wornAt(offset);
    if (worn) {
      for (let i = 0; i < length; i++) {
        const kept = worn.manner === "keepsOnes" ? stuck(worn, offset + i) : 0;
        this.bytes[offset + i]! &= bytes[i]! | kept;
      }
    } else this.bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), offset);
    this.#used.fill(USED, offset, offset + length);
  }

  #erase(block: number): void {
    const from = block * this.#blockLength;
    const to = from + this.#blockLength;
    this.bytes.fill(ERASED, from, to);
    this.#used.fill(0, from, to);
    this.#unstable?.fill(0, from, to);
    this.erases[block]!++;
    const worn = this.#wornAt(from);
    if (worn?.manner === "keepsZeros")
      for (let at = from; at < to; at++) this.bytes[at] = ERASED & ~stuck(worn, at);
  }

  #interruptWrite(bytes: Uint8Array, offset: number, tear: Tear): void {
    const { length } = bytes;
    for (let i = 0; i < length && i < tear.done + tear.reach; i++) {
      const index = tear.backwards ? length - 1 - i : i;
      const at = offset + index;
      const old = this.bytes[at]!;
      if (i < tear.done) {
        this.bytes[at] = old & bytes[index]!;
        this.#used[at] = USED;
        continue;
      }
      const changing = old & ~bytes[index]!;
      this.bytes[at] = old & ~(changing & pattern(tear, i));
      if (tear.unstable) this.#makeUnstable(at, changing, changing);
      const isErased = this.bytes[at] === ERASED && !(tear.unstable && changing !== 0);
      this.#used[at] = isErased ? DOUBTFUL : USED;
    }
    this.written += Math.min(length, tear.done + tear.reach);
  }

  #interruptErase(block: number, tear: Tear): void {
    if (tear.done >= this.#blockLength) {
      this.#erase(block);
      return;
    }
    const from = block * this.#blockLength;
    const length = this.#blockLength;
    // Bits that read as erased may not be so for good: nothing can be written until the block is erased as a whole.
    for (let at = from; at < from + length; at++) if (this.#used[at] === 0) this.#used[at] = DOUBTFUL;
    if (tear.programmed) {
      this.bytes.fill(0, from, from + length);
      this.#used.fill(USED, from, from + length);
      this.#unstable?.fill(0, from, from + length);
    }
    for (let i = 0; i < length && i < tear.done + tear.reach; i++) {
      const at = from + (tear.backwards ? length - 1 - i : i);
      const before = this.#unstable?.[at] ?? 0;
      if (i < tear.done) {
        this.bytes[at] = ERASED;
        this.#used[at] = DOUBTFUL;
        if (before !== 0) this.#unstable![at] = 0;
        continue;
      }
      // What read unstable was not safely 1.
      const changing = (~this.bytes[at]! & 0xff) | before;
      const raised = changing & pattern(tear, i);
      this.bytes[at] = (this.bytes[at]! & ~changing) | raised;
      if (tear.unstable) this.#makeUnstable(at, changing, 0);
      else if (before !== 0) this.#unstable![at] = before & ~raised;
      const isErased = this.bytes[at] === ERASED && (this.#unstable?.[at] ?? 0) === 0;
      this.#used[at] = isErased ? DOUBTFUL : USED;
    }
    this.erases[block]!++;
  }

  #makeUnstable(at: number, mask: number, old: number): void {
    if (mask === 0) return;
    this.#unstable ??= new Uint8Array(this.bytes.length);
    this.#old ??= new Uint8Array(this.bytes.length);
    this.#unstable[at] = mask;
    this.#old[at] = old;
  }

  #destabilize(bytes: Uint8Array, offset: number): void {
    const unstable = this.#unstable!;
    const readings =
      this.#readings === "alternating" ? (this.reads % 2 === 0 ? "new" : "old") : this.#readings;
    for (let i = 0; i < bytes.length; i++) {
      const mask = unstable[offset + i]!;
      if (mask === 0) continue;
      const old = this.#old![offset + i]!;
      let value = readings === "old" ? old : ~old;
      if (readings === "random") {
        this.#noise = mixed(this.#noise);
        value = this.#noise >>> 11;
      }
      bytes[i] = (bytes[i]! & ~mask) | (value & mask);
    }
  }

  /** The wear of the block at an offset, once it has begun. */
  #wornAt(offset: number, more = 0): Wear | undefined {
    const wear = this.#wear;
    if (!wear || Math.floor(offset / this.#blockLength) !== wear.block) return undefined;
    return this.erases[wear.block]! + more > wear.after ? wear : undefined;
  }

  #check(operation: string, length: number, offset: number): void {
    if (this.#isOff) throw new PowerCut("off");
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

/** 32 bits that look random, from 32: the finalizer of MurmurHash3 over a Weyl step. */
function mixed(value: number): number {
  let h = (value + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Bits of a half done byte that have changed. */
function pattern(tear: Tear, index: number): number {
  if (tear.share >= 256) return 0xff;
  if (tear.share <= 0) return 0;
  return chosen(mixed(tear.seed) + index, tear.share, tear.bytewise ?? false);
}

/** Bits of a worn byte that no longer change. */
function stuck(wear: Wear, at: number): number {
  return chosen(mixed((wear.seed ?? 0) + 77) + at, STUCK_SHARE, false);
}

function chosen(key: number, share: number, bytewise: boolean): number {
  let noise = mixed(key);
  if (bytewise) return (noise & 0xff) < share ? 0xff : 0;
  let bits = 0;
  for (let bit = 0; bit < 8; bit++) {
    if (bit === 4) noise = mixed(noise);
    if (((noise >>> (8 * (bit & 3))) & 0xff) < share) bits |= 1 << bit;
  }
  return bits;
}
