import test from "ava";
import fc from "fast-check";
import { UplinkError, type UplinkErrorCode } from "../../../sdk/uplink/errors.js";
import { guard, MAX_BODY, MAX_DEPTH } from "../../../sdk/uplink/guard.js";
import { unhex } from "./support.js";

/** `accepted`, or the code it is refused with; anything else that is thrown is let through. */
function verdict(bytes: Uint8Array): UplinkErrorCode | "accepted" {
  try {
    guard(bytes);
    return "accepted";
  } catch (error) {
    if (error instanceof UplinkError) return error.code;
    throw error;
  }
}

const CASES: readonly [text: string, body: string, UplinkErrorCode | "accepted"][] = [
  ["zero", "00", "accepted"],
  ["the largest number in a head byte", "17", "accepted"],
  ["one byte", "1818", "accepted"],
  ["two bytes", "190100", "accepted"],
  ["four bytes", "1a00010000", "accepted"],
  ["the largest number", "1affffffff", "accepted"],
  ["an empty array", "80", "accepted"],
  ["arrays four deep", "81818180", "accepted"],
  ["an array of 24", `9818${"00".repeat(24)}`, "accepted"],
  ["nothing", "", "truncated"],
  ["a head without its byte", "18", "truncated"],
  ["a head with one of two bytes", "1901", "truncated"],
  ["a head with three of four bytes", "1a000100", "truncated"],
  ["an array without an element", "8200", "truncated"],
  ["an array whose last number is cut", "821819", "truncated"],
  ["a length bomb of 65,535", "99ffff00", "truncated"],
  ["a length bomb of 4,294,967,295", "9affffffff00", "truncated"],
  ["arrays five deep", "8181818180", "malformed"],
  ["two items", "0000", "malformed"],
  ["a byte after an array", "810000", "malformed"],
  ["0 in one byte", "1800", "malformed"],
  ["23 in one byte", "1817", "malformed"],
  ["255 in two bytes", "1900ff", "malformed"],
  ["65535 in four bytes", "1a0000ffff", "malformed"],
  ["a number of 64 bits", "1b0000000100000000", "malformed"],
  ["an array length of 64 bits", "9b000000000000000100", "malformed"],
  ["an array length in a form that is too long", "980100", "malformed"],
  ["reserved additional information", "1c", "malformed"],
  ["a negative number", "20", "malformed"],
  ["a byte string", "4100", "malformed"],
  ["a text string", "6161", "malformed"],
  ["a map", "a0", "malformed"],
  ["a tag", "c000", "malformed"],
  ["a tag that makes a typed array", "d84041ff", "malformed"],
  ["false", "f4", "malformed"],
  ["null", "f6", "malformed"],
  ["undefined", "f7", "malformed"],
  ["a half float", "f93c00", "malformed"],
  ["a single float", "fa3f800000", "malformed"],
  ["a double", "fb3ff0000000000000", "malformed"],
  ["an array of indefinite length", "9f00ff", "malformed"],
  ["a string of indefinite length", "5f4100ff", "malformed"],
  ["a break on its own", "ff", "malformed"],
  ["a string within an array", "826100", "malformed"],
];

for (const [text, body, expected] of CASES)
  test(`${text} (${body.length > 24 ? `${body.slice(0, 24)}...` : body || "no bytes"}): ${expected}`, (t) => {
    t.is(verdict(unhex(body)), expected);
  });

test("a body of the largest size is accepted, one byte more is refused before anything is read", (t) => {
  const largest = new Uint8Array(MAX_BODY);
  largest.set([0x98, MAX_BODY - 2]);
  t.is(verdict(largest), "accepted");
  const larger = new Uint8Array(MAX_BODY + 1);
  t.throws(() => guard(larger), {
    instanceOf: UplinkError,
    code: "oversized",
    message: `message: at most ${MAX_BODY} bytes are accepted (got ${MAX_BODY + 1})`,
  });
});

test("a depth bomb is refused at its fifth array, not at the bottom of the stack", (t) => {
  const bomb = new Uint8Array(MAX_BODY).fill(0x81);
  t.throws(() => guard(bomb), {
    instanceOf: UplinkError,
    code: "malformed",
    message: `byte ${MAX_DEPTH}: arrays are nested at most ${MAX_DEPTH} deep`,
  });
});

test("an error says at which byte and what was found", (t) => {
  t.throws(() => guard(unhex("82006161")), { message: /^byte 2: .*\(got 0x61\)$/ });
  t.throws(() => guard(unhex("81000000")), { message: "message: 2 bytes follow the end at byte 2" });
  t.throws(() => guard(unhex("8219")), { message: /array of 2 does not fit in 1 bytes/ });
  t.throws(() => guard(unhex("811901")), { message: "message: ends at byte 3 within a number" });
});

test("whatever the bytes are, the guard returns or throws its own error", (t) => {
  const head = fc.constantFrom(0x00, 0x18, 0x19, 0x1a, 0x80, 0x81, 0x82, 0x98, 0x99, 0x9a, 0x9f, 0xff);
  const bytes = fc.array(fc.oneof(head, fc.nat(255)), { maxLength: MAX_BODY + 8 });
  fc.assert(
    fc.property(bytes, (content) => {
      verdict(Uint8Array.from(content));
    }),
    { numRuns: 500 },
  );
  t.pass();
});

interface Nest extends Array<number | Nest> {}

/** CBOR by the letter of RFC 8949, for the subset. */
function canonical(value: number | Nest): number[] {
  const head = (major: number, n: number): number[] =>
    n < 24
      ? [major + n]
      : n < 0x100
        ? [major + 24, n]
        : n < 0x10000
          ? [major + 25, n >> 8, n & 0xff]
          : [major + 26, n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff];
  return typeof value === "number"
    ? head(0, value)
    : [...head(0x80, value.length), ...value.flatMap(canonical)];
}

test("every value of the subset is accepted in its canonical form, and no prefix of it is", (t) => {
  const number = fc.oneof(fc.nat(30), fc.nat(70_000), fc.integer({ min: 0, max: 0xffffffff }));
  const level = (inner: fc.Arbitrary<number | Nest>) =>
    fc.array(inner, { maxLength: 5 }) as fc.Arbitrary<Nest>;
  const nest = level(fc.oneof(number, level(fc.oneof(number, level(fc.oneof(number, level(number)))))));
  fc.assert(
    fc.property(nest, (value) => {
      const bytes = Uint8Array.from(canonical(value));
      fc.pre(bytes.length <= MAX_BODY);
      t.is(verdict(bytes), "accepted");
      for (let length = 0; length < bytes.length; length++)
        t.is(verdict(bytes.subarray(0, length)), "truncated");
    }),
  );
});
