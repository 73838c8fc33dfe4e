import test from "ava";
import { SandboxError } from "../../../examples/drs-sandbox/index.js";
import { CLIENT_ID, CLIENT_SECRET, loginTokens, SERIAL, startMaker, token } from "./maker.js";
import { callService, DAY, MINUTE, SECOND, start } from "./support.js";

const admin = (url: string, path: string, body?: unknown, type = "application/json") =>
  fetch(`${url}/sandbox${path}`, {
    ...(body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": type }, body: JSON.stringify(body) }),
  });

async function subscriber(t: Parameters<typeof startMaker>[0]) {
  const maker = await startMaker(t, {}, { lifetime: 90 * 86_400 });
  const tokens = await loginTokens(maker);
  await maker.clock.advance(0);
  const bearer = { token: `Bearer ${tokens.access_token}` };
  const types = () => maker.news().map(({ type }) => type.replace("Notification", ""));
  return {
    ...maker,
    tokens,
    types,
    call: (operation: Parameters<typeof callService>[1], change = {}) =>
      callService(maker.sandbox.url, operation, { ...bearer, ...change }),
  };
}

test("a call fails as often as it is to, for the operation and the device that are named", async (t) => {
  const { sandbox, call } = await start(t);
  const { url } = sandbox;
  const faults = [
    { kind: "error", operation: "Replenish", times: 2 },
    { kind: "error", status: 503, serial: "P-1" },
  ];
  const answer = await admin(url, "/faults", { faults });
  t.is(answer.status, 200);
  t.deepEqual(await answer.json(), { faults: [faults[0], { ...faults[1], times: 1 }] });
  t.is((await call("DeviceStatus")).status, 200);
  for (const status of [500, 500, 200]) t.is((await call("Replenish")).status, status);
  t.is(sandbox.orders.length, 1, "a call that fails does nothing");
  const printer = { token: "Bearer Atza|printer" };
  for (const status of [503, 200]) t.is((await call("DeviceStatus", printer)).status, status);
  t.deepEqual(await (await admin(url, "/faults")).json(), { faults: [] });
});

test("an answer that is lost was a deed all the same", async (t) => {
  const { sandbox, call } = await start(t);
  sandbox.addFaults([{ kind: "lost-answer", operation: "Replenish" }]);
  await t.throwsAsync(call("Replenish"));
  t.is(sandbox.orders.length, 1);
  t.like(await (await call("Replenish")).json(), { detailCode: "ORDER_INPROGRESS" });
});

test("a token that expires is refused, and so are all others that the device has", async (t) => {
  const { sandbox, call, tokens } = await subscriber(t);
  sandbox.addFaults([{ kind: "expired-token", serial: SERIAL }]);
  for (const _ of [1, 2]) t.like(await (await call("DeviceStatus")).json(), { message: "Invalid token" });
  const client = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
  const refresh = () =>
    token({ sandbox }, { grant_type: "refresh_token", refresh_token: tokens.refresh_token, ...client });
  sandbox.addFaults([{ kind: "error", operation: "Token" }]);
  t.is((await refresh()).status, 500);
  const { access_token } = (await (await refresh()).json()) as { access_token: string };
  t.is((await call("DeviceStatus", { token: `Bearer ${access_token}` })).status, 200);
});

test("a slow answer is held back, and no other with it", async (t) => {
  const { sandbox, call } = await start(t);
  sandbox.addFaults([
    { kind: "slow", operation: "DeviceStatus", delay: 1 },
    { kind: "slow", operation: "DeviceStatus", delay: 600_000 },
  ]);
  t.is((await call("DeviceStatus")).status, 200);
  let isAnswered = false;
  const slow = call("DeviceStatus").then(() => {
    isAnswered = true;
  });
  t.is((await call("SubscriptionInfo")).status, 200);
  t.false(isAnswered);
  await sandbox.close();
  await t.throwsAsync(slow);
});

test("notifications are lost, doubled and overtaken", async (t) => {
  const { sandbox, call, clock, types, receiver } = await subscriber(t);
  await call("Replenish");
  sandbox.addFaults([
    { kind: "late-notification", type: "OrderPlacedNotification" },
    { kind: "duplicate-notification", type: "ItemShippedNotification" },
    { kind: "lost-notification", type: "DeviceDeregisteredNotification", serial: SERIAL },
  ]);
  await clock.advance(2 * DAY);
  t.deepEqual(types().slice(2), ["ItemShipped", "ItemShipped", "OrderPlaced"]);
  const [first, second] = receiver.received.slice(2);
  t.is(first?.body, second?.body, "a double has the same message id");
  sandbox.addFaults([{ kind: "late-notification", seconds: 60 }]);
  sandbox.setSubscribed(SERIAL, "soap", false);
  await clock.advance(0);
  sandbox.setSubscribed(SERIAL, "soap", true);
  await clock.advance(59 * SECOND);
  t.is(types().length, 6);
  await clock.advance(SECOND);
  t.is(types().length, 7, "held back for its time, whatever is sent meanwhile");
  await sandbox.deregister(SERIAL);
  t.is(types().length, 7);
  t.is(sandbox.counts.notifications.failed, 1);
});

test("what is asked of the sandbox is checked, and takes no form from a page elsewhere", async (t) => {
  const { sandbox } = await start(t);
  const { url } = sandbox;
  const wrong: [unknown, RegExp][] = [
    [{}, /faults must be a list/],
    [{ faults: [{ kind: "none" }] }, /faults\[0\]\.kind must be one of .*"none"/],
    [{ faults: [{ kind: "error", operation: "None" }] }, /operation must be one of .*"None"/],
    [{ faults: [{ kind: "error" }, { kind: "error", status: 200 }] }, /faults\[1\]\.status .*got 200/],
    [{ faults: [{ kind: "slow", delay: -1 }] }, /delay .*got -1/],
    [{ faults: [{ kind: "slow", times: 0 }] }, /times .*got 0/],
    [{ faults: [{ kind: "slow", type: "OrderPlacedNotification" }] }, /\.type: accepted are/],
    [{ faults: [{ kind: "expired-token", operation: "Token" }] }, /"Token" goes neither/],
    [{ faults: [{ kind: "late-notification", type: "None" }] }, /type must be one of/],
    [{ faults: [null] }, /faults\[0\] must be an object/],
    [[], /faults must be a list/],
  ];
  for (const [body, message] of wrong) {
    const answer = await admin(url, "/faults", body);
    t.is(answer.status, 400, JSON.stringify(body));
    t.regex(((await answer.json()) as { message: string }).message, message);
  }
  t.is((await admin(url, "/faults", { faults: [] }, "text/plain")).status, 415);
  t.throws(() => sandbox.addFaults([{ kind: "slow", times: 0.5 }]), {
    instanceOf: SandboxError,
    code: "BAD_OPTION",
  });
  sandbox.addFaults([{ kind: "slow" }]);
  t.is((await fetch(`${url}/sandbox/faults`, { method: "DELETE" })).status, 200);
  t.deepEqual(await (await admin(url, "/faults")).json(), { faults: [] });
});

test("a look at the sandbox shows devices and orders, and no token", async (t) => {
  const { sandbox, call, tokens } = await subscriber(t);
  await call("Replenish");
  const text = await (await admin(sandbox.url, "")).text();
  t.like(JSON.parse(text), {
    devices: [
      {
        serial: SERIAL,
        customerId: "amzn1.account.ADA",
        isRegistered: true,
        slots: [
          { id: "soap", subscribed: true, asin: "B000SOAP01" },
          { id: "foam", subscribed: false, asin: null },
        ],
      },
    ],
    orders: [{ state: "accepted", slotId: "soap" }],
  });
  t.false(text.includes(tokens.access_token) || text.includes(tokens.refresh_token));
});

test("the clock moves ahead on demand, and orders with a problem are solved", async (t) => {
  const { sandbox, call, types } = await subscriber(t);
  const { url } = sandbox;
  await call("Replenish");
  const { now } = (await (await admin(url, "/clock", { advance: 2 * DAY })).json()) as { now: string };
  t.is(now, "2017-01-04T22:35:53.250Z");
  t.deepEqual(types().slice(2), ["OrderPlaced", "ItemShipped"]);
  for (const advance of [-1, "1", 1.5]) t.is((await admin(url, "/clock", { advance })).status, 400);
  const still = await start(t, {
    clock: { now: () => 0, at: () => ({ cancel() {} }) },
    plan: () => ({ placedAfter: MINUTE, shippedAfter: DAY, deliveredAfter: DAY, problem: "stock" as const }),
  });
  t.is((await admin(still.sandbox.url, "/clock", { advance: 1 })).status, 409);
  await still.call("Replenish");
  const { instanceId } = still.sandbox.orders[0]!;
  t.is((await admin(still.sandbox.url, "/resolve", { instanceId: "other" })).status, 400);
  t.is((await admin(still.sandbox.url, "/resolve", { instanceId })).status, 200);
  t.is(still.sandbox.orders[0]?.state, "placed");
});
