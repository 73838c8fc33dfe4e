import type { Board, ResetReason } from "../hal/boards/board.js";
import type { BoardFigures, DeviceEvent, ResetCause } from "../sdk/index.js";

/** What is free is looked at so often, in milliseconds. */
const MEMORY_INTERVAL = 10 * 60 * 1000;

const CAUSES: Readonly<Record<ResetReason, ResetCause>> = Object.freeze({
  "power-on": "power",
  "brown-out": "brownout",
  watchdog: "watchdog",
  panic: "panic",
  software: "software",
  external: "pin",
  other: "unknown",
});

/** How the board is: for the health record, and for people at the device. */
export class Condition {
  readonly #board: Board;
  #leastFree: number | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(board: Board) {
    this.#board = board;
    this.#look();
    board.setStatus?.("ready");
  }

  get figures(): BoardFigures {
    const reason = this.#board.resetReason?.();
    return {
      ...(reason === undefined ? {} : { resetCause: CAUSES[reason] }),
      ...(this.#leastFree === undefined ? {} : { leastFree: this.#leastFree }),
    };
  }

  onEvent(event: DeviceEvent): void {
    if (event.kind === "storage") this.#board.setStatus?.(event.state === "ok" ? "ready" : "trouble");
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** A board that measures nothing, as in a release build, is not asked again. */
  #look(): void {
    const free = this.#board.freeMemory?.();
    if (free === undefined) return;
    this.#leastFree = Math.min(free, this.#leastFree ?? free);
    this.#timer = this.#board.schedule(MEMORY_INTERVAL, () => this.#look());
  }
}
