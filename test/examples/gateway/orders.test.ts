import test from "ava";
import { MAX_EVENTS, type OrderEvent } from "everfull";
import fc from "fast-check";
import {
  type Call,
  envelope,
  enveloped,
  intent,
  NOON,
  type Notice,
  post,
  registered,
  startWorld,
  status,
  TestDevice,
  TODAY,
  type World,
} from "./harness.js";

let world: World;
let made = 0;
const SERIALS = Array.from({ length: 30 }, (_, n) => `ORDERING-${n}`);

test.before(async () => {
  world = await startWorld(SERIALS.map((serial) => registered(serial, { utcOffsetMinutes: -480 })));
});
test.after.always(() => world.close());

/** A device that no other test uses. */
function device(): TestDevice {
  return new TestDevice(world, registered(SERIALS[made++]!, { utcOffsetMinutes: -480 }));
}

/** Sets what DRS answers to each Replenish call of a device, in turn; the last one stays. */
function replenish(to: TestDevice, ...replies: ({ status: number; body?: unknown } | "hang up")[]): void {
  let at = 0;
  world.drs.answer(to.registered.accessToken, (call: Call) =>
    call.path.startsWith("/replenish/") ? replies[Math.min(at++, replies.length - 1)] : undefined,
  );
}

function accepted(instanceId: string | undefined, detailCode = "STANDARD_ORDER_PLACED") {
  return { status: 200, body: { eventInstanceId: instanceId, detailCode } };
}

function notify(about: TestDevice, type: string, instanceId: string, more: Partial<Notice> = {}) {
  const { serial } = about.registered;
  return post(world.gateway.notificationUrl, envelope({ type, serial, instanceId, ...more }));
}

/** What the device is told when it asks. */

function states(list: readonly OrderEvent[]): string[] {
  return list.map((event) => `${event.number} ${event.slot}/${event.cycle} ${event.state} ${event.day}`);
}

test("an order of a device that did not know the day is an order, and its answer tells the time", async (t) => {
  const lost = device();
  replenish(lost, accepted("order-undated"));
  t.is((await lost.send(intent({ day: 0 }))).time, NOON / 1000);
  t.is(lost.called("/replenish/").length, 1);
  t.deepEqual(states(await lost.events()), ["1 0/1 accepted 0"]);
});

test("an intent becomes one Replenish call, however often it is repeated", async (t) => {
  const thrifty = device();
  replenish(thrifty, accepted("order-1"));
  const answer = await thrifty.send(intent());
  t.like(answer, { seen: 1, newest: 0, events: { length: 0 } });
  t.deepEqual(
    thrifty.calls.map((call) => `${call.method} ${call.path}`),
    ["GET /subscriptionInfo", "POST /replenish/soap", "POST /deviceStatus"],
  );
  const [info, order] = thrifty.calls;
  t.is(info!.headers["x-amzn-accept-type"], "com.amazon.dash.replenishment.DrsSubscriptionInfoResult@2.0");
  t.is(order!.headers["x-amzn-type-version"], "com.amazon.dash.replenishment.DrsReplenishInput@1.0");
  t.is(order!.headers["x-amzn-accept-type"], "com.amazon.dash.replenishment.DrsReplenishResult@1.0");
  t.is(order!.body, "");

  await thrifty.deliver(thrifty.sealed(intent(), 1));
  await thrifty.send(intent());
  await thrifty.send(intent({ remaining: 50 }));
  t.is(thrifty.called("/replenish/").length, 1);
  t.deepEqual(await world.gateway.orders(thrifty.registered.serial), [
    {
      serial: thrifty.registered.serial,
      slot: 0,
      cycle: 1,
      sequence: 1,
      day: TODAY,
      quantity: 350,
      remaining: 60,
      runOut: 9,
      receivedAt: NOON,
      state: "accepted",
      attempts: 1,
      askedAt: NOON,
      acceptedAt: NOON,
      instanceId: "order-1",
      detail: "STANDARD_ORDER_PLACED",
      message: null,
      deliveryDay: null,
    },
  ]);
  t.deepEqual(states(await thrifty.events()), ["1 0/1 accepted 0"]);
});

test("another cycle or another slot is another order, and each is asked for when DRS answers", async (t) => {
  const several = device();
  replenish(several, accepted("a"), accepted("b"), accepted("c", "TEST_ORDER_PLACED"));
  await several.send(intent());
  await several.send(intent({ slot: 1 }));
  await several.send(intent({ cycle: 2 }));
  t.deepEqual(
    several.called("/replenish/").map((call) => call.path),
    ["/replenish/soap", "/replenish/towels", "/replenish/soap"],
  );
  t.is(several.called("/subscriptionInfo").length, 3);
  t.deepEqual(states(await several.events()), ["1 0/1 accepted 0", "2 1/1 accepted 0", "3 0/2 accepted 0"]);
});

test("events are repeated until they are confirmed, two at a time, and numbered without gaps", async (t) => {
  const slow = device();
  for (let cycle = 1; cycle <= 10; cycle++) await slow.send(intent({ cycle }));
  const first = await slow.send(status({ applied: 0 }));
  t.is(first.newest, 10);
  t.deepEqual(
    first.events.map((event) => event.number),
    [1, 2],
  );
  t.is(first.events.length, MAX_EVENTS);
  t.deepEqual((await slow.send({ kind: "poll", applied: 0 })).events, first.events);
  const numbers = async (applied: number) =>
    (await slow.send({ kind: "poll", applied })).events.map((event) => event.number);
  t.deepEqual(await numbers(3), [4, 5]);
  // What is confirmed stays so: a message that was made earlier may arrive with a lower number.
  t.deepEqual(await numbers(1), [4, 5]);
  t.deepEqual(await numbers(9), [10]);
  t.deepEqual(await numbers(10), []);
  await slow.send(intent({ cycle: 11, applied: 10 }));
  t.deepEqual(await numbers(10), [11]);
});

test("an order that DRS could not take is tried again with the next message", async (t) => {
  const patient = device();
  const busy = { status: 429 };
  replenish(patient, busy, busy, { status: 408 }, busy, accepted("late"));
  await patient.send(intent());
  for (const calls of [2, 3, 4]) {
    t.deepEqual(await patient.events(), []);
    t.is(patient.called("/replenish/").length, calls);
  }
  t.deepEqual(await patient.events(), []);
  t.deepEqual(states(await patient.events()), ["1 0/1 accepted 0"]);
  t.is(patient.called("/replenish/").length, 5);
  t.like(await world.gateway.orders(patient.registered.serial), { 0: { attempts: 5, instanceId: "late" } });
});

test("a repeated message is a next message too", async (t) => {
  const patient = device();
  replenish(patient, { status: 429 }, accepted("late"));
  const sealed = patient.sealed(intent());
  await patient.deliver(sealed);
  await patient.deliver(sealed);
  t.is(patient.called("/replenish/").length, 2);
  t.deepEqual(states(await patient.events()), ["1 0/1 accepted 0"]);
});

test("an order in progress is the earlier cycle's order, with all its news", async (t) => {
  const eager = device();
  replenish(eager, accepted("shared"), accepted("shared", "ORDER_INPROGRESS"));
  await eager.send(intent());
  await notify(eager, "OrderPlacedNotification", "shared", { delivery: "2025-11-26T07:59:59Z" });
  await eager.send(intent({ cycle: 2 }));
  await notify(eager, "ItemShippedNotification", "shared", { delivery: "2025-11-27T07:59:59Z" });
  const day = TODAY + 5;
  t.deepEqual(states(await eager.events()), [
    "1 0/1 accepted 0",
    `2 0/1 placed ${day}`,
    "3 0/2 accepted 0",
    `4 0/2 placed ${day}`,
    `5 0/1 shipped ${day + 1}`,
    `6 0/2 shipped ${day + 1}`,
  ]);
  const { serial } = eager.registered;
  t.is(
    world.log.filter((e) => e.event === "order-accepted" && e.serial === serial && e.level === "warn").length,
    1,
  );
});

test("an order that DRS refuses is rejected, with DRS's reason, and not tried again", async (t) => {
  const refused = device();
  const message = "Unable to place order - slot : <soap> is unsubscribed.";
  replenish(refused, { status: 400, body: { message } }, accepted("second"));
  await refused.send(intent());
  t.deepEqual(states(await refused.events()), ["1 0/1 rejected 0"]);
  t.is(refused.called("/replenish/").length, 1);
  t.like(await world.gateway.orders(refused.registered.serial), { 0: { state: "rejected", message } });
  await refused.send(intent({ cycle: 2, applied: 1 }));
  t.is(refused.called("/subscriptionInfo").length, 2);
  t.deepEqual(states(await refused.events(1)), ["2 0/2 accepted 0"]);
});

test("a slot that is not subscribed is not ordered for, until it is", async (t) => {
  const guest = device();
  let subscribed = false;
  world.drs.answer(guest.registered.accessToken, (call) =>
    call.path === "/subscriptionInfo"
      ? { status: 200, body: { slotsSubscriptionStatus: { soap: { subscribed } } } }
      : undefined,
  );
  await guest.send(intent());
  t.is(guest.called("/replenish/").length, 0);
  t.deepEqual(states(await guest.events()), ["1 0/1 rejected 0"]);
  t.like(await world.gateway.orders(guest.registered.serial), {
    0: { message: 'slot "soap" is not subscribed', attempts: 0 },
  });
  subscribed = true;
  await guest.send(intent({ cycle: 2 }));
  t.is(guest.called("/replenish/").length, 1);
  // News about the subscription makes what was known doubtful.
  subscribed = false;
  const { serial } = guest.registered;
  await post(world.gateway.notificationUrl, envelope({ type: "SubscriptionChangedNotification", serial }));
  await guest.send(intent({ cycle: 3 }));
  t.is(guest.called("/replenish/").length, 1);
  t.deepEqual(states(await guest.events(2)), ["3 0/3 rejected 0"]);
});

test("an order waits while the subscription cannot be asked for", async (t) => {
  const waiting = device();
  let status = 500;
  world.drs.answer(waiting.registered.accessToken, (call) =>
    call.path === "/subscriptionInfo" && status !== 200 ? { status } : undefined,
  );
  await waiting.send(intent());
  t.is(waiting.called("/replenish/").length, 0);
  status = 200;
  await waiting.events();
  t.deepEqual(states(await waiting.events()), ["1 0/1 accepted 0"]);
});

test("placed and shipped carry the delivery day at the customer's place", async (t) => {
  const customer = device();
  replenish(customer, accepted("dated"));
  await customer.send(intent());
  // The last second of a day at UTC-8.
  t.is(await notify(customer, "OrderPlacedNotification", "dated", { delivery: "2025-11-24T07:59:59Z" }), 200);
  t.is(await notify(customer, "ItemShippedNotification", "dated", { delivery: "2025-11-24T08:00:00Z" }), 200);
  t.deepEqual(states(await customer.events()), [
    "1 0/1 accepted 0",
    `2 0/1 placed ${TODAY + 3}`,
    `3 0/1 shipped ${TODAY + 4}`,
  ]);
  t.like(await world.gateway.orders(customer.registered.serial), {
    0: { state: "shipped", deliveryDay: TODAY + 4 },
  });
});

test("version 1 notifications, with one date for the order, are understood", async (t) => {
  const old = device();
  replenish(old, accepted("v1"));
  await old.send(intent());
  const { Message } = JSON.parse(
    envelope({ type: "OrderPlacedNotification", serial: old.registered.serial }),
  );
  const message = JSON.parse(Message);
  message.orderInfo = {
    instanceId: "v1",
    slotId: "soap",
    productInfo: [{ quantity: 12, unit: "count" }],
    estimatedDeliveryDate: "2025-11-25T06:59:59Z",
    surprise: [{}],
  };
  t.is(await post(world.gateway.notificationUrl, enveloped(JSON.stringify(message))), 200);
  t.deepEqual(states(await old.events(1)), [`2 0/1 placed ${TODAY + 4}`]);
});

test("a notification counts once, however often it is delivered", async (t) => {
  const repeated = device();
  replenish(repeated, accepted("twice"));
  await repeated.send(intent());
  const { serial } = repeated.registered;
  const body = envelope({ type: "OrderPlacedNotification", serial, instanceId: "twice" });
  t.is(await post(world.gateway.notificationUrl, body), 200);
  t.is(await post(world.gateway.notificationUrl, body), 200);
  const outcomes = world.log.filter((e) => e.event === "notification" && e.serial === serial);
  t.deepEqual(
    outcomes.map((e) => e.outcome),
    ["applied", "duplicates"],
  );
  t.deepEqual(states(await repeated.events(1)), ["2 0/1 placed 0"]);
});

test("an order never moves backwards, in whatever order its news arrives", async (t) => {
  const shuffled = device();
  replenish(shuffled, accepted("x"), accepted("y"));
  await shuffled.send(intent());
  await notify(shuffled, "ItemShippedNotification", "x");
  await notify(shuffled, "OrderPlacedNotification", "x");
  await shuffled.send(intent({ cycle: 2 }));
  await notify(shuffled, "OrderCancelledNotification", "y", { delivery: "2025-11-25T06:59:59Z" });
  await notify(shuffled, "OrderPlacedNotification", "y");
  await notify(shuffled, "ItemShippedNotification", "y");
  t.deepEqual(states(await shuffled.events()), [
    "1 0/1 accepted 0",
    "2 0/1 shipped 0",
    "3 0/2 accepted 0",
    "4 0/2 cancelled 0",
  ]);
});

test("in any shuffle of its news, an order only moves up, and a final state stays", async (t) => {
  const shuffled = device();
  const ORDER = ["accepted", "placed", "shipped", "cancelled"];
  const TYPES = ["OrderPlacedNotification", "ItemShippedNotification", "OrderCancelledNotification"];
  let cycle = 0;
  let applied = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(2), { maxLength: 6 }),
      fc.nat(6),
      fc.boolean(),
      async (news, early, lost) => {
        const name = `shuffle-${++cycle}`;
        replenish(shuffled, ...(lost ? [{ status: 429 }] : []), accepted(name));
        for (const type of news.slice(0, early)) await notify(shuffled, TYPES[type]!, name);
        await shuffled.send(intent({ cycle, applied }));
        for (const type of news.slice(early)) await notify(shuffled, TYPES[type]!, name);
        await shuffled.events(applied);
        const told = await shuffled.events(applied);
        const ranks = told.map((event) => ORDER.indexOf(event.state));
        // What is expected: the record highs of the news, in the order of arrival.
        const expected = [0];
        for (const type of news) if (type + 1 > expected.at(-1)!) expected.push(type + 1);
        applied = told.at(-1)!.number;
        t.deepEqual(ranks, expected);
        t.true(told.every((event) => event.cycle === cycle));
      },
    ),
    { numRuns: 25 },
  );
});

test("a notification whose Replenish answer was lost stands for that answer", async (t) => {
  const overtaken = device();
  let once = true;
  const early = notifyLater(overtaken, "fast");
  world.drs.answer(overtaken.registered.accessToken, (call) => {
    if (!call.path.startsWith("/replenish/") || !once) return undefined;
    once = false;
    return { status: 500 };
  });
  await overtaken.send(intent());
  // DRS has taken the order, but its answer was lost.
  t.is(await early("OrderPlacedNotification"), 200);
  t.is(await early("ItemShippedNotification"), 200);
  const told = ["1 0/1 accepted 0", `2 0/1 placed ${TODAY + 2}`, `3 0/1 shipped ${TODAY + 2}`];
  t.deepEqual(states(await overtaken.events()), told);
  // They say what the answer would have said: nothing is asked again.
  t.is(overtaken.called("/replenish/").length, 1);
  t.deepEqual(states(await overtaken.events()), told);
});

test("a notification that comes while the Replenish call is under way is not lost", async (t) => {
  const racing = device();
  world.drs.answer(racing.registered.accessToken, (call) => {
    if (!call.path.startsWith("/replenish/")) return undefined;
    return notify(racing, "OrderPlacedNotification", "racing").then(() => accepted("racing"));
  });
  await racing.send(intent());
  t.deepEqual(states(await racing.events()), ["1 0/1 accepted 0", "2 0/1 placed 0"]);
  t.like(await world.gateway.orders(racing.registered.serial), { 0: { instanceId: "racing", attempts: 1 } });
});

function notifyLater(about: TestDevice, instanceId: string) {
  return (type: string) => notify(about, type, instanceId, { delivery: "2025-11-22T20:00:00Z" });
}

test("an answer that names no order takes the name from the notifications, before or after", async (t) => {
  const [before, after] = [device(), device()];
  for (const each of [before, after])
    replenish(each, { status: 429 }, accepted(undefined, "ORDER_INPROGRESS"));
  await before.send(intent());
  await after.send(intent());
  await notify(before, "OrderPlacedNotification", "found-1");
  for (const each of [before, after]) await each.send({ kind: "poll", applied: 0 });
  await notify(after, "OrderPlacedNotification", "found-2");
  await notify(after, "ItemShippedNotification", "found-2");
  t.deepEqual(states(await before.events()), ["1 0/1 accepted 0", "2 0/1 placed 0"]);
  t.deepEqual(states(await after.events()), ["1 0/1 accepted 0", "2 0/1 placed 0", "3 0/1 shipped 0"]);
});

test("news about one device's order does not touch another's of the same name", async (t) => {
  const [mine, theirs] = [device(), device()];
  replenish(mine, accepted("same-name"));
  replenish(theirs, accepted("same-name"));
  await mine.send(intent());
  await theirs.send(intent());
  await notify(mine, "OrderPlacedNotification", "same-name");
  t.deepEqual(states(await mine.events(1)), ["2 0/1 placed 0"]);
  t.deepEqual(await theirs.events(1), []);
});

test("unknown types, and unknown devices, are taken and change nothing", async (t) => {
  const calm = device();
  replenish(calm, accepted("calm"));
  await calm.send(intent());
  const url = world.gateway.notificationUrl;
  t.is(await notify(calm, "SomethingNewNotification", "calm"), 200);
  t.is(
    await post(url, envelope({ type: "OrderPlacedNotification", serial: "NOBODY", instanceId: "calm" })),
    200,
  );
  t.deepEqual(await calm.events(1), []);
});

test("what is not a notification is refused", async (t) => {
  const url = world.gateway.notificationUrl;
  const good = envelope({ type: "OrderPlacedNotification", serial: SERIALS[0]!, instanceId: "z" });
  const changed = (change: object) => JSON.stringify({ ...JSON.parse(good), ...change });
  for (const [status, body] of [
    [400, ""],
    [400, "{"],
    [400, "null"],
    [400, "7"],
    [403, "[]"],
    [403, changed({ MessageId: undefined })],
    [403, changed({ MessageId: "another" })],
    [403, changed({ Message: undefined })],
    [403, changed({ Message: JSON.stringify({ notificationInfo: {} }) })],
    [400, enveloped("{not json")],
    [400, enveloped("7")],
    [400, enveloped("[]")],
  ] as const)
    t.is(await post(url, body), status, body);
  t.is(await post(url, " ".repeat(600 * 1024)), 413);
  t.is(await post(url.replace("/sns", "/"), good), 404);
  t.is((await fetch(url)).status, 405);
});
