/**
 * The sandbox, asked by a client that was written from Amazon's pages alone. Each assertion names the page, or the
 * client of Amazon's, whose word it is.
 */
import test, { type ExecutionContext } from "ava";
import {
  AdjustableClock,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from "../../../examples/drs-sandbox/index.js";
import {
  type Answer,
  authorizeUrl,
  Browser,
  challengeOf,
  jsonOf,
  LetterClient,
  type Page,
  postToken,
  Receiver,
  type ReceiverOptions,
  type Registration,
  type SlotStatus,
  type Tokens,
} from "./letter-client.js";

const START = Date.UTC(2026, 0, 5, 10);
const HOUR = 3_600_000;
const CLIENT_ID = "amzn1.application-oa2-client.0123456789abcdef0123456789abcdef";
const SECRET = "a-secret-of-the-maker";
const RETURN_URL = "https://maker.example/back";
const MODEL = "dispenser-1";
const SERIAL = "00-1A_2b+3";
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/** What is bought of each slot; not bought: towels. */
const ASIN = "B000SOAP01";

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const DATE_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const DATE_S = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

interface Setting {
  sandbox: Sandbox;
  clock: AdjustableClock;
  receiver: Receiver;
}

const start = async (
  t: ExecutionContext,
  options: Partial<SandboxOptions> = {},
  receives: ReceiverOptions = {},
): Promise<Setting> => {
  const receiver = await Receiver.start(receives);
  t.teardown(() => receiver.close());
  const clock = new AdjustableClock({ start: START, ticks: false });
  const sandbox = await startSandbox({
    clock,
    devices: [],
    handshake: true,
    customers: [{ name: "Ada" }, { name: "Ben" }],
    models: [
      {
        id: MODEL,
        notificationUrl: receiver.url,
        slots: [
          { id: "soap", products: [{ asin: ASIN, title: "Lemon soap", unit: "count", quantity: 2 }] },
          { id: "towels", products: [{ asin: "B000TOWEL1", unit: "count", quantity: 12 }] },
        ],
      },
    ],
    lwa: [
      { clientId: CLIENT_ID, clientSecret: SECRET, returnUrls: [RETURN_URL] },
      { clientId: "amzn1.application-oa2-client.ffffffffffffffffffffffffffffffff", clientSecret: "other" },
    ],
    ...options,
  });
  t.teardown(() => sandbox.close());
  receiver.trusted = sandbox.url;
  return { sandbox, clock, receiver };
};

type Wishes = Omit<Parameters<typeof authorizeUrl>[1], "clientId" | "redirectUri" | "registration"> & {
  registration?: Partial<Registration>;
};

const addressOf = ({ sandbox }: Setting, { registration, ...wishes }: Wishes = {}): string =>
  authorizeUrl(sandbox.url, {
    clientId: CLIENT_ID,
    redirectUri: RETURN_URL,
    ...wishes,
    registration: { device_model: MODEL, serial: SERIAL, is_test_device: true, ...registration },
  });

/** What a customer presses from sign-in to confirmation. */
const STEPS = [/^Sign in as Ada$/, /^Allow$/, /^Continue$/, /^Confirm$/];

/** Signs in, and gives back where the app is called. `picks`: products and payment. */
const signIn = async (
  setting: Setting,
  wishes: Wishes = {},
  picks: readonly string[] = [ASIN],
  steps = STEPS,
): Promise<URL> => {
  const browser = new Browser(setting.sandbox.url);
  let page = await browser.open(addressOf(setting, wishes));
  for (const step of steps) {
    if (page instanceof URL) throw new Error(`left early for ${page}`);
    page = await browser.press(page, step, picks);
  }
  if (!(page instanceof URL)) throw new Error(`still on ${page.url}: ${page.text}`);
  await setting.clock.advance(0);
  return page;
};

const exchange = (
  setting: Setting,
  back: URL,
  fields: Record<string, string | undefined> = {},
): Promise<Answer> => {
  const form = {
    grant_type: "authorization_code",
    code: back.searchParams.get("code") ?? "",
    client_id: CLIENT_ID,
    client_secret: SECRET,
    redirect_uri: RETURN_URL,
    ...fields,
  };
  const given = Object.entries(form).filter((field): field is [string, string] => field[1] !== undefined);
  return postToken(setting.sandbox.url, Object.fromEntries(given));
};

const refresh = (setting: Setting, token: string, fields: Record<string, string> = {}): Promise<Answer> =>
  postToken(setting.sandbox.url, {
    grant_type: "refresh_token",
    refresh_token: token,
    client_id: CLIENT_ID,
    client_secret: SECRET,
    ...fields,
  });

/** A registered device and its client. */
const register = async (
  setting: Setting,
  isTest = true,
  picks?: readonly string[],
): Promise<{ client: LetterClient; tokens: Tokens }> => {
  const back = await signIn(setting, { registration: { is_test_device: isTest } }, picks);
  const tokens = jsonOf<Tokens>(await exchange(setting, back));
  return { client: new LetterClient(setting.sandbox.url, tokens.access_token), tokens };
};

const STATUS: SlotStatus = {
  expectedReplenishmentDate: "2026-01-20T10:00:00Z",
  remainingQuantityInUnit: 3.5,
  originalQuantityInUnit: 10,
  totalQuantityOnHand: 20,
  lastUseDate: "2026-01-05T09:00:00Z",
};

/** Headers that were seen on every answer. */
const isAnswer = (t: ExecutionContext, answer: Answer, what: string): void => {
  t.regex(answer.headers.get("x-amzn-requestid") ?? "", new RegExp(`^${UUID}$`), `${what}: X-Amzn-Requestid`);
  const date = answer.headers.get("x-amz-date") ?? "";
  t.regex(date, /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/, `${what}: X-Amz-Date`);
};

const isSuccess = (t: ExecutionContext, answer: Answer, result: string, what: string): void => {
  t.is(answer.status, 200, `${what}: ${answer.text}`);
  t.is(
    answer.headers.get("x-amzn-type-version"),
    `com.amazon.dash.replenishment.${result}`,
    `${what}: result type`,
  );
  isAnswer(t, answer, what);
};

const isError = (
  t: ExecutionContext,
  answer: Answer,
  status: number,
  message: string | RegExp,
  what: string,
): void => {
  t.is(answer.status, status, `${what}: ${answer.text}`);
  isAnswer(t, answer, what);
  t.regex(
    answer.headers.get("x-amzn-errortype") ?? "",
    /^[A-Za-z0-9]+Exception:http/,
    `${what}: X-Amzn-Errortype`,
  );
  const body = jsonOf<{ message: string }>(answer);
  if (typeof message === "string") t.is(body.message, message, `${what}: message`);
  else t.regex(body.message, message, `${what}: message`);
};

const isOAuthError = (
  t: ExecutionContext,
  answer: Answer,
  status: number,
  error: string,
  what: string,
): void => {
  t.is(answer.status, status, `${what}: ${answer.text}`);
  isAnswer(t, answer, what);
  t.regex(answer.headers.get("x-amzn-errortype") ?? "", /^OA2\w+Exception:http/, `${what}: X-Amzn-Errortype`);
  const body = jsonOf<{ error: string; error_description: string }>(answer);
  t.is(body.error, error, what);
  t.true(body.error_description.length > 0, `${what}: error_description`);
};

/* Login with Amazon */

test("a sign-in leads back to the app with code, scope and state, and the device is registered on consent", async (t) => {
  const setting = await start(t);
  const { sandbox, clock, receiver } = setting;
  const browser = new Browser(sandbox.url);
  let page = (await browser.open(addressOf(setting, { state: "opaque &=+" }))) as Page;
  t.is(page.status, 200);
  t.regex(page.headers.get("content-type") ?? "", /^text\/html/);
  page = (await browser.press(page, STEPS[0]!)) as Page;
  await clock.advance(0);
  t.deepEqual(receiver.notifications(), []);
  page = (await browser.press(page, STEPS[1]!)) as Page;
  await clock.advance(0);
  t.deepEqual(
    receiver.notifications<Notification>().map((each) => each.notificationInfo.notificationType),
    ["DeviceRegisteredNotification"],
    "notification-messages: sent once LWA is complete, before ASINs are chosen",
  );
  page = (await browser.press(page, STEPS[2]!, [ASIN])) as Page;
  const back = (await browser.press(page, STEPS[3]!)) as unknown as URL;
  t.is(back.origin + back.pathname, RETURN_URL);
  t.deepEqual(
    [...back.searchParams.keys()].sort(),
    ["code", "scope", "state"],
    "lwa-web-api: success redirect",
  );
  t.is(back.searchParams.get("scope"), "dash:replenish", "lwa-web-api: scope");
  t.is(back.searchParams.get("state"), "opaque &=+", "authorization-code-grant: state is echoed");
  await clock.advance(0);
  const changed = receiver.notifications("SubscriptionChangedNotification");
  t.true(
    changed.length >= 1,
    "notification-messages: a registration that is completed changes subscriptions",
  );
  t.deepEqual(receiver.failures, []);
});

test("without a state none comes back; booleans may be text; a model that is not live needs its flag", async (t) => {
  const setting = await start(t, {
    models: [
      {
        id: MODEL,
        isLive: false,
        slots: [{ id: "soap", products: [{ asin: ASIN, unit: "count", quantity: 2 }] }],
      },
    ],
  });
  const back = await signIn(setting, {
    registration: { is_test_device: "true", should_include_non_live: "true" },
  });
  t.deepEqual([...back.searchParams.keys()].sort(), ["code", "scope"], "lwa-web-api");
  const tokens = jsonOf<Tokens>(await exchange(setting, back));
  const answer = await new LetterClient(setting.sandbox.url, tokens.access_token).replenish("soap");
  t.is(
    jsonOf<{ detailCode: string }>(answer).detailCode,
    "TEST_ORDER_PLACED",
    "lwa-mobile-sdk-android: text",
  );
  const refused = await new Browser(setting.sandbox.url).open(addressOf(setting));
  t.true(refused instanceof URL && refused.searchParams.has("error"), "lwa-web-api: should_include_non_live");
});

test("a refusal and mistakes of the app come back as error, never with a code", async (t) => {
  const setting = await start(t);
  const browser = new Browser(setting.sandbox.url);
  const page = (await browser.open(addressOf(setting, { state: "s" }))) as Page;
  const refusal = (await browser.press(page, /^Cancel$/)) as URL;
  t.is(refusal.searchParams.get("error"), "access_denied", "authorization-code-grant: refusal");
  t.is(refusal.searchParams.get("state"), "s");
  t.false(refusal.searchParams.has("code"));
  const mistakes: [Record<string, string | undefined>, string][] = [
    [{ response_type: "token" }, "unsupported_response_type"],
    [{ response_type: undefined }, "invalid_request"],
    [{ scope: "profile" }, "invalid_scope"],
    [{ scope: undefined }, "invalid_request"],
    [{ scope_data: undefined }, "invalid_request"],
    [{ scope_data: "{" }, "invalid_request"],
    [{ scope_data: '{"dash:replenish":{"serial":"x"}}' }, "invalid_request"],
    [{ scope_data: `{"dash:replenish":{"device_model":"${MODEL}"}}` }, "invalid_request"],
    [{ scope_data: `{"dash:replenish":{"device_model":"${MODEL}","serial":"a b"}}` }, "invalid_request"],
    [
      { scope_data: `{"dash:replenish":{"device_model":"${MODEL}","serial":"${"x".repeat(65)}"}}` },
      "invalid_request",
    ],
    [{ code_challenge: "x", code_challenge_method: "S512" }, "invalid_request"],
  ];
  for (const [extra, error] of mistakes) {
    const there = await browser.open(addressOf(setting, { state: "s", extra }));
    t.true(there instanceof URL, JSON.stringify(extra));
    if (!(there instanceof URL)) continue;
    t.is(there.origin + there.pathname, RETURN_URL);
    t.is(there.searchParams.get("error"), error, JSON.stringify(extra));
    t.is(there.searchParams.get("state"), "s");
    t.false(there.searchParams.has("code"));
  }
  for (const extra of [
    { client_id: "nobody" },
    { redirect_uri: `${RETURN_URL}/` },
    { redirect_uri: undefined },
  ]) {
    const there = await browser.open(addressOf(setting, { extra }));
    t.false(there instanceof URL, "lwa-web-api: Allowed Return URLs, exactly");
    if (!(there instanceof URL)) t.true(there.status >= 400);
  }
});

test("a code becomes tokens with the client's secret, once, for its client and return URL, while it is fresh", async (t) => {
  const setting = await start(t);
  const { clock, sandbox } = setting;
  const back = await signIn(setting);
  const wrong: [Record<string, string | undefined>, number, string][] = [
    [{ client_secret: "wrong" }, 401, "invalid_client"],
    [{ client_id: "nobody" }, 401, "invalid_client"],
    [{ redirect_uri: "https://maker.example/elsewhere" }, 400, "invalid_grant"],
    [{ grant_type: "password" }, 400, "unsupported_grant_type"],
    [{ grant_type: undefined }, 400, "invalid_request"],
    [{ code: undefined }, 400, "invalid_request"],
    [{ code: "made-up" }, 400, "invalid_grant"],
    [
      { client_id: "amzn1.application-oa2-client.ffffffffffffffffffffffffffffffff", client_secret: "other" },
      400,
      "invalid_grant",
    ],
  ];
  for (const [fields, status, error] of wrong)
    isOAuthError(t, await exchange(setting, back, fields), status, error, JSON.stringify(fields));
  const answer = await exchange(setting, back);
  t.is(answer.status, 200, answer.text);
  const tokens = jsonOf<Tokens>(answer);
  t.deepEqual(
    Object.keys(tokens).sort(),
    ["access_token", "expires_in", "refresh_token", "token_type"],
    "lwa-web-api: fields of the answer",
  );
  t.is(tokens.token_type, "bearer", "lwa-web-api");
  t.is(tokens.expires_in, 3600, "access-token: 60 minutes");
  t.regex(tokens.access_token, /^Atza\|/, "glossary");
  t.true(tokens.access_token.length >= 350, "access-token: 350 characters or more");
  t.true(tokens.access_token.length <= 2048, "access-token: 2048 bytes");
  t.regex(tokens.refresh_token, /^Atzr\|/, "refresh-token");
  t.true(tokens.refresh_token.length <= 2048, "refresh-token: 2048 bytes");
  isAnswer(t, answer, "token");
  isOAuthError(t, await exchange(setting, back), 400, "invalid_grant", "a code is used once");
  const late = await signIn(setting);
  await clock.advance(300_001);
  isOAuthError(t, await exchange(setting, late), 400, "invalid_grant", "a code expires");
  const other = await signIn(setting);
  const form = {
    grant_type: "authorization_code",
    code: other.searchParams.get("code") ?? "",
    redirect_uri: RETURN_URL,
  };
  const basic = (secret: string): { headers: Record<string, string> } => ({
    headers: { authorization: `Basic ${Buffer.from(`${CLIENT_ID}:${secret}`).toString("base64")}` },
  });
  isOAuthError(
    t,
    await postToken(sandbox.url, form, basic("wrong")),
    401,
    "invalid_client",
    "Authorization header",
  );
  const options = { ...basic(SECRET), path: "/auth/O2/token" };
  t.is(
    (await postToken(sandbox.url, form, options)).status,
    200,
    "authorization-code-grant: Authorization header; lwa-mobile-sdk: letter case of the path",
  );
});

test("a code with a challenge becomes tokens with its verifier and no secret; so do refreshes", async (t) => {
  const setting = await start(t);
  const { sandbox } = setting;
  const challenges = [
    { code_challenge: challengeOf(VERIFIER), code_challenge_method: "S256" },
    { code_challenge: VERIFIER, code_challenge_method: "plain" },
    { code_challenge: VERIFIER },
  ] as const;
  t.is(challengeOf(VERIFIER), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "RFC 7636, appendix B");
  for (const challenge of challenges) {
    const back = await signIn(setting, { challenge });
    const noSecret = { client_secret: undefined };
    isOAuthError(
      t,
      await exchange(setting, back, { ...noSecret, code_verifier: `${VERIFIER.slice(0, -1)}x` }),
      400,
      "invalid_grant",
      "RFC 7636: another verifier",
    );
    const missing = await exchange(setting, back, noSecret);
    t.is(missing.status, 400, "RFC 7636: no verifier");
    const answer = await exchange(setting, back, { ...noSecret, code_verifier: VERIFIER });
    t.is(answer.status, 200, `lwa-mobile-sdk: ${JSON.stringify(challenge)}: ${answer.text}`);
    const { refresh_token } = jsonOf<Tokens>(answer);
    // Amazon's sample apps send no more than this
    const refreshed = await postToken(sandbox.url, {
      grant_type: "refresh_token",
      refresh_token,
      client_id: CLIENT_ID,
    });
    t.is(refreshed.status, 200, "sample app: refresh without a secret");
  }
  const back = await signIn(setting, { challenge: challenges[0] });
  const plain = await exchange(setting, back, {
    client_secret: undefined,
    code_verifier: challengeOf(VERIFIER),
  });
  isOAuthError(t, plain, 400, "invalid_grant", "RFC 7636: the challenge is no verifier of S256");
});

test("an access token lives an hour, a refresh token for ever", async (t) => {
  const setting = await start(t);
  const { clock, sandbox } = setting;
  const { client, tokens } = await register(setting);
  await clock.advance(HOUR - 1000);
  t.is((await client.subscriptionInfo(2)).status, 200, "access-token: 60 minutes");
  await clock.advance(1001);
  isError(t, await client.subscriptionInfo(2), 400, "Invalid token", "access-token: expired");
  await clock.advance(400 * 24 * HOUR);
  const answer = await refresh(setting, tokens.refresh_token);
  t.is(answer.status, 200, "refresh-token: does not expire by time");
  const next = jsonOf<Tokens>(answer);
  t.not(next.access_token, tokens.access_token);
  t.is(next.expires_in, 3600);
  t.is(next.token_type, "bearer");
  t.regex(next.refresh_token, /^Atzr\|/, "lwa-web-api: a refresh token comes back, too");
  t.is((await new LetterClient(sandbox.url, next.access_token).subscriptionInfo(2)).status, 200);
  t.is(
    (await refresh(setting, next.refresh_token, { redirect_uri: RETURN_URL })).status,
    200,
    "lwa-web-api: redirect_uri",
  );
  const bad = await refresh(setting, "Atzr|made-up");
  isOAuthError(t, bad, 400, "invalid_grant", "refresh-token: made up");
  t.deepEqual(
    JSON.parse(bad.text),
    {
      error: "invalid_grant",
      error_description: "The request has an invalid grant parameter : refresh_token",
    },
    "as seen of the token endpoint",
  );
  t.regex(
    bad.headers.get("x-amzn-errortype") ?? "",
    /^OA2InvalidRequestException:/,
    "as seen of the token endpoint",
  );
  isOAuthError(
    t,
    await refresh(setting, next.refresh_token, { client_secret: "wrong" }),
    401,
    "invalid_client",
    "secret",
  );
  const other = {
    client_id: "amzn1.application-oa2-client.ffffffffffffffffffffffffffffffff",
    client_secret: "other",
  };
  isOAuthError(
    t,
    await refresh(setting, next.refresh_token, other),
    400,
    "invalid_grant",
    "refresh-token: tied to its client",
  );
});

/* The service */

test("SubscriptionInfo has all slots, in both versions", async (t) => {
  const setting = await start(t);
  const { client } = await register(setting);
  const second = await client.subscriptionInfo(2);
  isSuccess(t, second, "DrsSubscriptionInfoResult@2.0", "getsubscriptioninfo-endpoint");
  t.deepEqual(
    jsonOf(second),
    {
      slotsSubscriptionStatus: {
        soap: { subscribed: true, productInfoList: [{ asin: ASIN, quantity: 2, unit: "count" }] },
        towels: { subscribed: false, productInfoList: [] },
      },
    },
    "getsubscriptioninfo-endpoint: version 2",
  );
  const first = await client.subscriptionInfo(1);
  isSuccess(t, first, "DrsSubscriptionInfoResult@1.0", "getsubscriptioninfo-endpoint");
  t.deepEqual(
    jsonOf(first),
    { slotsSubscriptionStatus: { soap: true, towels: false } },
    "getsubscriptioninfo-endpoint: version 1",
  );
});

test("SlotStatus and DeviceStatus take what the pages and Amazon's own samples send, and answer nothing", async (t) => {
  const setting = await start(t);
  const { client } = await register(setting);
  const { totalQuantityOnHand: _, ...unknown } = STATUS;
  const bodies: [string, object][] = [
    ["slotstatus-endpoint", STATUS],
    ["slotstatus-endpoint: on hand, if known", unknown],
    ["slotstatus-endpoint: nothing left", { ...STATUS, remainingQuantityInUnit: 0 }],
    [
      "sample apps",
      {
        lastUseDate: "2017-04-01",
        remainingQuantityInUnit: 1,
        originalQuantityInUnit: 2,
        expectedReplenishmentDate: "2017-04-7",
        totalQuantityOnHand: 20,
      },
    ],
    ["ISO 8601: offset", { ...STATUS, lastUseDate: "2026-01-05T10:00:00+01:00" }],
    ["ISO 8601: milliseconds", { ...STATUS, lastUseDate: "2026-01-05T10:00:00.000Z" }],
  ];
  for (const [what, body] of bodies) {
    const answer = await client.slotStatus("soap", body);
    isSuccess(t, answer, "DrsSlotStatusResult@1.0", what);
    t.is(answer.text, "", what);
  }
  isSuccess(
    t,
    await client.slotStatus("towels", STATUS),
    "DrsSlotStatusResult@1.0",
    "a slot that is not subscribed",
  );
  for (const date of ["2026-01-05T09:00:00Z", "2026-01-05T09:00:00.123Z", "2017-04-01", "2015-06-1"]) {
    const answer = await client.deviceStatus({ mostRecentlyActiveDate: date });
    isSuccess(t, answer, "DrsDeviceStatusResult@1.0", `devicestatus-endpoint: ${date}`);
    t.is(answer.text, "");
  }
});

test("what is wrong with a status is a 400 that says so", async (t) => {
  const setting = await start(t);
  const { client } = await register(setting);
  const fields = [
    "expectedReplenishmentDate",
    "remainingQuantityInUnit",
    "originalQuantityInUnit",
    "lastUseDate",
  ] as const;
  for (const field of fields) {
    const { [field]: _, ...rest } = STATUS;
    isError(
      t,
      await client.slotStatus("soap", rest),
      400,
      new RegExp(field),
      `slotstatus-endpoint: no ${field}`,
    );
    const wrong = { ...STATUS, [field]: { not: "this" } };
    isError(
      t,
      await client.slotStatus("soap", wrong),
      400,
      new RegExp(field),
      `slotstatus-endpoint: wrong ${field}`,
    );
  }
  for (const date of ["soon", "", "2026-02-30", "2026-13-01", "05.01.2026"]) {
    const status = await client.slotStatus("soap", { ...STATUS, lastUseDate: date });
    isError(t, status, 400, /lastUseDate/, `slotstatus-endpoint: ${date}`);
    const device = await client.deviceStatus({ mostRecentlyActiveDate: date });
    isError(t, device, 400, /mostRecentlyActiveDate/, `devicestatus-endpoint: ${date}`);
  }
  isError(t, await client.deviceStatus({}), 400, /mostRecentlyActiveDate/, "devicestatus-endpoint: nothing");
  isError(t, await client.slotStatus("nowhere", STATUS), 400, /nowhere/, "slotstatus-endpoint: no such slot");
  for (const body of ["", "{", "[]", "null", "lastUseDate=2026-01-05"]) {
    const answer = await client.call(
      "POST",
      "/deviceStatus",
      "DrsDeviceStatusInput@1.0",
      "DrsDeviceStatusResult@1.0",
      body,
    );
    isError(t, answer, 400, /./, `devicestatus-endpoint: ${body}`);
  }
});

interface Replenished {
  eventInstanceId: string;
  detailCode: string;
}

interface OrderInfo {
  orderInfoData: { instanceId: string; orderItems: Record<string, unknown>[] };
}

test("a test device orders, is told of the open order, and cancels it to order again", async (t) => {
  const setting = await start(t);
  const { clock } = setting;
  const { client } = await register(setting, true, [ASIN, "B000TOWEL1"]);
  const none = await client.cancelTestOrder("soap");
  isSuccess(t, none, "DrsCancelTestOrdersResult@1.0", "canceltestorder-endpoint");
  const nothing = { slotOrderStatuses: [{ slotId: "soap", orderStatus: "NO_ORDER_IN_PROGRESS" }] };
  t.deepEqual(jsonOf(none), nothing, "canceltestorder-endpoint: no order");
  const placed = await client.replenish("soap");
  isSuccess(t, placed, "DrsReplenishResult@1.0", "replenish-endpoint");
  t.is(placed.reason, "Accepted", "replenish-endpoint: 200 Accepted");
  const first = jsonOf<Replenished>(placed);
  t.deepEqual(Object.keys(first).sort(), ["detailCode", "eventInstanceId"], "replenish-endpoint: fields");
  t.is(first.detailCode, "TEST_ORDER_PLACED", "replenish-endpoint");
  t.regex(
    first.eventInstanceId,
    /^amzn1\.dash\.v2\.o\.[^/?#]+$/,
    "getorderinfo-endpoint: can be a part of a path",
  );
  t.true(first.eventInstanceId.length <= 255, "replenish-endpoint: up to 255 characters");
  const again = jsonOf<Replenished>(await client.replenish("soap"));
  t.is(again.detailCode, "ORDER_INPROGRESS", "replenish-endpoint");
  t.is(typeof again.eventInstanceId, "string");
  t.is(
    jsonOf<Replenished>(await client.replenish("towels")).detailCode,
    "TEST_ORDER_PLACED",
    "glossary: per slot",
  );
  await clock.advance(HOUR / 2);
  const info = await client.orderInfo(first.eventInstanceId);
  isSuccess(t, info, "DrsOrderInfoResult@1.0", "getorderinfo-endpoint");
  t.is(info.reason, "Accepted", "getorderinfo-endpoint: 200 Accepted");
  const { orderInfoData } = jsonOf<OrderInfo>(info);
  t.is(orderInfoData.instanceId, first.eventInstanceId, "getorderinfo-endpoint");
  t.is(orderInfoData.orderItems.length, 1, "getorderinfo-endpoint: one entry");
  const { expectedDeliveryDate, ...item } = orderInfoData.orderItems[0]!;
  t.deepEqual(
    item,
    { asin: ASIN, quantity: 2, slotId: "soap", status: "Processing" },
    "getorderinfo-endpoint",
  );
  t.regex(String(expectedDeliveryDate), DATE_MS, "getorderinfo-endpoint: with milliseconds");
  const cancelled = await client.cancelTestOrder("soap");
  isSuccess(t, cancelled, "DrsCancelTestOrdersResult@1.0", "canceltestorder-endpoint");
  t.deepEqual(jsonOf(cancelled), nothing, "canceltestorder-endpoint");
  const after = jsonOf<OrderInfo>(await client.orderInfo(first.eventInstanceId)).orderInfoData.orderItems[0]!;
  t.is(after.status, "Cancelled", "getorderinfo-endpoint");
  const second = jsonOf<Replenished>(await client.replenish("soap"));
  t.is(second.detailCode, "TEST_ORDER_PLACED", "canceltestorder-endpoint: TEST_ORDER_PLACED again");
  t.not(second.eventInstanceId, first.eventInstanceId);
  const all = await client.cancelTestOrder();
  isSuccess(t, all, "DrsCancelTestOrdersResult@1.0", "canceltestorder-endpoint");
  t.deepEqual(
    jsonOf(all),
    {
      slotOrderStatuses: [
        { slotId: "soap", orderStatus: "NO_ORDER_IN_PROGRESS" },
        { slotId: "towels", orderStatus: "NO_ORDER_IN_PROGRESS" },
      ],
    },
    "canceltestorder-endpoint: all",
  );
  t.is(jsonOf<Replenished>(await client.replenish("towels")).detailCode, "TEST_ORDER_PLACED");
});

test("a test order is announced and shipped as any other, and no order of the customer's account", async (t) => {
  const setting = await start(t);
  const { clock, receiver } = setting;
  const { client } = await register(setting);
  const { eventInstanceId } = jsonOf<Replenished>(await client.replenish("soap"));
  await clock.advance(14 * 24 * HOUR);
  for (const type of ["OrderPlacedNotification", "ItemShippedNotification"]) {
    const told = receiver.notifications<Notification>(type);
    t.deepEqual(
      told.map((each) => each.orderInfo?.instanceId),
      [eventInstanceId],
      `test-device-purchases: ${type}`,
    );
  }
  const browser = new Browser(setting.sandbox.url);
  let page = (await browser.open(`${setting.sandbox.url}/your-orders`)) as Page;
  if (/Sign in as Ada/.test(page.text)) page = (await browser.press(page, /^Sign in as Ada$/)) as Page;
  t.notRegex(page.text, /Lemon soap/, "test-device-purchases: not in the order history");
});

/** Every call, with its path's name. */
const callsOf = (client: LetterClient): [string, () => Promise<Answer>][] => [
  ["replenish-endpoint", () => client.replenish("soap")],
  ["slotstatus-endpoint", () => client.slotStatus("soap", STATUS)],
  ["devicestatus-endpoint", () => client.deviceStatus({ mostRecentlyActiveDate: "2026-01-05T09:00:00Z" })],
  ["getsubscriptioninfo-endpoint", () => client.subscriptionInfo(2)],
  ["getsubscriptioninfo-endpoint, version 1", () => client.subscriptionInfo(1)],
  ["getorderinfo-endpoint", () => client.orderInfo("amzn1.dash.v2.o.none")],
  ["canceltestorder-endpoint", () => client.cancelTestOrder("soap")],
  ["canceltestorder-endpoint, all", () => client.cancelTestOrder()],
  ["deregistration-endpoint, version 1", () => client.deregisterDevice(MODEL, SERIAL)],
  ["deregistration-endpoint", () => client.deregister()],
];

test("a token that is none, or no token, is a 400 on every call", async (t) => {
  const setting = await start(t);
  await register(setting);
  for (const token of ["Atza|made-up", ""])
    for (const [what, call] of callsOf(new LetterClient(setting.sandbox.url, token))) {
      const answer = await call();
      isError(t, answer, 400, "Invalid token", what);
      t.deepEqual(JSON.parse(answer.text), { message: "Invalid token" }, `${what}: as seen`);
      t.is(
        answer.headers.get("x-amzn-errortype"),
        "InvalidTokenException:http://internal.amazon.com/coral/com.amazon.parkeraccioservice/",
        `${what}: as seen`,
      );
    }
});

test("a server's fault is a 500 on every call", async (t) => {
  const setting = await start(t);
  const { client } = await register(setting);
  for (const [what, call] of callsOf(client)) {
    setting.sandbox.addFaults([{ kind: "error" }]);
    isError(t, await call(), 500, /./, what);
  }
  t.is((await client.subscriptionInfo(2)).status, 200, "nothing was done");
  setting.sandbox.addFaults([{ kind: "error", operation: "Token" }]);
  isOAuthError(t, await refresh(setting, "Atzr|any"), 500, "server_error", "access-token");
});

test("both version headers are mandatory on every call, and name its own versions", async (t) => {
  const setting = await start(t);
  const { client } = await register(setting);
  const slot = "/slotStatus/soap";
  const v1 = `/deviceModels/${MODEL}/devices/${SERIAL}/registration`;
  const table: [string, string, string, string, object?][] = [
    ["POST", "/replenish/soap", "DrsReplenishInput@1.0", "DrsReplenishResult@1.0"],
    ["POST", slot, "DrsSlotStatusInput@1.0", "DrsSlotStatusResult@1.0", STATUS],
    ["GET", "/subscriptionInfo", "DrsSubscriptionInfoInput@1.0", "DrsSubscriptionInfoResult@2.0"],
    ["GET", "/getOrderInfo/x", "DrsOrderInfoInput@1.0", "DrsOrderInfoResult@1.0"],
    ["DELETE", "/registration", "DrsDeregisterInput@2.0", "DrsDeregisterResult@1.0"],
    ["DELETE", v1, "DrsDeregisterInput@1.0", "DrsDeregisterResult@1.0"],
    ["DELETE", "/testOrders", "DrsCancelTestOrdersInput@1.0", "DrsCancelTestOrdersResult@1.0"],
    ["DELETE", "/testOrders/slots/soap", "DrsCancelTestOrdersInput@1.0", "DrsCancelTestOrdersResult@1.0"],
  ];
  for (const [method, path, input, result, body] of table) {
    const wrong: [string | undefined, string | undefined][] = [
      [undefined, result],
      [input, undefined],
      [input.replace(/@.*/, "@9.0"), result],
      [input, result.replace(/@.*/, "@9.0")],
      [result, input],
      [input.replace("@", "Typo@"), result],
    ];
    for (const [type, accept] of wrong)
      isError(
        t,
        await client.call(method, path, type, accept, body),
        400,
        /./,
        `api-overview: ${path} ${type} ${accept}`,
      );
  }
  isError(
    t,
    await client.call("DELETE", "/registration", "DrsDeregisterInput@1.0", "DrsDeregisterResult@1.0"),
    400,
    /./,
    "deregistration-endpoint: version 1 names the device in its path",
  );
});

test("slots that are not there and slots that may not order", async (t) => {
  const setting = await start(t);
  const { client } = await register(setting);
  isError(t, await client.replenish("nowhere"), 404, /nowhere/, "replenish-endpoint: no such slot");
  isError(
    t,
    await client.replenish("towels"),
    400,
    "Unable to place order - slot : <towels> is unsubscribed.",
    "as seen by clients",
  );
  isError(
    t,
    await client.orderInfo("amzn1.dash.v2.o.none"),
    400,
    /./,
    "getorderinfo-endpoint: no such order",
  );
  isError(
    t,
    await client.cancelTestOrder("nowhere"),
    400,
    /nowhere/,
    "canceltestorder-endpoint: no such slot",
  );
});

test("a slot's name is free text, encoded in paths", async (t) => {
  const id = "Dry dog food, 50 % (größer)/1";
  const setting = await start(t, {
    models: [{ id: MODEL, slots: [{ id, products: [{ asin: ASIN, unit: "count", quantity: 2 }] }] }],
  });
  const { client } = await register(setting);
  const name = encodeURIComponent(id);
  t.is((await client.slotStatus(name, STATUS)).status, 200, "slotstatus-endpoint");
  const { detailCode } = jsonOf<Replenished>(await client.replenish(name));
  t.is(detailCode, "TEST_ORDER_PLACED", "replenish-endpoint");
  t.deepEqual(
    jsonOf(await client.cancelTestOrder(name)),
    { slotOrderStatuses: [{ slotId: id, orderStatus: "NO_ORDER_IN_PROGRESS" }] },
    "canceltestorder-endpoint",
  );
});

test("a real order: placed, shipped, delivered; no test order of it", async (t) => {
  const setting = await start(t);
  const { clock, receiver } = setting;
  let { client, tokens } = await register(setting, false);
  const { eventInstanceId, detailCode } = jsonOf<Replenished>(await client.replenish("soap"));
  t.is(detailCode, "STANDARD_ORDER_PLACED", "replenish-endpoint");
  isError(
    t,
    await client.cancelTestOrder("soap"),
    400,
    /./,
    "test-device-purchases: customers cancel real orders",
  );
  const seen: unknown[] = [];
  for (let hours = 0; hours < 14 * 24; hours++) {
    await clock.advance(HOUR);
    tokens = jsonOf<Tokens>(await refresh(setting, tokens.refresh_token));
    client = new LetterClient(setting.sandbox.url, tokens.access_token);
    const { orderItems } = jsonOf<OrderInfo>(await client.orderInfo(eventInstanceId)).orderInfoData;
    const status = orderItems[0]!.status;
    if (seen.at(-1) !== status) seen.push(status);
    const code = jsonOf<Replenished>(await client.replenish("soap")).detailCode;
    if (code === "STANDARD_ORDER_PLACED") break;
    t.is(code, "ORDER_INPROGRESS", "amazon-order-resolution-flow: until delivery");
  }
  t.deepEqual(seen, ["Processing", "Shipped"], "getorderinfo-endpoint");
  t.true(clock.now() - START > 2 * 24 * HOUR, "a delivery takes days");
  const types = receiver
    .notifications<Notification>()
    .filter((each) => each.orderInfo?.instanceId === eventInstanceId);
  t.deepEqual(
    types.map((each) => each.notificationInfo.notificationType),
    ["OrderPlacedNotification", "ItemShippedNotification"],
    "notification-messages: none of a delivery",
  );
});

test("a customer cancels within 24 hours, and no later", async (t) => {
  const setting = await start(t);
  const { clock, receiver, sandbox } = setting;
  const { client } = await register(setting, false);
  const { eventInstanceId } = jsonOf<Replenished>(await client.replenish("soap"));
  await clock.advance(HOUR / 2);
  const browser = new Browser(sandbox.url);
  const open = async (): Promise<Page> => {
    let page = (await browser.open(`${sandbox.url}/your-orders`)) as Page;
    if (/Sign in as Ada/.test(page.text)) page = (await browser.press(page, /^Sign in as Ada$/)) as Page;
    return page;
  };
  const page = await open();
  await browser.press(page, /cancel/i);
  await clock.advance(0);
  t.deepEqual(
    receiver.notifications<Notification>("OrderCancelledNotification").map((each) => each.orderInfo),
    [{ instanceId: eventInstanceId, slotId: "soap" }],
    "notification-messages: no products",
  );
  const item = jsonOf<OrderInfo>(await client.orderInfo(eventInstanceId)).orderInfoData.orderItems[0]!;
  t.is(item.status, "Cancelled", "getorderinfo-endpoint: two l");
  t.is(
    jsonOf<Replenished>(await client.replenish("soap")).detailCode,
    "STANDARD_ORDER_PLACED",
    "amazon-order-resolution-flow: the slot is open again",
  );
  await clock.advance(25 * HOUR);
  const late = await open();
  t.false(
    late.forms.some(({ buttons }) => buttons.some(({ text }) => /cancel/i.test(text))),
    "amazon-order-resolution-flow: 24 hours",
  );
});

test("order resolution: nothing is announced until it is solved, and after 72 hours it is cancelled", async (t) => {
  const plan = { placedAfter: 60_000, shippedAfter: 48 * HOUR, deliveredAfter: 144 * HOUR };
  const setting = await start(t, { plan: () => ({ ...plan, problem: "payment" }) });
  const { clock, receiver, sandbox } = setting;
  const { client, tokens } = await register(setting, false);
  const placed = (): Notification[] => receiver.notifications<Notification>("OrderPlacedNotification");
  const first = jsonOf<Replenished>(await client.replenish("soap"));
  t.is(
    first.detailCode,
    "STANDARD_ORDER_PLACED",
    "replenish-endpoint: also when it cannot go through at once",
  );
  await clock.advance(HOUR / 2);
  t.deepEqual(placed(), [], "amazon-order-resolution-flow: not placed");
  t.is(jsonOf<Replenished>(await client.replenish("soap")).detailCode, "ORDER_INPROGRESS");
  const item = jsonOf<OrderInfo>(await client.orderInfo(first.eventInstanceId)).orderInfoData.orderItems[0]!;
  t.is(item.status, "Processing", "getorderinfo-endpoint: in order resolution");
  t.is(item.expectedDeliveryDate, null, "getorderinfo-endpoint: in order resolution");
  await clock.advance(71 * HOUR);
  t.deepEqual(
    receiver.notifications("OrderCancelledNotification"),
    [],
    "amazon-order-resolution-flow: 72 hours",
  );
  await clock.advance(2 * HOUR);
  t.is(
    receiver.notifications("OrderCancelledNotification").length,
    1,
    "amazon-order-resolution-flow: 72 hours",
  );
  t.deepEqual(placed(), []);
  const next = jsonOf<Tokens>(await refresh(setting, tokens.refresh_token));
  const later = new LetterClient(sandbox.url, next.access_token);
  const second = jsonOf<Replenished>(await later.replenish("soap"));
  t.is(second.detailCode, "STANDARD_ORDER_PLACED", "amazon-order-resolution-flow: open again");
  await clock.advance(HOUR / 2);
  t.true(await sandbox.resolve(second.eventInstanceId));
  await clock.advance(120_000);
  t.deepEqual(
    placed().map((each) => each.orderInfo?.instanceId),
    [second.eventInstanceId],
    "amazon-order-resolution-flow: fixed",
  );
});

test("a deregistration voids tokens, refresh token and codes, by both versions, and is announced", async (t) => {
  for (const version of [1, 2]) {
    const setting = await start(t);
    const { client, tokens } = await register(setting);
    const code = await signIn(setting);
    const answer = version === 1 ? await client.deregisterDevice(MODEL, SERIAL) : await client.deregister();
    isSuccess(t, answer, "DrsDeregisterResult@1.0", "deregistration-endpoint");
    t.is(answer.text, "");
    isError(
      t,
      await client.subscriptionInfo(2),
      400,
      "Invalid token",
      "deregistration-endpoint: access token",
    );
    isOAuthError(
      t,
      await refresh(setting, tokens.refresh_token),
      400,
      "invalid_grant",
      "deregistration-endpoint",
    );
    isOAuthError(t, await exchange(setting, code), 400, "invalid_grant", "deregistration-endpoint: codes");
    await setting.clock.advance(0);
    t.is(
      setting.receiver.notifications("DeviceDeregisteredNotification").length,
      1,
      "notification-messages: of the maker's own call, too",
    );
  }
  const setting = await start(t);
  const { client } = await register(setting);
  for (const [model, serial] of [
    [MODEL, "another"],
    ["another", SERIAL],
  ] as const)
    isError(
      t,
      await client.deregisterDevice(model, serial),
      400,
      /another/,
      "deregistration-endpoint: another device",
    );
});

test("customers deregister on Amazon's pages, or by removing the maker", async (t) => {
  for (const path of ["/mn/dcw/myx.html", "/MYCD/", "/manage-apps"]) {
    const setting = await start(t);
    const { client, tokens } = await register(setting);
    const browser = new Browser(setting.sandbox.url);
    let page = await browser.open(setting.sandbox.url + path);
    if (page instanceof URL) throw new Error(`led to ${page}`);
    if (/Sign in as Ada/.test(page.text)) page = (await browser.press(page, /^Sign in as Ada$/)) as Page;
    if (path !== "/manage-apps")
      t.true(page.text.includes(SERIAL), "device-management-and-settings: the device's ID");
    page = await browser.press(page, /deregister|remove/i);
    if (
      !(page instanceof URL) &&
      page.forms.some(({ buttons }) => buttons.some(({ text }) => /^(yes|deregister|remove)/i.test(text)))
    )
      await browser.press(page, /^(yes|deregister|remove)/i);
    await setting.clock.advance(0);
    t.is(
      setting.receiver.notifications("DeviceDeregisteredNotification").length,
      1,
      `notification-messages: ${path}`,
    );
    isError(t, await client.replenish("soap"), 400, "Invalid token", "device-management-and-settings");
    isOAuthError(
      t,
      await refresh(setting, tokens.refresh_token),
      400,
      "invalid_grant",
      "refresh-token: app removed",
    );
  }
});

/* Notifications */

interface Notification {
  [member: string]: Record<string, unknown> | undefined;
  notificationInfo: Record<string, unknown>;
}

/** Members that each type has beside the three that all have. */
const EXTRA: Readonly<Record<string, string | undefined>> = {
  DeviceRegisteredNotification: undefined,
  DeviceDeregisteredNotification: undefined,
  SubscriptionChangedNotification: "subscriptionInfo",
  OrderPlacedNotification: "orderInfo",
  OrderCancelledNotification: "orderInfo",
  ItemShippedNotification: "orderInfo",
};

for (const notificationVersion of ["1", "2"] as const)
  for (const signatureVersion of ["1", "2"] as const)
    test(`all notifications, of version ${notificationVersion}, signature ${signatureVersion}`, async (t) => {
      const setting = await start(t, { notificationVersion, signatureVersion });
      const { clock, receiver, sandbox } = setting;
      const { client, tokens } = await register(setting, false);
      const shipped = jsonOf<Replenished>(await client.replenish("soap"));
      sandbox.setSubscribed(SERIAL, "towels", true);
      const cancelled = jsonOf<Replenished>(await client.replenish("towels"));
      await clock.advance(HOUR / 2);
      t.true(await sandbox.cancel(cancelled.eventInstanceId));
      await clock.advance(14 * 24 * HOUR);
      const next = jsonOf<Tokens>(await refresh(setting, tokens.refresh_token));
      await new LetterClient(sandbox.url, next.access_token).deregister();
      await clock.advance(0);

      t.deepEqual(receiver.failures, [], "sns-verify-signature-of-message");
      const all = receiver.notifications<Notification>();
      t.deepEqual(
        [...new Set(all.map((each) => String(each.notificationInfo.notificationType)))].sort(),
        Object.keys(EXTRA).sort(),
        "notification-messages: six types",
      );
      const ids = new Set<unknown>();
      for (const notification of all) {
        const { notificationInfo, deviceInfo, customerInfo, ...extra } = notification;
        const type = String(notificationInfo.notificationType);
        const { notificationTime, notificationId, ...info } = notificationInfo;
        t.deepEqual(info, { notificationType: type, lwaClientId: CLIENT_ID, version: "2015-06-05" }, type);
        t.regex(String(notificationTime), DATE_MS, `${type}: notificationTime`);
        t.regex(String(notificationId), new RegExp(`^amzn1\\.dash\\.notification\\.v1\\.${UUID}$`), type);
        ids.add(notificationId);
        t.deepEqual(
          deviceInfo,
          { deviceIdentifier: { serialNumber: SERIAL }, productIdentifier: { modelId: MODEL } },
          type,
        );
        t.deepEqual(Object.keys(customerInfo ?? {}), ["directedCustomerId"], type);
        t.regex(String(customerInfo?.directedCustomerId), /^amzn1\.account\.[A-Z0-9]+$/, type);
        t.deepEqual(Object.keys(extra), EXTRA[type] === undefined ? [] : [EXTRA[type]!], type);
      }
      t.is(ids.size, all.length, "notification-messages: an id of its own");

      const changed = receiver.notifications<Notification>("SubscriptionChangedNotification").at(-1);
      t.deepEqual(
        changed?.subscriptionInfo,
        {
          slotsSubscriptionStatus:
            notificationVersion === "1"
              ? { soap: true, towels: true }
              : {
                  soap: { subscribed: true, productInfoList: [{ quantity: 2, unit: "count", asin: ASIN }] },
                  towels: {
                    subscribed: true,
                    productInfoList: [{ quantity: 12, unit: "count", asin: "B000TOWEL1" }],
                  },
                },
        },
        "notification-messages: SubscriptionChangedNotification",
      );
      for (const type of ["OrderPlacedNotification", "ItemShippedNotification"]) {
        const order = receiver
          .notifications<Notification>(type)
          .map((each) => each.orderInfo)
          .find((each) => each?.instanceId === shipped.eventInstanceId) as {
          estimatedDeliveryDate?: string;
          productInfo: { estimatedDeliveryDate?: string }[];
        };
        const date =
          notificationVersion === "1"
            ? order.estimatedDeliveryDate
            : order.productInfo[0]?.estimatedDeliveryDate;
        t.regex(date ?? "", DATE_S, "notification-messages: delivery dates without milliseconds");
        const product = { quantity: 2, unit: "count" };
        t.deepEqual(
          order as object,
          notificationVersion === "1"
            ? {
                instanceId: shipped.eventInstanceId,
                slotId: "soap",
                productInfo: [product],
                estimatedDeliveryDate: date,
              }
            : {
                instanceId: shipped.eventInstanceId,
                slotId: "soap",
                productInfo: [{ ...product, asin: ASIN, estimatedDeliveryDate: date }],
              },
          `notification-messages: ${type}`,
        );
      }
      t.deepEqual(
        receiver.notifications<Notification>("OrderCancelledNotification").map((each) => each.orderInfo),
        [{ instanceId: cancelled.eventInstanceId, slotId: "towels" }],
        "notification-messages: OrderCancelledNotification",
      );

      for (const { headers, method, message } of receiver.received) {
        t.is(method, "POST");
        t.is(headers["content-type"], "text/plain; charset=UTF-8", "sns-message-and-json-formats");
        t.is(
          headers["user-agent"],
          "Amazon Simple Notification Service Agent",
          "sns-message-and-json-formats",
        );
        t.is(headers["x-amz-sns-message-type"], message.Type);
        t.is(headers["x-amz-sns-message-id"], message.MessageId);
        t.is(headers["x-amz-sns-topic-arn"], sandbox.topicArn);
        t.is(message.TopicArn, sandbox.topicArn);
        t.regex(message.MessageId, new RegExp(`^${UUID}$`));
        t.regex(message.Timestamp, DATE_MS);
        t.is(message.SignatureVersion, signatureVersion);
        const names = Object.keys(message).filter((name) => name !== "MessageAttributes");
        const own = [
          "Message",
          "MessageId",
          "Signature",
          "SignatureVersion",
          "SigningCertURL",
          "Timestamp",
          "TopicArn",
          "Type",
        ];
        const isConfirmation = message.Type === "SubscriptionConfirmation";
        t.is(headers["x-amz-sns-subscription-arn"] === undefined, isConfirmation);
        t.deepEqual(
          names.sort(),
          [...own, ...(isConfirmation ? ["SubscribeURL", "Token"] : ["UnsubscribeURL"])].sort(),
          "sns-message-and-json-formats",
        );
        if (isConfirmation) continue;
        t.false(
          /"quantity":-?\d+[,}]/.test(message.Message),
          "notification-messages: quantities are floats, as 1.0",
        );
        const type = JSON.parse(message.Message).notificationInfo.notificationType;
        if (notificationVersion === "1") t.is(message.MessageAttributes, undefined, `${type}: version 1`);
        else if (/Changed|Placed|Shipped/.test(type))
          t.deepEqual(
            message.MessageAttributes,
            { version: { Type: "String", Value: "2.0" } },
            `notification-messages: ${type} of version 2`,
          );
      }
    });

test("nothing comes before a subscription is confirmed, which is asked for once and for three days", async (t) => {
  const setting = await start(t, {}, { confirms: false });
  const { clock, receiver } = setting;
  await register(setting);
  await clock.advance(HOUR);
  t.deepEqual(
    receiver.received.map(({ message }) => message.Type),
    ["SubscriptionConfirmation"],
    "SendMessageToHttp.prepare: nothing before the confirmation",
  );
  const { SubscribeURL = "", Token, TopicArn } = receiver.received[0]!.message;
  const url = new URL(SubscribeURL);
  t.deepEqual(
    Object.fromEntries(url.searchParams),
    { Action: "ConfirmSubscription", TopicArn, Token: Token ?? "" },
    "SendMessageToHttp.confirm",
  );
  const wrong = new URL(SubscribeURL);
  wrong.searchParams.set("Token", "wrong");
  t.true((await fetch(wrong)).status >= 400);
  const confirmed = await fetch(SubscribeURL);
  t.is(confirmed.status, 200);
  const arn =
    /<ConfirmSubscriptionResponse[^>]*>\s*<ConfirmSubscriptionResult>\s*<SubscriptionArn>([^<]+)<\/SubscriptionArn>/;
  const [, subscriptionArn = ""] = arn.exec(await confirmed.text()) ?? [];
  t.true(subscriptionArn.startsWith(`${TopicArn}:`), "SendMessageToHttp.confirm");
  setting.sandbox.setSubscribed(SERIAL, "soap", false);
  await clock.advance(0);
  const told = receiver.received.at(-1)!;
  t.is(told.headers["x-amz-sns-subscription-arn"], subscriptionArn);

  const unsubscribed = await fetch(told.message.UnsubscribeURL ?? "");
  t.is(unsubscribed.status, 200);
  await clock.advance(0);
  const last = receiver.received.at(-1)!.message;
  t.is(last.Type, "UnsubscribeConfirmation", "sns-message-and-json-formats");
  t.deepEqual(
    Object.keys(last).sort(),
    [
      "Message",
      "MessageId",
      "Signature",
      "SignatureVersion",
      "SigningCertURL",
      "SubscribeURL",
      "Timestamp",
      "Token",
      "TopicArn",
      "Type",
    ],
    "sns-message-and-json-formats",
  );
  const before = receiver.received.length;
  setting.sandbox.setSubscribed(SERIAL, "soap", true);
  await clock.advance(HOUR);
  t.is(receiver.received.length, before, "unsubscribed");
  t.deepEqual(receiver.failures, [], "sns-verify-signature-of-message");
});

test("a subscription that nobody confirmed is gone after three days", async (t) => {
  const setting = await start(t, {}, { confirms: false });
  await register(setting);
  await setting.clock.advance(3 * 24 * HOUR + 1);
  const { SubscribeURL = "" } = setting.receiver.received[0]!.message;
  t.true((await fetch(SubscribeURL)).status >= 400, "sns-delete-subscription-topic: three days");
  await register(setting);
  t.deepEqual(
    setting.receiver.received.map(({ message }) => message.Type),
    ["SubscriptionConfirmation", "SubscriptionConfirmation"],
    "SendMessageToHttp.prepare: the next subscription is asked for",
  );
});

/* Customers' pages */

test("the teaser has a button for each address it is given, as Amazon's sample apps give them", async (t) => {
  const compositeId = "amzn1.dash.v1.composite.315d909f-e392-4040-8dba-48f8ec170a1c";
  const slots = [{ id: "soap", products: [{ asin: ASIN, unit: "count", quantity: 2 }] }];
  const { sandbox } = await start(t, { models: [{ id: MODEL, compositeId, slots }] });
  const browser = new Browser(sandbox.url);
  const open = async (query: Record<string, string>, path = "/teaser"): Promise<Page> =>
    (await browser.open(`${sandbox.url}${path}?${new URLSearchParams(query)}`)) as Page;
  const buttons = [
    [/get started/i, "loginUri", "https://maker.example/login"],
    [/remind me later/i, "remindLaterUri", "https://maker.example/later"],
    [/skip/i, "skipUri", "maker-app://skip"],
  ] as const;
  const page = await open({
    compositeId,
    ...Object.fromEntries(buttons.map(([, name, address]) => [name, address])),
  });
  t.is(page.status, 200, page.text);
  for (const [button, name, address] of buttons) {
    const there = await browser.press(page, button);
    t.is(there instanceof URL ? there.href : there.url, address, `teaser-page: ${name}`);
  }
  const few = await open({ compositeId, loginUri: "LoginWeb" });
  t.is(few.status, 200, few.text);
  t.notRegex(few.text, /remind me later|skip/i, "teaser-page: optional");
  t.true((await open({ loginUri: "LoginWeb" })).status >= 400, "teaser-page: compositeId is required");
  for (const path of ["/teaser", "/AccioCustomerUI/teaser"]) {
    const sample = {
      remindLaterUri: "android_asset/RemindMeLater.html",
      loginUri: "android_asset/LoginWeb.html",
      skipUri: "android_asset/Skip.html",
      compositeId,
    };
    const there = await open(sample, path);
    t.is(there.status, 200, `sample app: ${path}: ${there.text}`);
  }
});

test("the settings page shows and changes what is reordered, and leads back", async (t) => {
  const setting = await start(t);
  const { clock, receiver, sandbox } = setting;
  const { client, tokens } = await register(setting);
  const browser = new Browser(sandbox.url);
  const query = new URLSearchParams({ access_token: tokens.access_token, exitUri: "maker-app://done" });
  let page = await browser.open(`${sandbox.url}/settings?${query}`);
  if (page instanceof URL) throw new Error(`led to ${page}`);
  if (/Sign in as Ada/.test(page.text)) page = (await browser.press(page, /^Sign in as Ada$/)) as Page;
  t.is(page.status, 200, page.text);
  t.true(page.text.includes("Lemon soap"), "customer-experience-guidelines: ASIN details");
  const there = await browser.press(page, /exit/i);
  t.is(
    there instanceof URL ? there.href : there.url,
    "maker-app://done",
    "device-management-and-settings: exitUri",
  );
  const before = receiver.notifications("SubscriptionChangedNotification").length;
  await browser.press(page, /turn off|off/i);
  await clock.advance(0);
  t.is(
    receiver.notifications("SubscriptionChangedNotification").length,
    before + 1,
    "notification-messages: switched off",
  );
  const { slotsSubscriptionStatus } = jsonOf<{ slotsSubscriptionStatus: Record<string, boolean> }>(
    await client.subscriptionInfo(1),
  );
  t.deepEqual(slotsSubscriptionStatus, { soap: false, towels: false });
  isError(
    t,
    await client.replenish("soap"),
    400,
    "Unable to place order - slot : <soap> is unsubscribed.",
    "as seen by clients",
  );
  // Amazon's sample apps give no scheme here
  const sample = new URLSearchParams({ access_token: tokens.access_token, exitUri: "/null" });
  const other = (await browser.open(`${sandbox.url}/settings?${sample}`)) as Page;
  t.is(other.status, 200, `sample app: ${other.text}`);
});

test("the same customer again: new tokens, announced again; another customer: the old one is deregistered", async (t) => {
  const setting = await start(t);
  const { receiver } = setting;
  const first = await register(setting);
  const second = await register(setting);
  t.is(receiver.notifications("DeviceRegisteredNotification").length, 2);
  t.is(receiver.notifications("DeviceDeregisteredNotification").length, 0);
  t.not(first.tokens.refresh_token, second.tokens.refresh_token);
  const steps = [/^Sign in as Ben$/, ...STEPS.slice(1)];
  await signIn(setting, {}, [ASIN], steps);
  t.is(receiver.notifications("DeviceDeregisteredNotification").length, 1);
  isError(t, await second.client.replenish("soap"), 400, "Invalid token", "a device of another customer's");
});
