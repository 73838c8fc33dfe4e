import type { IncomingMessage, ServerResponse } from "node:http";
import type { GatewayCounts } from "./counts.js";
import type { Database, NotificationRow, Queries } from "./database.js";
import { bodyOf, Endpoint } from "./endpoint.js";
import { reason } from "./errors.js";
import { member, parse, text } from "./json.js";
import type { Log } from "./log.js";
import type { GatewayDevice, GatewayOptions } from "./options.js";
import { accept, applyNews, isOrderNews } from "./orders.js";
import { endRegistration, isFollowed } from "./registration.js";
import { type Sns, SnsError, type SnsMessage } from "./sns.js";
import type { Work } from "./work.js";

const PATH = "/sns";
/** SNS messages have at most 256 KB; quoting a JSON text within JSON can double it. In bytes. */
const MOST_BYTES = 512 * 1024;
/** How long requests that are under way may take when the endpoint closes, in milliseconds. */
const CLOSE_MS = 2_000;

const REGISTERED = "DeviceRegisteredNotification";
const DEREGISTERED = "DeviceDeregisteredNotification";
const CHANGED = "SubscriptionChangedNotification";
/** After these, what was known about a device's subscriptions may be wrong. */
const SUBSCRIPTION_NEWS: readonly string[] = [REGISTERED, DEREGISTERED, CHANGED];

export interface NotificationsOptions {
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly clock: Pick<NonNullable<GatewayOptions["clock"]>, "now">;
  /** Absent: nothing is taken. */
  readonly sns: Sns | undefined;
  readonly database: Database;
  readonly work: Work;
  readonly counts: Pick<GatewayCounts, "notifications">;
  readonly log: Log;
  /** To be called when what is owed has changed. Never rejects. */
  readonly wake: () => Promise<void>;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

/** What DRS says in one notification. */
interface News extends NotificationRow {
  /** When DRS sent it, UTC milliseconds. */
  readonly sentAt: number | null;
}

/** Takes news from DRS, in signed SNS messages, over HTTP. */
export class Notifications extends Endpoint {
  /** Confirmations under way, by MessageId. */
  readonly #confirming = new Map<string, Promise<void>>();
  readonly #options: NotificationsOptions;

  constructor(options: NotificationsOptions) {
    const { host, port, work } = options;
    super({
      name: "notification",
      host,
      port,
      patience: CLOSE_MS,
      handle: (request, response) => work.track(this.#serve(request, response)),
    });
    this.#options = options;
  }

  override get url(): string {
    return super.url + PATH;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { counts, log } = this.#options;
    counts.notifications.received++;
    let status: number;
    let told: string;
    try {
      [status, told] = await this.#request(request);
    } catch (error) {
      // SNS repeats a delivery that was answered with a 5xx.
      [status, told] = [500, "not stored"];
      log({ level: "error", event: "notification-failed", message: reason(error) });
    }
    if (status >= 400 && status < 500) {
      counts.notifications.refused++;
      log({ level: "warn", event: "notification-refused", status, message: told });
    }
    response.writeHead(status, { "content-type": "text/plain" });
    response.end(`${told}\n`);
  }

  /**
   * Stores and applies what DRS says, once per MessageId.
   *
   * @param message DRS's JSON, of a message that was checked
   */
  take(messageId: string, message: object): Promise<void> {
    return this.#store(notification(messageId, message, Math.floor(this.#options.clock.now())));
  }

  async #request(request: IncomingMessage): Promise<[status: number, told: string]> {
    const { log } = this.#options;
    if (request.url?.split("?")[0] !== PATH) return [404, `only ${PATH} is here`];
    if (request.method !== "POST") return [405, "only POST is accepted"];
    const body = await bodyOf(request, MOST_BYTES);
    if (body === undefined) return [413, `at most ${MOST_BYTES} bytes are accepted`];
    const { sns } = this.#options;
    if (!sns) return [403, "no topic is accepted"];
    const envelope = parse(body);
    if (typeof envelope !== "object" || envelope === null) return [400, "an SNS message is accepted"];
    let checked: SnsMessage;
    try {
      checked = await sns.check(envelope);
      if (checked.type === "SubscriptionConfirmation") await this.#confirmOnce(sns, checked);
    } catch (error) {
      if (error instanceof SnsError) return [403, error.message];
      throw error;
    }
    if (checked.type !== "Notification") {
      if (checked.type === "UnsubscribeConfirmation")
        log({ level: "warn", event: "unsubscribed", topic: checked.topicArn });
      return [200, "seen"];
    }
    const message = parse(checked.message);
    if (typeof message !== "object" || message === null || Array.isArray(message))
      return [400, "a Message that holds a JSON object is accepted"];
    await this.take(checked.messageId, message);
    return [200, "stored"];
  }

  /** Confirms a subscription, unless that was done for the same message. */
  #confirmOnce(sns: Sns, message: SnsMessage): Promise<void> {
    const { messageId } = message;
    const under = this.#confirming.get(messageId);
    if (under) return under;
    const confirmed = this.#confirm(sns, message).finally(() => this.#confirming.delete(messageId));
    this.#confirming.set(messageId, confirmed);
    return confirmed;
  }

  async #confirm(sns: Sns, message: SnsMessage): Promise<void> {
    const { clock, counts, database, log } = this.#options;
    const { messageId, topicArn, type } = message;
    if (await database.direct.hasNotification(messageId)) {
      counts.notifications.duplicates++;
      return;
    }
    const subscription = await sns.confirm(message);
    // Only now: a confirmation that failed is welcome again.
    await database.direct.addNotification({
      messageId,
      type,
      serial: null,
      slotId: null,
      instanceId: null,
      deliveryAt: null,
      receivedAt: Math.floor(clock.now()),
    });
    counts.notifications.confirmed++;
    log({ level: "info", event: "subscription-confirmed", topic: topicArn, subscription });
  }

  /** Stores a notification and applies it, both or neither. */
  async #store(row: News): Promise<void> {
    const { counts, database, devices, log } = this.#options;
    const device = row.serial === null ? undefined : devices.get(row.serial);
    const outcome = await database.transaction(async (queries) => {
      // Before anything else: a Replenish answer that is being recorded must see this notification, or be
      // seen here.
      if (device) await queries.lockDevice(device.serial);
      if (!(await queries.addNotification(row))) return "duplicates";
      if (!device) return "other";
      // Asked for and not taken from the notification: another may have overtaken it.
      const isAsked = row.type === REGISTERED || row.type === CHANGED;
      if (isAsked && (await isFollowed(queries, device.serial)))
        await queries.calls.poll(device.serial, row.receivedAt);
      if (row.type === REGISTERED)
        await queries.grants.registered(device.serial, row.sentAt ?? row.receivedAt);
      if (row.type === DEREGISTERED) return (await this.#end(queries, device, row)) ? "applied" : "other";
      if (!isOrderNews(row.type) || row.instanceId === null) return "other";
      const orders = await queries.ordersOfInstance(device.serial, row.instanceId);
      if (orders.length === 0) {
        const slot = device.slots.findIndex((each) => each.id === row.slotId);
        const unnamed = await queries.unnamedOrder(device.serial, slot);
        if (!unnamed) return "kept";
        // DRS has it: its answer was lost, or did not say so.
        await accept(queries, device, unnamed, { instanceId: row.instanceId }, row.receivedAt);
        return "applied";
      }
      let applied = false;
      for (const order of orders) if (await applyNews(queries, device, order, row)) applied = true;
      return applied ? "applied" : "other";
    });
    counts.notifications[outcome]++;
    log({
      level: device ? "info" : "warn",
      event: "notification",
      outcome,
      type: row.type,
      serial: row.serial,
      slotId: row.slotId,
      instanceId: row.instanceId,
    });
    if (device && SUBSCRIPTION_NEWS.includes(row.type)) await this.#options.wake();
  }

  /** False: the device has been registered again since, or the next customer has agreed to that. */
  async #end(queries: Queries, device: GatewayDevice, row: News): Promise<boolean> {
    const registeredAt = await queries.grants.registeredAt(device.serial);
    const registration = await queries.registrations.of(device.serial);
    const agreedAt = registration?.state === "pending" ? registration.askedAt : null;
    if (row.sentAt !== null)
      // Of the same moment: a login by another customer takes the device away from the one before.
      for (const since of [registeredAt, agreedAt]) if (since !== null && row.sentAt <= since) return false;
    await endRegistration(queries, device.serial, "the device was deregistered");
    // If it was the gateway that did it, this tells that it has succeeded.
    await queries.calls.dropDeregistration(device.serial);
    await queries.grants.forget(device.serial);
    return true;
  }
}

/** What matters of DRS's JSON: unknown members are ignored, missing ones are null. */
function notification(messageId: string, message: object, receivedAt: number): News {
  const info = member(message, "notificationInfo");
  const order = member(message, "orderInfo");
  const sentAt = Date.parse(text(info, "notificationTime") ?? "");
  return {
    messageId,
    type: text(info, "notificationType") ?? "",
    serial: text(member(member(message, "deviceInfo"), "deviceIdentifier"), "serialNumber"),
    slotId: text(order, "slotId"),
    instanceId: text(order, "instanceId"),
    deliveryAt: delivery(order),
    receivedAt,
    sentAt: Number.isNaN(sentAt) ? null : sentAt,
  };
}

/** When the last product is expected: version 2 has a date per product, version 1 has one per order. */
function delivery(order: unknown): number | null {
  const products = member(order, "productInfo");
  const dates = [order, ...(Array.isArray(products) ? products : [])]
    .map((each) => Date.parse(text(each, "estimatedDeliveryDate") ?? ""))
    .filter((instant) => !Number.isNaN(instant));
  return dates.length > 0 ? Math.max(...dates) : null;
}
