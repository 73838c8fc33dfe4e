import test from "ava";
import { readSeries } from "../../../../examples/household/series.js";
import { Forecast, type RunOut } from "../../../../sdk/forecast/index.js";
import { CASES, PACK_DAYS } from "../cases.js";
import { DATA } from "../options.js";
import { forecastPolicy } from "../policies/shipped.js";
import { measure } from "../results.js";
import { halves, subjectsOf } from "../subjects.js";
import { subjectFrom } from "../support.js";
import { CHOICES, constantsOf, STARTS, type Steps, valueAfter, valueIn } from "./choices.js";
import { type Losses, lossesOf, pinballs } from "./loss.js";
import { evaluator, tuning } from "./report.js";
import { type Evaluate, gainOf, leftOut, meanLoss, tune } from "./rule.js";
import { forecastWith, SHIPPED } from "./variant.js";

const all = subjectsOf(readSeries(DATA));
const split = halves(all);
const paired = CASES.filter(({ id }) => id === "paired");
const chosenOn = all.filter(({ home }) => split.get(home) === "tune");

function stateAfter(kind: typeof Forecast): Uint8Array {
  const forecast = new kind({ priorRate: 2, unit: 1 });
  for (let day = 0; day < 200; day++) forecast.learn(day % 7, (day * day * 7 + day) % 9, 1);
  const bytes = new Uint8Array(kind.BYTES);
  forecast.save(bytes);
  return bytes;
}

/** Homes with as many packs of each length, which lose so much a pack. */
function lost(...means: readonly number[]): Losses {
  return new Map(
    means.map((mean, home) => [`${home}`, PACK_DAYS.map(() => ({ packs: 10, sum: 10 * mean }))]),
  );
}

test("a forecast with the constants that are shipped is the one that is shipped; with others it is another", (t) => {
  t.deepEqual(stateAfter(forecastWith({})), stateAfter(Forecast));
  t.deepEqual(stateAfter(forecastWith(SHIPPED)), stateAfter(Forecast));
  t.notDeepEqual(stateAfter(forecastWith({ BURST: 1 })), stateAfter(Forecast));
});

test("steps are by the square root of 2, to two digits, of days where a constant is a discount", (t) => {
  const fast = CHOICES.findIndex(({ constant }) => constant === "DECAY_FAST");
  t.is(valueAfter(CHOICES[fast]!, 0), 20);
  t.is(valueAfter(CHOICES[fast]!, -2), 10);
  t.is(valueAfter(CHOICES[fast]!, 1), 28);
  t.is(constantsOf(STARTS.with(fast, 1)).DECAY_FAST, Math.exp(-1 / 28));
  t.is(valueIn(CHOICES[fast]!, SHIPPED), 16);
  for (const choice of CHOICES)
    t.is(valueIn(choice, { ...SHIPPED, ...constantsOf(STARTS) }), choice.start, choice.constant);
});

test("pinball: late and early count as the quantiles say", (t) => {
  t.is(pinballs({ low: 5, median: 5, high: 5 }, 5), 0);
  t.is(pinballs({ low: 4, median: 8, high: 10 }, 14), 1 + 3 + 3.6);
  t.is(pinballs({ low: 4, median: 8, high: 10 }, 2), 1.8 + 3 + 0.8);
});

test("losses of one phase are those of the bench's paired packs", (t) => {
  // Says a date alone: each of its three quantiles is off by the error of the median.
  class Dated extends Forecast {
    override runOut(...args: Parameters<Forecast["runOut"]>): RunOut {
      const said = super.runOut(...args);
      said.low = said.median;
      said.high = said.median;
      return said;
    }
  }
  const losses = [...lossesOf(chosenOn, Dated, 1).values()];
  const { figures } = measure(all, split, "tune", paired, [forecastPolicy("dated", "dated", Dated)]).cases[0]!
    .policies[0]!;
  PACK_DAYS.forEach((days, at) => {
    const sum = losses.reduce((total, each) => total + each[at]!.sum, 0);
    const packs = losses.reduce((total, each) => total + each[at]!.packs, 0);
    const error = (sum / packs / 1.5) * days;
    t.true(Math.abs(error - figures.tune![at]!.error!) < 1e-9, `${days} days: ${error}`);
  });
});

test("more phases are more packs; homes without packs have no losses", (t) => {
  const packs = (phases: number) => lossesOf(chosenOn.slice(0, 2), Forecast, phases).get("2")![0]!.packs;
  t.true(packs(6) > 5 * packs(1));
  t.is(lossesOf([subjectFrom([1, 2, 1, 2])], Forecast, 6).size, 0);
});

test("a gain is of the mean over packs and lengths, its error the jackknife's over homes", (t) => {
  t.is(meanLoss(lost(1, 2, 6)), 3);
  t.is(meanLoss(lost(1, 2, 6), "2"), 1.5);
  const { gain, error } = gainOf(lost(1, 1, 1), lost(0.9, 0.8, 0.7));
  t.true(Math.abs(gain - 0.2) < 1e-12);
  // That of a mean: the standard deviation, 0.1, over the root of the number of homes.
  t.true(Math.abs(error - 0.1 / Math.sqrt(3)) < 1e-12, `${error}`);
});

/** Three homes. The first choice is best two steps up for all; the second gains much in one home and costs little in the others. */
const made: Evaluate = (steps: Steps) => {
  const first = (steps[0]! - 2) ** 2 / 100;
  const second = steps[1]! === 1 ? 1 : 0;
  return lost(1 + first - 0.2 * second, 1 + first + 0.05 * second, 1 + first + 0.05 * second);
};

test("a constant moves as long as that is more than chance, and a free search follows one home", (t) => {
  const { steps, moves } = tune(made, 2);
  t.deepEqual(steps, STARTS.with(0, 2));
  t.deepEqual(
    moves.map(({ choice, from, to }) => [choice, from, to]),
    [
      [0, 0, 1],
      [0, 1, 2],
    ],
  );
  t.deepEqual(tune(made, 0).steps, STARTS.with(0, 2).with(1, 1));
});

test("a home that is left out shows what a choice is worth where it was not made", (t) => {
  const free = leftOut(made, 0);
  t.deepEqual([...free.keys()], ["0", "1", "2"]);
  // Without the home that gains, the second choice does not move, and that home gains by the first alone.
  t.true(Math.abs(free.get("0")! - 0.04 / 1.04) < 1e-12, `${free.get("0")}`);
  t.true(free.get("1")! < leftOut(made, 2).get("1")!);
});

test("the homes for reporting change nothing of what is chosen", (t) => {
  const subjects = ["1", "2", "3", "4", "5", "6"].map((home) => ({
    ...subjectFrom(Array.from({ length: 90 }, (_, day) => (day * day * (Number(home) + 2)) % 7)),
    home,
  }));
  const parts = (all: typeof subjects) => {
    const texts = tuning(all, halves(all));
    return [texts.next().value, texts.next().value, texts.next().value];
  };
  const others = subjects.map((each) =>
    Number(each.home) % 2 === 0 ? each : { ...each, use: each.use.map((used) => used + 5) },
  );
  t.deepEqual(parts(others), parts(subjects));
  const own = subjects.map((each) => ({ ...each, use: each.use.toReversed() }));
  t.notDeepEqual(parts(own), parts(subjects));
});

test("on the project's data two standard errors move what the forecast's README says, to the figures that it says", (t) => {
  const { steps, moves } = tune(evaluator(chosenOn), 2);
  t.deepEqual(
    moves.map(({ choice, to }) => [CHOICES[choice]!.constant, valueAfter(CHOICES[choice]!, to)]),
    [
      ["WEEKDAY_SPREAD", 0.35],
      ["DECAY_WEEKDAY", 130],
    ],
  );
  const chosen = forecastPolicy("chosen", "chosen", forecastWith(constantsOf(steps)));
  const { figures } = measure(all, split, "all", paired, [chosen]).cases[0]!.policies[0]!;
  t.deepEqual(
    [figures.all, figures.tune, figures.report].map((each) => each!.map(({ error }) => error!.toFixed(2))),
    [
      ["2.05", "3.86", "7.59"],
      ["1.92", "3.80", "6.68"],
      ["2.25", "3.93", "8.72"],
    ],
  );
});
