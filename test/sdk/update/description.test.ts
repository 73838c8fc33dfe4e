import test from "ava";
import fc from "fast-check";
import {
  decodeDescription,
  encodeDescription,
  encodeUnsigned,
  type ImageDescription,
  LEAST_IMAGE,
  MAX_DESCRIPTION,
  UpdateError,
} from "../../../sdk/update/index.js";
import { guard } from "../../../sdk/uplink/guard.js";
import { UplinkError } from "../../../sdk/uplink/index.js";

const word = fc.oneof(fc.nat(30), fc.nat(300), fc.nat(70_000), fc.nat(0xffffffff));
const image: fc.Arbitrary<ImageDescription> = fc.record({
  key: fc.nat(22),
  product: word,
  chip: fc.nat(0xffff),
  version: word.filter((value) => value > 0),
  from: word,
  size: fc.integer({ min: LEAST_IMAGE, max: 0xffffffff }),
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 });

test("a description is read as it was written, in the CBOR of messages", (t) => {
  fc.assert(
    fc.property(image, signature, (fields, signed) => {
      const unsigned = encodeUnsigned(fields);
      const bytes = encodeDescription(unsigned, signed);
      guard(bytes);
      const { signed: covered, signature: found, ...rest } = decodeDescription(bytes);
      t.deepEqual(rest, fields);
      t.deepEqual(found, signed);
      t.deepEqual(covered, unsigned);
      t.true(bytes.length <= MAX_DESCRIPTION);
    }),
  );
});

test("its bytes are these", (t) => {
  const unsigned = encodeUnsigned({
    key: 1,
    product: 300,
    chip: 5,
    version: 70_000,
    from: 24,
    size: 1_048_576,
    digest: Uint8Array.from({ length: 32 }, (_, i) => (i < 4 ? 0 : i)),
  });
  t.is(
    Buffer.from(unsigned).toString("hex"),
    // [20, [1, 300, 5, 70000, 24, 1048576, [0, 0x04050607, ...]]
    "8314" +
      "87" +
      "01" +
      "19012c" +
      "05" +
      "1a00011170" +
      "1818" +
      "1a00100000" +
      "88" +
      "00" +
      "1a04050607" +
      "1a08090a0b" +
      "1a0c0d0e0f" +
      "1a10111213" +
      "1a14151617" +
      "1a18191a1b" +
      "1a1c1d1e1f",
  );
});

test("the longest has the bytes that are stated", (t) => {
  const most = 0xffffffff;
  const unsigned = encodeUnsigned({
    key: 22,
    product: most,
    chip: 0xffff,
    version: most,
    from: most,
    size: most,
    digest: new Uint8Array(32).fill(0xff),
  });
  t.is(encodeDescription(unsigned, new Uint8Array(64).fill(0xff)).length, MAX_DESCRIPTION);
});

test("every change of a byte, and any bytes at all, are another description or a typed error", (t) => {
  const read = (bytes: Uint8Array) => {
    try {
      return decodeDescription(bytes);
    } catch (error) {
      if (error instanceof UplinkError || error instanceof UpdateError) return undefined;
      throw error;
    }
  };
  fc.assert(
    fc.property(
      image,
      signature,
      fc.nat(200),
      fc.integer({ min: 1, max: 255 }),
      (fields, signed, at, change) => {
        const bytes = encodeDescription(encodeUnsigned(fields), signed);
        const changed = bytes.slice();
        changed[at % bytes.length]! ^= change;
        const found = read(changed);
        // One encoding each: what differs in a byte differs in what it says.
        if (found) t.notDeepEqual(found, read(bytes));
        t.is(read(bytes.subarray(0, at % bytes.length)), undefined);
      },
    ),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void read(bytes)));
});

test("fields outside their bounds are refused by name", (t) => {
  const good: ImageDescription = {
    key: 0,
    product: 1,
    chip: 0,
    version: 1,
    from: 0,
    size: 4096,
    digest: new Uint8Array(32),
  };
  const bad: Partial<ImageDescription>[] = [
    { key: 23 },
    { product: -1 },
    { chip: 65_536 },
    { version: 0 },
    { from: 1.5 },
    { size: 511 },
    { size: 2 ** 32 },
    { digest: new Uint8Array(31) },
  ];
  for (const fields of bad) {
    const error = t.throws(() => encodeUnsigned({ ...good, ...fields }), { instanceOf: UpdateError });
    t.regex(error.message, new RegExp(`^${Object.keys(fields)[0]}: `));
  }
  t.throws(() => encodeDescription(encodeUnsigned(good), new Uint8Array(63)), { message: /^signature: / });
});
