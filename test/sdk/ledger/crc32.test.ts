import * as zlib from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { crc32 } from "../../../sdk/ledger/crc32.js";

/** Check values that others have published for this CRC. */
const VECTORS: readonly (readonly [string, number])[] = [
  ["", 0],
  ["a", 0xe8b7be43],
  ["abc", 0x352441c2],
  ["123456789", 0xcbf43926],
  ["message digest", 0x20159d7f],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
];

const ofZlib = (zlib as { crc32?: (bytes: Uint8Array, previous?: number) => number }).crc32;

test("the checksum is the published one of known texts", (t) => {
  for (const [text, crc] of VECTORS) t.is(crc32(Buffer.from(text)), crc, text);
  t.is(crc32(new Uint8Array(32)), 0x190a55ad);
  t.is(crc32(new Uint8Array(32).fill(0xff)), 0xff6cab0b);
});

(ofZlib ? test : test.skip)("the checksum is that of zlib, from any previous one", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(0xffffffff),
      (bytes, previous) => crc32(bytes, previous) === ofZlib!(bytes, previous),
    ),
  );
  t.pass();
});

test("the checksum of parts one after another is that of the whole", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, a, b) => {
      const first = Math.min(a, b, bytes.length);
      const second = Math.min(Math.max(a, b), bytes.length);
      const slices = crc32(
        bytes.slice(second),
        crc32(bytes.slice(first, second), crc32(bytes.slice(0, first))),
      );
      const ranges = crc32(bytes, crc32(bytes, crc32(bytes, 0, 0, first), first, second), second);
      return slices === crc32(bytes) && ranges === slices;
    }),
  );
  t.pass();
});

test("every single flipped bit changes the checksum", (t) => {
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => index * 37);
  const crc = crc32(bytes);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    t.not(crc32(flipped), crc);
  }
});
