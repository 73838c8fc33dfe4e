import { LeakWatch, type MeterReading, StuckWatch, type StuckWatchOptions } from "../../hal/index.js";
import { type Described, optional, type Part, POSITIVE, type Rules, whole } from "./kind.js";

/** A description of what is watched, see `Watched` in `config.ts`. */
export interface WatchedWiring extends Described {
  readonly pause?: number;
  readonly spill?: number;
}

const HOUR = 3_600_000;
const PAUSE = 6 * HOUR;

export const WATCH_RULES: Rules = Object.freeze({
  pause: optional(whole(0, 24 * HOUR)),
  spill: optional(POSITIVE),
});

/** Looks at what a meter makes of a slot's samples, and tells what is wrong with them. */
export class Watch {
  readonly #part: Part;
  readonly #leaks: LeakWatch | undefined;
  readonly #stuck: StuckWatch;

  constructor(part: Part<WatchedWiring>, stuck?: StuckWatchOptions) {
    const { pause = PAUSE, spill = Infinity } = part.wiring;
    this.#part = part;
    this.#leaks = pause > 0 ? new LeakWatch({ pause, most: spill }) : undefined;
    this.#stuck = new StuckWatch(stuck);
    part.onExpectUse = () => this.#stuck.expectUse();
  }

  /** @param sample `value` as the converter has it @param now milliseconds that never go back */
  take(sample: { value: number; faults?: object | undefined }, reading: MeterReading, now: number): void {
    const part = this.#part;
    part.find("sample", reading.condition);
    part.find("use", this.#leaks?.update(reading.consumed, now));
    part.find("sensor", this.#stuck.update(sample, reading, now));
  }

  /** There was no sample when there should have been one. */
  miss(now: number): void {
    this.#part.find("sensor", this.#stuck.update(undefined, undefined, now));
  }
}
