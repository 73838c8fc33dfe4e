import test from "ava";
import { SandboxError, startSandbox } from "../../../examples/drs-sandbox/index.js";
import {
  CALLS,
  DAY,
  household,
  isRefused,
  ManualClock,
  MINUTE,
  type Operation,
  OTHER_TOKEN,
  START,
  STATUS_BODY,
  SUBSCRIPTION_V1,
  start,
  TOKEN,
  UUID,
} from "./support.js";

const OPERATIONS = Object.keys(CALLS) as Operation[];

test("Replenish without a body accepts an order and names it", async (t) => {
  const { sandbox, call } = await start(t);
  const response = await call("Replenish");
  t.is(response.status, 200);
  t.is(response.statusText, "Accepted");
  t.is(response.headers.get("content-type"), "application/json");
  const body = (await response.json()) as { eventInstanceId: string; detailCode: string };
  t.deepEqual(Object.keys(body), ["eventInstanceId", "detailCode"]);
  t.is(body.detailCode, "STANDARD_ORDER_PLACED");
  t.regex(body.eventInstanceId, /^amzn1\.dash\.v2\.o\.[A-Za-z0-9]{1,239}$/);
  t.deepEqual(sandbox.orders, [
    {
      instanceId: body.eventInstanceId,
      serial: "D-1",
      slotId: "soap",
      asin: "B000SOAP",
      quantity: 2,
      unit: "count",
      state: "accepted",
      isTest: false,
      acceptedAt: START,
      estimatedDelivery: Date.UTC(2017, 0, 8, 23, 59, 59),
    },
  ]);
});

test("every successful answer repeats the accepted result type and carries id and injected date", async (t) => {
  const { call, clock, sandbox } = await start(t);
  await clock.advance(7 * MINUTE);
  const ids: (string | null)[] = [];
  for (const operation of OPERATIONS) {
    const path =
      operation === "GetOrderInfo" ? `/getOrderInfo/${sandbox.orders[0]?.instanceId}` : CALLS[operation].path;
    const response = await call(operation, { path });
    await response.arrayBuffer();
    t.is(response.status, 200, operation);
    t.is(response.headers.get("x-amzn-type-version"), CALLS[operation].result);
    t.is(response.headers.get("x-amz-date"), "Mon, 02 Jan 2017 22:42:53 GMT");
    t.is(response.headers.get("date"), "Mon, 02 Jan 2017 22:42:53 GMT");
    t.is(response.headers.get("x-amzn-errortype"), null);
    ids.push(response.headers.get("x-amzn-requestid"));
  }
  for (const id of ids) t.regex(id ?? "", UUID);
  t.is(new Set(ids).size, ids.length, "each request has an id of its own");
});

for (const operation of OPERATIONS) {
  for (const [header, key] of [
    ["x-amzn-type-version", "input"],
    ["x-amzn-accept-type", "result"],
  ] as const) {
    test(`${operation} insists on ${header} and says which values it takes`, async (t) => {
      const { sandbox, call } = await start(t);
      const right = CALLS[operation][key];
      const accepted =
        operation === "SubscriptionInfo" && key === "result" ? `${SUBSCRIPTION_V1}, ${right}` : right;
      const otherOperation = CALLS[operation === "Replenish" ? "SlotStatus" : "Replenish"][key];
      for (const value of [undefined, otherOperation, `${right}.0`, right.replace("@", "@9")]) {
        const got = value === undefined ? "is missing" : `has the value "${value}"`;
        await isRefused(t, await call(operation, { headers: { [header]: value } }), {
          status: 400,
          message: `Header ${header} ${got}; accepted: ${accepted}`,
          exception: "InvalidVersionException",
        });
      }
      t.deepEqual(sandbox.orders, []);
      t.deepEqual(sandbox.statuses, []);
      t.is(sandbox.counts.refusals["wrong-version"], 4);
      t.is(sandbox.counts.requests[operation], 4);
    });
  }
}

test("a missing or wrong token is a 400 on every operation", async (t) => {
  const { sandbox, call } = await start(t);
  for (const operation of OPERATIONS)
    for (const token of [undefined, "Bearer Atza|nobody", "Bearer", "Basic QXR6YQ==", "Atza|dispenser"])
      await isRefused(t, await call(operation, { token }), {
        status: 400,
        message: "Invalid token",
        exception: "InvalidTokenException",
      });
  t.deepEqual(sandbox.orders, []);
  t.is(sandbox.counts.refusals["invalid-token"], OPERATIONS.length * 5);
});

test("the token says which device is calling", async (t) => {
  const { sandbox, call } = await start(t);
  await isRefused(t, await call("Replenish", { path: "/replenish/ink" }), {
    status: 404,
    message: "Slot ink does not exist",
    exception: "SlotNotFoundException",
  });
  const response = await call("Replenish", { path: "/replenish/ink", token: `bearer ${OTHER_TOKEN}` });
  t.is(response.status, 200);
  t.is(sandbox.orders[0]?.serial, "P-1");
});

test("an unknown slot is 404 for Replenish and 400 for SlotStatus", async (t) => {
  const { call, sandbox } = await start(t);
  const error = { message: "Slot no such does not exist", exception: "SlotNotFoundException" };
  await isRefused(t, await call("Replenish", { path: "/replenish/no%20such" }), { status: 404, ...error });
  await isRefused(t, await call("SlotStatus", { path: "/slotStatus/no%20such" }), { status: 400, ...error });
  t.is((await call("Replenish", { path: "/replenish/%zz" })).status, 404);
  t.is(sandbox.counts.refusals["unknown-slot"], 3);
});

test("Replenish on an unsubscribed slot is refused with the slot in literal angle brackets", async (t) => {
  const { call, sandbox } = await start(t);
  await isRefused(t, await call("Replenish", { path: "/replenish/foam" }), {
    status: 400,
    message: "Unable to place order - slot : <foam> is unsubscribed.",
    exception: "SlotUnsubscribedException",
  });
  t.deepEqual(sandbox.orders, []);
  sandbox.setSubscribed("D-1", "foam", true);
  t.is((await call("Replenish", { path: "/replenish/foam" })).status, 200);
});

test("a slot answers ORDER_INPROGRESS with the same order until delivery, then takes a new one", async (t) => {
  const { call, clock, sandbox } = await start(t);
  const replenish = async () =>
    (await (await call("Replenish")).json()) as { eventInstanceId: string; detailCode: string };
  const first = await replenish();
  // a minute, 2 days and 6 days are the default plan; look just before and after each step
  const states: [string, string | undefined][] = [];
  for (const moment of [0, MINUTE, 2 * DAY - 1, 2 * DAY, 6 * DAY - 1]) {
    await clock.advance(START + moment - clock.now());
    const { eventInstanceId, detailCode } = await replenish();
    t.is(eventInstanceId, first.eventInstanceId);
    states.push([detailCode, sandbox.orders[0]?.state]);
  }
  t.deepEqual(states, [
    ["ORDER_INPROGRESS", "accepted"],
    ["ORDER_INPROGRESS", "placed"],
    ["ORDER_INPROGRESS", "placed"],
    ["ORDER_INPROGRESS", "shipped"],
    ["ORDER_INPROGRESS", "shipped"],
  ]);
  await clock.advance(1);
  const second = await replenish();
  t.is(second.detailCode, "STANDARD_ORDER_PLACED");
  t.not(second.eventInstanceId, first.eventInstanceId);
  t.like(sandbox.orders[0], {
    state: "delivered",
    placedAt: START + MINUTE,
    shippedAt: START + 2 * DAY,
    deliveredAt: START + 6 * DAY,
  });
  t.like(sandbox.orders[1], { state: "accepted", acceptedAt: START + 6 * DAY });
  t.deepEqual(sandbox.counts.replenish, {
    STANDARD_ORDER_PLACED: 2,
    TEST_ORDER_PLACED: 0,
    ORDER_INPROGRESS: 5,
  });
});

test("simultaneous Replenish calls for one slot make one order", async (t) => {
  const { call, sandbox } = await start(t);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const response = await call("Replenish");
      return (await response.json()) as { eventInstanceId: string; detailCode: string };
    }),
  );
  t.is(sandbox.orders.length, 1);
  t.is(answers.filter(({ detailCode }) => detailCode === "STANDARD_ORDER_PLACED").length, 1);
  t.is(new Set(answers.map(({ eventInstanceId }) => eventInstanceId)).size, 1);
});

test("an open order outlives its subscription", async (t) => {
  const { call, clock, sandbox } = await start(t);
  await call("Replenish");
  sandbox.setSubscribed("D-1", "soap", false);
  t.like(await (await call("Replenish")).json(), { detailCode: "ORDER_INPROGRESS" });
  await clock.advance(6 * DAY);
  t.is(sandbox.orders[0]?.state, "delivered");
  t.is((await call("Replenish")).status, 400);
});

test("a plan that makes no sense is a 500 that orders nothing", async (t) => {
  const plans = [
    () => ({ placedAfter: 2, shippedAfter: 1, deliveredAfter: 3 }),
    () => ({ placedAfter: -1, shippedAfter: 1, deliveredAfter: 3 }),
    () => ({ placedAfter: 0, shippedAfter: 1, deliveredAfter: Number.POSITIVE_INFINITY }),
    () => {
      throw new Error("out of plans");
    },
  ];
  const numbers: number[] = [];
  const { call, sandbox } = await start(t, {
    plan: ({ serial, slotId, number }) => {
      t.is(`${serial} ${slotId}`, "D-1 soap");
      numbers.push(number);
      return plans.shift()?.() ?? { placedAfter: 0, shippedAfter: 0, deliveredAfter: 0 };
    },
  });
  const where = 'plan for device "D-1", slot "soap"';
  for (const message of [
    `${where}: shippedAfter must be a number of ms not below 2 (got 1)`,
    `${where}: placedAfter must be a number of ms not below 0 (got -1)`,
    `${where}: deliveredAfter must be a number of ms not below 1 (got Infinity)`,
    "out of plans",
  ])
    await isRefused(t, await call("Replenish"), {
      status: 500,
      message,
      exception: "InternalServerException",
    });
  t.deepEqual(sandbox.orders, []);
  t.is((await call("Replenish")).status, 200);
  t.deepEqual(numbers, [1, 1, 1, 1, 1], "a refused order uses up no number");
});

test("SlotStatus answers with an empty body and is remembered", async (t) => {
  const { call, sandbox } = await start(t);
  const response = await call("SlotStatus");
  t.is(response.status, 200);
  t.is(response.headers.get("content-length"), "0");
  t.is(await response.text(), "");
  t.deepEqual(sandbox.statuses, [{ serial: "D-1", slotId: "soap", at: START, body: STATUS_BODY }]);
});

test("SlotStatus refuses every missing, mistyped or negative field by name and value", async (t) => {
  const { call, sandbox } = await start(t);
  const date = "an ISO 8601 date such as 2017-04-07T12:00:00Z";
  const amount = "a number of 0 or more";
  const dates = ["expectedReplenishmentDate", "lastUseDate"];
  const amounts = ["remainingQuantityInUnit", "originalQuantityInUnit"];
  const cases: [field: string, json: string | undefined, message: string][] = [];
  for (const field of dates) {
    cases.push([field, undefined, `${field} is missing; it must be ${date}`]);
    for (const json of ['"soon"', "1491523200", "null", '""', '"2017-02-30"', '"04/07/2017"'])
      cases.push([field, json, `${field} must be ${date} (got ${json})`]);
  }
  for (const field of amounts) cases.push([field, undefined, `${field} is missing; it must be ${amount}`]);
  for (const field of [...amounts, "totalQuantityOnHand"])
    for (const json of ["-0.1", '"3.5"', "null", "true", "[1]"])
      cases.push([field, json, `${field} must be ${amount} (got ${json})`]);
  for (const [field, json, message] of cases) {
    const body = Object.entries({ ...STATUS_BODY, [field]: undefined })
      .filter(([name]) => name !== field)
      .map(([name, value]) => `"${name}":${JSON.stringify(value)}`)
      .concat(json === undefined ? [] : `"${field}":${json}`)
      .join(",");
    await isRefused(t, await call("SlotStatus", { body: `{${body}}` }), {
      status: 400,
      message,
      exception: "ValidationException",
    });
  }
  t.deepEqual(sandbox.statuses, []);
  t.is(sandbox.counts.refusals["bad-request"], cases.length);
});

test("SlotStatus refuses what is no JSON object", async (t) => {
  const { call } = await start(t);
  const exception = "ValidationException";
  for (const body of ["", "{", "remainingQuantityInUnit=3&originalQuantityInUnit=10"])
    await isRefused(t, await call("SlotStatus", { body }), {
      status: 400,
      message: "The body must be JSON",
      exception,
    });
  for (const body of ["null", "[]", "7", '"text"'])
    await isRefused(t, await call("SlotStatus", { body }), {
      status: 400,
      message: `The body must be a JSON object (got ${body})`,
      exception,
    });
  const huge = "1e999";
  const body = JSON.stringify({ ...STATUS_BODY, remainingQuantityInUnit: 0 }).replace(":0,", `:${huge},`);
  t.true(body.includes(huge));
  t.is((await call("SlotStatus", { body })).status, 400);
});

test("a message repeats only the beginning of a long value", async (t) => {
  const { call } = await start(t);
  const body = JSON.stringify({ ...STATUS_BODY, lastUseDate: "x".repeat(5000) });
  const { message } = (await (await call("SlotStatus", { body })).json()) as { message: string };
  t.true(message.startsWith('lastUseDate must be an ISO 8601 date such as 2017-04-07T12:00:00Z (got "xxx'));
  t.true(message.length < 200);
});

test("SlotStatus takes dates without a time, no quantity on hand, and fields it does not know", async (t) => {
  const { call, sandbox } = await start(t);
  const { totalQuantityOnHand: _, ...body } = {
    ...STATUS_BODY,
    expectedReplenishmentDate: "2017-01-20",
    lastUseDate: "2016-02-29T23:59:59.123+05:30",
    remainingQuantityInUnit: 0,
    firmware: "1.2",
  };
  t.is((await call("SlotStatus", { body: JSON.stringify(body) })).status, 200);
  t.deepEqual(sandbox.statuses[0]?.body, body);
});

test("only the latest statuses of each slot are kept, in order of arrival, and all are counted", async (t) => {
  const { call, clock, sandbox } = await start(t, { statusesKept: 2 });
  const report = async (slot: string, remaining: number) => {
    const body = JSON.stringify({ ...STATUS_BODY, remainingQuantityInUnit: remaining });
    t.is((await call("SlotStatus", { path: `/slotStatus/${slot}`, body })).status, 200);
    await clock.advance(MINUTE);
  };
  await report("soap", 9);
  await report("foam", 5);
  await report("soap", 8);
  await report("soap", 7);
  t.deepEqual(
    sandbox.statuses.map(({ slotId, at, body }) => [slotId, at - START, body.remainingQuantityInUnit]),
    [
      ["foam", MINUTE, 5],
      ["soap", 2 * MINUTE, 8],
      ["soap", 3 * MINUTE, 7],
    ],
  );
  t.deepEqual(sandbox.counts.statuses, { "D-1": { soap: 3, foam: 1 } });
});

test("DeviceStatus wants the date of the latest activity", async (t) => {
  const { call } = await start(t);
  const good = await call("DeviceStatus");
  t.is(good.status, 200);
  t.is(await good.text(), "");
  const accepted = "an ISO 8601 date such as 2017-04-07T12:00:00Z";
  for (const [body, message] of [
    ["{}", `mostRecentlyActiveDate is missing; it must be ${accepted}`],
    [
      '{"mostRecentlyActiveDate":"2017-04-07T25:00:00Z"}',
      `mostRecentlyActiveDate must be ${accepted} (got "2017-04-07T25:00:00Z")`,
    ],
    ["[]", "The body must be a JSON object (got [])"],
    ["", "The body must be JSON"],
  ] as const)
    await isRefused(t, await call("DeviceStatus", { body }), {
      status: 400,
      message,
      exception: "ValidationException",
    });
});

test("SubscriptionInfo answers in the version that was asked for", async (t) => {
  const { call, sandbox } = await start(t);
  t.deepEqual(await (await call("SubscriptionInfo")).json(), {
    slotsSubscriptionStatus: {
      soap: { subscribed: true, productInfoList: [{ asin: "B000SOAP", quantity: 2, unit: "count" }] },
      foam: { subscribed: false, productInfoList: [{ asin: "B000FOAM", quantity: 33.8, unit: "ounces" }] },
    },
  });
  sandbox.setSubscribed("D-1", "soap", false);
  sandbox.setSubscribed("D-1", "foam", true);
  const v1 = await call("SubscriptionInfo", { headers: { "x-amzn-accept-type": SUBSCRIPTION_V1 } });
  t.is(v1.headers.get("x-amzn-type-version"), SUBSCRIPTION_V1);
  t.deepEqual(await v1.json(), { slotsSubscriptionStatus: { soap: false, foam: true } });
  t.deepEqual(
    await (await call("SubscriptionInfo", { token: `Bearer ${OTHER_TOKEN}` })).json(),
    {
      slotsSubscriptionStatus: {
        ink: { subscribed: true, productInfoList: [{ asin: "B0000INK", quantity: 1, unit: "count" }] },
      },
    },
    "each device sees its own slots",
  );
});

test("paths beside the documented ones are 404", async (t) => {
  const { call, sandbox } = await start(t);
  const paths = [
    "/",
    "/replenish",
    "/replenish/",
    "/replenish/soap/",
    "/deviceStatus/D-1",
    "/subscriptionInfo/",
    "/devicestatus",
    "/getOrderInfo",
    "//deviceStatus",
  ];
  for (const path of paths)
    await isRefused(t, await call("DeviceStatus", { path }), {
      status: 404,
      message: `No operation at ${path}`,
      exception: "UnknownOperationException",
    });
  t.is(sandbox.counts.refusals["unknown-path"], paths.length);
  t.deepEqual(
    sandbox.counts.requests,
    Object.fromEntries([...OPERATIONS, "CancelTestOrder"].map((operation) => [operation, 0])) as Record<
      Operation | "CancelTestOrder",
      number
    >,
  );
  t.is((await call("DeviceStatus", { path: "/deviceStatus?x=1" })).status, 200, "a query is no part of it");
});

test("a known path with another method is 405 and says which one it takes", async (t) => {
  const { call, sandbox } = await start(t);
  for (const operation of OPERATIONS) {
    const { method: right } = CALLS[operation];
    const response = await call(operation, { method: "PUT", body: "{}" });
    t.is(response.headers.get("allow"), right);
    await isRefused(t, response, {
      status: 405,
      message: `${operation} takes ${right}, not PUT`,
      exception: "UnknownOperationException",
    });
  }
  t.is(sandbox.counts.refusals["wrong-method"], OPERATIONS.length);
});

test("a body of 64 KB is read and one byte more is 413", async (t) => {
  const { call, sandbox } = await start(t);
  const exact = JSON.stringify(STATUS_BODY).padEnd(65_536);
  t.is((await call("SlotStatus", { body: exact })).status, 200);
  const tooLarge = {
    status: 413,
    message: "The body must not be larger than 65536 bytes",
    exception: "RequestTooLargeException",
  };
  await isRefused(t, await call("SlotStatus", { body: `${exact} ` }), tooLarge);
  await isRefused(t, await call("Replenish", { body: `${exact} ` }), tooLarge);
  t.is(sandbox.statuses.length, 1);
  t.deepEqual(sandbox.orders, []);
  t.is((await call("Replenish", { body: "not read" })).status, 200, "Replenish has no use for a body");
});

test("the sandbox keeps its own copy of the devices", async (t) => {
  const clock = new ManualClock();
  const devices = household("http://127.0.0.1:9/");
  const { call } = await start(t, { clock, devices });
  devices[0]!.slots[0]!.subscribed = false;
  t.is((await call("Replenish")).status, 200);
});

test("the same run gives the same ids, another run or slot others", async (t) => {
  const ids = async (run?: string) => {
    const { call, sandbox } = await start(t, run === undefined ? {} : { run });
    const response = await call("Replenish");
    sandbox.setSubscribed("D-1", "foam", true);
    await call("Replenish", { path: "/replenish/foam" });
    return [response.headers.get("x-amzn-requestid"), ...sandbox.orders.map(({ instanceId }) => instanceId)];
  };
  const first = await ids();
  t.deepEqual(await ids(), first);
  const all = [...first, ...(await ids("other"))];
  t.is(new Set(all).size, all.length);
});

test("what was asked and answered is logged, without the token", async (t) => {
  const { call, log } = await start(t);
  await call("DeviceStatus");
  await call("Replenish", { path: "/replenish/foam?token=x" });
  await call("Replenish", { path: "/elsewhere" });
  const requests = log.map((entry) => (entry.kind === "request" ? { ...entry, requestId: "" } : entry));
  t.deepEqual(requests, [
    {
      kind: "request",
      at: START,
      requestId: "",
      method: "POST",
      path: "/deviceStatus",
      operation: "DeviceStatus",
      serial: "D-1",
      status: 200,
    },
    {
      kind: "request",
      at: START,
      requestId: "",
      method: "POST",
      path: "/replenish/foam",
      operation: "Replenish",
      serial: "D-1",
      status: 400,
      reason: "unsubscribed",
      message: "Unable to place order - slot : <foam> is unsubscribed.",
    },
    {
      kind: "request",
      at: START,
      requestId: "",
      method: "POST",
      path: "/elsewhere",
      status: 404,
      reason: "unknown-path",
      message: "No operation at /elsewhere",
    },
  ]);
  t.false(JSON.stringify(log).includes("Atza"));
});

test("options are checked before anything is started", async (t) => {
  const [dispenser, printer] = household("http://127.0.0.1:9/") as [
    ReturnType<typeof household>[0],
    ReturnType<typeof household>[0],
  ];
  const slot = dispenser.slots[0]!;
  const cases: [Partial<Parameters<typeof startSandbox>[0]>, string][] = [
    [{ port: 65_536 }, "port must be a whole number from 0 to 65535 (got 65536)"],
    [{ statusesKept: 0 }, "statusesKept must be a whole number from 1 to 1000000 (got 0)"],
    [{ answerTimeout: 0.5 }, "answerTimeout must be a whole number from 1 to 3600000 (got 0.5)"],
    [
      { devices: [{ ...dispenser, serial: "a b" }] },
      'device "a b": serial must be 1 to 64 characters of A-Z a-z 0-9 - + _ (got "a b")',
    ],
    [
      { devices: [{ ...dispenser, model: "" }] },
      'device "D-1": model must be 1 to 64 characters of A-Z a-z 0-9 - + _ (got "")',
    ],
    [
      { devices: [{ ...dispenser, accessToken: "a\nb" }] },
      'device "D-1": accessToken must be 1 to 2048 visible ASCII characters',
    ],
    [
      { devices: [{ ...dispenser, notificationUrl: "ftp://x/" }] },
      'device "D-1": notificationUrl must be an http or https URL (got "ftp://x/")',
    ],
    [{ devices: [dispenser, { ...printer, serial: "D-1" }] }, 'device "D-1": serial must be unique'],
    [
      { devices: [dispenser, { ...printer, accessToken: TOKEN }] },
      'device "P-1": accessToken must not be another device\'s',
    ],
    [{ devices: [{ ...dispenser, slots: [slot, slot] }] }, 'device "D-1": slot id "soap" must be unique'],
    [
      { devices: [{ ...dispenser, slots: [{ ...slot, asin: "" }] }] },
      'device "D-1", slot "soap": asin must be a text that is not empty (got "")',
    ],
    [
      { devices: [{ ...dispenser, slots: [{ ...slot, quantity: 0 }] }] },
      'device "D-1", slot "soap": quantity must be a number above 0 (got 0)',
    ],
  ];
  for (const [change, message] of cases) {
    const error = await t.throwsAsync(
      startSandbox({ clock: new ManualClock(), devices: [dispenser, printer], ...change }),
      { instanceOf: SandboxError },
    );
    t.is(error.message, message);
    t.is(error.code, "BAD_OPTION");
    t.is(error.name, "SandboxError");
  }
});

test("devices and slots that do not exist are named by an error", async (t) => {
  const { sandbox } = await start(t);
  t.throws(() => sandbox.setSubscribed("X", "soap", true), {
    instanceOf: SandboxError,
    code: "UNKNOWN_DEVICE",
    message: 'no device has serial "X"',
  });
  t.throws(() => sandbox.setSubscribed("D-1", "ink", true), {
    code: "UNKNOWN_SLOT",
    message: 'device "D-1" has no slot "ink"',
  });
  t.throws(() => sandbox.setNotificationUrl("X", "http://x/"), { code: "UNKNOWN_DEVICE" });
  t.throws(() => sandbox.setNotificationUrl("D-1", "nowhere"), { code: "BAD_OPTION" });
});

test("a port that is taken is an error that says so", async (t) => {
  const { sandbox } = await start(t);
  const port = Number(new URL(sandbox.url).port);
  const error = await t.throwsAsync(startSandbox({ clock: new ManualClock(), devices: [], port }), {
    instanceOf: SandboxError,
    code: "LISTEN_FAILED",
  });
  t.true(error.message.startsWith(`cannot listen on 127.0.0.1, port ${port}: `));
});

test("a closed sandbox answers nobody and may be closed again", async (t) => {
  const { sandbox, call } = await start(t);
  t.is((await call("DeviceStatus")).status, 200);
  await sandbox.close();
  await sandbox.close();
  await t.throwsAsync(call("DeviceStatus"));
});
