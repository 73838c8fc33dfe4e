import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import { build } from "esbuild";
import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import type { Cost, Engine } from "../../../hal/simulator/engine.js";
import { startNodeEngine } from "../../../hal/simulator/engine-node.js";
import { startXsEngine } from "../../../hal/simulator/engine-xs.js";
import { testOnXs } from "../../hal/simulator/support.js";
import type { ProgramCommand } from "./program.js";

/** Of the 400,000 of a day close with status and seal, DESIGN.md 5. */
const MOST_STEPS = 24_000;

async function start(t: ExecutionContext, name: Engine["name"]): Promise<Engine> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("program.js", import.meta.url))],
    write: false,
    bundle: true,
    format: "iife",
    // As the device program is bundled.
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
  const options = { bundle: outputFiles[0]!.text, call: (request: Uint8Array) => request };
  const engine = await (name === "xs" ? startXsEngine(options) : startNodeEngine(options));
  t.teardown(() => engine.stop());
  return engine;
}

async function run(engine: Engine, command: ProgramCommand): Promise<{ hash: number } & Cost> {
  const { reply, cost } = await engine.handle(toText(JSON.stringify(command)));
  return { hash: JSON.parse(fromText(reply)) as number, ...cost };
}

testOnXs("2,400 slot-days give the same states and answers, to the bit, in XS and in Node", async (t) => {
  const [xs, node] = [await start(t, "xs"), await start(t, "node")];
  t.is((await run(xs, "lives")).hash, (await run(node, "lives")).hash);
});

testOnXs(`a day close of the forecast takes at most ${MOST_STEPS} bytecode steps`, async (t) => {
  const engine = await start(t, "xs");
  const { steps: none } = await run(engine, "nothing");
  const days: number[] = [];
  for (let day = 0; day < 60; day++) days.push((await run(engine, "day")).steps! - none!);
  const median = days.sort((a, b) => a - b)[30]!;
  t.log(`${median} steps, ${days.at(-1)} at most`);
  t.true(median > 10_000);
  t.true(days.at(-1)! <= MOST_STEPS, `${days.at(-1)} steps`);
});
