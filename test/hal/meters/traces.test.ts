import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { Burst, LeakWatch, MassMeter, SamplingPlan, StuckWatch } from "../../../hal/index.js";
import { type Shaking, VibrationModel } from "../../../hal/simulator/models/vibration-model.js";
import { CONVERSION, DAY, GRAM, HOUR, type Home, live, MINUTE, type Outcome } from "./home.js";

/** A tenth of an ounce, kg. */
const STEP = 0.00283495;
const HOMES = 24;
const DAYS = 30;

/** In the same cabinet: the motor, and what it makes swing, for a third of the time. */
const COMPRESSOR: readonly Shaking[] = [
  { frequency: 49.3, amplitude: 60 * GRAM, every: 45 * MINUTE, runs: 15 * MINUTE },
  { frequency: 8.3, amplitude: 6 * GRAM, every: 45 * MINUTE, runs: 15 * MINUTE },
];
/** On the same floor, every evening: an hour of the drum, then it runs up to its spin. */
const WASHING_MACHINE: readonly Shaking[] = [
  { frequency: 0.8, amplitude: 40 * GRAM, every: DAY, runs: HOUR, from: 18 * HOUR },
  { frequency: 6, amplitude: 200 * GRAM, every: DAY, runs: 4 * MINUTE, from: 19 * HOUR },
  { frequency: 20, amplitude: 150 * GRAM, every: DAY, runs: 12 * MINUTE, from: 19 * HOUR },
];

interface Way {
  /** default: the plan, 15 minutes of latency */
  interval?: number;
  /** one reading a sample, not a burst */
  single?: true;
}

function meter(home: Home, way: Way = {}, options: { capacity?: number } = {}): Outcome {
  return live(home, {
    meter: new MassMeter({
      massPerStep: STEP,
      noise: GRAM,
      level: Math.round((home.content ?? 0.9) / STEP),
      ...options,
    }),
    massPerStep: STEP,
    interval: way.interval ?? new SamplingPlan({ latency: 15 * MINUTE, awake: 500 }),
    ...(way.single ? {} : { burst: new Burst({ noise: GRAM }) }),
  });
}

interface Figures {
  /** relative error of what was used; without use, kg */
  mean: number;
  worst: number;
  refills: number;
  /** that were not seen, or invented */
  wrong: number;
  /** largest relative error of all that was put in */
  filled: number;
  samples: number;
  readings: number;
  awake: number;
}

function figures(
  t: ExecutionContext,
  name: string,
  home: Omit<Home, "seed" | "doses" | "shaking"> & { doses: number; shaking?: readonly Shaking[] },
  way: Way = {},
): Figures {
  const { doses, shaking, ...rest } = home;
  const result = { mean: 0, worst: 0, refills: 0, wrong: 0, filled: 0, samples: 0, readings: 0, awake: 0 };
  for (let i = 0; i < HOMES; i++) {
    const out = meter(
      {
        ...rest,
        seed: `${i}`,
        doses: new Array<number>(DAYS).fill(doses),
        ...(shaking ? { shaking: new VibrationModel(`shaking ${i}`, shaking, CONVERSION) } : {}),
      },
      way,
    );
    const error = out.used > 0 ? out.consumed / out.used - 1 : out.consumed;
    result.mean += error / HOMES;
    result.worst = Math.max(result.worst, Math.abs(error));
    result.refills += out.refills;
    result.wrong += Math.abs(out.refillsSeen - out.refills);
    if (out.filled > 0) result.filled = Math.max(result.filled, Math.abs(out.refilled / out.filled - 1));
    result.samples += out.samples / DAYS / HOMES;
    result.readings += out.readings / DAYS / HOMES;
    result.awake += out.awake / (DAYS * DAY) / HOMES;
  }
  const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
  t.log(
    `${name}: mean ${percent(result.mean)}, worst ${percent(result.worst)}, wrong ${result.wrong} of ${result.refills} refills, filled ${percent(result.filled)}, a day ${result.samples.toFixed(0)} samples, ${result.readings.toFixed(0)} readings, awake ${percent(result.awake, 3)}`,
  );
  return result;
}

test("by a plan, a busy dispenser is metered eight times as well as by the clock, with twice the samples", (t) => {
  const clock = figures(t, "every 15 minutes", { doses: 20, dose: 0.035 }, { interval: 15 * MINUTE });
  const minute = figures(t, "every minute", { doses: 20, dose: 0.035 }, { interval: MINUTE });
  const plan = figures(t, "plan", { doses: 20, dose: 0.035 });
  t.true(Math.abs(clock.mean) > 0.012 && Math.abs(minute.mean) < 0.003);
  t.true(Math.abs(plan.mean) < 0.003, `${plan.mean}`);
  t.true(plan.worst < 0.015, `${plan.worst}`);
  t.is(plan.wrong, 0);
  t.true(plan.samples < 200 && minute.samples > 1400);
  t.true(plan.awake < 0.0012, `${plan.awake}`);
});

test("a quiet household is metered within 2 % by a board that is awake for a two thousandth of the time", (t) => {
  const plan = figures(t, "4 doses a day", { doses: 4, dose: 0.035 });
  t.true(Math.abs(plan.mean) < 0.01 && plan.worst < 0.02, `${plan.mean} ${plan.worst}`);
  t.is(plan.wrong, 0);
  t.true(plan.awake < 0.0007, `${plan.awake}`);
});

test("partial refills, with the container lifted for a minute and a half, are seen and none is use", (t) => {
  const home = { doses: 20, dose: 0.035, refill: [0.05, 0.7], lifted: 90_000 } as const;
  const plan = figures(t, "partial refills", home);
  t.true(plan.refills > 1000);
  t.true(plan.wrong <= 3, `${plan.wrong} of ${plan.refills}`);
  t.true(Math.abs(plan.mean) < 0.018 && plan.worst < 0.035, `${plan.mean} ${plan.worst}`);
  t.true(plan.filled < 0.035, `${plan.filled}`);
});

for (const [name, shaking] of [
  ["a compressor", COMPRESSOR],
  ["a washing machine", WASHING_MACHINE],
] as const)
  test(`${name} under the container costs nothing when samples are bursts`, (t) => {
    for (const doses of [4, 20]) {
      const still = figures(t, `${doses} doses a day`, { doses, dose: 0.035 });
      const shaken = figures(t, `${doses} doses a day, ${name}`, { doses, dose: 0.035, shaking });
      t.is(shaken.wrong, 0);
      t.true(Math.abs(shaken.mean - still.mean) < 0.003, `${shaken.mean} ${still.mean}`);
      t.true(shaken.worst < 0.02, `${shaken.worst}`);
    }
    const away = figures(t, `nobody, ${name}`, { doses: 0, dose: 0, refill: 0, shaking });
    t.is(away.worst, 0, "nothing is used where nobody is");
    t.is(away.wrong, 0);
  });

test("single readings beside a washing machine are what bursts are for", (t) => {
  const home = { doses: 4, dose: 0.035, shaking: WASHING_MACHINE };
  const single = figures(t, "single readings, by the plan", home, { single: true });
  t.true(single.mean > 0.1 && single.wrong > 100);
});

/** Doses of each day by real households: kettles, dishwashers and washing machines of 13 homes. */
function recorded(): Map<string, number[]> {
  const path = fileURLToPath(
    new URL("../../../../test/bench/forecast/data/appliance_cycles.csv", import.meta.url),
  );
  const series = new Map<string, number[]>();
  for (const row of readFileSync(path, "utf8").trim().split("\n").slice(1)) {
    const [id, , quantity] = row.split(",");
    if (!/kettle|dishwasher|washing/.test(id!)) continue;
    const days = series.get(id!) ?? [];
    days.push(Number(quantity));
    series.set(id!, days);
  }
  return series;
}

test("over a year of recorded households, use is right to a gram a day or so, no refill is missed and no leak or fault is invented", (t) => {
  const off: number[] = [];
  let days = 0;
  let refills = 0;
  for (const [seed, doses] of recorded()) {
    const leaks = new LeakWatch({ most: 700 / 2.8 });
    const stuck = new StuckWatch({ same: 40 });
    const out = live(
      { seed, doses, dose: 0.035 },
      {
        meter: new MassMeter({ massPerStep: STEP, noise: GRAM, level: Math.round(0.9 / STEP) }),
        massPerStep: STEP,
        interval: new SamplingPlan({ latency: 15 * MINUTE, awake: 500 }),
        burst: new Burst({ noise: GRAM }),
        onSample(sample, reading, time) {
          t.is(leaks.update(reading.consumed, time), undefined);
          t.is(stuck.update(sample, reading, time), undefined);
        },
      },
    );
    t.is(out.refillsSeen, out.refills, seed);
    off.push((out.consumed - out.used) / doses.length / GRAM);
    days += doses.length;
    refills += out.refills;
  }
  const mean = off.reduce((sum, grams) => sum + grams, 0) / off.length;
  const worst = Math.max(...off.map(Math.abs));
  t.log(
    `${off.length} series, ${days} days, ${refills} refills: mean ${mean.toFixed(2)} g a day, worst ${worst.toFixed(2)}`,
  );
  t.true(days > 10_000 && refills > 700);
  t.true(Math.abs(mean) < 0.6, `${mean}`);
  t.true(worst < 1.5, `${worst}`);
});

test("a leak is found when it empties a hundredth of what is used, and never without one", (t) => {
  const from = 10 * DAY;
  for (const [doses, grams, days] of [
    [4, 0, 0],
    [10, 0, 0],
    [4, 2, 8],
    [10, 2, 8],
    [4, 5, 3],
    [10, 5, 3],
    [10, 20, 3],
  ] as const) {
    const found: number[] = [];
    for (let i = 0; i < HOMES; i++) {
      const watch = new LeakWatch();
      let first = Infinity;
      live(
        {
          seed: `leak ${i}`,
          doses: new Array<number>(grams === 0 ? 120 : 30).fill(doses),
          dose: 0.035,
          ...(grams === 0 ? {} : { leak: { from, perHour: grams * GRAM } }),
        },
        {
          meter: new MassMeter({ massPerStep: STEP, noise: GRAM, level: Math.round(0.9 / STEP) }),
          massPerStep: STEP,
          interval: new SamplingPlan({ latency: 15 * MINUTE, awake: 500 }),
          burst: new Burst({ noise: GRAM }),
          onSample(_sample, { consumed }, time) {
            if (watch.update(consumed, time) === "leak") first = Math.min(first, (time - from) / DAY);
          },
        },
      );
      if (first < Infinity) found.push(first);
    }
    t.log(
      `${doses} doses a day, ${grams} g an hour: ${found.length} of ${HOMES} found, after ${Math.min(...found).toFixed(1)} to ${Math.max(...found).toFixed(1)} days`,
    );
    t.is(found.length, grams === 0 ? 0 : HOMES);
    for (const after of found) t.true(after > 0 && after < days, `${after}`);
  }
});
