import type { FlashPartition, MqttClient, MqttOptions, Scheduled } from "../../../sdk/index.js";
import type { Board } from "../board.js";
import { Connection } from "../moddable/connection.js";
import { schedule, Ticks, wallClock } from "../moddable/time.js";
import { FileFlash } from "./file-flash.js";
import { type SimulatedUse, simulatedIO } from "./simulated-io.js";

export interface LinBoardOptions {
  /** File that plays the flash, below the platform's root directory (`files` of the configuration, else HOME). */
  readonly journal: string;
  /** Whether the computer's clock is the board's; default true. Without, it starts as an ESP32 does: not knowing the time. */
  readonly hasClock?: boolean;
  readonly use?: SimulatedUse;
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
}

/** Moddable's simulator on Linux as a board: real network and time, flash in a file, and pins that a script plays. */
export class LinBoard implements Board {
  readonly name = "lin";
  readonly flash: FlashPartition;
  readonly io: Board["io"];
  readonly #ticks = new Ticks();
  readonly #hasClock: boolean;
  readonly #servers: readonly string[];

  /** @throws {BoardError} `options`, `flash` */
  constructor(options: LinBoardOptions) {
    this.io = simulatedIO(options.use);
    this.#hasClock = options.hasClock ?? true;
    this.#servers = options.servers;
    this.flash = new FileFlash({ path: options.journal });
  }

  connect = (options: MqttOptions): MqttClient => new Connection(options, { servers: this.#servers });

  ticks(): number {
    return this.#ticks.now();
  }

  schedule(delay: number, task: () => void): Scheduled {
    return schedule(delay, task);
  }

  random(): number {
    return Math.random();
  }

  wallClock(): number | undefined {
    return this.#hasClock ? wallClock() : undefined;
  }

  log(text: string): void {
    trace(`${text}\n`);
  }
}
