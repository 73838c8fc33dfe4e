import type { Socket } from "node:net";
import mqtt from "mqtt";
import { PACKET } from "../../sdk/index.js";
import type { Activity } from "./virtual-clock.js";

const CONNACK = 2;
const PUBLISH = 3;
const PUBACK = 4;
/** What a device may write at once: the window of Moddable's client on Linux. */
const WINDOW = 1528;

/** What the network tells a device. One call is handled to the end before the next is made. */
export interface LinkEvents {
  control(connection: number, operation: number, id: number): Promise<void>;
  message(connection: number, topic: string, payload: Uint8Array): Promise<void>;
  writable(connection: number, bytes: number): Promise<void>;
  error(connection: number): Promise<void>;
}

export interface LinkOptions {
  readonly activity: Activity;
  readonly events: LinkEvents;
  /** A message leaves the device. */
  published(topic: string, payload: Uint8Array): void;
  /** A message has been handled by the device. */
  delivered(topic: string, payload: Uint8Array): void;
  /** A connection is gone: what was on its way down on it does not arrive. */
  left(): void;
}

export interface OpenOptions {
  readonly host: string;
  readonly port: number;
  readonly id: string;
  readonly clean: boolean;
  /** Milliseconds. Not used: virtual time would not keep a real connection alive. */
  readonly keepAlive: number;
}

export interface WriteOptions {
  readonly operation?: number;
  readonly id?: number;
  readonly topic?: string;
  readonly QoS?: 0 | 1 | 2;
  readonly items?: readonly { readonly topic: string; readonly QoS: 0 | 1 | 2 }[];
}

/**
 * The network side of ECMA-419's MQTT client, on the `mqtt` package over real TCP. What it does is an activity until the device has been told of the outcome: time stands still
 * in between.
 */
export class MqttLink {
  readonly #options: LinkOptions;
  readonly #clients = new Map<number, mqtt.MqttClient>();
  /** Topics that a connection has been granted. */
  readonly #topics = new Map<number, Set<string>>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Whether a message on this topic would reach the device now. */
  listensTo(topic: string): boolean {
    for (const topics of this.#topics.values()) if (topics.has(topic)) return true;
    return false;
  }

  open(connection: number, options: OpenOptions): void {
    const { activity, events } = this.#options;
    const done = activity.begin(`connecting ${options.id} to ${options.host}:${options.port}`);
    const client = mqtt.connect({
      host: options.host,
      port: options.port,
      protocol: "mqtt",
      protocolVersion: 4,
      clientId: options.id,
      clean: options.clean,
      keepalive: 0,
      reconnectPeriod: 0,
      resubscribe: false,
      connectTimeout: 10_000,
    });
    this.#clients.set(connection, client);
    this.#topics.set(connection, new Set());
    client.on("connect", () => {
      // Small packets, one after the other: with Nagle's algorithm each waits for the acknowledgement of the one before.
      (client.stream as Socket).setNoDelay(true);
      this.#tell(connection, done, async () => {
        await events.control(connection, CONNACK, 0);
        await events.writable(connection, WINDOW);
      });
    });
    client.on("message", (topic, payload) => {
      const handled = activity.begin(`message to ${options.id}`);
      this.#tell(connection, handled, async () => {
        await events.message(connection, topic, payload);
        this.#options.delivered(topic, payload);
      });
    });
    // The reason of an error is not passed on: the platform's client has none either.
    client.on("error", () => {});
    client.on("close", () => {
      const closed = activity.begin(`closing of ${options.id}`);
      this.#tell(connection, closed, () => events.error(connection));
      this.#forget(connection);
      done();
    });
  }

  /** @returns bytes that can still be written */
  write(connection: number, options: WriteOptions, data: Uint8Array): number {
    const client = this.#clients.get(connection);
    if (!client) throw new Error("mqtt: the connection is closed");
    const { activity, events } = this.#options;
    const operation = options.operation ?? PUBLISH;
    const id = options.id ?? 0;
    if (operation === PACKET.SUBSCRIBE) {
      const done = activity.begin("subscribing");
      const topics = Object.fromEntries((options.items ?? []).map(({ topic, QoS }) => [topic, { qos: QoS }]));
      client.subscribe(topics, (error) => {
        if (error) {
          done();
          return;
        }
        for (const topic of Object.keys(topics)) this.#topics.get(connection)?.add(topic);
        this.#tell(connection, done, () => events.control(connection, PACKET.SUBACK, id));
      });
    } else if (operation === PACKET.DISCONNECT) {
      const done = activity.begin("disconnecting");
      this.#forget(connection);
      client.removeAllListeners("close");
      client.end(false, done);
    } else if (operation === PUBLISH) {
      if (!options.topic) throw new Error("mqtt: a publication needs a topic");
      const { topic } = options;
      const payload = data.slice();
      const done = activity.begin(`publishing to ${topic}`);
      this.#options.published(topic, payload);
      client.publish(topic, Buffer.from(payload), { qos: options.QoS ?? 0 }, (error) => {
        if (error) done();
        else this.#tell(connection, done, () => events.control(connection, PUBACK, id));
      });
    } else throw new Error(`mqtt: packet type ${operation} is not for a client to write`);
    return WINDOW;
  }

  close(connection: number): void {
    const client = this.#clients.get(connection);
    if (!client) return;
    this.#forget(connection);
    client.removeAllListeners("close");
    const done = this.#options.activity.begin("closing a connection");
    client.end(true, done);
  }

  /** Cuts everything, as a loss of power does. */
  cut(): void {
    for (const connection of [...this.#clients.keys()]) this.close(connection);
  }

  #forget(connection: number): void {
    if (!this.#clients.delete(connection)) return;
    this.#topics.delete(connection);
    this.#options.left();
  }

  /** Tells the device, unless the connection was given up meanwhile. */
  #tell(connection: number, done: () => void, what: () => Promise<void>): void {
    if (!this.#clients.has(connection)) {
      done();
      return;
    }
    // A crash of the device is reported by the device itself.
    what().catch(() => {}).finally(done);
  }
}
