import test from "ava";
import { type Shaking, VibrationModel } from "../../../../hal/simulator/models/vibration-model.js";

const ALWAYS = { every: 1000_000, runs: 1000_000 };

/** Largest reading of 10 a second, of a thing that shakes by 1 kg. */
function largest(frequency: number, conversion: number): number {
  const model = new VibrationModel("seed", [{ frequency, amplitude: 1, ...ALWAYS }], conversion);
  return Math.max(...Array.from({ length: 5000 }, (_, i) => Math.abs(model.massAt(i * 100))));
}

test("a converter takes out what is faster than its conversion", (t) => {
  t.true(largest(0.8, 100) > 0.95);
  t.true(largest(8, 100) < 0.5);
  t.true(largest(49.3, 100) < 0.05);
  t.true(largest(49.3, 1) > 0.95, "which is there");
});

test("it shakes when it runs, and at no other time", (t) => {
  const shaking: Shaking = { frequency: 3, amplitude: 1, every: 10_000, runs: 4000, from: 5000 };
  const model = new VibrationModel("seed", [shaking], 100);
  for (let time = 0; time < 60_000; time += 130) {
    const runs = time >= 5000 && (time - 5000) % 10_000 < 4000;
    t.is(model.isShaking(time), runs, `${time}`);
    t.is(model.massAt(time) !== 0, runs, `${time}`);
  }
});

test("the same seed gives the same, another another", (t) => {
  const trace = (seed: string) => {
    const model = new VibrationModel(seed, [{ frequency: 3, amplitude: 1, every: 2000, runs: 1000 }], 100);
    return Array.from({ length: 50 }, (_, i) => model.massAt(i * 100));
  };
  t.deepEqual(trace("a"), trace("a"));
  t.notDeepEqual(trace("a"), trace("b"));
  t.notDeepEqual(trace("a").slice(0, 10), trace("a").slice(20, 30), "each start has its own phase");
});

test("options are refused with the values", (t) => {
  for (const wrong of [{ frequency: 0 }, { amplitude: -1 }, { every: 0 }, { runs: 2_000_000 }])
    t.throws(() => new VibrationModel("a", [{ frequency: 1, amplitude: 1, ...ALWAYS, ...wrong }], 100), {
      instanceOf: RangeError,
    });
  t.throws(() => new VibrationModel("a", [], 0), { message: /conversion .*got 0/ });
});
