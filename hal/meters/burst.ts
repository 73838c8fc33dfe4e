import { checkOption, isPositive } from "./errors.js";
import { insert, middle } from "./sorted.js";

export interface BurstOptions {
  /** standard deviation that one sample is to have, in the readings' unit: what the meter is given as `noise` */
  noise: number;
  /** readings that a sample takes at least, 3 to 64, default 3 */
  least?: number;
  /**
   * the same of one that differs from the one before, `least` to 64, default 20: long enough for the slowest shaking, two
   * seconds at 10 readings a second for the drum of a washing machine
   */
  settle?: number;
  /** readings after which it is given up, `settle` to 64, default 32 */
  most?: number;
}

export interface BurstSample {
  /** mean of the readings without the outliers */
  value: number;
  /** standard error of `value` */
  error: number;
  /** readings that were taken */
  readings: number;
  /** present only when `value` may be worse than `noise`: something shakes, or has not settled */
  faults?: { unsteady: true };
}

/** Readings farther from the median than so many standard deviations are bumps. */
const BUMP = 4;
/** One in so many readings may be a bump. */
const BUMPS = 4;
/** Median absolute deviation to standard deviation, of a normal distribution. */
const DEVIATION = 1.4826;

/**
 * One sample out of readings in quick succession: as many as it takes until their mean is as good as was asked for.
 *
 * A quiet container needs few, and the board sleeps; one that a compressor shakes needs more; one beside a washing machine
 * gives a sample with a fault, which meters ignore, instead of a wrong one. The error is the larger of that by the
 * scatter and half of what the halves of the readings differ by, and what differs from the last sample is looked at for
 * longer: a slow swing does not scatter within a few readings.
 */
export class Burst {
  #noise: number;
  #least: number;
  #settle: number;
  #most: number;
  #values: Float64Array;
  #sorted: Float64Array;
  #count = 0;
  /** of the last sample without a fault */
  #last: number | undefined;

  /** @throws MeterError `options` */
  constructor(options: BurstOptions) {
    const { noise, least = 3, settle = Math.max(20, least), most = Math.max(32, settle) } = options;
    checkOption("Burst", "noise", noise, "a positive number", isPositive);
    const within = (low: number) => (value: number) => Number.isInteger(value) && value >= low && value <= 64;
    checkOption("Burst", "least", least, "a whole number of readings from 3 to 64", within(3));
    checkOption("Burst", "settle", settle, "a whole number of readings from least to 64", within(least));
    checkOption("Burst", "most", most, "a whole number of readings from settle to 64", within(settle));
    this.#noise = noise;
    this.#least = least;
    this.#settle = settle;
    this.#most = most;
    this.#values = new Float64Array(most);
    this.#sorted = new Float64Array(most);
  }

  /**
   * A fresh object when the sample is complete, and the next reading begins another one; undefined when another reading
   * is needed. What is no finite number is not taken.
   */
  add(reading: number): BurstSample | undefined {
    if (!Number.isFinite(reading)) return undefined;
    this.#values[this.#count++] = reading;
    if (this.#count < this.#least) return undefined;
    const sample = this.#estimate();
    const { value } = sample;
    const last = this.#last;
    const differs = last === undefined || Math.abs(value - last) > BUMP * this.#noise;
    const good = sample.error <= this.#noise && (!differs || this.#count >= this.#settle);
    if (!good && this.#count < this.#most) return undefined;
    if (good) this.#last = value;
    else sample.faults = { unsteady: true };
    this.#count = 0;
    return sample;
  }

  /** Drops the readings of a sample that is not complete. */
  reset(): void {
    this.#count = 0;
  }

  #estimate(): BurstSample {
    const count = this.#count;
    const values = this.#values;
    const sorted = this.#sorted;
    for (let i = 0; i < count; i++) insert(sorted, i, values[i]!);
    const median = middle(sorted, count);
    for (let i = 0; i < count; i++) insert(sorted, i, Math.abs(values[i]! - median));
    // A few readings agree by chance: what `noise` allows is no bump.
    const band = BUMP * Math.max(DEVIATION * middle(sorted, count), this.#noise);
    let bumps = 0;
    for (let i = 0; i < count; i++) if (Math.abs(values[i]! - median) > band) bumps++;
    // So many are none: it shakes from one side to the other.
    const isShaking = BUMPS * bumps > count;
    const kept = isShaking ? count : count - bumps;
    let sum = 0;
    let squares = 0;
    let early = 0;
    let earlySum = 0;
    for (let i = 0; i < count; i++) {
      const distance = values[i]! - median;
      if (!isShaking && Math.abs(distance) > band) continue;
      if (2 * i < count) {
        early++;
        earlySum += distance;
      }
      sum += distance;
      squares += distance * distance;
    }
    const mean = sum / kept;
    const scatter = Math.sqrt(Math.max(0, squares - sum * mean) / (kept * Math.max(1, kept - 1)));
    const late = kept - early;
    const swing = early > 0 && late > 0 ? Math.abs(earlySum / early - (sum - earlySum) / late) / 2 : 0;
    return { value: median + mean, error: Math.max(scatter, swing), readings: count };
  }
}
