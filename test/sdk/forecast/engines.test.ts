import type { ExecutionContext } from "ava";
import type { Engine } from "../../../hal/simulator/engine.js";
import { testOnXs } from "../../hal/simulator/support.js";
import { run, startForecast, stepsOfDays } from "./device.js";
import type { ProgramCommand } from "./program.js";

/** Of the 400,000 of a day close with status and seal that are its budget. */
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

testOnXs("a month of days allocates no more than a single one: what its command takes", async (t) => {
  const engine = await start(t, "xs");
  const allocated = async (command: ProgramCommand) => {
    const before = (await run(engine, "nothing")).slots!;
    return (await run(engine, command)).slots! - before;
  };
  await allocated("month");
  const [day, month] = [await allocated("day"), await allocated("month")];
  t.true(day > 0, "what is allocated was counted");
  t.true(month <= day, `${month} slots for a month, ${day} for a day`);
});
