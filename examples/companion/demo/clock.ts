import { type Activity, VirtualClock } from "everfull/simulator";

/** How often a clock that runs is moved, in milliseconds. */
const TICK = 100;

/** The one clock of service, gateway and device. It runs as the host's does, or only when it is moved; while something is under way it stands still. */
export class DemoClock {
  readonly #clock: VirtualClock;
  /** Moves wait for each other. */
  #moving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(start = Date.now()) {
    this.#clock = new VirtualClock(start);
  }

  get activity(): Activity {
    return this.#clock.activity;
  }

  /** UTC, in milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  at(time: number, task: () => Promise<void> | void): { cancel(): void } {
    return this.#clock.at(time, task);
  }

  /** Moves ahead; what is due on the way runs at its own time. */
  advance(ms: number): Promise<void> {
    const moved = this.#moving.then(() => this.#clock.runUntil(this.#clock.now() + ms));
    this.#moving = moved.catch(() => {});
    return moved;
  }

  /** Runs from now on. @param onError told what a task threw */
  run(onError: (error: unknown) => void): void {
    let last = performance.now();
    const tick = () => {
      const passed = Math.floor(performance.now() - last);
      last += passed;
      this.advance(passed)
        .catch(onError)
        .finally(() => {
          if (this.#timer) this.#timer = setTimeout(tick, TICK);
        });
    };
    this.#timer = setTimeout(tick, TICK);
  }

  stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#moving;
  }
}
