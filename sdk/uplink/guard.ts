import { UplinkError } from "./errors.js";

/** No message is longer than this before sealing, in bytes: what comes down to a device is opened within one turn of its loop. */
export const MAX_BODY = 256;
/** But what a log-in gives goes up in messages as long as this, which devices never read. */
export const MAX_UP_BODY = 1400;
/** Arrays may be nested this deep, the outermost included. */
export const MAX_DEPTH = 4;

const UNSIGNED = 0;
const ARRAY = 4;

/**
 * Refuses everything but the CBOR that this protocol uses: one item of definite-length arrays and unsigned whole
 * numbers below 2^32, each in its shortest form (RFC 8949, section 4.2.1).
 *
 * It runs before the decoder because a decoder is recursive and allocates what a length field claims: on the device
 * a stack overflow or a full heap is not an exception but a reboot.
 *
 * @throws {UplinkError} `oversized`, `truncated` or `malformed`
 */
export function guard(bytes: Uint8Array, most = MAX_BODY): void {
  if (bytes.length > most)
    throw new UplinkError("oversized", `message: at most ${most} bytes are accepted (got ${bytes.length})`);
  const end = item(bytes, 0, 1);
  if (end !== bytes.length)
    throw new UplinkError("malformed", `message: ${bytes.length - end} bytes follow the end at byte ${end}`);
}

function item(bytes: Uint8Array, at: number, depth: number): number {
  const head = bytes[at];
  if (head === undefined) throw new UplinkError("truncated", `message: ends at byte ${at} within an item`);
  const major = head >> 5;
  const info = head & 0x1f;
  if (major !== UNSIGNED && major !== ARRAY)
    throw new UplinkError(
      "malformed",
      `byte ${at}: only whole numbers and arrays are accepted (got 0x${head.toString(16)})`,
    );
  const width = info < 24 ? 0 : info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : -1;
  if (width < 0)
    throw new UplinkError(
      "malformed",
      `byte ${at}: lengths and numbers of at most 32 bits are accepted (got 0x${head.toString(16)})`,
    );
  if (at + 1 + width > bytes.length)
    throw new UplinkError("truncated", `message: ends at byte ${bytes.length} within a number`);
  let value = width === 0 ? info : 0;
  for (let i = 1; i <= width; i++) value = value * 256 + bytes[at + i]!;
  if ((width === 1 && value < 24) || (width === 2 && value < 0x100) || (width === 4 && value < 0x10000))
    throw new UplinkError("malformed", `byte ${at}: ${value} is not in its shortest form`);
  let next = at + 1 + width;
  if (major === UNSIGNED) return next;
  if (depth > MAX_DEPTH)
    throw new UplinkError("malformed", `byte ${at}: arrays are nested at most ${MAX_DEPTH} deep`);
  // Every element takes a byte at least: a length bomb is refused before it is looped over.
  if (value > bytes.length - next)
    throw new UplinkError(
      "truncated",
      `byte ${at}: an array of ${value} does not fit in ${bytes.length - next} bytes`,
    );
  for (let i = 0; i < value; i++) next = item(bytes, next, depth + 1);
  return next;
}
