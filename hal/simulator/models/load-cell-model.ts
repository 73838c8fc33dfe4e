import { Random } from "./random.js";

const DAY = 86_400_000;
const FULL_SCALE = 2 ** 23 - 1;

export interface LoadCellModelOptions {
  /** the same seed and the same calls give the same counts */
  seed: string | number;
  /** counts when the container is empty */
  zero: number;
  /** kilograms per count, not 0 */
  scale: number;
  /** standard deviation of one sample, kg */
  noise: number;
  /** random walk of the zero: its standard deviation after one day, kg (after n days, the square root of n times it) */
  driftPerDay: number;
  /** amplitude of the daily temperature error, kg: half of what lies between its highest and its lowest point */
  temperatureSwing: number;
}

/** A strain-gauge bridge and its 24-bit amplifier, with the errors such a thing has. */
export class LoadCellModel {
  #random: Random;
  #options: LoadCellModelOptions;
  /** kg */
  #drift = 0;
  /** ms; undefined before the first sample */
  #time: number | undefined;

  /** @throws RangeError */
  constructor(options: LoadCellModelOptions) {
    const { zero, scale, noise, driftPerDay, temperatureSwing } = options;
    if (!Number.isFinite(zero)) throw new RangeError(`zero must be a finite number of counts (got ${zero})`);
    if (!Number.isFinite(scale) || scale === 0)
      throw new RangeError(`scale must be a finite number of kg per count other than 0 (got ${scale})`);
    for (const [field, value] of Object.entries({ noise, driftPerDay, temperatureSwing }))
      if (!Number.isFinite(value) || value < 0)
        throw new RangeError(`${field} must be a mass in kg, 0 or more (got ${value})`);
    this.#options = { ...options };
    this.#random = new Random(options.seed);
  }

  /**
   * Signed counts, cut off at the ends of the 24-bit range.
   * @param massKg what is in the container, kg
   * @param timeMs when, in ms; times before the last call's add no drift
   */
  raw(massKg: number, timeMs: number): number {
    const { zero, scale, noise, driftPerDay, temperatureSwing } = this.#options;
    const last = this.#time ?? timeMs;
    this.#time = Math.max(last, timeMs);
    const days = Math.max(0, timeMs - last) / DAY;
    this.#drift += driftPerDay * Math.sqrt(days) * this.#random.normal();
    const temperature = temperatureSwing * Math.sin((2 * Math.PI * (timeMs % DAY)) / DAY);
    const mass = massKg + this.#drift + temperature + noise * this.#random.normal();
    const counts = Math.round(zero + mass / scale);
    return Math.max(-FULL_SCALE, Math.min(FULL_SCALE, counts));
  }
}
