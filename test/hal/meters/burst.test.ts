import test from "ava";
import { Burst, type BurstOptions, type BurstSample, MeterError } from "../../../hal/index.js";
import { Random } from "../../../hal/simulator/models/random.js";

/** Adds readings until the sample is complete. */
function take(burst: Burst, read: (i: number) => number): BurstSample {
  for (let i = 0; ; i++) {
    const sample = burst.add(read(i));
    if (sample) return sample;
  }
}

/** One that has a last sample of 0. */
function settled(options: Partial<BurstOptions> = {}): Burst {
  const burst = new Burst({ noise: 1, ...options });
  take(burst, () => 0);
  return burst;
}

test("a quiet container takes the least readings, and what differs is looked at for longer", (t) => {
  const burst = new Burst({ noise: 1 });
  t.deepEqual(
    take(burst, () => 500),
    { value: 500, error: 0, readings: 20 },
    "the first",
  );
  t.is(take(burst, () => 503).readings, 3);
  t.is(take(burst, () => 465).readings, 20);
  t.is(take(burst, () => 465).readings, 3);
});

test("a bump is no reading", (t) => {
  const { value, error } = take(settled({ least: 5 }), (i) => [0.1, 0.2, 900, 0.3, 0.2][i]!);
  t.true(Math.abs(value - 0.2) < 0.01, `${value}`);
  t.true(error < 0.1, `${error}`);
});

test("readings that are none are not taken", (t) => {
  const burst = settled();
  for (let i = 0; i < 50; i++) for (const none of [NaN, Infinity]) t.is(burst.add(none), undefined);
  t.is(take(burst, () => 0).readings, 3);
});

test("an unfinished sample can be dropped", (t) => {
  const burst = settled();
  burst.add(900);
  burst.reset();
  t.deepEqual(
    take(burst, () => 0),
    { value: 0, error: 0, readings: 3 },
  );
});

test("a sample is as good as was asked for, whatever the readings are, and takes as many as it needs", (t) => {
  const random = new Random("burst");
  for (const [scatter, most, mean] of [
    [1, 0.8, 3.5],
    [2, 1.1, 7],
    [3, 1.35, 14],
  ] as const) {
    const burst = new Burst({ noise: 1, most: 64 });
    const samples = Array.from({ length: 3000 }, () => take(burst, () => scatter * random.normal()));
    const squares = samples.reduce((sum, { value }) => sum + value * value, 0) / samples.length;
    const readings = samples.reduce((sum, { readings }) => sum + readings, 0) / samples.length;
    t.log(`scatter ${scatter}: ${Math.sqrt(squares).toFixed(2)}, ${readings.toFixed(1)} readings`);
    t.true(Math.sqrt(squares) < most, `${Math.sqrt(squares)}`);
    t.true(readings > mean / 2 && readings < mean, `${readings}`);
    t.true(samples.filter(({ faults }) => faults).length < 30);
  }
});

test("what shakes slowly or will not settle is a fault, never a wrong value", (t) => {
  const burst = settled();
  const random = new Random("swing");
  for (const frequency of [0.2, 0.5, 0.8, 1.1, 3.3, 4.9])
    for (let run = 0; run < 50; run++) {
      const phase = 2 * Math.PI * random.next();
      const swing = (i: number) => 40 * Math.sin((2 * Math.PI * frequency * i) / 10 + phase);
      const { value, faults } = take(burst, swing);
      t.true(faults?.unsteady || Math.abs(value) < 6, `${frequency} Hz: ${value}`);
    }
  for (const slope of [0.4, 1, 10])
    t.true(take(settled(), (i) => 100 + slope * i).faults?.unsteady, `it is still being filled, ${slope}`);
});

test("options are refused with the field, what is accepted and the value", (t) => {
  const refused: [Partial<BurstOptions>, RegExp][] = [
    [{ noise: 0 }, /noise must be a positive number \(got 0\)/],
    [{ least: 2 }, /least must be .* 3 to 64 \(got 2\)/],
    [{ least: 30, settle: 29 }, /settle must be .*\(got 29\)/],
    [{ settle: 30, most: 29 }, /most must be .*\(got 29\)/],
    [{ most: 65 }, /most must be .*\(got 65\)/],
  ];
  for (const [options, message] of refused)
    t.throws(() => new Burst({ noise: 1, ...options }), { instanceOf: MeterError, message });
});
