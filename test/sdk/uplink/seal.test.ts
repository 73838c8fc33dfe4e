import { readFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import nacl from "tweetnacl";
import { UplinkError } from "../../../sdk/uplink/errors.js";
import { MAX_BODY } from "../../../sdk/uplink/guard.js";
import {
  type Direction,
  open,
  peek,
  SEAL_BYTES,
  seal,
  sharedKey,
  type UplinkKey,
} from "../../../sdk/uplink/seal.js";
import { hex, unhex } from "./support.js";

const KEY: UplinkKey = { number: 7, secret: Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 5) & 0xff) };
const BODY = unhex("82000a");

const vectors = JSON.parse(
  readFileSync(new URL("../../../../sdk/uplink/vectors.json", import.meta.url), "utf8"),
) as {
  sharedKeys: {
    gatewayPublic: string;
    deviceSecret: string;
    devicePublic: string;
    gatewaySecret: string;
    shared: string;
  }[];
  messages: {
    name: string;
    direction: Direction;
    key: { number: number; secret: string };
    sequence: number;
    nonce: string;
    body: string;
    sealed: string;
  }[];
};

test("the shared key is the same from both sides, and the pinned one", (t) => {
  t.true(vectors.sharedKeys.length > 0);
  for (const vector of vectors.sharedKeys) {
    t.is(hex(sharedKey(unhex(vector.gatewayPublic), unhex(vector.deviceSecret))), vector.shared);
    t.is(hex(sharedKey(unhex(vector.devicePublic), unhex(vector.gatewaySecret))), vector.shared);
  }
});

for (const vector of vectors.messages)
  test(`pinned vector "${vector.name}" seals to its bytes and opens to its body`, (t) => {
    const key = { number: vector.key.number, secret: unhex(vector.key.secret) };
    const sealed = unhex(vector.sealed);
    t.is(hex(seal(key, vector.direction, vector.sequence, unhex(vector.body))), vector.sealed);
    t.deepEqual(open(key, vector.direction, sealed), {
      sequence: vector.sequence,
      body: unhex(vector.body),
    });
    // What the file says of the nonce is true of the bytes, without this implementation.
    t.deepEqual(nacl.secretbox.open(sealed.subarray(5), unhex(vector.nonce), key.secret), unhex(vector.body));
  });

test("a sealed message is key number, sequence, and a NaCl secretbox under direction, key number and sequence", (t) => {
  for (const [direction, first] of [
    ["up", 1],
    ["down", 2],
  ] as const) {
    const nonce = new Uint8Array(24);
    nonce.set([first, 7, 0x01, 0x02, 0x03, 0x04]);
    const expected = [7, 1, 2, 3, 4, ...nacl.secretbox(BODY, nonce, KEY.secret)];
    t.deepEqual(seal(KEY, direction, 0x01020304, BODY), Uint8Array.from(expected));
  }
});

const anyKey = fc.record({
  number: fc.nat(255),
  secret: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});
const anyDirection = fc.constantFrom<Direction>("up", "down");
const anySequence = fc.integer({ min: 1, max: 0xffffffff });
const anyBody = fc.uint8Array({ maxLength: MAX_BODY });

test("what is sealed opens to the same sequence and body, and the same inputs give the same bytes", (t) => {
  fc.assert(
    fc.property(anyKey, anyDirection, anySequence, anyBody, (key, direction, sequence, body) => {
      const sealed = seal(key, direction, sequence, body);
      t.is(sealed.length, body.length + SEAL_BYTES);
      t.deepEqual(seal(key, direction, sequence, body), sealed);
      t.deepEqual(peek(sealed), { keyNumber: key.number, sequence });
      const opened = open(key, direction, sealed);
      t.is(opened.sequence, sequence);
      t.deepEqual(opened.body, body);
    }),
  );
});

test("the same body never looks the same under another direction, key number or sequence", (t) => {
  const box = (number: number, direction: Direction, sequence: number) =>
    hex(seal({ ...KEY, number }, direction, sequence, BODY).subarray(5));
  const boxes = [box(7, "up", 1), box(7, "down", 1), box(8, "up", 1), box(7, "up", 2), box(7, "up", 0x100)];
  t.is(new Set(boxes).size, boxes.length);
});

test("the wrong key, the wrong direction and any other sequence are refused as forged", (t) => {
  const sealed = seal(KEY, "up", 9, BODY);
  const other = { number: KEY.number, secret: KEY.secret.map((byte) => byte ^ 1) };
  t.throws(() => open(other, "up", sealed), { instanceOf: UplinkError, code: "forged" });
  t.throws(() => open(KEY, "down", sealed), {
    instanceOf: UplinkError,
    code: "forged",
    message: "sealed message 9: does not open with key 7",
  });
});

test("another key number is refused as such", (t) => {
  const sealed = seal(KEY, "up", 9, BODY);
  t.throws(() => open({ ...KEY, number: 8 }, "up", sealed), {
    instanceOf: UplinkError,
    code: "key",
    message: "key number: 8 is accepted (got 7)",
  });
});

test("every flipped bit is noticed", (t) => {
  const sealed = seal(KEY, "down", 9, BODY);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = sealed.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    t.throws(
      () => open(KEY, "down", flipped),
      { instanceOf: UplinkError, code: bit < 8 ? "key" : "forged" },
      `bit ${bit}`,
    );
  }
});

test("every shorter message is refused: as truncated where there is no room for the seal, else as forged", (t) => {
  const sealed = seal(KEY, "up", 9, BODY);
  for (let length = 0; length < sealed.length; length++)
    t.throws(
      () => open(KEY, "up", sealed.subarray(0, length)),
      { instanceOf: UplinkError, code: length < SEAL_BYTES ? "truncated" : "forged" },
      `${length} bytes`,
    );
});

test("a message that is part of a larger buffer is read from where it begins", (t) => {
  const sealed = seal(KEY, "up", 9, BODY);
  const buffer = new Uint8Array(100).fill(0xaa);
  buffer.set(sealed, 13);
  t.deepEqual(open(KEY, "up", buffer.subarray(13, 13 + sealed.length)), { sequence: 9, body: BODY });
});

for (const [direction, most] of [
  ["up", 1400],
  ["down", 256],
] as const)
  test(`bodies of up to ${most} bytes are sealed and opened ${direction}, larger ones refused on both sides`, (t) => {
    const largest = new Uint8Array(most).fill(1);
    t.is(open(KEY, direction, seal(KEY, direction, 1, largest)).body.length, most);
    t.throws(() => seal(KEY, direction, 1, new Uint8Array(most + 1)), {
      instanceOf: UplinkError,
      code: "oversized",
      message: `body: at most ${most} bytes are accepted (got ${most + 1})`,
    });
    t.throws(() => open(KEY, direction, new Uint8Array(SEAL_BYTES + most + 1)), {
      instanceOf: UplinkError,
      code: "oversized",
    });
  });

test("keys and sequences outside their bounds are refused by name and value", (t) => {
  for (const sequence of [0, -1, 1.5, 0x100000000, Number.NaN])
    t.throws(() => seal(KEY, "up", sequence, BODY), {
      instanceOf: UplinkError,
      code: "options",
      message: `sequence: a whole number from 1 to 4294967295 is accepted (got ${sequence})`,
    });
  for (const number of [-1, 256, 0.5])
    t.throws(() => open({ ...KEY, number }, "up", seal(KEY, "up", 1, BODY)), {
      instanceOf: UplinkError,
      code: "options",
      message: `key number: a whole number from 0 to 255 is accepted (got ${number})`,
    });
  t.throws(() => seal({ number: 1, secret: new Uint8Array(31) }, "up", 1, BODY), {
    instanceOf: UplinkError,
    code: "options",
    message: "key secret: 32 bytes are accepted (got 31)",
  });
});

test("random bytes never open and never throw anything but a typed error", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), anyDirection, (bytes, direction) => {
      const error = t.throws(() => open(KEY, direction, bytes), { instanceOf: UplinkError });
      t.true(["truncated", "oversized", "key", "forged"].includes(error!.code));
    }),
  );
});
