import { DRIFT, DRIFT_MOST } from "./constants.js";
import { cubeRoot, normalCdf } from "./numeric.js";

/** What the use of the coming days looks like from tonight. */
export interface Outlook {
  /** Expected use per day, steps, mean over the weekdays; > 0. */
  rate: number;
  /** Variance of the use within a week divided by its mean, steps; > 0. */
  dispersion: number;
  /** Variance of what is left, steps squared; 0 for counters. */
  noise: number;
}

/**
 * Standard normal distance z between the use of some days and what is left, so that P(use >= left) = 1 - Phi(z).
 *
 * The use is gamma distributed (use of independent stretches adds up, and never runs backwards), its distribution function
 * by the cube root of Wilson and Hilferty (1931). Beyond a week the variance outgrows the mean, because the rate drifts.
 * Uncertainty about what is left is expressed as use on both sides of the comparison: adding the constant noise / dispersion
 * to the mean adds exactly `noise` to the variance and keeps the family, so the probability still only grows with time.
 *
 * @param mean expected use of those days, steps
 * @param left what is left, less half a countable unit, steps
 */
export function distance(outlook: Outlook, mean: number, left: number): number {
  if (left <= 0) return Number.NEGATIVE_INFINITY;
  const shift = outlook.noise / outlook.dispersion;
  const use = mean + shift;
  const need = left + shift;
  // Less than 1/27 of what it takes: a probability under 1 in 400, where the cube root approximation stops being monotone.
  if (use * 27 <= need) return Number.POSITIVE_INFINITY;
  const { dispersion } = outlook;
  const weeks = mean / (7 * outlook.rate);
  const drift = Math.min(dispersion * DRIFT * Math.max(0, weeks - 1), mean * DRIFT_MOST);
  const root = use / Math.sqrt(dispersion * use + mean * drift);
  const cube = cubeRoot(need / use);
  // Cube root less 1, without the cancellation when noise makes both sides large: (c^3 - 1) / (c^2 + c + 1).
  const excess = (left - mean) / use / (cube * cube + cube + 1);
  return 3 * root * excess + 1 / (3 * root);
}

/** P(use >= left), see distance. */
export function probability(outlook: Outlook, mean: number, left: number): number {
  return normalCdf(-distance(outlook, mean, left));
}
