import type { SensorClock } from "../../../hal/index.js";

/** A clock that a test moves on; tasks run in the order of their time. */
export class VirtualTime implements SensorClock {
  now = 0;
  #tasks: { at: number; task: () => void }[] = [];

  ticks(): number {
    return Math.floor(this.now);
  }

  get pending(): number {
    return this.#tasks.length;
  }

  schedule(delay: number, task: () => void): { cancel(): void } {
    const entry = { at: this.now + delay, task };
    this.#tasks.push(entry);
    return {
      cancel: () => {
        this.#tasks = this.#tasks.filter((other) => other !== entry);
      },
    };
  }

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.#tasks
        .filter(({ at }) => at <= end)
        .reduce<{ at: number; task: () => void } | undefined>(
          (first, entry) => (first === undefined || entry.at < first.at ? entry : first),
          undefined,
        );
      if (next === undefined) break;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.task();
    }
    this.now = end;
  }
}
