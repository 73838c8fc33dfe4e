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

test("a counter that comes to its end goes on from 0, and nothing is lost", (t) => {
  for (const modulus of [2 ** 16, 2 ** 32, 1_000_000]) {
    const meter = new CountMeter({ stepsPerCount: 1, start: modulus - 10, modulus });
    t.deepEqual(meter.update({ count: modulus - 1 }), { consumed: 9, refilled: 0 });
    t.deepEqual(meter.update({ count: 4 }), { consumed: 5, refilled: 0 });
    t.deepEqual(meter.update({ count: modulus }), { consumed: 0, refilled: 0 }, "which it cannot show");
    t.is(meter.count, 4);
  }
});

test("a fall that is no overflow is a restart, once the next sample says so too", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1, start: 20_000, modulus: 2 ** 16, most: 100 });
  t.deepEqual(meter.update({ count: 30 }), { consumed: 0, refilled: 0, condition: "doubtful" });
  t.true(meter.pending);
  t.deepEqual(meter.update({ count: 32 }), { consumed: 32, refilled: 0, condition: "restarted" });
  t.false(meter.pending);
  t.deepEqual(meter.update({ count: 40 }), { consumed: 8, refilled: 0 });
});

test("a count that cannot be, once, is nothing", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1, start: 1000, most: 100 });
  for (const wrong of [5_000_000, 0, 998])
    t.deepEqual(meter.update({ count: wrong }), { consumed: 0, refilled: 0, condition: "doubtful" });
  t.deepEqual(meter.update({ count: 1060 }), { consumed: 60, refilled: 0 });
});

test("another counter counts nothing but what is used from then on", (t) => {
  for (const other of [700_000, 300]) {
    const meter = new CountMeter({ stepsPerCount: 1, start: 1000, most: 100 });
    t.is(meter.update({ count: other }).condition, "doubtful");
    t.deepEqual(meter.update({ count: other + 7 }), { consumed: 7, refilled: 0, condition: "exchanged" });
    t.is(meter.update({ count: other + 9 }).consumed, 2);
    t.is(meter.count, other + 9);
  }
});

test("a counter that the product knows to be another one goes on from what it shows", (t) => {
  const meter = new CountMeter({ stepsPerCount: 1, start: 1000 });
  meter.rebase();
  t.is(meter.count, undefined);
  t.deepEqual(meter.update({ count: 5_000 }), { consumed: 0, refilled: 0, condition: "exchanged" });
  t.deepEqual(meter.update({ count: 5_003 }), { consumed: 3, refilled: 0 });
});

test("a meter that starts where the last one stood counts what was used meanwhile", (t) => {
  const first = new CountMeter({ stepsPerCount: 1, start: 65_000, modulus: 2 ** 16 });
  first.update({ count: 65_500 });
  const second = new CountMeter({ stepsPerCount: 1, start: first.count!, modulus: 2 ** 16 });
  t.is(second.update({ count: 64 }).consumed, 100);
});

/** What happens to a counter between two samples, `add` counts being used. */
type Event = { add: number; what: "use" | "glitch" | "restart" | "exchange"; shown: number };

test("over any history of a counter that overflows, use is counted exactly through restarts, exchanges and glitches", (t) => {
  const MODULUS = 8192;
  const MOST = 500;
  const events = fc.array(
    fc.record<Event>({
      add: fc.nat(MOST / 2),
      what: fc.constantFrom("use", "use", "use", "glitch", "restart", "exchange"),
      shown: fc.nat(MODULUS - 1),
    }),
    { minLength: 100, maxLength: 300 },
  );
  const seen = { overflow: 0, restarted: 0, exchanged: 0, glitch: 0 };
  fc.assert(
    fc.property(events, fc.nat(MODULUS - 1), (history, start) => {
      const meter = new CountMeter({ stepsPerCount: 1, start, modulus: MODULUS, most: MOST });
      let shown = start;
      let used = 0;
      let consumed = 0;
      const sample = (count: number) => {
        const reading = meter.update({ count });
        t.true(Number.isInteger(reading.consumed) && reading.consumed >= 0);
        t.is(reading.refilled, 0);
        consumed += reading.consumed;
        return reading.condition;
      };
      const use = (counts: number) => {
        if (shown + counts >= MODULUS) seen.overflow++;
        shown = (shown + counts) % MODULUS;
        used += counts;
      };
      // Near to where it stood, another count is one that followed.
      const isFar = (count: number) =>
        (count - shown + MODULUS) % MODULUS > 2 * MOST && (shown - count + MODULUS) % MODULUS > 2 * MOST;
      for (const { add, what, shown: other } of history) {
        if (what === "glitch" && isFar(other)) {
          t.is(sample(other), "doubtful");
          seen.glitch++;
          use(add);
          sample(shown);
        } else if (what === "restart" && isFar(0)) {
          shown = 0;
          use(add);
          t.is(sample(shown), "doubtful");
          use(add);
          t.is(sample(shown), "restarted");
          seen.restarted++;
        } else if (what === "exchange" && isFar(other) && other > MOST) {
          shown = other;
          t.is(sample(shown), "doubtful");
          use(add);
          t.is(sample(shown), "exchanged");
          seen.exchanged++;
        } else {
          use(add);
          t.is(sample(shown), undefined);
        }
        t.is(consumed, used);
      }
    }),
  );
  for (const [what, times] of Object.entries(seen)) t.true(times > 50, `${what}: ${times}`);
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
  t.throws(() => new CountMeter({ stepsPerCount: 1, start: 256, modulus: 256 }), {
    message: /modulus .*got 256/,
  });
  t.throws(() => new CountMeter({ stepsPerCount: 1, modulus: 99.5 }), { message: /modulus .*got 99\.5/ });
  t.throws(() => new CountMeter({ stepsPerCount: 1, modulus: 256, most: 256 }), {
    message: /most .*got 256/,
  });
  t.throws(() => new CountMeter({ stepsPerCount: 1, most: 0 }), { message: /most .*got 0/ });
  t.notThrows(() => new CountMeter(Object.freeze({ stepsPerCount: 1 })));
});
