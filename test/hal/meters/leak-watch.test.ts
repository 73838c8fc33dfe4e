import test from "ava";
import fc from "fast-check";
import { LeakWatch, MeterError } from "../../../hal/index.js";
import { Random } from "../../../hal/simulator/models/random.js";
import { DAY, HOUR, MINUTE } from "./home.js";

test("use day and night is a leak after two days, until there is a pause", (t) => {
  const watch = new LeakWatch();
  let time = 0;
  for (; time < 48 * HOUR; time += HOUR) t.is(watch.update(1, time), undefined, `hour ${time / HOUR}`);
  t.is(watch.update(1, time), "leak");
  for (let hours = 1; hours < 6; hours++) t.is(watch.update(0, time + hours * HOUR), "leak");
  t.is(watch.update(0, time + 6 * HOUR), undefined);
});

test("any household that sleeps has no leak", (t) => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 0, max: 23 }),
      (seed, doses, bed) => {
        const random = new Random(seed);
        const watch = new LeakWatch();
        for (let minute = 0; minute < 20 * 1440; minute += 5) {
          const hour = (minute / 60) % 24;
          const asleep = (hour - bed + 24) % 24 < 6.5;
          const consumed = !asleep && random.next() < doses / 200 ? 12 : 0;
          t.is(watch.update(consumed, minute * MINUTE), undefined);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("more than anybody can use is a spill at once", (t) => {
  const watch = new LeakWatch({ most: 100 });
  t.is(watch.update(60, 0), undefined);
  t.is(watch.update(40, MINUTE), undefined);
  t.is(watch.update(10, 2 * MINUTE), "spill");
  t.is(watch.update(0, HOUR), undefined, "it runs out");
  t.is(watch.update(0, 7 * HOUR), undefined);
  t.is(watch.update(101, 8 * HOUR), "spill");
});

test("nobody at home for a month is no leak, nor is the first use after it", (t) => {
  const watch = new LeakWatch({ most: 100 });
  t.is(watch.update(20, 0), undefined);
  t.is(watch.update(20, 30 * DAY), undefined);
  t.is(watch.update(20, 31 * DAY), undefined);
});

test("options are refused with the field, what is accepted and the value", (t) => {
  t.throws(() => new LeakWatch({ pause: 0 }), { instanceOf: MeterError, message: /pause .*got 0/ });
  t.throws(() => new LeakWatch({ within: HOUR }), {
    message: /within must be .* more than pause .*got 3600000/,
  });
  t.throws(() => new LeakWatch({ most: -1 }), { message: /most .*got -1/ });
});
