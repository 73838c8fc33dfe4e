import type { ExecutionContext } from "ava";
import { fromText, toText } from "../../../../hal/boards/desktop/text.js";
import type { Cost, Engine } from "../../../../hal/simulator/engine.js";
import type { NorFlash } from "../../../../hal/simulator/nor-flash.js";
import { startProgram } from "../../../hal/simulator/program-engine.js";
import { testOnEngines, testOnXs } from "../../../hal/simulator/support.js";
import { geometry, newFlash } from "./geometry.js";
import type { ProgramAnswer, ProgramCommand } from "./program.js";
import { scenarios } from "./scenarios.js";
import { ExpectedParts } from "./stores.js";
import { told } from "./support.js";

/** The budget of the recovery of a full 64 KB journal. */
const MOST_STEPS = 3_000_000;
/** Allocated in all by a recovery, most of them garbage at once: more are never in use, whether or not garbage is collected on the way. */
const MOST_SLOTS = 8000;
/** Bytes of an image in one command. */
const PIECE = 4096;

async function start(t: ExecutionContext, name: Engine["name"]): Promise<Engine> {
  const engine = await startProgram(name, new URL("program.js", import.meta.url));
  t.teardown(() => engine.stop());
  return engine;
}

async function run(engine: Engine, command: ProgramCommand): Promise<ProgramAnswer & Cost> {
  const { reply, cost } = await engine.handle(toText(JSON.stringify(command)));
  return { ...(JSON.parse(fromText(reply)) as ProgramAnswer), ...cost };
}

/** One in about this many cuts, pairs and chains of Node's. */
const SAMPLE: readonly ProgramCommand[] = [
  { do: "singles", scenario: "first-boot", geometry: 0, oneIn: 2, seed: 1 },
  { do: "singles", scenario: "order-cycle", geometry: 2, oneIn: 4, seed: 2 },
  { do: "singles", scenario: "upgrade", geometry: 0, oneIn: 2, seed: 3 },
  { do: "singles", scenario: "outbox", geometry: 2, detail: "few", oneIn: 2, seed: 4 },
  { do: "singles", scenario: "tally-change", geometry: 1, oneIn: 5, seed: 5 },
  { do: "pairs", scenario: "tally-short", geometry: 0, oneIn: 12, seed: 6 },
  { do: "chains", scenario: "restarts", geometry: 0, seed: 7, histories: 10 },
  { do: "chains", scenario: "tally-ring", geometry: 2, seed: 8, histories: 20 },
  { do: "wear", scenario: "tally-ring", geometry: 2 },
  { do: "model", seed: 1, operations: 150 },
  { do: "contents", seed: 0, images: 60 },
];

testOnEngines("a sample of all cuts loses nothing that was committed", async (t, name) => {
  const engine = await start(t, name);
  let cuts = 0;
  for (const command of SAMPLE) {
    const answer = await run(engine, command);
    t.is(answer.failed, 0, `${JSON.stringify(command)}\n${told(answer)}`);
    cuts += answer.cuts;
  }
  t.log(`${cuts} cuts`);
  t.true(cuts > 1500, `${cuts} cuts`);
});

testOnXs("both engines make the same cuts of the same sample", async (t) => {
  const [xs, node] = [await start(t, "xs"), await start(t, "node")];
  for (const command of SAMPLE.slice(6, 10)) {
    const { steps: _, slots: __, ...inXs } = await run(xs, command);
    const { steps: ___, slots: ____, ...inNode } = await run(node, command);
    t.deepEqual(inXs, inNode);
  }
});

/** A busy device of four slots on the partition of the simulated board, its block in use as full as it gets. */
function fullPartition(): { flash: NorFlash; lastSequence: number } {
  const scenario = scenarios().find(({ name }) => name === "four-slots")!;
  const flash = newFlash(geometry(16, 4096, 4));
  const running = scenario.start(flash, () => {});
  running.open();
  const { slots, codec, script } = scenario.prepare(geometry(16, 4096, 4)).possible[0] as ExpectedParts;
  let expected = new ExpectedParts(slots, codec, script);
  // Once around the ring, then until the next commit would open another block.
  let before = flash.clone();
  let known = expected;
  for (let full = 0; full < 17; ) {
    const erases = flash.erases.reduce((sum, each) => sum + each, 0);
    before = flash.clone();
    known = expected;
    running.commit(expected, 0);
    expected = expected.next(0);
    if (flash.erases.reduce((sum, each) => sum + each, 0) > erases) full++;
  }
  return { flash: before, lastSequence: known.reference.lastSequence };
}

testOnXs(
  `the recovery of a full 64 KB journal of four slots takes at most ${MOST_STEPS} steps`,
  async (t) => {
    const { flash, lastSequence } = fullPartition();
    const engine = await start(t, "xs");
    for (let offset = 0; offset < flash.bytes.length; offset += PIECE)
      await run(engine, {
        do: "load",
        geometry: geometry(16, 4096, 4),
        offset,
        hex: Buffer.from(flash.bytes.subarray(offset, offset + PIECE)).toString("hex"),
      });
    const answer = await run(engine, { do: "recover" });
    t.is(answer.lastSequence, lastSequence);
    t.log(`${answer.steps} steps, ${answer.bytesRead} bytes read`);
    t.true(answer.steps > 10_000);
    t.true(answer.steps <= MOST_STEPS, `${answer.steps} steps`);
  },
);

testOnXs(`recovery from a cut takes at most ${MOST_STEPS} steps and ${MOST_SLOTS} slots`, async (t) => {
  const engine = await start(t, "xs");
  const most = { cuts: 0, steps: 0, slots: 0 };
  for (;;) {
    const cut = await run(engine, { do: "cut", scenario: "four-slots", geometry: 0, oneIn: 3 });
    if (cut.cuts === 0) break;
    const { steps, slots } = await run(engine, { do: "recover" });
    t.true(steps <= MOST_STEPS, `${steps} steps after ${cut.id}`);
    t.true(slots - cut.slots <= MOST_SLOTS, `${slots - cut.slots} slots after ${cut.id}`);
    most.cuts++;
    most.steps = Math.max(most.steps, steps);
    most.slots = Math.max(most.slots, slots - cut.slots);
  }
  t.log(JSON.stringify(most));
  t.true(most.cuts > 400, `${most.cuts} cuts`);
  t.true(most.slots > 100);
});
