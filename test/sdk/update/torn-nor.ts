import { type FlashOperation, NorFlash, PowerCut, type Tear } from "../../../hal/simulator/nor-flash.js";
import type { FlashPartition } from "../../../sdk/index.js";

/** One supply for all the flash of a device: it counts what changes flash, and goes off in the middle of one such operation. */
export class Supply {
  operations = 0;
  cutAt = Number.POSITIVE_INFINITY;
  isOff = false;
  seed = 0;
  /** Told when it goes off. */
  onOff: (() => void) | undefined;

  /** @returns how far the operation comes when the power goes off in it: bits of it that change, of 256 */
  begin(): number | undefined {
    if (this.isOff) throw new PowerCut("off");
    if (this.operations++ !== this.cutAt) return undefined;
    this.isOff = true;
    this.onOff?.();
    return [0, 60, 200, 256][this.seed & 3]!;
  }

  bits(index: number, share: number): number {
    let mask = 0;
    for (let bit = 0; bit < 8; bit++) {
      const noise = Math.imul((index * 8 + bit + 1) ^ (this.seed * 0x9e3779b9), 0x85ebca6b);
      if (((noise >>> 13) & 0xff) < share) mask |= 1 << bit;
    }
    return mask;
  }
}

/** NOR flash whose bytes may be written over, which clears more of their bits, as `otadata` is. */
export class TornNor implements FlashPartition {
  readonly bytes: Uint8Array;
  readonly blockLength: number;
  readonly #supply: Supply;

  constructor(supply: Supply, blocks: number, blockLength: number, content?: Uint8Array) {
    this.#supply = supply;
    this.blockLength = blockLength;
    this.bytes = new Uint8Array(blocks * blockLength).fill(0xff);
    if (content) this.bytes.set(content);
  }

  status() {
    const { blockLength, bytes } = this;
    return { size: bytes.length, blockLength, blocks: bytes.length / blockLength };
  }

  read(length: number, offset: number): ArrayBuffer {
    if (this.#supply.isOff) throw new PowerCut("off");
    return this.bytes.slice(offset, offset + length).buffer;
  }

  write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = new Uint8Array(buffer);
    const share = this.#supply.begin();
    for (let i = 0; i < bytes.length; i++) {
      const at = offset + i;
      const cleared = this.bytes[at]! & ~bytes[i]!;
      this.bytes[at]! &= ~(share === undefined ? cleared : cleared & this.#supply.bits(at, share));
    }
    if (share !== undefined) throw new PowerCut("write");
  }

  eraseBlock(start: number, end = start + 1): void {
    for (let block = start; block < end; block++) {
      const share = this.#supply.begin();
      for (let at = block * this.blockLength; at < (block + 1) * this.blockLength; at++)
        this.bytes[at]! |= share === undefined ? 0xff : this.#supply.bits(at, share);
      if (share !== undefined) throw new PowerCut("erase");
    }
  }

  close(): void {}
}

/** The strict flash of a ledger on the same supply. */
export function suppliedNor(supply: Supply, blocks: number, blockLength = 1024): NorFlash {
  const flash = new NorFlash({ blocks, blockLength });
  flash.onOperation = (operation: FlashOperation) => {
    let share: number | undefined;
    try {
      share = supply.begin();
    } catch (error) {
      flash.cutPower();
      throw error;
    }
    if (share === undefined) return;
    const length = operation.kind === "write" ? operation.bytes.length : blockLength;
    const tear: Tear = { done: Math.floor((length * share) / 512), reach: 8, share, seed: supply.seed };
    flash.interrupt(operation, tear);
    flash.cutPower();
  };
  return flash;
}
