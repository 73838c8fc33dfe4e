import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { MassMeter, type MassMeterOptions, MeterError } from "../../../hal/index.js";
import { LoadCellModel } from "../../../hal/simulator/models/load-cell-model.js";
import { Random } from "../../../hal/simulator/models/random.js";

const GRAM = 0.001;
/** ms */
const DAY = 86_400_000;

interface Totals {
  consumed: number;
  refilled: number;
}

/** A meter for grams, 500 g in the container, with whatever a test adds. */
function gramMeter(options: Partial<MassMeterOptions> = {}): MassMeter {
  return new MassMeter({ massPerStep: GRAM, noise: GRAM, level: 500, ...options });
}

/** Feeds masses in grams and adds up. */
function feed(meter: MassMeter, grams: readonly number[]): Totals {
  const totals = { consumed: 0, refilled: 0 };
  for (const gram of grams) {
    const reading = meter.update({ mass: gram * GRAM });
    totals.consumed += reading.consumed;
    totals.refilled += reading.refilled;
  }
  return totals;
}

function times(n: number, gram: number): number[] {
  return new Array<number>(n).fill(gram);
}

test("a stable fall is consumption once a whole window has confirmed it", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  t.deepEqual(feed(meter, times(4, 465)), { consumed: 0, refilled: 0 });
  t.deepEqual(feed(meter, times(1, 465)), { consumed: 35, refilled: 0 });
  t.is(meter.level, 465);
});

test("a stable rise is a refill, never negative use", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  t.deepEqual(feed(meter, times(4, 1200)), { consumed: 0, refilled: 0 });
  t.deepEqual(feed(meter, times(1, 1200)), { consumed: 0, refilled: 700 });
  t.is(meter.level, 1200);
});

test("use just before and just after a refill is kept apart from it", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  const totals = feed(meter, [465, 465, 1165, 1165, 1130, ...times(10, 1130)]);
  t.deepEqual(totals, { consumed: 70, refilled: 700 });
});

test("what goes back within the window is not counted", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  const hand = [900, 900, 900];
  const lifted = [120, 120, 120];
  t.deepEqual(feed(meter, [...hand, ...times(9, 500), ...lifted, ...times(9, 500)]), {
    consumed: 0,
    refilled: 0,
  });
  t.deepEqual(
    feed(meter, [...hand, ...times(9, 465)]),
    { consumed: 35, refilled: 0 },
    "a dose under the hand",
  );
  t.deepEqual(
    feed(meter, [...lifted, ...times(9, 430)]),
    { consumed: 35, refilled: 0 },
    "a dose while lifted",
  );
});

test("a small or incomplete return is no use either", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  t.deepEqual(feed(meter, [...times(3, 485), ...times(9, 500)]), { consumed: 0, refilled: 0 });
  t.deepEqual(feed(meter, [...times(3, 120), ...times(9, 495)]), { consumed: 0, refilled: 0 });
});

test("a change that was still going on at its first sample is counted in full", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  t.is(feed(meter, [1197, ...times(4, 1200)]).refilled, 700);
  t.is(feed(meter, [1168, ...times(4, 1165)]).consumed, 35);
});

test("lone samples far off are nothing", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  t.deepEqual(feed(meter, [900, 500, 500, 20, 500, 500, 500, 900, 900, 500, 500, 500, 500, 500]), {
    consumed: 0,
    refilled: 0,
  });
});

test("a container taken off is not use, however long it is away", (t) => {
  const meter = gramMeter({ level: 100 });
  feed(meter, times(5, 100));
  t.deepEqual(feed(meter, times(50, -300)), { consumed: 0, refilled: 0 });
  t.deepEqual(feed(meter, times(9, 100)), { consumed: 0, refilled: 0 });
  feed(meter, times(50, -300));
  t.deepEqual(feed(meter, times(9, 800)), { consumed: 0, refilled: 700 }, "refilled while it was off");
});

test("in a busy time, use is counted although no window is quiet", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  const busy: number[] = [];
  for (let doses = 1; doses <= 10; doses++) busy.push(...times(3, 500 - 35 * doses));
  const { consumed } = feed(meter, busy);
  t.true(consumed >= 35 * 8 && consumed <= 350, `${consumed}`);
  t.is(consumed + feed(meter, times(9, 150)).consumed, 350);
});

test("sips smaller than the noise add up", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  const sips = Array.from({ length: 200 }, (_, i) => 500 - i);
  const { consumed } = feed(meter, sips);
  const rest = feed(meter, times(9, 300)).consumed;
  t.true(Math.abs(consumed + rest - 200) <= 6, `${consumed + rest}`);
});

test("parts of a step are carried until they make a step", (t) => {
  // 20 g doses counted in steps of 35 g.
  const meter = new MassMeter({ massPerStep: 0.035, noise: GRAM, level: 20, drift: 0 });
  feed(meter, times(5, 700));
  let consumed = 0;
  for (let dose = 1; dose <= 28; dose++) consumed += feed(meter, times(6, 700 - 20 * dose)).consumed;
  t.is(consumed, 16);
  t.is(meter.level, 4);
});

test("a small rise is made up by the next use", (t) => {
  const meter = gramMeter({ drift: 0 });
  feed(meter, times(5, 500));
  t.deepEqual(feed(meter, times(9, 510)), { consumed: 0, refilled: 0 });
  t.is(feed(meter, times(9, 465)).consumed, 35);
});

test("samples with faults or without a mass are ignored", (t) => {
  const meter = gramMeter();
  feed(meter, times(5, 500));
  for (let i = 0; i < 20; i++) {
    t.deepEqual(meter.update({ mass: 0.1, faults: { saturated: true } }), { consumed: 0, refilled: 0 });
    t.deepEqual(meter.update({ mass: NaN }), { consumed: 0, refilled: 0 });
  }
  t.deepEqual(feed(meter, times(9, 500)), { consumed: 0, refilled: 0 });
  t.deepEqual(feed(meter, times(9, 1e300)), { consumed: 0, refilled: 0 });
  t.is(feed(meter, [465, 465, 465, NaN, Infinity, 465, 465]).consumed, 35, "nor do they break a plateau");
});

test("a small difference from the ledger at the start is an offset, not use", (t) => {
  const meter = gramMeter();
  t.deepEqual(feed(meter, times(9, 497)), { consumed: 0, refilled: 0 });
  t.is(meter.level, 500);
  t.true(Math.abs(meter.offset + 3 * GRAM) < 1e-9);
  t.is(feed(meter, times(9, 462)).consumed, 35);
});

test("a large difference at the start happened while the device was off", (t) => {
  t.deepEqual(feed(gramMeter(), times(9, 430)), { consumed: 70, refilled: 0 });
  t.deepEqual(feed(gramMeter(), times(9, 1100)), { consumed: 0, refilled: 600 });
});

test("an offset kept by the product survives a restart, so drift is not counted then", (t) => {
  const first = gramMeter();
  const drifting = Array.from({ length: 3000 }, (_, i) => 500 - i * 0.01);
  t.deepEqual(feed(first, drifting), { consumed: 0, refilled: 0 });
  const last = drifting.at(-1)!;
  t.deepEqual(feed(gramMeter({ offset: first.offset, level: first.level }), times(9, last)), {
    consumed: 0,
    refilled: 0,
  });
  t.is(feed(gramMeter({ level: first.level }), times(9, last)).consumed, 30, "without it, it would be");
});

test("a start in which no window is quiet still starts, at the median", (t) => {
  const meter = gramMeter();
  const swinging = Array.from({ length: 15 }, (_, i) => [480, 497, 510][i % 3]!);
  feed(meter, swinging.slice(0, 14));
  t.is(meter.offset, 0, "not yet");
  feed(meter, swinging.slice(14));
  t.true(Math.abs(meter.offset + 3 * GRAM) < 1e-9, `${meter.offset}`);
  t.is(feed(meter, [...times(9, 497), ...times(9, 462)]).consumed, 35);
});

test("the level stops at 0 and what the scale shows below is taken for its zero", (t) => {
  const meter = gramMeter({ level: 20 });
  feed(meter, times(5, 20));
  t.deepEqual(feed(meter, times(9, 5)), { consumed: 15, refilled: 0 });
  t.deepEqual(feed(meter, times(9, -10)), { consumed: 5, refilled: 0 });
  t.is(meter.level, 0);
  t.deepEqual(feed(meter, times(9, 690)), { consumed: 0, refilled: 700 });
});

test("it says when it is confirming, and when it is not", (t) => {
  const meter = gramMeter();
  t.true(meter.pending, "not started");
  feed(meter, times(5, 500));
  t.false(meter.pending);
  for (const mass of [465, 1165]) {
    feed(meter, times(1, mass));
    t.true(meter.pending, `at ${mass}`);
    feed(meter, times(5, mass));
    t.false(meter.pending, `at ${mass} for a window`);
  }
});

test("a container that is away, or with something on top of it, is said so and counted as nothing", (t) => {
  const meter = gramMeter({ capacity: 1000 });
  feed(meter, times(5, 500));
  const nothing = { consumed: 0, refilled: 0 };
  for (let i = 0; i < 20; i++) t.deepEqual(meter.update({ mass: -0.3 }), { ...nothing, condition: "away" });
  // A tenth and the refill threshold above: 1124 g.
  for (let i = 0; i < 20; i++)
    t.deepEqual(meter.update({ mass: 1.13 }), { ...nothing, condition: "overfull" });
  t.deepEqual(feed(meter, times(9, 500)), nothing);
  t.deepEqual(feed(meter, times(9, 1100)), { consumed: 0, refilled: 600 }, "a heap is none");
});

test("a scale that was exchanged while the device was off is neither use nor a refill", (t) => {
  const meter = gramMeter({ capacity: 1000 });
  feed(meter, times(4, 4500));
  const { condition, ...nothing } = meter.update({ mass: 4.5 });
  t.is(condition, "exchanged");
  t.deepEqual(nothing, { consumed: 0, refilled: 0 });
  t.is(meter.level, 500);
  t.true(Math.abs(meter.offset - 4) < 1e-9);
  t.deepEqual(feed(meter, times(9, 4465)), { consumed: 35, refilled: 0 });
  t.is(feed(gramMeter(), times(9, 4500)).refilled, 4000, "without a capacity it would be a refill");
});

test("after a rebase, any mass is where the level is", (t) => {
  for (const gram of [-2000, 80, 467, 3000]) {
    const meter = gramMeter();
    feed(meter, [...times(5, 500), ...times(2, 465)]);
    meter.rebase();
    t.true(meter.pending);
    t.deepEqual(feed(meter, times(4, gram)), { consumed: 0, refilled: 0 });
    t.deepEqual(meter.update({ mass: gram * GRAM }), { consumed: 0, refilled: 0, condition: "exchanged" });
    t.is(meter.level, 500);
    t.deepEqual(feed(meter, times(9, gram - 35)), { consumed: 35, refilled: 0 });
    t.deepEqual(feed(meter, times(9, gram - 35 + 700)), { consumed: 0, refilled: 700 });
  }
});

test("drift goes by the time, not by the samples", (t) => {
  // 1 g an hour, for a scale whose drift is 0.2 g an hour: seen as use whatever the interval, as drift if it were by the sample.
  for (const intervals of [1, 0.1]) {
    const meter = gramMeter();
    feed(meter, times(5, 500));
    let consumed = 0;
    for (let i = 0; i < 192 / intervals; i++)
      consumed += meter.update({ mass: (500 - 0.25 * intervals * i) * GRAM }, intervals).consumed;
    t.true(consumed >= 42 && consumed <= 49, `${consumed} of 48 g`);
  }
  const still = gramMeter();
  feed(still, times(5, 500));
  for (const odd of [NaN, -1, Infinity, 0]) still.update({ mass: 0.503 }, odd);
  t.true(Math.abs(still.offset) < GRAM, "an interval that is none poisons nothing");
});

test("an error of the books beyond what a zero can move by is made up with the uses that follow", (t) => {
  for (const [off, uses] of [
    [40, [70, 80]],
    [-40, [90, 80]],
    [55, [60, 75, 80]],
  ] as const) {
    // The tolerance takes what the scale is off by for drift of its zero, which moves by 30 g at most.
    const meter = gramMeter({ tolerance: 1, refillThreshold: 60, drift: 0 });
    t.deepEqual(feed(meter, times(200, 500 + off)), { consumed: 0, refilled: 0 }, "not without a use");
    t.is(meter.level, 500);
    let shown = 500 + off;
    for (const use of uses) {
      shown -= 80;
      t.is(feed(meter, times(9, shown)).consumed, use);
    }
    t.true(Math.abs(Math.abs(meter.offset) - 0.03) < 1e-9, `${meter.offset}`);
  }
});

test("the zero of an exchanged scale is where it was, over restarts", (t) => {
  const meter = gramMeter({ offset: 4 });
  feed(meter, times(5, 4500));
  t.is(feed(meter, times(9, 4400)).consumed, 100);
});

test("books that were wrong a little every day do not make a full container an empty one that is away", (t) => {
  // Every dose is weighed 2 g too heavy, as when the kitchen warms up with the day, and the way back is taken for drift.
  const meter = gramMeter({ level: 900 });
  let content = 900;
  feed(meter, times(5, content));
  let consumed = 0;
  for (let day = 0; day < 200; day++) {
    if (content < 250) {
      content += 700;
      feed(meter, times(9, content));
    }
    content -= 35;
    consumed += feed(meter, times(9, content - 2)).consumed;
    consumed += feed(meter, times(90, content)).consumed;
  }
  t.true(Math.abs(consumed - 200 * 35) < 70, `${consumed} of ${200 * 35}`);
});

test("a smaller refill threshold sees smaller refills", (t) => {
  const rise = [...times(5, 500), ...times(9, 518)];
  t.is(feed(gramMeter(), rise).refilled, 0);
  t.is(feed(gramMeter({ refillThreshold: 15 }), rise).refilled, 18);
});

test("readings are fresh objects", (t) => {
  const meter = gramMeter();
  t.not(meter.update({ mass: 0.5 }), meter.update({ mass: 0.5 }));
});

test("over any samples, consumed less refilled is exactly what the level lost", (t) => {
  const samples = fc.array(
    fc.record({
      mass: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: -200, max: 3000 }).map((gram) => gram * GRAM) },
        { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, 0, 1e300) },
      ),
      repeat: fc.integer({ min: 1, max: 12 }),
      fault: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  let moved = 0;
  fc.assert(
    fc.property(
      samples,
      fc.integer({ min: 1, max: 100 }),
      fc.nat(2000),
      fc.constantFrom(3, 5, 9),
      fc.nat(),
      (plateaus, stepGrams, level, window, seed) => {
        const random = new Random(seed);
        const meter = new MassMeter({ massPerStep: stepGrams * GRAM, noise: GRAM, level, window });
        let balance = level;
        for (const { mass, repeat, fault } of plateaus)
          for (let i = 0; i < repeat; i++) {
            const noisy = mass + random.normal() * GRAM;
            const { consumed, refilled } = meter.update(
              fault && i === 0 ? { mass: noisy, faults: {} } : { mass: noisy },
            );
            t.true(Number.isInteger(consumed) && consumed >= 0, `consumed ${consumed}`);
            t.true(Number.isInteger(refilled) && refilled >= 0, `refilled ${refilled}`);
            moved += consumed > 0 && refilled > 0 ? 1 : 0;
            balance += refilled - consumed;
            t.is(meter.level, balance);
            t.true(meter.level >= 0);
          }
      },
    ),
    { numRuns: 300 },
  );
  t.true(moved > 0, "some reading had both, so the property was put to the test");
});

/** What a household did with a container on a load cell, and what the meter made of it. */
interface Trace {
  used: number;
  refills: number[];
  counted: number;
  /** sample numbers of the readings with a refill */
  seen: number[];
  refilled: number;
}

interface Household {
  seed: number;
  /** kg */
  dose: number;
  dosesPerDay: number;
  massPerStep: number;
  /** kg a day, on top of the random walk */
  trend?: number;
  days?: number;
  /** kg at the start, default 0.9 */
  content?: number;
  /** default 96: every 15 minutes */
  samplesPerDay?: number;
}

function simulate({
  seed,
  dose,
  dosesPerDay,
  massPerStep,
  trend = 0,
  days = 30,
  content = 0.9,
  samplesPerDay = 96,
}: Household): Trace {
  const random = new Random(`household ${seed}`);
  const scale = content > 1 ? 1e-5 : 2e-7;
  const zero = 84_000;
  const cell = new LoadCellModel({
    seed,
    zero,
    scale,
    noise: 1 * GRAM,
    driftPerDay: 1.5 * GRAM,
    temperatureSwing: 2 * GRAM,
  });
  const level = Math.round(content / massPerStep);
  const meter = new MassMeter({ massPerStep, noise: GRAM, level, drift: (GRAM / 20) * (96 / samplesPerDay) });
  const trace: Trace = { used: 0, refills: [], counted: 0, seen: [], refilled: 0 };
  let refillAt = -1;
  for (let i = 0; i < days * samplesPerDay; i++) {
    const hour = ((i % samplesPerDay) * 24) / samplesPerDay;
    // Waking hours from 7 to 23, no matter when a refill is due.
    if (hour >= 7 && hour < 23 && random.next() < (dosesPerDay * 24) / 16 / samplesPerDay) {
      const used = Math.min(content, dose * (1 + 0.05 * random.normal()));
      content -= used;
      trace.used += used;
    }
    // None on the last day, so that every refill can be confirmed.
    const last = i >= (days - 1) * samplesPerDay;
    if (refillAt < 0 && content < 0.25 && !last) refillAt = i + 1 + random.int(samplesPerDay / 2);
    if (i === refillAt) {
      content += 0.7;
      trace.refills.push(i);
      refillAt = -1;
    }
    const mass = (cell.raw(content + (trend * i) / samplesPerDay, (i * DAY) / samplesPerDay) - zero) * scale;
    const { consumed, refilled } = meter.update({ mass });
    trace.counted += consumed * massPerStep;
    trace.refilled += refilled * massPerStep;
    if (refilled > 0) trace.seen.push(i);
  }
  return trace;
}

/** Simulates households and states the mean and the worst relative error of what was consumed. */
function accuracy(t: ExecutionContext, household: Omit<Household, "seed">): { mean: number; worst: number } {
  const households = 24;
  let mean = 0;
  let worst = 0;
  for (let seed = 0; seed < households; seed++) {
    const { used, refills, counted, seen } = simulate({ ...household, seed });
    const error = counted / used - 1;
    mean += error / households;
    worst = Math.max(worst, Math.abs(error));
    t.is(seen.length, refills.length, `seed ${seed}: refills`);
    for (const [n, at] of seen.entries()) {
      const samples = at - refills[n]!;
      t.true(samples >= 4 && samples <= 16, `seed ${seed}: refill ${n} was seen after ${samples} samples`);
    }
  }
  t.log(`mean ${(100 * mean).toFixed(2)} %, worst ${(100 * worst).toFixed(2)} %`);
  return { mean: Math.abs(mean), worst };
}

test("a month of 35 g doses is metered within 3 %, every refill seen and none invented", (t) => {
  const { mean, worst } = accuracy(t, { dose: 0.035, dosesPerDay: 4, massPerStep: 0.00283495 });
  t.true(mean < 0.01, `mean ${mean}`);
  t.true(worst < 0.03, `worst ${worst}`);
});

test("steps as large as a dose are metered as well", (t) => {
  const { mean, worst } = accuracy(t, { dose: 0.035, dosesPerDay: 4, massPerStep: 0.035 });
  t.true(mean < 0.01, `mean ${mean}`);
  t.true(worst < 0.03, `worst ${worst}`);
});

test("without refills, a month of a busy dispenser is metered within 0.2 %", (t) => {
  const busy = { dose: 0.035, dosesPerDay: 30, massPerStep: 0.00283495, content: 60 };
  const { mean, worst } = accuracy(t, busy);
  t.true(mean < 0.001, `mean ${mean}`);
  t.true(worst < 0.002, `worst ${worst}`);
});

test("sampled every minute, a busy dispenser with a refill a day is metered within 1 %", (t) => {
  const busy = { dose: 0.035, dosesPerDay: 20, massPerStep: 0.00283495, samplesPerDay: 1440 };
  const { mean, worst } = accuracy(t, busy);
  t.true(mean < 0.005, `mean ${mean}`);
  t.true(worst < 0.01, `worst ${worst}`);
});

test("a zero that drifts one way by 1.5 g a day costs less than 1.5 % more", (t) => {
  for (const trend of [1.5 * GRAM, -1.5 * GRAM]) {
    const { mean, worst } = accuracy(t, { dose: 0.035, dosesPerDay: 4, massPerStep: 0.00283495, trend });
    t.true(mean < 0.015, `mean ${mean}`);
    t.true(worst < 0.045, `worst ${worst}`);
  }
});

test("a month of 1.5 g strokes, hardly above the noise, is metered within 8 %", (t) => {
  const { mean, worst } = accuracy(t, { dose: 0.0015, dosesPerDay: 20, massPerStep: 0.00283495 });
  t.true(mean < 0.05, `mean ${mean}`);
  t.true(worst < 0.08, `worst ${worst}`);
});

test("a container that nobody touches for two months loses next to nothing to drift", (t) => {
  for (let seed = 0; seed < 12; seed++) {
    const { counted, seen } = simulate({ seed, dose: 0.035, dosesPerDay: 0, massPerStep: GRAM, days: 60 });
    t.is(seen.length, 0);
    t.true(counted <= 0.008, `seed ${seed}: ${counted}`);
  }
});

test("options are refused with the field, what is accepted and the value", (t) => {
  const refused: [Partial<MassMeterOptions>, RegExp][] = [
    [{ massPerStep: 0 }, /massPerStep must be a positive mass in kg \(got 0\)/],
    [{ noise: -1 }, /noise must be a positive mass/],
    [{ level: 1.5 }, /level must be a whole number of steps, 0 or more \(got 1\.5\)/],
    [{ level: -1 }, /level/],
    [{ window: 4 }, /window must be an odd number of samples from 3 to 99 \(got 4\)/],
    [{ window: 1 }, /window/],
    [{ window: 101 }, /window/],
    [{ refillThreshold: 11 }, /refillThreshold must be .* at least 12 with this noise \(got 11\)/],
    [{ drift: -1 }, /drift/],
    [{ tolerance: 0 }, /tolerance/],
    [{ zeroRange: 0 }, /zeroRange must be a positive mass in kg \(got 0\)/],
    [{ offset: NaN }, /offset/],
    [{ capacity: 499 }, /capacity must be .* at least level \(got 499\)/],
  ];
  for (const [options, message] of refused) {
    const error = t.throws(() => gramMeter(options), { instanceOf: MeterError, message });
    t.is(error.code, "options");
  }
  t.notThrows(() => new MassMeter(Object.freeze({ massPerStep: 1, noise: 0.1, level: 0 })));
});
