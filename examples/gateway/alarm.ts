import { schedule } from "./clock.js";
import type { Database } from "./database.js";
import { reason } from "./errors.js";
import type { Leases } from "./leases.js";
import type { Log } from "./log.js";
import type { GatewayOptions } from "./options.js";

/** Devices that are taken up at one time. */
const MOST_DEVICES = 100;
/** Pause after the database could not be asked, in milliseconds. */
const FAILED_MS = 60_000;
/** Pause when what was due still is, and no more than that: something fails again and again, or there is no room. In milliseconds. */
const STUCK_MS = 1_000;

export interface AlarmOptions {
  readonly database: Database;
  readonly clock: NonNullable<GatewayOptions["clock"]>;
  readonly devices: ReadonlyMap<string, unknown>;
  readonly leases: Pick<Leases, "owner" | "now">;
  readonly log: Log;
  /** Of a database that gateways share, how often to look for what others leave behind, in milliseconds. */
  readonly look: number;
  /** Makes the calls that are due for a device. Resolves when that is done; never rejects. */
  readonly drain: (serial: string) => Promise<void>;
  /** Whether calls are not made at once, because too many are being made. */
  readonly isBusy: () => boolean;
}

/** Makes calls when they are due: retries, and whatever was left over. Keeps one entry on the clock, for the next. */
export class Alarm {
  readonly #options: AlarmOptions;
  #entry: { cancel(): void } | undefined;
  #look: { cancel(): void } | undefined;
  #time = Number.POSITIVE_INFINITY;
  #stopped = false;
  /** Devices with due calls that are not configured here: another gateway's, or taken out of the options. */
  readonly #absent: string[] = [];

  constructor(options: AlarmOptions) {
    this.#options = options;
  }

  /** Sets it for what is owed already. Never rejects. */
  async start(): Promise<void> {
    await this.set();
    const { clock, database, look } = this.#options;
    if (database.shared && !this.#stopped)
      this.#look = schedule(clock, clock.now() + look, () => this.start());
  }

  /** To be called when what is owed has changed. Never rejects. */
  set(): Promise<void> {
    return this.#set(0);
  }

  /** @param least UTC milliseconds: no earlier than that */
  async #set(least: number): Promise<void> {
    const { clock, database, log } = this.#options;
    let next: number | undefined;
    try {
      next = await database.direct.calls.nextDue(this.#absent);
      if (next !== undefined) next = Math.max(next, least);
    } catch (error) {
      log({ level: "error", event: "alarm-failed", message: reason(error) });
      next = clock.now() + FAILED_MS;
    }
    // Ringing in vain does no harm; a later time may be what was true before another call has set this one.
    if (this.#stopped || next === undefined || next >= this.#time) return;
    this.#cancel();
    this.#time = next;
    this.#entry = schedule(clock, next, () => this.#ring());
  }

  /** Nothing is begun after this. */
  stop(): void {
    this.#stopped = true;
    this.#look?.cancel();
    this.#cancel();
  }

  #cancel(): void {
    this.#entry?.cancel();
    this.#entry = undefined;
    this.#time = Number.POSITIVE_INFINITY;
  }

  async #ring(): Promise<void> {
    const { clock, database, devices, drain, isBusy, leases, log } = this.#options;
    this.#cancel();
    if (this.#stopped) return;
    let least = 0;
    try {
      const now = Math.floor(clock.now());
      const { owner } = leases;
      const serials = await database.direct.calls.devicesDue(
        now,
        MOST_DEVICES,
        this.#absent,
        owner,
        leases.now(),
      );
      const own = serials.filter((serial) => devices.has(serial));
      this.#absent.push(...serials.filter((serial) => !devices.has(serial)));
      await Promise.all(own.map(drain));
      if (serials.length < MOST_DEVICES || isBusy()) least = clock.now() + STUCK_MS;
    } catch (error) {
      log({ level: "error", event: "alarm-failed", message: reason(error) });
    }
    await this.#set(least);
  }
}
