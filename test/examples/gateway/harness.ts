import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type Socket } from "node:net";
import { Aedes, type AedesOptions, type Client } from "aedes";
import {
  type Acknowledgement,
  Codec,
  downTopic,
  type OrderEvent,
  open,
  type RegistrationNews,
  type Settings,
  seal,
  type UplinkKey,
  type UplinkMessage,
  upTopic,
} from "everfull";
import { connectAsync, type MqttClient } from "mqtt";
import { certificateOf } from "../../../examples/drs-sandbox/sns/certificate.js";
import { noCounts } from "../../../examples/gateway/counts.js";
import {
  type Gateway,
  type GatewayClock,
  type GatewayDevice,
  type GatewayLogEntry,
  type GatewayOptions,
  startGateway,
} from "../../../examples/gateway/index.js";
import { freePort, listen } from "../../hal/simulator/support.js";
import { emptyDatabase } from "./databases.js";

/** Noon of a day, UTC milliseconds: where every test's clock starts. */
export const NOON = Date.UTC(2025, 10, 20, 12);
/** The day of {@link NOON}, in days since 1970-01-01. */
export const TODAY = Math.floor(NOON / 86_400_000);

export interface Broker {
  readonly url: string;
  /** Cuts the connections of everyone but the devices. */
  drop(): void;
  close(): Promise<void>;
}

/** The client id that devices connect under. */
const DEVICES = "devices";

/** A message broker on a free port. */
export async function startBroker(options: AedesOptions = {}): Promise<Broker> {
  const aedes = await Aedes.createBroker(options);
  const clients = new Set<Client>();
  aedes.on("client", (client) => clients.add(client));
  aedes.on("clientDisconnect", (client) => clients.delete(client));
  const server = createServer({ noDelay: true }, aedes.handle);
  const port = await listen(server);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    drop: () => {
      for (const client of clients) if (client.id !== DEVICES) client.close();
    },
    close: async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export { freePort, noCounts };

/** A clock that moves only when told to, and waits for what it has begun. */
export class TestClock implements GatewayClock {
  /** UTC milliseconds; NaN: broken. */
  time = NOON;
  #entries: { readonly time: number; readonly task: () => Promise<void> | void }[] = [];

  now(): number {
    if (Number.isNaN(this.time)) throw new Error("the clock is broken");
    return this.time;
  }

  at(time: number, task: () => Promise<void> | void): { cancel(): void } {
    const entry = { time, task };
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((each) => each !== entry);
      },
    };
  }

  /** When the next entry is due. */
  get next(): number | undefined {
    return this.#entries.length === 0 ? undefined : Math.min(...this.#entries.map(({ time }) => time));
  }

  /** Runs what is due until then, each at its time, and waits for it. @param ms milliseconds */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (let next = this.next; next !== undefined && next <= end; next = this.next) {
      const at = next;
      const entry = this.#entries.find(({ time }) => time === at)!;
      this.#entries = this.#entries.filter((each) => each !== entry);
      this.time = Math.max(this.time, at);
      await entry.task();
    }
    this.time = end;
  }
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

type Answer = Reply | "hang up" | undefined;

/**
 * Answers in the place of DRS what each test tells it to, and remembers what it was asked, by access token.
 */
export class DrsStandIn {
  readonly #calls = new Map<string, Call[]>();
  readonly #replies = new Map<string, (call: Call) => Answer | Promise<Answer>>();
  readonly #server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
      const { method = "", url = "", headers } = request;
      const call = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      this.calls(token).push(call);
      const reply = (await this.#replies.get(token)?.(call)) ?? standard(call);
      if (reply === "hang up") request.socket.destroy();
      else
        response
          .writeHead(reply.status, { "content-type": "application/json" })
          .end(reply.body === undefined ? "" : JSON.stringify(reply.body));
    });
  });
  url = "";

  async start(port = 0): Promise<this> {
    this.url = `http://127.0.0.1:${await listen(this.#server, port)}`;
    return this;
  }

  calls(token: string): Call[] {
    const calls = this.#calls.get(token) ?? [];
    this.#calls.set(token, calls);
    return calls;
  }

  /** `reply` may leave a call to the standard answers with undefined. */
  answer(token: string, reply: (call: Call) => Answer | Promise<Answer>): void {
    this.#replies.set(token, reply);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Everything is subscribed, every order is accepted and then placed. */
function standard(call: Call): Reply {
  if (call.path === "/subscriptionInfo")
    return {
      status: 200,
      body: {
        slotsSubscriptionStatus: {
          soap: { subscribed: true, productInfoList: [{ asin: "B000", quantity: 1, unit: "count" }] },
          towels: { subscribed: true, productInfoList: [] },
        },
      },
    };
  if (call.path.startsWith("/replenish/"))
    return { status: 200, body: { eventInstanceId: "standard-1", detailCode: "STANDARD_ORDER_PLACED" } };
  if (call.path.startsWith("/getOrderInfo/")) {
    const item = { slotId: "soap", status: "Processing", expectedDeliveryDate: "2025-12-01T07:59:59.000Z" };
    return { status: 200, body: { orderInfoData: { orderItems: [item] } } };
  }
  return { status: 200 };
}

export function key(number: number): UplinkKey {
  return { number, secret: Uint8Array.from({ length: 32 }, (_, i) => (number * 31 + i * 7) & 0xff) };
}

/** A device that is in the options: its token says which one it is. */
export type RegisteredDevice = GatewayDevice & { readonly accessToken: string };

/** A device with 35.0 ounces of soap in tenths of an ounce, and 500 towels. */
export function registered(serial: string, more: Partial<RegisteredDevice> = {}): RegisteredDevice {
  return {
    serial,
    model: "dispenser-1",
    key: key(serial.length),
    accessToken: `token-of-${serial}`,
    utcOffsetMinutes: 0,
    slots: [
      { id: "soap", unit: "ounce", stepsPerUnit: 10, capacity: 350, refill: 350 },
      { id: "towels", unit: "count", stepsPerUnit: 1, capacity: 500, refill: 250 },
    ],
    ...more,
  };
}

export function status(fields: Partial<Extract<UplinkMessage, { kind: "status" }>> = {}): UplinkMessage {
  return {
    kind: "status",
    slot: 0,
    day: TODAY,
    consumed: 1200,
    remaining: 125,
    onHand: 350,
    runOut: 12,
    early: 2,
    late: 3,
    idle: 1,
    applied: 0,
    ...fields,
  };
}

export function intent(fields: Partial<Extract<UplinkMessage, { kind: "intent" }>> = {}): UplinkMessage {
  return {
    kind: "intent",
    slot: 0,
    cycle: 1,
    day: TODAY,
    quantity: 350,
    remaining: 60,
    runOut: 9,
    applied: 0,
    ...fields,
  };
}

/** A gateway with everything around it, and a connection that devices publish through. */
export interface World {
  readonly broker: Broker;
  readonly drs: DrsStandIn;
  readonly log: GatewayLogEntry[];
  readonly clock: TestClock;
  gateway: Gateway;
  /** Publishes as a device does; resolves, when the gateway is done with it, to what the device received. */
  send(topic: string, payload: Uint8Array): Promise<Uint8Array[]>;
  /** Closes the gateway and starts another with the same options. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startWorld(
  devices: readonly GatewayDevice[],
  options: Partial<GatewayOptions> = {},
): Promise<World> {
  const broker = await startBroker();
  const drs = new DrsStandIn();
  // Where a test has it elsewhere, it starts it itself.
  if (options.drs === undefined) await drs.start();
  const database = await emptyDatabase();
  const log: GatewayLogEntry[] = [];
  const clock = options.clock instanceof TestClock ? options.clock : new TestClock();
  const published = new Map<string, number>();
  const received = new Map<string, Uint8Array[]>();
  let handled: { topic: string; payload: Uint8Array; resolve(): void }[] = [];
  const waiting: (() => void)[] = [];

  const client: MqttClient = await connectAsync(broker.url, {
    protocolVersion: 4,
    clientId: DEVICES,
  });
  (client.stream as Socket).setNoDelay(true);
  client.on("message", (topic, payload) => {
    received.set(topic, [...(received.get(topic) ?? []), new Uint8Array(payload)]);
    for (const wake of waiting.splice(0)) wake();
  });
  await client.subscribeAsync(downTopic("+"), { qos: 1 });

  const start = () =>
    startGateway({
      broker: broker.url,
      clock,
      devices,
      drs: drs.url,
      sns: { topicArns: [TOPIC_ARN], origin: sns.url },
      // What has failed is due again at once: the next message finds it so.
      random: () => 0,
      log: (entry) => log.push(entry),
      hooks: {
        publishing: (topic) => published.set(topic, (published.get(topic) ?? 0) + 1),
        handled: (topic, payload) => {
          const at = handled.findIndex(
            (each) => each.topic === topic && Buffer.compare(each.payload, payload) === 0,
          );
          if (at < 0) throw new Error(`handled, but never sent or handled before: ${topic}`);
          for (const each of handled.splice(at, 1)) each.resolve();
        },
      },
      ...(database !== undefined && { database }),
      ...options,
    });

  const world: World = {
    broker,
    drs,
    log,
    clock,
    gateway: await start(),
    send: async (topic, payload) => {
      const down = topic.replace(/up$/, "down");
      const before = received.get(down)?.length ?? 0;
      const done = new Promise<void>((resolve) => handled.push({ topic, payload, resolve }));
      await client.publishAsync(topic, Buffer.from(payload), { qos: 1 });
      await done;
      while ((received.get(down)?.length ?? 0) < (published.get(down) ?? 0))
        await new Promise<void>((resolve) => waiting.push(resolve));
      return received.get(down)?.slice(before) ?? [];
    },
    restart: async () => {
      await world.gateway.close();
      handled = [];
      world.gateway = await start();
    },
    close: async () => {
      await world.gateway.close();
      await client.endAsync();
      await drs.close();
      await broker.close();
      const failure = log.find((entry) => entry.event === "hook-failed");
      if (failure) throw new Error(`a hook failed: ${failure.message}`);
    },
  };
  return world;
}

/** The device's end of the protocol: numbers and seals what it sends, opens what it receives. */
export class TestDevice {
  readonly #world: World;
  readonly #codec = new Codec();
  readonly registered: RegisteredDevice;
  sequence = 0;
  /** Sequence that the newest answer came down with. */
  downlink = 0;

  constructor(world: World, device: RegisteredDevice) {
    this.#world = world;
    this.registered = device;
  }

  get calls(): Call[] {
    return this.#world.drs.calls(this.registered.accessToken);
  }

  /** Calls to one operation of DRS. */
  called(path: string): Call[] {
    return this.calls.filter((call) => call.path.startsWith(path));
  }

  sealed(message: UplinkMessage, sequence = ++this.sequence): Uint8Array {
    return seal(this.registered.key, "up", sequence, this.#codec.encodeUplink(message));
  }

  readonly #events: OrderEvent[] = [];

  /** What it is told of orders, from the event behind `after` on: it asks until there is no more. */
  async events(after = 0): Promise<readonly OrderEvent[]> {
    const all = this.#events;
    for (;;) {
      const answer = await this.send({ kind: "poll", applied: all.length });
      all.push(...answer.events.filter(({ number }) => number > all.length));
      if (all.length >= answer.newest) return all.slice(after);
    }
  }

  /** Everything that came down before the newest acknowledgement and after the one before. */
  settings: Settings[] = [];
  /** Descriptions of images that came before the last acknowledgement. */
  images: Uint8Array[] = [];
  /** What was said of the registration before the last acknowledgement. */
  registration: RegistrationNews | undefined;

  /** The acknowledgement; undefined: no answer. */
  async deliver(payload: Uint8Array): Promise<Acknowledgement | undefined> {
    const answers = await this.#world.send(upTopic(this.registered.serial), payload);
    this.settings = [];
    this.images = [];
    this.registration = undefined;
    let acknowledgement: Acknowledgement | undefined;
    for (const answer of answers) {
      const opened = open(this.registered.key, "down", answer);
      if (opened.sequence <= this.downlink) throw new Error(`${opened.sequence} came after ${this.downlink}`);
      this.downlink = opened.sequence;
      const message = this.#codec.decodeDownlink(opened.body);
      if (acknowledgement) throw new Error(`${message.kind} came after the acknowledgement`);
      if (message.kind === "settings") this.settings.push(message);
      else if (message.kind === "image") this.images.push(message.description.slice());
      else if (message.kind === "registration") this.registration = message;
      else acknowledgement = message;
    }
    return acknowledgement;
  }

  /** Sends under the next sequence; there must be an answer. */
  async send(message: UplinkMessage): Promise<Acknowledgement> {
    const answer = await this.deliver(this.sealed(message));
    if (!answer) throw new Error(`message ${this.sequence} was not answered`);
    return answer;
  }
}

export const TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:orders";

/** Stands in for SNS: has a key, a certificate for it, and a page that confirms subscriptions. */
export class SnsStandIn {
  readonly #key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  readonly certificate = certificateOf(this.#key, "sns.test");
  /** Paths that were asked for, with their queries. */
  readonly asked: string[] = [];
  /** Status of the next answers; 200 once they are used up. */
  readonly answers: number[] = [];
  url = "";
  readonly #server = createHttpServer((request, response) => {
    this.asked.push(request.url ?? "");
    response.writeHead(this.answers.shift() ?? 200);
    response.end(
      request.url?.endsWith(".pem")
        ? this.certificate
        : "<ConfirmSubscriptionResponse><SubscriptionArn>arn:confirmed</SubscriptionArn></ConfirmSubscriptionResponse>",
    );
  });

  async start(): Promise<this> {
    this.url = `http://127.0.0.1:${await listen(this.#server)}`;
    this.#server.unref();
    return this;
  }

  get publicKey() {
    return createPublicKey(this.#key);
  }

  /** An envelope with its signature, by the rules of SNS, as JSON. */
  signed(envelope: Readonly<Record<string, string>>, version: "1" | "2" = "1"): string {
    const url = `${this.url}/SimpleNotificationService-0123456789abcdef.pem`;
    const names = [
      "Message",
      "MessageId",
      "SubscribeURL",
      "Subject",
      "Timestamp",
      "Token",
      "TopicArn",
      "Type",
    ];
    const text = names.filter((name) => name in envelope).map((name) => `${name}\n${envelope[name]}\n`);
    const digest = version === "1" ? "sha1" : "sha256";
    const signature = sign(digest, Buffer.from(text.join("")), this.#key).toString("base64");
    return JSON.stringify({
      SigningCertURL: url,
      ...envelope,
      SignatureVersion: version,
      Signature: signature,
    });
  }
}

/** One for all tests of a file; it does not keep the process running. */
export const sns = await new SnsStandIn().start();

export interface Notice {
  readonly type: string;
  readonly serial: string;
  readonly instanceId?: string;
  readonly slotId?: string;
  /** ISO 8601. */
  readonly delivery?: string;
}

let messageIds = 0;

/** An SNS message as DRS has it delivered. Every call makes another MessageId. */
export function envelope(notice: Notice): string {
  const message = {
    notificationInfo: {
      notificationType: notice.type,
      notificationTime: "2025-11-20T12:00:00.000Z",
      notificationId: "amzn1.dash.notification.v1.1",
      version: "2015-06-05",
    },
    deviceInfo: {
      deviceIdentifier: { serialNumber: notice.serial },
      productIdentifier: { modelId: "dispenser-1" },
    },
    customerInfo: { directedCustomerId: "amzn1.account.1" },
    ...(notice.instanceId !== undefined && {
      orderInfo: {
        instanceId: notice.instanceId,
        slotId: notice.slotId ?? "soap",
        productInfo: [{ quantity: 1, unit: "count", asin: "B000", estimatedDeliveryDate: notice.delivery }],
      },
    }),
  };
  return enveloped(JSON.stringify(message));
}

/** A signed SNS message with that content. Every call makes another MessageId. */
export function enveloped(message: string): string {
  return sns.signed({
    Type: "Notification",
    MessageId: `message-${++messageIds}`,
    TopicArn: TOPIC_ARN,
    Message: message,
    Timestamp: "2025-11-20T12:00:00.000Z",
  });
}

export async function post(url: string, body: string): Promise<number> {
  const headers = { "content-type": "text/plain; charset=UTF-8" };
  const response = await fetch(url, { method: "POST", headers, body });
  await response.text();
  return response.status;
}
