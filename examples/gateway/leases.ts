import type { GatewayClock } from "./clock.js";
import type { Database } from "./database.js";

/** Longest wait for a service's answer, in milliseconds, and as a share of a lease. */
const CALL_MS = 10_000;
const CALL_SHARE = 0.4;

/** How long a call may take under leases of that duration, both in milliseconds: one that begins in a lease's first half ends within it. */
export function callTimeout(duration: number): number {
  return Math.min(CALL_MS, Math.floor(CALL_SHARE * duration));
}

/** A lease is over, or not sure to last for a call: what was to be done under it is another's. */
export class LeaseOver extends Error {
  override readonly name = "LeaseOver";

  constructor() {
    super("the lease is over");
  }
}

export interface LeasesOptions {
  readonly database: Database;
  readonly clock: Pick<GatewayClock, "now">;
  /** Name of this gateway among those of the database. */
  readonly owner: string;
  /** How long after a gateway has stopped without a word others take over, in milliseconds. */
  readonly duration: number;
  /** Milliseconds that only go forward; default: the host's. */
  readonly monotonic?: () => number;
}

/**
 * The right to make a device's calls to DRS, for one gateway at a time. It ends by itself, so that the calls of a gateway that died are made by
 * another; and its holder knows by its own watch when it may be over, so that one that was stopped for a while makes none that is another's.
 */
export class Leases {
  readonly #options: LeasesOptions;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Name of this gateway. */
  get owner(): string {
    return this.#options.owner;
  }

  /** Undefined: another has it, or no call is due for the device at that time, UTC milliseconds, nor new. @param due null: whatever is due */
  async take(serial: string, due: number | null): Promise<Lease | undefined> {
    const { database, duration, owner } = this.#options;
    const asked = this.#time();
    const token = await database.direct.takeLease(serial, owner, duration, due, this.now());
    return token === undefined ? undefined : new Lease(this, serial, token, asked + duration);
  }

  /** Prolongs it if it ends soon. False: it is over. */
  async secure(lease: Lease): Promise<boolean> {
    if (this.isSafe(lease)) return true;
    const { database, duration } = this.#options;
    const asked = this.#time();
    if (!(await database.direct.renewLease(lease.serial, lease.token, duration, this.now()))) return false;
    lease.until = asked + duration;
    return this.isSafe(lease);
  }

  /** A call that begins now ends before the lease does. */
  isSafe(lease: Lease): boolean {
    return lease.until - this.#time() > this.#options.duration / 2;
  }

  end(lease: Lease): Promise<void> {
    return this.#options.database.direct.endLease(lease.serial, lease.token);
  }

  /** What times in the database are measured by: null is the server's own clock, which gateways have in common. */
  now(): number | null {
    return this.#options.database.shared ? null : Math.floor(this.#options.clock.now());
  }

  #time(): number {
    return (this.#options.monotonic ?? monotonic)();
  }
}

export class Lease {
  readonly #leases: Leases;
  readonly serial: string;
  /** Goes up each time that a lease on the device is taken. */
  readonly token: number;
  /** By the watch of {@link Leases}. */
  until: number;

  constructor(leases: Leases, serial: string, token: number, until: number) {
    this.#leases = leases;
    this.serial = serial;
    this.token = token;
    this.until = until;
  }

  secure(): Promise<boolean> {
    return this.#leases.secure(this);
  }

  get isSafe(): boolean {
    return this.#leases.isSafe(this);
  }

  end(): Promise<void> {
    return this.#leases.end(this);
  }
}

function monotonic(): number {
  return performance.now();
}
