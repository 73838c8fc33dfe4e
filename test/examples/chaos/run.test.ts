import anyTest from "ava";
import { type Mutant, runChaos } from "../../../examples/chaos/run.js";

/** Each fills a core. */
const test = anyTest.serial;
/** Of one test on a machine that has much else to do, milliseconds. */
const PATIENCE = 10 * 60_000;

test.beforeEach((t) => t.timeout(PATIENCE));

test("a run has one course: the same seed gives the same trace, another seed another", async (t) => {
  const hashes: string[] = [];
  for (const seed of ["test:1", "test:2", "test:1", "test:2"]) {
    const { hash, trace } = await runChaos({ seed, days: 20, trace: true });
    t.true(trace.length > 500);
    hashes.push(hash);
  }
  t.is(hashes[0], hashes[2]);
  t.is(hashes[1], hashes[3]);
  t.not(hashes[0], hashes[1]);
});

/** The first invariant that is violated within some hundred runs, but for those that do not matter here. */
async function found(
  mutant: Mutant,
  most: number,
  days: number,
  ignored?: string,
): Promise<string | undefined> {
  for (let run = 0; run < most; run++) {
    const { violations } = await runChaos({ seed: `test:${run}`, days, mutant });
    if (violations.length > 0 && violations[0]!.invariant !== ignored) return violations[0]!.invariant;
  }
  return undefined;
}

test("an order that the customer cancels before anybody here has heard of it is not placed again", async (t) => {
  const rates = { callFails: 0.5, cancelled: 0.9, notificationLost: 0.9, unresolved: 0.3 };
  let unheard = 0;
  for (let run = 0; run < 25; run++) {
    const { figures, violations } = await runChaos({ seed: `test:${run}`, days: 60, rates });
    t.deepEqual(violations, [], `run ${run}`);
    unheard += figures.unheard;
  }
  t.true(unheard > 10, `${unheard} orders whose answer and news were lost`);
  let isFound = false;
  for (let run = 0; run < 25 && !isFound; run++) {
    const { violations } = await runChaos({
      seed: `test:${run}`,
      days: 60,
      rates,
      mutant: "forgets attempts",
    });
    isFound = violations[0]?.invariant === "one order";
  }
  t.true(isFound, "a gateway that asks again is found out");
});

test("a device that is given a new key goes on where it was, and is answered under both", async (t) => {
  let rotated = 0;
  for (let run = 0; run < 30; run++) {
    const rates = { wrongClock: 0, late: 0 };
    const { figures, trace, violations } = await runChaos({
      seed: `test:${run}`,
      days: 40,
      rates,
      trace: true,
    });
    t.deepEqual(violations, [], `run ${run}`);
    const at = trace.findIndex((entry) => entry.includes("the device has a new key"));
    if (at < 0) continue;
    t.is(figures.keys, 2, `run ${run}`);
    rotated++;
    // No message is late here: what came under either key was opened.
    t.false(trace.some((entry) => entry.includes('"event":"refused"') && entry.includes('"reason":"key"')));
  }
  t.true(rotated > 5, `${rotated} devices with a new key`);
});

test("a gateway that forgets what it has asked for is found out", async (t) => {
  t.is(await found("forgets attempts", 400, 60), "one order");
});

test("a gateway that acknowledges before it commits is found out", async (t) => {
  // Its answers go down under numbers that are not committed either.
  t.is(await found("acknowledges early", 300, 30), "nonce");
});

test("a device that gives its sequences again is found out", async (t) => {
  // Whichever of what it gives twice is seen first; that what it has metered is gone too is another matter.
  t.true(["nonce", "one cycle"].includes((await found("reuses sequences", 50, 30, "metered")) ?? "nothing"));
});
