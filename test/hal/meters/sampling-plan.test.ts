import test from "ava";
import fc from "fast-check";
import { MassMeter, MeterError, SamplingPlan, type SamplingPlanOptions } from "../../../hal/index.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const PLAN = { latency: 15 * MINUTE, awake: 500 };

test("it is slow while nothing happens and fast while something is confirmed", (t) => {
  const plan = new SamplingPlan(PLAN);
  t.is(plan.slow, 12.5 * MINUTE);
  t.is(plan.next(false), plan.slow);
  for (let i = 0; i < 20; i++) t.is(plan.next(true), 30 * SECOND);
  t.is(plan.next(false), plan.slow);
});

test("what never ends makes it slow again, by and by", (t) => {
  const plan = new SamplingPlan(PLAN);
  for (let i = 0; i < 20; i++) plan.next(true);
  const waits = Array.from({ length: 7 }, () => plan.next(true) / SECOND);
  t.deepEqual(waits, [60, 120, 240, 480, 750, 750, 750]);
  t.is(plan.stir(), 30 * SECOND, "unless the product knows that something happens");
  t.is(plan.next(true), 30 * SECOND);
});

test("the share of the time awake is what was planned", (t) => {
  const plan = new SamplingPlan(PLAN);
  t.is(plan.share, 500 / 30_000);
  for (let i = 0; i < 10; i++) plan.next(false);
  t.is(plan.share, plan.idleShare);
  t.is(plan.idleShare, 500 / 750_000);
  plan.next(true);
  t.is(plan.share, (11 * 500) / (10 * 750_000 + 30_000));
});

test("whenever it happens, a change is counted within the latency that was asked for", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 60 }),
      fc.integer({ min: 5, max: 30 }),
      fc.constantFrom(3, 5, 9),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.constantFrom(-35, 700),
      (minutes, fast, window, when, change) => {
        const latency = minutes * MINUTE;
        fc.pre(latency >= (window + 1) * fast * SECOND);
        const plan = new SamplingPlan({ latency, fast: fast * SECOND, window, awake: 500 });
        const meter = new MassMeter({ massPerStep: 0.001, noise: 0.001, level: 500, window });
        let time = 0;
        const at = 20 * plan.slow * (1 + when);
        while (time < at + 2 * latency) {
          const mass = time < at ? 0.5 : 0.5 + change / 1000;
          const { consumed, refilled } = meter.update({ mass });
          if (consumed > 0 || refilled > 0) {
            t.is(refilled - consumed, change);
            t.true(time >= at && time - at <= latency, `${time - at} of ${latency}`);
            return;
          }
          time += plan.next(meter.pending);
        }
        t.fail("never counted");
      },
    ),
  );
});

test("options are refused with the field, what is accepted and the value", (t) => {
  const refused: [Partial<SamplingPlanOptions>, RegExp][] = [
    [{ latency: 179_999 }, /latency must be milliseconds, at least 180000 .*\(got 179999\)/],
    [{ latency: Infinity }, /latency/],
    [{ fast: 0 }, /fast must be positive milliseconds \(got 0\)/],
    [{ window: 0 }, /window/],
    [{ awake: 30_001 }, /awake must be .* at most fast \(got 30001\)/],
  ];
  for (const [options, message] of refused)
    t.throws(() => new SamplingPlan({ ...PLAN, ...options }), { instanceOf: MeterError, message });
});
