import type { SandboxClock } from "../types.js";

/** The sandbox's own entries on the clock, so that closing it leaves none behind. */
export class Agenda {
  readonly #clock: SandboxClock;
  readonly #entries = new Set<{ cancel(): void }>();
  #closed = false;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** UTC ms. */
  now(): number {
    return this.#clock.now();
  }

  /** Runs `task` at that UTC time, unless the agenda is closed by then. */
  at(time: number, task: () => Promise<void> | void): void {
    if (this.#closed) return;
    let due = false;
    let entry: { cancel(): void } | undefined;
    entry = this.#clock.at(time, () => {
      due = true;
      if (entry !== undefined) this.#entries.delete(entry);
      return this.#closed ? undefined : task();
    });
    // a clock may run a task that is already due before `at` returns
    if (!due) this.#entries.add(entry);
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#entries) entry.cancel();
    this.#entries.clear();
  }
}
