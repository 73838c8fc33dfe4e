import { createVerify, X509Certificate } from "node:crypto";
import test from "ava";
import { SandboxError, startSandbox, TOPIC_ARN } from "../../../examples/drs-sandbox/index.js";
import { DAY, household, ManualClock, MINUTE, type Received, SECOND, start } from "./support.js";

type Envelope = Readonly<Record<string, string>>;

const envelope = (received: Received | undefined) => JSON.parse(received!.body) as Envelope;

/** Checks a signature by the rules that SNS has published, spelled out here on their own. */
async function isSigned(message: Envelope): Promise<boolean> {
  const names =
    message.Type === "Notification"
      ? ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const certificate = new X509Certificate(await (await fetch(message.SigningCertURL!)).text());
  const verify = createVerify(message.SignatureVersion === "1" ? "sha1" : "sha256");
  for (const name of names) verify.update(`${name}\n${message[name]}\n`);
  return verify.verify(certificate.publicKey, message.Signature!, "base64");
}

for (const signatureVersion of ["1", "2"] as const)
  test(`messages are signed by version ${signatureVersion}, and the certificate is here`, async (t) => {
    const { call, clock, receiver, sandbox } = await start(t, { signatureVersion, handshake: true });
    await clock.advance(0);
    await fetch(envelope(receiver.received[0]).SubscribeURL!);
    await call("Replenish");
    await clock.advance(MINUTE);
    t.is(receiver.received.length, 2);
    for (const received of receiver.received) {
      const message = envelope(received);
      t.is(message.SignatureVersion, signatureVersion);
      t.regex(message.SigningCertURL!, /\/SimpleNotificationService-[0-9a-f]{32}\.pem$/);
      t.true(message.SigningCertURL!.startsWith(sandbox.url));
      t.true(await isSigned(message));
      t.false(await isSigned({ ...message, Message: `${message.Message} ` }));
    }
  });

test("the certificate is a certificate, valid whatever the clock says", async (t) => {
  const { call, clock, receiver } = await start(t);
  await call("Replenish");
  await clock.advance(MINUTE);
  const certificate = new X509Certificate(
    await (await fetch(envelope(receiver.received[0]).SigningCertURL!)).text(),
  );
  t.true(certificate.verify(certificate.publicKey), "signed by itself");
  t.is(certificate.subject, "CN=sns.drs-sandbox.invalid");
  t.is(Date.parse(certificate.validFrom), Date.UTC(2000, 0, 1));
  t.is(new Date(certificate.validTo).getUTCFullYear(), 2049);
});

test("an endpoint gets nothing before it has confirmed", async (t) => {
  const { call, clock, receiver, sandbox, log } = await start(t, { handshake: true });
  receiver.answers.push(500);
  await clock.advance(0);
  t.is(receiver.received.length, 1, "one subscription, however many devices share the endpoint");
  await clock.advance(20 * SECOND);
  const [first, repeated] = receiver.received;
  t.is(first!.body, repeated!.body, "repeated like any message");
  t.is(first!.headers["x-amz-sns-message-type"], "SubscriptionConfirmation");
  t.is(first!.headers["x-amz-sns-subscription-arn"], undefined);
  const message = envelope(first);
  t.like(message, { Type: "SubscriptionConfirmation", TopicArn: TOPIC_ARN });
  await call("Replenish");
  await clock.advance(MINUTE);
  t.is(receiver.received.length, 2);
  t.true(log.some((entry) => entry.kind === "notification" && entry.answer === "not confirmed"));

  const wrong = new URL(message.SubscribeURL!);
  wrong.searchParams.set("Token", "guessed");
  t.is((await fetch(wrong)).status, 400);
  const confirmed = await fetch(message.SubscribeURL!);
  t.is(confirmed.status, 200);
  t.is(confirmed.headers.get("content-type"), "text/xml");
  const arn = /<ConfirmSubscriptionResult><SubscriptionArn>([^<]+)</.exec(await confirmed.text())?.[1];
  t.true(arn!.startsWith(`${TOPIC_ARN}:`));
  await clock.advance(2 * DAY);
  t.is(receiver.received.length, 3, "what was missed before is missed");
  t.is(receiver.received[2]!.headers["x-amz-sns-subscription-arn"], arn);
  // Another endpoint is another subscription.
  sandbox.setNotificationUrl("P-1", `${receiver.url}/other`);
  await clock.advance(0);
  t.is(envelope(receiver.received[3]).Type, "SubscriptionConfirmation");
});

test("an endpoint that unsubscribes is told how to come back, and gets nothing until it does", async (t) => {
  const { call, clock, receiver } = await start(t, { handshake: true });
  await clock.advance(0);
  await fetch(envelope(receiver.received[0]).SubscribeURL!);
  await call("Replenish");
  await clock.advance(MINUTE);
  const { UnsubscribeURL } = envelope(receiver.received[1]) as Envelope & { UnsubscribeURL: string };
  t.is((await fetch(`${UnsubscribeURL}x`)).status, 400);
  for (const _ of [1, 2]) t.is((await fetch(UnsubscribeURL)).status, 200);
  await clock.advance(0);
  t.is(receiver.received.length, 3, "once");
  const goodbye = envelope(receiver.received[2]);
  t.like(goodbye, { Type: "UnsubscribeConfirmation", TopicArn: TOPIC_ARN });
  t.is(receiver.received[2]!.headers["x-amz-sns-message-type"], "UnsubscribeConfirmation");
  t.true(await isSigned(goodbye));
  await clock.advance(2 * DAY);
  t.is(receiver.received.length, 3);
  await fetch(goodbye.SubscribeURL!);
  await call("Replenish", { path: "/replenish/ink", token: "Bearer Atza|printer" });
  await clock.advance(MINUTE);
  t.is(receiver.received.length, 4);
});

test("a device without an endpoint is not announced to anybody", async (t) => {
  const clock = new ManualClock();
  const devices = household("http://x/").map(({ notificationUrl: _, ...device }) => device);
  const { call, sandbox } = await start(t, { clock, devices });
  await call("Replenish");
  await clock.advance(3 * DAY);
  t.deepEqual(sandbox.counts.notifications, { published: 2, delivered: 0, failed: 2, retries: 0 });
});

test("GetOrderInfo follows an order, and knows no other device's", async (t) => {
  const { call, clock, sandbox } = await start(t);
  await call("Replenish");
  const path = `/getOrderInfo/${sandbox.orders[0]!.instanceId}`;
  const item = async () => {
    const response = await call("GetOrderInfo", { path });
    t.is(response.status, 200);
    const { orderInfoData } = (await response.json()) as {
      orderInfoData: { instanceId: string; orderItems: Record<string, unknown>[] };
    };
    t.is(orderInfoData.instanceId, sandbox.orders[0]!.instanceId);
    t.is(orderInfoData.orderItems.length, 1);
    return orderInfoData.orderItems[0]!;
  };
  const expectedDeliveryDate = "2017-01-08T23:59:59.000Z";
  t.deepEqual(await item(), {
    asin: "B000SOAP",
    expectedDeliveryDate: null,
    quantity: 2,
    slotId: "soap",
    status: "Processing",
  });
  await clock.advance(MINUTE);
  t.like(await item(), { status: "Processing", expectedDeliveryDate });
  await clock.advance(2 * DAY);
  t.like(await item(), { status: "Shipped", expectedDeliveryDate });
  for (const change of [{ path: "/getOrderInfo/unknown" }, { path, token: "Bearer Atza|printer" }])
    t.is((await call("GetOrderInfo", change)).status, 400);
});

test("a cancelled order is announced without products, and frees its slot", async (t) => {
  const { call, clock, receiver, sandbox } = await start(t, {
    plan: ({ number }) => ({
      placedAfter: 80 * 60 * MINUTE,
      shippedAfter: 5 * DAY,
      deliveredAfter: 6 * DAY,
      ...(number === 1 ? { cancelledAfter: 72 * 60 * MINUTE } : {}),
    }),
  });
  await call("Replenish");
  await clock.advance(3 * DAY);
  t.like(sandbox.orders[0], { state: "cancelled", cancelledAt: clock.now() });
  const { notificationInfo, orderInfo } = JSON.parse(envelope(receiver.received[0]).Message!);
  t.is(notificationInfo.notificationType, "OrderCancelledNotification");
  t.deepEqual(orderInfo, { instanceId: sandbox.orders[0]!.instanceId, slotId: "soap" });
  t.like(await (await call("GetOrderInfo", { path: `/getOrderInfo/${orderInfo.instanceId}` })).json(), {
    orderInfoData: { orderItems: [{ status: "Cancelled", expectedDeliveryDate: null }] },
  });
  t.like(await (await call("Replenish")).json(), { detailCode: "STANDARD_ORDER_PLACED" });
  await clock.advance(4 * DAY);
  t.true(await sandbox.cancel(sandbox.orders[1]!.instanceId));
  t.false(await sandbox.cancel(sandbox.orders[1]!.instanceId), "once");
  t.false(await sandbox.cancel("unknown"));
  await clock.advance(10 * DAY);
  t.deepEqual(
    receiver.received.map((each) => JSON.parse(envelope(each).Message!).notificationInfo.notificationType),
    ["OrderCancelledNotification", "OrderPlacedNotification", "OrderCancelledNotification"],
  );
  await call("Replenish");
  await clock.advance(5 * DAY);
  t.false(await sandbox.cancel(sandbox.orders[2]!.instanceId), "it is shipped");
});

test("options of tokens and signatures are checked", async (t) => {
  const bad = (options: object, message: RegExp) =>
    t.throwsAsync(startSandbox({ clock: new ManualClock(), devices: [], ...options }), {
      instanceOf: SandboxError,
      code: "BAD_OPTION",
      message,
    });
  const [device] = household("http://x/");
  const { accessToken: _, ...tokenless } = device!;
  await bad({ signingKey: "no key" }, /signingKey/);
  await bad({ signatureVersion: "3" }, /signatureVersion.*"3"/);
  await bad({ lwa: { clientId: "a", clientSecret: "b", lifetime: 0 } }, /lwa.lifetime.*got 0/);
  await bad({ devices: [tokenless] }, /"D-1": an accessToken or a refreshToken is needed/);
});
