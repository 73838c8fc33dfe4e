import { CountMeter } from "../count-meter.js";
import { checkOption, isPositive } from "../errors.js";
import type { MeterReading } from "../meter-reading.js";
import type { KFactor } from "./k-factor.js";

export interface VolumeMeterOptions {
  /** steps of the slot in one litre; may be a fraction */
  stepsPerLitre: number;
  factor: KFactor;
  /** count of the sensor when the meter starts, default 0 */
  start?: number;
  /** as those of a `CountMeter` */
  modulus?: number;
  most?: number;
}

/**
 * Turns the pulses of a flow meter into whole steps, each by the factor of the flow in which it came.
 *
 * The flow is the mean since the last sample: sample every second or so while it flows. Where one factor will do, a
 * `CountMeter` will, and any interval.
 */
export class VolumeMeter {
  #stepsPerLitre: number;
  #factor: KFactor;
  #pulses: CountMeter;
  #rate = 0;
  /** part of a step, below 1 */
  #rest = 0;

  /** @throws MeterError `options` */
  constructor(options: VolumeMeterOptions) {
    const { stepsPerLitre, factor, start, modulus, most } = options;
    checkOption("VolumeMeter", "stepsPerLitre", stepsPerLitre, "a positive number of steps", isPositive);
    this.#stepsPerLitre = stepsPerLitre;
    this.#factor = factor;
    this.#pulses = new CountMeter({
      stepsPerCount: 1,
      ...(start === undefined ? {} : { start }),
      ...(modulus === undefined ? {} : { modulus }),
      ...(most === undefined ? {} : { most }),
    });
  }

  /** As a `CountMeter`'s. */
  get count(): number | undefined {
    return this.#pulses.count;
  }

  /** As a `CountMeter`'s. */
  get pending(): boolean {
    return this.#pulses.pending;
  }

  /** As a `CountMeter`'s. */
  rebase(): void {
    this.#pulses.rebase();
  }

  /**
   * Samples with faults are ignored: their pulses are counted with the next.
   *
   * @param seconds since the sample before; if that is not known, the flow is taken for the last one
   * @param temperature of the liquid, degrees Celsius; that of the calibration if it is not known
   */
  update(
    sample: { count: number; faults?: object | undefined },
    seconds: number,
    temperature?: number,
  ): MeterReading {
    const reading = this.#pulses.update(sample);
    const pulses = reading.consumed;
    if (pulses === 0) return reading;
    if (isPositive(seconds)) this.#rate = pulses / seconds;
    this.#rest += (pulses / this.#factor.at(this.#rate, temperature)) * this.#stepsPerLitre;
    reading.consumed = Math.floor(this.#rest);
    this.#rest -= reading.consumed;
    return reading;
  }
}
