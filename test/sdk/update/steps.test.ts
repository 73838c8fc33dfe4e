import { startProgram } from "../../hal/simulator/program-engine.js";
import { testOnXs } from "../../hal/simulator/support.js";

/** Bytecode steps of one slice, above which the loop of a device is held up too long: see sdk/update/README.md. */
const MOST_STEPS = 60_000;
const MOST_OF_SIGNATURE = 25_000_000;
const PHASES = ["idle", "described", "downloading", "staged"];

testOnXs(`an update works in XS in slices of at most ${MOST_STEPS} bytecode steps`, async (t) => {
  t.timeout(120_000);
  const engine = await startProgram("xs", new URL("program.js", import.meta.url));
  t.teardown(() => engine.stop());
  const handle = async (command: number) => {
    const { reply, cost } = await engine.handle(Uint8Array.of(command));
    return { phase: PHASES[reply[0]!]!, isRestarting: reply[1] === 1, steps: cost.steps! };
  };
  const none = (await handle(0)).steps;
  let { phase } = await handle(1);
  const seen = [phase];
  const slices = new Map<string, { count: number; all: number; most: number }>();
  for (let i = 0; i < 1000; i++) {
    const result = await handle(2);
    const steps = result.steps - none;
    const { count, all, most } = slices.get(phase) ?? { count: 0, all: 0, most: 0 };
    slices.set(phase, { count: count + 1, all: all + steps, most: Math.max(most, steps) });
    if (result.phase !== phase) {
      ({ phase } = result);
      seen.push(phase);
    }
    if (result.isRestarting) break;
  }
  t.deepEqual(seen, ["described", "downloading", "staged"]);
  for (const [name, { count, all, most }] of slices)
    t.log(`${name}: ${count} slices, ${all} bytecode steps, ${most} at most in one`);
  for (const { most } of slices.values()) t.true(most <= MOST_STEPS, `${most}`);
  const { all } = slices.get("described")!;
  t.true(all > 5_000_000 && all <= MOST_OF_SIGNATURE, `${all}`);
});
