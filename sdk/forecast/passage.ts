import { cubeRoot, normalCdf } from "./numeric.js";

/** What the use of the coming days looks like from tonight. */
export interface Outlook {
  /** Expected use per day, steps, mean over the weekdays; > 0. */
  rate: number;
  /** Variance of a week's use divided by its mean, steps; > 0. */
  weekly: number;
  /** Variance of the rate divided by its square. */
  spread: number;
  /** By how much the median of the use lies under its mean, steps; >= 0. */
  skew: number;
  /** Variance of what is left, steps squared; 0 for counters. */
  noise: number;
}

/**
 * Standard normal distance z between the use of some days and what is left, so that P(use >= left) = 1 - Phi(z).
 *
 * Gamma distributed use (use of independent stretches adds up, and never runs backwards), its distribution function by the
 * cube root of Wilson and Hilferty (1931), with two variances: the width comes from all there is, weeks that differ from
 * each other and a rate that is not known, but the median lies under the mean only by what the lumps of single days make it.
 * Not knowing the rate makes a run-out as likely too early as too late; it must not move the date.
 *
 * Uncertainty about what is left is expressed as use on both sides of the comparison: adding the constant noise / weekly
 * to the mean adds exactly `noise` to the variance and keeps the family.
 *
 * The distance falls as the mean m grows, so the probability only grows with time: with u = m + shift, c the cube root below and
 * g = u v' / v for the variance v, the sign of its slope is that of 2 (2 c - 3) - g (3 (c - 1) + skew / u). With c from 1
 * to 3 and g >= 1 that is at most c - 3. With c below 1, g <= 2 u / m and m >= u (1 - c^3) make it negative as 1 + c > 2 c^2.
 *
 * @param mean expected use of those days, steps
 * @param left what is left, less half a countable unit, steps
 */
export function distance(outlook: Outlook, mean: number, left: number): number {
  if (left <= 0) return Number.NEGATIVE_INFINITY;
  const { weekly, spread, skew, noise } = outlook;
  const shift = noise / weekly;
  const use = mean + shift;
  const need = left + shift;
  // Less than 1/27 of what it takes, where the cube root approximation stops being monotone: as good as never.
  if (use * 27 <= need) return Number.POSITIVE_INFINITY;
  const deviation = Math.sqrt(weekly * use + spread * mean * mean);
  const cube = cubeRoot(need / use);
  // 3 use (cube - 1), without the cancellation when noise makes both sides large: (c^3 - 1) / (c^2 + c + 1).
  const excess = (3 * (left - mean)) / (cube * cube + cube + 1);
  return (excess + skew) / deviation;
}

/** P(use >= left), see distance. */
export function probability(outlook: Outlook, mean: number, left: number): number {
  return normalCdf(-distance(outlook, mean, left));
}
