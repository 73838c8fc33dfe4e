import test from "ava";
import fc from "fast-check";
import { ByteReader, ByteWriter, LedgerError } from "../../../sdk/ledger/index.js";

function written(write: (to: ByteWriter) => void, room?: number): Uint8Array {
  const to = new ByteWriter(room);
  write(to);
  return to.view().slice();
}

const LARGEST_SIGNED = 2 ** 52 - 1;

test("whatever is written is read back in the same order, from any initial room", (t) => {
  const item = fc.oneof(
    fc.record({ type: fc.constant("byte" as const), value: fc.nat(255) }),
    fc.record({ type: fc.constant("count" as const), value: fc.maxSafeNat() }),
    fc.record({
      type: fc.constant("signed" as const),
      value: fc.integer({ min: -LARGEST_SIGNED, max: LARGEST_SIGNED }),
    }),
    fc.record({ type: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 300 }) }),
  );
  fc.assert(
    fc.property(fc.array(item), fc.nat(70), (items, room) => {
      const bytes = written((to) => {
        for (const { type, value } of items) {
          if (type === "bytes") to.bytes(value);
          else to[type](value);
        }
      }, room);
      const from = new ByteReader(bytes);
      for (const { type, value } of items) {
        if (from.done) return false;
        if (type === "bytes") {
          if (Buffer.compare(from.bytes(), value) !== 0) return false;
        } else if (from[type]() !== value) return false;
      }
      return from.done;
    }),
  );
  t.pass();
});

test("numbers take seven bits to a byte, least significant first", (t) => {
  const count = (value: number) => [...written((to) => to.count(value))];
  t.deepEqual(count(0), [0]);
  t.deepEqual(count(127), [127]);
  t.deepEqual(count(128), [0x80, 1]);
  t.deepEqual(count(300), [0xac, 2]);
  t.is(count(Number.MAX_SAFE_INTEGER).length, 8);
  const signed = (value: number) => [...written((to) => to.signed(value))];
  t.deepEqual(signed(0), [0]);
  t.deepEqual(signed(-1), [1]);
  t.deepEqual(signed(1), [2]);
  t.deepEqual(signed(-64), [127]);
});

test("the largest numbers of either sign are kept exactly", (t) => {
  for (const value of [0, 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1])
    t.is(new ByteReader(written((to) => to.count(value))).count(), value);
  for (const value of [LARGEST_SIGNED, -LARGEST_SIGNED, 2 ** 51, -(2 ** 32)])
    t.is(new ByteReader(written((to) => to.signed(value))).signed(), value);
});

test("a number that cannot be kept is refused before anything is written", (t) => {
  const to = new ByteWriter();
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = t.throws(() => to.count(value), { instanceOf: LedgerError });
    t.is(error.code, "record");
    t.is(error.message, `count: a whole number from 0 to 2^53 - 1 is accepted (got ${value})`);
  }
  for (const value of [0.5, -1.5, 2 ** 52, -(2 ** 52), Number.NaN, Number.NEGATIVE_INFINITY]) {
    const error = t.throws(() => to.signed(value), { instanceOf: LedgerError });
    t.is(error.code, "record");
    t.is(error.message, `signed: a whole number below 2^52 in size is accepted (got ${value})`);
  }
  t.is(to.length, 0);
});

test("running past the end is a typed error", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(39), (value, cut) => {
      const whole = written((to) => to.bytes(value));
      const short = whole.slice(0, Math.min(cut, whole.length - 1));
      try {
        new ByteReader(short).bytes();
        return false;
      } catch (error) {
        return error instanceof LedgerError && error.code === "record";
      }
    }),
  );
  const past = (read: (from: ByteReader) => void) =>
    t.throws(() => read(new ByteReader(Uint8Array.of(0x85))), { instanceOf: LedgerError });
  t.is(past((from) => from.count()).message, "record: ends at byte 1");
  past((from) => from.signed());
  past((from) => from.bytes());
  t.is(
    t.throws(() => new ByteReader(Uint8Array.of(5, 1)).bytes()).message,
    "record: ends at byte 2 within 5 bytes",
  );
});

test("any bytes at all are read to their end or refused, and every number read is a safe one", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom("count" as const, "signed" as const, "bytes" as const),
      (bytes, read) => {
        const from = new ByteReader(bytes);
        try {
          while (!from.done) {
            const value = from[read]();
            if (typeof value === "number" && !Number.isSafeInteger(value)) return false;
          }
          return true;
        } catch (error) {
          return error instanceof LedgerError && error.code === "record";
        }
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
});

test("a number above 2^53 - 1 is refused, however many bytes it takes", (t) => {
  const above = [
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [...new Array(200).fill(0x80), 0x00],
  ];
  for (const bytes of above) {
    const error = t.throws(() => new ByteReader(Uint8Array.from(bytes)).count(), { instanceOf: LedgerError });
    t.is(error.code, "record");
    t.regex(error.message, /above 2\^53 - 1/);
  }
});

test("clearing keeps nothing of what was written", (t) => {
  const to = new ByteWriter(2);
  to.bytes(Uint8Array.of(1, 2, 3, 4, 5));
  to.clear();
  t.is(to.length, 0);
  to.byte(9);
  t.deepEqual([...to.view()], [9]);
});
