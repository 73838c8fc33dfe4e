import type { GatewayCounts } from "./counts.js";
import type { Database, Queries, TaskRow } from "./database.js";
import { type Lease, LeaseOver } from "./leases.js";
import type { Log } from "./log.js";
import type { GatewayDevice } from "./options.js";
import { giveUp } from "./orders.js";
import { Retries, type RetriesOptions } from "./retries.js";
import type { CallAnswer, Outcome, ServiceName } from "./service.js";
import type { Authorized, Tokens } from "./tokens.js";

export type Failure = Exclude<Authorized<unknown>, { kind: "done" }>;

export interface ServiceCallsOptions extends RetriesOptions {
  readonly name: ServiceName;
  readonly tokens: Tokens;
  readonly counts: Pick<GatewayCounts, `${ServiceName}${"Refused" | "Unanswered" | "Unauthorized"}`>;
  readonly log: Log;
}

/** What the calls to every service have in common: token, lease, and what follows when one comes to nothing. */
export class ServiceCalls {
  readonly #options: ServiceCallsOptions;
  readonly retries: Retries;

  constructor(options: ServiceCallsOptions) {
    this.#options = options;
    this.retries = new Retries(options);
  }

  get database(): Database {
    return this.#options.database;
  }

  get log(): Log {
    return this.#options.log;
  }

  /**
   * Makes a call with the device's token, if the lease is good when the call begins.
   *
   * @param last see {@link Tokens.call}
   * @throws {LeaseOver}
   */
  call<Value>(
    device: GatewayDevice,
    lease: Lease,
    make: (token: string) => Promise<CallAnswer<Value>>,
    last = false,
  ): Promise<Authorized<Value>> {
    const call = async (token: string) => {
      // Each time: fetching a token takes its time.
      if (!(await lease.secure())) throw new LeaseOver();
      return make(token);
    };
    return this.#options.tokens.call(device, call, last);
  }

  /** Removes a task together with what comes of it. */
  async settle(
    device: GatewayDevice,
    task: TaskRow,
    body: (queries: Queries) => Promise<void>,
  ): Promise<Outcome> {
    await this.database.transaction(async (queries) => {
      await queries.lockDevice(device.serial);
      await body(queries);
      await queries.removeTask(task.id);
    });
    return "settled";
  }

  /** Drops a task that the device owes another service: its model has moved from there. An order of it is given up. */
  async drop(device: GatewayDevice, task: TaskRow, why: string, detail?: string): Promise<Outcome> {
    this.log({ level: "warn", event: "task-of-another-service", ...about(device, task) });
    return this.settle(device, task, async (queries) => {
      if (task.kind !== "replenish" && task.kind !== "orderInfo") return;
      const order = await queries.order(device.serial, task.slot, task.cycle);
      if (order) await giveUp(queries, order, why, detail);
    });
  }

  /** Counts and logs a refusal. */
  refused(
    device: GatewayDevice,
    task: TaskRow,
    answer: { readonly status: number; readonly message: string },
  ): void {
    const { counts, log, name } = this.#options;
    counts[`${name}Refused`]++;
    log({ level: "warn", event: `${name}-refused`, ...about(device, task), ...answer });
  }

  /** @param at when the task is due again, UTC milliseconds; absent: as others that were tried in vain */
  async failed(device: GatewayDevice, task: TaskRow, answer: Failure, at?: number): Promise<Outcome> {
    const { counts, log, name } = this.#options;
    if (answer.kind === "ended") {
      // The orders were given up, and the tasks dropped, when it ended.
      await this.database.direct.removeTask(task.id);
      return "settled";
    }
    const isTokenless = answer.kind === "tokenless";
    counts[`${name}${isTokenless ? "Unauthorized" : "Unanswered"}`]++;
    const event = `${name}-${isTokenless ? "unauthorized" : "unanswered"}`;
    log({ level: "warn", event, ...about(device, task), message: answer.message });
    if (at === undefined) await this.retries.postpone(task);
    else await this.database.direct.calls.postpone(task.id, at);
    const isReachable = answer.kind === "unanswered" && answer.reachable;
    return isReachable ? "owed" : "unreachable";
  }
}

export function about(device: GatewayDevice, task: TaskRow): { serial: string; task: string; slot: number } {
  return { serial: device.serial, task: task.kind, slot: task.slot };
}
