import test from "ava";
import fc from "fast-check";
import { Random } from "../../../hal/simulator/models/random.js";
import { NOT_BEGUN, NorFlash, type NorFlashOptions } from "../../../hal/simulator/nor-flash.js";
import { crc32 } from "../../../sdk/ledger/crc32.js";
import { type FlashPartition, Journal, LedgerError } from "../../../sdk/ledger/index.js";
import { formatOneBlocks, formatOneImage } from "./powercut/format-one.js";
import { KeptTally, randomBytes, records, Tally } from "./tally.js";

type Geometry = Required<Pick<NorFlashOptions, "blocks" | "blockLength" | "writeAlign">>;

const SMALL: readonly Geometry[] = [
  { blocks: 3, blockLength: 512, writeAlign: 1 },
  { blocks: 3, blockLength: 512, writeAlign: 4 },
  { blocks: 3, blockLength: 512, writeAlign: 16 },
];

function named({ blocks, blockLength, writeAlign }: Geometry): string {
  return `${blocks} blocks of ${blockLength} bytes, written in units of ${writeAlign}`;
}

/** Headers that are whole, newest first. */
function headers(flash: NorFlash): { block: number; sequence: number; erases: number; whole: boolean }[] {
  const { blocks, blockLength, writeAlign } = flash.status();
  const found = [];
  for (let block = 0; block < blocks; block++) {
    const bytes = flash.bytes.slice(block * blockLength, block * blockLength + 20);
    const view = new DataView(bytes.buffer);
    if (view.getUint32(0) === 0x45564652 && view.getUint32(16) === crc32(bytes, 0, 0, 16))
      found.push({
        block,
        sequence: view.getUint32(8),
        erases: view.getUint32(12),
        whole: isRecord(
          flash.bytes.slice(
            block * blockLength + Math.ceil(20 / writeAlign) * writeAlign,
            (block + 1) * blockLength,
          ),
          bytes.subarray(8, 12),
          writeAlign,
        ),
      });
  }
  return found.sort((a, b) => b.sequence - a.sequence);
}

/** Whether a committed record that belongs to this block sequence is at the start. */
function isRecord(bytes: Uint8Array, sequence: Uint8Array, writeAlign: number): boolean {
  const view = new DataView(bytes.buffer);
  const end = 6 + view.getUint16(0);
  const marker = Math.ceil((end + 4) / writeAlign) * writeAlign;
  return (
    marker < bytes.length &&
    bytes[marker] === 0 &&
    view.getUint32(end) === crc32(bytes, crc32(sequence), 0, end)
  );
}

function header(format: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x45564652);
  view.setUint8(4, format);
  view.setUint32(8, sequence);
  view.setUint32(12, 1);
  view.setUint32(16, crc32(bytes, 0, 0, 16));
  return bytes;
}

/** Blocks that refuse every write, with nothing of it done. */
function refuseWrites(flash: NorFlash, bad: ReadonlySet<number>): void {
  const { blockLength } = flash.status();
  flash.refuse = (access) =>
    access.kind === "write" && bad.has(Math.floor(access.offset / blockLength)) ? NOT_BEGUN : undefined;
}

/** A failed check names the point that repeats it. */
function check(holds: boolean, point: string, what: string): void {
  if (!holds) throw new Error(`${point}: ${what}`);
}

test("the bytes on flash are those that the README shows", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 256, writeAlign: 4 });
  const journal = new Journal({
    flash,
    snapshot: () => Uint8Array.of(0x07, 0xd0),
    restore: () => {},
    replay: () => {},
    warn: () => {},
  });
  journal.open();
  journal.append(Uint8Array.of(0x01, 0x02, 0x00, 0x46));
  // The first block is left at once.
  t.is(
    Buffer.from(flash.bytes.subarray(256, 256 + 72))
      .toString("hex")
      .replace(/.{8}/g, "$& ")
      .trim(),
    "45564652 02000001 00000002 00000001 32d5872e 00040000 00000000 07d01da9 " +
      "d519ffff 00000000 00000000 00000000 00040000 00010102 0046cddc ef14ffff 00000000 ffffffff",
  );
  t.is(Buffer.from(flash.bytes.subarray(252, 256)).toString("hex"), "00000000");
  t.is(Buffer.from(flash.bytes.subarray(508, 512)).toString("hex"), "ffffffff");
});

test("what was appended is replayed in order after reopening at any point, on any geometry", (t) => {
  fc.assert(
    fc.property(
      fc.record({
        blocks: fc.integer({ min: 3, max: 16 }),
        blockLength: fc.constantFrom(512, 1024, 2048, 4096),
        writeAlign: fc.constantFrom(1, 4, 16),
      }),
      fc.integer({ min: 0, max: 160 }),
      fc.array(
        fc.record({ size: fc.integer({ min: 0, max: 160 }), reopen: fc.integer({ min: 0, max: 9 }) }),
        { minLength: 1, maxLength: 120 },
      ),
      fc.nat(),
      (geometry, filler, steps, seed) => {
        const flash = new NorFlash(geometry);
        const random = new Random(seed);
        const model = new Tally();
        let kept = new KeptTally(flash, filler);
        for (const { size, reopen } of steps) {
          const record = randomBytes(random, size);
          kept.append(record);
          model.fold(record);
          if (reopen > 0) continue;
          kept = new KeptTally(flash, filler);
          if (kept.tally.hash !== model.hash || kept.tally.count !== model.count) return false;
          if (kept.warnings.length > 0 || kept.restores !== 1) return false;
        }
        kept = new KeptTally(flash, filler);
        return kept.tally.hash === model.hash && kept.tally.count === model.count;
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});

test("records come back as they were, between the checkpoint and the end", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const seen: string[] = [];
  const open = () => {
    const journal = new Journal({
      flash,
      snapshot: () => Buffer.from("state"),
      restore: (snapshot) => seen.push(`restore ${Buffer.from(snapshot)}`),
      replay: (record) => seen.push(`replay ${Buffer.from(record)}`),
      warn: (text) => seen.push(text),
    });
    journal.open();
    return journal;
  };
  const journal = open();
  for (const text of ["one", "", "three"]) journal.append(Buffer.from(text));
  t.deepEqual(seen, []);
  open();
  t.deepEqual(seen, ["restore state", "replay one", "replay ", "replay three"]);
});

test("blocks are used as a ring and wear evenly, and each header counts its block's erases", (t) => {
  for (const geometry of [...SMALL, { blocks: 16, blockLength: 1024, writeAlign: 4 }]) {
    const flash = new NorFlash(geometry);
    let kept = new KeptTally(flash, 20);
    let erases = 0;
    records(7, 1500, 60).forEach((record, index) => {
      kept.append(record);
      if (index % 100 !== 99) return;
      erases += kept.journal.erases;
      kept = new KeptTally(flash, 20);
    });
    const total = flash.erases.reduce((sum, each) => sum + each, 0);
    t.true(total > 3 * geometry.blocks, named(geometry));
    t.is(total, erases + kept.journal.erases);
    t.true(Math.max(...flash.erases) - Math.min(...flash.erases) <= 1, `${flash.erases}`);
    for (const { block, erases } of headers(flash)) t.is(erases, flash.erases[block]!);
    t.is(headers(flash).length, geometry.blocks);
  }
});

test("opening goes on in the next block, and leaves the one before as it was but for its closing marker", (t) => {
  const flash = new NorFlash({ blocks: 4, blockLength: 512 });
  const kept = new KeptTally(flash);
  for (const record of records(1, 9, 40)) kept.append(record);
  const before = flash.bytes.slice();
  const { written } = flash;
  t.is(new KeptTally(flash).journal.erases, 1);
  t.deepEqual(flash.erases, [1, 1, 1, 0]);
  const closed = before.slice(512, 1024).fill(0, 508);
  t.deepEqual(flash.bytes.slice(512, 1024), closed);
  t.is(flash.written - written, 20 + 20 + 3 * 4 + 4);
});

test("a block is used to its last byte before the closing marker", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 1 });
  const kept = new KeptTally(flash);
  const room = 512 - 1 - 20 - (6 + 2 + 8 + 4 + 3);
  kept.append(new Uint8Array(room - 11).fill(1));
  t.is(kept.journal.erases, 2);
  kept.append(Uint8Array.of(2));
  t.is(kept.journal.erases, 3);
  const reopened = new KeptTally(flash);
  t.deepEqual([reopened.tally.count, reopened.warnings], [2, []]);
});

test("a block is nearly full in the last sixteenth of its room for records, and makes room without one", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 1024, writeAlign: 4 });
  const kept = new KeptTally(flash);
  const { journal } = kept;
  let appended = 0;
  for (; !journal.isNearlyFull; appended++) kept.append(Uint8Array.of(appended));
  // A record of 16 bytes with its marker.
  const room = 1024 - 4 - 56;
  const left = room - 16 * appended;
  t.true(left < room / 16 && left + 16 >= room / 16, `${left} of ${room}`);
  const erases = journal.erases;
  while (journal.advance());
  t.is(journal.erases, erases + 1);
  t.false(journal.isNearlyFull);
  kept.append(Uint8Array.of(99));
  t.is(journal.erases, erases + 1);
  const again = new KeptTally(flash);
  t.is(again.tally.count, appended + 1);
  t.is(again.tally.hash, kept.tally.hash);
});

test("room is made in an open journal only", (t) => {
  const kept = new KeptTally(new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 }), 0, false);
  t.false(kept.journal.isNearlyFull);
  t.throws(() => kept.journal.advance(), { instanceOf: LedgerError, code: "closed" });
});

test("a block that refuses every write costs nothing, is tried three times and then given up, over restarts too", (t) => {
  for (let blocks = 4; blocks <= 6; blocks++)
    for (let bad = 0; bad < blocks; bad++) {
      const flash = new NorFlash({ blocks, blockLength: 512 });
      let kept = new KeptTally(flash);
      refuseWrites(flash, new Set([bad]));
      const model = new Tally();
      const warnings: string[] = [];
      let tries = 0;
      for (const record of records(blocks, 400, 60)) {
        kept.append(record);
        model.fold(record);
        if (model.count % 20 !== 0) continue;
        warnings.push(...kept.warnings);
        tries = flash.erases[bad]!;
        kept = new KeptTally(flash);
        t.is(kept.tally.hash, model.hash);
      }
      t.deepEqual(kept.journal.health.worn, [bad]);
      t.is(flash.erases[bad], tries, "it was given up");
      t.true(warnings.some((text) => text.includes(`block ${bad}: write refused`)));
      t.true(Math.min(...flash.erases.filter((_, block) => block !== bad)) > 5);
    }
});

test("a block that takes its checkpoint but no records is given up as well", (t) => {
  const flash = new NorFlash({ blocks: 4, blockLength: 512, writeAlign: 4 });
  flash.refuse = (access) =>
    access.kind === "write" && access.offset >= 512 + 64 && access.offset < 1024 - 4 ? NOT_BEGUN : undefined;
  const kept = new KeptTally(flash);
  for (const record of records(4, 150, 60)) kept.append(record);
  t.deepEqual(kept.journal.health.worn, [1]);
  t.is(new KeptTally(flash).tally.hash, kept.tally.hash);
});

test("after a refusal the blocks go on in the order of the ring", (t) => {
  const flash = new NorFlash({ blocks: 5, blockLength: 512, writeAlign: 4 });
  const kept = new KeptTally(flash);
  let refusals = 1;
  flash.refuse = ({ kind }) => (kind === "erase" && refusals-- > 0 ? NOT_BEGUN : undefined);
  const order: number[] = [];
  for (const record of records(5, 120, 60)) {
    kept.append(record);
    const { block } = headers(flash)[0]!;
    if (block !== order.at(-1)) order.push(block);
  }
  t.deepEqual(order.slice(0, 8), [1, 3, 4, 0, 1, 2, 3, 4]);
});

test("where every block has been given up they are tried again", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  const model = new Tally();
  const append = (record: Uint8Array) => {
    kept.append(record);
    model.fold(record);
  };
  for (const bad of [0, 1, 2]) {
    refuseWrites(flash, new Set([bad]));
    while (!kept.journal.health.worn.includes(bad)) append(new Uint8Array(40));
  }
  t.deepEqual(kept.journal.health.worn, [0, 1, 2]);
  flash.refuse = undefined;
  for (let i = 0; i < 40; i++) append(new Uint8Array(40));
  t.is(new KeptTally(flash).tally.hash, model.hash);
});

test("while the whole flash refuses, no block is blamed, and what is in use stays", (t) => {
  const flash = new NorFlash({ blocks: 8, blockLength: 512 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1));
  refuseWrites(flash, new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  const erases = () => flash.erases.reduce((sum, each) => sum + each, 0);
  const before = erases();
  for (let i = 0; i < 20; i++)
    t.is(t.throws(() => kept.append(Uint8Array.of(2)), { instanceOf: LedgerError }).code, "flash");
  // Four blocks are tried for each, and not the same four.
  t.is(erases() - before, 80);
  t.is(flash.erases[1], 1);
  const tried = flash.erases.filter((_, block) => block !== 1);
  t.true(Math.max(...tried) - Math.min(...tried) <= 2);
  t.deepEqual(kept.journal.health.worn, []);
  t.is(new KeptTally(new NorFlash({ ...flash.status(), content: flash.bytes })).tally.count, 1);
  flash.refuse = undefined;
  kept.append(Uint8Array.of(3));
  t.deepEqual([new KeptTally(flash).tally.count, kept.journal.health.worn], [2, []]);
});

test("a read that is refused while opening is told", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  new KeptTally(flash).append(Uint8Array.of(1));
  flash.refuse = ({ kind }) => (kind === "read" ? NOT_BEGUN : undefined);
  const error = t.throws(() => new KeptTally(flash), { instanceOf: LedgerError });
  t.deepEqual(
    [error.code, error.message],
    ["flash", "journal: block 0, 1, 2 cannot be read; nothing was erased"],
  );
  const odd = Object.assign(Object.create(flash), {
    status: () => flash.status(),
    read: () => {
      throw "a string";
    },
  });
  t.is(t.throws(() => new KeptTally(odd), { instanceOf: LedgerError }).code, "flash");
});

test("a partition of random bytes is formatted with a warning", (t) => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 3, max: 5 }), (seed, blocks) => {
      const content = randomBytes(new Random(seed), blocks * 512);
      const flash = new NorFlash({ blocks, blockLength: 512, content });
      const kept = new KeptTally(flash);
      if (kept.tally.count !== 0 || kept.restores !== 0 || kept.warnings.length !== 1) return false;
      for (const record of records(seed, 60, 30)) kept.append(record);
      const again = new KeptTally(flash);
      return again.tally.hash === kept.tally.hash && again.warnings.length === 0;
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test("random bytes behind headers that look whole are formatted with a warning, above their sequences", (t) => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1_000_000 }), (seed, sequence) => {
      const flash = new NorFlash({
        blocks: 3,
        blockLength: 512,
        content: randomBytes(new Random(seed), 3 * 512),
      });
      for (let block = 0; block < 3; block++) flash.bytes.set(header(2, sequence + block), block * 512);
      const kept = new KeptTally(flash);
      const warned = kept.warnings.filter((text) => /formatted/.test(text)).length === 1;
      return warned && kept.restores === 0 && headers(flash)[0]!.sequence === sequence + 4;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test("an erased partition is taken into use without a warning", (t) => {
  t.deepEqual(new KeptTally(new NorFlash({ blocks: 3 })).warnings, []);
});

/** A journal whose state is the list of its records' numbers: what is missing shows. */
class Listed {
  numbers: number[] = [];
  readonly warnings: string[] = [];
  readonly journal: Journal;

  constructor(flash: FlashPartition) {
    this.journal = new Journal({
      flash,
      snapshot: () => Uint8Array.from(this.numbers),
      restore: (snapshot) => {
        this.numbers = [...snapshot];
      },
      replay: (record) => this.numbers.push(record[0]!),
      warn: (text) => this.warnings.push(text),
    });
    this.journal.open();
  }

  append(number: number): void {
    this.journal.append(Uint8Array.of(number, ...new Uint8Array(number % 7)));
    this.numbers.push(number);
  }
}

const NUMBERS = Array.from({ length: 100 }, (_, index) => index);

/** A partition with 100 numbered records, written over several starts, of which some begin a block in vain. */
function numbered(geometry: Geometry, refused = 0): NorFlash {
  const flash = new NorFlash(geometry);
  let listed = new Listed(flash);
  for (const number of NUMBERS) {
    if (number % 40 === 39) {
      let left = refused;
      flash.refuse = ({ kind }) => (kind === "erase" && left-- > 0 ? NOT_BEGUN : undefined);
      listed = new Listed(flash);
      flash.refuse = undefined;
    }
    listed.append(number);
  }
  return flash;
}

/** Opens a damaged copy: what is there is true, in order, and what is not there is told. */
function checkDamaged(flash: NorFlash, what: string): Listed {
  const listed = new Listed(flash);
  const { numbers, warnings, journal } = listed;
  check(
    numbers.every((number, index) => index === 0 || number > numbers[index - 1]!),
    what,
    `found ${numbers}`,
  );
  if (numbers.length < NUMBERS.length) {
    check(warnings.length > 0, what, `found ${numbers}, and nothing was told`);
    const { damaged, formatted } = journal.health;
    // A damaged end may look as a power cut leaves it.
    const isTail = warnings.some((text) => text.includes("or it is damaged"));
    check(damaged > 0 || formatted || isTail, what, `found ${numbers}; ${warnings}`);
  }
  // It can be gone on from.
  listed.append(200);
  check(new Listed(flash).numbers.join() === [...numbers].join(), what, "what came after it is lost");
  return listed;
}

for (const [writeAlign, refused] of [
  [1, 0],
  [4, 0],
  [16, 0],
  [4, 1],
] as const)
  test(`every single flipped bit costs one record at the most, and is told (units of ${writeAlign}, ${refused} blocks begun in vain)`, (t) => {
    const geometry = { blocks: 4, blockLength: 1024, writeAlign };
    const original = numbered(geometry, refused);
    for (let bit = 0; bit < original.bytes.length * 8; bit++) {
      const flash = new NorFlash({ ...geometry, content: original.bytes });
      flash.bytes[bit >> 3]! ^= 1 << (bit & 7);
      const { numbers } = checkDamaged(flash, `bit ${bit}`);
      check(numbers.length - 1 >= NUMBERS.length - 1, `bit ${bit}`, `found ${numbers}`);
    }
    t.pass();
  });

/** Flips every bit once: at most one record is missing, and that is told. */
function flipEach(original: NorFlash, geometry: Geometry, count: number): void {
  for (let bit = 0; bit < original.bytes.length * 8; bit++) {
    const flash = new NorFlash({ ...geometry, content: original.bytes });
    flash.bytes[bit >> 3]! ^= 1 << (bit & 7);
    const { numbers, warnings } = new Listed(flash);
    check(numbers.length >= count - 1, `bit ${bit}`, `found ${numbers}`);
    check(numbers.length === count || warnings.length > 0, `bit ${bit}`, "nothing was told");
  }
}

test("in the first life of a journal, too, a flipped bit costs one record at the most", (t) => {
  const geometry = { blocks: 4, blockLength: 1024, writeAlign: 4 };
  const flash = new NorFlash(geometry);
  const listed = new Listed(flash);
  for (let number = 0; number < 20; number++) listed.append(number);
  flipEach(flash, geometry, 20);
  t.pass();
});

test("in the first life after an upgrade, too, a flipped bit costs one record at the most", (t) => {
  const geometry = { blocks: 4, blockLength: 1024, writeAlign: 4 };
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const history = numbers.map((number) => ({
    before: Uint8Array.from(numbers.slice(0, number)),
    record: Uint8Array.of(number, ...new Uint8Array(12)),
  }));
  const flash = new NorFlash({
    ...geometry,
    content: formatOneImage(geometry, formatOneBlocks(geometry, history)),
  });
  const listed = new Listed(flash);
  t.deepEqual(listed.numbers, numbers);
  for (let number = 60; number < 70; number++) listed.append(number);
  flipEach(flash, geometry, 70);
});

test("where a block refuses its closing marker, a flipped bit in the next costs one record at the most", (t) => {
  const geometry = { blocks: 4, blockLength: 1024, writeAlign: 4 };
  const flash = new NorFlash(geometry);
  let listed = new Listed(flash);
  for (let number = 0; number < 20; number++) listed.append(number);
  let refusals = 0;
  flash.refuse = (access) =>
    access.kind === "write" && access.offset % 1024 === 1020 && refusals++ === 0 ? NOT_BEGUN : undefined;
  listed = new Listed(flash);
  t.is(refusals, 2);
  flash.refuse = undefined;
  for (let number = 20; number < 40; number++) listed.append(number);
  flipEach(flash, geometry, 40);
});

test("whatever bits are flipped, what opens is true and what is missing is told", (t) => {
  const geometry = { blocks: 4, blockLength: 1024, writeAlign: 4 };
  const original = numbered(geometry);
  fc.assert(
    fc.property(fc.array(fc.nat(4 * 1024 * 8 - 1), { minLength: 2, maxLength: 40 }), (bits) => {
      const flash = new NorFlash({ ...geometry, content: original.bytes });
      for (const bit of bits) flash.bytes[bit >> 3]! ^= 1 << (bit & 7);
      checkDamaged(flash, `bits ${bits}`);
    }),
    { numRuns: 1500 },
  );
  t.pass();
});

test("a journal of a newer format is refused and left as it is", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  for (const record of records(2, 30, 40)) kept.append(record);
  // A firmware that was rolled back finds the newer one's block anywhere in the ring.
  for (let block = 0; block < 3; block++) {
    const newer = new NorFlash({ blocks: 3, blockLength: 512, content: flash.bytes });
    newer.bytes.set(header(3, 77), block * 512);
    const before = newer.bytes.slice();
    const error = t.throws(() => new KeptTally(newer), { instanceOf: LedgerError });
    t.is(error.code, "version");
    t.is(error.message, "journal: formats up to 2 are accepted (got 3); nothing was erased");
    t.deepEqual(newer.bytes, before);
    t.deepEqual(newer.erases, [0, 0, 0]);
  }
});

test("a header of a newer format that is not whole is no journal", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const bytes = header(3, 77);
  bytes[19]! ^= 1;
  flash.bytes.set(bytes);
  t.deepEqual(new KeptTally(flash).warnings, ["journal: the partition holds no ledger; it is formatted"]);
});

test("partitions that no journal fits in are refused", (t) => {
  const refused = (options: NorFlashOptions) =>
    t.throws(() => new KeptTally(new NorFlash(options)), { instanceOf: LedgerError });
  t.is(refused({ blocks: 2 }).message, "flash: a partition of 3 to 256 blocks is accepted (got 2)");
  t.is(refused({ blocks: 257, blockLength: 256 }).code, "options");
  t.is(
    refused({ blocks: 3, blockLength: 252 }).message,
    "flash: blocks of 256 to 32768 bytes are accepted (got 252)",
  );
  t.is(refused({ blocks: 3, blockLength: 32772 }).code, "options");
  t.is(
    refused({ blocks: 3, blockLength: 258, writeAlign: 4 }).message,
    "flash: a write alignment that divides the block length 16 times or more is accepted (got 4)",
  );
  t.notThrows(() => new KeptTally(new NorFlash({ blocks: 3, blockLength: 32768, writeAlign: 1 })));
});

test("alignment and erase value have the defaults of the platform", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 });
  const silent = {
    status: () => ({ size: 1536, blockLength: 512, blocks: 3 }),
    read: (length: number, offset: number) => flash.read(length, offset),
    write: (bytes: Uint8Array, offset: number) => flash.write(bytes, offset),
    eraseBlock: (start: number, end?: number) => flash.eraseBlock(start, end),
    close: () => {},
  };
  const kept = new KeptTally(silent);
  for (const record of records(8, 60, 40)) kept.append(record);
  t.is(new KeptTally(flash).tally.hash, kept.tally.hash);
});

test("flash that is erased to zeros is used as well", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const invert = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff);
  const inverted = {
    status: () => ({ ...flash.status(), eraseValue: 0 }),
    read: (length: number, offset: number) =>
      invert(new Uint8Array(flash.read(length, offset))).buffer as ArrayBuffer,
    write: (bytes: ArrayBuffer | Uint8Array, offset: number) =>
      flash.write(invert(bytes as Uint8Array), offset),
    eraseBlock: (start: number, end?: number) => flash.eraseBlock(start, end),
    close: () => {},
  };
  let kept = new KeptTally(inverted);
  const model = new Tally();
  for (const record of records(9, 90, 40)) {
    kept.append(record);
    model.fold(record);
    if (model.count % 10 === 0) kept = new KeptTally(inverted);
    t.deepEqual([kept.tally.hash, kept.warnings], [model.hash, []]);
  }
});

test("a record that cannot fit beside the state is refused, at no cost", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 });
  const kept = new KeptTally(flash, 100);
  kept.append(Uint8Array.of(1, 2, 3));
  const erases = [...flash.erases];
  const { written } = flash;
  // 512 less the closing marker, the header, the checkpoint, and 14 of the record's own.
  const most = 512 - 4 - 20 - (6 + 2 + 108 + 4 + 12) - 14;
  for (const size of [most + 1, 512, 70_000]) {
    const error = t.throws(() => kept.append(new Uint8Array(size)), { instanceOf: LedgerError });
    t.is(error.code, "full");
    t.true(error.message.includes(`a record of ${size} do`) && error.message.includes("512"));
  }
  t.deepEqual([flash.erases, flash.written], [erases, written]);
  kept.append(new Uint8Array(most).fill(9));
  kept.append(Uint8Array.of(4));
  t.is(new KeptTally(flash, 100).tally.hash, kept.tally.hash);
});

test("a state that has outgrown a block is refused, and what was committed stays", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 });
  let size = 10;
  let replayed = 0;
  const open = (partition = flash) => {
    const journal = new Journal({
      flash: partition,
      snapshot: () => new Uint8Array(size),
      restore: () => {
        replayed = 0;
      },
      replay: () => replayed++,
      warn: () => {},
    });
    journal.open();
    return journal;
  };
  const journal = open();
  size = 462;
  let committed = 0;
  const error = t.throws(
    () => {
      for (;;) {
        journal.append(new Uint8Array(46));
        committed++;
      }
    },
    { instanceOf: LedgerError },
  );
  t.is(error.code, "full");
  t.is(error.message, "journal: a state of 464 bytes and a record of 46 do not fit in a block of 512");
  const erases = [...flash.erases];
  // What still fits is taken.
  journal.append(new Uint8Array(1));
  t.deepEqual(flash.erases, erases);
  size = 10;
  open();
  t.is(replayed, committed + 1);
  size = 462;
  t.is(
    t.throws(() => open(new NorFlash({ blocks: 3, blockLength: 256 })), { instanceOf: LedgerError }).code,
    "full",
  );
});

test("a torn record is told of, once", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1));
  flash.onOperation = (operation) => {
    flash.interrupt(operation, { ...NOT_BEGUN, done: 5 });
    flash.cutPower();
  };
  t.throws(() => kept.append(new Uint8Array(30)), { instanceOf: LedgerError });
  flash.onOperation = undefined;
  flash.powerOn();
  const torn = new KeptTally(flash);
  t.deepEqual(torn.warnings, [
    `journal: block 1 ends at byte ${20 + 32 + 16} in a record that is not whole: power was cut before it was committed, or it is damaged`,
  ]);
  t.deepEqual([torn.tally.count, torn.journal.health.damaged], [1, 0]);
  t.deepEqual(new KeptTally(flash).warnings, []);
});

test("a block that was not confirmed is passed over, and the sequences go on above it", (t) => {
  const flash = new NorFlash({ blocks: 4, blockLength: 512, writeAlign: 4 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1));
  flash.bytes.set(header(2, 50), 3 * 512);
  const fallen = new KeptTally(flash);
  t.is(fallen.tally.hash, kept.tally.hash);
  t.deepEqual(
    headers(flash).map(({ block, sequence, whole }) => [block, sequence, whole]),
    [
      [2, 51, true],
      [3, 50, false],
      [1, 2, true],
      [0, 1, true],
    ],
  );
});

test("where the erase count of a block was lost, it goes on from the most of the others", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  let kept = new KeptTally(flash);
  for (const record of records(1, 200, 60)) kept.append(record);
  // Power cut between erase and header.
  const next = (headers(flash)[0]!.block + 1) % 3;
  flash.eraseBlock(next, next + 1);
  kept = new KeptTally(flash);
  const { erases } = headers(flash)[0]!;
  t.is(erases, kept.journal.health.mostErases);
  t.true(Math.abs(erases - flash.erases[next]!) <= 1, `${erases} told, ${flash.erases[next]} true`);
});

test("records of an earlier use of a block are never taken for its own", (t) => {
  // A block whose header is of a later sequence than the records behind it, as no power cut leaves it.
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1, 2, 3));
  for (const block of [0, 1]) flash.bytes.set(header(2, 3 + block), block * 512);
  const reopened = new KeptTally(flash);
  t.deepEqual([reopened.restores, reopened.tally.count], [0, 0]);
});

test("a block that cannot be read is waited for three times, then done without, and not waited for again", (t) => {
  const flash = new NorFlash({ blocks: 5, blockLength: 512 });
  let kept = new KeptTally(flash);
  for (const record of records(11, 60, 40)) kept.append(record);
  const used = headers(flash);
  const unreadable = (block: number): FlashPartition => ({
    status: () => flash.status(),
    read: (length, offset) => {
      if (Math.floor(offset / 512) === block) throw new Error("uncorrectable");
      return flash.read(length, offset);
    },
    write: (bytes, offset) => flash.write(bytes, offset),
    eraseBlock: (start, end) => flash.eraseBlock(start, end),
    close: () => {},
  });
  // The oldest block: nothing of value is in it.
  const { block } = used.at(-1)!;
  const { tally } = kept;
  const make = (partition: FlashPartition) => {
    const state = new Tally();
    const journal = new Journal({
      flash: partition,
      snapshot: () => state.snapshot(),
      restore: (snapshot) => state.restore(snapshot),
      replay: (record) => state.fold(record),
      warn: () => {},
    });
    return { state, journal };
  };
  const first = make(unreadable(block));
  for (let i = 0; i < 3; i++)
    t.is(t.throws(() => first.journal.open(), { instanceOf: LedgerError }).code, "flash");
  first.journal.open();
  t.is(first.state.hash, tally.hash);
  t.deepEqual(first.journal.health.worn, [block]);
  const second = make(unreadable(block));
  second.journal.open();
  t.is(second.state.hash, tally.hash);
  // The newest block: without it something is missing, so it is waited for as long as it takes.
  const newest = headers(flash)[0]!.block;
  const third = make(unreadable(newest));
  for (let i = 0; i < 10; i++)
    t.is(t.throws(() => third.journal.open(), { instanceOf: LedgerError }).code, "flash");
  kept = new KeptTally(flash);
  t.is(kept.tally.hash, tally.hash);
});

test("a block that was given up as unreadable is waited for again when it is in use", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1));
  const blind = (block: number) => {
    flash.refuse = (access) =>
      access.kind === "read" && Math.floor(access.offset / 512) === block ? NOT_BEGUN : undefined;
  };
  // Block 2 is erased yet: it is done without after a while, and given up.
  blind(2);
  const { journal, tally } = kept.restarted();
  for (let i = 0; i < 3; i++) t.throws(() => journal.open(), { instanceOf: LedgerError });
  journal.open();
  t.deepEqual(journal.health.worn, [2]);
  // It is readable again, and no other takes more than its closing marker.
  flash.refuse = (access) =>
    access.kind === "write" && access.offset < 1024 && access.offset % 512 < 508 ? NOT_BEGUN : undefined;
  journal.append(Uint8Array.of(2));
  tally.fold(Uint8Array.of(2));
  t.is(headers(flash)[0]!.block, 2);
  blind(2);
  const next = kept.restarted();
  for (let i = 0; i < 10; i++) t.throws(() => next.journal.open(), { instanceOf: LedgerError });
  flash.refuse = undefined;
  next.journal.open();
  t.is(next.tally.hash, tally.hash);
});
