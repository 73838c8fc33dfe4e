import type { FlashPartition, MqttClient, MqttOptions, Scheduled } from "../../../sdk/index.js";
import type { Board, ResetReason } from "../board.js";
import { Connection } from "../moddable/connection.js";
import { freeMemory } from "../moddable/memory.js";
import { registrationPorts } from "../moddable/registration.js";
import { Sntp } from "../moddable/sntp.js";
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
  /** Host names or addresses of time servers; default none: the computer has the time. */
  readonly timeServers?: readonly string[];
  /** Default 123. */
  readonly timePort?: number;
  /** With it the broker is connected to by TLS: the authority that has signed for it, in DER. */
  readonly certificate?: ArrayBuffer;
}

/** Moddable's simulator on Linux as a board: real network and time, flash in a file, and pins that a script plays. */
export class LinBoard implements Board {
  readonly name = "lin";
  readonly flash: FlashPartition;
  readonly io: Board["io"];
  readonly registration = registrationPorts;
  readonly #ticks = new Ticks();
  readonly #options: LinBoardOptions;

  /** @throws {BoardError} `options`, `flash` */
  constructor(options: LinBoardOptions) {
    this.io = simulatedIO(options.use);
    this.#options = options;
    this.flash = new FileFlash({ path: options.journal });
  }

  connect = (options: MqttOptions): MqttClient => {
    const { servers, certificate } = this.#options;
    return new Connection(options, {
      servers,
      log: (text) => this.log(text),
      ...(certificate ? { certificate } : {}),
    });
  };

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
    return (this.#options.hasClock ?? true) ? wallClock() : undefined;
  }

  startTime(onTime: (utc: number) => void): void {
    const { timeServers: hosts = [], timePort, servers } = this.#options;
    if (hosts.length === 0) return;
    new Sntp({
      hosts,
      servers,
      ...(timePort === undefined ? {} : { port: timePort }),
      ticks: () => this.ticks(),
      onTime,
      log: (text) => this.log(text),
    });
  }

  /** Every process is a start from nothing. */
  resetReason(): ResetReason {
    return "power-on";
  }

  freeMemory(): number | undefined {
    return freeMemory();
  }

  log(text: string): void {
    trace(`${text}\n`);
  }
}
