import type { Scheduled } from "../../sdk/index.js";
import type { BoardStatus } from "./board.js";

/** Milliseconds on, off, on, ...; the last off may be long: a light that rests lets the loop idle. */
export const PATTERNS: Readonly<Record<BoardStatus, readonly number[]>> = Object.freeze({
  trouble: Object.freeze([150, 150, 150, 150, 150, 1_250]),
  setup: Object.freeze([500, 500]),
  offline: Object.freeze([50, 4_950]),
  ready: Object.freeze([50, 29_950]),
});

/** What is shown when several hold. */
const URGENCY: readonly BoardStatus[] = Object.freeze(["trouble", "setup", "offline", "ready"]);

export interface StatusLightOptions {
  /** Switches the light. */
  readonly write: (isOn: 0 | 1) => void;
  schedule(delay: number, task: () => void): Scheduled;
}

/** One light that says how the device is. What different parts of it say holds side by side; the most urgent is shown. */
export class StatusLight {
  readonly #options: StatusLightOptions;
  readonly #said = new Map<string, BoardStatus>();
  #shown: BoardStatus | undefined;
  #timer: Scheduled | undefined;

  constructor(options: StatusLightOptions) {
    this.#options = options;
    options.write(0);
  }

  /** @param who says so; what it said before no longer holds */
  say(who: string, status: BoardStatus): void {
    this.#said.set(who, status);
    const said = [...this.#said.values()];
    const shown = URGENCY.find((candidate) => said.includes(candidate))!;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#timer?.cancel();
    this.#step(PATTERNS[shown], 0);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#options.write(0);
  }

  #step(pattern: readonly number[], at: number): void {
    this.#options.write(at % 2 === 0 ? 1 : 0);
    this.#timer = this.#options.schedule(pattern[at]!, () => this.#step(pattern, (at + 1) % pattern.length));
  }
}
