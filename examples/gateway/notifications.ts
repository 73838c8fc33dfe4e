import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { GatewayCounts } from "./counts.js";
import type { Database, NotificationRow } from "./database.js";
import { GatewayError, reason } from "./errors.js";
import type { Log } from "./log.js";
import type { GatewayDevice, GatewayOptions } from "./options.js";
import { applyNews, isOrderNews } from "./orders.js";
import { originOf } from "./origin.js";
import type { Work } from "./work.js";

const PATH = "/sns";
/** SNS messages have at most 256 KB; quoting a JSON text within JSON can double it. In bytes. */
const MOST_BYTES = 512 * 1024;
/** How long requests that are under way may take when the endpoint closes, in milliseconds. */
const CLOSE_MS = 2_000;

/** After these, what was known about a device's subscriptions may be wrong. */
const SUBSCRIPTION_NEWS: readonly string[] = [
  "DeviceRegisteredNotification",
  "DeviceDeregisteredNotification",
  "SubscriptionChangedNotification",
];

export interface NotificationsOptions {
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly clock: GatewayOptions["clock"];
  readonly database: Database;
  readonly work: Work;
  readonly counts: Pick<GatewayCounts, "notifications">;
  readonly log: Log;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

/** Takes order news from DRS, in SNS envelopes, over HTTP. */
export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #server: Server;

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => options.work.track(this.#serve(request, response)));
  }

  /** @throws {GatewayError} `endpoint` */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) =>
        reject(
          new GatewayError(
            "endpoint",
            `notification endpoint ${host}:${port}: cannot listen: ${reason(error)}`,
            error,
          ),
        ),
      );
      this.#server.listen(port, host, resolve);
    });
  }

  get url(): string {
    return originOf(this.#server) + PATH;
  }

  /** Takes no further requests, and resolves when those under way are answered. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    // A sender that has stopped in the middle of a request would hold the gateway open.
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_MS);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { counts, log } = this.#options;
    counts.notifications.received++;
    let status: number;
    let told: string;
    try {
      [status, told] = await this.#take(request);
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

  async #take(request: IncomingMessage): Promise<[status: number, told: string]> {
    const { log } = this.#options;
    if (request.url?.split("?")[0] !== PATH) return [404, `only ${PATH} is here`];
    if (request.method !== "POST") return [405, "only POST is accepted"];
    const body = await read(request);
    if (body === undefined) return [413, `at most ${MOST_BYTES} bytes are accepted`];
    const envelope = parse(body);
    const messageId = text(envelope, "MessageId");
    if (messageId === null) return [400, "an SNS message with a MessageId is accepted"];
    const kind = text(envelope, "Type");
    if (kind !== "Notification") {
      // Confirming means fetching a URL that the message names. As long as signatures are not checked, anyone
      // could have this gateway fetch anything, so that a person confirms.
      log({ level: "warn", event: "not-confirmed", type: kind, topic: text(envelope, "TopicArn") });
      return [200, "seen"];
    }
    const message = parse(text(envelope, "Message") ?? "");
    if (typeof message !== "object" || message === null || Array.isArray(message))
      return [400, "a Message that holds a JSON object is accepted"];
    await this.#store(notification(messageId, message, Math.floor(this.#options.clock.now())));
    return [200, "stored"];
  }

  /** Stores a notification and applies it, both or neither. */
  async #store(row: NotificationRow): Promise<void> {
    const { counts, database, devices, log } = this.#options;
    const device = row.serial === null ? undefined : devices.get(row.serial);
    const outcome = await database.transaction(async (queries) => {
      // Before anything else: a Replenish answer that is being recorded must see this notification, or be
      // seen here.
      if (device) await queries.lockDevice(device.serial);
      if (!(await queries.addNotification(row))) return "duplicates";
      if (!device) return "other";
      if (SUBSCRIPTION_NEWS.includes(row.type)) await queries.forgetSubscriptions(device.serial);
      if (!isOrderNews(row.type) || row.instanceId === null) return "other";
      let orders = await queries.ordersOfInstance(device.serial, row.instanceId);
      if (orders.length === 0) {
        const slot = device.slots.findIndex((each) => each.id === row.slotId);
        const unnamed = await queries.unnamedOrder(device.serial, slot);
        if (!unnamed) return "kept";
        await queries.answerOrder(unnamed, { instanceId: row.instanceId });
        orders = [unnamed];
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
  }
}

/** Undefined: too long. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest is read and thrown away: a sender that is still sending would not see the answer.
    if (length <= MOST_BYTES) chunks.push(chunk);
  }
  return length <= MOST_BYTES ? Buffer.concat(chunks).toString("utf8") : undefined;
}

/** What matters of DRS's JSON: unknown members are ignored, missing ones are null. */
function notification(messageId: string, message: object, receivedAt: number): NotificationRow {
  const order = member(message, "orderInfo");
  return {
    messageId,
    type: text(member(message, "notificationInfo"), "notificationType") ?? "",
    serial: text(member(member(message, "deviceInfo"), "deviceIdentifier"), "serialNumber"),
    slotId: text(order, "slotId"),
    instanceId: text(order, "instanceId"),
    deliveryAt: delivery(order),
    receivedAt,
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

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** A text member; PostgreSQL stores no NUL, so that a text with one counts as missing. */
function text(value: unknown, name: string): string | null {
  const found = member(value, name);
  return typeof found === "string" && !found.includes("\0") ? found : null;
}
