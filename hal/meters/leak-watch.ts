import { checkOption, isPositive } from "./errors.js";

export interface LeakWatchOptions {
  /** milliseconds without use that every household has, as at night; default 6 hours */
  pause?: number;
  /** milliseconds within which it has one, more than `pause`; use without one for so long is a leak; default 2 days */
  within?: number;
  /** steps within a `pause` beyond which it is no use but a spill; default any number */
  most?: number;
}

/**
 * - `leak`: there was use without a pause
 * - `spill`: more was used than anybody can
 */
export type LeakFinding = "leak" | "spill";

const HOUR = 3_600_000;

/**
 * Tells a leak from use: nobody uses a thing day and night, and nobody uses it up at once.
 *
 * A meter that counts once something has gathered is used by a drip once in a while: a leak is found when that while is
 * shorter than `pause`.
 */
export class LeakWatch {
  #pause: number;
  #within: number;
  #most: number;
  #used: number | undefined;
  /** end of the last pause */
  #paused = 0;
  /** steps, and when they were that many: they run out at `#most` in a pause */
  #gathered = 0;
  #last = 0;

  /** @throws MeterError `options` */
  constructor(options: LeakWatchOptions = {}) {
    const { pause = 6 * HOUR, within = 48 * HOUR, most = Infinity } = options;
    checkOption("LeakWatch", "pause", pause, "positive milliseconds", isPositive);
    checkOption(
      "LeakWatch",
      "within",
      within,
      "milliseconds, more than pause",
      (value) => value > pause && value < Infinity,
    );
    checkOption("LeakWatch", "most", most, "a positive number of steps", (value) => value > 0);
    this.#pause = pause;
    this.#within = within;
    this.#most = most;
  }

  /**
   * What is found now; it is found until it is over. To be told of every sample, not only of those with use.
   *
   * @param consumed steps of the meter's reading
   * @param now milliseconds since any moment; never goes back
   */
  update(consumed: number, now: number): LeakFinding | undefined {
    if (this.#used === undefined) this.#used = this.#paused = this.#last = now;
    if (now - this.#used >= this.#pause) this.#paused = now;
    if (consumed > 0) this.#used = now;
    if (this.#most < Infinity) {
      const gone = (this.#most * (now - this.#last)) / this.#pause;
      this.#gathered = Math.max(0, this.#gathered - gone) + consumed;
      this.#last = now;
      if (this.#gathered > this.#most) return "spill";
    }
    return now - this.#paused >= this.#within ? "leak" : undefined;
  }
}
