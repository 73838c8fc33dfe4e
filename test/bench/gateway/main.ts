import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Codec, downTopic, open, seal, type UplinkMessage, upTopic } from "everfull";
import { connectAsync, type MqttClient } from "mqtt";
import { startBroker } from "../../../examples/gateway/index.js";
import { findPostgres, startPostgres, WITHOUT_POSTGRES } from "../../examples/gateway/postgres.js";
import { findMosquitto, startMosquitto } from "../../hal/simulator/servers.js";
import { type Cell, median, table } from "../table.js";
import { accessTokenOf, benchDevices } from "./devices.js";

/* Measures the gateway as it runs in service: processes of their own, over sockets. */

const GATEWAY = fileURLToPath(new URL("process.js", import.meta.url));
const DEVICES = 100;
/** Messages of a throughput run; one device has one under way at a time. */
const MESSAGES = 3_000;
const WARM_UP = 1_500;
/** Orders of a latency run, one at a time. */
const ORDERS = 60;

interface Setup {
  readonly name: string;
  readonly gateways: number;
  readonly database: "pglite" | "postgres";
  readonly broker: "aedes" | "mosquitto";
}

const SETUPS: readonly Setup[] = [
  { name: "PGlite in a directory, aedes", gateways: 1, database: "pglite", broker: "aedes" },
  { name: "PostgreSQL, mosquitto", gateways: 1, database: "postgres", broker: "mosquitto" },
  { name: "PostgreSQL, mosquitto, two gateways", gateways: 2, database: "postgres", broker: "mosquitto" },
];

interface Figures {
  readonly perSecond: number;
  /** Messages per second of processor time of all gateway processes together. */
  readonly perCore: number;
  /** Milliseconds of processor time per message in the database's processes. */
  readonly databaseMs: number | undefined;
  /** From publishing an intent until DRS has the Replenish call, milliseconds. */
  readonly orderMs: readonly number[];
  /** From publishing a message until its answer, milliseconds, under full load. */
  readonly answerMs: readonly number[];
  readonly residentMb: number;
}

/** Stands for DRS: answers at once, and notes when an order came. */
class Orders {
  #waiting = new Map<string, (at: number) => void>();
  readonly #server = createServer((request, response) => {
    request.resume();
    const [, operation] = (request.url ?? "").split("/");
    if (operation === "replenish") {
      const token = request.headers.authorization ?? "";
      this.#waiting.get(token)?.(performance.now());
      this.#waiting.delete(token);
    }
    const body =
      operation === "subscriptionInfo"
        ? { slotsSubscriptionStatus: { soap: { subscribed: true, productInfoList: [] } } }
        : { eventInstanceId: `${Math.random()}`, detailCode: "STANDARD_ORDER_PLACED" };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** When the next order of a device comes. */
  next(serial: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`Bearer ${accessTokenOf(serial)}`, resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** All devices, over one connection. */
class Fleet {
  readonly #codec = new Codec();
  readonly #client: MqttClient;
  readonly #sequences = new Map<string, number>();
  readonly #answered = new Map<string, () => void>();
  readonly #devices = benchDevices(DEVICES);

  private constructor(client: MqttClient) {
    this.#client = client;
    const byTopic = new Map(this.#devices.map((device) => [downTopic(device.serial), device]));
    client.on("message", (topic, payload) => {
      const device = byTopic.get(topic)!;
      const answer = this.#codec.decodeDownlink(open(device.key, "down", new Uint8Array(payload)).body);
      if (answer.kind === "acknowledgement" && answer.seen >= (this.#sequences.get(device.serial) ?? 0))
        this.#answered.get(device.serial)?.();
    });
  }

  static async connect(url: string): Promise<Fleet> {
    const client = await connectAsync(url, { protocolVersion: 4 });
    (client.stream as Socket).setNoDelay(true);
    const fleet = new Fleet(client);
    await client.subscribeAsync(downTopic("+"), { qos: 0 });
    return fleet;
  }

  /** Publishes, and resolves to the milliseconds until the answer. */
  async send(index: number, message: UplinkMessage): Promise<number> {
    const device = this.#devices[index]!;
    const sequence = (this.#sequences.get(device.serial) ?? 0) + 1;
    this.#sequences.set(device.serial, sequence);
    const sealed = seal(device.key, "up", sequence, this.#codec.encodeUplink(message));
    const answered = new Promise<void>((resolve) => this.#answered.set(device.serial, resolve));
    const begun = performance.now();
    this.#client.publish(upTopic(device.serial), Buffer.from(sealed), { qos: 1 });
    await answered;
    return performance.now() - begun;
  }

  serial(index: number): string {
    return this.#devices[index]!.serial;
  }

  close(): Promise<void> {
    return this.#client.endAsync(true);
  }
}

/** Every device sends one status after the other, as soon as the one before is answered. */
async function load(fleet: Fleet, messages: number, day: number): Promise<number[]> {
  const times: number[] = [];
  let left = messages;
  await Promise.all(
    Array.from({ length: DEVICES }, async (_, index) => {
      for (let n = 0; left > 0; n++) {
        left--;
        times.push(await fleet.send(index, statusOf(day + n)));
      }
    }),
  );
  return times;
}

function statusOf(day: number): UplinkMessage {
  return {
    kind: "status",
    slot: 0,
    day,
    consumed: day,
    remaining: 100,
    onHand: 0,
    runOut: 12,
    early: 2,
    late: 3,
    idle: 0,
    applied: 0,
  };
}

async function measure(setup: Setup): Promise<Figures> {
  const closing: (() => unknown)[] = [];
  const orders = new Orders();
  try {
    const drs = await orders.start();
    closing.push(() => orders.close());
    let database = "directory";
    let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
    if (setup.database === "postgres") {
      server = await startPostgres({ durable: true });
      closing.push(() => server?.close());
      database = await server.database();
    }
    const { devicesUrl, gatewayUrl } = await startBrokerOf(setup.broker, closing);
    const gateways: GatewayProcess[] = [];
    for (let n = 0; n < setup.gateways; n++) {
      const group = setup.broker === "mosquitto" ? "bench" : "";
      const gateway = await GatewayProcess.start([gatewayUrl, drs, database, group, `${DEVICES}`]);
      closing.push(() => gateway.close());
      gateways.push(gateway);
    }
    const fleet = await Fleet.connect(devicesUrl);
    closing.push(() => fleet.close());

    await load(fleet, WARM_UP, 20_000);
    const before = await Promise.all(gateways.map((gateway) => gateway.usage()));
    const databaseBefore = server && cpuOfTree(server.pid);
    const begun = performance.now();
    const answerMs = await load(fleet, MESSAGES, 21_000);
    const seconds = (performance.now() - begun) / 1000;
    const after = await Promise.all(gateways.map((gateway) => gateway.usage()));
    const databaseAfter = server && cpuOfTree(server.pid);
    const cpu = after.reduce((sum, usage, at) => sum + usage.cpuMs - before[at]!.cpuMs, 0) / 1000;

    const orderMs: number[] = [];
    for (let n = 0; n < ORDERS; n++) {
      const index = n % DEVICES;
      const called = orders.next(fleet.serial(index));
      const published = performance.now();
      const answered = fleet.send(index, {
        kind: "intent",
        slot: 0,
        cycle: 1,
        day: 20_500,
        quantity: 10,
        remaining: 10,
        runOut: 3,
        applied: 0,
      });
      orderMs.push((await called) - published);
      await answered;
    }
    return {
      perSecond: MESSAGES / seconds,
      perCore: MESSAGES / cpu,
      databaseMs:
        databaseBefore === undefined || databaseAfter === undefined
          ? undefined
          : (databaseAfter - databaseBefore) / MESSAGES,
      orderMs,
      answerMs,
      residentMb: Math.max(...after.map((usage) => usage.resident)) / 2 ** 20,
    };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function startBrokerOf(
  kind: Setup["broker"],
  closing: (() => unknown)[],
): Promise<{ devicesUrl: string; gatewayUrl: string }> {
  if (kind === "mosquitto") {
    const { host, port } = await startMosquitto({ teardown: (close) => closing.push(close) });
    return { devicesUrl: `mqtt://${host}:${port}`, gatewayUrl: `mqtt://${host}:${port}` };
  }
  const broker = await startBroker();
  closing.push(() => broker.close());
  // The bench listens to all devices at once, which devices may not.
  return { devicesUrl: broker.gatewayUrl, gatewayUrl: broker.gatewayUrl };
}

/** A gateway in a process of its own, that is asked what it has used. */
class GatewayProcess {
  readonly #child: ChildProcess;
  #next: (line: string) => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on("line", (line) => this.#next(line));
  }

  static async start(args: readonly string[]): Promise<GatewayProcess> {
    const child = spawn(process.execPath, [GATEWAY, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const gateway = new GatewayProcess(child);
    await Promise.race([
      gateway.#line(),
      once(child, "exit").then(([code]) => {
        throw new Error(`the gateway ended with ${code}`);
      }),
    ]);
    return gateway;
  }

  async usage(): Promise<{ cpuMs: number; resident: number }> {
    const line = this.#line();
    this.#child.stdin!.write("usage\n");
    return JSON.parse(await line) as { cpuMs: number; resident: number };
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin!.end();
    await ended;
  }

  #line(): Promise<string> {
    return new Promise((resolve) => {
      this.#next = resolve;
    });
  }
}

/** Processor time of a process and of its children, those that have ended included, in milliseconds. Undefined: not told here. */
function cpuOfTree(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    const ticks = [pid, ...children.map(Number)].reduce((sum, each) => {
      const fields = readFileSync(`/proc/${each}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      return sum + Number(fields[11]) + Number(fields[12]);
    }, 0);
    return ticks * 10;
  } catch {
    return undefined;
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

console.log(
  [
    "Gateway: messages of devices through a broker, stored and answered, and reported to a DRS that answers at once",
    `  ${MESSAGES} statuses of ${DEVICES} devices, each sent when the one before is answered, after ${WARM_UP} to warm up; then ${ORDERS} orders, one at a time.`,
    "  Each status is a transaction and a SlotStatus call. PostgreSQL waits for the disk with every commit, PGlite does not.",
    "",
  ].join("\n"),
);
const rows: Cell[][] = [];
// With a word: only the setups that have it in their names.
for (const setup of SETUPS.filter(({ name }) => name.includes(process.argv[2] ?? ""))) {
  const lacks =
    setup.database === "postgres" && findPostgres() === undefined
      ? WITHOUT_POSTGRES
      : setup.broker === "mosquitto" && findMosquitto() === undefined
        ? "there is no mosquitto on PATH"
        : undefined;
  if (lacks !== undefined) {
    console.log(`  left out: ${setup.name}: ${lacks}`);
    continue;
  }
  console.error(`  ${setup.name} ...`);
  const figures = await measure(setup);
  rows.push([
    setup.name,
    figures.perSecond,
    figures.perCore,
    figures.databaseMs,
    median(figures.answerMs),
    percentile(figures.answerMs, 0.99),
    median(figures.orderMs),
    percentile(figures.orderMs, 0.99),
    figures.residentMb,
  ]);
}
console.log(
  table(
    ["setup", "messages/s", "per core s", "database ms", "answer ms", "99 %", "order ms", "99 %", "RSS MB"],
    rows,
  ),
);
console.log(
  [
    "",
    "  per core s: messages per second of processor time of the gateway processes; database ms: processor time of the server per message.",
    "  answer: from publish to the device's answer under this load. order: from publish of an intent to the Replenish call at DRS, without load.",
  ].join("\n"),
);
