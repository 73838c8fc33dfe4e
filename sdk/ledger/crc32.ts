const POLYNOMIAL = 0xedb88320;

// Built while the module is preloaded, read only after: the table lies in flash, not in RAM.
const TABLE = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
  TABLE[n] = c;
}

/**
 * CRC-32 as in ISO 3309 and zlib (reflected, polynomial 0xEDB88320).
 *
 * @param previous result for the bytes before these, 0 at the start
 */
export function crc32(bytes: Uint8Array, previous = 0, from = 0, to = bytes.length): number {
  let c = ~previous;
  for (let i = from; i < to; i++) c = TABLE[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}
