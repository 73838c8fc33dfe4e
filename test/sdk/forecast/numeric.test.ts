import test from "ava";
import fc from "fast-check";
import { cubeRoot, exp, normalCdf } from "../../../sdk/forecast/index.js";
import { powerOfTwo } from "../../../sdk/forecast/numeric.js";

/** P(Z <= z) by a 30-digit calculation. */
const NORMAL: readonly (readonly [number, number])[] = [
  [-37, 5.725571222524577e-300],
  [-20, 2.7536241186062337e-89],
  [-10, 7.619853024160525e-24],
  [-7.2, 3.010627981117434e-13],
  [-6.9, 2.600126965638166e-12],
  [-5, 2.866515718791939e-7],
  [-3, 0.0013498980316300946],
  [-2, 0.02275013194817921],
  [-1, 0.15865525393145705],
  [-0.5, 0.3085375387259869],
  [-0.1, 0.460172162722971],
];

function relative(actual: number, expected: number): number {
  return Math.abs(actual - expected) / Math.abs(expected);
}

test("exp agrees with the engine's to 14 digits wherever the result is a normal number", (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: -708, max: 709.7, noNaN: true }),
      (x) => relative(exp(x), Math.exp(x)) < 1e-14,
    ),
  );
  t.pass();
});

test("exp has the right ends", (t) => {
  t.is(exp(0), 1);
  t.is(exp(-800), 0);
  t.is(exp(Number.NEGATIVE_INFINITY), 0);
  t.is(exp(710), Number.POSITIVE_INFINITY);
  t.true(Number.isNaN(exp(Number.NaN)));
  t.true(relative(exp(-740), Math.exp(-740)) < 0.02);
  t.true(relative(exp(709.78), Math.exp(709.78)) < 1e-14);
});

test("powers of two are exact over the whole range of doubles", (t) => {
  for (let n = -1074; n <= 1023; n++) t.is(powerOfTwo(n), 2 ** n);
  t.is(powerOfTwo(1024), Number.POSITIVE_INFINITY);
  t.is(powerOfTwo(-1080), 0);
});

test("the cube root agrees with the engine's to 14 digits for every finite number", (t) => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) =>
      x === 0 ? cubeRoot(x) === 0 : relative(cubeRoot(x), Math.cbrt(x)) < 1e-14,
    ),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      (x) => relative(cubeRoot(x), Math.cbrt(x)) < 1e-14,
    ),
    { numRuns: 2000 },
  );
  t.is(cubeRoot(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
  t.true(Number.isNaN(cubeRoot(Number.NaN)));
});

test("the normal distribution agrees with published digits on both sides", (t) => {
  for (const [z, p] of NORMAL) {
    t.true(relative(normalCdf(z), p) < 1e-13, `P(Z <= ${z}) = ${normalCdf(z)}, not ${p}`);
    t.true(Math.abs(normalCdf(-z) - (1 - p)) < 1e-15);
  }
  t.true(Math.abs(normalCdf(0) - 0.5) < 1e-15);
  t.is(normalCdf(Number.NEGATIVE_INFINITY), 0);
  t.is(normalCdf(Number.POSITIVE_INFINITY), 1);
});

test("the normal distribution never falls", (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: -40, max: 40, noNaN: true }),
      fc.double({ min: 1e-6, max: 1, noNaN: true }),
      (z, step) => normalCdf(z) <= normalCdf(z + step),
    ),
    { numRuns: 2000 },
  );
  t.pass();
});
