import test from "ava";
import type { SandboxOrder } from "../../../examples/drs-sandbox/index.js";
import {
  DAY,
  deadUrl,
  household,
  ManualClock,
  MINUTE,
  OTHER_TOKEN,
  type Received,
  SECOND,
  START,
  start,
  startReceiver,
  UUID,
} from "./support.js";

function envelope(received: Received): Record<string, unknown> {
  return JSON.parse(received.body) as Record<string, unknown>;
}

function message(received: Received): Record<string, Record<string, unknown>> {
  return JSON.parse(envelope(received).Message as string) as Record<string, Record<string, unknown>>;
}

function typeOf(received: Received): unknown {
  return message(received).notificationInfo?.notificationType;
}

test("a placed and a shipped order are announced in time, a delivery only to the simulation", async (t) => {
  const delivered: SandboxOrder[] = [];
  const { call, clock, receiver, sandbox } = await start(t, {
    onDelivered: (order) => {
      t.is(order.state, "delivered");
      delivered.push(order);
    },
  });
  await call("Replenish");
  await clock.advance(5 * DAY);
  t.deepEqual(
    receiver.received.map((each) => [each.at - START, typeOf(each)]),
    [
      [MINUTE, "OrderPlacedNotification"],
      [2 * DAY, "ItemShippedNotification"],
    ],
  );
  t.deepEqual(delivered, []);
  await clock.advance(DAY);
  t.deepEqual(delivered, [...sandbox.orders]);
  await clock.advance(30 * DAY);
  t.is(receiver.received.length, 2);
  t.is(delivered.length, 1);
  t.deepEqual(sandbox.counts.notifications, { published: 2, delivered: 2, failed: 0, retries: 0 });
});

test("a notification is an SNS envelope around the v2 message", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t);
  await call("Replenish");
  await clock.advance(MINUTE);
  const [received] = receiver.received as [Received];
  t.is(received.method, "POST");
  t.is(received.path, "/sns");

  const { Message, ...outer } = envelope(received);
  const messageId = outer.MessageId as string;
  t.regex(messageId, UUID);
  t.like(received.headers, {
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": messageId,
    "x-amz-sns-topic-arn": outer.TopicArn as string,
  });
  const subscription = received.headers["x-amz-sns-subscription-arn"] as string;
  t.true(subscription.startsWith(`${outer.TopicArn}:`));
  t.deepEqual(outer, {
    Type: "Notification",
    MessageId: messageId,
    TopicArn: "arn:aws:sns:us-east-1:000000000000:drs-sandbox",
    Timestamp: "2017-01-02T22:36:53.250Z",
    SignatureVersion: "1",
    Signature: outer.Signature,
    SigningCertURL: outer.SigningCertURL,
    UnsubscribeURL: `${sandbox.url}/?Action=Unsubscribe&SubscriptionArn=${subscription}`,
    MessageAttributes: { version: { Type: "String", Value: "2.0" } },
  });

  t.is(typeof Message, "string");
  const inner = message(received);
  const { lwaClientId, notificationId } = inner.notificationInfo as Record<string, string>;
  t.regex(lwaClientId ?? "", /^amzn1\.application-oa2-client\.[0-9a-f]{32}$/);
  t.regex(notificationId?.replace("amzn1.dash.notification.v1.", "") ?? "", UUID);
  t.deepEqual(inner as unknown, {
    notificationInfo: {
      notificationType: "OrderPlacedNotification",
      lwaClientId,
      notificationTime: "2017-01-02T22:36:53.250Z",
      notificationId,
      version: "2015-06-05",
    },
    deviceInfo: {
      deviceIdentifier: { serialNumber: "D-1" },
      productIdentifier: { modelId: "dispenser+v2" },
    },
    customerInfo: { directedCustomerId: "amzn1.account.ADA" },
    orderInfo: {
      instanceId: sandbox.orders[0]?.instanceId,
      slotId: "soap",
      productInfo: [
        {
          quantity: 2,
          unit: "count",
          asin: "B000SOAP",
          estimatedDeliveryDate: "2017-01-08T23:59:59Z",
        },
      ],
    },
  });
});

test("placed and shipped of one order differ in type and ids but not in the order", async (t) => {
  const { call, clock, receiver } = await start(t);
  await call("Replenish", { path: "/replenish/ink", token: `Bearer ${OTHER_TOKEN}` });
  await clock.advance(2 * DAY);
  const [placed, shipped] = receiver.received as [Received, Received];
  t.deepEqual(message(placed).orderInfo, message(shipped).orderInfo);
  t.deepEqual(message(placed).customerInfo, message(shipped).customerInfo);
  t.regex(
    String(message(placed).customerInfo?.directedCustomerId),
    /^amzn1\.account\.[0-9A-Z]+$/,
    "a device without a customer id gets one",
  );
  t.not(envelope(placed).MessageId, envelope(shipped).MessageId);
  t.not(message(placed).notificationInfo?.notificationId, message(shipped).notificationInfo?.notificationId);
  t.is(shipped.headers["x-amz-sns-message-id"], envelope(shipped).MessageId as string);
});

test("the same run sends the same bytes, another run other ids", async (t) => {
  const bodies = async (run: string) => {
    const { call, clock, receiver, sandbox } = await start(t, { run });
    await call("Replenish");
    await clock.advance(2 * DAY);
    // the port is another one each time
    return receiver.received.map(({ body }) => body.replaceAll(sandbox.url, "http://sandbox"));
  };
  const first = await bodies("a");
  t.is(first.length, 2);
  t.deepEqual(await bodies("a"), first);
  const [other] = await bodies("b");
  t.not(JSON.parse(other!).MessageId, JSON.parse(first[0]!).MessageId);
});

test("the clock is held until the endpoint has answered", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t);
  let answer: (status: number) => void = () => {};
  receiver.answers.push(
    new Promise((resolve) => {
      answer = resolve;
    }),
  );
  await call("Replenish");
  let moved = false;
  const moving = clock.advance(2 * DAY).then(() => {
    moved = true;
  });
  while (receiver.received.length === 0) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  t.false(moved);
  t.is(sandbox.orders[0]?.state, "placed");
  t.is(clock.now(), START + MINUTE);
  answer(204);
  await moving;
  t.is(sandbox.orders[0]?.state, "shipped");
  t.is(sandbox.counts.notifications.delivered, 2);
});

test("a failing endpoint gets the same message again every 20 s until it takes it", async (t) => {
  const { call, clock, receiver, sandbox, log } = await start(t);
  receiver.answers.push(503, 500, 502);
  await call("Replenish");
  await clock.advance(DAY);
  t.deepEqual(
    receiver.received.map(({ at }) => at - START - MINUTE),
    [0, 20 * SECOND, 40 * SECOND, 60 * SECOND],
  );
  const [first, ...rest] = receiver.received as [Received, ...Received[]];
  for (const repeat of rest) {
    t.is(repeat.body, first.body);
    t.is(repeat.headers["x-amz-sns-message-id"], first.headers["x-amz-sns-message-id"]);
  }
  t.deepEqual(sandbox.counts.notifications, { published: 1, delivered: 1, failed: 0, retries: 3 });
  t.deepEqual(
    log.flatMap((entry) =>
      entry.kind === "notification" ? [[entry.attempt, entry.outcome, entry.answer]] : [],
    ),
    [
      [1, "will-retry", "503"],
      [2, "will-retry", "500"],
      [3, "will-retry", "502"],
      [4, "delivered", "200"],
    ],
  );
});

test("after three retries a message is dropped and the order goes on", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t);
  receiver.answers.push(500, 500, 500, 500);
  await call("Replenish");
  await clock.advance(DAY);
  t.is(receiver.received.length, 4);
  t.deepEqual(sandbox.counts.notifications, { published: 1, delivered: 0, failed: 1, retries: 3 });
  await clock.advance(6 * DAY);
  t.is(receiver.received.length, 5);
  t.is(typeOf(receiver.received[4]!), "ItemShippedNotification");
  t.is(sandbox.orders[0]?.state, "delivered");
  t.deepEqual(sandbox.counts.notifications, { published: 2, delivered: 1, failed: 1, retries: 3 });
});

test("a message the endpoint turns down or redirects is dropped at once", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t);
  receiver.answers.push(403, 302);
  await call("Replenish");
  await clock.advance(6 * DAY);
  t.is(receiver.received.length, 2);
  t.deepEqual(sandbox.counts.notifications, { published: 2, delivered: 0, failed: 2, retries: 0 });
  t.is(sandbox.orders[0]?.state, "delivered");
});

test("an endpoint that is not there is tried again and may come up meanwhile", async (t) => {
  const clock = new ManualClock();
  const { call, sandbox, log } = await start(t, { clock, devices: household(await deadUrl()) });
  await call("Replenish");
  await clock.advance(MINUTE + 20 * SECOND);
  t.deepEqual(sandbox.counts.notifications, { published: 1, delivered: 0, failed: 0, retries: 1 });
  t.true(log.some((entry) => entry.kind === "notification" && entry.answer.includes("ECONNREFUSED")));
  const receiver = await startReceiver(t, clock);
  sandbox.setNotificationUrl("D-1", receiver.url);
  await clock.advance(20 * SECOND);
  t.is(receiver.received.length, 1);
  t.deepEqual(sandbox.counts.notifications, { published: 1, delivered: 1, failed: 0, retries: 2 });
});

test("an endpoint that does not answer is given up on, and tried 20 s after that", async (t) => {
  const answerTimeout = 40;
  const { call, clock, receiver, sandbox, log } = await start(t, { answerTimeout });
  // no attempt is ever answered, so it does not matter how fast this machine is
  receiver.answers.push("never", "never", "never", "never");
  await call("Replenish");
  await clock.advance(DAY);
  t.deepEqual(
    log.flatMap((entry) =>
      entry.kind === "notification" ? [[entry.at - START - MINUTE, entry.outcome, entry.answer]] : [],
    ),
    [
      [0, "will-retry", "no answer within 40 ms"],
      [answerTimeout + 20 * SECOND, "will-retry", "no answer within 40 ms"],
      [2 * (answerTimeout + 20 * SECOND), "will-retry", "no answer within 40 ms"],
      [3 * (answerTimeout + 20 * SECOND), "failed", "no answer within 40 ms"],
    ],
  );
  t.deepEqual(sandbox.counts.notifications, { published: 1, delivered: 0, failed: 1, retries: 3 });
});

test("steps planned for the same moment keep their order", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t, {
    plan: () => ({ placedAfter: 0, shippedAfter: 0, deliveredAfter: 0 }),
  });
  await call("Replenish");
  t.is(sandbox.orders[0]?.state, "accepted", "the answer comes before anything else happens");
  await clock.advance(0);
  t.deepEqual(receiver.received.map(typeOf), ["OrderPlacedNotification", "ItemShippedNotification"]);
  t.like(sandbox.orders[0], { state: "delivered", deliveredAt: START });
});

test("a plan is asked for every order by its number and followed", async (t) => {
  const { call, clock, sandbox } = await start(t, {
    plan: ({ number }) => ({ placedAfter: 1, shippedAfter: 2, deliveredAfter: number * DAY }),
  });
  for (const days of [1, 2, 3]) {
    await call("Replenish");
    await clock.advance(days * DAY - 1);
    t.is(sandbox.orders.at(-1)?.state, "shipped");
    await clock.advance(1);
    t.is(sandbox.orders.at(-1)?.state, "delivered");
  }
  t.deepEqual(
    sandbox.orders.map(({ estimatedDelivery }) => new Date(estimatedDelivery).toISOString()),
    ["2017-01-03T23:59:59.000Z", "2017-01-05T23:59:59.000Z", "2017-01-08T23:59:59.000Z"],
  );
  t.is(new Set(sandbox.orders.map(({ instanceId }) => instanceId)).size, 3);
});

test("slots are ordered for independently of each other", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t);
  await call("Replenish");
  await clock.advance(DAY);
  await call("Replenish", { path: "/replenish/ink", token: `Bearer ${OTHER_TOKEN}` });
  await clock.advance(5 * DAY);
  t.deepEqual(
    sandbox.orders.map(({ slotId, state }) => [slotId, state]),
    [
      ["soap", "delivered"],
      ["ink", "shipped"],
    ],
  );
  t.deepEqual(
    receiver.received.map((each) => [message(each).orderInfo?.slotId, typeOf(each)]),
    [
      ["soap", "OrderPlacedNotification"],
      ["ink", "OrderPlacedNotification"],
      ["soap", "ItemShippedNotification"],
      ["ink", "ItemShippedNotification"],
    ],
  );
});

test("what onDelivered throws reaches the clock, with the slot already free", async (t) => {
  const { call, clock } = await start(t, {
    onDelivered: async () => {
      throw new Error("no room on the shelf");
    },
  });
  await call("Replenish");
  await t.throwsAsync(clock.advance(6 * DAY), { message: "no room on the shelf" });
  t.like(await (await call("Replenish")).json(), { detailCode: "STANDARD_ORDER_PLACED" });
});

test("closing leaves nothing on the clock, neither orders nor retries", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t);
  receiver.answers.push(500);
  await call("Replenish");
  await clock.advance(MINUTE);
  t.is(clock.pending, 2, "the retry and the shipment");
  await sandbox.close();
  t.is(clock.pending, 0);
  await clock.advance(10 * DAY);
  t.is(receiver.received.length, 1);
});

test("closing aborts a delivery under way", async (t) => {
  const { call, clock, receiver, sandbox, log } = await start(t);
  receiver.answers.push("never");
  await call("Replenish");
  const moving = clock.advance(MINUTE);
  while (receiver.received.length === 0) await new Promise(setImmediate);
  await sandbox.close();
  await moving;
  t.deepEqual(sandbox.counts.notifications, { published: 1, delivered: 0, failed: 0, retries: 0 });
  t.false(
    log.some(({ kind }) => kind === "notification"),
    "it neither arrived nor failed",
  );
  t.is(clock.pending, 0);
});
