/**
 * Elementary functions that give the same bits on every engine.
 *
 * ECMAScript leaves the last bit of Math.exp, Math.cbrt, Math.pow and Math.log to the engine, and V8, XS on x86 and XS on
 * the ESP32 (newlib) do differ. A difference in the last bit can move an order by a day. Everything here uses only
 * + - * / and Math.sqrt/floor/abs, which IEEE 754 defines to the bit.
 */

// ln 2 in two parts: the high one has 20 trailing zero bits, so that n * LN2_HIGH is exact for |n| < 2^20.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
/** exp(x) is below the smallest double under this. */
const EXP_UNDERFLOW = -745.2;
/** exp(x) is above the largest double over this. */
const EXP_OVERFLOW = 709.782712893384;

/** 2 to the power n, for whole n; 0 or Infinity outside the range of a double. */
export function powerOfTwo(n: number): number {
  let base = n < 0 ? 0.5 : 2;
  let result = 1;
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= base;
    base *= base;
  }
  return result;
}

/** e to the power x. Relative error below 1e-15 for normal results. */
export function exp(x: number): number {
  if (!(x > EXP_UNDERFLOW)) return x <= EXP_UNDERFLOW ? 0 : Number.NaN;
  if (x > EXP_OVERFLOW) return Number.POSITIVE_INFINITY;
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  // Taylor series of degree 13: |r| <= 0.35, so the next term is below 5e-18.
  let sum = 1;
  for (let i = 13; i > 0; i--) sum = 1 + (sum * r) / i;
  // Two factors, because 2^1024 and 2^-1075 are not doubles although the product may be.
  const half = Math.floor(n / 2);
  return sum * powerOfTwo(half) * powerOfTwo(n - half);
}

const TWO_TO_30 = 1073741824;
const TWO_TO_MINUS_30 = 1 / TWO_TO_30;

/** Cube root. Relative error below 1e-15. */
export function cubeRoot(x: number): number {
  if (x < 0) return -cubeRoot(-x);
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x;
  // Scale by powers of 8 (exact) into [1, 8), first in big strides so that no argument takes more than a few dozen steps.
  let scale = 1;
  while (x >= TWO_TO_30) {
    x /= TWO_TO_30;
    scale *= 1024;
  }
  while (x < TWO_TO_MINUS_30) {
    x *= TWO_TO_30;
    scale /= 1024;
  }
  while (x >= 8) {
    x /= 8;
    scale *= 2;
  }
  while (x < 1) {
    x *= 8;
    scale /= 2;
  }
  // A chord-like parabola within 2.5 % of the root, then Newton, which squares the error: 2.5e-2, 6e-4, 4e-7, 2e-13, exact.
  let root = 0.76 + x * (0.263 - 0.0138 * x);
  for (let i = 0; i < 4; i++) root -= (root - x / (root * root)) / 3;
  return root * scale;
}

/*
 * W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of Computation 23 (1969): erf up to
 * 0.46875, erfc up to 4, and from there. Numerators and denominators, highest power first.
 */
const ERF_OVER = [
  0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694,
];
const ERF_UNDER = [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const MIDDLE_OVER = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001,
  881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
];
const MIDDLE_UNDER = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];
const FAR_OVER = [
  0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275,
  0.0006587491615298378,
];
const FAR_UNDER = [
  1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918,
];
const ONE_OVER_SQRT_PI = 0.5641895835477563;

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = 0; i < coefficients.length; i++) sum = sum * x + coefficients[i]!;
  return sum;
}

/** Standard normal distribution function, P(Z <= z). Relative error below 1e-13 down to z = -37, where it becomes 0. */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) return z;
  const y = Math.abs(z) * Math.SQRT1_2;
  const square = y * y;
  if (y <= 0.46875) {
    const half = (y * polynomial(ERF_OVER, square)) / polynomial(ERF_UNDER, square) / 2;
    return z > 0 ? 0.5 + half : 0.5 - half;
  }
  let tail = 0;
  if (y <= 4) tail = polynomial(MIDDLE_OVER, y) / polynomial(MIDDLE_UNDER, y);
  else if (y < 27) {
    const inverse = 1 / square;
    tail =
      (ONE_OVER_SQRT_PI - (inverse * polynomial(FAR_OVER, inverse)) / polynomial(FAR_UNDER, inverse)) / y;
  }
  tail *= exp((-z * z) / 2) / 2;
  return z > 0 ? 1 - tail : tail;
}
