import { Socket } from "node:net";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { GatewayError, reason } from "./errors.js";
import type { Log } from "./log.js";
import { withoutUser } from "./options.js";

/** Longest wait for the broker: to connect, or to take a message. In milliseconds. */
const BROKER_MS = 30_000;
/** Pause before connecting again after the broker is lost, in milliseconds. */
const RECONNECT_MS = 1_000;
/** Pause before subscribing again after the broker has refused, or not answered, in milliseconds. */
const RESUBSCRIBE_MS = 1_000;
/** After one and a half of these without a word, the broker gives the messages of a shared subscription to others. In seconds. */
const KEEP_ALIVE_S = 30;
/** Largest message that the broker is to send, in bytes; told to brokers of MQTT 5. */
const MOST_BYTES = 4096;
/** Messages that the broker may have under way to here; told to brokers of MQTT 5. */
const RECEIVE_MAXIMUM = 256;

export interface BrokerLinkOptions {
  /** `mqtt://` or `mqtts://`. */
  readonly url: string;
  /** What to subscribe to. */
  readonly filter: string;
  readonly log: Log;
  /** Must take the message at once. */
  readonly received: (topic: string, payload: Uint8Array) => void;
  /** The next message is read from the connection when this resolves. */
  readonly room: () => Promise<void>;
}

/**
 * The gateway's end of the broker: two connections, because what is not read from one for want of room would keep the confirmations of what is
 * published from coming in. Speaks MQTT 5, or 3.1.1 with brokers that do not.
 *
 * A message is confirmed to the broker when it is taken in, not when it is stored: devices repeat what the gateway has not acknowledged to them.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  readonly #receiver: MqttClient;
  readonly #sender: MqttClient;
  /** Whether messages are wanted; subscribed again whenever the connection is back. */
  #wanted = false;
  #subscribed = false;
  #closing = false;
  #again: NodeJS.Timeout | undefined;

  private constructor(options: BrokerLinkOptions, receiver: MqttClient, sender: MqttClient) {
    this.#options = options;
    this.#receiver = receiver;
    this.#sender = sender;
    receiver.handleMessage = (_packet, callback) => {
      options.room().then(() => callback(), callback);
    };
    receiver.on("message", (topic, { buffer, byteOffset, length }) =>
      options.received(topic, new Uint8Array(buffer, byteOffset, length)),
    );
    this.#watch();
  }

  /** @throws {GatewayError} `broker` */
  static async open(options: BrokerLinkOptions): Promise<BrokerLink> {
    const receiver = await connect(options.url);
    try {
      return new BrokerLink(options, receiver, await connect(options.url, receiver.options.protocolVersion));
    } catch (error) {
      await receiver.endAsync(true);
      throw error;
    }
  }

  /** Connected both ways, and subscribed unless {@link leave} was called last. */
  get isUp(): boolean {
    return this.#sender.connected && this.#receiver.connected && this.#subscribed === this.#wanted;
  }

  /**
   * Begins to receive.
   *
   * @throws {GatewayError} `broker`
   */
  async join(): Promise<void> {
    this.#wanted = true;
    await this.#subscribe();
  }

  /** Has the broker send nothing more; others of a shared subscription get it. */
  async leave(): Promise<void> {
    this.#wanted = false;
    // Without a connection there is nothing to unsubscribe from.
    if (this.#receiver.connected)
      await within(BROKER_MS, this.#receiver.unsubscribeAsync(this.#options.filter)).catch(() => {});
    this.#subscribed = false;
  }

  /** Resolves once the broker has taken it. */
  async publish(topic: string, payload: Uint8Array): Promise<void> {
    // The client would keep it for later, without bound. Its device asks again instead.
    if (!this.#sender.connected) throw new Error("the broker is not connected");
    const { buffer, byteOffset, length } = payload;
    const taken = this.#sender.publishAsync(topic, Buffer.from(buffer, byteOffset, length), { qos: 1 });
    const id = this.#sender.getLastMessageId();
    try {
      await within(BROKER_MS, taken);
    } catch (error) {
      this.#sender.removeOutgoingMessage(id);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#again);
    // By force: a regular end would wait for ever for a message that the broker does not take.
    await Promise.all([
      this.#receiver.endAsync(!this.#receiver.connected),
      this.#sender.endAsync(!this.#sender.connected),
    ]);
  }

  async #subscribe(): Promise<void> {
    const { filter, url } = this.#options;
    try {
      await within(BROKER_MS, this.#receiver.subscribeAsync(filter, { qos: 1 }));
      this.#subscribed = true;
    } catch (error) {
      throw new GatewayError(
        "broker",
        `broker ${withoutUser(url)}: cannot subscribe to ${filter}: ${reason(error)}`,
        error,
      );
    }
  }

  /** Subscribes again when both connections are back, until it succeeds; connecting again is the client's own business. */
  #watch(): void {
    const { log } = this.#options;
    let lost = false;
    const back = async () => {
      clearTimeout(this.#again);
      if (this.#closing || !this.#sender.connected || !this.#receiver.connected) return;
      try {
        if (this.#wanted && !this.#subscribed) await this.#subscribe();
        lost = false;
        log({ level: "info", event: "broker-back" });
      } catch (error) {
        log({ level: "error", event: "broker-error", message: reason(error) });
        clearTimeout(this.#again);
        if (!this.#closing) this.#again = setTimeout(back, RESUBSCRIBE_MS);
      }
    };
    for (const client of [this.#receiver, this.#sender]) {
      sendAtOnce(client);
      client.on("close", () => {
        if (client === this.#receiver) this.#subscribed = false;
        // Every failed attempt to connect again closes too.
        if (!lost && !this.#closing) log({ level: "warn", event: "broker-lost" });
        lost = true;
      });
      client.on("connect", () => {
        sendAtOnce(client);
        void back();
      });
      client.on("error", (error) => log({ level: "warn", event: "broker-error", message: reason(error) }));
    }
  }
}

async function connect(url: string, version?: IClientOptions["protocolVersion"]): Promise<MqttClient> {
  const options = {
    // What is lost while the gateway is away, devices repeat: a session at the broker would only pile it up.
    clean: true,
    keepalive: KEEP_ALIVE_S,
    connectTimeout: BROKER_MS,
    reconnectPeriod: RECONNECT_MS,
    // Done here instead, so that it is known when it is done, and when it fails.
    resubscribe: false,
  };
  try {
    if (version !== 4)
      try {
        return await connectAsync(
          url,
          {
            ...options,
            protocolVersion: 5,
            properties: { receiveMaximum: RECEIVE_MAXIMUM, maximumPacketSize: MOST_BYTES },
          },
          false,
        );
      } catch {
        // Brokers of 3.1.1 have many ways of saying that they do not speak 5. Whatever else it was will show again.
      }
    return await connectAsync(url, { ...options, protocolVersion: 4 }, false);
  } catch (error) {
    throw new GatewayError("broker", `broker ${withoutUser(url)}: cannot connect: ${reason(error)}`, error);
  }
}

/**
 * The client confirms a message, and then publishes the answer: with Nagle's algorithm on, TCP holds the second back until the broker's system has
 * acknowledged the first, which takes it 40 ms. Every connection has a new stream.
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
