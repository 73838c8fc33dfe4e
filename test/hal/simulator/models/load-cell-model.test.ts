import test from "ava";
import {
  LoadCellModel,
  type LoadCellModelOptions,
} from "../../../../hal/simulator/models/load-cell-model.js";

const DAY = 86_400_000;
const quiet: LoadCellModelOptions = {
  seed: "cell",
  zero: 1000,
  scale: 1e-6,
  noise: 0,
  driftPerDay: 0,
  temperatureSwing: 0,
};

function deviation(values: number[]): number {
  const mean = values.reduce((a, b) => a + b) / values.length;
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
}

test("without errors the counts are the mass by the scale above the zero", (t) => {
  const cell = new LoadCellModel(quiet);
  t.is(cell.raw(0, 0), 1000);
  t.is(cell.raw(0.5, 1000), 501_000);
  t.is(new LoadCellModel({ ...quiet, scale: -1e-6 }).raw(0.5, 0), -499_000);
});

test("the same seed and calls give the same counts, another seed others", (t) => {
  const options = { ...quiet, noise: 0.001, driftPerDay: 0.002, temperatureSwing: 0.002 };
  const trace = (cell: LoadCellModel) => Array.from({ length: 100 }, (_, i) => cell.raw(0.3, i * 900_000));
  t.deepEqual(trace(new LoadCellModel(options)), trace(new LoadCellModel(options)));
  t.notDeepEqual(trace(new LoadCellModel(options)), trace(new LoadCellModel({ ...options, seed: "other" })));
});

test("noise has the standard deviation that was asked for", (t) => {
  const cell = new LoadCellModel({ ...quiet, noise: 0.001 });
  const counts = Array.from({ length: 20_000 }, (_, i) => cell.raw(0.3, i));
  t.true(Math.abs(deviation(counts) - 1000) < 25, `${deviation(counts)}`);
});

test("drift after n days deviates by the square root of n, however often it is sampled", (t) => {
  for (const samples of [4, 40]) {
    const ends = Array.from({ length: 2000 }, (_, seed) => {
      const cell = new LoadCellModel({ ...quiet, seed, driftPerDay: 0.001 });
      let counts = 0;
      for (let i = 0; i <= samples; i++) counts = cell.raw(0, (i * 4 * DAY) / samples);
      return counts;
    });
    t.true(Math.abs(deviation(ends) - 2000) < 150, `${deviation(ends)}`);
  }
});

test("the temperature error swings once a day by its amplitude", (t) => {
  const cell = new LoadCellModel({ ...quiet, temperatureSwing: 0.002 });
  const counts = [0, 0.25, 0.5, 0.75, 1, 1.25].map((days) => cell.raw(0, days * DAY));
  t.deepEqual(counts, [1000, 3000, 1000, -1000, 1000, 3000]);
});

test("the converter stops at the ends of its range", (t) => {
  const cell = new LoadCellModel(quiet);
  t.is(cell.raw(100, 0), 2 ** 23 - 1);
  t.is(cell.raw(-100, 0), -(2 ** 23) + 1);
});

test("options out of range are refused", (t) => {
  for (const options of [{ scale: 0 }, { noise: -1 }, { driftPerDay: NaN }, { zero: Infinity }])
    t.throws(() => new LoadCellModel({ ...quiet, ...options }), { instanceOf: RangeError });
});
