import flash from "embedded:storage/flash";
import type { FlashPartition, MqttClient, MqttOptions, Scheduled } from "../../../sdk/index.js";
import type { Board } from "../board.js";
import { BoardError } from "../errors.js";
import { Connection } from "../moddable/connection.js";
import { schedule, Ticks, wallClock } from "../moddable/time.js";
import { type Amplifier, Button, bridge, pulseCounter } from "./io.js";
import { type WifiNetwork, WifiStation } from "./wifi.js";

/** Data partition of the journal, in the firmware's partition table. */
const PARTITION = "ledger";

export interface Esp32BoardOptions {
  /** Absent: the device meters and keeps its journal, and can send nothing. */
  readonly wifi?: WifiNetwork;
  /** Pin with the delayed copy of the line, for each pin that pulses come in at; see {@link pulseCounter}. */
  readonly controls?: Readonly<Record<string, number>>;
  /** Wiring of the bridge amplifier, by the pin of its DOUT; see {@link bridge}. */
  readonly bridges?: Readonly<Record<string, Amplifier>>;
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
}

/** An ESP32 under Moddable: its flash partition `ledger`, pulse counter, bridge amplifier, buttons and Wi-Fi. */
export class Esp32Board implements Board {
  readonly name = "esp32";
  readonly flash: FlashPartition;
  readonly io: Board["io"];
  readonly #ticks = new Ticks();
  readonly #servers: readonly string[];
  readonly #wifi: WifiStation | undefined;

  /** What the platform throws when there is no partition `ledger`. */
  constructor(options: Esp32BoardOptions) {
    this.#servers = options.servers;
    this.io = {
      PulseCount: pulseCounter(options.controls ?? {}),
      Bridge: bridge(options.bridges ?? {}, () => this.ticks()),
      Button,
    };
    this.flash = flash.open({ path: PARTITION, mode: "r+" });
    if (options.wifi) this.#wifi = new WifiStation(options.wifi, (text) => this.log(text));
    else this.log("wifi: no network is configured; nothing is sent");
  }

  /** @throws {BoardError} `network`: there is no connection to the Wi-Fi now; the SDK tries again later */
  connect = (options: MqttOptions): MqttClient => {
    if (!this.#wifi?.isConnected) throw new BoardError("network", "wifi: not connected");
    return new Connection(options, { servers: this.#servers });
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

  /** Undefined after power on: nothing sets this clock; the SDK has the time from its gateway. */
  wallClock(): number | undefined {
    return wallClock();
  }

  log(text: string): void {
    trace(`${text}\n`);
  }
}
