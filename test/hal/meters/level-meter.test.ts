import test from "ava";
import fc from "fast-check";
import { LevelMeter, type LevelMeterOptions, MeterError } from "../../../hal/index.js";
import { Random } from "../../../hal/simulator/models/random.js";

/** A container of 20 cm below a sensor 5 cm above it; a step is a millimetre. */
const CONTAINER = { full: 0.05, empty: 0.25, capacity: 200 };
const SAMPLES_A_DAY = 96;

function meterOf(options: Partial<LevelMeterOptions> = {}): LevelMeter {
  return new LevelMeter({ ...CONTAINER, level: 200, ...options });
}

/** Feeds distances in millimetres and adds up. */
function feed(meter: LevelMeter, distances: readonly number[]) {
  const totals = { consumed: 0, refilled: 0 };
  for (const distance of distances) {
    const { consumed, refilled } = meter.update({ distance: distance / 1000 });
    totals.consumed += consumed;
    totals.refilled += refilled;
  }
  return totals;
}

const times = (n: number, distance: number) => new Array<number>(n).fill(distance);

test("a surface that falls is use, one that rises is a refill and never negative use", (t) => {
  const meter = meterOf();
  t.deepEqual(feed(meter, [...times(5, 50), ...times(5, 110)]), { consumed: 60, refilled: 0 });
  t.is(meter.level, 140);
  t.deepEqual(feed(meter, times(5, 70)), { consumed: 0, refilled: 40 });
  t.is(meter.level, 180);
});

test("a small rise is nothing, and is made up by the next use", (t) => {
  const meter = meterOf({ level: 100, drift: 0 });
  feed(meter, times(5, 150));
  t.deepEqual(feed(meter, times(9, 140)), { consumed: 0, refilled: 0 });
  t.deepEqual(feed(meter, times(9, 170)), { consumed: 20, refilled: 0 });
});

test("a hand, the lid, an open container and faults change nothing", (t) => {
  const meter = meterOf({ level: 100 });
  feed(meter, times(5, 150));
  for (const distance of [10, 60, 400]) {
    const before = feed(meter, [distance, distance, ...times(9, 150)]);
    t.deepEqual(before, { consumed: 0, refilled: 0 }, `${distance} mm`);
  }
  t.deepEqual(feed(meter, [...times(20, 10), ...times(20, 400)]), { consumed: 0, refilled: 0 });
  for (let i = 0; i < 20; i++) {
    t.is(meter.update({ distance: NaN, faults: { noEcho: true } }).consumed, 0);
    t.is(meter.update({ distance: 0.24, faults: {} }).consumed, 0);
    t.is(meter.update({ distance: Infinity }).consumed, 0);
  }
  t.is(meter.level, 100);
});

test("a lid that is open and a hand are said so", (t) => {
  const meter = meterOf({ level: 100 });
  feed(meter, times(5, 150));
  t.is(meter.update({ distance: 0.4 }).condition, "away");
  t.is(meter.update({ distance: 0.01 }).condition, "overfull");
  t.is(meter.update({ distance: 0.15 }).condition, undefined);
  t.false(meter.pending);
  meter.update({ distance: 0.19 });
  t.true(meter.pending);
});

test("a sensor that was moved goes on from the level, and drift survives a restart", (t) => {
  const meter = meterOf({ level: 100 });
  feed(meter, times(5, 150));
  meter.rebase();
  t.deepEqual(feed(meter, times(5, 120)), { consumed: 0, refilled: 0 });
  t.is(meter.level, 100);
  t.true(Math.abs(meter.offset - 0.03) < 1e-9, `${meter.offset}`);
  const restarted = meterOf({ level: 100, offset: meter.offset });
  t.deepEqual(feed(restarted, [...times(5, 120), ...times(5, 140)]), { consumed: 20, refilled: 0 });
});

test("drift goes by the time, not by the samples", (t) => {
  const [seldom, often] = [1, 0.01].map((intervals) => {
    const meter = meterOf({ level: 100 });
    feed(meter, times(5, 150));
    for (let i = 0; i < 20; i++) meter.update({ distance: 0.148 }, intervals);
    return meter.offset;
  });
  t.true(seldom! > 0.0007 && seldom! < 0.0011, `${seldom}`);
  t.true(often! < 0.00002, `${often}`);
});

test("options are refused with the field", (t) => {
  for (const [field, value] of [
    ["full", -1],
    ["empty", 0.05],
    ["capacity", 1.5],
    ["noise", 0],
    ["level", -1],
    ["window", 4],
    ["offset", NaN],
  ] as const) {
    const error = t.throws(() => meterOf({ [field]: value }), { instanceOf: MeterError });
    t.true(error.message.includes(field), error.message);
  }
});

/** A household for so many days: what it used and put in, and what a meter made of it. */
function household(seed: string, days: number, dosesADay: number, dose: number) {
  const random = new Random(seed);
  let level = 200;
  let used = 0;
  let filled = 0;
  let refills = 0;
  let refillsSeen = 0;
  const meter = meterOf({ level });
  const totals = { consumed: 0, refilled: 0 };
  const samples = days * SAMPLES_A_DAY;
  for (let i = 0; i < samples; i++) {
    // The last hours are quiet, so that everything that happened can be confirmed.
    if (i > samples - 20) random.next();
    else if (random.next() < dosesADay / SAMPLES_A_DAY && level > dose) {
      const taken = dose * (0.9 + 0.2 * random.next());
      level -= taken;
      used += taken;
    } else if (level < 40 && random.next() < 0.05) {
      filled += 200 - level;
      level = 200;
      refills++;
    }
    // Air that is 3 degrees warmer and colder than configured within a day: 0.17 % of the distance for each.
    const warmth = 1 - 0.0017 * 3 * Math.sin((2 * Math.PI * i) / SAMPLES_A_DAY);
    const distance = (0.25 - level / 1000) * warmth + 0.001 * random.normal();
    const rare = random.next();
    // A fiftieth of the samples has no echo, a hundredth that of something else.
    const sample =
      rare < 0.02
        ? { distance: NaN, faults: { noEcho: true } }
        : { distance: rare < 0.03 ? 0.02 + 3 * random.next() : distance };
    const { consumed, refilled } = meter.update(sample);
    checkReading(consumed, refilled);
    totals.consumed += consumed;
    totals.refilled += refilled;
    if (refilled > 0) refillsSeen++;
  }
  return { ...totals, used, filled, refills, refillsSeen, error: (totals.consumed - used) / used };
}

function checkReading(consumed: number, refilled: number): void {
  if (!Number.isInteger(consumed) || !Number.isInteger(refilled) || consumed < 0 || refilled < 0)
    throw new Error(`a reading of ${consumed}, ${refilled}`);
}

test("over a month the use is right within the stated accuracy, and no refill is missed or invented", (t) => {
  for (const [dosesADay, dose, mean, worst] of [
    [4, 10, 0.015, 0.04],
    [10, 4, 0.045, 0.07],
  ] as const) {
    const homes = Array.from({ length: 24 }, (_, i) => household(`level ${i}`, 30, dosesADay, dose));
    const errors = homes.map(({ error }) => error);
    const average = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const largest = Math.max(...errors.map(Math.abs));
    t.log(
      `${dosesADay} doses of ${dose}: mean ${(100 * average).toFixed(1)} %, worst ${(100 * largest).toFixed(1)} %, refills ${homes.map(({ refills, refillsSeen }) => `${refillsSeen}/${refills}`).join(" ")}`,
    );
    t.true(Math.abs(average) < mean);
    t.true(largest < worst);
    t.deepEqual(
      homes.map(({ refillsSeen }) => refillsSeen),
      homes.map(({ refills }) => refills),
    );
    for (const { filled, refilled } of homes) t.true(Math.abs(refilled - filled) < 0.05 * filled);
  }
});

test("with nobody at home for 60 days nothing is used or put in", (t) => {
  const homes = Array.from({ length: 24 }, (_, i) => household(`away ${i}`, 60, 0, 10));
  for (const { consumed, refilled } of homes)
    t.deepEqual({ consumed, refilled }, { consumed: 0, refilled: 0 });
});

test("whatever comes, readings are whole and the level is what they say", (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double({ min: -0.1, max: 0.5 }), fc.double())), (distances) => {
      const meter = meterOf();
      let level = 200;
      for (const distance of distances) {
        const { consumed, refilled } = meter.update({ distance });
        checkReading(consumed, refilled);
        level += refilled - consumed;
        t.is(meter.level, level);
        t.true(level >= 0);
      }
    }),
  );
});
