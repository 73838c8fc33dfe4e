import test from "ava";
import type { OrderRow } from "../../../examples/gateway/index.js";
import {
  type Call,
  envelope,
  enveloped,
  intent,
  post,
  type Reply,
  registered,
  sns,
  startWorld,
  status,
  TestDevice,
  TOPIC_ARN,
  type World,
} from "./harness.js";

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Every wait is as long as it may be. */
const LONGEST = 1 - 2 ** -53;

let world: World;
let made = 0;
const SERIALS = Array.from({ length: 40 }, (_, n) => `WAITING-${n}`);

test.before(async () => {
  world = await startWorld(
    SERIALS.map((serial) => registered(serial)),
    // Other gateways, which there are none of, are looked after once in ten minutes.
    { random: () => LONGEST, takeover: HOUR },
  );
});
test.after.always(() => world.close());
// Each test begins where nothing is owed any more: time is the same for all devices.
test.afterEach(() => world.clock.advance(20 * DAY));

function device(): TestDevice {
  return new TestDevice(world, registered(SERIALS[made++]!));
}

type Answers = (Reply | "hang up")[];

/** What DRS answers in turn to the calls of one path; the last one stays, none is the standard answer. */
function answers(to: TestDevice, replies: Readonly<Record<string, Answers>>): void {
  const left = Object.entries(replies).map(([path, list]) => ({ path, list: [...list] }));
  world.drs.answer(to.registered.accessToken, (call: Call) => {
    const list = left.find(({ path }) => call.path.startsWith(path))?.list ?? [];
    return list.length > 1 ? list.shift() : list[0];
  });
}

function accepted(instanceId: string, detailCode = "STANDARD_ORDER_PLACED"): Reply {
  return { status: 200, body: { eventInstanceId: instanceId, detailCode } };
}

function info(status: string, expectedDeliveryDate: string | null = null): Reply {
  return {
    status: 200,
    body: { orderInfoData: { instanceId: "x", orderItems: [{ status, expectedDeliveryDate }] } },
  };
}

async function order(of: TestDevice, cycle = 1): Promise<OrderRow> {
  const { serial } = of.registered;
  return (await world.gateway.orders(serial)).find((each) => each.cycle === cycle)!;
}

async function states(of: TestDevice): Promise<string[]> {
  return (await of.events()).map(({ slot, cycle, state }) => `${slot}/${cycle} ${state}`);
}

function notify(about: TestDevice, type: string, instanceId: string) {
  const { serial } = about.registered;
  return post(world.gateway.notificationUrl, envelope({ type, serial, instanceId }));
}

test.serial("what DRS could not take is sent again by the gateway's own clock", async (t) => {
  const silent = device();
  answers(silent, {
    "/replenish/": [{ status: 429 }, { status: 408 }, { status: 429 }, accepted("late")],
    "/slotStatus/": [{ status: 503 }, { status: 200 }],
  });
  await silent.send(intent());
  await silent.send(status());
  t.is(silent.called("/replenish/").length, 1);
  const calls: number[] = [];
  for (const wait of [9, 1, 19, 1, 39, 1]) {
    await world.clock.advance(wait * SECOND);
    calls.push(silent.called("/replenish/").length);
  }
  // 10 s after the first, 20 s after that, 40 s after that.
  t.deepEqual(calls, [1, 2, 2, 3, 3, 4]);
  t.is(silent.called("/slotStatus/").length, 2);
  t.like(await order(silent), {
    state: "accepted",
    instanceId: "late",
    attempts: 4,
  });
});

test.serial("a message of the device does not hurry what is waiting", async (t) => {
  const eager = device();
  answers(eager, { "/replenish/": [{ status: 429 }, accepted("in-time")] });
  await eager.send(intent());
  for (let i = 0; i < 3; i++) await eager.send({ kind: "poll", applied: 0 });
  t.is(eager.called("/replenish/").length, 1);
  await world.clock.advance(10 * SECOND);
  t.is(eager.called("/replenish/").length, 2);
});

test.serial(
  "a call that DRS may have heard is the only one, and its order unknown after a day",
  async (t) => {
    const doubts: readonly (Reply | "hang up")[] = [
      "hang up",
      { status: 500 },
      { status: 502 },
      // A proxy's, when the connection to what is behind it was lost.
      { status: 503 },
      { status: 504 },
      { status: 307 },
      { status: 200, body: {} },
    ];
    const sentAt = world.clock.time;
    const each = doubts.map((doubt) => {
      const lost = device();
      answers(lost, { "/replenish/": [doubt, accepted("twice")] });
      return lost;
    });
    for (const lost of each) await lost.send(intent());
    await world.clock.advance(23 * HOUR);
    for (const lost of each) {
      t.like(await order(lost), { state: "intended", askedAt: sentAt });
      // Neither the device nor the clock has it asked for again.
      await lost.deliver(lost.sealed(intent(), 1));
    }
    await world.clock.advance(2 * HOUR);
    for (const lost of each)
      t.like(await order(lost), {
        state: "unknown",
        message: "no answer to Replenish, and no news within 24 hours",
      });
    await world.clock.advance(10 * DAY);
    for (const lost of each) {
      t.is(lost.called("/replenish/").length, 1);
      t.deepEqual(await states(lost), ["0/1 unknown"]);
    }
    // A notification settles it: DRS had it all the time.
    const [found] = each;
    await notify(found!, "ItemShippedNotification", "found");
    t.deepEqual(await states(found!), ["0/1 unknown", "0/1 accepted", "0/1 shipped"]);
    t.like(await order(found!), { state: "shipped", instanceId: "found" });
  },
);

test.serial("no order is asked for while DRS does not answer: its answer is hardly ever lost", async (t) => {
  const careful = device();
  answers(careful, {
    "/subscriptionInfo": [
      "hang up",
      { status: 503 },
      { status: 500 },
      { status: 200, body: SUBSCRIBED },
      { status: 503 },
      { status: 200, body: SUBSCRIBED },
    ],
  });
  await careful.send(intent());
  await world.clock.advance(69 * SECOND);
  t.is(careful.called("/replenish/").length, 0);
  t.like(await order(careful), { state: "intended", attempts: 0, askedAt: null });
  await world.clock.advance(SECOND);
  t.like(await order(careful), { state: "accepted", attempts: 1 });
  // Also of a slot that is known to be subscribed.
  await careful.send(intent({ cycle: 2 }));
  t.is(careful.called("/replenish/").length, 1);
  await world.clock.advance(10 * SECOND);
  t.is(careful.called("/replenish/").length, 2);
  t.like(await order(careful, 2), { state: "accepted", attempts: 1 });
});

test.serial("an order that is refused after calls that were not heard is rejected", async (t) => {
  const refused = device();
  answers(refused, {
    "/replenish/": [{ status: 429 }, { status: 404, body: { message: "no such slot" } }],
  });
  await refused.send(intent());
  await world.clock.advance(10 * SECOND);
  t.like(await order(refused), { state: "rejected", message: "no such slot" });
});

test.serial(
  "a cycle that has taken the place of one which was never sent is the one that is ordered",
  async (t) => {
    const replaced = device();
    answers(replaced, {
      "/subscriptionInfo": [{ status: 500 }, { status: 500 }, { status: 200, body: SUBSCRIBED }],
    });
    await replaced.send(intent());
    await replaced.send(intent({ cycle: 2 }));
    await world.clock.advance(HOUR);
    t.like(await order(replaced, 1), {
      state: "rejected",
      attempts: 0,
      message: "cycle 2 has taken its place",
    });
    t.like(await order(replaced, 2), { state: "accepted", attempts: 1 });
    t.is(replaced.called("/replenish/").length, 1);
  },
);

const SUBSCRIBED = { slotsSubscriptionStatus: { soap: { subscribed: true, productInfoList: [] } } };

test.serial("an order that cannot be called for in a week is given up", async (t) => {
  const cut = device();
  answers(cut, { "/subscriptionInfo": [{ status: 500 }] });
  await cut.send(intent());
  await world.clock.advance(7 * DAY - HOUR);
  t.like(await order(cut), { state: "intended", attempts: 0 });
  await world.clock.advance(3 * HOUR);
  t.like(await order(cut), { state: "rejected", message: "no call to DRS was possible for 7 days" });
});

test.serial("a token that is not good rejects no order", async (t) => {
  const expired = device();
  const bad: Reply = { status: 400, body: { message: "Invalid token" } };
  answers(expired, {
    "/subscriptionInfo": [bad, { status: 200, body: SUBSCRIBED }],
    "/replenish/": [bad, accepted("ok")],
  });
  const before = world.gateway.counts;
  await expired.send(intent());
  t.like(await order(expired), { state: "intended", attempts: 0 });
  await world.clock.advance(10 * SECOND);
  // DRS has done nothing: the call does not count as one that may have ordered.
  t.like(await order(expired), { state: "intended", attempts: 1, askedAt: null });
  await world.clock.advance(20 * SECOND);
  t.like(await order(expired), { state: "accepted", attempts: 2 });
  t.is(world.gateway.counts.drsUnauthorized, before.drsUnauthorized + 2);
  t.is(world.gateway.counts.drsRefused, before.drsRefused);
});

test.serial("an order without news goes to resolution, and to what GetOrderInfo says", async (t) => {
  const stuck = device();
  answers(stuck, {
    "/getOrderInfo/": [info("Processing"), info("Processing", "2026-12-01T07:59:59.000Z")],
  });
  await stuck.send(intent());
  await world.clock.advance(HOUR - 1);
  t.is(stuck.called("/getOrderInfo/").length, 0);
  await world.clock.advance(1);
  t.like(stuck.called("/getOrderInfo/")[0], { method: "GET", path: "/getOrderInfo/standard-1" });
  t.deepEqual(await states(stuck), ["0/1 accepted", "0/1 resolution"]);
  await world.clock.advance(12 * HOUR - 1);
  t.like(await order(stuck), { state: "resolution" });
  await world.clock.advance(1);
  t.like(await order(stuck), { state: "placed", deliveryDay: Math.floor(Date.UTC(2026, 11, 1) / DAY) });
  t.deepEqual(await states(stuck), ["0/1 accepted", "0/1 resolution", "0/1 placed"]);
  // Daily until it can no longer be cancelled, whenever it was placed; then never again.
  const calls = stuck.called("/getOrderInfo/").length;
  await world.clock.advance(30 * DAY);
  t.is(stuck.called("/getOrderInfo/").length, calls + 4);
});

test.serial(
  "a cancellation of an order that was placed late is found out, its notification lost",
  async (t) => {
    const resolved = device();
    let said = "Processing";
    world.drs.answer(resolved.registered.accessToken, ({ path }) =>
      path.startsWith("/getOrderInfo/")
        ? info(said, said === "Pending" ? "2026-12-01T07:59:59.000Z" : null)
        : path.startsWith("/replenish/")
          ? accepted("resolved")
          : undefined,
    );
    await resolved.send(intent());
    await world.clock.advance(60 * HOUR);
    said = "Pending";
    await notify(resolved, "OrderPlacedNotification", "resolved");
    await world.clock.advance(20 * HOUR);
    t.like(await order(resolved), { state: "placed" });
    said = "Cancelled";
    await world.clock.advance(24 * HOUR);
    t.like(await order(resolved), { state: "cancelled" });
  },
);

test.serial("a cancellation whose notification was lost is found out", async (t) => {
  const cancelled = device();
  answers(cancelled, { "/getOrderInfo/": [info("Cancelled")], "/replenish/": [accepted("cancelled-1")] });
  await cancelled.send(intent());
  await notify(cancelled, "OrderPlacedNotification", "cancelled-1");
  await world.clock.advance(25 * HOUR - 1);
  t.is(cancelled.called("/getOrderInfo/").length, 0, "a placed order is not asked about while it may change");
  await world.clock.advance(1);
  t.deepEqual(await states(cancelled), ["0/1 accepted", "0/1 placed", "0/1 cancelled"]);
});

test.serial("an order that is never resolved ends unknown, with the reason", async (t) => {
  const [unresolved, unheard, silent] = [device(), device(), device()];
  answers(unresolved, { "/getOrderInfo/": [info("Processing")] });
  answers(silent, { "/getOrderInfo/": [{ status: 500 }] });
  answers(unheard, { "/getOrderInfo/": [{ status: 400, body: { message: "no such order" } }] });
  await unresolved.send(intent());
  await unheard.send(intent());
  await silent.send(intent());
  await world.clock.advance(72 * HOUR);
  t.like(await order(unheard), { state: "accepted" });
  await world.clock.advance(14 * HOUR);
  for (const each of [unheard, silent])
    t.like(await order(each), {
      state: "unknown",
      message: "neither placed nor cancelled within 72 hours",
    });
  t.like(await order(unresolved), { state: "resolution" });
  await world.clock.advance(7 * DAY);
  t.like(await order(unresolved), {
    state: "unknown",
    message: "DRS has called the order unresolved for 7 days",
  });
  // It is not too late for news.
  await notify(unheard, "OrderPlacedNotification", "standard-1");
  t.like(await order(unheard), { state: "placed" });
});

test.serial(
  "an error that GetOrderInfo tells of makes an order unknown; states that nobody knows change nothing",
  async (t) => {
    const [broken, strange] = [device(), device()];
    answers(broken, { "/getOrderInfo/": [info("Unknown")] });
    answers(strange, { "/getOrderInfo/": [info("Teleporting"), info("Closed", "2026-12-05T07:59:59.000Z")] });
    await broken.send(intent());
    await strange.send(intent());
    await world.clock.advance(HOUR);
    t.like(await order(broken), { state: "unknown", message: "DRS says that the order is in error" });
    t.like(await order(strange), { state: "accepted" });
    await world.clock.advance(12 * HOUR);
    t.like(await order(strange), { state: "shipped" });
  },
);

test.serial("a deregistered device is done with: orders end, nothing is called", async (t) => {
  const leaving = device();
  const { serial } = leaving.registered;
  answers(leaving, { "/replenish/": [{ status: 500 }], "/registration": [{ status: 500 }, { status: 200 }] });
  await leaving.send(intent());
  await leaving.send(status());
  await world.gateway.deregister(serial);
  t.like(leaving.called("/registration")[0], { method: "DELETE", path: "/registration" });
  t.is(
    leaving.called("/registration")[0]!.headers["x-amzn-type-version"],
    "com.amazon.dash.replenishment.DrsDeregisterInput@2.0",
  );
  // DRS may have it: nobody will know.
  t.like(await order(leaving), { state: "unknown", message: "the device was deregistered" });
  const calls = leaving.calls.length;
  await leaving.send(status());
  await leaving.send(intent({ cycle: 2 }));
  t.is(leaving.calls.length, calls);
  t.like(await order(leaving, 2), { state: "rejected", message: "the device was deregistered" });
  await world.clock.advance(10 * SECOND);
  t.is(leaving.called("/registration").length, 2, "repeated until DRS has it");
  await world.clock.advance(30 * DAY);
  await world.gateway.deregister(serial);
  t.is(leaving.calls.length, calls + 1);
  await t.throwsAsync(world.gateway.deregister("NOBODY"), { code: "options", message: /"NOBODY"/ });
});

test.serial(
  "a deregistration by the customer ends everything, unless the device was registered since",
  async (t) => {
    const gone = device();
    const { serial } = gone.registered;
    const tell = (type: string, sentAt: number) => {
      const message = JSON.parse(JSON.parse(envelope({ type, serial })).Message);
      message.notificationInfo.notificationTime = new Date(sentAt).toISOString();
      return post(world.gateway.notificationUrl, enveloped(JSON.stringify(message)));
    };
    const now = world.clock.time;
    // The news of the registration overtakes that of an earlier deregistration.
    t.is(await tell("DeviceRegisteredNotification", now), 200);
    t.is(await tell("DeviceDeregisteredNotification", now - 1000), 200);
    await gone.send(intent());
    t.like(await order(gone), { state: "accepted" });
    t.is(await tell("DeviceDeregisteredNotification", now + 1000), 200);
    const calls = gone.calls.length;
    await gone.send(intent({ cycle: 2 }));
    t.like(await order(gone, 2), { state: "rejected", message: "the device was deregistered" });
    await world.clock.advance(30 * DAY);
    t.is(gone.calls.length, calls);
  },
);

test.serial("a confirmation is fetched once, and a failed one when SNS repeats it", async (t) => {
  const confirmation = sns.signed({
    Type: "SubscriptionConfirmation",
    MessageId: "handshake-1",
    TopicArn: TOPIC_ARN,
    Message: "You have chosen to subscribe",
    Token: "token",
    SubscribeURL: `${sns.url}/?Action=ConfirmSubscription&TopicArn=${TOPIC_ARN}&Token=token`,
    Timestamp: "2025-11-20T12:00:00.000Z",
  });
  const fetched = () => sns.asked.filter((path) => path.includes("ConfirmSubscription")).length;
  const url = world.gateway.notificationUrl;
  const { confirmed } = world.gateway.counts.notifications;
  // The certificate is there before, so that this is the answer to the confirmation.
  await notify(device(), "SomethingElse", "none");
  sns.answers.push(500);
  t.is(await post(url, confirmation), 500);
  t.is(fetched(), 1);
  t.deepEqual(await Promise.all([post(url, confirmation), post(url, confirmation)]), [200, 200]);
  t.is(await post(url, confirmation), 200);
  t.is(fetched(), 2);
  t.is(world.gateway.counts.notifications.confirmed, confirmed + 1);
  t.true(world.log.some((entry) => entry.event === "subscription-confirmed" && entry.topic === TOPIC_ARN));
});
