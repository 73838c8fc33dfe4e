import { NorFlash, type Wear } from "../../../../hal/simulator/nor-flash.js";

/** The shape of a partition. */
export interface Geometry {
  readonly blocks: number;
  /** Bytes in a block. */
  readonly blockLength: number;
  /** Bytes that writes start and end at multiples of. */
  readonly writeAlign: number;
}

export function geometry(blocks: number, blockLength: number, writeAlign: number): Geometry {
  return { blocks, blockLength, writeAlign };
}

/** `3x512a4`: 3 blocks of 512 bytes, written in units of 4. */
export function nameOf({ blocks, blockLength, writeAlign }: Geometry): string {
  return `${blocks}x${blockLength}a${writeAlign}`;
}

/** @throws {RangeError} unless it is a name that {@link nameOf} gives */
export function geometryOf(name: string): Geometry {
  const [, blocks, blockLength, writeAlign] = /^(\d+)x(\d+)a(\d+)$/.exec(name) ?? [];
  if (!writeAlign) throw new RangeError(`geometry: one such as 3x512a4 is accepted (got "${name}")`);
  return geometry(Number(blocks), Number(blockLength), Number(writeAlign));
}

export function newFlash(shape: Geometry, wear?: Wear): NorFlash {
  return new NorFlash({ ...shape, ...(wear && { wear }) });
}
