import { crc32 } from "../../../../sdk/ledger/crc32.js";
import type { Geometry } from "./geometry.js";

/*
 * Partitions as the first journal format left them, for the upgrade: its layout, and nothing of the present code.
 *
 *   header      "EVFR" (4) | 1 | 0 (3) | block sequence (4) | erase count (4) | CRC-32 of these (4) | gap
 *   record      length (2) | payload | CRC-32 of block sequence, length and payload (4) | gap
 *
 * The first record of a block is its checkpoint. Big endian; gaps are erased bytes up to the write alignment.
 */
const HEADER_BYTES = 20;

/** A block in use. */
export interface FormatOneBlock {
  readonly block: number;
  readonly sequence: number;
  readonly eraseCount: number;
  readonly checkpoint: Uint8Array;
  readonly records: readonly Uint8Array[];
}

/** The image of a partition in which these blocks are in use, and the others erased. */
export function formatOneImage(shape: Geometry, blocks: readonly FormatOneBlock[]): Uint8Array {
  const image = new Uint8Array(shape.blocks * shape.blockLength).fill(0xff);
  for (const { block, sequence, eraseCount, checkpoint, records } of blocks) {
    const start = block * shape.blockLength;
    const view = new DataView(image.buffer, start, shape.blockLength);
    view.setUint32(0, 0x45564652);
    view.setUint32(4, 0x01000000);
    view.setUint32(8, sequence);
    view.setUint32(12, eraseCount);
    view.setUint32(16, crc32(image, 0, start, start + 16));
    let end = aligned(HEADER_BYTES, shape.writeAlign);
    for (const payload of [checkpoint, ...records]) {
      const length = formatOneLength(payload.length, shape);
      if (end + length > shape.blockLength)
        throw new RangeError(`format 1: block ${block} has no room for ${payload.length} bytes at ${end}`);
      view.setUint16(end, payload.length);
      image.set(payload, start + end + 2);
      const salt = new Uint8Array(4);
      new DataView(salt.buffer).setUint32(0, sequence);
      view.setUint32(
        end + 2 + payload.length,
        crc32(image, crc32(salt), start + end, start + end + 2 + payload.length),
      );
      end += length;
    }
  }
  return image;
}

/** Where records of a block begin to fit no more is told by these: what a record takes, and what a header does. */
export function formatOneLength(payload: number, shape: Geometry): number {
  return aligned(2 + payload + 4, shape.writeAlign);
}

export function formatOneHead(shape: Geometry): number {
  return aligned(HEADER_BYTES, shape.writeAlign);
}

/** The blocks that the first journal format fills with a history: states before each record, and the records. */
export function formatOneBlocks(
  shape: Geometry,
  history: readonly { readonly before: Uint8Array; readonly record: Uint8Array }[],
): FormatOneBlock[] {
  const blocks: { -readonly [field in keyof FormatOneBlock]: FormatOneBlock[field] }[] = [];
  let sequence = 0;
  let end = shape.blockLength;
  let records: Uint8Array[] = [];
  for (const { before, record } of history) {
    if (end + formatOneLength(record.length, shape) > shape.blockLength) {
      const block = sequence % shape.blocks;
      sequence++;
      records = [];
      const at = blocks.findIndex((each) => each.block === block);
      if (at >= 0) blocks.splice(at, 1);
      const eraseCount = Math.ceil(sequence / shape.blocks);
      blocks.push({ block, sequence, eraseCount, checkpoint: before, records });
      end = formatOneHead(shape) + formatOneLength(before.length, shape);
    }
    records.push(record);
    end += formatOneLength(record.length, shape);
  }
  return blocks;
}

function aligned(length: number, align: number): number {
  return Math.ceil(length / align) * align;
}
