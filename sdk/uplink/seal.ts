import nacl from "tweetnacl";
import { UplinkError } from "./errors.js";
import { MAX_BODY, MAX_UP_BODY } from "./guard.js";

/** Key number (1 byte) and sequence (4 bytes, big endian) in clear before the sealed body. */
export const HEADER_BYTES = 5;
const KEY_BYTES = 32;
const AUTH_KEY_BYTES = 32;

/** Of the nonce, what goes into the subkey (XSalsa20), and what counts on from there. */
const SUBKEY_NONCE_BYTES = 16;
const COUNTING_NONCE_BYTES = 8;

/** The parts of NaCl that tweetnacl builds its boxes from; its types leave them out. */
interface Parts {
  crypto_core_hsalsa20(to: Uint8Array, nonce: Uint8Array, key: Uint8Array, sigma: Uint8Array): number;
  crypto_stream_salsa20_xor(
    to: Uint8Array,
    toAt: number,
    from: Uint8Array,
    fromAt: number,
    length: number,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
  crypto_onetimeauth(
    to: Uint8Array,
    toAt: number,
    message: Uint8Array,
    messageAt: number,
    length: number,
    key: Uint8Array,
  ): number;
  crypto_onetimeauth_verify(
    tag: Uint8Array,
    tagAt: number,
    message: Uint8Array,
    messageAt: number,
    length: number,
    key: Uint8Array,
  ): number;
}
const { lowlevel } = nacl as unknown as { readonly lowlevel: Parts };
/** The constant of Salsa20. */
const SIGMA = "expand 32-byte k";

/** What sealing adds to a body: the header and the Poly1305 tag. */
export const SEAL_BYTES = HEADER_BYTES + nacl.secretbox.overheadLength;

/** Part of the nonce, so that the two directions never share one although they share the key. */
export type Direction = "up" | "down";

/** One shared key of a device and its gateway. */
export interface UplinkKey {
  /** 0 to 255; goes with every message, so that two keys can be valid during a rotation. */
  readonly number: number;
  /** 32 bytes: the precomputed NaCl box key of the two X25519 keys, see {@link sharedKey}. */
  readonly secret: Uint8Array;
}

/** A sealed message that has been opened. */
export interface Opened {
  readonly sequence: number;
  readonly body: Uint8Array;
}

/**
 * The key that both sides derive from their own secret and the other's public key (NaCl `box.before`). Once, at provisioning: it takes 12 million
 * bytecode steps on XS, while sealing with it takes some 40 thousand.
 */
export function sharedKey(theirPublicKey: Uint8Array, mySecretKey: Uint8Array): Uint8Array {
  return nacl.box.before(theirPublicKey, mySecretKey);
}

/**
 * One direction under one key. It keeps what both of these alone decide, the subkey of XSalsa20, which is a third of the work on a short message; {@link seal} and
 * {@link open} are for whoever has many keys.
 */
export class Channel {
  readonly #key: UplinkKey;
  readonly #direction: Direction;
  #subkey: Uint8Array | undefined;

  /** @throws {UplinkError} `options` */
  constructor(key: UplinkKey, direction: Direction) {
    checkKey(key);
    this.#key = key;
    this.#direction = direction;
  }

  /** See {@link seal}. @throws {UplinkError} `options` or `oversized` */
  seal(sequence: number, body: Uint8Array): Uint8Array {
    if (!(Number.isInteger(sequence) && sequence > 0 && sequence <= 0xffffffff))
      throw new UplinkError(
        "options",
        `sequence: a whole number from 1 to 4294967295 is accepted (got ${sequence})`,
      );
    const most = mostOf(this.#direction);
    if (body.length > most)
      throw new UplinkError("oversized", `body: at most ${most} bytes are accepted (got ${body.length})`);
    const padded = new Uint8Array(AUTH_KEY_BYTES + body.length);
    padded.set(body, AUTH_KEY_BYTES);
    const stream = this.#xor(sequence, padded);
    const sealed = new Uint8Array(SEAL_BYTES + body.length);
    sealed[0] = this.#key.number;
    new DataView(sealed.buffer).setUint32(1, sequence);
    lowlevel.crypto_onetimeauth(sealed, HEADER_BYTES, stream, AUTH_KEY_BYTES, body.length, stream);
    sealed.set(stream.subarray(AUTH_KEY_BYTES), SEAL_BYTES);
    return sealed;
  }

  /** See {@link open}. @throws {UplinkError} `truncated`, `oversized`, `key` or `forged` */
  open(sealed: Uint8Array): Opened {
    const { keyNumber, sequence } = peek(sealed, this.#direction);
    const { number } = this.#key;
    if (keyNumber !== number)
      throw new UplinkError("key", `key number: ${number} is accepted (got ${keyNumber})`);
    const length = sealed.length - SEAL_BYTES;
    const padded = new Uint8Array(AUTH_KEY_BYTES + length);
    padded.set(sealed.subarray(SEAL_BYTES), AUTH_KEY_BYTES);
    // NaCl's own makes the first block of the stream twice, which is half of the work on a short message.
    const stream = this.#xor(sequence, padded);
    if (
      lowlevel.crypto_onetimeauth_verify(sealed, HEADER_BYTES, padded, AUTH_KEY_BYTES, length, stream) !== 0
    )
      throw new UplinkError("forged", `sealed message ${sequence}: does not open with key ${keyNumber}`);
    return { sequence, body: stream.slice(AUTH_KEY_BYTES) };
  }

  /** Works the subkey out, which the first message does otherwise. */
  prepare(): Uint8Array {
    if (!this.#subkey) {
      const subkey = new Uint8Array(KEY_BYTES);
      const sigma = Uint8Array.from(SIGMA, (letter) => letter.charCodeAt(0));
      lowlevel.crypto_core_hsalsa20(subkey, this.#nonce(0), this.#key.secret, sigma);
      this.#subkey = subkey;
    }
    return this.#subkey;
  }

  /** XSalsa20. In place of zeros at the front comes the key of the authenticator. */
  #xor(sequence: number, padded: Uint8Array): Uint8Array {
    const { length } = padded;
    const stream = new Uint8Array(length);
    const counting = this.#nonce(sequence).subarray(SUBKEY_NONCE_BYTES);
    lowlevel.crypto_stream_salsa20_xor(stream, 0, padded, 0, length, counting, this.prepare());
    return stream;
  }

  /** Direction, key number and, at the end, sequence, the rest zero: unique per key as long as sequences only go up. */
  #nonce(sequence: number): Uint8Array {
    const bytes = new Uint8Array(SUBKEY_NONCE_BYTES + COUNTING_NONCE_BYTES);
    bytes[0] = this.#direction === "up" ? 1 : 2;
    bytes[1] = this.#key.number;
    new DataView(bytes.buffer).setUint32(bytes.length - 4, sequence);
    return bytes;
  }
}

/**
 * Seals `body` under (direction, key number, sequence), as a NaCl secretbox. The same four inputs always give the same bytes: that is what makes
 * a retry byte-identical, and why a sequence must never be used for a second body.
 *
 * @throws {UplinkError} `options` or `oversized`
 */
export function seal(key: UplinkKey, direction: Direction, sequence: number, body: Uint8Array): Uint8Array {
  return new Channel(key, direction).seal(sequence, body);
}

/** Key number and sequence as claimed by the header: nothing to trust before {@link open} has returned. */
export function peek(
  sealed: Uint8Array,
  direction: Direction = "up",
): { keyNumber: number; sequence: number } {
  const most = SEAL_BYTES + mostOf(direction);
  if (sealed.length < SEAL_BYTES)
    throw new UplinkError(
      "truncated",
      `sealed message: at least ${SEAL_BYTES} bytes are accepted (got ${sealed.length})`,
    );
  if (sealed.length > most)
    throw new UplinkError(
      "oversized",
      `sealed message: at most ${most} bytes are accepted (got ${sealed.length})`,
    );
  return {
    keyNumber: sealed[0]!,
    sequence: new DataView(sealed.buffer, sealed.byteOffset).getUint32(1),
  };
}

/**
 * Opens a sealed message. It does not look at whether the sequence is new: that is for the receiver, who knows the last.
 *
 * @throws {UplinkError} `options`, `truncated`, `oversized`, `key` or `forged`
 */
export function open(key: UplinkKey, direction: Direction, sealed: Uint8Array): Opened {
  return new Channel(key, direction).open(sealed);
}

function mostOf(direction: Direction): number {
  return direction === "up" ? MAX_UP_BODY : MAX_BODY;
}

function checkKey(key: UplinkKey): void {
  if (!(Number.isInteger(key.number) && key.number >= 0 && key.number <= 255))
    throw new UplinkError(
      "options",
      `key number: a whole number from 0 to 255 is accepted (got ${key.number})`,
    );
  if (key.secret.length !== KEY_BYTES)
    throw new UplinkError(
      "options",
      `key secret: ${KEY_BYTES} bytes are accepted (got ${key.secret.length})`,
    );
}
