import test from "ava";
import fc from "fast-check";
import { Random } from "../../../hal/simulator/models/random.js";
import { NorFlash, type NorFlashOptions } from "../../../hal/simulator/nor-flash.js";
import { crc32 } from "../../../sdk/ledger/crc32.js";
import { Journal, LedgerError } from "../../../sdk/ledger/index.js";
import { type Fault, FaultyFlash, PowerCut } from "./faulty-flash.js";
import { hashes, KeptTally, randomBytes, records, Tally } from "./tally.js";

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
        ),
      });
  }
  return found.sort((a, b) => b.sequence - a.sequence);
}

/** Whether a record that belongs to this block sequence is at the start. */
function isRecord(bytes: Uint8Array, sequence: Uint8Array): boolean {
  const view = new DataView(bytes.buffer);
  const end = 2 + view.getUint16(0);
  return end + 4 <= bytes.length && view.getUint32(end) === crc32(bytes, crc32(sequence), 0, end);
}

/** The newest block that starts with a whole checkpoint, 0 for none. */
function newestSequence(flash: NorFlash): number {
  return headers(flash).find(({ whole }) => whole)?.sequence ?? 0;
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

/** A failed check names the point that repeats it. */
function check(holds: boolean, point: string, what: string): void {
  if (!holds) throw new Error(`${point}: ${what}`);
}

/** Appends until the fault; returns how many records were committed. A refused append is not repeated. */
function live(flash: FaultyFlash, history: readonly Uint8Array[], filler: number): number {
  let committed = 0;
  try {
    const kept = new KeptTally(flash, filler);
    for (const record of history) {
      kept.append(record);
      committed++;
    }
  } catch (error) {
    if (!flash.isOff) throw error;
  }
  return committed;
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
  journal.append(Uint8Array.of(0x01, 0x02, 0x00, 0x46));
  t.is(
    Buffer.from(flash.bytes.subarray(0, 48)).toString("hex").replace(/.{8}/g, "$& ").trim(),
    "45564652 01000000 00000001 00000001 15903b4d 000207d0 925466a4 00040102 004694fa 92acffff ffffffff ffffffff",
  );
});

test("what was appended is replayed in order after reopening at any point, on any geometry", (t) => {
  fc.assert(
    fc.property(
      fc.record({
        blocks: fc.integer({ min: 3, max: 16 }),
        blockLength: fc.constantFrom(512, 1024, 2048, 4096),
        writeAlign: fc.constantFrom(1, 4, 16),
      }),
      fc.integer({ min: 0, max: 200 }),
      fc.array(
        fc.record({ size: fc.integer({ min: 0, max: 200 }), reopen: fc.integer({ min: 0, max: 9 }) }),
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
  const open = () =>
    new Journal({
      flash,
      snapshot: () => Buffer.from("state"),
      restore: (snapshot) => seen.push(`restore ${Buffer.from(snapshot)}`),
      replay: (record) => seen.push(`replay ${Buffer.from(record)}`),
      warn: (text) => seen.push(text),
    });
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
    t.is(total, erases);
    t.true(Math.max(...flash.erases) - Math.min(...flash.erases) <= 1, `${flash.erases}`);
    for (const { block, erases } of headers(flash)) t.is(erases, flash.erases[block]!);
    t.is(headers(flash).length, geometry.blocks);
  }
});

test("opening writes nothing to a journal that is whole", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  for (const record of records(1, 30, 40)) kept.append(record);
  const before = flash.bytes.slice();
  const { written } = flash;
  t.is(new KeptTally(flash).journal.erases, 0);
  t.deepEqual(flash.bytes, before);
  t.is(flash.written, written);
});

test("the remaining bytes of a block are used to the last one", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 1 });
  const kept = new KeptTally(flash);
  const room = 512 - 20 - (2 + 8 + 4);
  kept.append(new Uint8Array(room - 6).fill(1));
  t.is(kept.journal.erases, 1);
  const reopened = new KeptTally(flash);
  t.deepEqual([reopened.tally.count, reopened.warnings], [1, []]);
  reopened.append(Uint8Array.of(2));
  t.is(reopened.journal.erases, 1);
  t.is(new KeptTally(flash).tally.count, 2);
});

for (const geometry of SMALL)
  test(`a power cut at any byte of any operation loses nothing that was committed: ${named(geometry)}`, (t) => {
    const FILLER = 40;
    const history = records(geometry.writeAlign, 42, 60);
    const later = records(99, 14, 60);
    const expected = hashes(history);
    const whole = new FaultyFlash(new NorFlash(geometry));
    live(whole, history, FILLER);
    t.true(whole.points > 1000);
    let landed = 0;
    for (let cut = 0; cut < whole.points; cut++) {
      const point = `cut at ${cut}`;
      const flash = new NorFlash(geometry);
      const faulty = new FaultyFlash(flash, cut);
      const committed = live(faulty, history, FILLER);
      check(faulty.isOff, point, "the cut was not reached");
      const sequence = newestSequence(flash);
      const kept = new KeptTally(flash, FILLER);
      const { count, hash } = kept.tally;
      check(count === committed || count === committed + 1, point, `${committed} committed, ${count} there`);
      check(hash === expected[count], point, `the first ${count} are not what was appended`);
      if (count > committed) landed++;
      check(newestSequence(flash) >= sequence, point, "the sequence went back");
      for (const record of later) kept.append(record);
      check(newestSequence(flash) > sequence, point, "the sequence did not go on");
      const again = new KeptTally(flash, FILLER);
      check(again.tally.hash === kept.tally.hash, point, "what was appended after the restart is not there");
      check(again.tally.count === count + later.length, point, `${again.tally.count} there in the end`);
      check(again.warnings.length === 0, point, again.warnings.join());
    }
    // Cut after its last byte, a record is there although its append did not return.
    t.true(landed >= history.length);
  });

test("power cuts while recovering from power cuts lose nothing that was committed", (t) => {
  let cuts = 0;
  for (let seed = 0; seed < 600; seed++) {
    const random = new Random(`cuts ${seed}`);
    const geometry = { blocks: 3 + random.int(3), blockLength: 512, writeAlign: [1, 4, 16][random.int(3)]! };
    const filler = random.int(150);
    const flash = new NorFlash(geometry);
    const model = new Tally();
    let sequence = 0;
    let interrupted: Uint8Array | undefined;
    for (let start = 0; start < 8; start++) {
      const point = `seed ${seed}, start ${start}`;
      // Most cuts hit early, within the recovery or the first appends after it.
      const faulty = new FaultyFlash(flash, random.int(random.int(3) > 0 ? 250 : 2500));
      try {
        const kept = new KeptTally(faulty, filler);
        if (kept.tally.count !== model.count && interrupted) model.fold(interrupted);
        check(kept.tally.hash === model.hash, point, `${model.count} committed, ${kept.tally.count} there`);
        interrupted = undefined;
        for (let i = 0; i < 60; i++) {
          const record = randomBytes(random, random.int(60));
          interrupted = record;
          kept.append(record);
          interrupted = undefined;
          model.fold(record);
        }
      } catch (error) {
        if (!faulty.isOff) throw error;
        cuts++;
      }
      const newest = newestSequence(flash);
      check(newest >= sequence, point, `the sequence went from ${sequence} to ${newest}`);
      sequence = newest;
    }
    const { tally } = new KeptTally(flash, filler);
    if (tally.count !== model.count && interrupted) model.fold(interrupted);
    check(tally.hash === model.hash, `seed ${seed}`, `${model.count} committed, ${tally.count} there`);
  }
  t.true(cuts > 2000);
});

for (const geometry of SMALL)
  test(`a refused operation is told, and costs no other record: ${named(geometry)}`, (t) => {
    const FILLER = 40;
    const history = records(5 + geometry.writeAlign, 30, 60);
    const whole = new FaultyFlash(new NorFlash(geometry));
    live(whole, history, FILLER);
    for (let at = 0; at < whole.points; at++) {
      const point = `refused at ${at}`;
      const flash = new NorFlash(geometry);
      const faulty = new FaultyFlash(flash, at, "refuse");
      const model = new Tally();
      let kept: KeptTally | undefined;
      try {
        kept = new KeptTally(faulty, FILLER);
      } catch (error) {
        check(error instanceof LedgerError && error.code === "flash", point, `${error}`);
        kept = new KeptTally(faulty, FILLER);
      }
      let erases = -1;
      for (const record of history) {
        try {
          kept.append(record);
        } catch (error) {
          check(error instanceof LedgerError && error.code === "flash", point, `${error}`);
          check((error as Error).message.includes("refused"), point, "the reason is missing");
          // Power may go at any time: the refused record is there wholly or not at all, and all others are.
          const { tally } = new KeptTally(new NorFlash({ ...geometry, content: flash.bytes }), FILLER);
          const withIt = new Tally();
          withIt.restore(model.snapshot());
          withIt.fold(record);
          check([model.hash, withIt.hash].includes(tally.hash), point, `${tally.count} after a restart`);
          erases = kept.journal.erases;
          continue;
        }
        model.fold(record);
        if (erases >= 0 && faulty.hit === "write")
          check(kept.journal.erases === erases + 1, point, "the append after it went to the same block");
        erases = -1;
      }
      // Were the last one refused, it could still be there.
      kept.append(Uint8Array.of(1));
      model.fold(Uint8Array.of(1));
      check(kept.tally.hash === model.hash, point, "the state is not what was committed");
      const { tally } = new KeptTally(flash, FILLER);
      check(tally.hash === model.hash, point, `${model.count} committed, ${tally.count} there`);
    }
    t.true(whole.points > 700);
  });

test("refused operations and power cuts in any order lose nothing that was committed", (t) => {
  const faults = { cut: 0, refuse: 0 };
  for (let seed = 0; seed < 600; seed++) {
    const random = new Random(`faults ${seed}`);
    const geometry = { blocks: 3 + random.int(3), blockLength: 512, writeAlign: [1, 4, 16][random.int(3)]! };
    const filler = random.int(150);
    const flash = new NorFlash(geometry);
    let model = new Tally();
    /** Not committed since the last that was: one of them at most may be there. */
    let doubtful: Uint8Array[] = [];
    for (let start = 0; start < 6; start++) {
      const point = `seed ${seed}, start ${start}`;
      const faulty = new FaultyFlash(flash);
      const arm = () => {
        faulty.fault = (random.int(4) > 0 ? "refuse" : "cut") satisfies Fault;
        faulty.faultAt = faulty.points + random.int(random.int(2) > 0 ? 120 : 1500);
      };
      arm();
      let kept: KeptTally | undefined;
      while (!faulty.isOff) {
        try {
          if (!kept) {
            kept = new KeptTally(faulty, filler);
            const possible = [
              model,
              ...doubtful.map((record) => {
                const tally = new Tally();
                tally.restore(model.snapshot());
                tally.fold(record);
                return tally;
              }),
            ];
            const found = possible.find(({ hash }) => hash === kept?.tally.hash);
            check(found !== undefined, point, `${model.count} committed, ${kept.tally.count} there`);
            model = found!;
            doubtful = [];
          }
          const record = randomBytes(random, random.int(60));
          doubtful.push(record);
          kept.append(record);
          model.fold(record);
          doubtful = [];
          if (model.count % 50 === 49) break;
        } catch (error) {
          faults[faulty.fault]++;
          if (faulty.isOff) continue;
          check(error instanceof LedgerError && error.code === "flash", point, `${error}`);
          arm();
        }
      }
    }
  }
  t.true(faults.cut > 600 && faults.refuse > 2000, JSON.stringify(faults));
});

test("a block that refuses every write is passed over, and nothing committed is lost", (t) => {
  for (let blocks = 3; blocks <= 5; blocks++)
    for (let bad = 0; bad < blocks; bad++) {
      const flash = new NorFlash({ blocks, blockLength: 512 });
      const kept = new KeptTally(new FaultyFlash(flash));
      const faulty = new FaultyFlash(flash);
      kept.append(Uint8Array.of(1));
      const reopened = new KeptTally(faulty);
      faulty.badBlocks.add(bad);
      const model = new Tally();
      model.restore(kept.tally.snapshot());
      let refused = 0;
      for (const record of records(blocks, 200, 60)) {
        try {
          reopened.append(record);
        } catch (error) {
          t.true(error instanceof LedgerError && error.code === "flash");
          refused++;
          reopened.append(record);
        }
        model.fold(record);
        if (model.count % 20 === 0) t.is(new KeptTally(flash).tally.hash, model.hash);
      }
      t.true(refused > 1);
      t.is(new KeptTally(flash).tally.hash, model.hash);
    }
});

test("a read that is refused while opening is told", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  new KeptTally(flash).append(Uint8Array.of(1));
  const faulty = new FaultyFlash(flash);
  faulty.isOff = true;
  const error = t.throws(() => new KeptTally(faulty), { instanceOf: LedgerError });
  t.deepEqual([error.code, error.message], ["flash", `flash: ${new PowerCut("off").message}`]);
  const odd = Object.assign(Object.create(flash), {
    status: () => flash.status(),
    read: () => {
      throw "a string";
    },
  });
  t.is(t.throws(() => new KeptTally(odd), { instanceOf: LedgerError }).message, "flash: a string");
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
      for (let block = 0; block < 3; block++) flash.bytes.set(header(1, sequence + block), block * 512);
      const kept = new KeptTally(flash);
      const warned = kept.warnings.filter((text) => /formatted/.test(text)).length === 1;
      return warned && kept.restores === 0 && headers(flash)[0]!.sequence === sequence + 3;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test("an erased partition is taken into use without a warning", (t) => {
  t.deepEqual(new KeptTally(new NorFlash({ blocks: 2 })).warnings, []);
});

test("with flipped bits, what opens is a state that was, and it can be gone on from", (t) => {
  const geometry = { blocks: 3, blockLength: 512, writeAlign: 4 };
  const history = records(3, 60, 60);
  const expected = hashes(history);
  const original = new NorFlash(geometry);
  live(new FaultyFlash(original), history, 30);
  fc.assert(
    fc.property(fc.array(fc.nat(3 * 512 * 8 - 1), { minLength: 1, maxLength: 12 }), (bits) => {
      const flash = new NorFlash({ ...geometry, content: original.bytes });
      for (const bit of bits) flash.bytes[bit >> 3]! ^= 1 << (bit & 7);
      const kept = new KeptTally(flash, 30);
      if (kept.tally.hash !== expected[kept.tally.count]) return false;
      if (kept.tally.count === 0 && !kept.warnings.some((text) => /formatted/.test(text))) return false;
      for (const record of records(4, 25, 60)) kept.append(record);
      return new KeptTally(flash, 30).tally.hash === kept.tally.hash;
    }),
    { numRuns: 600 },
  );
  t.pass();
});

test("every single flipped bit leaves a state that was", (t) => {
  const geometry = { blocks: 3, blockLength: 256, writeAlign: 1 };
  const history = records(6, 20, 40);
  const expected = hashes(history);
  const original = new NorFlash(geometry);
  live(new FaultyFlash(original), history, 0);
  for (let bit = 0; bit < 2 * 256 * 8; bit++) {
    const flash = new NorFlash({ ...geometry, content: original.bytes });
    flash.bytes[bit >> 3]! ^= 1 << (bit & 7);
    const { tally } = new KeptTally(flash);
    check(tally.hash === expected[tally.count], `bit ${bit}`, `${tally.count} there`);
  }
  t.pass();
});

test("a journal of a newer format is refused and left as it is", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  for (const record of records(2, 30, 40)) kept.append(record);
  // A firmware that was rolled back finds the newer one's block anywhere in the ring.
  for (let block = 0; block < 3; block++) {
    const newer = new NorFlash({ blocks: 3, blockLength: 512, content: flash.bytes });
    newer.bytes.set(header(2, 77), block * 512);
    const before = newer.bytes.slice();
    const error = t.throws(() => new KeptTally(newer), { instanceOf: LedgerError });
    t.is(error.code, "version");
    t.is(error.message, "journal: format 1 is accepted (got 2); nothing was erased");
    t.deepEqual(newer.bytes, before);
    t.deepEqual(newer.erases, [0, 0, 0]);
  }
});

test("a header of a newer format that is not whole is no journal", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const bytes = header(2, 77);
  bytes[19]! ^= 1;
  flash.bytes.set(bytes);
  t.deepEqual(new KeptTally(flash).warnings, ["journal: the partition holds no ledger; it is formatted"]);
});

test("partitions that no journal fits in are refused", (t) => {
  const refused = (options: NorFlashOptions) =>
    t.throws(() => new KeptTally(new NorFlash(options)), { instanceOf: LedgerError });
  t.is(refused({ blocks: 1 }).message, "flash: a partition of 2 blocks or more is accepted (got 1)");
  t.is(
    refused({ blocks: 3, blockLength: 255 }).message,
    "flash: blocks of 256 to 65535 bytes are accepted (got 255)",
  );
  t.is(refused({ blocks: 3, blockLength: 65536 }).code, "options");
  t.notThrows(() => new KeptTally(new NorFlash({ blocks: 3, blockLength: 65535, writeAlign: 1 })));
});

test("alignment and erase value have the defaults of the platform", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 });
  const silent = {
    status: () => ({ size: 1024, blockLength: 512, blocks: 2 }),
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
  // 512 less 20 of the header, 116 of the checkpoint and 6 of the record's own.
  const most = 512 - 20 - 116 - 6;
  for (const size of [most + 1, 512, 70_000]) {
    const error = t.throws(() => kept.append(new Uint8Array(size)), { instanceOf: LedgerError });
    t.is(error.code, "full");
    t.true(error.message.includes(`a record of ${size} bytes`) && error.message.includes("512"));
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
  const open = () =>
    new Journal({
      flash,
      snapshot: () => new Uint8Array(size),
      restore: () => {
        replayed = 0;
      },
      replay: () => replayed++,
      warn: () => {},
    });
  const journal = open();
  size = 512 - 20 - 6 + 1;
  let committed = 0;
  const error = t.throws(
    () => {
      for (;;) {
        journal.append(new Uint8Array(50));
        committed++;
      }
    },
    { instanceOf: LedgerError },
  );
  t.is(error.code, "full");
  t.is(error.message, "journal: a state of 487 bytes does not fit in a block of 512");
  // What still fits is taken.
  journal.append(new Uint8Array(1));
  open();
  t.is(replayed, committed + 1);
  t.is(
    t.throws(
      () =>
        new Journal({
          flash: new NorFlash({ blocks: 3, blockLength: 256 }),
          snapshot: () => new Uint8Array(size),
          restore: () => {},
          replay: () => {},
          warn: () => {},
        }),
      { instanceOf: LedgerError },
    ).code,
    "full",
  );
});

test("a torn record is told of, and the next append goes to another block", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1));
  const faulty = new FaultyFlash(flash, 5);
  t.throws(() => new KeptTally(faulty).append(new Uint8Array(30)), { instanceOf: LedgerError });
  const torn = new KeptTally(flash);
  t.deepEqual(torn.warnings, ["journal: block 0 ends in a torn record at byte 44; it was not committed"]);
  torn.append(Uint8Array.of(2));
  t.is(torn.journal.erases, 1);
  t.is(new KeptTally(flash).tally.hash, torn.tally.hash);
});

test("a newer block without a checkpoint is passed over once, not at every opening", (t) => {
  const flash = new NorFlash({ blocks: 4, blockLength: 512, writeAlign: 4 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1));
  // Not the next of the ring: it is not erased when that is taken into use.
  flash.bytes.set(header(1, 50), 2 * 512);
  const fallen = new KeptTally(flash);
  t.deepEqual(fallen.warnings, ["journal: block 2 has no whole checkpoint; it is not used"]);
  t.is(fallen.tally.hash, kept.tally.hash);
  fallen.append(Uint8Array.of(2));
  t.deepEqual(
    headers(flash).map(({ block, sequence, whole }) => [block, sequence, whole]),
    [
      [1, 51, true],
      [2, 50, false],
      [0, 1, true],
    ],
  );
  const again = new KeptTally(flash);
  t.deepEqual([again.tally.hash, again.warnings], [fallen.tally.hash, []]);
});

test("records of an earlier use of a block are never taken for its own", (t) => {
  // A block whose header is of a later sequence than the records behind it, as no power cut leaves it.
  const flash = new NorFlash({ blocks: 3, blockLength: 512, writeAlign: 4 });
  const kept = new KeptTally(flash);
  kept.append(Uint8Array.of(1, 2, 3));
  flash.bytes.set(header(1, 2), 0);
  const reopened = new KeptTally(flash);
  t.deepEqual([reopened.restores, reopened.tally.count], [0, 0]);
});
