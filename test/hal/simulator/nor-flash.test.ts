import test from "ava";
import fc from "fast-check";
import {
  type FlashOperation,
  NOT_BEGUN,
  NorFlash,
  PowerCut,
  type Readings,
  type Tear,
  type WearManner,
} from "../../../hal/simulator/nor-flash.js";

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

// --- Half done.

const SMALL = { blocks: 2, blockLength: 64, writeAlign: 4 } as const;

/** A tear in which nothing is half done but what is told. */
function tear(of: Partial<Tear>): Tear {
  return { done: 0, reach: 0, share: 128, seed: 1, ...of };
}

function write(bytes: readonly number[], offset = 0): FlashOperation {
  return { kind: "write", offset, bytes: Uint8Array.from(bytes) };
}

const ERASE: FlashOperation = { kind: "erase", block: 0 };

/** A block with every byte of `value`. */
function filled(value: number): NorFlash {
  const flash = new NorFlash(SMALL);
  flash.write(new Uint8Array(64).fill(value), 0);
  return flash;
}

function read(flash: NorFlash, length = 64, offset = 0): number[] {
  return [...new Uint8Array(flash.read(length, offset))];
}

test("each operation is told before it happens, and can be done elsewhere", (t) => {
  const flash = new NorFlash(SMALL);
  const copy = new NorFlash(SMALL);
  const told: string[] = [];
  flash.onOperation = (operation) => {
    told.push(operation.kind === "write" ? `write ${operation.offset}` : `erase ${operation.block}`);
    t.deepEqual(flash.bytes, copy.bytes);
    copy.apply(operation);
  };
  flash.write(Uint8Array.of(1, 2, 3, 4), 8);
  flash.eraseBlock(0, 2);
  flash.write(Uint8Array.of(5, 6, 7, 8), 64);
  t.throws(() => flash.write(Uint8Array.of(5, 6, 7, 8), 64));
  t.deepEqual(told, ["write 8", "erase 0", "erase 1", "write 64"]);
  t.deepEqual(flash.bytes, copy.bytes);
});

test("a write that was not begun leaves nothing, one that was finished all", (t) => {
  const flash = new NorFlash(SMALL);
  flash.interrupt(write([1, 2, 3, 4]), NOT_BEGUN);
  t.deepEqual(read(flash, 4), [255, 255, 255, 255]);
  flash.write(Uint8Array.of(9, 9, 9, 9), 0);
  flash.interrupt(write([1, 2, 3, 4], 4), tear({ done: 4 }));
  t.deepEqual(read(flash, 8), [9, 9, 9, 9, 1, 2, 3, 4]);
});

test("a torn write is done in order up to a byte, half done behind it, and untouched after that", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.nat(16),
      fc.nat(8),
      fc.nat(256),
      fc.nat(),
      fc.boolean(),
      (bytes, done, reach, share, seed, backwards) => {
        const flash = new NorFlash(SMALL);
        flash.interrupt(write([...bytes]), { done, reach, share, seed, backwards });
        const found = read(flash, 16);
        const wanted = [...bytes];
        if (backwards) {
          found.reverse();
          wanted.reverse();
        }
        return found.every((byte, i) => {
          if (i < done) return byte === wanted[i];
          if (i >= done + reach) return byte === 255;
          // Any bits between old and new.
          return (byte & wanted[i]!) === wanted[i];
        });
      },
    ),
  );
  t.pass();
});

test("the seed repeats a pattern, and the share says how many bits have changed", (t) => {
  const bits = (share: number, seed: number, bytewise = false) => {
    const flash = new NorFlash(SMALL);
    flash.interrupt(write(new Array(64).fill(0)), tear({ reach: 64, share, seed, bytewise }));
    return flash.bytes.slice(0, 64);
  };
  const cleared = (bytes: Uint8Array) =>
    bytes.reduce(
      (sum, byte) =>
        sum + [...byte.toString(2)].filter((bit) => bit === "0").length + 8 - byte.toString(2).length,
      0,
    );
  t.deepEqual(bits(128, 5), bits(128, 5));
  t.notDeepEqual(bits(128, 5), bits(128, 6));
  t.is(cleared(bits(0, 1)), 0);
  t.is(cleared(bits(256, 1)), 512);
  for (const share of [32, 128, 224]) {
    const all = [1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, seed) => sum + cleared(bits(share, seed)), 0);
    t.true(Math.abs(all / (8 * 512) - share / 256) < 0.05, `${share}: ${all}`);
  }
  t.true(bits(128, 7, true).every((byte) => byte === 0 || byte === 255));
});

test("an interrupted erase has raised bytes from either end, or scattered bits, and lowered none", (t) => {
  const from = filled(0);
  from.interrupt(ERASE, tear({ done: 10 }));
  t.deepEqual(read(from), [...new Array(10).fill(255), ...new Array(54).fill(0)]);
  const end = filled(0);
  end.interrupt(ERASE, tear({ done: 10, backwards: true }));
  t.deepEqual(read(end), [...new Array(54).fill(0), ...new Array(10).fill(255)]);
  const scattered = filled(0x55);
  scattered.interrupt(ERASE, tear({ reach: 64 }));
  const bytes = read(scattered);
  t.true(bytes.every((byte) => (byte & 0x55) === 0x55));
  t.true(new Set(bytes).size > 4);
  const most = filled(0);
  most.interrupt(ERASE, tear({ reach: 64, share: 250 }));
  t.true(read(most).some((byte) => byte !== 255));
  t.deepEqual(
    [from.erases, end.erases],
    [
      [1, 0],
      [1, 0],
    ],
  );
});

test("a chip that programs before it erases may leave a block of zeros", (t) => {
  const flash = filled(0x55);
  flash.interrupt(ERASE, tear({ share: 0, programmed: true }));
  t.true(read(flash).every((byte) => byte === 0));
});

test("after an interrupted erase nothing can be written until a whole one", (t) => {
  for (const of of [{ done: 32 }, { reach: 64, share: 256 }, { reach: 64, unstable: true }]) {
    const flash = filled(0xf0);
    flash.interrupt(ERASE, tear(of));
    for (const offset of [0, 60])
      t.throws(() => flash.write(new Uint8Array(4), offset), { message: /written already/ });
    flash.eraseBlock(0);
    flash.write(new Uint8Array(4), 0);
    t.deepEqual(read(flash, 5), [0, 0, 0, 0, 255]);
  }
});

test("a write to what reads as erased after an interrupted operation is refused and no violation, one to what does not is", (t) => {
  const flash = filled(0);
  flash.interrupt(ERASE, tear({ done: 32 }));
  t.throws(() => flash.write(new Uint8Array(4), 0));
  t.deepEqual([flash.violations, flash.doubtful], [0, 1]);
  t.throws(() => flash.write(new Uint8Array(4), 32));
  t.deepEqual([flash.violations, flash.doubtful], [1, 1]);
  const begun = new NorFlash(SMALL);
  begun.interrupt(write([0, 0, 0, 0]), tear({ reach: 4, share: 0 }));
  t.throws(() => begun.write(new Uint8Array(4), 0));
  t.deepEqual([begun.violations, begun.doubtful], [0, 1]);
});

// --- Unstable.

test("unstable bits of a write read as before, as after, as neither, or in turns; all others as they are", (t) => {
  const flash = new NorFlash(SMALL);
  flash.interrupt(write([0x0f, 0xff, 0x00, 0xaa]), tear({ reach: 4, unstable: true }));
  const seen = (readings: Readings, seed = 1) => {
    flash.powerOn(readings, seed);
    return [read(flash, 4), read(flash, 4)];
  };
  const old = [255, 255, 255, 255];
  const done = [0x0f, 0xff, 0x00, 0xaa];
  t.deepEqual(seen("old"), [old, old]);
  t.deepEqual(seen("new"), [done, done]);
  t.deepEqual(seen("alternating"), [old, done]);
  const [settled, again] = seen("settled");
  t.deepEqual(settled, again);
  const [first, second] = seen("random");
  t.notDeepEqual(first, second);
  t.deepEqual(seen("random"), [first, second], "the seed repeats them");
  t.notDeepEqual(seen("random", 2)[0], first);
  for (const bytes of [first!, second!]) t.true(bytes.every((byte, i) => (byte & done[i]!) === done[i]));
  t.is(flash.unstableBytes, 3);
});

test("unstable bits of an erase were 0 and become 1", (t) => {
  const flash = filled(0xf0);
  flash.interrupt(ERASE, tear({ reach: 64, unstable: true }));
  flash.powerOn("old");
  t.true(read(flash).every((byte) => byte === 0xf0));
  flash.powerOn("new");
  t.true(read(flash).every((byte) => byte === 0xff));
  t.is(flash.unstableBytes, 64);
  flash.eraseBlock(0);
  flash.powerOn("old");
  t.true(read(flash).every((byte) => byte === 0xff));
  t.is(flash.unstableBytes, 0);
});

test("unstable bytes count as written, however they read", (t) => {
  const flash = new NorFlash(SMALL);
  flash.interrupt(write([0, 0, 0, 0]), tear({ reach: 4, unstable: true, share: 0 }));
  flash.powerOn("old");
  t.deepEqual(read(flash, 4), [255, 255, 255, 255]);
  t.throws(() => flash.write(Uint8Array.of(1, 2, 3, 4), 0), { message: /byte 0 is written already/ });
  t.is(flash.violations, 1);
});

test("an erase that is interrupted again goes on from what is there", (t) => {
  const flash = filled(0);
  flash.interrupt(ERASE, tear({ reach: 64, unstable: true }));
  flash.interrupt(ERASE, tear({ done: 32 }));
  flash.powerOn("old");
  t.deepEqual(read(flash), [...new Array(32).fill(255), ...new Array(32).fill(0)]);
  t.is(flash.unstableBytes, 32);
});

// --- Off, refused, worn.

test("once power is cut nothing works until it is back, and the content stays", (t) => {
  const flash = new NorFlash(SMALL);
  flash.onOperation = (operation) => {
    flash.interrupt(operation, tear({ done: 2 }));
    flash.cutPower();
    throw new PowerCut("off");
  };
  t.throws(() => flash.write(Uint8Array.of(1, 2, 3, 4), 0), { instanceOf: PowerCut });
  t.true(flash.isOff);
  t.throws(() => flash.read(1, 0), { instanceOf: PowerCut });
  t.throws(() => flash.write(Uint8Array.of(1, 2, 3, 4), 8), { instanceOf: PowerCut });
  t.throws(() => flash.eraseBlock(0), { instanceOf: PowerCut });
  flash.onOperation = undefined;
  flash.powerOn();
  t.deepEqual(read(flash, 4), [1, 2, 255, 255]);
});

test("a hook that cuts power without a throw cuts it all the same", (t) => {
  const flash = new NorFlash(SMALL);
  flash.onOperation = () => flash.cutPower();
  t.throws(() => flash.eraseBlock(0), { instanceOf: PowerCut });
  t.deepEqual(flash.erases, [0, 0]);
});

test("reads, writes and erases are refused on demand, with part of their effect", (t) => {
  const flash = filled(0);
  let count = 0;
  flash.refuse = (access) => (access.kind === "erase" && ++count === 2 ? tear({ done: 8 }) : undefined);
  flash.eraseBlock(1);
  t.throws(() => flash.eraseBlock(0), { message: "erase of block 0: refused" });
  t.deepEqual(read(flash, 9), [...new Array(8).fill(255), 0]);
  flash.eraseBlock(0);
  flash.refuse = (access) => (access.kind === "write" && access.offset === 4 ? tear({ done: 1 }) : undefined);
  flash.write(Uint8Array.of(1, 2, 3, 4), 0);
  t.throws(() => flash.write(Uint8Array.of(5, 6, 7, 8), 4), { message: "write of 4 bytes at 4: refused" });
  flash.refuse = (access) => (access.kind === "read" && access.length === 3 ? NOT_BEGUN : undefined);
  t.throws(() => flash.read(3, 0), { message: "read of 3 bytes at 0: refused" });
  t.deepEqual(read(flash, 8), [1, 2, 3, 4, 5, 255, 255, 255]);
  t.is(flash.violations, 0);
});

test("a block wears out after so many erases, in each manner, and no other block does", (t) => {
  const worn = (manner: WearManner) => {
    const flash = new NorFlash({ blocks: 2, blockLength: 512, wear: { block: 0, after: 2, manner } });
    for (let i = 0; i < 2; i++) {
      flash.eraseBlock(0);
      flash.write(new Uint8Array(512), 0);
      t.true(flash.bytes.subarray(0, 512).every((byte) => byte === 0));
    }
    for (let i = 0; i < 5; i++) flash.eraseBlock(1);
    flash.write(new Uint8Array(512), 512);
    t.true(flash.bytes.subarray(512).every((byte) => byte === 0));
    return flash;
  };
  t.throws(() => worn("refusesErase").eraseBlock(0), { message: /refused/ });
  const write = worn("refusesWrite");
  write.eraseBlock(0);
  t.throws(() => write.write(new Uint8Array(4), 0), { message: /refused/ });
  const zeros = worn("keepsZeros");
  zeros.eraseBlock(0);
  const stuck = [...zeros.bytes.subarray(0, 512).entries()].filter(([, byte]) => byte !== 255);
  t.true(stuck.length > 5 && stuck.length < 300, `${stuck.length}`);
  zeros.write(new Uint8Array(512).fill(0xff), 0);
  t.deepEqual(
    [...zeros.bytes.subarray(0, 512).entries()].filter(([, byte]) => byte !== 255),
    stuck,
    "nothing is said, and the bits stay",
  );
  t.is(zeros.violations, 0);
  t.throws(() => zeros.write(new Uint8Array(4), 0), { message: /written already/ });
  const ones = worn("keepsOnes");
  ones.eraseBlock(0);
  t.true(ones.bytes.subarray(0, 512).every((byte) => byte === 255));
  ones.write(new Uint8Array(512), 0);
  t.true(ones.bytes.subarray(0, 512).some((byte) => byte !== 0));
});

// --- Counters and copies.

test("reads are counted: how many, how many bytes, the largest; from power on", (t) => {
  const flash = new NorFlash(SMALL);
  for (const length of [3, 20, 7]) flash.read(length, 0);
  t.deepEqual([flash.reads, flash.bytesRead, flash.largestRead], [3, 30, 20]);
  flash.powerOn();
  t.deepEqual([flash.reads, flash.bytesRead, flash.largestRead], [0, 0, 0]);
});

test("a copy holds the same, unstable bits, wear and what is written included, and lives on by itself", (t) => {
  const wear = { block: 1, after: 0, manner: "refusesErase" } as const;
  const flash = new NorFlash({ ...SMALL, wear });
  flash.write(Uint8Array.of(255, 255, 255, 255), 0);
  flash.interrupt(write([0, 0, 0, 0], 8), tear({ reach: 4, unstable: true }));
  flash.eraseBlock(0);
  flash.write(Uint8Array.of(255, 255, 255, 255), 0);
  flash.interrupt(write([0, 0, 0, 0], 8), tear({ reach: 4, unstable: true }));
  flash.onOperation = () => t.fail("hooks are not copied");
  const copy = flash.clone();
  t.deepEqual(copy.bytes, flash.bytes);
  t.deepEqual(copy.erases, [1, 0]);
  t.is(copy.unstableBytes, 4);
  copy.powerOn("old");
  t.deepEqual(read(copy, 4, 8), [255, 255, 255, 255]);
  t.throws(() => copy.write(new Uint8Array(4), 0), { message: /written already/ });
  t.throws(() => copy.eraseBlock(1), { message: /refused/ });
  t.notThrows(() => flash.clone(true).eraseBlock(1));
  copy.eraseBlock(0);
  t.deepEqual(
    [copy.erases, flash.erases],
    [
      [2, 0],
      [1, 0],
    ],
  );
  t.is(flash.unstableBytes, 4);
  t.is(flash.violations, 0);
});
