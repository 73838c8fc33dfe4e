import { checkOption, isPositive, isWhole } from "./errors.js";
import { MassMeter } from "./mass-meter.js";
import type { MeterReading } from "./meter-reading.js";

export interface LevelMeterOptions {
  /** metres from the sensor to the surface when the container is full */
  full: number;
  /** metres from the sensor to the surface when it is empty, more than `full` */
  empty: number;
  /** steps between `empty` and `full`; the container is as wide above as below */
  capacity: number;
  /** steps in the container by the ledger when the meter starts */
  level: number;
  /** standard deviation of one sample, metres, default 0.001: an HC-SR04's median of 5 over a quiet surface */
  noise?: number;
  /** samples that have to agree before anything is counted, odd, 3 to 99, default 5 */
  window?: number;
  /** smallest rise that is a refill, steps; default 24 times the noise, at least 2 steps */
  refillThreshold?: number;
  /** most that temperature and the part move a distance in an interval (see `update`), metres; default a twentieth of the noise */
  drift?: number;
  /** height at which the container is empty by the books, metres: `offset` of the previous run if the product kept it, default 0 */
  offset?: number;
  /** most that the sensor is ever off by, metres, as `zeroRange` of a `MassMeter`; default 30 times the noise */
  zeroRange?: number;
}

/**
 * Turns the distance to a surface into whole steps used and put in.
 *
 * A level behaves as a mass does: it falls with use, rises with a refill, trembles, and drifts with temperature. So this is a
 * `MassMeter` whose mass is the height of the filling: the same windows keep a hand in the container from being counted, and
 * the same threshold is the hysteresis of the refill. What is below empty by more than that is a lid that was opened.
 */
export class LevelMeter {
  #meter: MassMeter;
  #empty: number;
  #full: number;

  /** @throws MeterError `options` */
  constructor(options: LevelMeterOptions) {
    const {
      full,
      empty,
      capacity,
      level,
      noise = 0.001,
      window,
      refillThreshold,
      drift,
      offset = 0,
      zeroRange,
    } = options;
    const check = (field: string, value: unknown, accepted: string, accepts: (value: number) => boolean) =>
      checkOption("LevelMeter", field, value, accepted, accepts);
    check("full", full, "a distance in metres, 0 or more", (value) => value >= 0 && Number.isFinite(value));
    check("empty", empty, "a distance in metres, more than full", (value) => isPositive(value - full));
    check("capacity", capacity, "a positive whole number of steps", (value) => isWhole(value) && value > 0);
    check("noise", noise, "a positive distance in metres", isPositive);
    check("offset", offset, "a height in metres", Number.isFinite);
    this.#empty = empty;
    this.#full = full;
    this.#meter = new MassMeter({
      massPerStep: (empty - full) / capacity,
      noise,
      level,
      offset,
      ...(window === undefined ? {} : { window }),
      ...(refillThreshold === undefined ? {} : { refillThreshold }),
      ...(zeroRange === undefined ? {} : { zeroRange }),
      ...(drift === undefined ? {} : { drift }),
    });
  }

  /** Steps in the container by what was read: the level at the start, less all consumed, plus all refilled. */
  get level(): number {
    return this.#meter.level;
  }

  /** Height above `empty` at which the container is empty by the books, metres. Kept by the product, drift survives a restart. */
  get offset(): number {
    return this.#meter.offset;
  }

  /** Something is being confirmed, or the meter has not started: the next samples should come soon. */
  get pending(): boolean {
    return this.#meter.pending;
  }

  /** The sensor was exchanged or moved: what it shows next is where the level by the books is. What was not confirmed yet is lost. */
  rebase(): void {
    this.#meter.rebase();
  }

  /**
   * Samples with faults, or of a distance that no filling has, change nothing.
   *
   * @param intervals time since the sample before, in those for which `drift` was given
   */
  update(sample: { distance: number; faults?: object | undefined }, intervals = 1): MeterReading {
    const { distance, faults } = sample;
    if (faults !== undefined || !Number.isFinite(distance)) return { consumed: 0, refilled: 0 };
    // A tenth above full is a heap; more is a hand or the lid.
    const highest = this.#full - (this.#empty - this.#full) / 10;
    if (distance < highest) return { consumed: 0, refilled: 0, condition: "overfull" };
    return this.#meter.update({ mass: this.#empty - distance }, intervals);
  }
}
