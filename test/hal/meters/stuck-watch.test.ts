import test from "ava";
import { MassMeter, MeterError, StuckWatch, type StuckWatchOptions } from "../../../hal/index.js";
import { LoadCellModel } from "../../../hal/simulator/models/load-cell-model.js";
import { DAY, HOUR, MINUTE } from "./home.js";

const nothing = { consumed: 0, refilled: 0 };

test("no answer or faults, again and again, is a sensor that fails, until it does not", (t) => {
  for (const bad of [undefined, { value: 2 ** 23, faults: { saturated: true } }]) {
    const watch = new StuckWatch();
    for (let i = 0; i < 8; i++) t.is(watch.update(bad, undefined, i), undefined);
    t.is(watch.update(bad, undefined, 8), "failing");
    t.is(watch.update({ value: 1 }, nothing, 9), undefined);
  }
});

test("the same value again and again is a converter that is frozen", (t) => {
  const watch = new StuckWatch({ same: 40 });
  for (let i = 0; i < 40; i++) t.is(watch.update({ value: 84_000 }, nothing, i), undefined);
  t.is(watch.update({ value: 84_000 }, nothing, 40), "frozen");
  t.is(watch.update({ value: 84_001 }, nothing, 41), undefined);
});

test("a live converter is not frozen for a year, though its noise is but one count", (t) => {
  const cell = new LoadCellModel({
    seed: "alive",
    zero: 0,
    scale: 1e-6,
    noise: 1e-6,
    driftPerDay: 0,
    temperatureSwing: 0,
  });
  const watch = new StuckWatch({ same: 40 });
  for (let i = 0; i < 365 * 96; i++)
    t.is(watch.update({ value: cell.raw(0.5, i * 15 * MINUTE) }, nothing, i * 15 * MINUTE), undefined);
});

test("what was dispensed and does not show is a sensor that is blind", (t) => {
  const watch = new StuckWatch();
  for (let use = 1; use <= 3; use++) {
    watch.expectUse();
    t.is(watch.update({ value: use }, nothing, use), undefined);
  }
  watch.expectUse();
  t.is(watch.update({ value: 4 }, nothing, 4), "blind");
  t.is(watch.update({ value: 5 }, { consumed: 12, refilled: 0 }, 5), undefined);
});

test("a load cell that is stuck is found by the doses that it does not see, and one that is not stuck is not", (t) => {
  for (const stuckAt of [10, Infinity]) {
    const watch = new StuckWatch();
    const meter = new MassMeter({ massPerStep: 0.001, noise: 0.001, level: 900 });
    const cell = new LoadCellModel({
      seed: "stuck",
      zero: 0,
      scale: 1e-6,
      noise: 0.001,
      driftPerDay: 0.0015,
      temperatureSwing: 0.002,
    });
    let content = 0.9;
    let found = Infinity;
    for (let sample = 0; sample < 24 * 20; sample++) {
      const time = sample * 15 * MINUTE;
      const dose = Math.floor(sample / 24);
      if (sample > 0 && sample % 24 === 0) {
        if (dose < stuckAt) content -= 0.035;
        watch.expectUse();
      }
      const value = cell.raw(content, time);
      if (watch.update({ value }, meter.update({ mass: value * 1e-6 }), time) === "blind")
        found = Math.min(found, dose);
    }
    t.is(found, stuckAt + 3);
  }
});

test("a container that is away, or a scale that shows the impossible, is absent after a day", (t) => {
  for (const mass of [-0.5, 3]) {
    const watch = new StuckWatch();
    const meter = new MassMeter({ massPerStep: 0.001, noise: 0.001, level: 500, capacity: 1000 });
    const at = (hours: number, shown: number) =>
      watch.update({ value: shown }, meter.update({ mass: shown }), hours * HOUR);
    for (let hour = 0; hour < 10; hour++) t.is(at(hour, 0.5), undefined);
    for (let hour = 10; hour <= 33; hour++) t.is(at(hour, mass), undefined, `${hour}`);
    t.is(at(34, mass), "absent");
    t.is(at(35, 0.5), undefined);
  }
});

test("no use for longer than the household does without is told", (t) => {
  const watch = new StuckWatch({ idle: 14 * DAY });
  t.is(watch.update({ value: 1 }, { consumed: 5, refilled: 0 }, DAY), undefined);
  t.is(watch.update({ value: 2 }, nothing, 15 * DAY), undefined);
  t.is(watch.update({ value: 3 }, nothing, 15 * DAY + 1), "idle");
  t.is(watch.update({ value: 4 }, { consumed: 5, refilled: 0 }, 16 * DAY), undefined);
});

test("options are refused with the field, what is accepted and the value", (t) => {
  for (const field of ["faults", "same", "unseen", "absent", "idle"] as const) {
    const options: StuckWatchOptions = { [field]: 0 };
    t.throws(() => new StuckWatch(options), {
      instanceOf: MeterError,
      message: `StuckWatch: ${field} must be a positive number (got 0)`,
    });
  }
});
