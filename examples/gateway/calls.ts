import { type GatewayClock, schedule } from "./clock.js";
import type { Database } from "./database.js";
import { reason } from "./errors.js";
import type { Leases } from "./leases.js";
import type { Log } from "./log.js";
import type { GatewayDevice } from "./options.js";
import type { Worker } from "./worker.js";

/** Devices whose calls are made at a time. */
const MOST = 32;
/** Devices that are remembered for when there is room; the database remembers the others. */
const MOST_PUT_OFF = 10_000;
/** Of a database that gateways share, how often to look for calls that no one makes, in milliseconds. */
const SWEEP_MS = 10_000;
/** Devices that it finds at a time. */
const MOST_FOUND = 256;

export interface CallsOptions {
  readonly database: Database;
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly clock: GatewayClock;
  readonly leases: Leases;
  readonly worker: Pick<Worker, "drain">;
  readonly log: Log;
  /** Counts what runs by itself as work. */
  readonly track: (job: Promise<void>) => void;
}

/**
 * Decides when the calls that devices are owed are made: at once as long as not too many are being made, else when there is room. So a slow DRS
 * holds up calls, never the messages of devices. Nothing is lost here: the database knows what is owed.
 */
export class Calls {
  readonly #options: CallsOptions;
  #running = 0;
  readonly #putOff = new Set<string>();
  #timer: { cancel(): void } | undefined;
  #stopped = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Devices whose calls are being made, and those whose calls are put off. */
  get running(): number {
    return this.#running;
  }

  get putOff(): number {
    return this.#putOff.size;
  }

  /** Makes a device's calls, or puts them off. Resolves when they are made or put off; never rejects. */
  async drain(serial: string): Promise<void> {
    const { devices, log } = this.#options;
    const device = devices.get(serial);
    // One of another gateway, or that is not configured any more.
    if (!device) return;
    if (this.#running >= MOST) {
      if (this.#putOff.size < MOST_PUT_OFF) this.#putOff.add(serial);
      return;
    }
    this.#running++;
    try {
      await this.#make(device);
    } catch (error) {
      log({ level: "error", event: "drain-failed", serial, message: reason(error) });
    }
    this.#running--;
    this.#next();
  }

  /** Makes what is owed already and, if other gateways are at the database, what they leave behind. */
  async start(): Promise<void> {
    await this.#sweep();
  }

  /** Begins nothing more by itself. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #make(device: GatewayDevice): Promise<void> {
    const { leases, worker } = this.#options;
    // Whoever stores a message while another has the lease leaves it at that: the other looks again, until there is nothing new.
    let newest: number | undefined = 0;
    while (newest !== undefined) {
      const lease = await leases.take(device.serial, newest);
      if (!lease) return;
      try {
        newest = await worker.drain(device, lease, newest);
      } finally {
        await lease.end();
      }
    }
  }

  #next(): void {
    for (const serial of this.#putOff) {
      if (this.#stopped || this.#running >= MOST) return;
      this.#putOff.delete(serial);
      this.#options.track(this.drain(serial));
    }
  }

  async #sweep(): Promise<void> {
    const { clock, database, leases, log, track } = this.#options;
    try {
      const most = database.shared ? MOST_FOUND : MOST_PUT_OFF;
      for (const serial of await database.direct.owedDevices(leases.now(), most)) track(this.drain(serial));
    } catch (error) {
      log({ level: "error", event: "sweep-failed", message: reason(error) });
    }
    if (database.shared && !this.#stopped)
      this.#timer = schedule(clock, clock.now() + SWEEP_MS, () => this.#sweep());
  }
}
