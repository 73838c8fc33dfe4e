import test from "ava";
import { figuresOfPacks } from "./figures.js";
import { runPaired } from "./paired.js";
import { POLICIES } from "./policies/index.js";
import { croston, daysLeft, movingAverage, sba, ses3, ses10, tsb } from "./policies/point.js";
import type { PolicyKind, Setting } from "./policies/policy.js";
import { busiestWeek, lamp } from "./policies/share.js";
import { courseFrom } from "./support.js";

const SETTING: Setting = { priorRate: 2, unit: 1, pack: 40, noise: 0, truth: [] };
const FAR = 1e9;

function after(kind: PolicyKind, use: readonly number[], setting: Partial<Setting> = {}) {
  const policy = kind.start({ ...SETTING, ...setting });
  for (const [at, used] of use.entries()) policy.learn({ at, weekday: at % 7, used });
  return policy;
}

/** The rate that a policy goes by, as near as its whole days tell. */
function rateOf(kind: PolicyKind, use: readonly number[], setting: Partial<Setting> = {}): number {
  return FAR / after(kind, use, setting).dates(FAR, 0, Number.POSITIVE_INFINITY).median;
}

function near(t: { true(value: boolean, message?: string): unknown }, value: number, expected: number): void {
  t.true(Math.abs(value - expected) < 1e-6 * expected, `${value} instead of ${expected}`);
}

test("days left are whole, and a whole quotient is not one more", (t) => {
  t.is(daysLeft(17, 17 / 28), 28);
  t.is(daysLeft(17.1, 17 / 28), 29);
  t.is(daysLeft(0, 1), 0);
  t.is(daysLeft(-1, 1), 0);
  t.is(daysLeft(5, 0), Number.POSITIVE_INFINITY);
  t.is(daysLeft(5, -1), Number.POSITIVE_INFINITY);
});

test("a moving average fills up 7 days with the expected use, and forgets what is older than 28", (t) => {
  near(t, rateOf(movingAverage, []), 2);
  near(t, rateOf(movingAverage, [5, 6]), (5 + 6 + 2 * 5) / 7);
  near(t, rateOf(movingAverage, [1, 1, 1, 1, 1, 1, 1, 3]), 10 / 8);
  near(t, rateOf(movingAverage, [100, ...new Array<number>(28).fill(3)]), 3);
});

test("smoothing starts at the expected use", (t) => {
  near(t, rateOf(ses10, [7]), 2 + 0.1 * 5);
  near(t, rateOf(ses3, [7, 0]), (2 + 0.03 * 5) * 0.97);
});

test("Croston, SBA and TSB smooth sizes and intervals apart", (t) => {
  // Expected 0.5 a day: size 1, interval 2, probability 0.5. A use of 3 on the fourth day.
  const use = [0, 0, 0, 3];
  const size = 1 + 0.1 * 2;
  const interval = 2 + 0.1 * 2;
  const chance = 0.5 * 0.9 ** 3 * 0.9 + 0.1;
  near(t, rateOf(croston, use, { priorRate: 0.5 }), size / interval);
  near(t, rateOf(sba, use, { priorRate: 0.5 }), (0.95 * size) / interval);
  near(t, rateOf(tsb, use, { priorRate: 0.5 }), chance * size);
  // More than one a day is expected: every day has a use.
  near(t, rateOf(croston, []), 2);
  near(t, rateOf(tsb, []), 2);
});

test("the lamp goes on when a fifth of the pack is left, and never learns", (t) => {
  const policy = after(lamp, [9, 9, 9]);
  t.true(policy.urgency(8, 0) >= lamp.threshold);
  t.false(policy.urgency(8.1, 0) >= lamp.threshold);
  near(t, rateOf(lamp, [9, 9, 9]), 2);
});

test("the busiest week orders when no more is left than it took, of the last 50 weeks that begin on each day", (t) => {
  const orders = (use: readonly number[], remaining: number) =>
    after(busiestWeek, use).urgency(remaining, 0) >= busiestWeek.threshold;
  // Nothing known: 14 days of what is expected.
  t.true(orders([5, 5, 5, 5, 5, 5], 28));
  t.false(orders([5, 5, 5, 5, 5, 5], 28.1));
  t.true(orders([1, 2, 3, 4, 5, 6, 7, 0], 28));
  t.false(orders([1, 2, 3, 4, 5, 6, 7, 0], 28.1));
  const quiet = (days: number) => [9, ...new Array<number>(days).fill(1)];
  t.true(orders(quiet(55), 15));
  t.false(orders(quiet(56), 15));
  t.true(orders(quiet(56), 7));
  t.true(orders(quiet(56), -0.5), "noise can say that less than nothing is left");
});

test("use that never changes is dated to the day and ordered for in time", (t) => {
  const use = new Array<number>(400).fill(1);
  for (const kind of POLICIES) {
    const course = courseFrom(use, 30, {
      start: 28,
      setting: { priorRate: 1, unit: 1, pack: 30, noise: 0, truth: use },
    });
    const { error, stockOuts } = figuresOfPacks(runPaired(course, kind), kind.threshold);
    // SBA takes 5 % off what it found, and the lamp knows no days.
    t.is(error, kind === sba ? 1 : 0, kind.name);
    t.is(stockOuts, kind === sba || kind === lamp ? 100 : 0, kind.name);
  }
});
