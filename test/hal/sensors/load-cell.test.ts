import test from "ava";
import { LoadCell } from "../../../hal/index.js";
import { fakeIO } from "./fake-io.js";

function weighing(raw: number | undefined) {
  const { IO, opened } = fakeIO(raw);
  const sensor = new LoadCell({ sensor: { io: IO } });
  return { sensor, io: opened[0]! };
}

test("mass is what lies above the zero, by the scale", (t) => {
  const { sensor, io } = weighing(5000);
  sensor.configure({ zero: 1000, scale: 0.25 });
  t.deepEqual(sensor.sample(), { mass: 1000, raw: 5000 });
  io.value = 996;
  t.deepEqual(sensor.sample(), { mass: -1, raw: 996 });
});

test("a bridge wired the other way round has a negative scale", (t) => {
  const { sensor } = weighing(-5000);
  sensor.configure({ zero: -1000, scale: -0.25 });
  t.deepEqual(sensor.sample(), { mass: 1000, raw: -5000 });
});

test("zero and scale can be set apart", (t) => {
  const { sensor } = weighing(100);
  sensor.configure({ scale: 2 });
  t.is(sensor.sample()!.mass, 200);
  sensor.configure({ zero: 60 });
  t.is(sensor.sample()!.mass, 80);
  t.deepEqual(sensor.configuration, { zero: 60, scale: 2 });
});

test("a converter at the end of its range is a fault", (t) => {
  const { sensor, io } = weighing(0);
  sensor.configure({ scale: 1 });
  for (const raw of [2 ** 23 - 1, -(2 ** 23) + 1, -(2 ** 23)]) {
    io.value = raw;
    t.deepEqual(sensor.sample(), { mass: raw, raw, faults: { saturated: true } });
  }
  for (const raw of [2 ** 23 - 2, -(2 ** 23) + 2]) {
    io.value = raw;
    t.deepEqual(sensor.sample(), { mass: raw, raw });
  }
});

test("before calibration the counts can be read, but there is no mass", (t) => {
  const { sensor } = weighing(123);
  t.deepEqual(sensor.sample(), { mass: NaN, raw: 123, faults: { uncalibrated: true } });
  t.deepEqual(sensor.configuration, { zero: 0 });
});
