import test from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";

test("a new partition is erased, of the size and alignment that it was made with", (t) => {
  t.deepEqual(new NorFlash().status(), {
    size: 65536,
    blockLength: 4096,
    blocks: 16,
    eraseValue: 255,
    writeAlign: 4,
  });
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 16 });
  t.deepEqual(flash.status(), { size: 1536, blockLength: 512, blocks: 3, eraseValue: 255, writeAlign: 16 });
  t.true(flash.bytes.every((byte) => byte === 255));
});

test("a partition starts with the content it is given, as a copy", (t) => {
  const content = Uint8Array.from({ length: 300 }, (_, index) => index);
  const flash = new NorFlash({ blocks: 2, blockLength: 256, content });
  content[0] = 99;
  t.deepEqual([flash.bytes[0], flash.bytes[299], flash.bytes[300]], [0, 43, 255]);
  t.is(new NorFlash({ blocks: 1, blockLength: 256, content }).bytes[255], 255);
});

test("what is written is read, as a copy", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256 });
  flash.write(Uint8Array.of(1, 2, 3, 4), 8);
  flash.write(Uint8Array.of(5, 6, 7, 8).buffer, 12);
  flash.write(Uint8Array.of(0, 0, 0, 0, 9, 9, 9, 9).subarray(4), 16);
  const read = new Uint8Array(flash.read(14, 7));
  t.deepEqual([...read], [255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 255]);
  read[0] = 0;
  t.is(flash.bytes[7], 255);
  t.is(flash.written, 12);
});

test("reads need no alignment, and end at the end", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256, writeAlign: 16 });
  t.is(flash.read(3, 509).byteLength, 3);
  t.is(flash.read(0, 512).byteLength, 0);
});

test("writing over what is written is refused and changes nothing, whatever was and is to be written, until an erase", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256 });
  flash.write(Uint8Array.of(1, 255, 3, 255), 0);
  flash.write(Uint8Array.of(255, 255, 255, 255), 4);
  for (const [bytes, at] of [
    [[255, 2, 255, 4], 0],
    [[255, 255, 255, 255], 0],
    [[7, 7, 7, 7], 4],
    [[7, 7, 7, 7, 7, 7, 7, 7], 4],
  ] as const) {
    const error = t.throws(() => flash.write(Uint8Array.from(bytes), at));
    t.regex(
      error.message,
      new RegExp(`write of ${bytes.length} bytes at ${at}: byte ${at} is written already`),
    );
  }
  t.deepEqual([...flash.bytes.subarray(0, 12)], [1, 255, 3, 255, ...new Array(8).fill(255)]);
  t.is(flash.written, 8);
  flash.eraseBlock(0);
  flash.write(Uint8Array.of(7, 7, 7, 7), 4);
  t.deepEqual([...flash.bytes.subarray(0, 8)], [255, 255, 255, 255, 7, 7, 7, 7]);
});

test("bytes that a partition came with count as written", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256, content: Uint8Array.of(255, 255, 255, 255, 0) });
  flash.write(Uint8Array.of(1, 2, 3, 4), 0);
  t.throws(() => flash.write(Uint8Array.of(0, 0, 0, 0), 4), { message: /byte 4 is written already/ });
});

test("writes off the alignment are refused", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256, writeAlign: 4 });
  t.regex(
    t.throws(() => flash.write(new Uint8Array(4), 2)).message,
    /write of 4 bytes at 2: not at multiples of 4/,
  );
  t.throws(() => flash.write(new Uint8Array(3), 4));
  t.notThrows(() => new NorFlash({ writeAlign: 1 }).write(new Uint8Array(3), 5));
});

test("what lies outside is refused", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256 });
  t.regex(t.throws(() => flash.read(2, 511)).message, /read of 2 bytes at 511: the partition has 512/);
  t.throws(() => flash.read(1, -1));
  t.throws(() => flash.read(-1, 5));
  t.throws(() => flash.read(1.5, 0));
  t.throws(() => flash.read(1, 0.5));
  t.throws(() => flash.write(new Uint8Array(8), 508));
  t.throws(() => flash.write(new Uint8Array(4), -4));
  t.regex(t.throws(() => flash.eraseBlock(2)).message, /erase of blocks 2 to 3: the partition has 2/);
  t.throws(() => flash.eraseBlock(-1));
  t.throws(() => flash.eraseBlock(1, 1));
  t.throws(() => flash.eraseBlock(0, 3));
  t.deepEqual([flash.erases, flash.written], [[0, 0], 0]);
});

test("an erase sets whole blocks, the end not included, and is counted for each", (t) => {
  const flash = new NorFlash({ blocks: 4, blockLength: 256, content: new Uint8Array(1024) });
  flash.eraseBlock(1);
  t.deepEqual(flash.erases, [0, 1, 0, 0]);
  t.deepEqual([flash.bytes[255], flash.bytes[256], flash.bytes[511], flash.bytes[512]], [0, 255, 255, 0]);
  flash.eraseBlock(1, 3);
  t.deepEqual(flash.erases, [0, 2, 1, 0]);
  t.deepEqual([flash.bytes[767], flash.bytes[768]], [255, 0]);
  flash.write(new Uint8Array(4), 256);
  t.is(flash.bytes[256], 0);
});

test("whatever is done, bits are only set by erases", (t) => {
  const operation = fc.record({
    erase: fc.boolean(),
    at: fc.nat(63),
    bytes: fc.uint8Array({ maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const flash = new NorFlash({ blocks: 2, blockLength: 32, writeAlign: 1 });
      for (const { erase, at, bytes } of operations) {
        const before = flash.bytes.slice();
        if (erase) {
          flash.eraseBlock(at >> 5);
          continue;
        }
        try {
          flash.write(bytes, at);
        } catch {
          if (Buffer.compare(flash.bytes, before) !== 0) return false;
        }
        if (flash.bytes.some((byte, index) => (byte & ~before[index]!) !== 0)) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test("closing leaves the content to the next that opens it", (t) => {
  const flash = new NorFlash({ blocks: 2, blockLength: 256 });
  flash.write(Uint8Array.of(1, 2, 3, 4), 0);
  flash.close();
  t.deepEqual([...new Uint8Array(flash.read(4, 0))], [1, 2, 3, 4]);
});
