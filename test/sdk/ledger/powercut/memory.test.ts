import test from "ava";
import { NorFlash } from "../../../../hal/simulator/nor-flash.js";
import { encodeHeader, Frame, HEADER_BYTES, MARKERS } from "../../../../sdk/ledger/frame.js";
import { LedgerError } from "../../../../sdk/ledger/index.js";
import { Partition } from "../../../../sdk/ledger/partition.js";
import { bases, CONTENTS, contentOf } from "./contents.js";
import { historyId, rehearse, torn } from "./explorer.js";
import { geometry } from "./geometry.js";
import { mostHeld } from "./memory.js";
import { type Scenario, scenarios } from "./scenarios.js";

/** Blocks that a recovery holds in RAM at once, with what it makes of them. */
const MOST_BLOCKS = 3;
/** Smaller buffers beside them: markers, headers, a growing checkpoint. */
const MOST_BESIDE = 1024;

const all = scenarios();
const named = (name: string) => all.find((each) => each.name === name)!;

function open(scenario: Scenario, flash: NorFlash): () => void {
  const running = scenario.start(flash, () => {});
  return () => {
    try {
      running.open();
    } catch (error) {
      if (!(error instanceof LedgerError && error.code === "version")) throw error;
    }
  };
}

test.serial(
  "what is held is measured: a program that keeps its reads holds as much as it has read",
  async (t) => {
    const flash = new NorFlash({ blocks: 8, blockLength: 4096 });
    const kept: ArrayBuffer[] = [];
    const most = await mostHeld(flash, () => {
      for (let block = 0; block < 8; block++) kept.push(flash.read(4096, block * 4096));
    });
    t.true(most >= 8 * 4096, `${most} bytes`);
    t.is(kept.length, 8);
    const one = await mostHeld(flash, () => {
      for (let block = 0; block < 8; block++) flash.read(4096, block * 4096);
    });
    t.true(one >= 4096 && one <= 2 * 4096, `${one} bytes`);
  },
);

test.serial(`after a cut, a recovery holds at most ${MOST_BLOCKS} blocks in RAM`, async (t) => {
  const scenario = named("four-slots");
  const shape = scenario.geometries[0]!;
  const { start, points } = rehearse(scenario, shape);
  let cuts = 0;
  let most = 0;
  let left = 0;
  for (const { cut, make } of torn(scenario, start, points, shape, "few")) {
    if (left-- > 0) continue;
    left = 27;
    const { flash } = make();
    flash.powerOn(cut.readings[0]!, cut.seed);
    const bytes = await mostHeld(flash, open(scenario, flash));
    t.true(
      bytes <= MOST_BLOCKS * shape.blockLength + MOST_BESIDE,
      `${bytes} bytes after ${historyId(scenario, shape, [cut])}`,
    );
    most = Math.max(most, bytes);
    cuts++;
  }
  t.log(`${most} bytes of blocks of ${shape.blockLength}, after ${cuts} cuts`);
  t.true(cuts > 50, `${cuts} cuts`);
});

test.serial(
  `whatever a partition holds, a recovery holds at most ${MOST_BLOCKS} blocks in RAM`,
  async (t) => {
    const made = bases(all);
    let most = 0;
    for (let seed = 0; seed < 5 * Object.keys(CONTENTS).length; seed++) {
      const { base, content } = contentOf(made, seed);
      const flash = new NorFlash({ ...base.shape, content });
      const bytes = await mostHeld(flash, open(base.scenario, flash));
      const { blockLength } = base.shape;
      t.true(bytes <= MOST_BLOCKS * blockLength + MOST_BESIDE, `${bytes} bytes, content ${seed}`);
      most = Math.max(most, bytes / blockLength);
    }
    t.log(`${most.toFixed(2)} blocks`);
  },
);

/** The fewest that hold a checkpoint each. */
const SHAPE = geometry(64, 4096, 4);

/** Every block holds a whole checkpoint with so many markers and says that it was begun so many blocks ago; records behind it fill some. */
function crowded(markers: number, back: number, isClosed: boolean, hasRecords: boolean): NorFlash {
  const scenario = named("tally-short");
  const flash = new NorFlash(SHAPE);
  const partition = new Partition(flash);
  const frame = new Frame(partition);
  const whole = scenario.prepare(SHAPE).possible[0]!;
  // No refused block, no damaged record, then the state.
  const checkpoint = Uint8Array.of(0, 0, ...whole.state);
  const body = frame.headerLength + frame.bodyLength(checkpoint.length);
  for (let block = 0; block < SHAPE.blocks; block++) {
    const sequence = block + 100;
    const bytes = partition.blank(body);
    encodeHeader(bytes.subarray(0, HEADER_BYTES), { sequence, base: sequence - back, eraseCount: 1 });
    frame.encode(bytes.subarray(frame.headerLength), sequence, 0, checkpoint);
    partition.write(block, 0, bytes);
    for (let marker = 0; marker < markers; marker++)
      partition.write(block, body + marker * partition.align, frame.marker());
    if (hasRecords && block % 2 === 0) {
      const at = body + MARKERS * partition.align;
      const record = partition.blank(frame.bodyLength(8));
      frame.encode(record, sequence, 1, new Uint8Array(8));
      partition.write(block, at, record);
      partition.write(block, at + record.length, frame.marker());
    }
    if (isClosed) partition.write(block, frame.limit, frame.marker());
  }
  return flash;
}

for (const markers of [0, 1, 2, MARKERS])
  for (const [isClosed, hasRecords] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const)
    for (const back of [1, 50])
      test.serial(
        `64 blocks that could each be the newest, ${markers} markers, begun ${back} back,${isClosed ? "" : " not"} closed, with${hasRecords ? "" : "out"} records: at most ${MOST_BLOCKS} are held`,
        async (t) => {
          const flash = crowded(markers, back, isClosed, hasRecords);
          flash.powerOn();
          const bytes = await mostHeld(flash, open(named("tally-short"), flash));
          t.true(bytes >= SHAPE.blockLength, `${bytes} bytes`);
          t.true(bytes <= MOST_BLOCKS * SHAPE.blockLength + MOST_BESIDE, `${bytes} bytes`);
          t.log(`${(bytes / SHAPE.blockLength).toFixed(2)} blocks, ${flash.bytesRead} bytes read`);
        },
      );
