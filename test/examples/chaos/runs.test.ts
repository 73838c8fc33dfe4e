import anyTest from "ava";
import { runChaos } from "../../../examples/chaos/run.js";

/** Each fills a core. */
const test = anyTest.serial;
/** Runs of {@link DAYS} days, in {@link PARTS} tests. */
const RUNS = 500;
const DAYS = 60;
const PARTS = 10;
/** Of one test on a machine that has much else to do, milliseconds. */
const PATIENCE = 10 * 60_000;

for (let part = 0; part < PARTS; part++) {
  const first = (part * RUNS) / PARTS;
  const next = first + RUNS / PARTS;
  test(`nothing is lost or ordered twice, whatever fails: runs ${first} to ${next - 1}`, async (t) => {
    t.timeout(PATIENCE);
    const sum = { messages: 0, kills: 0, cuts: 0, calls: 0, orders: 0, keys: 0, successors: 0 };
    for (let run = first; run < next; run++) {
      const { figures, violations } = await runChaos({ seed: `test:${run}`, days: DAYS });
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += figures[key];
      t.deepEqual(violations, [], `everfull chaos --seed test --days ${DAYS} --run ${run}`);
    }
    // It was no walk in the park.
    for (const [key, least] of Object.entries({
      messages: 50_000,
      kills: 3000,
      cuts: 200,
      calls: 5000,
      orders: 150,
      // Some were given a new key.
      keys: RUNS / PARTS + 5,
      successors: 2,
    }))
      t.true(sum[key as keyof typeof sum] > least, `${key}: ${sum[key as keyof typeof sum]}`);
  });
}
