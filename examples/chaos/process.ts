import type { Faults } from "./faults.js";
import type { Timeline } from "./timeline.js";

/** Thrown by what a database refuses. */
export class DatabaseFault extends Error {
  override name = "DatabaseFault";
}

/**
 * One life of a gateway's process. Everything that it does outside of itself goes by here, in steps; a killed one stands still for ever at the step that
 * it has come to.
 */
export class Process {
  #isAlive = true;
  readonly #timeline: Timeline;
  readonly #faults: Faults;
  readonly #onKill: (step: string) => void;

  /** @param onKill told the step, once */
  constructor(timeline: Timeline, faults: Faults, onKill: (step: string) => void) {
    this.#timeline = timeline;
    this.#faults = faults;
    this.#onKill = onKill;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  kill(step: string): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#onKill(step);
  }

  /** Whether the process has ended, or ends here. @param weight how much likelier than elsewhere */
  endsAt(step: string, weight = 1): boolean {
    if (!this.#isAlive) return true;
    if (this.#faults.happens(this.#faults.rates.killed * weight, this.#timeline.now)) this.kill(step);
    return !this.#isAlive;
  }

  /** What a step of a process that has ended comes to: it never settles. A new one each time, or what waits for it would be kept for ever. */
  get never(): Promise<never> {
    return new Promise(() => {});
  }

  /** Waits. Never resolves when the process has ended by then. @param milliseconds at the most */
  async pause(milliseconds: number): Promise<void> {
    await this.#timeline.sleep(this.#faults.between(0, milliseconds));
    if (!this.#isAlive) await this.never;
  }
}
