import type { ExecutionContext } from "ava";
import type { Engine } from "../../../hal/simulator/engine.js";
import { testOnXs } from "../../hal/simulator/support.js";
import { run, startForecast, stepsOfDays } from "./device.js";

/** Of the 400,000 of a day close with status and seal, DESIGN.md 5. */
const MOST_STEPS = 24_000;

async function start(t: ExecutionContext, name: Engine["name"]): Promise<Engine> {
  const engine = await startForecast(name);
  t.teardown(() => engine.stop());
  return engine;
}

testOnXs("2,400 slot-days give the same states and answers, to the bit, in XS and in Node", async (t) => {
  const [xs, node] = [await start(t, "xs"), await start(t, "node")];
  t.is((await run(xs, "lives")).hash, (await run(node, "lives")).hash);
});

testOnXs(`a day close of the forecast takes at most ${MOST_STEPS} bytecode steps`, async (t) => {
  const engine = await start(t, "xs");
  const days = await stepsOfDays(engine);
  const median = days[30]!;
  t.log(`${median} steps, ${days.at(-1)} at most`);
  t.true(median > 10_000);
  t.true(days.at(-1)! <= MOST_STEPS, `${days.at(-1)} steps`);
});
