import { checkOption, isPositive, MeterError } from "../errors.js";

/** A sensor's reading of something that is known. */
export interface CalibrationPoint {
  /** as the sensor gives it: counts, metres; best the `value` of a `Burst` over raw readings */
  raw: number;
  /** what it is, in the unit that is wanted: kg, steps */
  value: number;
  /** standard error of `raw`, default 0 */
  error?: number;
  /** standard uncertainty of `value`, default 0: half of what a kitchen scale may be off by */
  uncertainty?: number;
}

export interface CalibrationOptions {
  /** largest relative standard uncertainty of `scale` that is accepted, default 0.01 */
  accept?: number;
}

/**
 * A straight line through two known points: what a sensor's readings mean.
 *
 * For a load cell `zero` and `scale` are what `LoadCell.configure` takes. For a level, with values in steps, `rawAt(0)` and
 * `rawAt(capacity)` are the distances `empty` and `full` of a `LevelMeter`, though nobody filled it to the brim.
 */
export class Calibration {
  #low: Required<CalibrationPoint>;
  #high: Required<CalibrationPoint>;
  /** raw reading of the value 0 */
  readonly zero: number;
  /** value of one raw unit; negative when readings fall with the value */
  readonly scale: number;

  /** @throws MeterError `options`; `calibration` when the points are too near for an accurate line */
  constructor(low: CalibrationPoint, high: CalibrationPoint, options: CalibrationOptions = {}) {
    const { accept = 0.01 } = options;
    checkOption("Calibration", "accept", accept, "a positive number", isPositive);
    this.#low = complete("low", low);
    this.#high = complete("high", high);
    const rise = high.raw - low.raw;
    const span = high.value - low.value;
    if (!(span > 0))
      throw new MeterError(
        "calibration",
        `Calibration: high.value must be more than low.value (got ${high.value}, ${low.value})`,
      );
    if (rise === 0)
      throw new MeterError(
        "calibration",
        `Calibration: high.raw must differ from low.raw (got ${high.raw}, ${low.raw})`,
      );
    this.scale = span / rise;
    this.zero = low.raw - low.value / this.scale;
    const relative = Math.sqrt(this.#variance(this.#low) + this.#variance(this.#high)) / span;
    if (!(relative <= accept))
      throw new MeterError(
        "calibration",
        `Calibration: scale must be known to ${100 * accept} % (got ${100 * relative} %)`,
      );
  }

  /** Value of a reading. */
  at(raw: number): number {
    return (raw - this.zero) * this.scale;
  }

  /** Reading of a value. */
  rawAt(value: number): number {
    return this.zero + value / this.scale;
  }

  /** Standard uncertainty that the calibration gives a value, in its unit; more beyond the points than between them. */
  uncertainty(value: number): number {
    const share = (value - this.#low.value) / (this.#high.value - this.#low.value);
    return Math.sqrt((1 - share) ** 2 * this.#variance(this.#low) + share ** 2 * this.#variance(this.#high));
  }

  /**
   * What a third known point is off by, in the value's unit; positive when the sensor shows too much. Half-way between the
   * others it shows how crooked the sensor is, or that something rubs.
   *
   * @throws MeterError `calibration` when that is more than `accept` (value's unit) beyond three standard uncertainties
   */
  verify(point: CalibrationPoint, accept: number): number {
    const known = complete("point", point);
    const off = this.at(known.raw) - known.value;
    const uncertain = Math.sqrt(this.uncertainty(known.value) ** 2 + this.#variance(known));
    if (Math.abs(off) > accept + 3 * uncertain)
      throw new MeterError(
        "calibration",
        `Calibration: point.value must be within ${accept} of the line (got ${known.value}, off by ${off})`,
      );
    return off;
  }

  /** In the value's unit, squared. */
  #variance(point: Required<CalibrationPoint>): number {
    return (point.error * this.scale) ** 2 + point.uncertainty ** 2;
  }
}

function complete(field: string, point: CalibrationPoint): Required<CalibrationPoint> {
  const { raw, value, error = 0, uncertainty = 0 } = point;
  const check = (name: string, number: unknown, accepted: string, accepts: (value: number) => boolean) =>
    checkOption("Calibration", `${field}.${name}`, number, accepted, accepts);
  const isError = (value: number) => value >= 0 && value < Infinity;
  check("raw", raw, "a finite number", Number.isFinite);
  check("value", value, "a finite number", Number.isFinite);
  check("error", error, "a number of 0 or more", isError);
  check("uncertainty", uncertainty, "a number of 0 or more", isError);
  return { raw, value, error, uncertainty };
}
