import { createHash } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import nacl from "tweetnacl";
import { Ed25519Check } from "../../../sdk/update/index.js";

const hash = (...parts: readonly Uint8Array[]) =>
  new Uint8Array(createHash("sha512").update(Buffer.concat(parts)).digest());

function check(message: Uint8Array, signature: Uint8Array, key: Uint8Array) {
  const work = new Ed25519Check(hash, message, signature, key);
  for (let steps = 1; ; steps++) {
    const result = work.step();
    if (result !== undefined) return { result, steps };
    if (steps > 1000) throw new Error("it does not end");
  }
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

/** RFC 8032, section 7.1: public key, message, signature. */
const VECTORS = [
  [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
] as const;

test("the vectors of RFC 8032 are good", (t) => {
  for (const [key, message, signature] of VECTORS)
    t.true(check(bytes(message), bytes(signature), bytes(key)).result);
});

test("it says what tweetnacl says, of good signatures and of changed ones", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 150 }),
      fc.constantFrom("none", "message", "signature", "key"),
      fc.nat(),
      fc.integer({ min: 0, max: 7 }),
      (seed, text, what, at, bit) => {
        const pair = nacl.sign.keyPair.fromSeed(seed);
        const message = Uint8Array.of(0, ...text);
        const signature = nacl.sign.detached(message, pair.secretKey);
        const key = pair.publicKey.slice();
        const changed = { none: new Uint8Array(1), message, signature, key }[what];
        changed[at % changed.length]! ^= 1 << bit;
        const expected = nacl.sign.detached.verify(message, signature, key);
        return check(message, signature, key).result === expected && expected === (what === "none");
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

test("a second form of a good signature, S + L, is none", (t) => {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n;
  const [key, message, signature] = VECTORS[1];
  const form = bytes(signature);
  let s = 0n;
  for (let i = 63; i >= 32; i--) s = s * 256n + BigInt(form[i]!);
  s += L;
  for (let i = 32; i < 64; i++, s >>= 8n) form[i] = Number(s & 255n);
  t.true(nacl.sign.detached.verify(bytes(message), form, bytes(key)), "tweetnacl takes it");
  t.false(check(bytes(message), form, bytes(key)).result);
});

test("keys that are no points, and wrong lengths, are refused", (t) => {
  const [key, message, signature] = VECTORS[0];
  // Of the numbers from 2 on, these are no y of a point.
  for (const y of [2, 7, 8, 11, 12, 13, 17]) {
    const noPoint = new Uint8Array(32);
    noPoint[0] = y;
    const { result, steps } = check(bytes(message), bytes(signature), noPoint);
    t.false(result);
    t.true(steps < 100, `${y}: it ends when that is found`);
  }
  t.false(check(bytes(message), bytes(signature), bytes(key).subarray(1)).result);
  t.false(check(bytes(message), bytes(signature).subarray(1), bytes(key)).result);
});

test("it takes some hundred steps", (t) => {
  const [key, message, signature] = VECTORS[2];
  const { steps } = check(bytes(message), bytes(signature), bytes(key));
  t.true(steps > 400 && steps < 620, `${steps}`);
});
