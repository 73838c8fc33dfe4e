import test from "ava";
import fc from "fast-check";
import { runClosed } from "./closed.js";
import { figuresOfPacks, sweep } from "./figures.js";
import { endOf, runPaired } from "./paired.js";
import { POLICIES } from "./policies/index.js";
import { movingAverage } from "./policies/point.js";
import { courseFrom, Spy } from "./support.js";

const ones = (days: number) => new Array<number>(days).fill(1);

const someUse = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 30, maxLength: 120 });
const somePack = fc.integer({ min: 3, max: 40 });

test("a pack ends on the first day that closes with nothing left", (t) => {
  t.is(endOf([9, 1, 0, 2, 5], 3, 0), 3);
  t.is(endOf([9, 1, 0, 2, 5], 4, 0), 4);
  t.is(endOf([9, 1, 0, 2, 5], 9, 0), 5);
  t.is(endOf([9, 1], 0, 1), 1);
});

test("paired packs follow each other from the evening on which one is empty, and the one that does not end is dropped", (t) => {
  // Packs of 10: days 2 to 11, 12 to 21; the third does not end.
  const course = courseFrom(ones(25), 10, { start: 2 });
  const spy = new Spy(8);
  const packs = runPaired(course, spy);
  t.is(packs.length, 2);
  t.deepEqual(
    spy.days.map(({ at, weekday, used }) => [at, weekday, used]),
    ones(22).map((used, at) => [at, at % 7, used]),
  );
  // The evening of the refill is judged, that of the empty pack is not: it orders whatever is said.
  t.deepEqual(
    spy.evenings.slice(0, 10),
    [10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map((remaining, at) => ({ remaining, weekday: (2 + at) % 7 })),
  );
  // At 8 left, 8 days before the end: one day early.
  const { orders, early, stockOuts, error, cover } = figuresOfPacks(packs, spy.threshold);
  t.deepEqual(
    { orders, early, stockOuts, error, cover },
    { orders: 2, early: 1, stockOuts: 0, error: 0, cover: 100 },
  );
});

test("an order is in time when it arrives on the day that empties the pack, and late a day after", (t) => {
  const course = courseFrom(ones(20), 10);
  const at = (left: number) => figuresOfPacks(runPaired(course, new Spy(left)), -left);
  t.deepEqual([at(7).stockOuts, at(7).early], [0, 0]);
  t.deepEqual([at(6).stockOuts, at(6).early], [100, 0]);
  t.deepEqual([at(0).stockOuts, at(0).early], [100, 0]);
});

test("the date is judged on the first evening with at most half left", (t) => {
  // 10 in the pack: 4 left after day 1, then one a day: empty on day 5, which is 4 days later.
  const use = [3, 3, 1, 1, 1, 1, 0, 0];
  const [pack] = runPaired(courseFrom(use, 10), new Spy(0, 4));
  t.deepEqual(pack?.half, { error: 3, held: false });
});

test("where more than half is left until the pack is empty, no date is judged", (t) => {
  const [pack] = runPaired(courseFrom([1, 1, 1, 1, 1, 1, 1, 13], 20), new Spy(0));
  t.is(pack?.half, undefined);
  t.is(pack?.wants.at(-1)?.slack, -7);
});

test("no order is judged of a pack that lasts less than the lead time, its date is", (t) => {
  const [six] = runPaired(courseFrom(ones(6), 6), new Spy(6));
  t.deepEqual(six?.wants, []);
  t.is(six?.half?.error, 0);
  const [seven] = runPaired(courseFrom(ones(8), 7, { start: 1 }), new Spy(7));
  t.deepEqual(seven?.wants[0], { urgency: -7, slack: 0 });
});

test("in a closed loop an order is under way alone, adds to what is left, and the next is placed after it", (t) => {
  const spy = new Spy(8);
  const orders = runClosed(courseFrom(ones(40), 20, { start: 1 }), spy);
  // 20 on evening 0, 8 on evening 12, arrives on evening 19 with 1 left: 21. 8 on 32, arrives on 39.
  t.is(orders.length, 2);
  t.deepEqual([orders[0]?.isOut, orders[0]?.early], [false, 1]);
  // Of what would have happened after the series nothing is said.
  t.deepEqual([orders[1]?.isOut, orders[1]?.early], [false, undefined]);
});

test("in a closed loop use beyond the stock is lost and not seen, and an empty day teaches nothing", (t) => {
  const spy = new Spy(2);
  const use = [0, 0, 4, 0, 0, 9, 3, 2, 1, 0, 3, 3];
  const orders = runClosed(courseFrom(use, 8, { start: 1 }), spy);
  // 8, 8, 4, 4, 4, empty on evening 5: ordered, arrives on 12, after the end.
  t.is(orders.length, 0);
  t.deepEqual(
    spy.days.map(({ at, used }) => [at, used]),
    [
      [0, 0],
      [1, 0],
      [2, 4],
      [3, 0],
      [4, 0],
      [5, 4],
    ],
  );
  const [order] = runClosed(courseFrom([...use, 0], 8, { start: 1 }), new Spy(2));
  t.deepEqual([order?.isOut, order?.early], [true, 0]);
});

test("a stock that ends exactly is no stock-out as long as nobody wants more", (t) => {
  // 8 on evening 0, empty on evening 1, arrives on evening 8.
  const use = [0, 8, 0, 0, 0, 0, 0, 0, 0, 1];
  t.is(runClosed(courseFrom(use, 8, { start: 1 }), new Spy(0))[0]?.isOut, false);
  t.is(runClosed(courseFrom(use.with(8, 1), 8, { start: 1 }), new Spy(0))[0]?.isOut, true);
});

test("of days that nobody saw the total is told on the next evening, in equal parts, and nothing is ordered meanwhile", (t) => {
  const spy = new Spy(8);
  const use = [1, 1, 3, 0, 2, 1, 1, 1, 1, 1];
  const [pack] = runPaired(courseFrom(use, 12, { missed: new Set([2, 3, 4]) }), spy);
  t.deepEqual(
    spy.days.map(({ used }) => used),
    [1, 1, 1.5, 1.5, 1.5, 1.5, 1, 1, 1, 1],
  );
  t.deepEqual(
    spy.evenings.map(({ remaining }) => remaining),
    [11, 10, 4, 3, 2, 1],
  );
  // 7 were left on day 2, but nobody knew until day 5: the pack ends on day 9, 4 days after.
  t.is(pack?.wants.find(({ urgency }) => urgency >= spy.threshold)?.slack, -3);
});

test("what a level is misread by is in what is left, and its differences in what is learned, with their sign", (t) => {
  const spy = new Spy(0);
  const noise = [0.5, -0.25, 0, 1, 0, 0];
  runPaired(courseFrom([1, 1, 1, 0, 1, 2], 6, { noise }), spy);
  t.deepEqual(
    spy.days.map(({ used }) => used),
    [0.5, 1.75, 0.75, -1, 2, 2],
  );
  t.deepEqual(
    spy.evenings.map(({ remaining }) => remaining),
    [5.5, 3.75, 3, 4, 2],
  );
});

test("every policy sees the same packs", (t) => {
  fc.assert(
    fc.property(someUse, somePack, fc.nat(28), (use, pack, start) => {
      const course = courseFrom(use, pack, { start });
      const seen = POLICIES.map((kind) =>
        runPaired(course, kind).map(({ pack, home, wants }) => ({ pack, home, ordered: wants.length > 0 })),
      );
      for (const each of seen) t.deepEqual(each, seen[0]);
    }),
    { numRuns: 30 },
  );
});

test("in a closed loop nothing is made or lost: what was used is what was there less what is left", (t) => {
  fc.assert(
    fc.property(someUse, somePack, fc.nat(20), (use, pack, orderAt) => {
      const spy = new Spy(orderAt);
      const orders = runClosed(courseFrom(use, pack), spy);
      const used = spy.days.reduce((sum, day) => sum + day.used, 0);
      const wanted = use.reduce((sum, day) => sum + day, 0);
      const left = pack * (1 + orders.length) - used;
      t.true(left >= 0 && used <= wanted);
      if (used < wanted && orders.length > 0 && left > 0) t.true(orders.some(({ isOut }) => isOut));
      if (orders.some(({ isOut }) => isOut)) t.true(used < wanted);
    }),
  );
});

test("moving the threshold to its own place changes nothing, and a lower one is never later", (t) => {
  fc.assert(
    fc.property(someUse, somePack, (use, pack) => {
      const packs = runPaired(courseFrom(use, pack), movingAverage);
      const services = sweep(packs);
      for (const { threshold, stockOuts, early } of services) {
        const figures = figuresOfPacks(packs, threshold);
        t.true(Math.abs(figures.stockOuts! - stockOuts) < 1e-9 && Math.abs(figures.early! - early) < 1e-9);
      }
      for (const [at, after] of services.slice(1).entries()) {
        const before = services[at]!;
        t.true(after.threshold < before.threshold);
        t.true(after.stockOuts <= before.stockOuts + 1e-9 && after.early >= before.early - 1e-9);
      }
    }),
    { numRuns: 50 },
  );
});
