import { checkOption, isPositive, MeterError } from "../errors.js";

/** What a calibration has found at one flow. */
export interface FlowPoint {
  /** pulses a second */
  rate: number;
  /** pulses of one litre at that rate */
  pulsesPerLitre: number;
}

/** Kinematic viscosity of a liquid. */
export interface ViscosityPoint {
  /** degrees Celsius */
  temperature: number;
  /** square metres a second; any unit will do, as only ratios are used */
  viscosity: number;
}

/** Of water at normal pressure. */
export const WATER: readonly ViscosityPoint[] = Object.freeze([
  Object.freeze({ temperature: 0, viscosity: 1.792e-6 }),
  Object.freeze({ temperature: 10, viscosity: 1.307e-6 }),
  Object.freeze({ temperature: 20, viscosity: 1.003e-6 }),
  Object.freeze({ temperature: 30, viscosity: 0.801e-6 }),
  Object.freeze({ temperature: 40, viscosity: 0.658e-6 }),
  Object.freeze({ temperature: 60, viscosity: 0.474e-6 }),
  Object.freeze({ temperature: 80, viscosity: 0.364e-6 }),
  Object.freeze({ temperature: 100, viscosity: 0.294e-6 }),
]);

export interface KFactorOptions {
  /** one or more, in rising order of their rates; below the first and above the last their factors hold */
  points: readonly FlowPoint[];
  /** of the liquid when `points` were found, degrees Celsius, default 20 */
  temperature?: number;
  /** of the liquid, in rising order of the temperatures; default the same at all */
  viscosity?: readonly ViscosityPoint[];
  /** relative change of the factor for one kelvin, by the body's expansion, -0.005 to 0.005, default 0 */
  temperatureCoefficient?: number;
}

/**
 * Pulses of a litre, by how fast it flows and how warm it is.
 *
 * A turbine slips when the flow is slow or the liquid thick, and both are one: meters of one form turn alike at the same
 * rate by viscosity (Roshko number). So a curve that was found with water at one temperature holds at another, and for
 * syrup, with the rate taken in proportion to the viscosities.
 */
export class KFactor {
  #points: readonly FlowPoint[];
  #viscosity: readonly ViscosityPoint[];
  #temperature: number;
  #coefficient: number;
  /** viscosity at the temperature of the points */
  #reference: number;

  /** @throws MeterError `options` */
  constructor(options: KFactorOptions) {
    const { points, temperature = 20, viscosity = [], temperatureCoefficient = 0 } = options;
    checkOption("KFactor", "temperature", temperature, "degrees Celsius", Number.isFinite);
    checkOption(
      "KFactor",
      "temperatureCoefficient",
      temperatureCoefficient,
      "-0.005 to 0.005",
      (value) => Math.abs(value) <= 0.005,
    );
    if (!(points?.length > 0))
      throw new MeterError("options", "KFactor: points must be one or more (got none)");
    for (let i = 0; i < points.length; i++) {
      const { rate, pulsesPerLitre } = points[i]!;
      const lower = i === 0 ? 0 : points[i - 1]!.rate;
      checkOption("KFactor", `points[${i}].rate`, rate, `pulses a second, more than ${lower}`, (value) =>
        isPositive(value - lower),
      );
      checkOption("KFactor", `points[${i}].pulsesPerLitre`, pulsesPerLitre, "a positive number", isPositive);
    }
    for (let i = 0; i < viscosity.length; i++) {
      const point = viscosity[i]!;
      const colder = i === 0 ? -274 : viscosity[i - 1]!.temperature;
      checkOption(
        "KFactor",
        `viscosity[${i}].temperature`,
        point.temperature,
        `degrees Celsius, more than ${colder}`,
        (value) => value > colder && value < Infinity,
      );
      checkOption("KFactor", `viscosity[${i}].viscosity`, point.viscosity, "a positive number", isPositive);
    }
    this.#points = points;
    this.#viscosity = viscosity;
    this.#temperature = temperature;
    this.#coefficient = temperatureCoefficient;
    this.#reference = this.#viscosityAt(temperature);
  }

  /**
   * Pulses per litre.
   *
   * @param rate pulses a second
   * @param temperature of the liquid, degrees Celsius; that of the points if it is not known
   */
  at(rate: number, temperature = this.#temperature): number {
    const points = this.#points;
    const like = (rate * this.#reference) / this.#viscosityAt(temperature);
    const next = points.findIndex((point) => point.rate > like);
    const below = points[next < 0 ? points.length - 1 : Math.max(0, next - 1)]!;
    const above = points[next < 0 ? points.length - 1 : next]!;
    const factor = between(like, below.rate, below.pulsesPerLitre, above.rate, above.pulsesPerLitre);
    return factor * (1 + this.#coefficient * (temperature - this.#temperature));
  }

  #viscosityAt(temperature: number): number {
    const points = this.#viscosity;
    if (points.length === 0) return 1;
    const next = points.findIndex((point) => point.temperature > temperature);
    const below = points[next < 0 ? points.length - 1 : Math.max(0, next - 1)]!;
    const above = points[next < 0 ? points.length - 1 : next]!;
    return between(temperature, below.temperature, below.viscosity, above.temperature, above.viscosity);
  }
}

function between(x: number, x0: number, y0: number, x1: number, y1: number): number {
  return x1 > x0 ? y0 + ((y1 - y0) * (x - x0)) / (x1 - x0) : y0;
}
