import type { GatewayClock } from "./clock.js";
import { reason } from "./errors.js";
import type { Leases } from "./leases.js";
import type { Log } from "./log.js";
import type { GatewayDevice } from "./options.js";
import type { Worker } from "./worker.js";

/** Devices whose calls are made at a time. */
const MOST = 32;
/** Devices that are remembered for when there is room; the database remembers the others. */
const MOST_PUT_OFF = 10_000;
/** A time at which no call is due: leaves those that are new. */
const NEVER = -1;

export interface CallsOptions {
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly clock: Pick<GatewayClock, "now">;
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
  readonly #making = new Map<string, Promise<void>>();
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

  /**
   * Makes the calls that are due for a device, after those that are being made for it here, or puts them off. Resolves
   * when they are made or put off; never rejects.
   */
  async drain(serial: string): Promise<void> {
    const device = this.#options.devices.get(serial);
    // It is not configured here: its calls are another gateway's, or wait until it is back.
    if (!device) return;
    for (let making = this.#making.get(serial); making; making = this.#making.get(serial)) await making;
    if (this.#running >= MOST) {
      if (this.#putOff.size < MOST_PUT_OFF) this.#putOff.add(serial);
      return;
    }
    const made = this.#make(device);
    this.#making.set(serial, made);
    await made;
  }

  /**
   * Runs `body` in a device's line of work and under its lease, as its calls are made. Undefined: it was not run, as another gateway has the
   * lease. Throws what `body` throws.
   */
  async turn<Value>(serial: string, body: () => Promise<Value>): Promise<Value | undefined> {
    for (let making = this.#making.get(serial); making; making = this.#making.get(serial)) await making;
    const turn = this.#turn(serial, body);
    const over = () => {
      this.#making.delete(serial);
    };
    const made = turn.then(over, over);
    this.#making.set(serial, made);
    await made;
    // What another gateway has stored meanwhile, it has left to the lease's holder.
    if (!this.#stopped) this.#options.track(this.drain(serial));
    return turn;
  }

  /** Begins nothing more by itself. */
  stop(): void {
    this.#stopped = true;
  }

  async #make(device: GatewayDevice): Promise<void> {
    const { log } = this.#options;
    const { serial } = device;
    this.#running++;
    try {
      await this.#underLease(device);
    } catch (error) {
      log({ level: "error", event: "drain-failed", serial, message: reason(error) });
    }
    this.#running--;
    this.#making.delete(serial);
    this.#next();
  }

  async #underLease(device: GatewayDevice): Promise<void> {
    const { clock, leases, worker } = this.#options;
    // Whoever stores a message while another has the lease leaves it at that: the other looks again, until there is nothing new.
    for (let due = Math.floor(clock.now()), goesOn = true; goesOn; due = NEVER) {
      const lease = await leases.take(device.serial, due);
      if (!lease) return;
      try {
        goesOn = await worker.drain(device, lease, due);
      } finally {
        await lease.end();
      }
    }
  }

  async #turn<Value>(serial: string, body: () => Promise<Value>): Promise<Value | undefined> {
    const lease = await this.#options.leases.take(serial, null);
    if (!lease) return undefined;
    try {
      return await body();
    } finally {
      await lease.end();
    }
  }

  #next(): void {
    for (const serial of this.#putOff) {
      if (this.#stopped || this.#running >= MOST) return;
      this.#putOff.delete(serial);
      this.#options.track(this.drain(serial));
    }
  }
}
