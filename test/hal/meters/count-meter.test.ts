import test from "ava";
import fc from "fast-check";
import { CountMeter, MeterError } from "../../../hal/index.js";

test("counts become whole steps and the remainder is carried", (t) => {
  const meter = new CountMeter({ stepsPerCount: 0.4 });
  const consumed = [1, 2, 3, 4, 5].map((count) => meter.update({ count }).consumed);
  t.deepEqual(consumed, [0, 0, 1, 0, 1]);
});

test("a sample without new counts consumes nothing, and a count meter never sees a refill", (t) => {
  const meter = new CountMeter({ stepsPerCount: 3 });
  t.deepEqual(meter.update({ count: 2 }), { consumed: 6, refilled: 0 });
  t.deepEqual(meter.update({ count: 2 }), { consumed: 0, refilled: 0 });
});

test("a counter that counts for life starts at what it shows", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1, start: 10_000 });
  t.is(meter.update({ count: 10_002 }).consumed, 2);
});

test("a counter that restarts is counted from 0 again", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1 });
  t.is(meter.update({ count: 100 }).consumed, 100);
  t.is(meter.update({ count: 3 }).consumed, 3);
  t.is(meter.update({ count: 0 }).consumed, 0);
  t.is(meter.update({ count: 4 }).consumed, 4);
});

test("samples that are no count are ignored and lose nothing", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1 });
  meter.update({ count: 5 });
  for (const count of [NaN, Infinity, -1]) t.is(meter.update({ count }).consumed, 0);
  t.is(meter.update({ count: 900, faults: {} }).consumed, 0);
  t.is(meter.update({ count: 7 }).consumed, 2);
});

test("readings are fresh objects", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1 });
  t.not(meter.update({ count: 1 }), meter.update({ count: 1 }));
});

test("a decimal ratio gives the steps that decimal arithmetic gives", (t) => {
  const meter = new CountMeter({ stepsPerCount: 0.29 });
  let consumed = 0;
  for (let count = 1; count <= 100; count++) consumed += meter.update({ count }).consumed;
  t.is(consumed, 29);
});

test("over any history with restarts the steps are the floor of all counts", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.array(fc.record({ add: fc.nat(500), restart: fc.boolean() }), { maxLength: 200 }),
      (hundredths, history) => {
        const meter = new CountMeter({ stepsPerCount: hundredths / 100 });
        let shown = 0;
        let counts = 0;
        let consumed = 0;
        for (const { add, restart } of history) {
          // A restart shows only when the counter has not passed its old value again by the next sample.
          const next = restart && add < shown ? add : shown + add;
          counts += add;
          shown = next;
          const reading = meter.update({ count: next });
          t.true(Number.isInteger(reading.consumed) && reading.consumed >= 0);
          consumed += reading.consumed;
          t.is(consumed, Math.floor((counts * hundredths) / 100));
        }
      },
    ),
  );
});

test("options are refused with the field, what is accepted and the value", (t) => {
  for (const stepsPerCount of [0, -1, NaN, Infinity]) {
    const error = t.throws(() => new CountMeter({ stepsPerCount }), { instanceOf: MeterError });
    t.is(error.code, "options");
    t.is(
      error.message,
      `CountMeter: stepsPerCount must be a positive number of steps (got ${stepsPerCount})`,
    );
  }
  t.throws(() => new CountMeter({ stepsPerCount: 1, start: 1.5 }), { message: /start .*got 1\.5/ });
  t.notThrows(() => new CountMeter(Object.freeze({ stepsPerCount: 1 })));
});
