import test from "ava";
import fc from "fast-check";
import { backoff } from "../../../sdk/uplink/backoff.js";

/** The longest wait after so many failures. */
function bound(failures: number): number {
  return backoff(failures, 1 - 2 ** -53);
}

test("the bound doubles from 5 seconds and ends at an hour", (t) => {
  t.deepEqual(
    [1, 2, 3, 9, 10, 11, 12, 1000].map(bound),
    [5_000, 10_000, 20_000, 1_280_000, 2_560_000, 3_600_000, 3_600_000, 3_600_000],
  );
});

test("a wait is a whole number of milliseconds, at least 1, at most the bound, and grows with the random number", (t) => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), random, random, (failures, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)].map((r) => backoff(failures, r)) as [
        number,
        number,
      ];
      return Number.isInteger(low) && low >= 1 && high <= bound(failures) && low <= high;
    }),
  );
  t.pass();
});

test("jitter is full: waits are spread evenly from nothing to the bound", (t) => {
  for (const failures of [1, 4, 20]) {
    const quarter = bound(failures) / 4;
    for (let i = 0; i < 4; i++) {
      const wait = backoff(failures, i / 4);
      t.true(Math.abs(wait - i * quarter) <= 1, `${failures} failures, ${i}/4: ${wait} ms`);
    }
  }
});
