import WiFi from "embedded:network/interface/wifi";
import type { Scheduled } from "../../../sdk/index.js";
import { schedule } from "../moddable/time.js";

export interface WifiNetwork {
  readonly ssid: string;
  /** Absent for an open network. */
  readonly password?: string;
}

/** `connection` of Moddable's WiFi: at this and below nothing is under way, at that and above there is an address. */
const DISCONNECTED = 200;
const ADDRESSED = 500;
/** Wait before connecting again, in milliseconds; doubled with every failure in a row, up to the longest. */
const FIRST_WAIT = 5_000;
const LONGEST_WAIT = 5 * 60_000;

/** Keeps the station connected. Nothing waits for it: the device meters and keeps its journal without a network. */
export class WifiStation {
  readonly #network: WifiNetwork;
  readonly #log: (text: string) => void;
  readonly #onConnection: (isConnected: boolean) => void;
  readonly #wifi: WiFi;
  #timer: Scheduled | undefined;
  #wait = FIRST_WAIT;

  /** @param onConnection told whenever it may have come or gone */
  constructor(
    network: WifiNetwork,
    log: (text: string) => void,
    onConnection: (isConnected: boolean) => void,
  ) {
    this.#network = network;
    this.#log = log;
    this.#onConnection = onConnection;
    this.#wifi = new WiFi({ onChanged: () => this.#onChanged() });
    // Not at once: the start of the device does not depend on it.
    this.#timer = schedule(0, () => this.#connect());
  }

  get isConnected(): boolean {
    return this.#wifi.connection >= ADDRESSED;
  }

  #connect(): void {
    this.#timer = undefined;
    const { ssid, password } = this.#network;
    try {
      this.#wifi.connect(password === undefined ? { SSID: ssid } : { SSID: ssid, password });
    } catch (error) {
      this.#log(`wifi: ${error instanceof Error ? error.message : error}`);
      this.#retry();
    }
  }

  #onChanged(): void {
    const { connection } = this.#wifi;
    this.#onConnection(connection >= ADDRESSED);
    if (connection >= ADDRESSED) {
      if (this.#wait !== FIRST_WAIT) this.#log("wifi: connected again");
      this.#wait = FIRST_WAIT;
    } else if (connection <= DISCONNECTED) this.#retry();
  }

  #retry(): void {
    if (this.#timer) return;
    if (this.#wait === FIRST_WAIT) this.#log("wifi: not connected; trying again until it is");
    this.#timer = schedule(this.#wait, () => this.#connect());
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }
}
