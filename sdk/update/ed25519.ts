import nacl from "tweetnacl";

/** A number modulo 2^255 - 19 in 16 limbs. */
type Field = Float64Array;
/** A point of the curve in extended coordinates: X, Y, Z, T. */
type Point = [Field, Field, Field, Field];

/** What tweetnacl has beside its typings: the arithmetic that its own signatures are made of. */
interface Arithmetic {
  gf(limbs?: readonly number[]): Field;
  readonly D: Field;
  readonly L: Float64Array;
  A(to: Field, a: Field, b: Field): void;
  Z(to: Field, a: Field, b: Field): void;
  M(to: Field, a: Field, b: Field): void;
  S(to: Field, a: Field): void;
  add(to: Point, other: Point): void;
  modL(to: Uint8Array, from: Float64Array): void;
  pack25519(to: Uint8Array, from: Field): void;
  unpack25519(to: Field, from: Uint8Array): void;
}
const { gf, D, L, A, Z, M, S, add, modL, pack25519, unpack25519 } = (
  nacl as unknown as { readonly lowlevel: Arithmetic }
).lowlevel;

/** Coordinates of the base point, and a square root of -1 (RFC 8032, section 5.1). */
const BASE_X = gf([
  0xd51a, 0x8f25, 0x2d60, 0xc956, 0xa7b2, 0x9525, 0xc760, 0x692c, 0xdc5c, 0xfdd6, 0xe231, 0xc0a4, 0x53fe,
  0xcd6e, 0x36d3, 0x2169,
]);
const BASE_Y = gf([
  0x6658, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666, 0x6666,
  0x6666, 0x6666, 0x6666,
]);
const ROOT = gf([
  0xa0b0, 0x4a0e, 0x1b27, 0xc4ee, 0xe478, 0xad2f, 0x1806, 0x2f43, 0xd7a7, 0x3dfb, 0x0099, 0x2b4d, 0xdf0b,
  0x4fc1, 0x2480, 0x2b83,
]);

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
/** Squarings of one step: about as much as adding two points. */
const SQUARINGS = 5;

/** A signature that is checked in steps. */
export interface SignatureCheck {
  /** Goes a step further: whether the signature is good, or undefined while that is not known yet. */
  step(): boolean | undefined;
}

/**
 * Ed25519 in steps of at most 54,000 bytecode steps each, 800 times less than a check in one go: the loop goes on between them. What it
 * works on is public, so it takes the shortest way (both multiplications in one ladder, and no addition where there is nothing to add),
 * which takes 19 million altogether instead of 43.
 */
export class Ed25519Check implements SignatureCheck {
  readonly #signature: Uint8Array;
  readonly #key: Uint8Array;
  readonly #work: Generator<undefined, boolean, undefined>;

  /**
   * @param hash SHA-512 of the parts one after another
   * @param key 32 bytes; `signature` 64
   */
  constructor(
    hash: (...parts: readonly Uint8Array[]) => Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
    key: Uint8Array,
  ) {
    this.#signature = signature;
    this.#key = key;
    this.#work = this.#check(() => hash(signature.subarray(0, 32), key, message));
  }

  step(): boolean | undefined {
    const { done, value } = this.#work.next();
    return done ? (value ?? false) : undefined;
  }

  *#check(hash: () => Uint8Array): Generator<undefined, boolean, undefined> {
    const s = this.#signature.subarray(32);
    if (this.#key.length !== PUBLIC_KEY_BYTES || this.#signature.length !== SIGNATURE_BYTES || !isBelowL(s))
      return false;
    const h = reduced(hash());
    yield;
    const negated = yield* negate(this.#key);
    if (negated === undefined) return false;
    yield;
    const base = point(BASE_X, BASE_Y);
    const both = copy(base);
    add(both, negated);
    yield;
    // s B - h A, from the highest bit down.
    const sum = point(gf(), gf([1]));
    for (let bit = 255; bit >= 0; bit--) {
      add(sum, sum);
      yield;
      const chosen = bitOf(s, bit) ? (bitOf(h, bit) ? both : base) : bitOf(h, bit) ? negated : undefined;
      if (chosen) {
        add(sum, chosen);
        yield;
      }
    }
    const inverse = yield* power(sum[2], 253, 2, 4);
    const x = gf();
    const y = gf();
    M(x, sum[0], inverse);
    M(y, sum[1], inverse);
    yield;
    const found = packed(y);
    found[31]! ^= (packed(x)[0]! & 1) << 7;
    return isEqual(found, this.#signature.subarray(0, 32));
  }
}

/** The point whose negative is encoded in 32 bytes; undefined when none is (RFC 8032, section 5.1.3). */
function* negate(encoded: Uint8Array): Generator<undefined, Point | undefined, undefined> {
  const y = gf();
  unpack25519(y, encoded);
  const one = gf([1]);
  const numerator = gf();
  const denominator = gf();
  S(numerator, y);
  M(denominator, numerator, D);
  Z(numerator, numerator, one);
  A(denominator, one, denominator);
  // x = (u / v)^((p + 3) / 8) = u v^3 (u v^7)^((p - 5) / 8)
  const v3 = gf();
  S(v3, denominator);
  M(v3, v3, denominator);
  const t = gf();
  S(t, v3);
  M(t, t, denominator);
  M(t, t, numerator);
  yield;
  const x = yield* power(t, 250, 1, 1);
  M(x, x, v3);
  M(x, x, numerator);
  const isRoot = () => {
    S(t, x);
    M(t, t, denominator);
    return isEqual(packed(t), packed(numerator));
  };
  if (!isRoot()) {
    yield;
    M(x, x, ROOT);
    if (!isRoot()) return undefined;
  }
  if ((packed(x)[0]! & 1) === encoded[31]! >> 7) Z(x, gf(), x);
  return point(x, y);
}

/** A power whose exponent's bits, from `highest` down after the leading 1, are all 1 but two. */
function* power(
  base: Field,
  highest: number,
  zero: number,
  otherZero: number,
): Generator<undefined, Field, undefined> {
  const result = base.slice();
  for (let bit = highest; bit >= 0; bit--) {
    S(result, result);
    if (bit !== zero && bit !== otherZero) M(result, result, base);
    if (bit % SQUARINGS === 0) yield;
  }
  return result;
}

function point(x: Field, y: Field): Point {
  const product = gf();
  M(product, x, y);
  return [x.slice(), y.slice(), gf([1]), product];
}

function copy(from: Point): Point {
  return [from[0].slice(), from[1].slice(), from[2].slice(), from[3].slice()];
}

function packed(value: Field): Uint8Array {
  const bytes = new Uint8Array(32);
  pack25519(bytes, value);
  return bytes;
}

function reduced(hash: Uint8Array): Uint8Array {
  const result = new Uint8Array(64);
  modL(result, Float64Array.from(hash));
  return result;
}

function bitOf(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

/** A signature whose second half is not would be a second one for the same message. */
function isBelowL(s: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) if (s[i] !== L[i]) return s[i]! < L[i]!;
  return false;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
