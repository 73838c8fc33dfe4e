import Time from "time";
import Timer from "timer";
import type { Scheduled } from "../../../sdk/index.js";

/** Earlier than this, UTC milliseconds, a clock was never set: systems start it at 1970 or at the date of their build. */
const SET_AFTER = Date.UTC(2023, 0, 3);

/**
 * Milliseconds since it was made. The platform's ticks have 32 bits and wrap after 24 days, so the differences are added up; that is right as long as it is
 * asked once in 24 days, and the SDK asks several times a day.
 */
export class Ticks {
  #last = Time.ticks;
  #sum = 0;

  now(): number {
    const ticks = Time.ticks;
    const passed = Time.delta(this.#last, ticks);
    if (passed > 0) {
      this.#sum += passed;
      this.#last = ticks;
    }
    return this.#sum;
  }
}

/** Runs a task once, after so many milliseconds, never before returning. */
export function schedule(delay: number, task: () => void): Scheduled {
  let timer: Timer | undefined = Timer.set(
    () => {
      timer = undefined;
      task();
    },
    Math.max(0, Math.ceil(delay)),
  );
  return {
    cancel() {
      // A timer that has run is gone, and clearing it would be an error.
      if (timer === undefined) return;
      Timer.clear(timer);
      timer = undefined;
    },
  };
}

/** UTC in milliseconds, when the platform's clock is set; whether that is right is for the SDK to find out. */
export function wallClock(): number | undefined {
  const now = Date.now();
  return now > SET_AFTER ? now : undefined;
}
