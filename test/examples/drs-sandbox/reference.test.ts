import test from "ava";
import type { SandboxOptions } from "../../../examples/drs-sandbox/index.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  DISPENSER,
  type LoginChoice,
  loginTokens,
  MODEL,
  SERIAL,
  startMaker,
  token,
} from "./maker.js";
import { ReferenceClient } from "./reference-client.js";
import { DAY, MINUTE } from "./support.js";

const HOUR = 60 * MINUTE;
const RESULT = "com.amazon.dash.replenishment.Drs";

async function start(
  t: Parameters<typeof startMaker>[0],
  options: Partial<SandboxOptions> = {},
  choice: LoginChoice = {},
  isHourly = false,
) {
  // tokens outlive the orders of these tests, but for the one that is about it
  const maker = await startMaker(t, options, { lifetime: isHourly ? 3600 : 90 * 86_400 });
  const tokens = await loginTokens(maker, choice);
  await maker.clock.advance(0);
  return { ...maker, tokens, client: new ReferenceClient(maker.sandbox.url, tokens.access_token) };
}

const instanceOf = ({ json }: { readonly json: unknown }) =>
  (json as { eventInstanceId: string }).eventInstanceId;

test("a login registers a device: notifications, both versions of SubscriptionInfo, daily calls", async (t) => {
  const { client, news, clock } = await start(t);
  t.deepEqual(await client.subscriptionInfo("2.0"), {
    status: 200,
    type: `${RESULT}SubscriptionInfoResult@2.0`,
    error: null,
    json: {
      slotsSubscriptionStatus: {
        soap: { subscribed: true, productInfoList: [{ asin: "B000SOAP01", quantity: 2, unit: "count" }] },
        foam: { subscribed: false, productInfoList: [] },
      },
    },
  });
  t.deepEqual(await client.subscriptionInfo("1.0"), {
    status: 200,
    type: `${RESULT}SubscriptionInfoResult@1.0`,
    error: null,
    json: { slotsSubscriptionStatus: { soap: true, foam: false } },
  });
  const empty = { status: 200, error: null, json: undefined };
  t.deepEqual(await client.deviceStatus(), { ...empty, type: `${RESULT}DeviceStatusResult@1.0` });
  t.deepEqual(await client.slotStatus("soap"), { ...empty, type: `${RESULT}SlotStatusResult@1.0` });
  const [registered, changed] = news();
  const skeleton = (notificationType: string, given: Record<string, unknown> | undefined) => ({
    notificationInfo: {
      notificationType,
      lwaClientId: CLIENT_ID,
      notificationTime: new Date(clock.now()).toISOString(),
      notificationId: (given?.notificationInfo as Record<string, unknown> | undefined)?.notificationId,
      version: "2015-06-05",
    },
    deviceInfo: { deviceIdentifier: { serialNumber: SERIAL }, productIdentifier: { modelId: MODEL } },
    customerInfo: { directedCustomerId: "amzn1.account.ADA" },
  });
  t.deepEqual(registered?.message, skeleton("DeviceRegisteredNotification", registered?.message));
  t.deepEqual(changed?.message, {
    ...skeleton("SubscriptionChangedNotification", changed?.message),
    subscriptionInfo: {
      slotsSubscriptionStatus: {
        soap: { subscribed: true, productInfoList: [{ quantity: 2, unit: "count", asin: "B000SOAP01" }] },
        foam: { subscribed: false, productInfoList: [] },
      },
    },
  });
  t.is(news().length, 2);
});

test("a normal order: accepted, placed, in progress until it is delivered", async (t) => {
  const { client, news, clock } = await start(t);
  const first = await client.replenish("soap");
  t.deepEqual(first, {
    status: 200,
    type: `${RESULT}ReplenishResult@1.0`,
    error: null,
    json: { eventInstanceId: instanceOf(first), detailCode: "STANDARD_ORDER_PLACED" },
  });
  await clock.advance(MINUTE);
  t.deepEqual((await client.getOrderInfo(instanceOf(first))).json, {
    orderInfoData: {
      instanceId: instanceOf(first),
      orderItems: [
        {
          asin: "B000SOAP01",
          expectedDeliveryDate: "2017-01-08T23:59:59.000Z",
          quantity: 2,
          slotId: "soap",
          status: "Processing",
        },
      ],
    },
  });
  t.like((await client.replenish("soap")).json, {
    detailCode: "ORDER_INPROGRESS",
    eventInstanceId: instanceOf(first),
  });
  await clock.advance(6 * DAY);
  t.deepEqual(
    news()
      .slice(2)
      .map(({ type }) => type),
    ["OrderPlacedNotification", "ItemShippedNotification"],
  );
  t.like((await client.replenish("soap")).json, { detailCode: "STANDARD_ORDER_PLACED" });
});

test("what cannot be ordered: an unknown slot is 404, an unsubscribed one says so", async (t) => {
  const { client, sandbox } = await start(t);
  t.is((await client.replenish("other")).status, 404);
  const { status, json } = await client.replenish("foam");
  t.is(status, 400);
  t.deepEqual(json, { message: "Unable to place order - slot : <foam> is unsubscribed." });
  t.is(sandbox.orders.length, 0);
});

for (const flag of [true, "true"])
  test(`a test device (${JSON.stringify(flag)}) places test orders, and CancelTestOrder opens its slots`, async (t) => {
    const { client, news, clock, sandbox } = await start(
      t,
      {},
      { scope: { is_test_device: flag }, products: ["B000SOAP01", "B000FOAM01"] },
    );
    t.like((await client.replenish("soap")).json, { detailCode: "TEST_ORDER_PLACED" });
    t.like((await client.replenish("soap")).json, { detailCode: "ORDER_INPROGRESS" });
    await client.replenish("foam");
    await clock.advance(MINUTE);
    const none = { orderStatus: "NO_ORDER_IN_PROGRESS" };
    t.deepEqual(await client.cancelTestOrders("soap"), {
      status: 200,
      type: `${RESULT}CancelTestOrdersResult@1.0`,
      error: null,
      json: { slotOrderStatuses: [{ slotId: "soap", ...none }] },
    });
    t.like((await client.replenish("soap")).json, { detailCode: "TEST_ORDER_PLACED" });
    t.like(
      (await client.replenish("foam")).json,
      { detailCode: "ORDER_INPROGRESS" },
      "another slot's goes on",
    );
    t.deepEqual((await client.cancelTestOrders()).json, {
      slotOrderStatuses: [
        { slotId: "soap", ...none },
        { slotId: "foam", ...none },
      ],
    });
    for (const slot of ["soap", "foam"])
      t.like((await client.replenish(slot)).json, { detailCode: "TEST_ORDER_PLACED" });
    t.is((await client.cancelTestOrders("other")).status, 400);
    await clock.advance(3 * DAY);
    const types = news().map(({ type }) => type);
    t.is(
      types.filter((type) => type === "OrderPlacedNotification").length,
      4,
      "placed before they were cancelled, or not",
    );
    t.is(types.filter((type) => type === "ItemShippedNotification").length, 2);
    t.false(types.includes("OrderCancelledNotification"), "not unless it is asked for");
    t.is(sandbox.counts.replenish.TEST_ORDER_PLACED, 5);
    t.is((await client.cancelTestOrders()).status, 200, "shipped ones, too");
    t.like((await client.replenish("soap")).json, { detailCode: "TEST_ORDER_PLACED" });
  });

test("CancelTestOrder may announce what it cancels; of a real device it cancels nothing", async (t) => {
  const { client, news, clock } = await start(
    t,
    { cancelTestOrderNotifies: true },
    { scope: { is_test_device: true } },
  );
  await client.replenish("soap");
  await client.cancelTestOrders();
  await clock.advance(0);
  t.is(news().at(-1)?.type, "OrderCancelledNotification");
  await clock.advance(10 * DAY);
  t.is(news().at(-1)?.type, "OrderCancelledNotification");
  const real = await start(t);
  await real.client.replenish("soap");
  t.is((await real.client.cancelTestOrders()).status, 400);
  t.is((await real.client.cancelTestOrders("soap")).status, 400);
  t.like((await real.client.replenish("soap")).json, { detailCode: "ORDER_INPROGRESS" });
});

for (const isFixed of [true, false])
  test(`an order with a problem is ${isFixed ? "placed once that is solved" : "cancelled after 72 hours"}`, async (t) => {
    const { client, news, clock, sandbox } = await start(t, {
      plan: ({ number }) => ({
        placedAfter: MINUTE,
        shippedAfter: 2 * DAY,
        deliveredAfter: 6 * DAY,
        ...(number === 1 ? { problem: "address" as const } : {}),
      }),
    });
    const order = await client.replenish("soap");
    t.like(order.json, { detailCode: "STANDARD_ORDER_PLACED" });
    await clock.advance(72 * HOUR - 1);
    t.is(news().length, 2, "neither placed nor cancelled");
    t.like((await client.replenish("soap")).json, { detailCode: "ORDER_INPROGRESS" });
    t.like((await client.getOrderInfo(instanceOf(order))).json, {
      orderInfoData: { orderItems: [{ status: "Processing", expectedDeliveryDate: null }] },
    });
    if (isFixed) {
      t.true(await sandbox.resolve(instanceOf(order)));
      t.false(await sandbox.resolve(instanceOf(order)), "once");
    }
    await clock.advance(1);
    t.is(news().at(-1)?.type, isFixed ? "OrderPlacedNotification" : "OrderCancelledNotification");
    t.like(news().at(-1)?.message.orderInfo, { instanceId: instanceOf(order), slotId: "soap" });
    t.like((await client.replenish("soap")).json, {
      detailCode: isFixed ? "ORDER_INPROGRESS" : "STANDARD_ORDER_PLACED",
    });
    if (!isFixed) return;
    t.like(news().at(-1)?.message.orderInfo, {
      productInfo: [{ estimatedDeliveryDate: "2017-01-11T23:59:59Z" }],
    });
    await clock.advance(24 * HOUR - 2);
    t.true(await sandbox.cancel(instanceOf(order)), "24 hours from then on");
    t.is(news().at(-1)?.type, "OrderCancelledNotification");
  });

test("the customer cancels within 24 hours of the order's placement, and not after", async (t) => {
  const { client, news, clock, sandbox } = await start(t);
  const first = await client.replenish("soap");
  await clock.advance(MINUTE + 24 * HOUR - 1);
  t.true(await sandbox.cancel(instanceOf(first)));
  t.deepEqual(news().at(-1)?.message.orderInfo, { instanceId: instanceOf(first), slotId: "soap" });
  t.like((await client.getOrderInfo(instanceOf(first))).json, {
    orderInfoData: { orderItems: [{ status: "Cancelled" }] },
  });
  const second = await client.replenish("soap");
  t.like(second.json, { detailCode: "STANDARD_ORDER_PLACED" });
  await clock.advance(MINUTE + 24 * HOUR);
  t.false(await sandbox.cancel(instanceOf(second)));
});

test("an expired token is refreshed and the call repeated", async (t) => {
  const { client, clock, tokens, sandbox } = await start(t, {}, {}, true);
  await clock.advance(HOUR);
  const refused = await client.deviceStatus();
  t.is(refused.status, 400);
  t.is(
    refused.error,
    "InvalidTokenException:http://internal.amazon.com/coral/com.amazon.parkeraccioservice/",
  );
  t.deepEqual(refused.json, { message: "Invalid token" });
  const response = await token(
    { sandbox },
    {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token,
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    },
  );
  client.accessToken = ((await response.json()) as { access_token: string }).access_token;
  t.is((await client.deviceStatus()).status, 200);
});

for (const version of ["2.0", "1.0"])
  test(`deregistration ${version} ends every token and is announced`, async (t) => {
    const { client, news, clock, tokens, sandbox } = await start(t);
    if (version === "1.0") {
      t.is((await client.deregisterV1(MODEL, "other")).status, 400);
      t.is((await client.deregisterV1("other", SERIAL)).status, 400);
    }
    const answer = version === "1.0" ? await client.deregisterV1(MODEL, SERIAL) : await client.deregister();
    t.deepEqual(answer, {
      status: 200,
      type: `${RESULT}DeregisterResult@1.0`,
      error: null,
      json: undefined,
    });
    for (const call of [client.deviceStatus(), client.replenish("soap"), client.subscriptionInfo("2.0")])
      t.is((await call).status, 400);
    const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    const client_ = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
    t.like(await (await token({ sandbox }, { ...refresh, ...client_ })).json(), { error: "invalid_grant" });
    await clock.advance(0);
    t.is(news().at(-1)?.type, "DeviceDeregisteredNotification");
  });

test("makers of version 1 get no ASINs, the date one level up and no version attribute", async (t) => {
  for (const notificationVersion of ["1", "2"] as const) {
    const maker = await startMaker(
      t,
      {
        models: [{ ...DISPENSER, notificationVersion }],
        notificationVersion: notificationVersion === "1" ? "2" : "1",
      },
      { lifetime: 90 * 86_400 },
    );
    maker.sandbox.setModelNotificationUrl(MODEL, maker.receiver.url);
    const { access_token } = await loginTokens(maker);
    const own = new ReferenceClient(maker.sandbox.url, access_token);
    await maker.clock.advance(0);
    const order = await own.replenish("soap");
    await maker.clock.advance(2 * DAY);
    const estimatedDeliveryDate = "2017-01-08T23:59:59Z";
    const [, changed, placed, shipped] = maker.news();
    const product = { quantity: 2, unit: "count" };
    const orderInfo =
      notificationVersion === "1"
        ? { productInfo: [product], estimatedDeliveryDate }
        : { productInfo: [{ ...product, asin: "B000SOAP01", estimatedDeliveryDate }] };
    for (const each of [placed, shipped])
      t.deepEqual(each?.message.orderInfo, { instanceId: instanceOf(order), slotId: "soap", ...orderInfo });
    t.deepEqual(changed?.message.subscriptionInfo, {
      slotsSubscriptionStatus:
        notificationVersion === "1"
          ? { soap: true, foam: false }
          : {
              soap: { subscribed: true, productInfoList: [{ ...product, asin: "B000SOAP01" }] },
              foam: { subscribed: false, productInfoList: [] },
            },
    });
    for (const { version } of maker.news())
      t.deepEqual(
        version,
        notificationVersion === "1" ? undefined : { version: { Type: "String", Value: "2.0" } },
      );
  }
});
