import type { Database, TaskRow } from "./database.js";
import { type Lease, LeaseOver } from "./leases.js";
import type { Log } from "./log.js";
import type { GatewayDevice } from "./options.js";
import { Retries, type RetriesOptions } from "./retries.js";
import type { Outcome, Service } from "./service.js";
import { about } from "./service-calls.js";

export interface WorkerOptions extends RetriesOptions {
  readonly database: Database;
  readonly serviceOf: (device: GatewayDevice) => Service;
  readonly log: Log;
}

/** Makes the calls that the database says are owed, at the service that each device is with. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #retries: Retries;
  #stopped = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#retries = new Retries(options);
  }

  /** Begins no further call; what is owed stays in the database. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Makes all calls that are due for a device, one after another, as long as its lease is good; those that fail are due
   * again later. Of one that is stopped by the end of the lease nothing is written down: it is another gateway's.
   *
   * @param due what is due by then, UTC milliseconds; what is new is in any case
   * @returns whether it came to the end of them
   */
  async drain(device: GatewayDevice, lease: Lease, due: number): Promise<boolean> {
    const { database, log, serviceOf } = this.#options;
    const service = serviceOf(device);
    for (const task of await database.direct.calls.due(device.serial, due)) {
      if (this.#stopped || !(await lease.secure())) return false;
      let outcome: Outcome;
      try {
        outcome = hasSlot(device, task)
          ? await service.run(device, task, lease)
          : await this.#withoutSlot(device, task);
      } catch (error) {
        if (error instanceof LeaseOver) {
          log({ level: "warn", event: "lease-lost", ...about(device, task) });
          return false;
        }
        await this.#retries.postpone(task);
        throw error;
      }
      if (outcome === "unreachable") {
        await database.direct.calls.postponeAll(device.serial, this.#retries.later(task));
        return false;
      }
    }
    return true;
  }

  /** The device's configuration has lost a slot since: it is for a person to put that right. */
  async #withoutSlot({ serial }: GatewayDevice, task: TaskRow): Promise<Outcome> {
    this.#options.log({ level: "warn", event: "task-without-slot", serial, slot: task.slot });
    await this.#retries.postpone(task);
    return "owed";
  }
}

function hasSlot(device: GatewayDevice, { kind, slot }: TaskRow): boolean {
  return kind === "deviceStatus" || kind === "deregister" || device.slots[slot] !== undefined;
}
