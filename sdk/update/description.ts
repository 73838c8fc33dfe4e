import { guard } from "../uplink/guard.js";
import { UpdateError } from "./errors.js";

/** Position 0 of a description, as of every message that comes down. */
export const DESCRIPTION = 20;
/** No description is longer, in bytes. */
export const MAX_DESCRIPTION = 149;

const UINT32 = 0xffffffff;
const UINT16 = 0xffff;
const UINT8 = 0xff;
const TINY = 23;
const UNSIGNED = 0;
const ARRAY = 4;
const PARTS = 3;
const FIELDS = 7;
const DIGEST_WORDS = 8;
const SIGNATURE_WORDS = 16;
/** An image begins with a header and a segment that describes it; what is shorter is none. */
export const LEAST_IMAGE = 512;

/** An image of the firmware, as its maker describes it. */
export interface ImageDescription {
  /** Number of the maker's key that signs it: 0 to 22. */
  readonly key: number;
  /** The maker's number of the product that it is for. */
  readonly product: number;
  /** Chip that it is for, as ESP-IDF numbers them: 0 ESP32, 5 ESP32-C3, 9 ESP32-S3. */
  readonly chip: number;
  /** From 1; a device only ever goes up. */
  readonly version: number;
  /** Lowest version that it may replace, 0 for any. */
  readonly from: number;
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of the image. */
  readonly digest: Uint8Array;
}

export interface SignedDescription extends ImageDescription {
  /** The bytes that are signed. */
  readonly signed: Uint8Array;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * The bytes to sign. With the signature behind them, see {@link encodeDescription}, they are what a device is offered.
 *
 * @throws {UpdateError} `description`: a field outside its bounds, named with its value
 */
export function encodeUnsigned(image: ImageDescription): Uint8Array {
  if (image.digest.length !== 4 * DIGEST_WORDS)
    throw new UpdateError(
      "description",
      `digest: ${4 * DIGEST_WORDS} bytes are accepted (got ${image.digest.length})`,
    );
  const bytes: number[] = [];
  head(bytes, ARRAY, PARTS);
  head(bytes, UNSIGNED, DESCRIPTION);
  head(bytes, ARRAY, FIELDS);
  head(bytes, UNSIGNED, bounded("key", image.key, TINY - 1));
  head(bytes, UNSIGNED, bounded("product", image.product, UINT32));
  head(bytes, UNSIGNED, bounded("chip", image.chip, UINT16));
  head(bytes, UNSIGNED, bounded("version", image.version, UINT32, 1));
  head(bytes, UNSIGNED, bounded("from", image.from, UINT32));
  head(bytes, UNSIGNED, bounded("size", image.size, UINT32, LEAST_IMAGE));
  words(bytes, image.digest);
  return Uint8Array.from(bytes);
}

/** @throws {UpdateError} `description`: the signature does not have 64 bytes */
export function encodeDescription(unsigned: Uint8Array, signature: Uint8Array): Uint8Array {
  if (signature.length !== 4 * SIGNATURE_WORDS)
    throw new UpdateError(
      "description",
      `signature: ${4 * SIGNATURE_WORDS} bytes are accepted (got ${signature.length})`,
    );
  const bytes = Array.from(unsigned);
  words(bytes, signature);
  return Uint8Array.from(bytes);
}

/**
 * Reads a description. Its signature is not checked.
 *
 * @throws {UplinkError} `oversized`, `truncated`, `malformed`: not the CBOR of messages
 * @throws {UpdateError} `description`
 */
export function decodeDescription(bytes: Uint8Array): SignedDescription {
  guard(bytes);
  const from = new Reader(bytes);
  from.array("description", PARTS);
  from.number("kind", DESCRIPTION, DESCRIPTION);
  from.array("image", FIELDS);
  const image = {
    key: from.number("key", TINY - 1),
    product: from.number("product", UINT32),
    chip: from.number("chip", UINT16),
    version: from.number("version", UINT32, 1),
    from: from.number("from", UINT32),
    size: from.number("size", UINT32, LEAST_IMAGE),
    digest: from.words("digest", DIGEST_WORDS),
  };
  const signed = bytes.slice(0, from.at);
  return { ...image, signed, signature: from.words("signature", SIGNATURE_WORDS) };
}

/** Walks over what {@link guard} has let through: whole items in their shortest form. */
class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  array(field: string, length: number): void {
    const found = this.#head(field, ARRAY);
    if (found !== length)
      throw new UpdateError("description", `${field}: an array of ${length} is accepted (got ${found})`);
  }

  number(field: string, most: number, least = 0): number {
    return bounded(field, this.#head(field, UNSIGNED), most, least);
  }

  words(field: string, count: number): Uint8Array {
    this.array(field, count);
    const bytes = new Uint8Array(4 * count);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) view.setUint32(4 * i, this.number(field, UINT32));
    return bytes;
  }

  #head(field: string, major: number): number {
    const head = this.#bytes[this.at++];
    if (head === undefined || head >> 5 !== major)
      throw new UpdateError(
        "description",
        `${field}: ${major === ARRAY ? "an array" : "a whole number"} is accepted`,
      );
    let value = head & 0x1f;
    if (value <= TINY) return value;
    let width = 1 << (value - TINY - 1);
    for (value = 0; width > 0; width--) value = value * 256 + this.#bytes[this.at++]!;
    return value;
  }
}

function head(to: number[], major: number, value: number): void {
  const width = value <= TINY ? 0 : value <= UINT8 ? 1 : value <= UINT16 ? 2 : 4;
  to.push((major << 5) | (width === 0 ? value : width === 4 ? 26 : TINY + width));
  for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) to.push((value >>> shift) & UINT8);
}

function words(to: number[], bytes: Uint8Array): void {
  head(to, ARRAY, bytes.length / 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 4) head(to, UNSIGNED, view.getUint32(at));
}

function bounded(field: string, value: number, most: number, least = 0): number {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new UpdateError(
      "description",
      `${field}: a whole number from ${least} to ${most} is accepted (got ${value})`,
    );
  return value;
}
