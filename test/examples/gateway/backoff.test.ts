import test from "ava";
import fc from "fast-check";
import { backoff } from "../../../examples/gateway/backoff.js";

test("the bound doubles from 10 seconds to an hour, and the wait is anything below it", (t) => {
  const almost = 1 - 2 ** -53;
  t.deepEqual(
    [1, 2, 3, 9, 10, 1000].map((failures) => Math.ceil(backoff(failures, almost) / 1000)),
    [10, 20, 40, 2560, 3600, 3600],
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 0, max: almost, noNaN: true }),
      (failures, random) => {
        const wait = backoff(failures, random);
        t.true(Number.isInteger(wait) && wait >= 0 && wait <= backoff(failures, almost));
        t.true(Math.abs(wait - random * backoff(failures, almost)) <= 2);
      },
    ),
  );
});
