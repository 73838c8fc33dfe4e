import test from "ava";
import { readSeries } from "../../../examples/household/series.js";
import { CASES } from "./cases.js";
import { DATA } from "./options.js";
import { shipped } from "./policies/shipped.js";
import { measure } from "./results.js";
import { halves, subjectsOf } from "./subjects.js";

/* What the SDK's forecast has to reach on the project's data, in paired packs for 14, 30 and 60 days. */

const subjects = subjectsOf(readSeries(DATA));
const paired = CASES.filter(({ id }) => id === "paired");
const { all } = measure(subjects, halves(subjects), "all", paired, [shipped]).cases[0]!.policies[0]!.figures;

type Three = readonly [number, number, number];

function atMost(limits: Three, of: "error" | "stockOuts" | "earlyAtFive") {
  return all!.map((figures, at) => ({ value: figures[of]!, holds: figures[of]! <= limits[at]! }));
}

test("the median date is off by 2.05, 3.85 and 7.45 days at most when half is left", (t) => {
  for (const { value, holds } of atMost([2.05, 3.85, 7.45], "error")) t.true(holds, `${value}`);
});

test("the 80 % interval holds the truth in 78 to 90 % of the packs", (t) => {
  for (const { cover } of all!) t.true(cover! >= 78 && cover! <= 90, `${cover}`);
});

test("orders are 4.6, 5.6 and 7.0 days early at most at 5 % stock-outs, and as shipped there are fewer", (t) => {
  for (const { value, holds } of atMost([4.6, 5.6, 7], "earlyAtFive")) t.true(holds, `${value}`);
  for (const { value, holds } of atMost([5, 5, 5], "stockOuts")) t.true(holds, `${value}`);
});
