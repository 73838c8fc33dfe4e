import { startProgram } from "../../hal/simulator/program-engine.js";
import { testOnXs } from "../../hal/simulator/support.js";

/** Bytecode steps of one step of a check, above which the loop of a device is held up too long: see sdk/update/README.md. */
const MOST_STEPS = 60_000;
const MOST_ALTOGETHER = 25_000_000;

testOnXs(`a signature is checked in XS in steps of at most ${MOST_STEPS} bytecode steps`, async (t) => {
  t.timeout(120_000);
  const engine = await startProgram("xs", new URL("program.js", import.meta.url));
  t.teardown(() => engine.stop());
  const handle = async (command: number) => {
    const { reply, cost } = await engine.handle(Uint8Array.of(command));
    return { result: reply[0], steps: cost.steps! };
  };
  const none = (await handle(0)).steps;
  await handle(1);
  let most = 0;
  let all = 0;
  let count = 0;
  for (;;) {
    const { result, steps } = await handle(2);
    count++;
    all += steps - none;
    most = Math.max(most, steps - none);
    if (result === 0) continue;
    t.is(result, 1);
    break;
  }
  t.log(`${count} steps, ${all} bytecode steps, ${most} at most in one`);
  t.true(all > 5_000_000);
  t.true(most <= MOST_STEPS, `${most}`);
  t.true(all <= MOST_ALTOGETHER, `${all}`);
});
