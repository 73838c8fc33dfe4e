const POLYNOMIAL = 0xedb88320;

// Built while the module is preloaded, read only after: the tables lie in flash, not in RAM. The first is of one byte, each further one of a byte with one more
// zero behind it, so that four bytes are done at a time ("slicing by four"). Signed: beyond 31 bits XS has no whole numbers but doubles.
const TABLE = new Int32Array(4 * 256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
  TABLE[n] = c;
}
for (let n = 256; n < TABLE.length; n++) {
  const before = TABLE[n - 256]!;
  TABLE[n] = TABLE[before & 0xff]! ^ (before >>> 8);
}

/**
 * CRC-32 as in ISO 3309 and zlib (reflected, polynomial 0xEDB88320).
 *
 * @param previous result for the bytes before these, 0 at the start
 */
export function crc32(bytes: Uint8Array, previous = 0, from = 0, to = bytes.length): number {
  let c = ~previous;
  let i = from;
  if (to - from >= 16) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (; i + 4 <= to; i += 4) {
      c ^= view.getInt32(i, true);
      c =
        TABLE[768 + (c & 0xff)]! ^
        TABLE[512 + ((c >>> 8) & 0xff)]! ^
        TABLE[256 + ((c >>> 16) & 0xff)]! ^
        TABLE[c >>> 24]!;
    }
  }
  for (; i < to; i++) c = TABLE[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}
