import flash from "embedded:storage/flash";
import Time from "time";
import type { FlashPartition, MqttClient, MqttOptions, Scheduled } from "../../../sdk/index.js";
import type { Board, BoardStatus, ResetReason } from "../board.js";
import { BoardError } from "../errors.js";
import { Connection } from "../moddable/connection.js";
import { freeMemory } from "../moddable/memory.js";
import { registrationPorts } from "../moddable/registration.js";
import { Sntp } from "../moddable/sntp.js";
import { schedule, Ticks, wallClock } from "../moddable/time.js";
import { StatusLight } from "../status-light.js";
import { type Amplifier, Button, bridge, type Light, openLight, pulseCounter } from "./io.js";
import { resetReason } from "./reset-reason.js";
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
  /** Host names or addresses of time servers. */
  readonly timeServers: readonly string[];
  /** With it the broker is connected to by TLS: the authority that has signed for it, in DER. */
  readonly certificate?: ArrayBuffer;
  /** Shows how the device is, see {@link StatusLight}. */
  readonly light?: Light;
  /** Whether it waits for somebody to set it up, which the light then shows; default false. */
  readonly isWaiting?: boolean;
}

/** An ESP32 under Moddable: its flash partition `ledger`, pulses, bridge amplifier, buttons, status light, Wi-Fi, SNTP and TLS. */
export class Esp32Board implements Board {
  readonly name = "esp32";
  readonly flash: FlashPartition;
  readonly io: Board["io"];
  readonly registration = registrationPorts;
  readonly network: NonNullable<Board["network"]>;
  readonly #options: Esp32BoardOptions;
  readonly #ticks = new Ticks();
  readonly #wifi: WifiStation | undefined;
  readonly #light: StatusLight | undefined;
  #time: Sntp | undefined;

  /** What the platform throws when there is no partition `ledger`. */
  constructor(options: Esp32BoardOptions) {
    this.#options = options;
    this.io = {
      PulseCount: pulseCounter(options.controls ?? {}, this),
      Bridge: bridge(options.bridges ?? {}, () => this.ticks()),
      Button,
    };
    this.network = { servers: options.servers, isConnected: () => this.#wifi?.isConnected === true };
    if (options.light) this.#light = new StatusLight({ write: openLight(options.light), schedule });
    this.flash = flash.open({ path: PARTITION, mode: "r+" });
    this.#light?.say("network", options.isWaiting ? "setup" : "offline");
    if (options.wifi)
      this.#wifi = new WifiStation(
        options.wifi,
        (text) => this.log(text),
        (isConnected) => {
          // As far as the network goes: what the firmware says of its set-up is more urgent.
          this.#light?.say("network", isConnected ? "ready" : "offline");
          if (isConnected) this.#time?.poke();
        },
      );
    else this.log("wifi: no network is configured; nothing is sent");
  }

  /** @throws {BoardError} `network`: there is no connection to the Wi-Fi now, or no time to check a certificate by; the SDK tries again later */
  connect = (options: MqttOptions): MqttClient => {
    const { servers, certificate } = this.#options;
    if (!this.#wifi?.isConnected) throw new BoardError("network", "wifi: not connected");
    if (certificate && this.wallClock() === undefined)
      throw new BoardError("network", "tls: the time is not known yet");
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

  /** What a time server has told, also over a restart without a power cut. Undefined after power on. */
  wallClock(): number | undefined {
    return wallClock();
  }

  startTime(onTime: (utc: number) => void): void {
    if (!this.#wifi) return;
    const { timeServers: hosts, servers } = this.#options;
    this.#time = new Sntp({
      hosts,
      servers,
      ticks: () => this.ticks(),
      isOnline: () => this.#wifi!.isConnected,
      onTime: (utc) => {
        // Certificates are checked by this clock.
        Time.set(Math.round(utc / 1000));
        onTime(utc);
      },
      log: (text) => this.log(text),
    });
  }

  resetReason(): ResetReason {
    return resetReason();
  }

  freeMemory(): number | undefined {
    return freeMemory();
  }

  setStatus(status: BoardStatus): void {
    this.#light?.say("firmware", status);
  }

  log(text: string): void {
    trace(`${text}\n`);
  }
}
