import test from "ava";
import fc from "fast-check";
import { Burst, LevelMeter, LoadCell, MassMeter, MeterError } from "../../../../hal/index.js";
import { Calibration, type CalibrationPoint } from "../../../../hal/meters/calibration/calibration.js";
import { LoadCellModel } from "../../../../hal/simulator/models/load-cell-model.js";
import { Random } from "../../../../hal/simulator/models/random.js";

const GRAM = 0.001;

test("a line goes through both points, either way round", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -4_000_000, max: 4_000_000 }),
      fc.integer({ min: -4_000_000, max: 4_000_000 }),
      fc.double({ min: 0, max: 5, noNaN: true }),
      fc.double({ min: 0.01, max: 5, noNaN: true }),
      (low, high, value, span) => {
        fc.pre(Math.abs(high - low) > 1000);
        const calibration = new Calibration({ raw: low, value }, { raw: high, value: value + span });
        const near = (a: number, b: number) => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(b));
        t.true(near(calibration.at(low), value));
        t.true(near(calibration.at(high), value + span));
        t.true(near(calibration.at(calibration.zero), 0));
        t.true(near(calibration.rawAt(calibration.at(12_345)), 12_345));
        t.is(calibration.scale > 0, high > low);
      },
    ),
  );
});

test("points too near for their errors are refused with what is known", (t) => {
  const low = { raw: 84_000, value: 0, error: 1000 };
  const error = t.throws(() => new Calibration(low, { raw: 134_000, value: 0.05, error: 1000 }), {
    instanceOf: MeterError,
  });
  t.is(error.code, "calibration");
  t.regex(error.message, /scale must be known to 1 % \(got 2\.82\d* %\)/);
  t.notThrows(() => new Calibration(low, { raw: 1_084_000, value: 1, error: 1000 }));
  const scale = { raw: 1_084_000, value: 1, uncertainty: 0.02 };
  t.throws(
    () => new Calibration(low, scale),
    { message: /got 2\.00\d* %/ },
    "a kitchen scale's 20 g in a kilogram",
  );
  t.notThrows(() => new Calibration(low, scale, { accept: 0.03 }));
});

test("points that make no line are refused with the field", (t) => {
  const low = { raw: 0, value: 0 };
  const refused: [CalibrationPoint, RegExp, "options" | "calibration"][] = [
    [{ raw: 100, value: 0 }, /high\.value must be more than low\.value \(got 0, 0\)/, "calibration"],
    [{ raw: 0, value: 1 }, /high\.raw must differ from low\.raw \(got 0, 0\)/, "calibration"],
    [{ raw: NaN, value: 1 }, /high\.raw must be a finite number \(got NaN\)/, "options"],
    [{ raw: 1, value: Infinity }, /high\.value/, "options"],
    [{ raw: 1, value: 1, error: -1 }, /high\.error must be .*\(got -1\)/, "options"],
    [{ raw: 1, value: 1, uncertainty: NaN }, /high\.uncertainty/, "options"],
  ];
  for (const [high, message, code] of refused) {
    const error = t.throws(() => new Calibration(low, high), { instanceOf: MeterError, message });
    t.is(error.code, code);
  }
});

test("a third weight that is off the line is refused, one that is near is said by how much", (t) => {
  const calibration = new Calibration(
    { raw: 0, value: 0, error: 10 },
    { raw: 1_000_000, value: 1, error: 10 },
  );
  t.true(Math.abs(calibration.verify({ raw: 501_000, value: 0.5 }, 0.002) - 0.001) < 1e-12);
  const error = t.throws(() => calibration.verify({ raw: 503_000, value: 0.5 }, 0.002), {
    message: /point\.value must be within 0\.002 of the line/,
  });
  t.is((error as MeterError).code, "calibration");
});

test("the stated uncertainty is that of the values, between the points and beyond", (t) => {
  const runs = 4000;
  const random = new Random("calibration");
  for (const value of [0, 0.3, 1, 2]) {
    let stated = 0;
    let squares = 0;
    for (let i = 0; i < runs; i++) {
      const reference = 1 + 0.002 * random.normal();
      const calibration = new Calibration(
        { raw: 84_000 + 500 * random.normal(), value: 0, error: 500 },
        { raw: 84_000 + 1e6 * reference + 500 * random.normal(), value: 1, error: 500, uncertainty: 0.002 },
      );
      stated += calibration.uncertainty(value) / runs;
      squares += (calibration.at(84_000 + 1e6 * value) - value) ** 2 / runs;
    }
    t.true(Math.abs(Math.sqrt(squares) / stated - 1) < 0.1, `${value}: ${Math.sqrt(squares)} ${stated}`);
  }
});

test("a load cell calibrated with one weight weighs within 2 g of a kilogram, whatever its bridge", (t) => {
  let worst = 0;
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    const zero = Math.round(200_000 * random.normal());
    const scale = (random.next() < 0.5 ? 1 : -1) * 1e-6 * (0.7 + 0.6 * random.next());
    const cell = new LoadCellModel({ seed, zero, scale, noise: GRAM, driftPerDay: 0, temperatureSwing: 0 });
    // Raw readings: their standard error is to be 500 counts.
    const burst = new Burst({ noise: 500, least: 16, most: 64 });
    const weigh = (mass: number) => {
      for (;;) {
        const sample = burst.add(cell.raw(mass, 0));
        if (sample && !sample.faults) return { raw: sample.value, error: sample.error, value: mass };
      }
    };
    const calibration = new Calibration(weigh(0), weigh(1));
    calibration.verify(weigh(0.5), 0.002);
    const sensor = new LoadCell({
      sensor: {
        io: class {
          read() {
            return cell.raw(0.7, 0);
          }
          close() {}
        },
      },
    });
    sensor.configure({ zero: calibration.zero, scale: calibration.scale });
    let mass = 0;
    for (let i = 0; i < 100; i++) mass += sensor.sample()!.mass / 100;
    worst = Math.max(worst, Math.abs(mass - 0.7));
  }
  t.log(`worst ${(worst / GRAM).toFixed(2)} g`);
  t.true(worst < 0.0015, `${worst}`);
});

test("a level calibrated half full gives a level meter its distances", (t) => {
  // A container of 200 steps, 1 mm each, 5 cm below the sensor; it was read with 40 and with 120 steps in it.
  const calibration = new Calibration(
    { raw: 0.21, value: 40, error: 0.0003 },
    { raw: 0.13, value: 120, error: 0.0003 },
  );
  const empty = calibration.rawAt(0);
  const full = calibration.rawAt(200);
  t.true(Math.abs(empty - 0.25) < 1e-12 && Math.abs(full - 0.05) < 1e-12);
  const meter = new LevelMeter({ full, empty, capacity: 200, level: 120 });
  let consumed = 0;
  for (let i = 0; i < 10; i++) consumed += meter.update({ distance: i < 5 ? 0.13 : 0.18 }).consumed;
  t.is(consumed, 50);
});

test("a scale that is calibrated anew goes on from the level", (t) => {
  const meter = new MassMeter({ massPerStep: GRAM, noise: GRAM, level: 500 });
  for (let i = 0; i < 5; i++) meter.update({ mass: 0.5 });
  const calibration = new Calibration({ raw: 0, value: 0 }, { raw: 1000, value: 1.1 });
  meter.rebase();
  let consumed = 0;
  for (let i = 0; i < 5; i++) consumed += meter.update({ mass: calibration.at(500) }).consumed;
  t.is(consumed, 0);
  t.is(meter.level, 500);
});
