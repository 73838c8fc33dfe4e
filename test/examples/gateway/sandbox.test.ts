import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../../examples/drs-sandbox/index.js";
import type { GatewayDevice, GatewayOptions, TokenKey } from "../../../examples/gateway/index.js";
import { intent, registered, startWorld, status, TestClock, TestDevice, type World } from "./harness.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SERIAL = "G030XX0000000001";
const REFRESH = "Atzr|the-first-refresh-token";
const CLIENT = { clientId: "amzn1.application-oa2-client.0", clientSecret: "client-secret" };
const KEY: TokenKey = { number: 3, secret: new Uint8Array(randomBytes(32)) };

interface Setting {
  readonly world: World;
  readonly sandbox: Sandbox;
  readonly device: TestDevice;
}

/** A gateway and the sandbox on one clock, with nothing between them that a real service would not have. */
async function start(
  t: ExecutionContext,
  sandboxOptions: Partial<SandboxOptions> = {},
  gatewayOptions: Partial<GatewayOptions> = {},
): Promise<Setting> {
  const clock = new TestClock();
  const sandbox = await startSandbox({
    clock,
    devices: [
      {
        serial: SERIAL,
        model: "dispenser-1",
        refreshToken: REFRESH,
        slots: [{ id: "soap", asin: "B000", unit: "count", quantity: 1, subscribed: true }],
      },
    ],
    lwa: { ...CLIENT, lifetime: 3600 },
    handshake: true,
    ...sandboxOptions,
  });
  t.teardown(() => sandbox.close());
  const { accessToken: _, ...plain } = registered(SERIAL);
  const gatewayDevice: GatewayDevice = { ...plain, refreshToken: REFRESH };
  const world = await startWorld([gatewayDevice], {
    clock,
    drs: sandbox.url,
    lwa: { ...CLIENT, tokenUrl: `${sandbox.url}/auth/o2/token` },
    tokenKeys: [KEY],
    sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
    random: () => 1 - 2 ** -53,
    ...gatewayOptions,
  });
  t.teardown(() => world.close());
  sandbox.setNotificationUrl(SERIAL, world.gateway.notificationUrl);
  await world.clock.advance(0);
  return { world, sandbox, device: new TestDevice(world, registered(SERIAL)) };
}

async function states({ device }: Setting): Promise<string[]> {
  return (await device.events()).map(({ cycle, state }) => `${cycle} ${state}`);
}

test.serial("an order goes through tokens, signed news and all, to its end", async (t) => {
  const setting = await start(t, { signatureVersion: "2" });
  const { world, sandbox, device } = setting;
  t.is(world.gateway.counts.notifications.confirmed, 1);
  await device.send(status());
  await device.send(intent());
  t.is(sandbox.counts.tokens.issued, 1, "one token for all calls of an hour");
  await world.clock.advance(3 * DAY);
  t.deepEqual(await states(setting), ["1 accepted", "1 placed", "1 shipped"]);
  t.is(world.gateway.counts.notifications.refused, 0);
  t.is(sandbox.counts.notifications.failed, 0);
  t.is(sandbox.counts.refusals["invalid-token"], 0, "tokens are refreshed before they expire");
});

test.serial("tokens are refreshed a minute before they expire, and when they are refused", async (t) => {
  const { world, sandbox, device } = await start(t);
  await device.send(status());
  await world.clock.advance(HOUR - 61 * SECOND);
  await device.send(status());
  t.is(sandbox.counts.tokens.issued, 1);
  await world.clock.advance(SECOND);
  await device.send(status());
  t.is(sandbox.counts.tokens.issued, 2);
  sandbox.expireTokens(SERIAL);
  await device.send(intent());
  t.is(sandbox.counts.tokens.issued, 3);
  t.is(sandbox.counts.refusals["invalid-token"], 1);
  t.like(await world.gateway.orders(), { 0: { state: "accepted" } });
  t.is(world.gateway.counts.drsUnauthorized, 0, "nothing failed by it");
  // The next start finds the token that is there.
  t.deepEqual(world.gateway.counts.lwa, { granted: 3, ended: 0, rejected: 0, failed: 0 });
});

test.serial("no token is in the database to be read, and the next gateway finds them", async (t) => {
  const database = await mkdtemp(join(tmpdir(), "everfull-tokens-"));
  t.teardown(() => rm(database, { recursive: true }));
  const { world, sandbox, device } = await start(t, { lwa: { ...CLIENT, rotate: true } }, { database });
  await device.send(status());
  await world.clock.advance(HOUR);
  await device.send(status());
  t.is(sandbox.counts.tokens.issued, 2, "the second refresh takes what the first has brought");
  await world.restart();
  await device.send(status());
  t.is(sandbox.counts.tokens.issued, 2, "the access token outlives the gateway");
  await world.gateway.close();
  let files = 0;
  for (const entry of await readdir(database, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    t.false(bytes.includes("Atza|") || bytes.includes("Atzr|"), entry.name);
    files++;
  }
  t.true(files > 100);
  const log = JSON.stringify(world.log);
  t.true(world.log.some(({ event }) => event === "token-refreshed"));
  t.false(log.includes("Atz") || log.includes(CLIENT.clientSecret));
});

test.serial("while no token is to be had, an order waits; when there is one, it is placed", async (t) => {
  const { world, sandbox, device } = await start(t, { lwa: { ...CLIENT, clientSecret: "another" } });
  await device.send(intent());
  await world.clock.advance(DAY);
  t.like(await world.gateway.orders(), { 0: { state: "intended", attempts: 0 } });
  t.is(sandbox.counts.requests.Replenish + sandbox.counts.requests.SubscriptionInfo, 0);
  t.true(world.gateway.counts.lwa.rejected > 10);
  t.true(
    world.log.some(
      ({ event, message }) => event === "token-rejected" && /invalid_client/.test(String(message)),
    ),
  );
});

test.serial(
  "a customer who takes the consent back ends everything; a new login begins it again",
  async (t) => {
    const setting = await start(t);
    const { world, sandbox, device } = setting;
    await device.send(status());
    await world.clock.advance(MINUTE);
    // Its notification is lost: the refresh token tells.
    sandbox.setNotificationUrl(SERIAL, "http://127.0.0.1:9/lost");
    await sandbox.deregister(SERIAL);
    await device.send(intent());
    t.like(await world.gateway.orders(), { 0: { state: "rejected" } });
    t.regex((await world.gateway.orders())[0]!.message!, /invalid_grant/);
    t.deepEqual(await states(setting), ["1 rejected"]);
    const { requests } = sandbox.counts;
    await device.send(status());
    await device.send(intent({ cycle: 2 }));
    await world.clock.advance(10 * DAY);
    t.deepEqual(sandbox.counts.requests, requests);

    sandbox.setNotificationUrl(SERIAL, world.gateway.notificationUrl);
    await sandbox.register(SERIAL, "Atzr|the-second");
    await device.send(status());
    t.deepEqual(sandbox.counts.requests, requests, "without its tokens, a registration is no use");
    await world.gateway.authorize(SERIAL, { refreshToken: "Atzr|the-second" });
    await device.send(intent({ cycle: 3 }));
    t.deepEqual(await states(setting), ["1 rejected", "2 rejected", "3 accepted"]);
    await t.throwsAsync(world.gateway.authorize(SERIAL, { refreshToken: "a\nb" }), {
      code: "options",
      message: "refreshToken must be printable ASCII without spaces",
    });
  },
);

test.serial(
  "the gateway's own deregistration voids the tokens, and its announcement changes nothing more",
  async (t) => {
    const { world, sandbox, device } = await start(t);
    await device.send(status());
    await world.gateway.deregister(SERIAL);
    t.is(sandbox.counts.requests.Deregistration, 1);
    await world.clock.advance(HOUR);
    t.is(sandbox.counts.notifications.delivered, 2, "the confirmation and the announcement");
    const { requests, tokens } = sandbox.counts;
    await device.send(intent());
    await world.clock.advance(10 * DAY);
    t.deepEqual(sandbox.counts.requests, requests);
    t.deepEqual(sandbox.counts.tokens, tokens);
    t.true(world.log.some(({ event }) => event === "deregistered"));
  },
);

test.serial(
  "an order that is cancelled unheard, its answer lost as well, stays the only one of its cycle",
  async (t) => {
    const setting = await start(t);
    const { world, sandbox, device } = setting;
    sandbox.addFaults([
      { kind: "lost-answer", operation: "Replenish" },
      { kind: "lost-notification", type: "OrderPlacedNotification" },
      { kind: "lost-notification", type: "OrderCancelledNotification" },
    ]);
    await device.send(intent());
    t.is(sandbox.orders.length, 1);
    await world.clock.advance(10 * MINUTE);
    t.true(await sandbox.cancel(sandbox.orders[0]!.instanceId));
    for (let hour = 0; hour < 48; hour++) {
      await device.send(status());
      await device.deliver(device.sealed(intent(), 1));
      await world.clock.advance(HOUR);
    }
    t.is(sandbox.counts.requests.Replenish, 1);
    t.deepEqual(await states(setting), ["1 unknown"]);
    t.like(await world.gateway.orders(), {
      0: { state: "unknown", message: "no answer to Replenish, and no news within 24 hours" },
    });
    // What the device orders when it has waited long enough is another cycle's.
    await device.send(intent({ cycle: 2 }));
    await world.clock.advance(3 * DAY);
    t.deepEqual(await states(setting), ["1 unknown", "2 accepted", "2 placed", "2 shipped"]);
    t.is(sandbox.orders.length, 2);
  },
);

test.serial("an order with a problem is resolved in time, or cancelled", async (t) => {
  const plans = [
    { placedAfter: 48 * HOUR, shippedAfter: 3 * DAY, deliveredAfter: 6 * DAY },
    { placedAfter: 80 * HOUR, shippedAfter: 4 * DAY, deliveredAfter: 6 * DAY, cancelledAfter: 72 * HOUR },
    { placedAfter: MINUTE, shippedAfter: 2 * DAY, deliveredAfter: 6 * DAY },
  ];
  const setting = await start(t, { plan: ({ number }) => plans[number - 1]! });
  const { world, sandbox, device } = setting;
  await device.send(intent());
  await world.clock.advance(7 * DAY);
  await device.send(intent({ cycle: 2 }));
  await world.clock.advance(7 * DAY);
  await device.send(intent({ cycle: 3 }));
  await world.clock.advance(HOUR);
  // As the customer, within 24 hours.
  t.true(await sandbox.cancel(sandbox.orders[2]!.instanceId));
  await world.clock.advance(7 * DAY);
  t.deepEqual(await states(setting), [
    "1 accepted",
    "1 resolution",
    "1 placed",
    "1 shipped",
    "2 accepted",
    "2 resolution",
    "2 cancelled",
    "3 accepted",
    "3 placed",
    "3 cancelled",
  ]);
  t.is(sandbox.orders.length, 3);
  t.like(await world.gateway.orders(), { 2: { state: "cancelled" } });
});
