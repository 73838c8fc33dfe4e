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
import {
  type Call,
  DrsStandIn,
  envelope,
  intent,
  registered,
  sns,
  status,
  TODAY,
  TOPIC_ARN,
} from "./harness.js";
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
const SLOTS = ["soap", "towels"] as const;

/** Why the test cannot be run here. */
const missing =
  findPostgres() === undefined
    ? WITHOUT_POSTGRES
    : findMosquitto() === undefined
      ? "there is no mosquitto on PATH"
      : undefined;
if (missing) console.log(`left out: two gateways on PostgreSQL: ${missing}`);

interface Order {
  readonly serial: string;
  readonly slotId: string;
  readonly instanceId: string;
}

/** Stands for DRS: one order of a slot at a time, as long as nobody closes it; says by SNS what becomes of orders. */
class Orders {
  readonly #open = new Map<string, Order>();
  readonly #news: Promise<void>[] = [];
  readonly orders: Order[] = [];
  /** Replenish calls. */
  calls = 0;
  underWay = 0;
  /** By device and slot, what each SlotStatus call has told as the run-out day. */
  readonly told = new Map<string, string[]>();
  /** Where gateways listen. */
  endpoints: readonly string[] = [];

  /** @returns the answer to a Replenish call, as if it had taken DRS a while after it decided */
  async answer(serial: string, call: Call) {
    const [, operation, slotId] = call.path.split("/");
    const key = `${serial} ${slotId}`;
    if (operation === "slotStatus")
      this.told.set(key, [...(this.told.get(key) ?? []), JSON.parse(call.body).expectedReplenishmentDate]);
    if (operation !== "replenish" || slotId === undefined) return undefined;
    this.calls++;
    const known = this.#open.get(key);
    const order = known ?? { serial, slotId, instanceId: `order-${this.orders.length + 1}` };
    if (!known) {
      this.#open.set(key, order);
      this.orders.push(order);
    }
    this.underWay++;
    await new Promise((resolve) => setTimeout(resolve, ORDER_MS));
    this.underWay--;
    if (!known) this.#news.push(this.#tell("OrderPlacedNotification", serial, order));
    const detailCode = known ? "ORDER_INPROGRESS" : "STANDARD_ORDER_PLACED";
    return { status: 200, body: { eventInstanceId: order.instanceId, detailCode } };
  }

  /** As its customer does. */
  async cancel(serial: string, slotId: string): Promise<void> {
    const order = this.#open.get(`${serial} ${slotId}`);
    this.#open.delete(`${serial} ${slotId}`);
    if (order) await this.#tell("OrderCancelledNotification", serial, order);
  }

  deregister(serial: string): Promise<void> {
    return this.#tell("DeviceDeregisteredNotification", serial);
  }

  /** Resolves when all news has arrived. */
  async settled(): Promise<void> {
    await Promise.all(this.#news);
  }

  of(serial: string, slotId: string): number {
    return this.orders.filter((order) => order.serial === serial && order.slotId === slotId).length;
  }

  /** As SNS does: again and again until an endpoint has taken it, and once more. */
  async #tell(type: string, serial: string, order?: Order): Promise<void> {
    const body = envelope({ type, serial, ...order });
    const headers = { "content-type": "text/plain; charset=UTF-8" };
    for (let taken = 0, attempt = 0; taken < 2; attempt++) {
      const url = this.endpoints[attempt % this.endpoints.length]!;
      try {
        const signal = AbortSignal.timeout(3_000);
        const response = await fetch(url, { method: "POST", headers, body, signal });
        if (response.status === 200) taken++;
        await response.text();
      } catch {
        // Killed, or stopped: another has it.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** An order of the gateways. */
interface Row {
  readonly serial: string;
  readonly slot: number;
  readonly cycle: number;
  readonly state: string;
  readonly attempts: number;
  readonly asked: boolean;
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
  "two gateways, some killed, one stopped for a while, the broker restarted: one order per cycle, and none after the end",
  async (t) => {
    t.timeout(290_000);
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
    const start = processes(t, devices, orders, { database, broker: brokerUrl, drs: drs.url });
    let fourth: Process | undefined;
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
      const rows = async () =>
        (
          await tables.query<Row>(
            "select serial, slot, cycle, state, attempts, asked_at is not null as asked from orders order by serial, slot, cycle",
          )
        ).rows.map((row) => ({ ...row, attempts: Number(row.attempts) }));
      const rest = async () => {
        await orders.settled();
        // What becomes of an order is asked for much later, and what DRS may have been asked for is waited for.
        const owed = `select count(*) as n from tasks left join orders using (serial, slot, cycle)
          where kind <> 'orderInfo' and not (kind = 'replenish' and asked_at is not null)`;
        await until(async () => (await count(owed)) === 0);
        // Given back after the last call was recorded.
        await until(
          async () => (await count("select count(*) as n from devices where lease_until is not null")) === 0,
        );
        await orders.settled();
      };
      /** Without an answer, and without news, an order is one that DRS may not have heard of. */
      const inDoubt = ({ state, asked }: Row) => state === "intended" && asked;

      await rest();
      let all = await rows();
      t.is(all.length, DEVICES * 2);
      for (const row of all) {
        const placed = orders.of(row.serial, SLOTS[row.slot]!);
        if (inDoubt(row)) t.is(placed, 0, "it would be known by its notification");
        else t.like({ ...row, placed }, { state: "placed", placed: 1 });
      }
      t.true(all.filter(inDoubt).length < DEVICES / 2, "most were asked for by a gateway that lived");
      const { rows: statuses } = await tables.query<{ consumed: string; sequence: string }>(
        "select consumed, sequence from statuses",
      );
      t.is(statuses.length, DEVICES * 2);
      t.deepEqual(
        [...new Set(statuses.map(({ consumed, sequence }) => `${consumed} ${sequence}`))].sort(),
        [`${1000 + 7} 7`, `${1000 + 8} 8`],
        "each slot's last status is the last one sent",
      );

      // Customers cancel, and leave; the devices go on.
      const group = (n: number) => devices.filter((_, index) => index % 3 === n).map(({ serial }) => serial);
      const [cancelling, leaving, staying] = [group(0), group(1), group(2)];
      await Promise.all(cancelling.map((serial) => orders.cancel(serial, "soap")));
      await Promise.all(leaving.map((serial) => orders.deregister(serial)));
      const callsBefore = orders.calls;
      const left = leaving.map((serial) => drs.calls(`token-of-${serial}`).length);
      const send = (first: number, message: UplinkMessage) =>
        Promise.all(devices.map(({ serial }) => senders.get(serial)!.send(first, [message])));
      await send(9, status({ slot: 0, consumed: 1009, day: TODAY + 9 }));
      // The same cycle once more, whatever became of its order.
      await send(10, intent({ slot: 0 }));
      await rest();
      all = await rows();
      t.is(all.length, DEVICES * 2);
      for (const row of all.filter(({ serial, slot }) => slot === 0 && cancelling.includes(serial)))
        if (!inDoubt(row)) t.is(row.state, "cancelled", row.serial);
      t.is(orders.calls, callsBefore, "nothing is ordered again in a cycle");

      const next = send(11, intent({ slot: 0, cycle: 2 }));
      await until(() => orders.underWay > 2);
      third.child.kill("SIGKILL");
      fourth = await start();
      await next;
      await send(12, status({ slot: 0, consumed: 1012, day: TODAY + 12 }));
      await rest();
      all = await rows();
      for (const row of all.filter(({ cycle }) => cycle === 2)) {
        const placed = orders.of(row.serial, "soap");
        const first = all.find(({ serial, slot }) => serial === row.serial && slot === 0)!;
        if (leaving.includes(row.serial)) t.is(row.state, "rejected");
        else if (cancelling.includes(row.serial) && !inDoubt(first))
          t.like({ ...row, placed }, inDoubt(row) ? { placed: 1 } : { state: "placed", placed: 2 });
        // Of an order that is under way already, DRS has had no further news.
        else if (staying.includes(row.serial) && !inDoubt(first) && !inDoubt(row))
          t.like({ ...row, placed }, { state: "placed", placed: 1 });
      }
      t.is(all.filter(({ cycle }) => cycle === 2).length, DEVICES);
      // No more than one call for each cycle, and none that a gateway did not write down before.
      for (const { serial } of devices)
        for (const [slot, slotId] of SLOTS.entries()) {
          const calls = drs.calls(`token-of-${serial}`).filter(({ path }) => path === `/replenish/${slotId}`);
          t.true(calls.length <= all.filter((row) => row.serial === serial && row.slot === slot).length);
        }
      t.true(orders.calls <= all.reduce((sum, { attempts }) => sum + attempts, 0));
      t.deepEqual(
        leaving.map((serial) => drs.calls(`token-of-${serial}`).length),
        left,
        "nothing happens after a deregistration",
      );
    });
    t.is(orders.told.size, DEVICES * 2);
    for (const [key, days] of orders.told) t.deepEqual(days, [...days].sort(), `${key}: statuses in order`);

    for (const { child, output } of [second, fourth!]) {
      t.is(child.exitCode, null, `a gateway has ended by itself: ${output()}`);
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      t.is(child.exitCode, 0, "a gateway that is asked to closes");
    }
    for (const each of [first, second, third, fourth!]) {
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
  orders: Orders,
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
  const topic = ["--sns-topic", TOPIC_ARN, "--sns-origin", sns.url];
  const args = ["--devices", file, "--drs", at.drs, "--broker", at.broker, "--group", "fleet", ...topic];
  const addresses = ["--notifications", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  return async () => {
    const started = await startProcess([...args, ...addresses, "--takeover", `${TAKEOVER_S}`], {
      EVERFULL_DATABASE: at.database,
    });
    t.teardown(() => {
      started.child.kill("SIGKILL");
    });
    const { notificationUrl } = started.log.find(({ event }) => event === "started")!;
    orders.endpoints = [...orders.endpoints, notificationUrl as string];
    return started;
  };
}
