import type { Board, ResetReason } from "../../hal/boards/board.js";
import { type Everfull, Ledger, RESET_CAUSES, type ResetCause } from "../../sdk/index.js";
import { type DayReport, UpdateError, Updater, UpdateState } from "../../sdk/update/index.js";
import type { OpenUpdate, ProductUpdate } from "../wiring/kind.js";
import { TrialDay } from "./trial-day.js";
import { updateBoardOf } from "./update-board.js";

/** In the header of an image of ESP-IDF: the chip it is for, two bytes, little endian. */
const CHIP_AT = 12;
const KEY_BYTES = 32;

/** After these the device did not crash: it was without power, or somebody has pressed a button. */
const OFF: readonly ResetReason[] = Object.freeze(["power-on", "brown-out", "external"]);
/** XS ends a program that has failed by a restart of its own. */
const CRASHES: readonly ResetCause[] = Object.freeze(["software", "panic", "watchdog"]);

/** Where images are fetched from, by their SHA-256 in lower-case hexadecimal digits. */
export interface ImageServer {
  readonly host: string;
  /** Default 80. */
  readonly port?: number;
  /** From / to /. */
  readonly folder: string;
}

export interface ImageUpdateOptions {
  /** The maker's number of the product. */
  readonly product: number;
  /** Version of this firmware: 1 above that of every image before it. */
  readonly version: number;
  /** The maker's public keys by their numbers, 64 hexadecimal digits each, as `everfull image-key` prints them. */
  readonly keys: readonly string[];
  readonly server: ImageServer;
  /** Whole days, 1 to 14, in which a new image must have a healthy one; default 3. */
  readonly trialDays?: number;
}

/**
 * Updates over the air for a product: its `update`.
 *
 * @throws {UpdateError} `options`: a key is none
 */
export function imageUpdate(options: ImageUpdateOptions): ProductUpdate {
  options.keys.forEach((key, number) => {
    if (!/^[0-9a-fA-F]{64}$/.test(key))
      throw new UpdateError("options", `keys[${number}]: 64 hexadecimal digits are accepted (got "${key}")`);
  });
  return {
    open(board, close) {
      try {
        return new ImageUpdate(board, options, close);
      } catch (error) {
        board.log(`update: cannot start: ${error instanceof Error ? error.message : error}`);
        return { offer: () => "storage", endDay() {}, close() {} };
      }
    },
  };
}

class ImageUpdate implements OpenUpdate {
  readonly #board: Board;
  readonly #updater: Updater;
  readonly #ledger: Ledger;
  readonly #day = new TrialDay();
  /** Commits of this run as the day began. */
  #commits = 0;

  constructor(board: Board, options: ImageUpdateOptions, close: () => void) {
    this.#board = board;
    const { product, version, keys, server, trialDays } = options;
    const { flash, port, fetch, digest, restart } = updateBoardOf(board, server);
    const state = new UpdateState();
    const warn = (text: string) => board.log(text);
    this.#ledger = new Ledger({ flash, parts: [state, this.#day], warn });
    this.#ledger.open();
    const header = port.running(CHIP_AT + 2);
    let { phase } = state;
    this.#updater = new Updater({
      device: { product, chip: header[CHIP_AT]! + 256 * header[CHIP_AT + 1]!, version },
      keys: keys.map(keyOf),
      state,
      commit: (records) => this.#ledger.commit(records),
      port,
      fetch,
      digest,
      schedule: (delay, task) => board.schedule(delay, task),
      random: () => board.random(),
      restart() {
        close();
        restart();
      },
      ...(trialDays === undefined ? {} : { trialDays }),
      onChange(view) {
        if (view.phase === phase) return;
        phase = view.phase;
        board.log(`update: version ${view.version}: ${phase}, reason ${view.reason}`);
      },
      warn,
    });
    // A board that cannot tell is not said to have crashed.
    const reason = board.resetReason?.() ?? "power-on";
    this.#updater.start(OFF.includes(reason));
  }

  offer(description: Uint8Array) {
    const offer = this.#updater.offer(description);
    if (offer.kind !== "refused") return offer.kind;
    this.#board.log(`update: ${offer.text}`);
    return offer.reason;
  }

  endDay(everfull: Everfull): void {
    if (this.#updater.view.phase !== "trial") return;
    const { resets, day } = everfull.health;
    const { commits, reported } = everfull.figures;
    const crashes = CRASHES.reduce((sum, cause) => sum + resets[RESET_CAUSES.indexOf(cause)]!, 0);
    const report: DayReport = {
      commits: commits - this.#commits,
      isStoring: everfull.storage.state === "ok",
      // The day that is open is the next one already.
      acknowledged: reported >= day - 1,
      crashes: Math.abs(crashes - this.#day.crashes),
    };
    this.#commits = commits;
    // First: the day that is lost in a power cut is one of the trial, not its crashes.
    this.#ledger.commit([this.#day.begin(crashes)]);
    this.#updater.endDay(report);
  }

  close(): void {
    this.#updater.close();
  }
}

function keyOf(text: string): Uint8Array {
  const bytes = new Uint8Array(KEY_BYTES);
  for (let i = 0; i < KEY_BYTES; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
