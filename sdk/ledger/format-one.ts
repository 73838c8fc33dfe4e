import { crc32 } from "./crc32.js";
import { HEADER_BYTES } from "./frame.js";
import type { Partition } from "./partition.js";

const LENGTH_BYTES = 2;
const CRC_BYTES = 4;

/**
 * The records of a block of format 1, the checkpoint first, up to the first that is not whole. Its record was: length (2) | payload | CRC-32 of block
 * sequence, length and payload (4) | gap; a record was committed when it was whole.
 */
export function recordsOfFormatOne(
  partition: Partition,
  block: Uint8Array,
  blockSequence: number,
): Uint8Array[] {
  const view = new DataView(block.buffer, block.byteOffset);
  const sequence = new Uint8Array(4);
  new DataView(sequence.buffer).setUint32(0, blockSequence);
  const records: Uint8Array[] = [];
  for (let at = partition.aligned(HEADER_BYTES); at + LENGTH_BYTES + CRC_BYTES <= block.length; ) {
    const end = at + LENGTH_BYTES + view.getUint16(at);
    if (end + CRC_BYTES > block.length || view.getUint32(end) !== crc32(block, crc32(sequence), at, end))
      break;
    records.push(block.subarray(at + LENGTH_BYTES, end));
    at += partition.aligned(end + CRC_BYTES - at);
  }
  return records;
}
