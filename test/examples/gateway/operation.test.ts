import { Socket } from "node:net";
import anyTest from "ava";
import { upTopic } from "everfull";
import { connectAsync } from "mqtt";
import {
  Database,
  type GatewayLogEntry,
  startBroker,
  startGateway,
} from "../../../examples/gateway/index.js";
import { emptyDatabase, theServer } from "./databases.js";
import { intent, NOON, registered, startWorld, status, TestDevice, type World } from "./harness.js";

const test = anyTest.serial;

let world: World;
const SERIALS = ["SEEN", "HELD", "CUT", "LATE"] as const;

test.before(async () => {
  world = await startWorld(
    SERIALS.map((serial) => registered(serial)),
    { admin: {} },
  );
});
test.after.always(() => world.close());

function device(serial: (typeof SERIALS)[number]): TestDevice {
  return new TestDevice(world, registered(serial));
}

async function get(path: string, method = "GET", from = world.gateway.adminUrl) {
  const response = await fetch(`${from}${path}`, { method });
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    text: await response.text(),
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("a gateway that can do its work says so", async (t) => {
  t.like(await get("/healthz"), { status: 200, text: "ok\n" });
  const ready = await get("/readyz");
  t.is(ready.status, 200);
  t.deepEqual(JSON.parse(ready.text), { ready: true, database: true, broker: true, running: true });
  t.like(await get("/readyz", "HEAD"), { status: 200, text: "" });
  t.is((await get("/metrics", "POST")).status, 405);
  t.is((await get("/")).status, 404);
  t.is((await get("/sns")).status, 404, "notifications have an address of their own");
});

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Reads the text format, strictly: every sample after the type of its family, families once, no sample twice. */
function samples(text: string): Sample[] {
  const types = new Map<string, string>();
  const seen = new Set<string>();
  let [helped, current] = ["", ""];
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  return text
    .slice(0, -1)
    .split("\n")
    .flatMap((line) => {
      const [, kind, family, rest] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
      if (kind === "HELP") {
        helped = family!;
        return [];
      }
      if (kind === "TYPE") {
        if (helped !== family || types.has(family!)) throw new Error(`out of order: ${line}`);
        types.set(family!, rest!);
        current = family!;
        return [];
      }
      const found = /^([a-z_]+)(\{[a-z_]+="[^"\\\n]*"\})? (-?[\d.]+(?:e-?\d+)?)$/.exec(line);
      if (!found) throw new Error(`no sample: ${line}`);
      const [, name, labels = "", value] = found;
      const suffixes = types.get(current) === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!suffixes.some((suffix) => name === current + suffix))
        throw new Error(`not of ${current}: ${line}`);
      if (types.get(current) === "counter" && !name!.endsWith("_total")) throw new Error(`counter: ${line}`);
      if (seen.has(name! + labels)) throw new Error(`twice: ${line}`);
      seen.add(name! + labels);
      return [{ name: name!, labels, value: Number(value) }];
    });
}

test("everything that is counted can be scraped", async (t) => {
  const seen = device("SEEN");
  await seen.send(status());
  await seen.send(intent());
  await seen.deliver(seen.sealed(status(), 1));
  const { status: code, type, text } = await get("/metrics");
  t.is(code, 200);
  t.regex(type!, /^text\/plain; version=0\.0\.4/);
  const found = samples(text);
  const value = (name: string, labels = "") =>
    found.find((each) => each.name === name && each.labels === labels)?.value;
  const { counts } = world.gateway;
  for (const [field, count] of Object.entries(counts)) {
    const name = `everfull_${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
    if (typeof count === "number") t.is(value(name), count, field);
    else {
      const of = found.filter((each) => each.name === name);
      t.deepEqual(
        of.map((each) => [/"(.*)"/.exec(each.labels)![1], each.value]),
        Object.entries(count),
        field,
      );
    }
  }
  t.is(value("everfull_refused_total", '{reason="replayed"}'), 1);
  t.is(value("everfull_drs_total", '{operation="replenish"}'), 1);
  t.is(value("everfull_messages_held"), 0);
  t.is(value("everfull_broker_up"), 1);
  t.true(value("process_resident_memory_bytes")! > 1e6);

  const buckets = found.filter((each) => each.name === "everfull_answered_seconds_bucket");
  t.true(buckets.every((each, at) => at === 0 || each.value >= buckets[at - 1]!.value));
  t.is(buckets.at(-1)!.labels, '{le="+Inf"}');
  t.is(buckets.at(-1)!.value, value("everfull_answered_seconds_count")!);
  t.is(value("everfull_answered_seconds_count")!, counts.stored + counts.refused.replayed);
  t.true(value("everfull_answered_seconds_sum")! > 0);
  t.is(value("everfull_done_seconds_count"), counts.received);
});

test("a message that others have overtaken is stored once, and nothing newer is lost to it", async (t) => {
  const late = device("LATE");
  const older = late.sealed(status({ remaining: 200, consumed: 50 }), 1);
  const other = late.sealed(status({ slot: 1, remaining: 300 }), 2);
  t.is((await late.deliver(late.sealed(status({ remaining: 190, consumed: 60 }), 3)))!.seen, 3);
  t.is((await late.deliver(other))!.seen, 3);
  t.is((await late.deliver(older))!.seen, 3);
  const { counts } = world.gateway;
  for (const again of [older, other]) t.is((await late.deliver(again))!.seen, 3);
  t.is(world.gateway.counts.refused.replayed, counts.refused.replayed + 2);
  t.is(world.gateway.counts.stored, counts.stored);
  t.deepEqual(
    (await world.gateway.statuses("LATE")).map((row) => [row.slot, row.sequence, row.remaining]),
    [
      [0, 3, 190],
      [1, 2, 300],
    ],
  );
});

test("a flood is held back at the broker, however fast it comes, and read when there is room", async (t) => {
  const database = await Database.open(await emptyDatabase());
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  // A database that does not answer for as long as the test wants, and then takes nothing: storing thousands takes long.
  database.transaction = async () => {
    await gate;
    throw new Error("not now");
  };
  const devices = Array.from({ length: 300 }, (_, n) => registered(`FLOOD-${n}`));
  const log: GatewayLogEntry[] = [];
  const broker = await startBroker();
  const gateway = await startGateway({
    broker: broker.gatewayUrl,
    clock: { now: () => NOON },
    devices,
    drs: world.drs.url,
    database,
    admin: {},
    log: (entry) => log.push(entry),
  });
  t.teardown(async () => {
    open();
    await gateway.close();
    await database.close();
    await broker.close();
  });
  const held = async () => {
    const { text } = await get("/metrics", "GET", gateway.adminUrl);
    return samples(text).find(({ name }) => name === "everfull_messages_held")!.value;
  };
  const client = await connectAsync(`mqtt://${broker.host}:${broker.port}`, { protocolVersion: 4 });
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
  t.teardown(() => client.endAsync(true));

  // 12 of each device: less than the outbox of one may hold, more in all than are taken in at a time.
  const EACH = 12;
  for (let n = 1; n <= EACH; n++)
    for (const each of devices) {
      const sealed = new TestDevice(world, each).sealed({ kind: "poll", applied: 0 }, n);
      client.publish(upTopic(each.serial), Buffer.from(sealed), { qos: 1 });
    }
  let before = -1;
  // It goes up as long as there is room, and then stays.
  await until(async () => {
    const now = await held();
    const same = now === before && now > 0;
    before = now;
    if (!same) await new Promise((resolve) => setTimeout(resolve, 500));
    return same;
  });
  const all = devices.length * EACH;
  t.is(await held(), 2048, "so many are taken in, and no more");
  t.is((await get("/readyz", "GET", gateway.adminUrl)).status, 200);

  open();
  await until(() => gateway.counts.received === all);
  await gateway.idle();
  t.is(gateway.counts.failed, all);
  t.is(await held(), 0);
});

test("one device that floods does not keep out the others, and can repeat what was dropped", async (t) => {
  const held = device("HELD");
  const counts = world.gateway.counts;
  let answer = () => {};
  const slow = new Promise<undefined>((resolve) => {
    answer = () => resolve(undefined);
  });
  world.drs.answer("token-of-HELD", () => slow);
  // The first is waiting for DRS, and so many more may wait behind it.
  const sealed = Array.from({ length: 40 }, () => held.sealed({ kind: "poll", applied: 0 }));
  const sent = sealed.map((each) => world.send(upTopic("HELD"), each));
  await until(() => world.gateway.counts.refused.flooding === counts.refused.flooding + 8);
  const other = device("CUT");
  t.is((await other.send(status())).seen, 1);
  answer();
  await Promise.all(sent);
  t.is(world.gateway.counts.stored, counts.stored + 33);
  t.is(world.log.filter((entry) => entry.reason === "flooding").length, 1);
  t.is((await held.deliver(sealed[39]!))!.seen, 40);
});

test("closing finishes what has begun, and says no to what comes", async (t) => {
  const own = await startWorld([registered("LEAVING")], { admin: {} });
  const leaving = new TestDevice(own, registered("LEAVING"));
  let answer = () => {};
  const slow = new Promise<undefined>((resolve) => {
    answer = () => resolve(undefined);
  });
  let asked = () => {};
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  own.drs.answer("token-of-LEAVING", (call) => {
    if (!call.path.startsWith("/replenish/")) return undefined;
    asked();
    return slow;
  });
  const sent = leaving.send(intent());
  await begun;
  let closed = false;
  const closing = own.gateway.close().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.false(closed);
  answer();
  await closing;
  await sent;
  t.is(own.gateway.counts.drs.replenish, 1);
  t.is(leaving.called("/deviceStatus").length, 0, "calls that had not begun stay owed");
  await own.close();
});

test("the gateway's own broker lets devices do what they have to, and nothing else", async (t) => {
  const broker = await startBroker();
  t.teardown(() => broker.close());
  const url = `mqtt://${broker.host}:${broker.port}`;
  const listener = await connectAsync(broker.gatewayUrl, { protocolVersion: 4 });
  const heard: string[] = [];
  listener.on("message", (topic) => heard.push(topic));
  await listener.subscribeAsync("#", { qos: 1 });
  const stranger = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0 });
  const granted = async (topic: string) => (await stranger.subscribeAsync(topic, { qos: 1 }))[0]?.qos;
  t.is(await granted("everfull/A/down"), 1);
  for (const topic of ["everfull/+/down", "everfull/#", "#", "everfull/A/up", "$SYS/#"])
    await t.throwsAsync(granted(topic), undefined, topic);
  await stranger.publishAsync("everfull/A/up", "x", { qos: 1 });
  // The broker closes the connection of whoever publishes where he may not.
  const gone = new Promise((resolve) => stranger.once("close", () => resolve(0)));
  stranger.publish("everfull/A/down", "x", { qos: 0 });
  await gone;
  const keeper = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0 });
  const kept = new Promise((resolve) => keeper.once("close", () => resolve(0)));
  keeper.publish("everfull/B/up", "x", { qos: 0, retain: true });
  await kept;
  await t.throwsAsync(
    connectAsync(`mqtt://gateway:guess@${broker.host}:${broker.port}`, { protocolVersion: 4 }, false),
  );
  t.deepEqual(heard, ["everfull/A/up"]);
  await listener.endAsync(true);
});

test("a gateway without a broker elsewhere brings one, for devices to connect to", async (t) => {
  const database = await Database.open(await emptyDatabase());
  t.teardown(() => database.close());
  const gateway = await startGateway({
    clock: { now: () => NOON },
    devices: [registered("HOME")],
    drs: world.drs.url,
    database,
  });
  const { host, port } = gateway.broker!;
  const client = await connectAsync(`mqtt://${host}:${port}`, { protocolVersion: 4 });
  const answered = new Promise((resolve) => client.once("message", resolve));
  await client.subscribeAsync("everfull/HOME/down", { qos: 1 });
  const sealed = new TestDevice(world, registered("HOME")).sealed(status());
  await client.publishAsync(upTopic("HOME"), Buffer.from(sealed), { qos: 1 });
  t.is(await answered, "everfull/HOME/down");
  await client.endAsync();
  await gateway.close();
  t.is(gateway.adminUrl, undefined);
});

test("without its database a gateway leaves the messages to others, and comes back with it", async (t) => {
  if ((await emptyDatabase()) === undefined) return t.pass("PGlite is within the process");
  const server = await theServer();
  const cut = device("CUT");
  cut.sequence = 10;
  t.is((await cut.send(status())).seen, 11);
  server.freeze();
  try {
    t.like(await get("/healthz"), { status: 200 });
    const ready = await get("/readyz");
    t.is(ready.status, 503);
    t.like(JSON.parse(ready.text), { ready: false, database: false, broker: true });
    t.true(world.log.some(({ event }) => event === "database-lost"));
    const { received } = world.gateway.counts;
    const client = await connectAsync(world.broker.url, { protocolVersion: 4 });
    await client.publishAsync(upTopic("CUT"), Buffer.from(cut.sealed(status(), 12)), { qos: 1 });
    await client.endAsync();
    t.is(world.gateway.counts.received, received, "it is not subscribed any more");
  } finally {
    server.thaw();
  }
  await until(() => world.log.some(({ event }) => event === "database-back"));
  await until(async () => (await get("/readyz")).status === 200);
  cut.sequence = 12;
  t.is((await cut.send(status())).seen, 13);

  // Lost for good, with all connections; the next ones are opened by themselves.
  await server.restart();
  await until(async () => (await get("/readyz")).status === 200);
  t.is((await cut.send(status())).seen, 14);
});
