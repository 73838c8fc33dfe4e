import { checkOption, isPositive, isWhole } from "./errors.js";
import type { MeterReading } from "./meter-reading.js";

export interface CountMeterOptions {
  /** steps of the slot that one count uses; may be a fraction */
  stepsPerCount: number;
  /** count of the sensor when the meter starts, default 0; for sensors that count for life, as printers do */
  start?: number;
  /** count at which the counter returns to 0, such as 2 ** 16; default: it never does */
  modulus?: number;
  /**
   * counts that are possible between two samples, less than `modulus`; default an eighth of it, without one any number.
   * Tells an overflow from a restart, and both from another counter.
   */
  most?: number;
}

/**
 * Makes a share of a step below a whole number by rounding (100 counts of 0.29) a whole one: a few units in the
 * last place, far below one count.
 */
const ROUNDING = 1 + 2 ** -50;

/** Turns a count that rises with use into whole steps. */
export class CountMeter {
  #stepsPerCount: number;
  #modulus: number;
  #most: number;
  /** undefined until the next sample says where the count goes on */
  #last: number | undefined;
  /** a count that cannot follow the last one, until it is confirmed */
  #doubted: number | undefined;
  /** counts since the meter started, across restarts of the counter */
  #counts = 0;
  /** steps reported since the meter started */
  #steps = 0;

  /** @throws MeterError `options` */
  constructor(options: CountMeterOptions) {
    const { stepsPerCount, start = 0, modulus = Infinity } = options;
    const check = (field: string, value: unknown, accepted: string, accepts: (value: number) => boolean) =>
      checkOption("CountMeter", field, value, accepted, accepts);
    check("stepsPerCount", stepsPerCount, "a positive number of steps", isPositive);
    check("start", start, "a whole number of counts, 0 or more", isWhole);
    check(
      "modulus",
      modulus,
      "a whole number of counts, more than start",
      (value) => value > Math.max(1, start) && (isWhole(value) || value === Infinity),
    );
    const most = options.most ?? modulus / 8;
    check(
      "most",
      most,
      "a positive number of counts, less than modulus",
      (value) => value > 0 && (value < modulus || value === Infinity),
    );
    this.#stepsPerCount = stepsPerCount;
    this.#modulus = modulus;
    this.#most = most;
    this.#last = start;
  }

  /** Where the counter stands by what was believed: `start` of the next run. Undefined after `rebase`, until a sample. */
  get count(): number | undefined {
    return this.#last;
  }

  /** The next sample decides about something: it should come soon. */
  get pending(): boolean {
    return this.#doubted !== undefined;
  }

  /** The counter was exchanged: the next sample's count is where it goes on, and counts nothing. */
  rebase(): void {
    this.#last = this.#doubted = undefined;
  }

  /**
   * A count that is no number of 0 or more, or not below `modulus`, is ignored. One that cannot follow the last one is
   * believed when the next one follows it: a counter that was restarted if it shows at most `most`, else another one.
   * If any number is possible between two samples, a lower count is a restart at once.
   */
  update(sample: { count: number; faults?: object | undefined }): MeterReading {
    const reading: MeterReading = { consumed: 0, refilled: 0 };
    const { count, faults } = sample;
    if (faults !== undefined || !(count >= 0 && count < this.#modulus)) return reading;
    const last = this.#last;
    const doubted = this.#doubted;
    const most = this.#most;
    const rise = last === undefined ? 0 : this.#rise(last, count);
    if (rise <= most && rise < Infinity) {
      this.#counts += rise;
      if (last === undefined) reading.condition = "exchanged";
    } else if (most === Infinity) {
      this.#counts += count;
      reading.condition = "restarted";
    } else {
      const since = doubted === undefined ? Infinity : this.#rise(doubted, count);
      if (since > most) {
        this.#doubted = count;
        reading.condition = "doubtful";
        return reading;
      }
      const restarted = doubted! < last! && doubted! <= most;
      this.#counts += restarted ? doubted! + since : since;
      reading.condition = restarted ? "restarted" : "exchanged";
    }
    this.#last = count;
    this.#doubted = undefined;
    // From the total, not from a carried fraction, so that rounding does not add up over the years.
    const steps = Math.floor(this.#counts * this.#stepsPerCount * ROUNDING);
    reading.consumed = steps - this.#steps;
    this.#steps = steps;
    return reading;
  }

  /** Counts from one reading to the next, over the counter's end; infinite if it has none and fell. */
  #rise(from: number, to: number): number {
    return to >= from ? to - from : this.#modulus - from + to;
  }
}
