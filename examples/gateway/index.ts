import { Socket } from "node:net";
import { upTopic } from "everfull";
import { connectAsync, type MqttClient } from "mqtt";
import { type GatewayCounts, noCounts } from "./counts.js";
import { Database, type HealthRow, type OrderRow, type SettingsRow, type StatusRow } from "./database.js";
import type { ImageRow } from "./database-images.js";
import { DrsClient } from "./drs-client.js";
import { GatewayError, reason } from "./errors.js";
import { enterImage } from "./images.js";
import type { Log } from "./log.js";
import { Notifications } from "./notifications.js";
import { checkOptions, type GatewayOptions, withoutUser } from "./options.js";
import { enterSettings, type SettingsEntry } from "./settings.js";
import { UP_FILTER, Uplink } from "./uplink.js";
import { Work } from "./work.js";
import { Worker } from "./worker.js";

export type { DrsOperation, GatewayCounts, RefusalReason } from "./counts.js";
export type { HealthRow, OrderRow, OrderRowState, SettingsRow, StatusRow } from "./database.js";
export type { ImageRow } from "./database-images.js";
export { GatewayError, type GatewayErrorCode } from "./errors.js";
export type { GatewayLogEntry } from "./log.js";
export type { GatewayDevice, GatewayHooks, GatewayOptions, GatewaySlot } from "./options.js";
export type { SettingsEntry, SlotEntry } from "./settings.js";

/** Longest wait for the broker: to connect, or to take a message. In milliseconds. */
const BROKER_MS = 30_000;
/** Pause before connecting again after the broker is lost, in milliseconds. */
const RECONNECT_MS = 1_000;

export interface Gateway {
  /** Where DRS's notifications are to be posted to. */
  readonly notificationUrl: string;
  /** A copy of the counts as they are now. */
  readonly counts: GatewayCounts;
  /** The newest status of each slot, of one device or of all. */
  statuses(serial?: string): Promise<StatusRow[]>;
  /** All orders, of one device or of all. */
  orders(serial?: string): Promise<OrderRow[]>;
  /** The newest health record of each device, of one or of all. */
  health(serial?: string): Promise<HealthRow[]>;
  /** The last health record of each day of a device, oldest first. */
  healthDays(serial: string): Promise<HealthRow[]>;
  /**
   * Enters settings for a device. They go down with every answer to it until it has told what became of them.
   *
   * @returns their number; see {@link settings}
   * @throws {GatewayError} `settings`: nothing is entered
   */
  setSettings(serial: string, entry: SettingsEntry): Promise<number>;
  /** Everything that was ever entered, with its times and what became of it, of one device or of all. */
  settings(serial?: string): Promise<SettingsRow[]>;
  /**
   * Offers a device an image of its firmware: `description` as `everfull image-sign` writes it.
   *
   * @returns the entry's number; see {@link images}
   * @throws {GatewayError} `image`: nothing is entered
   */
  offerImage(serial: string, description: Uint8Array): Promise<number>;
  /** Every image that was ever offered, and what became of the offer, of one device or of all. */
  images(serial?: string): Promise<ImageRow[]>;
  /** Resolves when nothing is being worked on. */
  idle(): Promise<void>;
  /**
   * Finishes what it is working on; calls to DRS that have not begun stay owed. Further calls change nothing.
   */
  close(): Promise<void>;
}

/**
 * Resolves once it is subscribed at the broker and listens for notifications. Calls to DRS that an earlier
 * run left owed are made before the first new message of the same device.
 *
 * @throws {GatewayError} `options`, `database`, `endpoint` or `broker`; nothing is left open
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  checkOptions(options);
  const { clock, hooks = {}, log = () => {}, host = "127.0.0.1", port = 0 } = options;
  const devices = new Map(options.devices.map((device) => [device.serial, device]));
  const counts = noCounts();
  const work = new Work();
  /** What closing consists of, in reverse. */
  const closing: (() => unknown)[] = [];
  const closeAll = async () => {
    for (let step = closing.pop(); step; step = closing.pop()) await step();
  };

  try {
    const database = await Database.open(options.database);
    closing.push(() => database.close());
    for (const serial of devices.keys()) await database.direct.addDevice(serial);

    const client = await connect(options.broker);
    // A regular end would wait for ever for a message that the broker does not take.
    closing.push(() => client.endAsync(!client.connected || counts.unpublished > 0));
    closing.push(() => work.idle());
    watch(client, options.broker, log);

    const notifications = new Notifications({ devices, clock, database, work, counts, log, host, port });
    await notifications.listen();
    closing.push(() => notifications.close());
    const notificationUrl = notifications.url;

    const drs = new DrsClient({ base: options.drs, counts });
    const worker = new Worker({ database, drs, counts, log });
    closing.push(() => worker.stop());
    const publish = async (topic: string, payload: Uint8Array) => {
      const { buffer, byteOffset, length } = payload;
      const taken = client.publishAsync(topic, Buffer.from(buffer, byteOffset, length), { qos: 1 });
      await within(BROKER_MS, taken);
    };
    const uplink = new Uplink({ devices, clock, database, worker, publish, counts, hooks, log });
    client.on("message", (topic, { buffer, byteOffset, length }) => {
      const payload = new Uint8Array(buffer, byteOffset, length);
      work.enqueue(topic, () => uplink.handle(topic, payload));
    });

    for (const device of devices.values())
      work.enqueue(upTopic(device.serial), async () => {
        try {
          await worker.drain(device);
        } catch (error) {
          log({ level: "error", event: "drain-failed", serial: device.serial, message: reason(error) });
        }
      });
    await subscribe(client, options.broker);
    closing.push(async () => {
      // Without a connection there is nothing to unsubscribe from.
      if (client.connected) await within(BROKER_MS, client.unsubscribeAsync(UP_FILTER)).catch(() => {});
    });
    log({ level: "info", event: "started", broker: withoutUser(options.broker), notificationUrl });

    let closed: Promise<void> | undefined;
    return {
      notificationUrl,
      get counts() {
        return structuredClone(counts);
      },
      statuses: (serial) => database.direct.statuses(serial),
      orders: (serial) => database.direct.orders(serial),
      health: (serial) => database.direct.health(serial),
      healthDays: (serial) => database.direct.healthDays(serial),
      setSettings: async (serial, entry) => {
        const device = devices.get(serial);
        if (!device) throw new GatewayError("settings", `device "${serial}" is not registered`);
        const number = await enterSettings(database, device, entry, Math.floor(clock.now()));
        log({ level: "info", event: "settings-entered", serial, number });
        return number;
      },
      settings: (serial) => database.direct.settings(serial),
      offerImage: async (serial, description) => {
        if (!devices.has(serial)) throw new GatewayError("image", `device "${serial}" is not registered`);
        const now = Math.floor(clock.now());
        const number = await database.transaction((queries) => enterImage(queries, serial, description, now));
        log({ level: "info", event: "image-entered", serial, number });
        return number;
      },
      images: (serial) => database.direct.images.list(serial),
      idle: () => work.idle(),
      close: () => {
        closed ??= closeAll();
        return closed;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function connect(broker: string): Promise<MqttClient> {
  const options = {
    protocolVersion: 4 as const,
    // What is lost while the gateway is away, devices repeat: a session at the broker would only pile it up.
    clean: true,
    connectTimeout: BROKER_MS,
    reconnectPeriod: RECONNECT_MS,
    // Done here instead, so that it is known when it is done, and when it fails.
    resubscribe: false,
  };
  try {
    return await connectAsync(broker, options, false);
  } catch (error) {
    throw new GatewayError(
      "broker",
      `broker ${withoutUser(broker)}: cannot connect: ${reason(error)}`,
      error,
    );
  }
}

async function subscribe(client: MqttClient, broker: string): Promise<void> {
  try {
    await within(BROKER_MS, client.subscribeAsync(UP_FILTER, { qos: 1 }));
  } catch (error) {
    throw new GatewayError(
      "broker",
      `broker ${withoutUser(broker)}: cannot subscribe to ${UP_FILTER}: ${reason(error)}`,
      error,
    );
  }
}

/** After the broker was lost, subscribes again; connecting again is the client's own business. */
function watch(client: MqttClient, broker: string, log: Log): void {
  let lost = false;
  sendAtOnce(client);
  client.on("close", () => {
    // Every failed attempt to connect again closes too.
    if (!lost && !client.disconnecting) log({ level: "warn", event: "broker-lost" });
    lost = true;
  });
  client.on("connect", () => {
    sendAtOnce(client);
    subscribe(client, broker).then(
      () => {
        lost = false;
        log({ level: "info", event: "broker-back" });
      },
      (error) => log({ level: "error", event: "broker-error", message: reason(error) }),
    );
  });
  client.on("error", (error) => log({ level: "warn", event: "broker-error", message: reason(error) }));
}

/**
 * The client confirms a message, and then publishes the answer: with Nagle's algorithm on, TCP holds the
 * second back until the broker's system has acknowledged the first, which takes it 40 ms. Every connection
 * has a new stream.
 */
function sendAtOnce(client: MqttClient): void {
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
}

/** What `promise` resolves to, unless that takes longer than `milliseconds`. */
async function within<Value>(milliseconds: number, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
