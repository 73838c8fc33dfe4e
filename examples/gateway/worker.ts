import type { GatewayCounts } from "./counts.js";
import type { Database, OrderRow, TaskRow } from "./database.js";
import { dayAt, isoTime, startOfDay } from "./days.js";
import type { DrsAnswer, DrsClient, ReplenishResult } from "./drs-client.js";
import type { Lease } from "./leases.js";
import type { Log } from "./log.js";
import type { GatewayDevice, GatewaySlot } from "./options.js";
import { advance, applyNews } from "./orders.js";

const IN_PROGRESS = "ORDER_INPROGRESS";

/**
 * What became of a task: `owed` tasks stay for the next drain; after `unreachable` the rest would fail alike.
 */
type Outcome = "settled" | "owed" | "unreachable";

export interface WorkerOptions {
  readonly database: Database;
  readonly drs: DrsClient;
  readonly counts: Pick<GatewayCounts, "drsRefused" | "drsUnanswered">;
  readonly log: Log;
}

/** Makes the calls to DRS that the database says are owed. */
export class Worker {
  readonly #database: Database;
  readonly #drs: DrsClient;
  readonly #counts: Pick<GatewayCounts, "drsRefused" | "drsUnanswered">;
  readonly #log: Log;
  #stopped = false;

  constructor(options: WorkerOptions) {
    this.#database = options.database;
    this.#drs = options.drs;
    this.#counts = options.counts;
    this.#log = options.log;
  }

  /** Begins no further call; what is owed stays in the database. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Makes the calls that are owed for a device, one after another, as long as its lease is good.
   *
   * @param after only tasks with a higher id
   * @returns the highest id of those that it came to; undefined: to go on now would be in vain
   */
  async drain(device: GatewayDevice, lease: Lease, after: number): Promise<number | undefined> {
    for (const task of await this.#database.direct.tasks(device.serial, after)) {
      if (this.#stopped || !(await lease.secure())) return undefined;
      if ((await this.#run(device, task, lease)) === "unreachable") return undefined;
      after = Math.max(after, task.id);
    }
    return after;
  }

  #run(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> | Outcome {
    if (task.kind === "deviceStatus") return this.#deviceStatus(device, task);
    const slot = device.slots[task.slot];
    if (!slot) {
      // The device's configuration has lost a slot since: it is for a person to put that right.
      this.#log({ level: "warn", event: "task-without-slot", serial: device.serial, slot: task.slot });
      return "owed";
    }
    return task.kind === "slotStatus"
      ? this.#slotStatus(device, slot, task)
      : this.#replenish(device, slot, task, lease);
  }

  async #slotStatus(device: GatewayDevice, slot: GatewaySlot, task: TaskRow): Promise<Outcome> {
    const status = await this.#database.direct.status(device.serial, task.slot);
    if (!status) throw new Error(`slot ${task.slot} of device "${device.serial}" has no status to report`);
    const offset = device.utcOffsetMinutes;
    const answer = await this.#drs.slotStatus(device.accessToken, slot.id, {
      expectedReplenishmentDate: isoTime(startOfDay(status.day + status.runOut, offset)),
      remainingQuantityInUnit: status.remaining / slot.stepsPerUnit,
      originalQuantityInUnit: slot.capacity / slot.stepsPerUnit,
      totalQuantityOnHand: status.onHand / slot.stepsPerUnit,
      lastUseDate: isoTime(startOfDay(status.day - status.idle, offset)),
    });
    if (answer.kind === "unanswered") return this.#unanswered(device, task, answer);
    // A refused status is given up: the next one says everything again.
    if (answer.kind === "refused") this.#refused(device, task, answer);
    await this.#database.direct.removeTask(task.id);
    return "settled";
  }

  async #deviceStatus(device: GatewayDevice, task: TaskRow): Promise<Outcome> {
    const at = await this.#database.direct.lastSeen(device.serial);
    if (at === null) throw new Error(`device "${device.serial}" has no activity to report`);
    const answer = await this.#drs.deviceStatus(device.accessToken, isoTime(at));
    if (answer.kind === "unanswered") return this.#unanswered(device, task, answer);
    if (answer.kind === "refused") this.#refused(device, task, answer);
    await this.#database.transaction(async (queries) => {
      await queries.reported(device.serial, dayAt(at, device.utcOffsetMinutes));
      await queries.removeTask(task.id);
    });
    return "settled";
  }

  async #replenish(device: GatewayDevice, slot: GatewaySlot, task: TaskRow, lease: Lease): Promise<Outcome> {
    const order = await this.#database.direct.order(device.serial, task.slot, task.cycle);
    if (!order) throw new Error(`order ${task.cycle} of slot ${task.slot} of "${device.serial}" is missing`);
    const subscribed = await this.#isSubscribed(device, slot);
    if (subscribed.kind === "unanswered") return this.#unanswered(device, task, subscribed);
    if (subscribed.kind === "refused") return this.#reject(device, order, task, subscribed);
    if (!subscribed.value)
      return this.#reject(device, order, task, { message: `slot "${slot.id}" is not subscribed` });
    // Counted before the call: after a crash within it, the next call is known to be a repetition.
    const attempt = await this.#database.direct.attempt(order, lease.token);
    if (attempt === undefined || !lease.isSafe) {
      this.#log({ level: "warn", event: "lease-lost", ...name(order), attempt });
      return "unreachable";
    }
    const answer = await this.#drs.replenish(device.accessToken, slot.id);
    if (answer.kind === "unanswered") return this.#unanswered(device, task, answer);
    if (answer.kind === "refused") return this.#reject(device, order, task, answer);
    return this.#accept(device, slot, order, task, attempt, answer.value);
  }

  /** Only a yes is remembered: after a no, the customer may subscribe at any moment. */
  async #isSubscribed(device: GatewayDevice, slot: GatewaySlot): Promise<DrsAnswer<boolean>> {
    if (await this.#database.direct.isSubscribed(device.serial, slot.id))
      return { kind: "done", value: true };
    const answer = await this.#drs.subscriptionInfo(device.accessToken);
    if (answer.kind !== "done") return answer;
    await this.#database.transaction(async (queries) => {
      for (const id of answer.value) await queries.addSubscription(device.serial, id);
    });
    return { kind: "done", value: answer.value.includes(slot.id) };
  }

  async #accept(
    device: GatewayDevice,
    slot: GatewaySlot,
    order: OrderRow,
    task: TaskRow,
    attempt: number,
    result: ReplenishResult,
  ): Promise<Outcome> {
    await this.#database.transaction(async (queries) => {
      await queries.lockDevice(device.serial);
      // As it is now: a notification may have moved it on since.
      order = (await queries.order(order.serial, order.slot, order.cycle)) ?? order;
      const instanceId = result.instanceId ?? (await queries.orphanInstance(order, slot.id));
      await queries.answerOrder(order, { instanceId, detail: result.detailCode });
      await advance(queries, order, "accepted");
      // Notifications can overtake the answer, and an order that two cycles share has had its earlier ones
      // already.
      if (instanceId !== undefined)
        for (const news of await queries.notificationsOfInstance(device.serial, instanceId))
          await applyNews(queries, device, order, news);
      await queries.removeTask(task.id);
    });
    this.#log({
      // On the first attempt, it is another cycle's order that is still out.
      level: result.detailCode === IN_PROGRESS && attempt === 1 ? "warn" : "info",
      event: "order-accepted",
      ...name(order),
      attempt,
      detail: result.detailCode,
      instanceId: result.instanceId,
    });
    return "settled";
  }

  async #reject(
    device: GatewayDevice,
    order: OrderRow,
    task: TaskRow,
    answer: { readonly message: string; readonly status?: number },
  ): Promise<Outcome> {
    if (answer.status !== undefined) this.#counts.drsRefused++;
    await this.#database.transaction(async (queries) => {
      await queries.lockDevice(device.serial);
      order = (await queries.order(order.serial, order.slot, order.cycle)) ?? order;
      // The same order was taken already: this is the late answer of a gateway that was replaced.
      if (order.instanceId !== null) return;
      await queries.answerOrder(order, { message: answer.message });
      await advance(queries, order, "rejected");
      // What was known about subscriptions may be the mistake.
      await queries.forgetSubscriptions(device.serial);
      await queries.removeTask(task.id);
    });
    this.#log({
      level: "warn",
      event: "order-rejected",
      ...name(order),
      status: answer.status,
      message: answer.message,
    });
    return "settled";
  }

  #refused(device: GatewayDevice, task: TaskRow, answer: DrsAnswer<unknown> & { kind: "refused" }): void {
    this.#counts.drsRefused++;
    this.#log({
      level: "warn",
      event: "drs-refused",
      serial: device.serial,
      task: task.kind,
      slot: task.slot,
      status: answer.status,
      message: answer.message,
    });
  }

  #unanswered(
    device: GatewayDevice,
    task: TaskRow,
    answer: DrsAnswer<unknown> & { kind: "unanswered" },
  ): Outcome {
    this.#counts.drsUnanswered++;
    this.#log({
      level: "warn",
      event: "drs-unanswered",
      serial: device.serial,
      task: task.kind,
      slot: task.slot,
      message: answer.message,
    });
    return answer.reachable ? "owed" : "unreachable";
  }
}

function name(order: OrderRow): { serial: string; slot: number; cycle: number } {
  return { serial: order.serial, slot: order.slot, cycle: order.cycle };
}
