import type { SandboxClock } from "../types.js";

interface Entry {
  readonly time: number;
  readonly task: () => Promise<void> | void;
}

/** The longest that a timer of the host is set for, in ms: one that overflows would ring at once. */
const LONGEST_WAIT = 3_600_000;

export interface AdjustableClockOptions {
  /** UTC ms; default the host's time. */
  start?: number;
  /** Whether time passes by itself, as fast as the host's; else only {@link AdjustableClock.advance} moves it. */
  ticks: boolean;
  /** Told what a task threw that no `advance` waits for. */
  onError?: (error: unknown) => void;
}

/** A clock that can be moved ahead, and may run by itself as well. */
export class AdjustableClock implements SandboxClock {
  readonly #ticks: boolean;
  readonly #onError: (error: unknown) => void;
  /** To add to the host's time; of a clock that does not tick, the time itself. */
  #base: number;
  #entries: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Advances wait for each other. */
  #moving: Promise<void> = Promise.resolve();
  #advancing = false;

  constructor({ start = Date.now(), ticks, onError = () => {} }: AdjustableClockOptions) {
    this.#ticks = ticks;
    this.#onError = onError;
    this.#base = ticks ? start - Date.now() : start;
  }

  now(): number {
    return this.#base + (this.#ticks ? Date.now() : 0);
  }

  at(time: number, task: () => Promise<void> | void): { cancel(): void } {
    const entry = { time, task };
    this.#entries.push(entry);
    this.#wait();
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((each) => each !== entry);
        this.#wait();
      },
    };
  }

  /** @param ms how far; what is due on the way runs at its own time, one after the other */
  advance(ms: number): Promise<void> {
    const done = this.#moving.then(() => this.#advance(ms));
    this.#moving = done.catch(() => {});
    return done;
  }

  async #advance(ms: number): Promise<void> {
    const end = this.now() + ms;
    this.#advancing = true;
    clearTimeout(this.#timer);
    try {
      for (;;) {
        const next = this.#next();
        if (next === undefined || next.time > end) break;
        this.#entries = this.#entries.filter((each) => each !== next);
        this.#moveTo(next.time);
        await next.task();
      }
      this.#moveTo(end);
    } finally {
      this.#advancing = false;
      this.#wait();
    }
  }

  #moveTo(time: number): void {
    this.#base += Math.max(0, time - this.now());
  }

  #next(): Entry | undefined {
    return this.#entries.reduce<Entry | undefined>(
      (first, each) => (first === undefined || each.time < first.time ? each : first),
      undefined,
    );
  }

  /**
   * Sets the host's timer for what is due next. What is due now runs by it, too, on a clock that stands still as well: nothing
   * waits for an advance by 0.
   */
  #wait(): void {
    clearTimeout(this.#timer);
    const next = this.#next();
    if (next === undefined || this.#advancing) return;
    const wait = next.time - this.now();
    if (!this.#ticks && wait > 0) return;
    this.#timer = setTimeout(
      () => {
        this.advance(0).catch(this.#onError);
      },
      Math.min(Math.max(wait, 0), LONGEST_WAIT),
    );
    this.#timer.unref();
  }
}
