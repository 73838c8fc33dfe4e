import test from "ava";
import { readSeries } from "../../../examples/household/series.js";
import { CASES } from "./cases.js";
import { DATA } from "./options.js";
import { POLICIES } from "./policies/index.js";
import { measure, type PolicyResult } from "./results.js";
import { halves, subjectsOf } from "./subjects.js";

/*
 * The simulator is right when the plain policies come out as they were published for this data.
 */

const subjects = subjectsOf(readSeries(DATA));

type Three = readonly [number, number, number];

/** Error, stock-outs, days early, days early at 5 %, for packs of 14, 30 and 60 days. */
const PUBLISHED: Readonly<Record<string, readonly [Three, Three, Three, Three]>> = {
  "moving-average-28": [
    [2.35, 4.63, 8.23],
    [51, 55, 60],
    [1.1, 1.1, 1.0],
    [6.0, 10.0, 12.7],
  ],
  "ses-0.1": [
    [2.21, 4.49, 8.28],
    [49, 53, 55],
    [1.2, 1.2, 1.5],
    [5.6, 7.8, 9.2],
  ],
  "ses-0.03": [
    [2.16, 4.06, 7.77],
    [54, 60, 58],
    [1.0, 0.9, 0.9],
    [5.5, 7.7, 11.8],
  ],
  "croston-0.1": [
    [2.25, 4.4, 8.05],
    [56, 60, 61],
    [1.0, 0.9, 0.9],
    [5.8, 8.2, 12.9],
  ],
  "sba-0.1": [
    [2.31, 4.57, 8.15],
    [61, 68, 66],
    [0.8, 0.7, 0.7],
    [5.9, 8.1, 12.9],
  ],
  "tsb-0.1": [
    [2.19, 4.4, 8.27],
    [49, 52, 53],
    [1.3, 1.2, 1.5],
    [5.5, 7.6, 8.8],
  ],
  "lamp-20": [
    [3.62, 7.48, 15.7],
    [97, 77, 16],
    [0.1, 0.5, 4.4],
    [4.8, 7.3, 12.3],
  ],
  "busiest-week": [
    [2.17, 4.18, 7.78],
    [4.4, 6.5, 7.0],
    [4.8, 5.6, 6.8],
    [4.7, 6.3, 7.9],
  ],
};

function run(id: string): PolicyResult[] {
  const cases = CASES.filter((each) => each.id === id);
  return [...measure(subjects, halves(subjects), "all", cases, POLICIES).cases[0]!.policies];
}

const paired = run("paired");

function of(results: readonly PolicyResult[], id: string) {
  return results.find(({ policy }) => policy.id === id)!.figures.all!;
}

test("the data are 73 series of 13 homes", (t) => {
  t.is(subjects.length, 73);
  t.is(
    subjects.reduce((sum, { use }) => sum + use.length, 0),
    19_013,
  );
  const split = halves(subjects);
  const list = (half: string) => [...split].flatMap(([home, of]) => (of === half ? home : []));
  t.deepEqual(list("tune"), ["2", "5", "8", "11", "16", "19"]);
  t.deepEqual(list("report"), ["1", "4", "6", "10", "15", "18", "21"]);
  t.deepEqual(
    of(paired, "lamp-20").map(({ orders }) => orders),
    [1001, 496, 242],
  );
});

for (const [id, [error, stockOuts, early, atFive]] of Object.entries(PUBLISHED))
  test(`paired: ${id} comes out as published`, (t) => {
    of(paired, id).forEach((figures, at) => {
      // Half of the last printed digit, and what a rounding in two steps or a sweep over fewer thresholds makes.
      const near = (value: number | undefined, printed: number, most: number) =>
        t.true(Math.abs(value! - printed) <= most, `${value} instead of ${printed}`);
      near(figures.error, error[at]!, error[at]! < 10 ? 0.006 : 0.051);
      near(figures.stockOuts, stockOuts[at]!, stockOuts[at]! < 10 ? 0.051 : 0.55);
      near(figures.early, early[at]!, 0.051);
      near(figures.earlyAtFive, atFive[at]!, 0.07);
    });
  });

test("paired: section 2 and the true rate come out near what was published, which leaves some of their constants open", (t) => {
  const near = (id: string, error: Three, most: number, cover: Three) =>
    of(paired, id).forEach((figures, at) => {
      t.true(Math.abs(figures.error! - error[at]!) <= most, `${id}: ${figures.error}`);
      t.true(Math.abs(figures.cover! - cover[at]!) <= 1.5, `${id}: ${figures.cover}`);
    });
  near("section-2", [2.07, 3.88, 7.51], 0.02, [88, 84, 77]);
  near("true-rate", [1.88, 2.99, 5.25], 0.12, [91, 92, 90]);
});

test("closed loop: the moving average and the busiest week come out as published, section 2 nearly", (t) => {
  const closed = run("closed");
  for (const [id, published, most] of [
    ["moving-average-28", [54, 55, 58], 0.55],
    ["busiest-week", [7.7, 7.3, 9.4], 0.051],
    ["section-2", [4.7, 4.1, 4.8], 0.5],
  ] as const)
    of(closed, id).forEach(({ stockOuts }, at) => {
      t.true(Math.abs(stockOuts! - published[at]!) <= most, `${id}: ${stockOuts}`);
    });
});
