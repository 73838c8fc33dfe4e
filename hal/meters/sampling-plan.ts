import { checkOption, isPositive } from "./errors.js";

export interface SamplingPlanOptions {
  /** milliseconds within which a use or a refill is to be counted, more than `window + 1` times `fast` */
  latency: number;
  /** milliseconds between samples while something is changing or being confirmed, default 30,000 */
  fast?: number;
  /** samples by which the meter confirms, default 5 */
  window?: number;
  /** milliseconds that one sample keeps the board awake */
  awake: number;
}

/** Windows of fast samples without an end after which sampling becomes slower: something shakes that will not stop soon. */
const PATIENCE = 4;

/**
 * When to sample next, so that the board sleeps while nothing happens: slowly until a sample differs, then fast until the
 * meter has confirmed what it was. If that never ends, the wait doubles with every sample up to the slow one.
 *
 * A change that is met by the slow sample is counted within `latency`.
 */
export class SamplingPlan {
  #fast: number;
  #slow: number;
  #awake: number;
  /** fast samples that are left before they become slower */
  #left: number;
  #most: number;
  #wait: number;
  #slept = 0;
  #samples = 0;

  /** @throws MeterError `options` */
  constructor(options: SamplingPlanOptions) {
    const { latency, fast = 30_000, window = 5, awake } = options;
    const check = (field: string, value: unknown, accepted: string, accepts: (value: number) => boolean) =>
      checkOption("SamplingPlan", field, value, accepted, accepts);
    check("fast", fast, "positive milliseconds", isPositive);
    check(
      "window",
      window,
      "a positive whole number of samples",
      (value) => Number.isInteger(value) && value > 0,
    );
    check(
      "latency",
      latency,
      `milliseconds, at least ${(window + 1) * fast} with this fast and window`,
      (value) => Number.isFinite(value) && value >= (window + 1) * fast,
    );
    check("awake", awake, "positive milliseconds, at most fast", (value) => value > 0 && value <= fast);
    this.#fast = fast;
    this.#slow = latency - window * fast;
    this.#awake = awake;
    this.#most = this.#left = PATIENCE * window;
    this.#wait = fast;
  }

  /** Milliseconds between samples while nothing happens. */
  get slow(): number {
    return this.#slow;
  }

  /** Share of the time that sampling keeps the board awake while nothing happens. */
  get idleShare(): number {
    return this.#awake / this.#slow;
  }

  /** The same, over all that was planned until now; that of fast sampling before the first sample. */
  get share(): number {
    return this.#samples === 0 ? this.#awake / this.#fast : (this.#samples * this.#awake) / this.#slept;
  }

  /**
   * Milliseconds until the next sample.
   *
   * @param pending the meter's, after the sample
   */
  next(pending: boolean): number {
    if (!pending) {
      this.#left = this.#most;
      this.#wait = this.#slow;
    } else if (this.#left > 0) {
      this.#left--;
      this.#wait = this.#fast;
    } else this.#wait = Math.min(2 * this.#wait, this.#slow);
    this.#samples++;
    this.#slept += this.#wait;
    return this.#wait;
  }

  /** Something is going to happen, a pump runs or a lid opens: samples are fast again if they became slower. Milliseconds until the next. */
  stir(): number {
    this.#left = this.#most;
    return this.next(true);
  }
}
