import { backoff } from "./backoff.js";
import { MAX_BODY } from "./guard.js";
import { type Connect, type MqttClient, PACKET } from "./mqtt.js";
import { SEAL_BYTES } from "./seal.js";
import { downTopic, upTopic } from "./topics.js";

const SECOND = 1000;
/** From opening the connection to the subscription being granted: the platform's client has no time-out of its own for that. */
const CONNECT_TIMEOUT = 60 * SECOND;
/** From the last message sent or received to the end-to-end acknowledgement. */
const ANSWER_TIMEOUT = 60 * SECOND;
/** Lets the DISCONNECT packet leave before the socket is closed. */
const CLOSE_DELAY = 250;
const KEEP_ALIVE = 120 * SECOND;
/**
 * Return codes of a CONNACK (MQTT 3.1.1, section 3.2.2.3) that stay until somebody changes something. Not among them: 3, the server is unavailable, which
 * passes as an outage does.
 */
const REFUSALS: Readonly<Record<number, string>> = Object.freeze({
  1: "protocol version",
  2: "client identifier",
  4: "user name or password",
  5: "not authorised",
});
/** Bytes that a PUBLISH adds to its payload, beside the topic: fixed header, topic length, packet identifier. */
const PUBLISH_BYTES = 9;

/** Cancels what was scheduled; nothing when it has run. */
export interface Scheduled {
  cancel(): void;
}

export interface SessionOptions {
  readonly serial: string;
  readonly broker: { readonly host: string; readonly port: number; readonly password?: string };
  readonly connect: Connect;
  /** Runs a task once, after so many milliseconds, never before returning. */
  schedule(delay: number, task: () => void): Scheduled;
  /** 0 up to but not 1. */
  random(): number;
  /** What is to be sent now, in order. */
  outbox(): readonly Outgoing[];
  /** Takes a message that came down. Whatever it commits is committed when it returns. */
  receive(sealed: Uint8Array): void;
  /** Nothing is left to send and nothing more is to come. */
  isSettled(): boolean;
  warn(text: string): void;
}

export interface Outgoing {
  readonly sequence: number;
  /**
   * Nothing after this message is sent before it is acknowledged. The gateway acknowledges everything up to a sequence: were this one lost on the way and
   * the next stored, it would pass for stored too.
   */
  readonly alone: boolean;
  seal(): Uint8Array;
}

/**
 * `leaving`: everything is done, DISCONNECT is on its way. `waiting`: the visit failed, the next attempt is scheduled.
 */
type Phase = "idle" | "connecting" | "subscribing" | "open" | "leaving" | "waiting" | "closed";

/**
 * One visit to the broker after the other: connect, subscribe, send everything, wait until the gateway has acknowledged it and everything
 * that came down is applied, disconnect. A visit that fails is repeated after {@link backoff}; one that the broker refuses for a lasting reason, after its longest.
 */
export class Session {
  readonly #options: SessionOptions;
  #phase: Phase = "idle";
  #client: MqttClient | undefined;
  /** Goes up when a connection is opened or given up: callbacks of an earlier one are told apart from those of this one. */
  #visit = 0;
  #inCallback = false;
  #timer: Scheduled | undefined;
  /** The turn of the loop in which the next message is sealed and sent. */
  #turn: Scheduled | undefined;
  #failures = 0;
  /** Code of the refusal that was warned of since the last visit that went well. */
  #refusal = 0;
  /** Highest sequence sent in this visit. */
  #sent = 0;
  #writable = 0;
  #packetId = 0;
  #incoming: { readonly bytes: Uint8Array; length: number } | undefined;
  #visits = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Visits that reached the broker. */
  get visits(): number {
    return this.#visits;
  }

  /** Failed attempts in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Sends what is in the outbox: in the present visit, or in a new one at once. */
  start(): void {
    // In the other phases a visit is under way, or is looked after when it ends.
    if (this.#phase === "open") this.#send();
    else if (this.#phase === "idle" || this.#phase === "waiting") this.#connect();
  }

  /** Something has changed: goes on with the visit that is under way, or ends it; begins none. */
  goOn(): void {
    if (this.#phase === "open") this.#send();
  }

  close(): void {
    this.#phase = "closed";
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dropClient();
  }

  #connect(): void {
    this.#dropClient();
    const visit = ++this.#visit;
    const current = (callback: () => void) => {
      if (visit !== this.#visit) return;
      this.#inCallback = true;
      try {
        callback();
      } finally {
        this.#inCallback = false;
      }
    };
    this.#phase = "connecting";
    this.#sent = 0;
    this.#writable = 0;
    this.#incoming = undefined;
    this.#watch(CONNECT_TIMEOUT, "the broker did not answer");
    const { broker, serial } = this.#options;
    const { host, port, password } = broker;
    try {
      this.#client = this.#options.connect({
        host,
        port,
        id: serial,
        ...(password === undefined ? {} : { user: serial, password }),
        clean: true,
        keepAlive: KEEP_ALIVE,
        onControl: (message) => current(() => this.#onControl(message.operation)),
        onReadable: (count, options) => current(() => this.#onReadable(count, options)),
        onWritable: (count) => current(() => this.#onWritable(count)),
        onError: (code) =>
          current(() => {
            this.#client = undefined;
            // A broker closes the connection after DISCONNECT.
            if (this.#phase !== "leaving") this.#fail("the connection was refused or lost", code);
          }),
      });
    } catch (error) {
      this.#fail(`the connection could not be opened: ${error instanceof Error ? error.message : error}`);
    }
  }

  #onWritable(count: number): void {
    this.#writable = count;
    if (this.#phase === "connecting") {
      this.#phase = "subscribing";
      this.#visits++;
      this.#writable = this.#client!.write(null, {
        operation: PACKET.SUBSCRIBE,
        id: this.#nextPacketId(),
        items: [{ topic: downTopic(this.#options.serial), QoS: 1 }],
      });
    } else if (this.#phase === "open") this.#send();
  }

  #onControl(operation: number): void {
    if (operation !== PACKET.SUBACK || this.#phase !== "subscribing") return;
    this.#phase = "open";
    this.#send();
  }

  #onReadable(count: number, options: { more: boolean; topic?: string; byteLength?: number }): void {
    const part = new Uint8Array(this.#client!.read(count) ?? new ArrayBuffer(0));
    // `topic` is there with the first fragment only.
    if (options.topic !== undefined) {
      const length = options.byteLength ?? count;
      const accepted = length <= SEAL_BYTES + MAX_BODY;
      if (!accepted) this.#options.warn(`uplink: a message of ${length} bytes came down; it is passed over`);
      this.#incoming = accepted ? { bytes: new Uint8Array(length), length: 0 } : undefined;
    }
    const incoming = this.#incoming;
    if (!incoming) return;
    const taken = part.subarray(0, incoming.bytes.length - incoming.length);
    incoming.bytes.set(taken, incoming.length);
    incoming.length += taken.length;
    if (options.more) return;
    this.#incoming = undefined;
    this.#options.receive(incoming.bytes);
    // Not in this turn of the loop: to open it and to take it in was enough.
    if (this.#next()) this.#sendOn();
    else this.#send();
  }

  /**
   * Sends the next message that has not been sent in this visit, if there is room; closes when nothing is left to do. The one after it has a turn of the loop to
   * itself: sealing takes its time.
   */
  #send(): void {
    if (this.#phase !== "open" || this.#turn) return;
    const message = this.#next();
    if (message) {
      const topic = upTopic(this.#options.serial);
      const sealed = message.seal();
      if (this.#writable >= sealed.length + topic.length + PUBLISH_BYTES) {
        this.#writable = this.#client!.write(sealed, { topic, QoS: 1, id: this.#nextPacketId() });
        this.#sent = message.sequence;
        if (this.#next()) this.#sendOn();
      }
    }
    if (this.#options.isSettled()) this.#finish();
    else this.#watch(ANSWER_TIMEOUT, "the gateway did not acknowledge");
  }

  #sendOn(): void {
    if (this.#turn) return;
    const visit = this.#visit;
    this.#turn = this.#options.schedule(0, () => {
      if (visit !== this.#visit) return;
      this.#turn = undefined;
      this.#send();
    });
  }

  #next(): Outgoing | undefined {
    for (const message of this.#options.outbox()) {
      if (message.sequence > this.#sent) return message;
      if (message.alone) return undefined;
    }
    return undefined;
  }

  #finish(): void {
    this.#failures = 0;
    this.#refusal = 0;
    this.#phase = "leaving";
    this.#client!.write(null, { operation: PACKET.DISCONNECT });
    this.#after(CLOSE_DELAY, () => {
      this.#dropClient();
      this.#phase = "idle";
      if (!this.#options.isSettled()) this.#connect();
    });
  }

  #fail(reason: string, code = 0): void {
    this.#failures++;
    this.#phase = "waiting";
    this.#dropClient();
    const refusal = REFUSALS[code];
    const delay = backoff(refusal ? Number.POSITIVE_INFINITY : this.#failures, this.#options.random());
    const isNew = refusal ? code !== this.#refusal : this.#failures === 1;
    if (refusal) this.#refusal = code;
    if (isNew)
      this.#options.warn(
        `uplink: ${refusal ? `the broker refuses: ${refusal}` : reason}; trying again in ${Math.ceil(delay / SECOND)} s`,
      );
    this.#after(delay, () => this.#connect());
  }

  #watch(timeout: number, reason: string): void {
    this.#after(timeout, () => this.#fail(reason));
  }

  #after(delay: number, task: () => void): void {
    this.#timer?.cancel();
    const visit = this.#visit;
    this.#timer = this.#options.schedule(delay, () => {
      if (visit === this.#visit && this.#phase !== "closed") task();
    });
  }

  #dropClient(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#visit++;
    this.#turn?.cancel();
    this.#turn = undefined;
    // The platform's client must not be closed from within its own callback: the product may close everything in an event.
    if (client && this.#inCallback) this.#options.schedule(0, () => client.close());
    else client?.close();
  }

  #nextPacketId(): number {
    this.#packetId = (this.#packetId % 0xffff) + 1;
    return this.#packetId;
  }
}
