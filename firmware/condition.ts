import type { Board, BoardStatus, ResetReason } from "../hal/boards/board.js";
import type { BoardFigures, DeviceEvent, ResetCause } from "../sdk/index.js";

/** Milliseconds until it is asked again whether set-up may finish: the customer's answer is no event. */
const SETUP_INTERVAL = 5_000;
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
  readonly #mayFinishSetup: () => boolean;
  #isFailing = false;
  #shown: BoardStatus | undefined;
  #setupTimer: { cancel(): void } | undefined;

  /** @param mayFinishSetup the gate of the registration; absent where none is offered */
  constructor(board: Board, mayFinishSetup = () => true) {
    this.#board = board;
    this.#mayFinishSetup = mayFinishSetup;
    this.#look();
    this.show();
  }

  get figures(): BoardFigures {
    const reason = this.#board.resetReason?.();
    return {
      ...(reason === undefined ? {} : { resetCause: CAUSES[reason] }),
      ...(this.#leastFree === undefined ? {} : { leastFree: this.#leastFree }),
    };
  }

  onEvent(event: DeviceEvent): void {
    if (event.kind === "storage") this.#isFailing = event.state === "failing";
    this.show();
  }

  /** Shows how it is now, and goes on as long as set-up may not finish. */
  show(): void {
    this.#setupTimer?.cancel();
    this.#setupTimer = undefined;
    const isReady = this.#mayFinishSetup();
    const status = this.#isFailing ? "trouble" : isReady ? "ready" : "setup";
    if (status !== this.#shown) this.#board.setStatus?.(status);
    this.#shown = status;
    if (!isReady && this.#board.setStatus)
      this.#setupTimer = this.#board.schedule(SETUP_INTERVAL, () => this.show());
  }

  close(): void {
    this.#timer?.cancel();
    this.#setupTimer?.cancel();
  }

  /** A board that measures nothing, as in a release build, is not asked again. */
  #look(): void {
    const free = this.#board.freeMemory?.();
    if (free === undefined) return;
    this.#leastFree = Math.min(free, this.#leastFree ?? free);
    this.#timer = this.#board.schedule(MEMORY_INTERVAL, () => this.#look());
  }
}
