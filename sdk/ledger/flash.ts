/**
 * A partition of raw NOR flash: the interface of ECMA-419's `embedded:storage/flash`.
 *
 * Erased bytes read as `eraseValue`; a write only clears bits, and each byte is written once between two erases. All
 * operations are synchronous; a refused one throws.
 */
export interface FlashPartition {
  status(): {
    /** Bytes in the partition. */
    readonly size: number;
    /** Bytes in a block, the unit of erasing. */
    readonly blockLength: number;
    readonly blocks: number;
    /** What an erased byte reads as; 255 where the platform does not say. */
    readonly eraseValue?: number;
    /** Writes start and end at multiples of this many bytes; 4 where the platform does not say. */
    readonly writeAlign?: number;
  };
  read(byteLength: number, offset: number): ArrayBuffer;
  write(buffer: ArrayBuffer | Uint8Array, offset: number): void;
  /** Erases blocks `start` to `end`, the latter not included. */
  eraseBlock(start: number, end?: number): void;
  close(): void;
}
