import test from "ava";
import fc from "fast-check";
import { SensorError } from "../../../../hal/index.js";
import { encodeIdentity, encodeTag } from "../../../../hal/sensors/i2c/encode-identity.js";
import { decodeIdentity, type Identity, RECORD_MAX } from "../../../../hal/sensors/i2c/identity-record.js";
import { identityPayload, ndefMessage } from "../../../../hal/sensors/i2c/ndef.js";
import { crc32 } from "../../../../sdk/ledger/crc32.js";

const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const identities: fc.Arbitrary<Identity> = fc.record({
  consumable: fc.string({ unit: printable, minLength: 1, maxLength: 32 }),
  quantity: fc.integer({ min: 1, max: 0xffff_ffff }),
  serial: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((serial) => serial.toString(16).padStart(16, "0")),
});
const soap: Identity = { consumable: "B00SOAP", quantity: 320, serial: "00000000000004d2" };

/** A record with a field of its own choosing and the checksum that belongs to it. */
function forged(change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeIdentity(soap);
  change(bytes);
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, crc32(bytes, 0, 0, end));
  return bytes;
}

// The checksum was computed with zlib.
test("a record is these bytes", (t) => {
  t.deepEqual(
    Buffer.from(encodeIdentity(soap)).toString("hex"),
    "45460107" + "00000140" + "00000000000004d2" + "423030534f4150" + "ccd0a9d7",
  );
});

test("what is encoded is decoded, whatever follows it and wherever it lies", (t) => {
  fc.assert(
    fc.property(identities, fc.uint8Array({ maxLength: 40 }), fc.nat(9), (identity, rest, at) => {
      const bytes = encodeIdentity(identity);
      t.true(bytes.length <= RECORD_MAX);
      const memory = Uint8Array.of(...new Uint8Array(at), ...bytes, ...rest);
      t.deepEqual(decodeIdentity(memory.subarray(at)), identity);
    }),
  );
});

test("no record with bits turned or bytes missing gives an identity", (t) => {
  fc.assert(
    fc.property(identities, fc.nat(), fc.integer({ min: 1, max: 255 }), (identity, at, turn) => {
      const bytes = encodeIdentity(identity);
      bytes[at % bytes.length]! ^= turn;
      t.is(typeof decodeIdentity(bytes), "string");
    }),
  );
  fc.assert(
    fc.property(identities, fc.nat(), fc.constantFrom(0, 0xff), (identity, at, rest) => {
      const bytes = encodeIdentity(identity);
      const length = at % bytes.length;
      t.is(typeof decodeIdentity(bytes.slice(0, length)), "string");
      // Torn: a write that stopped, or a cartridge pulled out while it was read.
      const last = bytes.slice(length);
      if (last.every((byte) => byte === rest)) return;
      t.is(typeof decodeIdentity(bytes.fill(rest, length)), "string");
    }),
  );
});

test("bytes by chance give no identity and no exception", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => typeof decodeIdentity(bytes) === "string"),
  );
  t.pass();
});

test("the fault says what is there", (t) => {
  t.is(decodeIdentity(new Uint8Array(52).fill(0xff)), "blank");
  t.is(decodeIdentity(new Uint8Array(52)), "blank");
  t.is(decodeIdentity(new Uint8Array(0)), "format");
  t.is(decodeIdentity(new Uint8Array(52).fill(0x45)), "format");
  t.is(decodeIdentity(forged((bytes) => bytes.set([2], 2))), "version");
  t.is(decodeIdentity(forged((bytes) => bytes.set([0], 3))), "format");
  t.is(
    decodeIdentity(Uint8Array.of(...forged((bytes) => bytes.set([33], 3)), ...new Uint8Array(60))),
    "format",
  );
  t.is(decodeIdentity(encodeIdentity(soap).slice(0, -1)), "format");
  t.is(decodeIdentity(forged(() => {}).fill(0, 26)), "checksum");
  for (const letter of [0x20, 0x7f, 0x00, 0xe9])
    t.is(decodeIdentity(forged((bytes) => bytes.set([letter], 18))), "format");
  t.is(decodeIdentity(forged((bytes) => bytes.set([0, 0, 0, 0], 4))), "format");
  t.is(decodeIdentity(forged((bytes) => bytes.fill(0, 8, 16))), "format");
  t.deepEqual(decodeIdentity(forged(() => {})), soap);
});

test("an identity that no record can hold is refused by field and value", (t) => {
  const bad: [field: string, value: unknown][] = [
    ["consumable", ""],
    ["consumable", "x".repeat(33)],
    ["consumable", "a b"],
    ["consumable", "é"],
    ["quantity", 0],
    ["quantity", -1],
    ["quantity", 1.5],
    ["quantity", 2 ** 32],
    ["serial", "4d2"],
    ["serial", "00000000000004D2"],
    ["serial", "0".repeat(16)],
  ];
  for (const [field, value] of bad) {
    const error = t.throws(() => encodeIdentity({ ...soap, [field]: value } as Identity), {
      instanceOf: SensorError,
    });
    t.is(error.code, "options");
    t.true(error.message.includes(`${field} `) && error.message.includes(String(value)), error.message);
  }
});

// NDEF on a Type 2 tag.

const CC = [0xe1, 0x10, 0x12, 0x00];
const tag = (...data: number[]) => Uint8Array.of(...CC, ...data);
const record = (header: number, type: string, payload: readonly number[]) => [
  header,
  type.length,
  payload.length,
  ...Buffer.from(type),
  ...payload,
];
const TYPE = "application/x-everfull";
const TEXT = record(0x11, "T", [2, 101, 110, 104, 105]);

test("a tag as it is filled gives the record back, read piece by piece", (t) => {
  fc.assert(
    fc.property(identities, fc.nat(140), (identity, cut) => {
      const memory = tag(...encodeTag(identity));
      t.true(memory.length <= 4 + 83);
      const message = ndefMessage(memory);
      if (!(message instanceof Uint8Array)) return t.fail(String(message));
      t.deepEqual(identityPayload(message), encodeIdentity(identity));
      // As far as it was read: whole, or unknown yet; never a part of it. The mark of the end need not be read.
      const part = ndefMessage(memory.slice(0, Math.max(4, cut)));
      t.deepEqual(part, cut >= memory.length - 1 ? message : undefined);
    }),
  );
});

test("blocks before the message are passed over", (t) => {
  const message = [0xd0, 0, 0];
  for (const before of [
    [0, 0, 0],
    [1, 3, 0xa0, 0x0c, 0x34],
    [2, 3, 1, 2, 3],
    [0xfd, 2, 0xfe, 0x03],
    [0xfd, 0],
  ])
    t.deepEqual(ndefMessage(tag(...before, 3, 3, ...message, 0xfe)), Uint8Array.from(message));
  t.deepEqual(
    ndefMessage(Uint8Array.of(0xe1, 0x11, 0x3e, 0x00, 3, 0xff, 1, 2, ...new Uint8Array(258))),
    new Uint8Array(258),
    "a length in three bytes",
  );
});

test("a tag that is not formatted as the NFC Forum has it is told as such", (t) => {
  const message = [3, 3, 0xd0, 0, 0, 0xfe];
  t.deepEqual(ndefMessage(tag(...message)), Uint8Array.of(0xd0, 0, 0), "the other way round");
  for (const cc of [
    [0, 0x10, 0x12, 0],
    [0xe1, 0x20, 0x12, 0],
    [0xe1, 0x10, 0x12, 0xf0],
    [0xe1, 0x10, 0x00, 0],
  ])
    t.is(ndefMessage(Uint8Array.of(...cc, ...message)), "format");
  for (const blank of [[0xfe], [3, 0, 0xfe], [0, 0, 0xfe], [1, 3, 1, 2, 3, 0xfe]])
    t.is(ndefMessage(tag(...blank)), "blank");
  for (const bad of [
    [4, 3, 1, 2, 3],
    [0xfc, 0],
    [3, 0xff, 0, 3, 0xd0, 0, 0],
    [3, 0x90, ...new Array(200).fill(0)],
    [3, 0xff, 0x10, 0, 0],
    new Array(0x12 * 8).fill(0),
    [...new Array(0x12 * 8 - 1).fill(0), 3, 0],
  ])
    t.is(ndefMessage(tag(...bad)), "format", `${bad.slice(0, 5)}`);
  t.is(ndefMessage(tag(3)), undefined);
  t.is(ndefMessage(tag(3, 0xff, 1)), undefined);
});

test("our record is found among others, and the first counts", (t) => {
  const found = (...bytes: number[]) => identityPayload(Uint8Array.from(bytes));
  const ours = [1, 2, 3];
  t.deepEqual(found(...record(0xd2, TYPE, ours)), Uint8Array.from(ours));
  t.deepEqual(found(0x80 | TEXT[0]!, ...TEXT.slice(1), ...record(0x52, TYPE, ours)), Uint8Array.from(ours));
  t.deepEqual(
    found(...record(0x92, TYPE, ours), ...record(0x52, TYPE, [9])),
    Uint8Array.from(ours),
    "two of ours",
  );
  // With an id, and with a length of four bytes.
  t.deepEqual(found(0xda, TYPE.length, 3, 1, ...Buffer.from(TYPE), 0x41, ...ours), Uint8Array.from(ours));
  t.deepEqual(found(0xc2, TYPE.length, 0, 0, 0, 3, ...Buffer.from(TYPE), ...ours), Uint8Array.from(ours));
  for (const foreign of [
    record(0xd1, "T", [2, 101, 110, 104, 105]),
    record(0xd2, "text/plain", ours),
    record(0xd2, "application/x-everfulL", ours),
    record(0xd4, TYPE, ours),
    [0xd0, 0, 0],
    [0xd5, 0, 1, 7],
  ])
    t.is(found(...foreign), "foreign");
});

test("a message that is not whole and exact is refused, with our record in it or not", (t) => {
  const good = record(0xd2, TYPE, [1, 2, 3]);
  const bad: number[][] = [
    [],
    [0xd2],
    [...good, 0],
    record(0x52, TYPE, [1]),
    record(0x92, TYPE, [1]),
    [...record(0x92, TYPE, [1]), ...record(0xd2, TYPE, [1])],
    record(0xf2, TYPE, [1]),
    record(0xd7, TYPE, [1]),
    record(0xd6, "", [1]),
    record(0xd5, TYPE, [1]),
    record(0xd5, "T", [1]),
    record(0xd2, "", [1]),
    [0xd0, 0, 1, 1],
    [0xc2, TYPE.length, 0xff, 0xff, 0xff, 0xff, ...Buffer.from(TYPE), 1],
    [0xc2, TYPE.length, 0, 0],
  ];
  for (const bytes of bad) t.is(identityPayload(Uint8Array.from(bytes)), "format", `${bytes.slice(0, 6)}`);
  for (let length = 0; length < good.length; length++)
    t.is(identityPayload(Uint8Array.from(good.slice(0, length))), "format");
});

test("tags by chance give no exception and no end", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      const memory = tag(...data);
      const message = ndefMessage(memory);
      if (message instanceof Uint8Array) identityPayload(message);
      identityPayload(data);
      ndefMessage(data);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
