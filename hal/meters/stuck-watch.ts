import { checkOption, isPositive } from "./errors.js";
import type { MeterReading } from "./meter-reading.js";

export interface StuckWatchOptions {
  /** samples in a row that are missing or have faults, beyond which the sensor fails; default 8 */
  faults?: number;
  /**
   * samples in a row of exactly the same value, beyond which it is frozen; default any number. For sensors that never
   * stand still, as 24-bit converters: with a noise of one count, 40 alike come once in 10^20 samples.
   */
  same?: number;
  /** uses in a row that the product knows of and the meter did not see, beyond which it is blind; default 3 */
  unseen?: number;
  /** milliseconds for which a container may be away or overfull; default a day */
  absent?: number;
  /** milliseconds that may pass without use; default any */
  idle?: number;
}

/**
 * - `failing`: no answer, or saturated or otherwise faulty, again and again
 * - `frozen`: always the same value: a dead converter, a broken line
 * - `blind`: what the product has dispensed does not show: the sensor or what carries it is stuck, or nothing came out
 * - `absent`: the container is not there, or something stands on it, or the sensor was exchanged
 * - `idle`: no use for longer than this household does without
 */
export type StuckFinding = "failing" | "frozen" | "blind" | "absent" | "idle";

/** Tells a sensor that measures nothing from a container that nobody uses. */
export class StuckWatch {
  #limits: Required<StuckWatchOptions>;
  #faults = 0;
  #value: number | undefined;
  #same = 0;
  #unseen = 0;
  /** when the container was there last, and when it was used */
  #seen: number | undefined;
  #used = 0;

  /** @throws MeterError `options` */
  constructor(options: StuckWatchOptions = {}) {
    const { faults = 8, same = Infinity, unseen = 3, absent = 86_400_000, idle = Infinity } = options;
    this.#limits = { faults, same, unseen, absent, idle };
    for (const [field, value] of Object.entries(this.#limits))
      checkOption(
        "StuckWatch",
        field,
        value,
        "a positive number",
        (value) => isPositive(value) || value === Infinity,
      );
  }

  /** The product dispenses: a use will have to show. The meter has until `unseen` more of them to see it. */
  expectUse(): void {
    this.#unseen++;
  }

  /**
   * What is found now, the worst of it; it is found until it is over.
   *
   * @param sample undefined if the sensor gave none; `value` as it comes from the converter, NaN if it has none
   * @param reading what the meter made of it
   * @param now milliseconds since any moment; never goes back
   */
  update(
    sample: { value: number; faults?: object | undefined } | undefined,
    reading: MeterReading | undefined,
    now: number,
  ): StuckFinding | undefined {
    const limits = this.#limits;
    if (this.#seen === undefined) this.#seen = this.#used = now;
    if (!sample || sample.faults) this.#faults++;
    else {
      this.#faults = 0;
      this.#same = sample.value === this.#value ? this.#same + 1 : 0;
      this.#value = sample.value;
      const condition = reading?.condition;
      if (condition !== "away" && condition !== "overfull") this.#seen = now;
    }
    if (reading && reading.consumed > 0) {
      this.#used = now;
      this.#unseen = 0;
    }
    if (this.#faults > limits.faults) return "failing";
    if (this.#same >= limits.same) return "frozen";
    if (this.#unseen > limits.unseen) return "blind";
    if (now - this.#seen > limits.absent) return "absent";
    return now - this.#used > limits.idle ? "idle" : undefined;
  }
}
