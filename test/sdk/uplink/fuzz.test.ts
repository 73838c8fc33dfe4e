import test, { type ExecutionContext } from "ava";
import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import type { Cost, Engine } from "../../../hal/simulator/engine.js";
import { MAX_BODY } from "../../../sdk/uplink/guard.js";
import { SEAL_BYTES } from "../../../sdk/uplink/seal.js";
import { startProgram } from "../../hal/simulator/program-engine.js";
import { testOnXs } from "../../hal/simulator/support.js";
import type { FuzzAnswer, FuzzCommand } from "./fuzz-program.js";

/** Of reading one body in both directions, whatever is in it: bytecode steps, and slots of the heap, garbage and the error told included. */
const MOST_STEPS = 300_000;
const MOST_SLOTS = 1_000;
/** Of opening what is as long as may be; most of it is Poly1305 over all bytes. */
const MOST_STEPS_TO_OPEN = 120_000;

async function start(t: ExecutionContext, name: Engine["name"]): Promise<Engine> {
  const engine = await startProgram(name, new URL("fuzz-program.js", import.meta.url));
  t.teardown(() => engine.stop());
  return engine;
}

async function run(engine: Engine, command: FuzzCommand): Promise<FuzzAnswer & Cost> {
  const { reply, cost } = await engine.handle(toText(JSON.stringify(command)));
  return { ...(JSON.parse(fromText(reply)) as FuzzAnswer), ...cost };
}

function filled(...pattern: readonly number[]): string {
  const bytes = Uint8Array.from({ length: MAX_BODY }, (_, i) => pattern[i % pattern.length]!);
  return Buffer.from(bytes).toString("hex");
}

/** Head of an array of so many items, in three bytes. */
function arrayHead(items: number): string {
  return `99${items.toString(16).padStart(4, "0")}`;
}

/** As long as a body may be, or as short as a lie can be told in. */
const BOMBS: readonly (readonly [text: string, hex: string])[] = [
  ["arrays in arrays in arrays", filled(0x81)],
  ["arrays of two in arrays of two", filled(0x82)],
  ["arrays of indefinite length in each other", filled(0x9f)],
  ["maps in maps", filled(0xa1, 0x00)],
  ["maps of indefinite length", filled(0xbf)],
  ["a chain of tags", filled(0xc1)],
  ["a chain of big-number tags", filled(0xc2)],
  ["a chain of tags of 32 bits", filled(0xda, 0xff, 0xff, 0xff, 0xff)],
  ["an array of 65,535", "99ffff"],
  ["an array of 4,294,967,295", "9affffffff"],
  ["an array of 2^64 - 1", "9bffffffffffffffff"],
  ["a byte string of 4,294,967,295", "5affffffff"],
  ["a text of 2^64 - 1", "7bffffffffffffffff"],
  ["a map of 4,294,967,295", "baffffffff"],
  ["strings of indefinite length", filled(0x5f, 0x40)],
  ["a status of doubles", `8a01${"fb3ff0000000000000".repeat(9)}`],
  ["a status of half floats", `8a01${"f97e00".repeat(9)}`],
  ["as many numbers as there is room for", `${arrayHead(MAX_BODY - 3)}${"00".repeat(MAX_BODY - 3)}`],
  [
    "an acknowledgement with as many events as there is room for",
    `8510010101${arrayHead(MAX_BODY - 8)}${"80".repeat(MAX_BODY - 8)}`,
  ],
  ["numbers in their longest form", filled(0x1a, 0x00, 0x00, 0x00, 0x01)],
];

test("bombs are as long as a body may be, or shorter", (t) => {
  for (const [text, hex] of BOMBS) t.true(hex.length / 2 <= MAX_BODY, text);
});

testOnXs(
  `a bomb is one typed error within ${MOST_STEPS} steps and ${MOST_SLOTS} slots, the same in XS and in Node`,
  async (t) => {
    const [xs, node] = [await start(t, "xs"), await start(t, "node")];
    // The first error of a program makes what later ones share.
    for (const [, hex] of BOMBS.slice(0, 2)) {
      await run(xs, { do: "take", hex });
      await run(xs, { do: "read" });
    }
    let most = { steps: 0, slots: 0 };
    for (const [text, hex] of BOMBS) {
      for (const engine of [xs, node]) await run(engine, { do: "take", hex });
      const before = await run(xs, { do: "nothing" });
      const none = await run(xs, { do: "nothing" });
      const { steps, slots, ...told } = await run(xs, { do: "read" });
      const { steps: _, slots: __, ...toldInNode } = await run(node, { do: "read" });
      t.deepEqual(told, toldInNode, text);
      t.deepEqual(told.untyped, [], text);
      t.is(told.accepted, 0, text);
      t.is(
        Object.values(told.refused).reduce((sum, times) => sum + times, 0),
        2,
        text,
      );
      const reading = { steps: steps! - none.steps!, slots: slots! - 2 * none.slots! + before.slots! };
      most = { steps: Math.max(most.steps, reading.steps), slots: Math.max(most.slots, reading.slots) };
      t.true(reading.steps <= MOST_STEPS, `${text}: ${reading.steps} steps`);
      t.true(reading.slots <= MOST_SLOTS, `${text}: ${reading.slots} slots`);
    }
    t.log(`${most.steps} steps, ${most.slots} slots at most`);
    t.true(most.steps > 1_000);
  },
);

testOnXs("what does not open is not decoded, and costs no more than what does", async (t) => {
  const xs = await start(t, "xs");
  const long = `0100000001${"5a".repeat(MAX_BODY + SEAL_BYTES - 5)}`;
  await run(xs, { do: "take", hex: long });
  const forged = await run(xs, { do: "open" });
  t.deepEqual(forged.refused, { forged: 1 });
  t.true(forged.steps! <= MOST_STEPS_TO_OPEN, `${forged.steps} steps`);
  await run(xs, { do: "take", hex: `${long}5a` });
  const longer = await run(xs, { do: "open" });
  t.deepEqual(longer.refused, { oversized: 1 });
  t.true(longer.steps! < forged.steps! / 2, `${longer.steps} steps`);
  t.log(`${forged.steps} steps, ${longer.steps} of one byte more than is accepted`);
});

testOnXs(
  "every prefix and every flipped bit of every message is read alike in XS and in Node, or refused by a typed error",
  async (t) => {
    const [xs, node] = [await start(t, "xs"), await start(t, "node")];
    const { steps: _, slots: __, ...inXs } = await run(xs, { do: "mutants" });
    const { steps: ___, slots: ____, ...inNode } = await run(node, { do: "mutants" });
    t.deepEqual(inXs, inNode);
    t.deepEqual(inXs.untyped, []);
    t.true(
      inXs.accepted > 100 && inXs.refused.forged! > 100 && inXs.refused.truncated! > 100,
      JSON.stringify(inXs),
    );
  },
);

testOnXs(
  "bodies of tags, maps, strings, floats and lengths by chance are read alike in XS and in Node",
  async (t) => {
    const [xs, node] = [await start(t, "xs"), await start(t, "node")];
    for (let seed = 1; seed <= 5; seed++) {
      const command = { do: "random", seed, bodies: 400 } as const;
      const { steps: _, slots: __, ...inXs } = await run(xs, command);
      const { steps: ___, slots: ____, ...inNode } = await run(node, command);
      t.deepEqual(inXs, inNode);
      t.deepEqual(inXs.untyped, []);
    }
  },
);
