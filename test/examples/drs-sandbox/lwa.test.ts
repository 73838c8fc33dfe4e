import test from "ava";
import type { Sandbox, SandboxDevice } from "../../../examples/drs-sandbox/index.js";
import { callService, isRefused, SECOND, type Setup, start } from "./support.js";

const CLIENT = { clientId: "amzn1.application-oa2-client.0", clientSecret: "secret" };
const REFRESH = "Atzr|dispenser";

const DEVICES: SandboxDevice[] = [
  {
    serial: "D-1",
    model: "dispenser",
    refreshToken: REFRESH,
    slots: [{ id: "soap", asin: "B000SOAP", unit: "count", quantity: 2, subscribed: true }],
  },
];

/** What its answers hold. */
interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
}

function refresh(sandbox: Sandbox, change: Record<string, string> = {}, path = "/auth/o2/token") {
  const fields = {
    grant_type: "refresh_token",
    refresh_token: REFRESH,
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    ...change,
  };
  const kept = Object.entries(fields).filter(([, value]) => value !== "");
  return fetch(sandbox.url + path, { method: "POST", body: new URLSearchParams(kept) });
}

async function tokens(sandbox: Sandbox, change: Record<string, string> = {}): Promise<Tokens> {
  const response = await refresh(sandbox, change);
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  return (await response.json()) as Tokens;
}

async function alive({ sandbox }: Setup, token: string): Promise<number> {
  const response = await callService(sandbox.url, "DeviceStatus", { token: `Bearer ${token}` });
  await response.arrayBuffer();
  return response.status;
}

test("a refresh token brings access tokens, each good for its time", async (t) => {
  const setup = await start(t, { devices: DEVICES, lwa: { ...CLIENT, lifetime: 60 } });
  const { clock, sandbox } = setup;
  const first = await tokens(sandbox);
  t.like(first, { refresh_token: REFRESH, token_type: "bearer", expires_in: 60 });
  t.true(first.access_token.startsWith("Atza|") && first.access_token.length >= 350);
  t.true(first.access_token.length <= 2048);
  await clock.advance(59 * SECOND);
  const second = await tokens(sandbox);
  t.not(second.access_token, first.access_token);
  t.is(await alive(setup, first.access_token), 200);
  await clock.advance(SECOND);
  await isRefused(
    t,
    await callService(sandbox.url, "DeviceStatus", { token: `Bearer ${first.access_token}` }),
    { status: 400, message: "Invalid token", exception: "InvalidTokenException" },
  );
  t.is(await alive(setup, second.access_token), 200);
  sandbox.expireTokens("D-1");
  t.is(await alive(setup, second.access_token), 400);
  t.is(await alive(setup, (await tokens(sandbox)).access_token), 200);
  t.is(await alive(setup, REFRESH), 400, "a refresh token is no access token");
  t.deepEqual(sandbox.counts.tokens, { issued: 3, refused: 0 });
});

test("both spellings of the path are one", async (t) => {
  const { sandbox } = await start(t, { devices: DEVICES, lwa: CLIENT });
  t.is((await refresh(sandbox, {}, "/auth/O2/token")).status, 200);
  t.is((await tokens(sandbox)).expires_in, 3600);
});

test("where refresh tokens rotate, only the newest is good", async (t) => {
  const { sandbox } = await start(t, { devices: DEVICES, lwa: { ...CLIENT, rotate: true } });
  const { refresh_token } = await tokens(sandbox);
  t.true(refresh_token.startsWith("Atzr|"));
  t.is((await refresh(sandbox)).status, 400);
  t.not((await tokens(sandbox, { refresh_token })).refresh_token, refresh_token);
});

test("what is wrong with a request is told as OAuth has it", async (t) => {
  const { sandbox } = await start(t, { devices: DEVICES, lwa: CLIENT });
  const cases: [Record<string, string>, number, string][] = [
    [{ grant_type: "" }, 400, "invalid_request"],
    [{ grant_type: "password" }, 400, "unsupported_grant_type"],
    [{ refresh_token: "" }, 400, "invalid_request"],
    [{ client_secret: "" }, 400, "invalid_request"],
    [{ client_id: "another" }, 401, "invalid_client"],
    [{ client_secret: "another" }, 401, "invalid_client"],
    [{ refresh_token: "Atzr|nobody" }, 400, "invalid_grant"],
  ];
  for (const [change, status, error] of cases) {
    const response = await refresh(sandbox, change);
    t.is(response.status, status, error);
    t.like(await response.json(), { error });
    t.is(
      response.headers.get("x-amzn-errortype"),
      "OA2InvalidRequestException:http://internal.amazon.com/coral/com.amazon.panda/",
    );
  }
  t.is((await fetch(`${sandbox.url}/auth/o2/token`)).status, 400, "only POST");
  t.is((await fetch(`${sandbox.url}/auth/o2/token`, { method: "POST", body: "{}" })).status, 400);
  t.is(sandbox.counts.tokens.refused, cases.length + 2);
  const { sandbox: closed } = await start(t, { devices: DEVICES });
  t.is((await refresh(closed)).status, 401, "without a client, every client is unknown");
});

test("a deregistration voids all tokens and is announced; a login registers again", async (t) => {
  const setup = await start(t, {
    devices: [{ ...DEVICES[0]!, accessToken: "Atza|fixed" }],
    lwa: CLIENT,
  });
  const { clock, receiver, sandbox } = setup;
  sandbox.setNotificationUrl("D-1", receiver.url);
  const { access_token } = await tokens(sandbox);
  const response = await callService(sandbox.url, "Deregistration", { token: `Bearer ${access_token}` });
  t.is(response.status, 200);
  t.is(response.headers.get("x-amzn-type-version"), "com.amazon.dash.replenishment.DrsDeregisterResult@1.0");
  t.is(await response.text(), "");
  for (const token of [access_token, "Atza|fixed"]) t.is(await alive(setup, token), 400);
  t.like(await (await refresh(sandbox)).json(), { error: "invalid_grant" });
  await clock.advance(0);
  await sandbox.deregister("D-1");
  await sandbox.register("D-1", "Atzr|second");
  t.deepEqual(
    receiver.received.map(
      ({ body }) => JSON.parse(JSON.parse(body).Message).notificationInfo.notificationType,
    ),
    ["DeviceDeregisteredNotification", "DeviceRegisteredNotification"],
  );
  t.is(new Set(receiver.received.map(({ body }) => JSON.parse(body).MessageId)).size, 2);
  const again = await tokens(sandbox, { refresh_token: "Atzr|second" });
  t.is(await alive(setup, again.access_token), 200);
  t.throws(() => sandbox.expireTokens("X"), { code: "UNKNOWN_DEVICE" });
  await t.throwsAsync(sandbox.register("D-1", "a\nb"), { code: "BAD_OPTION" });
});
