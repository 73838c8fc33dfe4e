import type { OrderRow, StatusRow, TaskRow } from "./database.js";
import { dayAt, isoTime, startOfDay } from "./days.js";
import type { DrsClient, OrderInfo, ReplenishResult } from "./drs-client.js";
import { type Lease, LeaseOver } from "./leases.js";
import type { GatewayDevice, GatewaySlot } from "./options.js";
import { accept, advance, deliveryDay, giveUp } from "./orders.js";
import type { Redeemer } from "./redeemer.js";
import { subscribed } from "./registration.js";
import type { Outcome, Service } from "./service.js";
import { ServiceCalls, type ServiceCallsOptions } from "./service-calls.js";
import { offsetOf } from "./settings.js";
import type { Authorized } from "./tokens.js";

const IN_PROGRESS = "ORDER_INPROGRESS";

const HOUR = 3_600_000;
/** News of an order whose Replenish call may have been heard, and has no answer, is waited for so long, in milliseconds. */
const DOUBT_MS = 24 * HOUR;
/** An intent that could not even be sent for this long is given up: the device counts on other means by then. */
const WAITED_MS = 7 * 24 * HOUR;
/** Pauses between questions about an order, in milliseconds. */
const LOOK_MS = 12 * HOUR;
/** Pauses between questions about subscriptions, in milliseconds: what notifications do not tell is known a day later. */
const POLL_MS = 24 * HOUR;
/** Longest pause between attempts to redeem a code, in milliseconds: it is soon too old. */
const REDEEM_MS = 20_000;
/** What the customer has to cancel an order after it was placed, and a delivery of the notification its retries. */
const CANCELLABLE_MS = 25 * HOUR;
/** An order is placed so long after it was accepted at the latest, and cancelled a day after that. */
const PLACED_MS = 72 * HOUR;
/** The service gives 72 hours to resolve an order, and a delivery of the notification its retries. */
const RESOLUTION_MS = 73 * HOUR;
/** An order that the service calls unresolved for this long is not waited for any more. */
const UNRESOLVED_MS = 7 * 24 * HOUR;

export interface DrsServiceOptions extends Omit<ServiceCallsOptions, "name"> {
  readonly drs: DrsClient;
  readonly redeemer: Pick<Redeemer, "redeem">;
}

/** The Dash Replenishment Service: it takes orders, and is told of slots and of activity. */
export class DrsService implements Service {
  readonly name = "drs";
  readonly takesOrders = true;
  readonly statusTask = "slotStatus";
  readonly reportsActivity = true;
  readonly #options: DrsServiceOptions;
  readonly #calls: ServiceCalls;

  constructor(options: DrsServiceOptions) {
    this.#options = options;
    this.#calls = new ServiceCalls({ ...options, name: this.name });
  }

  async run(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> {
    const slot = device.slots[task.slot]!;
    switch (task.kind) {
      case "deviceStatus":
        return this.#deviceStatus(device, task, lease);
      case "deregister":
        return this.#deregister(device, task, lease);
      case "slotStatus":
        return this.#slotStatus(device, slot, task, lease);
      case "replenish":
        return this.#replenish(device, slot, task, lease);
      case "orderInfo":
        return this.#orderInfo(device, task, lease);
      case "authorize":
        return this.#authorize(device, task);
      case "subscriptions":
        return this.#subscriptions(device, task, lease);
      default:
        return this.#calls.drop(device, task, "the device is with DRS");
    }
  }

  async #slotStatus(device: GatewayDevice, slot: GatewaySlot, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { database, drs } = this.#options;
    const { serial } = device;
    const status = await database.direct.status(serial, task.slot);
    if (!status) throw new Error(`slot ${task.slot} of device "${serial}" has no status to report`);
    // One that was told before a crash is not told again, and never an older one after it.
    if (status.sequence > (await database.direct.calls.reported(serial, task.slot))) {
      const report = reportOf(status, slot, await offsetOf(database.direct, device));
      const answer = await this.#calls.call(device, lease, (token) => drs.slotStatus(token, slot.id, report));
      // A refused status is given up: the next one says everything again.
      if (answer.kind === "refused") this.#calls.refused(device, task, answer);
      else if (answer.kind !== "done") return this.#calls.failed(device, task, answer);
    }
    await database.transaction(async (queries) => {
      await queries.lockDevice(serial);
      if (await queries.calls.report(serial, task.slot, status.sequence))
        await queries.calls.again(task.id, this.#calls.retries.now());
      else await queries.removeTask(task.id);
    });
    return "settled";
  }

  async #deviceStatus(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { database, drs } = this.#options;
    const at = await database.direct.lastSeen(device.serial);
    if (at === null) throw new Error(`device "${device.serial}" has no activity to report`);
    const answer = await this.#calls.call(device, lease, (token) => drs.deviceStatus(token, isoTime(at)));
    if (answer.kind === "refused") this.#calls.refused(device, task, answer);
    else if (answer.kind !== "done") return this.#calls.failed(device, task, answer);
    await database.transaction(async (queries) => {
      await queries.reported(device.serial, dayAt(at, await offsetOf(queries, device)));
      await queries.removeTask(task.id);
    });
    return "settled";
  }

  async #replenish(device: GatewayDevice, slot: GatewaySlot, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { database, drs } = this.#options;
    const order = await database.direct.order(device.serial, task.slot, task.cycle);
    if (!order) throw new Error(`order ${task.cycle} of slot ${task.slot} of "${device.serial}" is missing`);
    // A notification has told what became of it, or the registration has ended.
    if (order.state !== "intended") return this.#calls.settle(device, task, async () => {});
    if (order.askedAt !== null) return this.#inDoubt(device, order, task, lease, order.askedAt);
    const given = await this.#hopeless(order);
    if (given !== undefined) return this.#giveUp(device, order, task, given, { lease });
    const subscribed = await this.#isSubscribed(device, slot, lease);
    if (subscribed.kind === "refused")
      return this.#giveUp(device, order, task, subscribed.message, { lease, status: subscribed.status });
    if (subscribed.kind !== "done") return this.#calls.failed(device, task, subscribed);
    if (!subscribed.value)
      return this.#giveUp(device, order, task, `slot "${slot.id}" is not subscribed`, { lease });
    let attempt: number | undefined;
    let askedAt = 0;
    const answer = await this.#calls.call(device, lease, async (token) => {
      askedAt = this.#calls.retries.now();
      // Written before the call: whatever happens within it, nobody makes another.
      attempt = await database.direct.calls.ask(order, lease.token, askedAt);
      if (attempt === undefined) throw new LeaseOver();
      if (!lease.isSafe) {
        await database.direct.calls.unask(order, lease.token);
        throw new LeaseOver();
      }
      const came = await drs.replenish(token, slot.id);
      const isNothing = came.kind === "unauthorized" || (came.kind === "unanswered" && !came.inDoubt);
      if (isNothing) await database.direct.calls.unask(order, lease.token);
      return came;
    });
    if (answer.kind === "done") return this.#accept(device, slot, order, task, attempt ?? 0, answer.value);
    // Nobody else asks for it: that is the end of it, whoever has the lease by now.
    if (answer.kind === "refused")
      return this.#giveUp(device, order, task, answer.message, { status: answer.status });
    const isInDoubt = answer.kind === "unanswered" && answer.inDoubt;
    return this.#calls.failed(device, task, answer, isInDoubt ? askedAt + DOUBT_MS : undefined);
  }

  /**
   * DRS may have the order. It is not asked again: there is no key by which it could tell the repetition, and an order that the customer has
   * cancelled meanwhile would be placed anew. What notifications do not tell in time is not known.
   */
  async #inDoubt(
    device: GatewayDevice,
    order: OrderRow,
    task: TaskRow,
    lease: Lease,
    askedAt: number,
  ): Promise<Outcome> {
    const { retries } = this.#calls;
    if (retries.now() - askedAt >= DOUBT_MS)
      return this.#giveUp(device, order, task, "no answer to Replenish, and no news within 24 hours", {
        lease,
      });
    await this.#options.database.direct.calls.postpone(task.id, askedAt + DOUBT_MS);
    return "owed";
  }

  /** Why an order that DRS was not asked for is not to be called for any more. */
  async #hopeless(order: OrderRow): Promise<string | undefined> {
    if (this.#calls.retries.now() - order.receivedAt >= WAITED_MS)
      return "no call to DRS was possible for 7 days";
    const newest = await this.#options.database.direct.calls.newestCycle(order);
    return newest > order.cycle ? `cycle ${newest} has taken its place` : undefined;
  }

  /**
   * Asked before every order, also of a slot that is known to be subscribed: whatever keeps DRS from answering keeps the order from being asked
   * for, so that its answer is hardly ever lost.
   */
  async #isSubscribed(device: GatewayDevice, slot: GatewaySlot, lease: Lease): Promise<Authorized<boolean>> {
    const answer = await this.#calls.call(device, lease, (token) =>
      this.#options.drs.subscriptionInfo(token),
    );
    if (answer.kind !== "done") return answer;
    await this.#subscribed(device, answer.value);
    return { kind: "done", value: answer.value.includes(slot.id) };
  }

  #subscribed(device: GatewayDevice, slotIds: readonly string[]): Promise<void> {
    return this.#options.database.transaction(async (queries) => {
      await queries.lockDevice(device.serial);
      await subscribed(queries, device, slotIds);
    });
  }

  async #subscriptions(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { database, drs } = this.#options;
    // Before the call: what a notification asks for meanwhile is asked after it.
    await database.direct.calls.again(task.id, this.#calls.retries.now() + POLL_MS);
    const answer = await this.#calls.call(device, lease, (token) => drs.subscriptionInfo(token));
    if (answer.kind === "refused") this.#calls.refused(device, task, answer);
    else if (answer.kind !== "done") return this.#calls.failed(device, task, answer);
    else await this.#subscribed(device, answer.value);
    return "settled";
  }

  async #authorize(device: GatewayDevice, task: TaskRow): Promise<Outcome> {
    const { database, redeemer } = this.#options;
    if (!(await redeemer.redeem(device))) {
      const { retries } = this.#calls;
      await retries.postpone(task, retries.now() + REDEEM_MS);
      return "owed";
    }
    await database.direct.removeTask(task.id);
    return "settled";
  }

  async #accept(
    device: GatewayDevice,
    slot: GatewaySlot,
    order: OrderRow,
    task: TaskRow,
    attempt: number,
    result: ReplenishResult,
  ): Promise<Outcome> {
    await this.#calls.settle(device, task, async (queries) => {
      const current = await queries.order(order.serial, order.slot, order.cycle);
      const named = current?.instanceId ?? undefined;
      const instanceId = result.instanceId ?? named ?? (await queries.orphanInstance(order, slot.id));
      await accept(
        queries,
        device,
        current ?? order,
        { instanceId, detail: result.detailCode },
        this.#calls.retries.now(),
      );
    });
    this.#options.log({
      // On the first attempt, it is another cycle's order that is still out.
      level: result.detailCode === IN_PROGRESS ? "warn" : "info",
      event: "order-accepted",
      ...name(order),
      attempt,
      detail: result.detailCode,
      instanceId: result.instanceId,
    });
    return "settled";
  }

  /** Asks what became of an order, as long as that matters: notifications can get lost. */
  async #orderInfo(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { database, drs } = this.#options;
    const order = await database.direct.order(device.serial, task.slot, task.cycle);
    if (!order || isSettled(order)) return this.#calls.settle(device, task, async () => {});
    const now = this.#calls.retries.now();
    const acceptedAt = order.acceptedAt ?? now;
    if (order.state === "placed" && now < acceptedAt + CANCELLABLE_MS) {
      await database.direct.calls.again(task.id, acceptedAt + CANCELLABLE_MS);
      return "settled";
    }
    const { instanceId } = order;
    let info: OrderInfo | undefined;
    if (instanceId !== null) {
      const answer = await this.#calls.call(device, lease, (token) => drs.orderInfo(token, instanceId));
      if (answer.kind === "done") info = answer.value;
      else if (answer.kind === "refused") this.#calls.refused(device, task, answer);
      else if (answer.kind !== "unanswered" || now - acceptedAt < patience(order))
        return this.#calls.failed(device, task, answer);
    }
    const outcome = await database.transaction(async (queries) => {
      await queries.lockDevice(device.serial);
      // As it is now: a notification may have come during the call.
      const current = (await queries.order(order.serial, order.slot, order.cycle)) ?? order;
      if (info && info.state !== "open") {
        const day = deliveryDay(info.deliveryAt, await offsetOf(queries, device));
        if (info.state === "unknown") await giveUp(queries, current, "DRS says that the order is in error");
        else await advance(queries, current, info.state, info.state === "cancelled" ? 0 : day);
      }
      const why = unheard(current, now - acceptedAt);
      if (why !== undefined) await giveUp(queries, current, why);
      const isPlaced = current.state === "placed";
      const first = acceptedAt + CANCELLABLE_MS;
      const next = isPlaced ? (now < first ? first : now + 24 * HOUR) : now + LOOK_MS;
      if (isSettled(current) || (isPlaced && now >= acceptedAt + PLACED_MS + CANCELLABLE_MS))
        await queries.removeTask(task.id);
      else await queries.calls.again(task.id, next);
      return current.state;
    });
    this.#options.log({
      level: "info",
      event: "order-info",
      ...name(order),
      told: info?.state,
      state: outcome,
    });
    return "settled";
  }

  /** The last call for a device. */
  async #deregister(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { database, drs, redeemer } = this.#options;
    const row = await database.direct.registrations.of(device.serial);
    const isCodeLeft = row?.state === "unregistered" && row.code !== null;
    if (isCodeLeft && !(await redeemer.redeem(device))) {
      const { retries } = this.#calls;
      await retries.postpone(task, retries.now() + REDEEM_MS);
      return "owed";
    }
    const answer = await this.#calls.call(device, lease, (token) => drs.deregister(token), true);
    if (answer.kind === "refused") {
      this.#calls.refused(device, task, answer);
      await this.#calls.retries.postpone(task);
      return "owed";
    }
    // Its tokens die with the registration: on a repetition, none that is good means that it is done.
    if (answer.kind !== "done" && answer.kind !== "ended") return this.#calls.failed(device, task, answer);
    await this.#calls.settle(device, task, async (queries) => {
      // Unless it was registered again meanwhile.
      if ((await queries.grants.ended(device.serial)) !== null) await queries.grants.forget(device.serial);
    });
    this.#options.log({ level: "info", event: "deregistered", serial: device.serial });
    return "settled";
  }

  /**
   * @param order as the answer leaves it: DRS was not asked for it, or may have it
   * @param why.lease absent: DRS itself has refused the order
   */
  async #giveUp(
    device: GatewayDevice,
    order: OrderRow,
    task: TaskRow,
    message: string,
    { lease, status }: { readonly lease?: Lease; readonly status?: number },
  ): Promise<Outcome> {
    const { counts, log } = this.#options;
    if (status !== undefined) counts.drsRefused++;
    await this.#calls.settle(device, task, async (queries) => {
      // Whoever has the lease since may be asking for it at this moment.
      if (lease && !(await queries.calls.isHeld(device.serial, lease.token))) throw new LeaseOver();
      // As it is now: a notification may have told more.
      const current = await queries.order(order.serial, order.slot, order.cycle);
      if (current?.state !== "intended") return;
      await giveUp(queries, { ...current, askedAt: order.askedAt }, message);
    });
    const event = order.askedAt === null ? "order-rejected" : "order-unknown";
    log({ level: "warn", event, ...name(order), status, message });
    return "settled";
  }
}

function reportOf(status: StatusRow, slot: GatewaySlot, offset: number) {
  return {
    expectedReplenishmentDate: isoTime(startOfDay(status.day + status.runOut, offset)),
    remainingQuantityInUnit: status.remaining / slot.stepsPerUnit,
    originalQuantityInUnit: slot.capacity / slot.stepsPerUnit,
    totalQuantityOnHand: status.onHand / slot.stepsPerUnit,
    lastUseDate: isoTime(startOfDay(status.day - status.idle, offset)),
  };
}

/** Whether nothing that DRS could say of an order matters any more. */
function isSettled({ state }: OrderRow): boolean {
  return state !== "intended" && state !== "accepted" && state !== "resolution" && state !== "placed";
}

/** How long after it was accepted news of an order is waited for, in milliseconds. */
function patience({ state }: OrderRow): number {
  return state === "resolution" ? UNRESOLVED_MS : RESOLUTION_MS;
}

/** Why an order is not waited for any more. @param age milliseconds since it was accepted */
function unheard(order: OrderRow, age: number): string | undefined {
  if ((order.state !== "accepted" && order.state !== "resolution") || age < patience(order)) return undefined;
  return order.state === "resolution"
    ? "DRS has called the order unresolved for 7 days"
    : "neither placed nor cancelled within 72 hours";
}

function name(order: OrderRow): { serial: string; slot: number; cycle: number } {
  return { serial: order.serial, slot: order.slot, cycle: order.cycle };
}
