import test from "ava";
import fc from "fast-check";
import { Forecast, ForecastError, type ForecastOptions } from "../../../sdk/forecast/index.js";

const LEAD = 7;
const ORDER_AT = 0.05;

/** Use of every day of a regular life, steps by weekday, Monday first. */
type Week = readonly [number, number, number, number, number, number, number];
const SAME: Week = [1, 1, 1, 1, 1, 1, 1];
const OFFICE: Week = [1, 1, 1, 1, 1, 0, 0];

function learned(options: ForecastOptions, week: Week, use: number, days: number): Forecast {
  const forecast = new Forecast(options);
  for (let day = 0; day < days; day++) forecast.learn(day % 7, use * week[day % 7]!, 1);
  return forecast;
}

/** Goes on through whole packs; calls back on every evening with what is left and in how many days it really ends. */
function evenings(
  forecast: Forecast,
  week: Week,
  use: number,
  pack: number,
  start: number,
  packs: number,
  evening: (remaining: number, weekday: number, days: number) => void,
): void {
  let day = start;
  for (let i = 0; i < packs; i++) {
    let remaining = pack;
    while (remaining > 0) {
      let days = 0;
      for (let left = remaining; left > 0; days++) left -= use * week[(day + days) % 7]!;
      evening(remaining, day % 7, days);
      const used = use * week[day % 7]!;
      forecast.learn(day % 7, used, 1);
      remaining -= used;
      day++;
    }
  }
}

/** Days by which the order on the first evening that asks for one comes too late (> 0) or early (< 0), per pack. */
function lateness(
  forecast: Forecast,
  week: Week,
  use: number,
  pack: number,
  start: number,
  packs: number,
): number[] {
  const result: number[] = [];
  let ordered = true;
  let before = 0;
  evenings(forecast, week, use, pack, start, packs, (remaining, weekday, days) => {
    if (remaining > before) ordered = false;
    before = remaining;
    if (ordered || forecast.runOutProbability(remaining, LEAD, weekday) < ORDER_AT) return;
    ordered = true;
    result.push(LEAD - days);
  });
  return result;
}

function saved(forecast: Forecast): Uint8Array {
  const bytes = new Uint8Array(Forecast.BYTES);
  forecast.save(bytes);
  return bytes;
}

/** Numbers from 0 to below 1, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

/** In properties: an assertion of AVA would be recorded for every case that shrinking tries. */
function hold(condition: boolean, why: string): void {
  if (!condition) throw new Error(why);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const options = fc.record({
  priorRate: fc.double({ min: 0.01, max: 1000, noNaN: true }),
  unit: fc.constantFrom(0, 1, 10),
  noise: fc.constantFrom(0, 0, 5),
});

const share = fc.oneof(
  { weight: 4, arbitrary: fc.constant(1) },
  fc.constant(0),
  fc.double({ min: 0, max: 1, noNaN: true }),
);
/** Share observed and use in multiples of the prior rate. Many days without use, so that absences happen. */
const day = fc.tuple(
  share,
  fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 }), fc.double({ min: 0, max: 9, noNaN: true })),
);
const quiet = fc
  .integer({ min: 1, max: 40 })
  .map((n) => Array.from({ length: n }, () => [1, 0] as [number, number]));
const life = fc
  .array(fc.oneof({ weight: 10, arbitrary: day.map((d) => [d]) }, { weight: 1, arbitrary: quiet }), {
    maxLength: 120,
  })
  .map((parts) => parts.flat());

/** Share of the open day that is over. */
const partOfDay = fc.constantFrom(0, 0, 0.3, 1);

function live(
  forecast: Forecast,
  priorRate: number,
  days: readonly (readonly [number, number])[],
  from = 0,
): void {
  days.forEach(([observed, multiple], i) => {
    forecast.learn((from + i) % 7, multiple * priorRate, observed);
  });
}

test("constant use gives the run-out day without error: from half a pack after four weeks, always after a year", (t) => {
  for (const [use, unit] of [
    [1, 1],
    [3, 1],
    [12, 1],
    [0.75, 0],
  ] as const) {
    for (const lives of [14, 30, 60]) {
      for (const [start, share] of [
        [28, 0.5],
        [365, 1],
      ] as const) {
        const pack = use * lives;
        const forecast = learned({ priorRate: use, unit }, SAME, use, start);
        evenings(forecast, SAME, use, pack, start, 3, (remaining, weekday, days) => {
          if (remaining > pack * share) return;
          t.is(forecast.runOut(remaining, weekday).median, days, `${remaining} of ${use} a day`);
        });
      }
    }
  }
});

test("constant use has no stock-out, and orders come ever less early", (t) => {
  const forecast = learned({ priorRate: 6, unit: 1 }, SAME, 3, 28);
  const late = lateness(forecast, SAME, 3, 90, 28, 12);
  t.is(late.length, 12);
  t.true(Math.max(...late) <= 0);
  t.true(late[0]! <= late[11]!);
  t.true(late[11]! >= -2, `${late}`);
});

test("Monday-to-Friday use gives the run-out day without error and no stock-out", (t) => {
  for (const use of [1, 4]) {
    for (const pack of [10, 21, 43].map((days) => days * use)) {
      const forecast = learned({ priorRate: (use * 5) / 7, unit: 1 }, OFFICE, use, 182);
      evenings(forecast, OFFICE, use, pack, 182, 4, (remaining, weekday, days) => {
        t.is(
          forecast.runOut(remaining, weekday).median,
          days,
          `${remaining} of ${use} from weekday ${weekday}`,
        );
      });
      const late = lateness(forecast, OFFICE, use, pack, 182, 4);
      t.is(late.length, 4);
      t.true(Math.max(...late) <= 0, `${late}`);
    }
  }
});

test("weekends are learned: a Friday evening expects nothing of the weekend", (t) => {
  const forecast = learned({ priorRate: 3, unit: 1 }, OFFICE, 4, 182);
  t.true(forecast.runOutProbability(4, 2, 5) < 0.01, `${forecast.runOutProbability(4, 2, 5)}`);
  t.true(forecast.runOutProbability(4, 2, 0) > 0.99, `${forecast.runOutProbability(4, 2, 0)}`);
});

test("the first pack is dated from the expected use alone", (t) => {
  const forecast = new Forecast({ priorRate: 2, unit: 1 });
  t.is(forecast.rate, 2);
  const { low, median, high } = forecast.runOut(60, 0);
  t.true(Math.abs(median - 30) <= 1, `median ${median}`);
  t.true(low >= 15 && low < 30, `low ${low}`);
  t.true(high > 30 && high <= 60, `high ${high}`);
});

test("observation overrules an expected use that was wrong by a factor of two", (t) => {
  for (const wrong of [0.5, 2]) {
    const forecast = learned({ priorRate: 3 * wrong, unit: 1 }, SAME, 3, 28);
    t.true(Math.abs(forecast.rate / 3 - 1) < 0.2, `${forecast.rate}`);
    for (let i = 28; i < 365; i++) forecast.learn(i % 7, 3, 1);
    t.true(Math.abs(forecast.rate / 3 - 1) < 0.005, `${forecast.rate}`);
  }
});

test("two weeks away move the run-out day by no more than the absence", (t) => {
  for (const week of [SAME, OFFICE]) {
    for (let start = 112; start < 119; start++) {
      const home = learned({ priorRate: 4, unit: 1 }, week, 4, start);
      const away = learned({ priorRate: 4, unit: 1 }, week, 4, start);
      for (let i = 0; i < 14; i++) away.learn((start + i) % 7, 0, 1);
      const before = home.runOut(120, start % 7).median;
      const after = 14 + away.runOut(120, start % 7).median;
      t.true(Math.abs(after - before - 14) <= 1, `from day ${start}: ${before}, then ${after}`);
      t.true(away.runOutProbability(120, 14, start % 7) < 0.01);
    }
  }
});

test("back from two weeks away the run-out day is as sure as before", (t) => {
  const home = learned({ priorRate: 4, unit: 1 }, SAME, 4, 112);
  const away = learned({ priorRate: 4, unit: 1 }, SAME, 4, 112);
  for (let i = 0; i < 14; i++) away.learn(i % 7, 0, 1);
  for (let i = 0; i < 28; i++) {
    home.learn(i % 7, 4, 1);
    away.learn(i % 7, 4, 1);
  }
  const expected = home.runOut(120, 0);
  const actual = away.runOut(120, 0);
  t.is(actual.median, expected.median);
  // But for the days that were learned before it was one.
  t.true(
    actual.low >= expected.low - 2 && actual.high <= expected.high + 2,
    `${actual.low} to ${actual.high}`,
  );
});

test("use that ends for months is learned, not taken for an absence", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, SAME, 4, 112);
  for (let i = 0; i < 21; i++) forecast.learn(i % 7, 0, 1);
  t.true(forecast.rate > 3.9, `held at ${forecast.rate}`);
  for (let i = 0; i < 90; i++) forecast.learn(i % 7, 0, 1);
  t.true(forecast.rate < 1, `${forecast.rate}`);
});

test("rare use is no absence: one dose every tenth day keeps its rate", (t) => {
  const forecast = new Forecast({ priorRate: 0.1, unit: 1 });
  let least = 1;
  for (let i = 0; i < 400; i++) {
    forecast.learn(i % 7, i % 10 === 0 ? 1 : 0, 1);
    if (i > 200) least = Math.min(least, forecast.rate);
  }
  t.true(least > 0.08 && forecast.rate < 0.12, `${least} to ${forecast.rate}`);
});

test("a few days off are learned like any others", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, SAME, 4, 112);
  let before = forecast.rate;
  for (let i = 0; i < 3; i++) {
    forecast.learn(i % 7, 0, 1);
    t.true(forecast.rate < before, `day ${i}`);
    before = forecast.rate;
  }
});

test("a slot used rarely and then never again only ever slows down", (t) => {
  const forecast = new Forecast({ priorRate: 0.1, unit: 1 });
  for (let i = 0; i < 400; i++) forecast.learn(i % 7, i % 10 === 0 ? 1 : 0, 1);
  let before = forecast.rate;
  for (let i = 400; i < 3000; i++) {
    forecast.learn(i % 7, 0, 1);
    t.true(forecast.rate <= before, `day ${i}: ${forecast.rate} after ${before}`);
    before = forecast.rate;
  }
  t.true(before < 0.001);
});

test("with a noisy level sensor zeros are learned from the first", (t) => {
  const forecast = learned({ priorRate: 4, unit: 0, noise: 3 }, SAME, 4, 112);
  for (let i = 0; i < 14; i++) forecast.learn(i % 7, 0, 1);
  t.true(forecast.rate < 3, `${forecast.rate}`);
});

test("the noise of a level sensor is not taken for irregular use", (t) => {
  // Readings alternate 5 above and 5 below the true level: differences of use +- 10, noise of standard deviation 5.
  const known = new Forecast({ priorRate: 4, unit: 0, noise: 5 });
  const unknown = new Forecast({ priorRate: 4, unit: 0 });
  for (let i = 0; i < 364; i++) {
    const used = 4 + (i % 2 === 0 ? 10 : -10);
    known.learn(i % 7, used, 1);
    unknown.learn(i % 7, used, 1);
  }
  t.true(Math.abs(known.rate / 4 - 1) < 0.1, `${known.rate}`);
  const width = (f: Forecast) => f.runOut(400, 0).high - f.runOut(400, 0).low;
  t.true(width(known) < width(unknown), `${width(known)}, ${width(unknown)}`);
});

test("the noise of the reading itself widens what is said", (t) => {
  const plain = learned({ priorRate: 4, unit: 0 }, SAME, 4, 112);
  const state = saved(plain);
  const noisy = new Forecast({ priorRate: 4, unit: 0, noise: 8 }, state);
  t.true(noisy.runOutProbability(40, 8, 0) > plain.runOutProbability(40, 8, 0));
  t.true(noisy.runOutProbability(40, 12, 0) < plain.runOutProbability(40, 12, 0));
  t.is(noisy.runOut(400, 0).median, plain.runOut(400, 0).median);
});

test("a day observed in part counts in part", (t) => {
  const whole = learned({ priorRate: 4, unit: 1 }, SAME, 4, 56);
  const half = learned({ priorRate: 4, unit: 1 }, SAME, 4, 56);
  whole.learn(0, 2, 1);
  half.learn(0, 2, 0.5);
  t.true(whole.rate < 3.95);
  t.true(Math.abs(half.rate - 4) < 1e-9);
  t.is(half.runOut(80, 1).median, 20);
});

test("half-observed days with half of the use are as regular as whole ones, of a rate that is known half as well", (t) => {
  const whole = learned({ priorRate: 4, unit: 1 }, SAME, 4, 364).runOut(240, 0);
  const forecast = new Forecast({ priorRate: 4, unit: 1 });
  for (let i = 0; i < 364; i++) forecast.learn(i % 7, 2, 0.5);
  const half = forecast.runOut(240, 0);
  t.is(half.median, whole.median);
  t.true(half.low <= whole.low && half.low >= whole.low - 4, `${half.low} after ${whole.low}`);
  t.true(half.high >= whole.high && half.high <= whole.high + 4, `${half.high} after ${whole.high}`);
});

test("countable use is taken in whole units: half of one does not have to be used", (t) => {
  const state = saved(learned({ priorRate: 10, unit: 10 }, SAME, 10, 112));
  const fine = new Forecast({ priorRate: 10, unit: 0 }, state);
  const coarse = new Forecast({ priorRate: 10, unit: 10 }, state);
  t.true(coarse.runOutProbability(80, 7, 0) > 1.2 * fine.runOutProbability(80, 7, 0));
});

test("far dates are less sure than independent days would make them", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, SAME, 4, 112);
  const width = (remaining: number) => forecast.runOut(remaining, 0).high - forecast.runOut(remaining, 0).low;
  t.true(width(1200) > 1.5 * Math.sqrt(10) * width(120), `${width(120)}, ${width(1200)}`);
});

test("constant use is nearly exact in a year, and orders on the last evening", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, SAME, 4, 365);
  const { low, median, high } = forecast.runOut(240, 0);
  t.is(median, 60);
  t.true(low >= 57 && high <= 64, `${low} to ${high}`);
  t.true(forecast.runOutProbability(4 * LEAD, LEAD, 0) >= ORDER_AT);
  t.true(forecast.runOutProbability(4 * (LEAD + 1), LEAD, 0) < ORDER_AT);
});

test("dates are as of now: what is used on the open day is gone from what is left", (t) => {
  const forecast = new Forecast({ priorRate: 1, unit: 0 });
  const week: Week = [2, 1, 1, 1, 1, 1, 0];
  for (let i = 0; i < 364; i++) forecast.learn(i % 7, week[i % 7]!, 1);
  // Monday, on which twice as much is used as usual: enough for the week.
  t.is(forecast.runOut(7, 0).median, 6);
  t.is(forecast.runOut(6, 0, 90, 0.5).median, 6);
  t.is(forecast.runOut(5, 0, 90, 1).median, 6);
  t.true(forecast.runOut(6, 0).median < 6);
  // The close of today is day 1; what is left in its last moment is not used in it.
  t.is(forecast.runOutProbability(1, 1, 0, 1), 0);
  t.true(forecast.runOutProbability(1, 1, 0, 0) > 0.9);
});

test("rescaled use is as if it had always been so, in lumps as large as before", (t) => {
  const ten = learned({ priorRate: 10, unit: 0 }, OFFICE, 14, 182);
  const rescaled = learned({ priorRate: 10, unit: 0 }, OFFICE, 14, 182);
  rescaled.rescale(3);
  t.is(rescaled.rate, 3 * ten.rate);
  t.is(rescaled.runOut(900, 2).median, ten.runOut(300, 2).median);
  for (let i = 0; i < 28; i++) rescaled.learn(i % 7, 42 * OFFICE[i % 7]!, 1);
  t.is(rescaled.runOut(900, 0).median, ten.runOut(300, 0).median);
  const noisy = new Forecast({ priorRate: 4, unit: 1 });
  const random = randomNumbers(5);
  for (let i = 0; i < 182; i++) noisy.learn(i % 7, Math.floor(random() * 9), 1);
  const before = noisy.runOut(120, 0);
  noisy.rescale(4);
  const after = noisy.runOut(480, 0);
  t.true(Math.abs(after.median - before.median) <= 1);
  t.true(after.high - after.low < before.high - before.low, "four times the users are steadier than one");
  noisy.rescale(0.25);
  t.deepEqual(noisy.runOut(120, 0), before);
});

test("one party does not become a habit, many do", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, SAME, 4, 112);
  const random = randomNumbers(3);
  for (let i = 0; i < 112; i++) forecast.learn(i % 7, Math.floor(random() * 9), 1);
  const { rate } = forecast;
  forecast.learn(0, 400, 1);
  t.true(forecast.rate < rate * 1.2, `${forecast.rate} after ${rate}`);
  for (let i = 1; i < 30; i++) forecast.learn(i % 7, 40, 1);
  t.true(forecast.rate > 20, `${forecast.rate}`);
});

test("a day that nearly empties a slot does not push the run-out away", (t) => {
  for (const days of [0, 1, 30]) {
    const forecast = learned({ priorRate: 33, unit: 0 }, SAME, 33, days);
    forecast.learn(days % 7, 800, 1);
    // At the expected use it is for 6 days.
    t.true(forecast.runOut(200, (days + 1) % 7).median <= 9);
    t.true(forecast.runOutProbability(200, LEAD, (days + 1) % 7) > 5 * ORDER_AT);
  }
});

test("a tank that is poured out once does not make a slot too unsure to run out", (t) => {
  for (const rate of [1, 5, 33])
    for (const days of [20, 60, 200, 1000]) {
      const forecast = learned({ priorRate: rate, unit: 1 }, SAME, rate, 112);
      forecast.learn(0, days * rate, 1);
      for (let day = 1; day <= 60; day++) {
        forecast.learn(day % 7, rate, 1);
        const what = `${rate} a day, ${days} days' worth, ${day} days ago`;
        const { median } = forecast.runOut(30 * rate, (day + 1) % 7);
        t.true(median >= 22 && median <= 36, `${what}: ${median}`);
        t.true(forecast.runOutProbability(4 * rate, 8, (day + 1) % 7) > 0.7, what);
      }
    }
});

test("a day nobody observed teaches nothing", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, OFFICE, 4, 60);
  const before = saved(forecast);
  forecast.learn(3, 1000, 0);
  t.deepEqual(saved(forecast), before);
});

test("days whose weekday is not known teach the rate, and leave the weekdays alike", (t) => {
  const options = { priorRate: 30, unit: 1 };
  const forecast = new Forecast(options);
  for (let day = 0; day < 60; day++) forecast.learn(undefined, day % 7 < 5 ? 28 : 0, 1);
  t.true(Math.abs(forecast.rate - 20) < 2, `${forecast.rate}`);
  const first = forecast.runOut(200, 0);
  for (let weekday = 1; weekday < 7; weekday++) t.deepEqual(forecast.runOut(200, weekday), first);
  // What weekdays have taught before stays.
  const office = learned(options, OFFICE, 20, 70);
  for (let day = 0; day < 3; day++) office.learn(undefined, 20, 1);
  t.true(office.runOut(50, 5).median > office.runOut(50, 0).median);
});

test("irregular use widens the interval and orders earlier than regular use of the same rate", (t) => {
  const regular = learned({ priorRate: 4, unit: 1 }, SAME, 4, 364);
  const lumpy = new Forecast({ priorRate: 4, unit: 1 });
  const random = randomNumbers(1);
  for (let i = 0; i < 364; i++) lumpy.learn(i % 7, random() < 0.25 ? 16 : 0, 1);
  const a = regular.runOut(120, 0);
  const b = lumpy.runOut(120, 0);
  t.true(b.high - b.low > a.high - a.low);
  t.true(lumpy.runOutProbability(48, LEAD, 0) > ORDER_AT);
  t.true(regular.runOutProbability(48, LEAD, 0) < ORDER_AT);
});

test("weeks that resemble their neighbours count as irregular, although their days look regular", (t) => {
  const use = (i: number) => (Math.floor(i / 14) % 2 === 0 ? 6 : 2);
  const mixed = new Forecast({ priorRate: 4, unit: 1 });
  const runs = new Forecast({ priorRate: 4, unit: 1 });
  for (let i = 0; i < 364; i++) {
    mixed.learn(i % 7, i % 2 === 0 ? 6 : 2, 1);
    runs.learn(i % 7, use(i), 1);
  }
  const width = (f: Forecast) => f.runOut(200, 0).high - f.runOut(200, 0).low;
  t.true(width(runs) > 1.5 * width(mixed), `${width(runs)}, ${width(mixed)}`);
});

test("saving and restoring at any point is the identity", (t) => {
  fc.assert(
    fc.property(options, life, life, (o, first, second) => {
      const kept = new Forecast(o);
      live(kept, o.priorRate, first);
      const bytes = saved(kept);
      const restored = new Forecast(o, bytes);
      hold(sameBytes(saved(restored), bytes), "restored state differs");
      live(kept, o.priorRate, second, first.length);
      live(restored, o.priorRate, second, first.length);
      hold(sameBytes(saved(restored), saved(kept)), "state differs after going on");
      hold(restored.rate === kept.rate, "rate differs");
      const a = restored.runOut(30 * o.priorRate, 2);
      const b = kept.runOut(30 * o.priorRate, 2);
      hold(a.low === b.low && a.median === b.median && a.high === b.high, "dates differ");
      const p = (f: Forecast) => f.runOutProbability(10 * o.priorRate, 9, 4);
      hold(p(restored) === p(kept), "probability differs");
    }),
    { numRuns: 60 },
  );
  t.pass();
});

/** Saved by earlier firmware after 200 days of a household, and what it said then. */
const EARLIER = {
  options: { priorRate: 3, unit: 1 },
  use: (t: number) => ((t * t * 7 + t * 3) % 5) + (t % 7 > 4 ? 3 : 0),
  days: 200,
  rate: 2.9097375667296266,
  runOut: { low: 52, median: 62, high: 73 },
  state: Uint8Array.from(
    Buffer.from(
      [
        "0e051c5cfca24d4094746d4d9a223440fcc42486b9226d409441f478684354402d5a9740b9c03c40776cc6800d7c3c40",
        "984722ada11f3d403cfa5a13dade3e403831bad5aa573c406dbdaa826845524028f8e9f0d4235140f764615828cb2c40",
        "f764615828cb2c40f764615828cb2c40f764615828cb2c40c659adec2c672c40c659adec2c672c40c659adec2c672c40",
        "824009dfc7ec6a40be36e96c15bc64400ebe92759645864051c7cc5283da544016539fed3f5e3440b4cf1c18f2f52f40",
        "fe7f94a702102c40a8f79c89f239234072ef42f435362440204cad20f2b91d4000d63b469804bdbf0000000000001c40",
        "0000000000000000",
      ].join(""),
      "hex",
    ),
  ),
};

test("a forecast that earlier firmware saved goes on: the same rate, date and spread, soon the same as a new one", (t) => {
  const { options, use, days, state } = EARLIER;
  const old = new Forecast(options, state);
  t.is(old.rate, EARLIER.rate);
  const { low, median, high } = old.runOut(180, days % 7);
  t.true(Math.abs(median - EARLIER.runOut.median) <= 1, `${median}`);
  t.true(
    Math.abs(low - EARLIER.runOut.low) <= 4 && Math.abs(high - EARLIER.runOut.high) <= 4,
    `${low} ${high}`,
  );
  // It is saved in the new form, once.
  const bytes = saved(old);
  t.true(new DataView(bytes.buffer).getFloat64(21 * 8, true) < 0);
  t.deepEqual(saved(new Forecast(options, bytes)), bytes);
  const always = new Forecast(options);
  for (let day = 0; day < days; day++) always.learn(day % 7, use(day), 1);
  for (let day = days; day < days + 90; day++)
    for (const each of [old, always]) each.learn(day % 7, use(day), 1);
  t.is(old.runOut(180, 3).median, always.runOut(180, 3).median);
  t.true(Math.abs(old.runOut(180, 3).low - always.runOut(180, 3).low) <= 1);
  t.true(Math.abs(old.runOutProbability(25, 7, 3) - always.runOutProbability(25, 7, 3)) < 0.03);
});

test("the state may lie anywhere in a larger buffer", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, OFFICE, 4, 60);
  const buffer = new Uint8Array(Forecast.BYTES + 20).fill(0xa5);
  forecast.save(buffer.subarray(7));
  t.deepEqual(buffer.subarray(7, 7 + Forecast.BYTES), saved(forecast));
  t.true(buffer.subarray(0, 7).every((b) => b === 0xa5));
  t.true(buffer.subarray(7 + Forecast.BYTES).every((b) => b === 0xa5));
  const restored = new Forecast({ priorRate: 4, unit: 1 }, buffer.subarray(7, 7 + Forecast.BYTES));
  t.is(restored.rate, forecast.rate);
  t.true(Forecast.BYTES <= 256);
});

test("probability grows with the days, falls with what is left, and agrees with the dates", (t) => {
  const lasts = fc.double({ min: 0.1, max: 300, noNaN: true });
  fc.assert(
    fc.property(options, life, lasts, fc.nat(6), partOfDay, (o, days, priorDays, weekday, elapsed) => {
      const forecast = new Forecast(o);
      live(forecast, o.priorRate, days);
      const remaining = Math.max(o.unit, priorDays * o.priorRate);
      let before = 0;
      for (let h = 0; h < 120; h++) {
        const p = forecast.runOutProbability(remaining, h, weekday, elapsed);
        hold(p >= before - 1e-12 && p <= 1, `${p} within ${h} days after ${before}`);
        const more = forecast.runOutProbability(remaining * 1.1, h, weekday, elapsed);
        hold(more <= p, `${more} with a tenth more, not ${p}`);
        before = p;
      }
      const { low, median, high } = forecast.runOut(remaining, weekday, 2000, elapsed);
      hold(low >= 1 && low <= median && median <= high && high <= 2000, `${low} ${median} ${high}`);
      for (const [h, p] of [
        [low, 0.1],
        [median, 0.5],
        [high, 0.9],
      ] as const) {
        if (h < 2000)
          hold(
            forecast.runOutProbability(remaining, h, weekday, elapsed) >= p - 1e-9,
            `${h} is early for ${p}`,
          );
        hold(
          forecast.runOutProbability(remaining, h - 1, weekday, elapsed) < p + 1e-9,
          `${h} is late for ${p}`,
        );
      }
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test("ten years of anything leave everything finite", (t) => {
  fc.assert(
    fc.property(options, life, fc.integer(), (o, pattern, seed) => {
      const forecast = new Forecast(o);
      let x = seed | 1;
      for (let i = 0; i < 3653; i++) {
        x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
        const [observed, multiple] = pattern[i % (pattern.length + 1)] ?? [1, (x >>> 0) / 2 ** 30];
        // Three silent years in the middle, so that all that is discounted fades as far as it can.
        const silent = i > 1200 && i < 2300;
        forecast.learn(i % 7, silent ? 0 : (multiple - (o.noise > 0 ? 2 : 0)) * o.priorRate, observed);
        if (i % 97 === 96) forecast.rescale(i % 2 === 0 ? 100 : 0.01);
      }
      const bytes = saved(forecast);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < bytes.length; i += 8)
        hold(Number.isFinite(view.getFloat64(i, true)), `double ${i / 8}`);
      hold(forecast.rate > 0 && Number.isFinite(forecast.rate), `rate ${forecast.rate}`);
      const p = forecast.runOutProbability(10 * o.priorRate, 7, 0);
      hold(p >= 0 && p <= 1, `probability ${p}`);
      const { low, median, high } = forecast.runOut(10 * o.priorRate, 0);
      hold(low >= 1 && low <= median && median <= high, `${low} ${median} ${high}`);
      hold(new Forecast(o, bytes).rate === forecast.rate, "restored rate differs");
    }),
    { numRuns: 25 },
  );
  t.pass();
});

test("days of which hardly anything is observed do no harm over decades", (t) => {
  const forecast = new Forecast({ priorRate: 1, unit: 0 });
  for (let i = 0; i < 80000; i++) forecast.learn(i % 7, i % 3 === 0 ? 1e-12 : 0, 1e-12);
  t.true(forecast.rate > 0 && Number.isFinite(forecast.rate));
  t.is(new Forecast({ priorRate: 1, unit: 0 }, saved(forecast)).rate, forecast.rate);
});

test("decades of nothing but a weekday that expects nothing do no harm", (t) => {
  const o = { priorRate: 4, unit: 0, noise: 3 };
  const forecast = new Forecast(o);
  for (let i = 0; i < 364; i++) forecast.learn(i % 7, i % 7 === 6 ? -1 : 4, 1);
  for (let i = 0; i < 16000; i++) forecast.learn(6, -1, 1);
  t.true(forecast.rate > 0 && Number.isFinite(forecast.rate));
  t.is(new Forecast(o, saved(forecast)).rate, forecast.rate);
});

test("a slot left for years comes back with use", (t) => {
  const forecast = learned({ priorRate: 4, unit: 1 }, SAME, 4, 200);
  for (let i = 0; i < 2000; i++) forecast.learn((200 + i) % 7, 0, 1);
  t.true(forecast.rate < 0.1);
  for (let i = 0; i < 60; i++) forecast.learn((2200 + i) % 7, 4, 1);
  t.true(forecast.rate > 2.8, `${forecast.rate}`);
  for (let i = 0; i < 240; i++) forecast.learn((2260 + i) % 7, 4, 1);
  t.true(forecast.rate > 3.9, `${forecast.rate}`);
  t.is(forecast.runOut(120, 0).median, 31);
});

test("an empty slot has run out now, and no slot with something left has", (t) => {
  const forecast = new Forecast({ priorRate: 4, unit: 1 });
  t.deepEqual(forecast.runOut(0, 0), { low: 0, median: 0, high: 0 });
  t.deepEqual(forecast.runOut(-3, 0), { low: 0, median: 0, high: 0 });
  t.is(forecast.runOutProbability(0, 0, 0), 1);
  t.is(forecast.runOutProbability(1, 0, 0), 0);
  t.is(forecast.runOut(1, 0).low, 1);
});

test("no answer is longer than the cap", (t) => {
  const forecast = new Forecast({ priorRate: 1, unit: 1 });
  t.deepEqual(forecast.runOut(1000, 0, 90), { low: 90, median: 90, high: 90 });
  t.is(forecast.runOut(1e9, 0).median, 3650);
});

/** Two forecasts of the same lives, the state of one of which is changed by `touch` on every evening: how many answers differ. */
function disagreements(touch: (value: number) => number): {
  evenings: number;
  dates: number;
  orders: number;
  most: number;
} {
  const result = { evenings: 0, dates: 0, orders: 0, most: 0 };
  for (let seed = 1; seed <= 24; seed++) {
    const random = randomNumbers(seed);
    const priorRate = 0.3 * (1 + (seed % 8));
    const o = { priorRate, unit: seed % 3 === 0 ? 0 : 1 };
    const exact = new Forecast(o);
    let other = new Forecast(o);
    let remaining = Math.ceil(30 * priorRate);
    for (let i = 0; i < 250; i++) {
      // Rare and plenty use, weekends, a holiday.
      const used =
        i % 120 > 106 || random() < 0.3
          ? 0
          : Math.floor(2 * priorRate * random() * (i % 7 > 4 ? 2 : 1) + random());
      exact.learn(i % 7, used, 1);
      other.learn(i % 7, used, 1);
      const bytes = saved(other);
      const view = new DataView(bytes.buffer);
      // The last two are counts.
      for (let at = 0; at < 29; at++) view.setFloat64(at * 8, touch(view.getFloat64(at * 8, true)), true);
      other = new Forecast(o, bytes);
      remaining = remaining > used ? remaining - used : Math.ceil(30 * priorRate);
      const a = exact.runOut(remaining, (i + 1) % 7, 240);
      const b = other.runOut(remaining, (i + 1) % 7, 240);
      const apart = Math.max(
        Math.abs(a.low - b.low),
        Math.abs(a.median - b.median),
        Math.abs(a.high - b.high),
      );
      const due = (f: Forecast) => f.runOutProbability(remaining, LEAD, (i + 1) % 7) >= ORDER_AT;
      result.evenings += 1;
      result.most = Math.max(result.most, apart);
      result.dates += Number(apart > 0);
      result.orders += Number(due(exact) !== due(other));
    }
  }
  return result;
}

test("nothing hangs on the last bit: state that is off by 1e-15 on every evening gives the same dates and orders", (t) => {
  const random = randomNumbers(7);
  const { evenings, dates, orders } = disagreements((value) => value * (1 + (random() - 0.5) * 2e-15));
  t.is(evenings, 6000);
  t.is(dates, 0);
  t.is(orders, 0);
});

test("nothing hangs on doubles: state that is rounded to single precision on every evening moves hardly a date, by a day at most", (t) => {
  const { evenings, dates, orders, most } = disagreements(Math.fround);
  t.log(`${dates} dates and ${orders} orders of ${evenings} evenings differ, dates by ${most} days at most`);
  t.true(dates <= evenings / 500, `${dates}`);
  t.true(orders <= evenings / 1000, `${orders}`);
  t.true(most <= 1, `${most}`);
  // An error of a hundredth does show.
  const random = randomNumbers(9);
  t.true(disagreements((value) => value * (0.99 + 0.02 * random())).dates > evenings / 20);
});

test("bad options are refused by name, value and code", (t) => {
  const bad: [ForecastOptions, RegExp][] = [
    [{ priorRate: 0, unit: 1 }, /^forecast: priorRate must be .* \(got 0\)$/],
    [{ priorRate: Number.NaN, unit: 1 }, /priorRate .*\(got NaN\)/],
    [{ priorRate: Number.POSITIVE_INFINITY, unit: 1 }, /priorRate .*\(got Infinity\)/],
    [{ priorRate: 1, unit: -1 }, /unit must be .* \(got -1\)/],
    [{ priorRate: 1, unit: Number.NaN }, /unit .*\(got NaN\)/],
    [{ priorRate: 1, unit: 1, noise: -0.5 }, /noise must be .* \(got -0.5\)/],
  ];
  for (const [o, message] of bad)
    t.throws(() => new Forecast(o), { instanceOf: ForecastError, code: "invalid-option", message });
});

test("saved state that no forecast can have written is refused", (t) => {
  const o = { priorRate: 1, unit: 1 };
  const good = saved(learned(o, OFFICE, 2, 90));
  const refused = (bytes: Uint8Array, message: RegExp) =>
    t.throws(() => new Forecast(o, bytes), { instanceOf: ForecastError, code: "invalid-state", message });
  refused(new Uint8Array(Forecast.BYTES - 1), /must be \d+ bytes \(got \d+\)/);
  refused(new Uint8Array(Forecast.BYTES + 1), /bytes/);
  refused(new Uint8Array(Forecast.BYTES), /double 1 must be at least .* \(got 0\)/);
  refused(new Uint8Array(Forecast.BYTES).fill(0xff), /double 0 must be a finite number \(got NaN\)/);
  for (let i = 0; i < Forecast.BYTES; i += 8) {
    const bytes = good.slice();
    new DataView(bytes.buffer).setFloat64(i, Number.POSITIVE_INFINITY, true);
    refused(bytes, /finite number \(got Infinity\)/);
  }
  for (const position of [1, 3, 19, 21]) {
    const bytes = good.slice();
    new DataView(bytes.buffer).setFloat64(position * 8, 0, true);
    refused(bytes, new RegExp(`double ${position} must be at least`));
  }
  const bytes = good.slice();
  new DataView(bytes.buffer).setFloat64(29 * 8, 2.5, true);
  refused(bytes, /double 29 must be a whole number up to 7 \(got 2.5\)/);
  t.notThrows(() => new Forecast(o, good));
});

test("bad arguments are refused before anything changes", (t) => {
  const forecast = learned({ priorRate: 1, unit: 1 }, OFFICE, 2, 90);
  const before = saved(forecast);
  const bad: [() => unknown, RegExp][] = [
    [() => forecast.learn(7, 1, 1), /weekday must be 0 \(Monday\) to 6 \(Sunday\) \(got 7\)/],
    [() => forecast.learn(1.5, 1, 1), /weekday .*\(got 1.5\)/],
    [() => forecast.learn(0, Number.NaN, 1), /used must be .*\(got NaN\)/],
    [() => forecast.learn(0, 1e300, 1), /used .*\(got 1e\+300\)/],
    [() => forecast.learn(0, 1, 1.01), /observed must be .*\(got 1.01\)/],
    [() => forecast.learn(0, 1, Number.NaN), /observed/],
    [() => forecast.runOutProbability(Number.NaN, 7, 0), /remaining/],
    [() => forecast.runOutProbability(10, 7.5, 0), /days must be a whole number of days from 0 \(got 7.5\)/],
    [() => forecast.runOutProbability(10, -1, 0), /days/],
    [() => forecast.runOutProbability(10, 7, -1), /weekday/],
    [
      () => forecast.runOutProbability(10, 7, 0, 1.5),
      /elapsed must be a share of the day, 0 to 1 \(got 1.5\)/,
    ],
    [() => forecast.runOut(10, 0, 90, Number.NaN), /elapsed .*\(got NaN\)/],
    [() => forecast.rescale(0), /factor must be 1\/100 to 100 \(got 0\)/],
    [() => forecast.rescale(101), /factor .*\(got 101\)/],
    [() => forecast.rescale(Number.NaN), /factor .*\(got NaN\)/],
    [() => forecast.runOut(10, 0, 0), /cap must be a whole number of days from 1 \(got 0\)/],
    [() => forecast.runOut(Number.POSITIVE_INFINITY, 0), /remaining/],
    [() => forecast.save(new Uint8Array(Forecast.BYTES - 1)), /into must be at least/],
  ];
  for (const [call, message] of bad)
    t.throws(call, { instanceOf: ForecastError, code: "invalid-argument", message });
  t.deepEqual(saved(forecast), before);
});
