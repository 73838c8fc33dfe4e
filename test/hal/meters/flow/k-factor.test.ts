import test from "ava";
import fc from "fast-check";
import { MeterError } from "../../../../hal/index.js";
import { KFactor, type KFactorOptions, WATER } from "../../../../hal/meters/flow/k-factor.js";

const POINTS = [
  { rate: 5, pulsesPerLitre: 400 },
  { rate: 20, pulsesPerLitre: 440 },
  { rate: 60, pulsesPerLitre: 450 },
];

test("between the points it is on the line, beyond them it stays", (t) => {
  const factor = new KFactor({ points: POINTS });
  for (const [rate, expected] of [
    [0, 400],
    [5, 400],
    [12.5, 420],
    [20, 440],
    [40, 445],
    [60, 450],
    [400, 450],
  ] as const)
    t.true(Math.abs(factor.at(rate) - expected) < 1e-9, `${rate}: ${factor.at(rate)}`);
});

test("one point is the same factor at all rates", (t) => {
  const factor = new KFactor({ points: [{ rate: 10, pulsesPerLitre: 450 }] });
  for (const rate of [0, 1, 10, 1000]) t.is(factor.at(rate), 450);
});

test("thicker liquid is as a slower flow, and a warm body turns as its coefficient says", (t) => {
  const viscosity = [
    { temperature: 10, viscosity: 4 },
    { temperature: 20, viscosity: 2 },
    { temperature: 40, viscosity: 1 },
  ];
  const factor = new KFactor({ points: POINTS, viscosity });
  t.is(factor.at(20, 20), factor.at(20));
  t.is(factor.at(40, 10), factor.at(20));
  t.is(factor.at(20, 40), factor.at(40));
  t.is(factor.at(20, 30), factor.at((20 * 2) / 1.5));
  t.is(factor.at(40, -5), factor.at(40, 10), "beyond the table");
  const warm = new KFactor({ points: POINTS, temperature: 15, temperatureCoefficient: -0.001 });
  t.true(Math.abs(warm.at(60, 65) - 450 * 0.95) < 1e-9);
});

test("the table of water is right to 3.5 % between its rows", (t) => {
  // Vogel's equation with the constants usual for water, by a density of 1000 kg/m³ less 0.0048 kg/m³ for each square kelvin above 4.
  const truth = (celsius: number) =>
    (2.414e-5 * 10 ** (247.8 / (celsius + 273.15 - 140))) / (1000 - 0.0048 * (celsius - 4) ** 2);
  const points = [
    { rate: 1, pulsesPerLitre: 100 },
    { rate: 1000, pulsesPerLitre: 1099 },
  ];
  const factor = new KFactor({ points, viscosity: WATER });
  for (let celsius = 0; celsius <= 60; celsius++) {
    // The factor is 99 more than the rate, so that the rate it was taken at can be read from it.
    const ratio = (factor.at(200, celsius) - 99) / 200;
    const expected = truth(20) / truth(celsius);
    t.true(Math.abs(ratio / expected - 1) < 0.035, `${celsius}: ${ratio} ${expected}`);
  }
});

test("the factor is never outside its points' range", (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.integer({ min: -40, max: 125 }),
      (rate, celsius) => {
        const at = new KFactor({ points: POINTS, viscosity: WATER }).at(rate, celsius);
        t.true(at >= 400 && at <= 450);
      },
    ),
  );
});

test("options are refused with the field, what is accepted and the value", (t) => {
  const refused: [Partial<KFactorOptions>, RegExp][] = [
    [{ points: [] }, /points must be one or more/],
    [{ points: [{ rate: 0, pulsesPerLitre: 1 }] }, /points\[0\]\.rate must be .* more than 0 \(got 0\)/],
    [{ points: [POINTS[1]!, POINTS[0]!] }, /points\[1\]\.rate must be .* more than 20 \(got 5\)/],
    [{ points: [{ rate: 1, pulsesPerLitre: 0 }] }, /points\[0\]\.pulsesPerLitre .*\(got 0\)/],
    [{ temperature: NaN }, /temperature/],
    [{ temperatureCoefficient: 0.006 }, /temperatureCoefficient .*\(got 0\.006\)/],
    [{ viscosity: [WATER[1]!, WATER[0]!] }, /viscosity\[1\]\.temperature must be .* more than 10 \(got 0\)/],
    [{ viscosity: [{ temperature: 1, viscosity: 0 }] }, /viscosity\[0\]\.viscosity .*\(got 0\)/],
  ];
  for (const [options, message] of refused)
    t.throws(() => new KFactor({ points: POINTS, ...options }), { instanceOf: MeterError, message });
});
