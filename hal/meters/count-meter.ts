import { checkOption, isPositive, isWhole } from "./errors.js";
import type { MeterReading } from "./meter-reading.js";

export interface CountMeterOptions {
  /** steps of the slot that one count uses; may be a fraction */
  stepsPerCount: number;
  /** count of the sensor when the meter starts, default 0; for sensors that count for life, as printers do */
  start?: number;
}

/**
 * Makes a share of a step below a whole number by rounding (100 counts of 0.29) a whole one: a few units in the
 * last place, far below one count.
 */
const ROUNDING = 1 + 2 ** -50;

/** Turns a count that rises with use into whole steps. */
export class CountMeter {
  #stepsPerCount: number;
  #last: number;
  /** counts since the meter started, across restarts of the counter */
  #counts = 0;
  /** steps reported since the meter started */
  #steps = 0;

  /** @throws MeterError `options` */
  constructor(options: CountMeterOptions) {
    const { stepsPerCount, start = 0 } = options;
    checkOption("CountMeter", "stepsPerCount", stepsPerCount, "a positive number of steps", isPositive);
    checkOption("CountMeter", "start", start, "a whole number of counts, 0 or more", isWhole);
    this.#stepsPerCount = stepsPerCount;
    this.#last = start;
  }

  /**
   * A count lower than the last one is a counter that was restarted: what it shows was counted since.
   * A count that is no number of 0 or more is ignored.
   */
  update(sample: { count: number; faults?: object }): MeterReading {
    const { count, faults } = sample;
    if (faults !== undefined || !Number.isFinite(count) || count < 0) return { consumed: 0, refilled: 0 };
    this.#counts += count < this.#last ? count : count - this.#last;
    this.#last = count;
    // From the total, not from a carried fraction, so that rounding does not add up over the years.
    const steps = Math.floor(this.#counts * this.#stepsPerCount * ROUNDING);
    const consumed = steps - this.#steps;
    this.#steps = steps;
    return { consumed, refilled: 0 };
  }
}
