import test from "ava";
import fc from "fast-check";
import { DoseCounter } from "../../../hal/index.js";
import { fakeIO } from "./fake-io.js";

function counting(start: number) {
  const { IO, opened } = fakeIO(start);
  const sensor = new DoseCounter({ sensor: { io: IO, signal: 4, control: 5 } });
  return { sensor, io: opened[0]! };
}

test("the count starts at 0 wherever the hardware stands", (t) => {
  const { sensor, io } = counting(1234);
  t.deepEqual(sensor.sample(), { count: 0 });
  io.value = 1236;
  t.deepEqual(sensor.sample(), { count: 2 });
});

test("pulses that do not make up a dose are carried", (t) => {
  const { sensor, io } = counting(0);
  sensor.configure({ pulsesPerDose: 4 });
  const counts = [3, 4, 7, 9, 12].map((pulses) => {
    io.value = pulses;
    return sensor.sample()!.count;
  });
  t.deepEqual(counts, [0, 1, 1, 2, 3]);
});

test("a new ratio counts only the pulses from then on", (t) => {
  const { sensor, io } = counting(0);
  io.value = 10;
  sensor.configure({ pulsesPerDose: 5 });
  t.is(sensor.sample()!.count, 10);
  io.value = 13;
  sensor.configure({ pulsesPerDose: 4 });
  io.value = 14;
  t.is(sensor.sample()!.count, 11, "3 pulses were carried over");
});

test("pulses that run backwards count nothing, and neither does making them up", (t) => {
  const { sensor, io } = counting(0);
  const counts = [5, 4, 5, 3, 6].map((pulses) => {
    io.value = pulses;
    return sensor.sample()!.count;
  });
  t.deepEqual(counts, [5, 5, 5, 5, 6]);
});

test("a reading that is no number is no sample and loses nothing", (t) => {
  const { sensor, io } = counting(0);
  io.value = NaN;
  t.is(sensor.sample(), undefined);
  io.value = 2;
  t.is(sensor.sample()!.count, 2);
});

test("an io that fails at its first read is closed", (t) => {
  const { IO, opened } = fakeIO(0);
  class Broken extends IO {
    override read(): number {
      throw new Error("bus");
    }
  }
  t.throws(() => new DoseCounter({ sensor: { io: Broken } }), { message: "bus" });
  t.is(opened[0]!.closed, 1);
});

test("over any readings the count never falls and is the doses in the highest reading", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1000, max: 1000 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: -50, max: 100 })),
      (start, pulsesPerDose, moves) => {
        const { sensor, io } = counting(start);
        sensor.configure({ pulsesPerDose });
        let at = start;
        let highest = start;
        for (const move of moves) {
          at += move;
          highest = Math.max(highest, at);
          io.value = at;
          t.is(sensor.sample()!.count, Math.floor((highest - start) / pulsesPerDose));
        }
      },
    ),
  );
});
