import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { Codec, downTopic, open, seal, type UplinkMessage, upTopic } from "everfull";
import { connectAsync, type MqttClient } from "mqtt";
import type { GatewayDevice } from "../../../examples/gateway/index.js";
import { findMosquitto, startMosquitto } from "../../hal/simulator/support.js";
import { type Call, DrsStandIn, intent, registered, status, TODAY } from "./harness.js";
import { findPostgres, startPostgres, WITHOUT_POSTGRES, within } from "./postgres.js";

const PROGRAM = fileURLToPath(new URL("../../../examples/cli/everfull.js", import.meta.url));
const DEVICES = 24;
/** Messages of each device. */
const MESSAGES = 8;
/** A device without an answer sends again after so many milliseconds. */
const AGAIN_MS = 2_000;
/** What an order takes DRS, in milliseconds: long enough to be killed in. */
const ORDER_MS = 250;
const TAKEOVER_S = 4;

/** Why the test cannot be run here. */
const missing =
  findPostgres() === undefined
    ? WITHOUT_POSTGRES
    : findMosquitto() === undefined
      ? "there is no mosquitto on PATH"
      : undefined;
if (missing) console.log(`left out: two gateways on PostgreSQL: ${missing}`);

/** Stands for DRS: one order of a slot at a time, as long as nobody closes it. */
class Orders {
  readonly #open = new Map<string, string>();
  readonly calls: { readonly key: string; readonly detail: string }[] = [];
  underWay = 0;

  /** @returns the answer to a Replenish call, as if it had taken DRS a while after it decided */
  async answer(serial: string, call: Call) {
    if (!call.path.startsWith("/replenish/")) return undefined;
    const key = `${serial}${call.path}`;
    const known = this.#open.get(key);
    const instance = known ?? `order-${this.#open.size + 1}`;
    this.#open.set(key, instance);
    const detail = known ? "ORDER_INPROGRESS" : "STANDARD_ORDER_PLACED";
    this.calls.push({ key, detail });
    this.underWay++;
    await new Promise((resolve) => setTimeout(resolve, ORDER_MS));
    this.underWay--;
    return { status: 200, body: { eventInstanceId: instance, detailCode: detail } };
  }

  /** Slots that something was ordered for, and how many orders each got. */
  get placed(): Map<string, number> {
    const placed = new Map<string, number>();
    for (const { key, detail } of this.calls)
      if (detail === "STANDARD_ORDER_PLACED") placed.set(key, (placed.get(key) ?? 0) + 1);
    return placed;
  }
}

interface Process {
  readonly child: ChildProcess;
  readonly log: Record<string, unknown>[];
  readonly output: () => string;
}

/** Resolves when the gateway says that it has started. */
async function startProcess(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Process> {
  const child = spawn(process.execPath, [PROGRAM, "gateway", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const log: Record<string, unknown>[] = [];
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const lines = createInterface({ input: child.stdout! });
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      log.push(entry);
      if (entry.event === "started") resolve();
    });
    child.once("exit", (code) => reject(new Error(`the gateway ended with ${code}: ${errors}`)));
  });
  return { child, log, output: () => `${errors}${log.map((entry) => JSON.stringify(entry)).join("\n")}` };
}

/** Sends a device's messages as the SDK does: again and again until they are acknowledged, an intent alone. */
class Sender {
  readonly #client: MqttClient;
  readonly #device: GatewayDevice;
  readonly #codec = new Codec();
  #seen = 0;
  #wake = () => {};
  /** Highest number of the order events that came down. */
  newest = 0;

  constructor(client: MqttClient, device: GatewayDevice) {
    this.#client = client;
    this.#device = device;
  }

  receive(payload: Uint8Array): void {
    const answer = this.#codec.decodeDownlink(open(this.#device.key, "down", payload).body);
    if (answer.kind !== "acknowledgement") return;
    this.#seen = Math.max(this.#seen, answer.seen);
    this.newest = Math.max(this.newest, answer.newest);
    this.#wake();
  }

  /** Resolves when all of them are acknowledged. */
  async send(first: number, messages: readonly UplinkMessage[]): Promise<void> {
    const sealed = messages.map((message, index) =>
      Buffer.from(seal(this.#device.key, "up", first + index, this.#codec.encodeUplink(message))),
    );
    while (this.#seen < first + messages.length - 1) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      for (const [index, bytes] of sealed.entries())
        if (first + index > this.#seen && this.#client.connected)
          this.#client.publish(upTopic(this.#device.serial), bytes, { qos: 1 });
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, AGAIN_MS);
      });
      await Promise.race([woken, late]);
      clearTimeout(timer);
    }
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

const fleet = missing ? test.skip : test.serial;

fleet(
  "two gateways, one killed, one stopped for a while, the broker restarted: one order per intent",
  async (t) => {
    t.timeout(280_000);
    const server = await startPostgres();
    t.teardown(() => server.close());
    const database = await server.database();
    const broker = await startMosquitto(t);
    const drs = await new DrsStandIn().start();
    t.teardown(() => drs.close());
    const orders = new Orders();
    const devices = Array.from({ length: DEVICES }, (_, n) => registered(`FLEET-${n}`));
    for (const { accessToken, serial } of devices)
      drs.answer(accessToken!, (call) => orders.answer(serial, call));

    const brokerUrl = `mqtt://${broker.host}:${broker.port}`;
    const start = processes(t, devices, { database, broker: brokerUrl, drs: drs.url });
    const first = await start();
    const second = await start();

    const client = await connectAsync(brokerUrl, { protocolVersion: 4, reconnectPeriod: 200 });
    t.teardown(() => client.endAsync(true));
    const senders = new Map(devices.map((device) => [device.serial, new Sender(client, device)]));
    client.on("message", (topic, payload) =>
      senders.get(topic.split("/")[1]!)!.receive(new Uint8Array(payload)),
    );
    await client.subscribeAsync(downTopic("+"), { qos: 1 });

    let acknowledged = 0;
    const sent = devices.map(async ({ serial }) => {
      const sender = senders.get(serial)!;
      for (const [first, ...messages] of course()) {
        await sender.send(first as number, messages as UplinkMessage[]);
        acknowledged += messages.length;
      }
    });
    const all = DEVICES * MESSAGES;

    // In the middle of a call, then again when another has taken its place.
    await until(() => acknowledged > all / 6 && orders.underWay > 4);
    first.child.kill("SIGKILL");
    await until(() => acknowledged > all / 3);
    second.child.kill("SIGSTOP");
    const third = await start();
    await until(() => acknowledged > all / 2);
    await broker.restart();
    await until(() => acknowledged > (all * 2) / 3);
    second.child.kill("SIGCONT");
    await Promise.all(sent);

    await within(database, async (tables) => {
      const count = async (sql: string) => Number((await tables.query<{ n: string }>(sql)).rows[0]!.n);
      await until(async () => (await count("select count(*) as n from tasks")) === 0);
      t.is(await count("select count(*) as n from orders"), DEVICES * 2);
      t.is(await count("select count(*) as n from orders where state = 'accepted'"), DEVICES * 2);
      t.is(await count("select count(*) as n from devices where lease_until is not null"), 0);
      // No call that a gateway did not write down before: none was made in the name of a lease that was over.
      const asked = await count("select sum(attempts) as n from orders");
      t.true(orders.calls.length <= asked, `${orders.calls.length} calls, ${asked} written down`);
      const { rows } = await tables.query<{ consumed: string; sequence: string }>(
        "select consumed, sequence from statuses",
      );
      t.is(rows.length, DEVICES * 2);
      t.deepEqual(
        new Set(rows.map(({ consumed, sequence }) => `${consumed} ${sequence}`)),
        new Set([`${1000 + 7} 7`, `${1000 + 8} 8`]),
        "each slot's last status is the last one sent",
      );
      const events = await tables.query<{ n: string }>("select count(*) as n from events group by serial");
      t.deepEqual(new Set(events.rows.map(({ n }) => Number(n))), new Set([2]));
    });
    t.is(orders.placed.size, DEVICES * 2);
    t.true([...orders.placed.values()].every((times) => times === 1));

    for (const { child } of [second, third]) {
      child.kill("SIGTERM");
      const [code] = await once(child, "exit");
      t.is(code, 0, "a gateway that is asked to closes");
    }
    for (const each of [first, second, third]) {
      t.true(
        each.log.some(({ event }) => event === "stored"),
        "each has had its part",
      );
      t.notRegex(each.output(), /token-of-/);
      t.false(each.output().includes(Buffer.from(devices[0]!.key.secret).toString("base64")));
    }
  },
);

/**
 * Sequences and messages of a device: two statuses at once, an intent alone, ... Of two that are under way at once, the first is lost when its
 * gateway is killed and the other's is not: so the last ones go one by one.
 */
function course(): [number, ...UplinkMessage[]][] {
  const of = (slot: number, sequence: number) =>
    status({ slot, consumed: 1000 + sequence, day: TODAY + sequence });
  return [
    [1, of(0, 1), of(1, 2)],
    [3, intent({ slot: 0 })],
    [4, of(0, 4), of(1, 5)],
    [6, intent({ slot: 1 })],
    [7, of(0, 7)],
    [8, of(1, 8)],
  ];
}

/** Starts gateways on the same things; what is left of them ends with the test. */
function processes(
  t: ExecutionContext,
  devices: readonly GatewayDevice[],
  at: { readonly database: string; readonly broker: string; readonly drs: string },
): () => Promise<Process> {
  const folder = mkdtempSync(join(tmpdir(), "everfull-fleet-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "devices.json");
  const json = devices.map((device) => ({
    ...device,
    key: { ...device.key, secret: Buffer.from(device.key.secret).toString("base64") },
  }));
  writeFileSync(file, JSON.stringify({ devices: json }), { mode: 0o600 });
  const args = ["--devices", file, "--drs", at.drs, "--broker", at.broker, "--group", "fleet"];
  const addresses = ["--notifications", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  return async () => {
    const started = await startProcess([...args, ...addresses, "--takeover", `${TAKEOVER_S}`], {
      EVERFULL_DATABASE: at.database,
    });
    t.teardown(() => {
      started.child.kill("SIGKILL");
    });
    return started;
  };
}
