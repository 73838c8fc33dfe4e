import type { Socket } from "node:net";
import mqtt from "mqtt";
import { type MqttWriteOptions, PACKET } from "../../sdk/index.js";
import type { Activity } from "./virtual-clock.js";

const CONNACK = 2;
const PUBLISH = 3;
const PUBACK = 4;
/** What a device may write at once: the window of Moddable's client on Linux. */
const WINDOW = 1528;

/** What the network tells a device. Each resolves to whether the device has handled it: one without power does not. */
export interface LinkEvents {
  control(connection: number, operation: number, id: number): Promise<boolean>;
  message(connection: number, topic: string, payload: Uint8Array): Promise<boolean>;
  writable(connection: number, bytes: number): Promise<boolean>;
  /** `code`: of the CONNACK that refused the connection, or 0. */
  error(connection: number, code: number): Promise<boolean>;
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
  readonly user?: string;
  readonly password?: string;
}

/** Numbers of connections begin anew at every start of a device: a late call of an old connection must not be taken for one of the new. */
interface Connection {
  readonly number: number;
  readonly client: mqtt.MqttClient;
  /** Granted by the broker. */
  readonly topics: Set<string>;
  /** Ends what the broker has not answered yet. */
  readonly underWay: Set<() => void>;
}

/**
 * The network side of ECMA-419's MQTT client, on the `mqtt` package over real TCP. What it does is an activity until the device has been told
 * of the outcome or the connection is gone: time stands still in between.
 */
export class MqttLink {
  readonly #options: LinkOptions;
  readonly #connections = new Map<number, Connection>();
  /** Clients that have yet to send what the device wrote before its DISCONNECT. */
  readonly #leaving = new Set<mqtt.MqttClient>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Whether a message on this topic would reach the device now. */
  listensTo(topic: string): boolean {
    for (const { topics } of this.#connections.values()) if (topics.has(topic)) return true;
    return false;
  }

  open(number: number, options: OpenOptions): void {
    const { activity, events } = this.#options;
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
      ...(options.user === undefined ? {} : { username: options.user }),
      ...(options.password === undefined ? {} : { password: options.password }),
    });
    const connection: Connection = { number, client, topics: new Set(), underWay: new Set() };
    this.#connections.set(number, connection);
    const done = this.#begin(connection, `connecting ${options.id} to ${options.host}:${options.port}`);
    client.on("connect", () => {
      // Small packets, one after the other: with Nagle's algorithm each waits for the acknowledgement of the one before.
      (client.stream as Socket).setNoDelay(true);
      this.#tell(connection, done, async () => {
        await events.control(number, CONNACK, 0);
        if (this.#isOpen(connection)) await events.writable(number, WINDOW);
      });
    });
    client.on("message", (topic, payload) => {
      const handled = this.#begin(connection, `message to ${options.id}`);
      this.#tell(connection, handled, async () => {
        if (await events.message(number, topic, payload)) this.#options.delivered(topic, payload);
      });
    });
    let refusal = 0;
    // No other reason is passed on: the platform's client has none either. As there, the client closes, whatever the broker does.
    client.on("error", (error) => {
      if (!("code" in error) || typeof error.code !== "number") return;
      refusal = error.code;
      client.stream.destroy();
    });
    client.on("close", () => {
      const told = activity.begin(`closing of ${options.id}`);
      this.#tell(connection, told, () => events.error(number, refusal));
      this.#forget(connection);
    });
  }

  /**
   * What is written to a connection that the broker has just closed is lost: the device has not heard of it yet.
   *
   * @returns bytes that can still be written
   */
  write(number: number, options: MqttWriteOptions, data: Uint8Array): number {
    const connection = this.#connections.get(number);
    if (!connection) return WINDOW;
    const { client } = connection;
    const { activity, events } = this.#options;
    const operation = options.operation ?? PUBLISH;
    const id = options.id ?? 0;
    if (operation === PACKET.SUBSCRIBE) {
      const done = this.#begin(connection, "subscribing");
      const topics = Object.fromEntries((options.items ?? []).map(({ topic, QoS }) => [topic, { qos: QoS }]));
      client.subscribe(topics, (error) => {
        if (error) {
          done();
          return;
        }
        for (const topic of Object.keys(topics)) connection.topics.add(topic);
        this.#tell(connection, done, () => events.control(number, PACKET.SUBACK, id));
      });
    } else if (operation === PACKET.DISCONNECT) {
      const done = activity.begin("disconnecting");
      this.#forget(connection);
      this.#leaving.add(client);
      // The client's own report of the end does not come when the connection breaks before everything was acknowledged.
      client.once("close", () => {
        this.#leaving.delete(client);
        done();
      });
      client.end(false);
    } else if (operation === PUBLISH) {
      if (!options.topic) throw new Error("mqtt: a publication needs a topic");
      const { topic } = options;
      const payload = data.slice();
      const done = this.#begin(connection, `publishing to ${topic}`);
      this.#options.published(topic, payload);
      client.publish(topic, Buffer.from(payload), { qos: options.QoS ?? 0 }, (error) => {
        if (error) done();
        else this.#tell(connection, done, () => events.control(number, PUBACK, id));
      });
    } else throw new Error(`mqtt: packet type ${operation} is not for a client to write`);
    return WINDOW;
  }

  close(number: number): void {
    const connection = this.#connections.get(number);
    if (!connection) return;
    this.#forget(connection);
    const done = this.#options.activity.begin("closing a connection");
    connection.client.end(true, done);
  }

  /** Cuts everything, as a loss of power does. */
  cut(): void {
    for (const number of [...this.#connections.keys()]) this.close(number);
    for (const { stream } of this.#leaving) stream.destroy();
  }

  #begin({ underWay }: Connection, what: string): () => void {
    const done = this.#options.activity.begin(what);
    const end = () => {
      underWay.delete(end);
      done();
    };
    underWay.add(end);
    return end;
  }

  #isOpen(connection: Connection): boolean {
    return this.#connections.get(connection.number) === connection;
  }

  #forget(connection: Connection): void {
    if (!this.#isOpen(connection)) return;
    this.#connections.delete(connection.number);
    for (const end of [...connection.underWay]) end();
    this.#options.left();
  }

  /** Tells the device, unless the connection was given up meanwhile. */
  #tell(connection: Connection, done: () => void, what: () => Promise<unknown>): void {
    if (!this.#isOpen(connection)) {
      done();
      return;
    }
    what().finally(done);
  }
}
