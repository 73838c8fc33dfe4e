import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "ava";
import { Database } from "../../../examples/gateway/database.js";
import { DrsClient } from "../../../examples/gateway/drs-client.js";
import { GatewayError, type GatewayOptions, startGateway } from "../../../examples/gateway/index.js";
import { lastingDatabase } from "./databases.js";
import {
  envelope,
  freePort,
  intent,
  key,
  noCounts,
  post,
  registered,
  startBroker,
  startWorld,
  status,
  TestDevice,
  TODAY,
  TOPIC_ARN,
} from "./harness.js";

test.serial("a gateway takes up where the one before it stopped", async (t) => {
  const database = await lastingDatabase(t);
  const world = await startWorld([registered("LASTING")], { database });
  const device = new TestDevice(world, registered("LASTING"));
  const sealed = device.sealed(status());
  await device.deliver(sealed);
  await device.send(status({ remaining: 90, consumed: 1235, day: TODAY + 1 }));
  await device.send(intent());
  world.drs.answer("token-of-LASTING", (call) =>
    call.path.startsWith("/replenish/") ? { status: 429 } : undefined,
  );
  const before = await device.send(intent({ cycle: 2 }));
  t.is(before.newest, 1);
  const notification = envelope({
    type: "OrderPlacedNotification",
    serial: "LASTING",
    instanceId: "standard-1",
  });
  await post(world.gateway.notificationUrl, notification);
  const [statuses, orders] = [await world.gateway.statuses(), await world.gateway.orders()];
  const { downlink } = device;

  world.drs.answer("token-of-LASTING", () => undefined);
  await world.restart();
  await world.clock.advance(0);
  t.is(device.called("/replenish/").length, 3, "the order that was owed is placed when it is due");
  t.deepEqual(await world.gateway.statuses(), statuses);
  t.deepEqual(
    (await world.gateway.orders()).map((order) => [order.cycle, order.state]),
    [
      [1, "placed"],
      [2, "placed"],
    ],
  );
  t.deepEqual(orders[0], (await world.gateway.orders())[0]);

  const repeated = await device.deliver(sealed);
  t.is(world.gateway.counts.refused.replayed, 1);
  t.is(device.downlink, downlink + 1, "no downlink sequence is used twice");
  t.is(repeated!.seen, 4);
  t.deepEqual(
    repeated!.events.map((event) => [event.number, event.cycle, event.state]),
    [
      [1, 1, "accepted"],
      [2, 1, "placed"],
    ],
  );
  t.is(repeated!.newest, 4);
  t.is(await post(world.gateway.notificationUrl, notification), 200);
  t.is(world.gateway.counts.notifications.duplicates, 1);
  await world.close();

  const tables = await Database.open(database);
  const days = await tables.direct.history("LASTING", 0);
  await tables.close();
  t.deepEqual(
    days.map((row) => [row.day, row.consumed, row.remaining]),
    [
      [TODAY, 1200, 125],
      [TODAY + 1, 1235, 90],
    ],
  );
});

test.serial("the same inputs in the same order give the same bytes down", async (t) => {
  const runs = await Promise.all(
    [1, 2].map(async () => {
      const world = await startWorld([registered("TWIN")]);
      const twin = new TestDevice(world, registered("TWIN"));
      const down: Uint8Array[] = [];
      for (const message of [status(), intent(), status({ applied: 0 }), intent({ cycle: 2, applied: 1 })]) {
        down.push(...(await world.send("everfull/TWIN/up", twin.sealed(message))));
        world.clock.time += 86_400_000;
      }
      await world.close();
      return down;
    }),
  );
  t.is(runs[0]!.length, 4);
  t.deepEqual(runs[0], runs[1]);
});

test.serial("a gateway that loses the broker comes back, with its subscription", async (t) => {
  let back = () => {};
  const returned = new Promise<void>((resolve) => {
    back = resolve;
  });
  const events: string[] = [];
  const world = await startWorld([registered("REMOTE")], {
    log: ({ event }) => {
      events.push(event);
      if (event === "broker-back") back();
    },
  });
  const remote = new TestDevice(world, registered("REMOTE"));
  await remote.send(status());
  world.broker.drop();
  await returned;
  t.deepEqual(
    events.filter((event) => event.startsWith("broker")),
    ["broker-lost", "broker-back"],
  );
  t.like(await remote.send(status()), { seen: 2 });
  await world.close();
});

test.serial("a broker that refuses the subscription for a while is asked until it does not", async (t) => {
  let refusals = 0;
  const broker = await startBroker({
    authorizeSubscribe: (_client, subscription, done) => done(null, refusals-- > 0 ? null : subscription),
  });
  let back = () => {};
  const returned = new Promise<void>((resolve) => {
    back = resolve;
  });
  const events: string[] = [];
  const gateway = await startGateway({
    broker: broker.url,
    clock: { now: () => 0 },
    devices: [],
    drs: "http://127.0.0.1:1",
    log: ({ event }) => {
      events.push(event);
      if (event === "broker-back") back();
    },
  });
  refusals = 2;
  broker.drop();
  await returned;
  t.is(refusals, -1);
  t.is(events.filter((event) => event === "broker-error").length, 2);
  await gateway.close();
  await broker.close();
});

test.serial("a broker that refuses the subscription is named", async (t) => {
  const broker = await startBroker({
    authorizeSubscribe: (_client, _subscription, done) => done(null, null),
  });
  await t.throwsAsync(
    startGateway({ broker: broker.url, clock: { now: () => 0 }, devices: [], drs: "http://127.0.0.1:1" }),
    { instanceOf: GatewayError, code: "broker", message: new RegExp(`${broker.url}.*subscribe`) },
  );
  await broker.close();
});

test.serial("closing twice is closing once, and a port in use is said to be", async (t) => {
  const broker = await startBroker();
  const options: GatewayOptions = {
    broker: broker.url,
    clock: { now: () => 0 },
    devices: [],
    drs: "http://127.0.0.1:1",
  };
  const gateway = await startGateway(options);
  const port = Number(new URL(gateway.notificationUrl).port);
  await t.throwsAsync(startGateway({ ...options, port }), {
    instanceOf: GatewayError,
    code: "endpoint",
    message: new RegExp(`127\\.0\\.0\\.1:${port}`),
  });
  await Promise.all([gateway.close(), gateway.close()]);
  await t.throwsAsync(fetch(gateway.notificationUrl));
  await broker.close();
});

test.serial("a broker that is not there is named, without its password", async (t) => {
  const port = await freePort();
  const error = await t.throwsAsync(
    startGateway({
      broker: `mqtt://gateway:swordfish@127.0.0.1:${port}`,
      clock: { now: () => 0 },
      devices: [],
      drs: "http://127.0.0.1:1",
    }),
    { instanceOf: GatewayError, code: "broker" },
  );
  t.true(error!.message.includes(`mqtt://127.0.0.1:${port}`));
  t.false(error!.message.includes("swordfish"));
});

test("options are checked before anything is opened, and the message names the field", async (t) => {
  const good: GatewayOptions = {
    broker: "mqtt://127.0.0.1:1",
    clock: { now: () => 0 },
    devices: [registered("A")],
    drs: "http://127.0.0.1:1",
  };
  const slot = registered("A").slots[0]!;
  const bad: [Partial<GatewayOptions>, RegExp][] = [
    [{ broker: "http://user:swordfish@x" }, /^broker: .*mqtt.*\(got http:\/\/x\)$/],
    [{ drs: "nowhere" }, /^drs: .*nowhere/],
    [{ database: "" }, /^database/],
    [{ port: 65_536 }, /^port .*65536/],
    [{ devices: [registered("A"), registered("A")] }, /"A".*once/],
    [{ devices: [registered("A/B")] }, /"A\/B".*serial/],
    [{ devices: [registered("")] }, /serial/],
    [{ devices: [registered("A", { model: "" })] }, /"A".*model/],
    [{ devices: [registered("A", { accessToken: "a\nb" })] }, /"A".*accessToken/],
    [{ devices: [registered("A", { refreshToken: "a b" })] }, /"A".*refreshToken/],
    [{ devices: [registered("A", { refreshToken: "Atzr|swordfish" })], tokenKeys: [] }, /^tokenKeys: .*"A"/],
    [{ tokenKeys: [{ number: 0, secret: new Uint8Array(32) }] }, /^tokenKeys: number.*got 0/],
    [{ tokenKeys: [{ number: 1, secret: new Uint8Array(31) }] }, /^tokenKeys: .*key 1.*got 31/],
    [
      { tokenKeys: [1, 1].map((number) => ({ number, secret: new Uint8Array(32) })) },
      /^tokenKeys: .*1.*once/,
    ],
    [{ lwa: { clientId: "", clientSecret: "x" } }, /^lwa: clientId/],
    [{ lwa: { clientId: "x", clientSecret: "" } }, /^lwa: clientSecret/],
    [{ lwa: { clientId: "x", clientSecret: "x", tokenUrl: "ftp://x" } }, /^lwa: tokenUrl.*ftp/],
    [{ sns: { topicArns: [] } }, /^sns: topicArns.*none/],
    [{ sns: { topicArns: ["orders"] } }, /^sns: topicArns.*got orders/],
    [{ sns: { topicArns: [TOPIC_ARN], origin: "x" } }, /^sns: origin.*got x/],
    [{ devices: [registered("A", { utcOffsetMinutes: 841 })] }, /utcOffsetMinutes.*841/],
    [{ devices: [registered("A", { key: { ...key(1), number: 256 } })] }, /key number.*256/],
    [{ devices: [registered("A", { key: { number: 1, secret: new Uint8Array(31) } })] }, /secret.*31/],
    [{ devices: [registered("A", { oldKey: { ...key(2), number: -1 } })] }, /oldKey number.*-1/],
    [{ devices: [registered("A", { oldKey: { number: 2, secret: new Uint8Array(33) } })] }, /oldKey.*33/],
    [{ devices: [registered("A", { key: key(2), oldKey: key(2) })] }, /oldKey number.*got 2/],
    [{ devices: [registered("A", { slots: [] })] }, /slots.*got 0/],
    [{ devices: [registered("A", { slots: [slot, slot] })] }, /"soap".*once/],
    [{ devices: [registered("A", { slots: [{ ...slot, id: "" }] })] }, /id must not be empty/],
    [{ devices: [registered("A", { slots: [{ ...slot, capacity: -3 }] })] }, /"soap": capacity.*got -3/],
    [{ devices: [registered("A", { slots: [{ ...slot, stepsPerUnit: 0 }] })] }, /stepsPerUnit.*got 0/],
    [{ devices: [registered("A", { slots: [{ ...slot, refill: 1.5 }] })] }, /refill.*got 1.5/],
  ];
  for (const [change, message] of bad)
    await t.throwsAsync(startGateway({ ...good, ...change }), {
      instanceOf: GatewayError,
      code: "options",
      message,
    });
});

test("a service that does not answer in time has not answered", async (t) => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const counts = noCounts();
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const answer = await new DrsClient({ base, counts, timeout: 50 }).replenish("token", "soap");
  t.like(answer, { kind: "unanswered", reachable: false, inDoubt: true });
  t.is(counts.drs.replenish, 1);
  server.closeAllConnections();
  server.close();
});

test("a service that is not there was not sent anything", async (t) => {
  const base = `http://127.0.0.1:${await freePort()}`;
  const answer = await new DrsClient({ base, counts: noCounts() }).replenish("token", "soap");
  t.like(answer, { kind: "unanswered", reachable: false, inDoubt: false });
});

test("a redirect is not followed: it would carry the token elsewhere", async (t) => {
  let elsewhere = 0;
  const server = createServer((request, response) => {
    if (request.url === "/elsewhere") elsewhere++;
    response.writeHead(307, { location: "/elsewhere" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const counts = noCounts();
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = await new DrsClient({ base, counts }).deviceStatus("token", "2025-11-20T12:00:00Z");
  t.like(answer, { kind: "unanswered", reachable: true });
  t.is(elsewhere, 0);
  server.closeAllConnections();
  server.close();
});

test.serial(
  "while DRS is not there, orders wait as long as it takes, and are placed when it is",
  async (t) => {
    const port = await freePort();
    const world = await startWorld([registered("OFFLINE")], {
      drs: `http://127.0.0.1:${port}`,
      random: () => 0.5,
    });
    const offline = new TestDevice(world, registered("OFFLINE"));
    await world.drs.start(port);
    await offline.send(intent());
    await world.drs.close();
    await offline.send(intent({ cycle: 2 }));
    await offline.send(status());
    await world.clock.advance(2 * 86_400_000);
    const { 1: order } = await world.gateway.orders();
    t.like(order, { state: "intended", askedAt: null, attempts: 0 });
    const counts = world.gateway.counts.drs;
    t.true(counts.subscriptionInfo > 48, "it was tried again and again");
    const calls = Object.values(counts).reduce((sum, count) => sum + count, 0);
    t.true(calls < 160, `${calls} calls in two days: what is owed waits together`);
    const before = offline.calls.length;
    await world.drs.start(port);
    await world.clock.advance(3_600_000);
    const paths = offline.calls.slice(before).map(({ path }) => path);
    t.true(paths.includes("/replenish/soap") && paths.includes("/slotStatus/soap"));
    t.like(await world.gateway.orders(), { 1: { state: "accepted" } });
    await world.close();
  },
);

test("after a loss of the database, a device takes the answers and the events of the new one", async (t) => {
  const first = await startWorld([registered("RESTORED")]);
  const before = new TestDevice(first, registered("RESTORED"));
  await before.send(intent());
  await before.send(status({ applied: 1 }));
  await first.close();

  const second = await startWorld([registered("RESTORED")]);
  second.clock.time += 60_000;
  const after = new TestDevice(second, registered("RESTORED"));
  after.sequence = before.sequence;
  // What comes under no higher sequence is an error there, as it is dropped by a device.
  after.downlink = before.downlink;
  t.like(await after.send(status({ applied: 40 })), { newest: 40, events: [] });
  const { downlink } = after;
  await after.send(intent({ cycle: 2, applied: 40 }));
  t.is(after.downlink, downlink + 1);
  t.like(await after.send(status({ applied: 40 })), { newest: 41, events: [{ number: 41, cycle: 2 }] });
  await second.close();
});
