import type { ExecutionContext } from "ava";
import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import type { Engine } from "../../../hal/simulator/engine.js";
import { startProgram } from "../simulator/program-engine.js";
import { testOnXs } from "../simulator/support.js";
import type { ProgramCommand } from "./program.js";

/** Bytecode steps of a quiet sample of three readings, with meter, plan and both watches. */
const MOST_STEPS = 5_500;

async function start(t: ExecutionContext, name: Engine["name"]): Promise<Engine> {
  const engine = await startProgram(name, new URL("program.js", import.meta.url));
  t.teardown(() => engine.stop());
  return engine;
}

async function run(engine: Engine, command: ProgramCommand) {
  const { reply, cost } = await engine.handle(toText(JSON.stringify(command)));
  return { hash: JSON.parse(fromText(reply)) as number, ...cost };
}

testOnXs("the meters give the same readings, to the bit, in XS and in Node", async (t) => {
  const [xs, node] = [await start(t, "xs"), await start(t, "node")];
  const { hash } = await run(xs, "lives");
  t.not(hash, 0);
  t.is(hash, (await run(node, "lives")).hash);
});

testOnXs(`a quiet sample takes at most ${MOST_STEPS} bytecode steps`, async (t) => {
  const engine = await start(t, "xs");
  const { steps: none } = await run(engine, "nothing");
  const median = async (command: ProgramCommand) => {
    const steps: number[] = [];
    for (let i = 0; i < 60; i++) steps.push((await run(engine, command)).steps! - none!);
    return steps.sort((a, b) => a - b)[30]!;
  };
  const sample = await median("sample");
  const count = await median("count");
  t.log(`a sample of a load cell ${sample} steps, of a counter ${count}`);
  t.true(sample > 500 && sample <= MOST_STEPS, `${sample}`);
});
