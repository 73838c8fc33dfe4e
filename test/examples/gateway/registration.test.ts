import test, { type ExecutionContext } from "ava";
import type { RegistrationNews, UplinkMessage } from "everfull";
import type { AppDevice } from "../../../examples/gateway/app.js";
import { openConnection } from "../../../examples/gateway/connection.js";
import { Database, MIGRATIONS } from "../../../examples/gateway/database.js";
import { REGISTRATIONS_SCHEMA } from "../../../examples/gateway/database-registrations.js";
import type { GatewayOptions } from "../../../examples/gateway/index.js";
import { migrate } from "../../../examples/gateway/migrate.js";
import { emptyDatabase, lastingDatabase } from "./databases.js";
import {
  type Call,
  envelope,
  intent,
  post,
  type Reply,
  registered,
  startWorld,
  status,
  TestClock,
  TestDevice,
  type World,
} from "./harness.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const APP_TOKEN = "an-app-token-of-a-maker";
const SERIALS = [
  ...[
    "CODE",
    "REFUSED",
    "SILENT",
    "GRANT",
    "LEFT",
    "AGAIN",
    "OVERTAKEN",
    "NEWS",
    "MISSED",
    "AHEAD",
    "WEB",
    "WEBBAD",
    "LINK",
  ],
  ...["SHOWN", "PENDING", "TOKENLESS", "NEVER", "FORMER", "UNCODED", "LATE", "TURN", "ASKED"],
] as const;
const TOKEN_KEYS = [{ number: 1, secret: new Uint8Array(32).fill(5) }];
const OTHER_KEY = { number: 2, secret: new Uint8Array(32).fill(6) };
let world: World;
/** What the token endpoint is asked, and answers. */
const forms: URLSearchParams[] = [];
/** Devices whose tokens were refreshed. */
const refreshes: string[] = [];
let redeem: (form: URLSearchParams) => Reply | "hang up" | Promise<Reply>;

const granted = (serial: string): Reply => ({
  status: 200,
  body: {
    access_token: `token-of-${serial}`,
    refresh_token: `Atzr|${serial}`,
    token_type: "bearer",
    expires_in: 3600,
  },
});

test.before(async () => {
  const lwa = { clientId: "own-client", clientSecret: "own-secret", tokenUrl: "" };
  world = await startWorld(
    // All but one have a token of before.
    SERIALS.map((serial) => registered(serial)).map(({ accessToken, ...device }) =>
      device.serial === "NEVER" ? device : { ...device, accessToken },
    ),
    {
      tokenKeys: TOKEN_KEYS,
      app: { token: APP_TOKEN, settingsUrl: "https://settings.example/dsp" },
      // Where the stand-in is, is known when it has started.
      get lwa() {
        return { ...lwa, tokenUrl: `${world?.drs.url ?? "http://127.0.0.1:9"}/auth/o2/token` };
      },
    },
  );
  // Again, as the first did not know yet where that is.
  await world.restart();
  world.drs.answer("", (call: Call) => {
    if (call.path !== "/auth/o2/token") return undefined;
    const form = new URLSearchParams(call.body);
    // Whoever was registered before goes on: its days pass too.
    const serial = form.get("refresh_token")?.replace("Atzr|", "") ?? "";
    if ((SERIALS as readonly string[]).includes(serial)) {
      refreshes.push(serial);
      return granted(serial);
    }
    forms.push(form);
    return redeem(form);
  });
});
test.beforeEach(() => {
  forms.length = 0;
  redeem = () => ({ status: 400, body: { error: "invalid_grant" } });
});
test.after.always(() => world.close());

function device(serial: (typeof SERIALS)[number]): TestDevice {
  return new TestDevice(world, registered(serial));
}

function authorization(code: string): UplinkMessage {
  return {
    kind: "authorization",
    code,
    clientId: "app-client",
    redirectUri: "https://app.example/back",
    verifier: "v".repeat(43),
    applied: 0,
  };
}

const word = (number: number, fields: Partial<RegistrationNews> = {}): RegistrationNews => ({
  kind: "registration",
  number,
  registered: false,
  subscribed: 0,
  failure: "none",
  ...fields,
});

async function settle(): Promise<void> {
  await world.clock.advance(0);
  await world.gateway.idle();
}

/** Has the device registered by a code, and tells it so. */
async function register(one: TestDevice): Promise<void> {
  redeem = () => granted(one.registered.serial);
  await one.send(authorization("a-code"));
  await settle();
  await one.send(status());
  await one.send({ kind: "informed", number: one.registration!.number, applied: 0 });
}

/** What matters to the tests of an answer to the app. */
interface Told extends AppDevice {
  readonly url: string;
  readonly error: { readonly code: string };
}

async function app(path: string, init: RequestInit = {}): Promise<{ status: number; body: Told }> {
  const headers = { authorization: `Bearer ${APP_TOKEN}`, ...init.headers };
  const response = await fetch(world.gateway.appUrl + path, { ...init, headers });
  caching.push(response.headers.get("cache-control") ?? "");
  return { status: response.status, body: (await response.json()) as Told };
}
const caching: string[] = [];

test.serial(
  "a device's code is redeemed without a secret, and the device hears of it until it knows",
  async (t) => {
    const one = device("CODE");
    redeem = () => granted("CODE");
    const repeated = one.sealed(authorization("a-code"));
    await one.deliver(repeated);
    t.is(one.registration, undefined, "while it is being redeemed, there is nothing to say");
    await settle();
    t.deepEqual(Object.fromEntries(forms[0]!), {
      grant_type: "authorization_code",
      code: "a-code",
      client_id: "app-client",
      redirect_uri: "https://app.example/back",
      code_verifier: "v".repeat(43),
    });
    await one.deliver(repeated);
    t.is(forms.length, 1, "a repetition redeems nothing");
    const news = word(2, { registered: true, subscribed: 3 });
    t.deepEqual(one.registration, news);
    await one.send(status());
    t.deepEqual(one.registration, news);
    await one.send({ kind: "informed", number: 2, applied: 0 });
    t.is(one.registration, undefined);
    await one.send(status());
    t.is(one.registration, undefined);
    t.is(one.called("/subscriptionInfo").length, 1);
    t.is(one.called("/slotStatus/soap").length, 2);
  },
);

test.serial("a code that Login with Amazon refuses is told, and tried no more", async (t) => {
  const one = device("REFUSED");
  await one.send(authorization("stale"));
  await settle();
  await one.send(status());
  t.deepEqual(one.registration, word(1, { failure: "refused" }));
  await world.clock.advance(HOUR);
  t.is(forms.length, 1);
  for (const [status, error] of [
    [400, "invalid_request"],
    [401, "invalid_client"],
    [403, "unauthorized_client"],
  ] as const) {
    redeem = () => ({ status, body: { error } });
    await one.send(authorization(error));
    await settle();
    await one.send({ kind: "poll", applied: 0 });
    t.like(one.registration, { failure: "refused" }, error);
  }
  const tries = forms.length;
  redeem = () => ({ status: 429 });
  await one.send(authorization("too-soon"));
  redeem = () => granted("REFUSED");
  await world.clock.advance(MINUTE);
  t.is(forms.length, tries + 2);
  await one.send(status());
  t.like(one.registration, { registered: true, subscribed: 3 });
});

test.serial("while there is no answer a code is tried again, as long as it may be good", async (t) => {
  const one = device("SILENT");
  redeem = () => ({ status: 500 });
  await one.send(authorization("a-code"));
  await world.clock.advance(2 * MINUTE);
  t.true(forms.length > 2, `${forms.length}`);
  await one.send(status());
  t.is(one.registration, undefined);
  await world.clock.advance(4 * MINUTE);
  const tries = forms.length;
  await one.send(status());
  t.deepEqual(one.registration, word(1, { failure: "unreachable" }));
  await world.clock.advance(HOUR);
  t.is(forms.length, tries);
});

test.serial("what a device has redeemed itself is refreshed as its client, without a secret", async (t) => {
  const one = device("GRANT");
  redeem = () => granted("GRANT");
  await one.send({ kind: "grant", clientId: "app-client", refreshToken: "Atzr|of-the-device", applied: 0 });
  await settle();
  t.deepEqual(Object.fromEntries(forms[0]!), {
    grant_type: "refresh_token",
    refresh_token: "Atzr|of-the-device",
    client_id: "app-client",
  });
  await one.send(status());
  t.deepEqual(one.registration, word(2, { registered: true, subscribed: 3 }));
});

test.serial(
  "a device that the customer takes away is deregistered, once, and nothing is called for it any more",
  async (t) => {
    const one = device("LEFT");
    await register(one);
    one.calls.length = 0;
    world.drs.answer("token-of-LEFT", ({ path }) => (path === "/registration" ? { status: 500 } : undefined));
    const leaving = one.sealed({ kind: "deregistration", reason: "deleted", applied: 0 });
    await one.deliver(leaving);
    t.like(one.registration, { registered: false, failure: "none" });
    await one.deliver(leaving);
    await one.send(status());
    await one.send(intent());
    t.true(one.calls.every(({ path, method }) => path === "/registration" && method === "DELETE"));
    world.drs.answer("token-of-LEFT", () => undefined);
    await world.clock.advance(HOUR);
    t.true(one.calls.length >= 2);
    const calls = one.calls.length;
    await world.clock.advance(48 * HOUR);
    await one.send(status());
    t.is(one.calls.length, calls);
    t.like((await world.gateway.orders("LEFT"))[0], {
      state: "rejected",
      message: "the customer has deleted the device",
    });
  },
);

test.serial(
  "another customer's code after a deregistration begins anew, whatever comes late or twice",
  async (t) => {
    const one = device("AGAIN");
    await register(one);
    const leaving = one.sealed({ kind: "deregistration", reason: "reset", applied: 0 });
    const coming = one.sealed(authorization("of-another"));
    redeem = () => granted("AGAIN");
    await one.deliver(leaving);
    await one.deliver(coming);
    await one.deliver(leaving);
    await settle();
    await one.send(status());
    t.like(one.registration, { registered: true, subscribed: 3, failure: "none" });
    // The notification about the one before comes last.
    t.is(
      await post(
        world.gateway.notificationUrl,
        envelope({ type: "DeviceDeregisteredNotification", serial: "AGAIN" }),
      ),
      200,
    );
    world.clock.time += 1000;
    await settle();
    await one.send(status());
    t.like(one.registration, { registered: true, subscribed: 3, failure: "none" });
    t.like((await app("/devices/AGAIN")).body.registration, { state: "registered" });
  },
);

test.serial(
  "a device that is taken away while its code waits is not registered by it, and deregistered at Amazon",
  async (t) => {
    const one = device("UNCODED");
    await register(one);
    await world.gateway.deregister("UNCODED");
    t.is(one.called("/registration").length, 1);
    for (const way of ["by-the-app", "by-the-device"]) {
      redeem = () => "hang up";
      await one.send(authorization(`a-code-${way}`));
      if (way === "by-the-app") await app("/devices/UNCODED/registration", { method: "DELETE" });
      else await one.send({ kind: "deregistration", reason: "deleted", applied: 0 });
      t.like((await app("/devices/UNCODED")).body.registration, { state: "unregistered" });
      const calls = one.called("/registration").length;
      redeem = () => granted("UNCODED");
      await world.clock.advance(MINUTE);
      t.is(forms.at(-1)!.get("code"), `a-code-${way}`);
      t.is(one.called("/registration").length, calls + 1, way);
      await world.clock.advance(HOUR);
      t.is(one.called("/registration").length, calls + 1, way);
      t.like((await app("/devices/UNCODED")).body.registration, { state: "unregistered" });
    }
  },
);

test.serial("a code that is granted after the device was taken away ends what it began", async (t) => {
  const one = device("LATE");
  let leaving: Promise<unknown> | undefined;
  redeem = async () => {
    leaving = world.gateway.deregister("LATE");
    while ((await app("/devices/LATE")).body.registration.state !== "unregistered");
    return granted("LATE");
  };
  await one.send(authorization("a-code"));
  await leaving;
  await settle();
  t.is(forms.length, 1);
  t.is(one.called("/registration").length, 1);
  await one.send(status());
  t.like(one.registration, { registered: false });
});

test.serial("late news of the customer before leaves what the next one has agreed to", async (t) => {
  const one = device("OVERTAKEN");
  await register(one);
  redeem = () => "hang up";
  await one.send(authorization("of-another"));
  await settle();
  t.like((await app("/devices/OVERTAKEN")).body.registration, { state: "pending" });
  const notice = envelope({ type: "DeviceDeregisteredNotification", serial: "OVERTAKEN" });
  t.is(await post(world.gateway.notificationUrl, notice), 200);
  redeem = () => granted("OVERTAKEN");
  await world.clock.advance(MINUTE);
  await settle();
  await one.send(status());
  t.like(one.registration, { registered: true, failure: "none" });
});

test.serial("a change of subscriptions is asked for when a notification comes, and told", async (t) => {
  const one = device("NEWS");
  await register(one);
  let subscribed = false;
  world.drs.answer("token-of-NEWS", ({ path }) =>
    path === "/subscriptionInfo"
      ? {
          status: 200,
          body: { slotsSubscriptionStatus: { soap: { subscribed }, towels: { subscribed: true } } },
        }
      : undefined,
  );
  const changed = envelope({ type: "SubscriptionChangedNotification", serial: "NEWS" });
  for (let times = 0; times < 2; times++) t.is(await post(world.gateway.notificationUrl, changed), 200);
  await settle();
  await one.send(status());
  t.like(one.registration, { registered: true, subscribed: 2 });
  const { number } = one.registration!;
  subscribed = true;
  await post(
    world.gateway.notificationUrl,
    envelope({ type: "SubscriptionChangedNotification", serial: "NEWS" }),
  );
  await settle();
  await one.send({ kind: "informed", number, applied: 0 });
  t.like(one.registration, { number: number + 1, subscribed: 3 });
});

test.serial("what no notification has told is known a day later", async (t) => {
  const one = device("MISSED");
  await register(one);
  world.drs.answer("token-of-MISSED", ({ path }) =>
    path === "/subscriptionInfo"
      ? { status: 200, body: { slotsSubscriptionStatus: { soap: { subscribed: true } } } }
      : undefined,
  );
  redeem = () => granted("MISSED");
  await world.clock.advance(23 * HOUR);
  await one.send(status());
  t.is(one.registration, undefined);
  await world.clock.advance(2 * HOUR);
  await one.send(status());
  t.like(one.registration, { registered: true, subscribed: 1 });
});

test.serial(
  "a device that has lost its journal is told again; one that is ahead of the database, something newer",
  async (t) => {
    const one = device("AHEAD");
    await register(one);
    await one.send({ kind: "informed", number: 0, applied: 0 });
    t.like(one.registration, { number: 2, registered: true });
    await one.send({ kind: "informed", number: 500, applied: 0 });
    t.like(one.registration, { number: 501, registered: true, subscribed: 3 });
    await one.send({ kind: "informed", number: 501, applied: 0 });
    t.is(one.registration, undefined);
  },
);

test.serial(
  "the app's backend registers a device with the client's secret, sees it and ends it",
  async (t) => {
    const one = device("WEB");
    redeem = () => granted("WEB");
    t.like((await app("/devices/WEB")).body.registration, { state: "unknown" });
    const request = { code: "web-code", redirectUri: "https://maker.example/lwa" };
    const made = await app("/devices/WEB/authorization", { method: "POST", body: JSON.stringify(request) });
    t.is(made.status, 200);
    t.deepEqual(Object.fromEntries(forms[0]!), {
      grant_type: "authorization_code",
      code: "web-code",
      redirect_uri: "https://maker.example/lwa",
      client_id: "own-client",
      client_secret: "own-secret",
    });
    t.deepEqual(made.body.registration, { state: "registered", failure: "none" });
    t.deepEqual(
      made.body.slots.map(({ subscribed }) => subscribed),
      [true, true],
    );
    await one.send(status());
    t.deepEqual(one.registration, word(2, { registered: true, subscribed: 3 }));
    const gone = await app("/devices/WEB/registration", { method: "DELETE" });
    t.is(gone.status, 202);
    t.like(gone.body, { state: "unregistered" });
    t.is(one.called("/registration").length, 1);
    await one.send(status());
    t.like(one.registration, { registered: false });
    t.true(caching.every((each) => each === "no-store"));
  },
);

test.serial(
  "what the app's backend sends wrong has a status and a code of its own, and changes nothing",
  async (t) => {
    const call = async (path: string, init: RequestInit = {}) => {
      const { status, body } = await app(path, init);
      return [status, body.error.code];
    };
    const code = { code: "c", redirectUri: "https://maker.example/lwa" };
    const posted = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) });
    t.deepEqual(await call("/devices/WEBBAD", { headers: { authorization: "Bearer other" } }), [
      401,
      "unauthorized",
    ]);
    t.deepEqual(await call("/devices/WEBBAD", { headers: { authorization: "" } }), [401, "unauthorized"]);
    t.deepEqual(await call("/devices/NONE"), [404, "unknown-device"]);
    t.deepEqual(await call("/devices/%ff"), [404, "unknown-device"]);
    t.deepEqual(await call("/"), [404, "not-found"]);
    t.deepEqual(await call("/devices/WEBBAD/tokens"), [404, "not-found"]);
    t.deepEqual(await call("/devices/WEBBAD/registration"), [405, "method"]);
    t.deepEqual(await call("/devices/WEBBAD/authorization", posted({ ...code, code: "a b" })), [
      400,
      "invalid",
    ]);
    t.deepEqual(await call("/devices/WEBBAD/authorization", posted({ code: "c" })), [400, "invalid"]);
    t.deepEqual(await call("/devices/WEBBAD/authorization", posted({ ...code, codeVerifier: 1 })), [
      400,
      "invalid",
    ]);
    t.deepEqual(await call("/devices/WEBBAD/authorization", { method: "POST", body: "{" }), [400, "invalid"]);
    t.deepEqual(await call("/devices/WEBBAD/authorization", posted({ ...code, more: "x".repeat(20_000) })), [
      413,
      "too-large",
    ]);
    for (const uri of [
      "nowhere",
      "",
      "/back",
      "https:",
      " https://a",
      "1a:b",
      "JavaScript:alert(1)",
      "data:,x",
    ])
      t.deepEqual(
        await call(`/devices/WEBBAD/settings-link?exitUri=${encodeURIComponent(uri)}`),
        [400, "invalid"],
        uri,
      );
    t.is(forms.length, 0);
    t.deepEqual(await call("/devices/WEBBAD/authorization", posted(code)), [422, "refused"]);
    for (const [status, error] of [
      [401, "invalid_client"],
      [400, "unauthorized_client"],
    ] as const) {
      redeem = () => ({ status, body: { error } });
      t.deepEqual(await call("/devices/WEBBAD/authorization", posted(code)), [503, "unavailable"], error);
    }
    redeem = () => "hang up";
    t.deepEqual(await call("/devices/WEBBAD/authorization", posted(code)), [503, "unavailable"]);
    t.like((await app("/devices/WEBBAD")).body.registration, { state: "unknown" });
    t.deepEqual(await call("/devices/NEVER/settings-link"), [409, "not-registered"]);
  },
);

test.serial(
  "the settings link carries a good token and where to return to, and there is none after the end",
  async (t) => {
    const one = device("LINK");
    await register(one);
    const { body } = await app(
      "/devices/LINK/settings-link?exitUri=https%3A%2F%2Fmaker.example%2Fback%3Fa%3D1",
    );
    t.is(
      body.url,
      "https://settings.example/dsp?access_token=token-of-LINK&exitUri=https%3A%2F%2Fmaker.example%2Fback%3Fa%3D1",
    );
    t.is(
      (await app("/devices/LINK/settings-link")).body.url,
      "https://settings.example/dsp?access_token=token-of-LINK",
    );
    t.is(
      (await app("/devices/LINK/settings-link?exitUri=maker-app:back")).body.url,
      "https://settings.example/dsp?access_token=token-of-LINK&exitUri=maker-app%3Aback",
    );
    await world.gateway.deregister("LINK");
    const { status: gone, body: why } = await app("/devices/LINK/settings-link");
    t.deepEqual([gone, why.error.code], [409, "not-registered"]);
  },
);

test.serial("settings links and the calls for the device refresh its token once", async (t) => {
  const one = device("TURN");
  await register(one);
  world.clock.time += 2 * HOUR;
  const links = ["", "?exitUri=https://maker.example", "?exitUri=maker-app:"].map((query) =>
    app(`/devices/TURN/settings-link${query && `${query}x`}`),
  );
  await one.send(status());
  for (const link of links) t.is((await link).status, 200);
  t.deepEqual(
    refreshes.filter((serial) => serial === "TURN"),
    ["TURN"],
  );
});

test.serial(
  "the app sees quantities in units, the open order, and the notices of cancellations",
  async (t) => {
    const one = device("SHOWN");
    await register(one);
    t.like((await app("/devices/SHOWN")).body.slots[1], {
      remaining: null,
      percent: null,
      runOut: null,
      order: null,
    });
    let instance = "";
    world.drs.answer("token-of-SHOWN", ({ path }) =>
      path.startsWith("/replenish")
        ? { status: 200, body: { eventInstanceId: instance, detailCode: "STANDARD_ORDER_PLACED" } }
        : undefined,
    );
    const cancel = () =>
      post(
        world.gateway.notificationUrl,
        envelope({ type: "OrderCancelledNotification", serial: "SHOWN", instanceId: instance }),
      );
    instance = "shown-1";
    await one.send(status());
    await one.send(intent());
    t.deepEqual((await app("/devices/SHOWN")).body.slots[0], {
      id: "soap",
      unit: "ounce",
      capacity: 35,
      remaining: 12.5,
      percent: 36,
      onHand: 35,
      runOut: "2025-12-02",
      day: "2025-11-20",
      subscribed: true,
      order: { cycle: 1, state: "accepted", delivery: null },
    });
    t.deepEqual((await app("/devices/SHOWN")).body.notices, []);
    await cancel();
    t.deepEqual((await app("/devices/SHOWN")).body.notices, [{ notice: "cancelled-once", slot: "soap" }]);
    instance = "shown-2";
    await one.send(intent({ cycle: 2 }));
    t.deepEqual((await app("/devices/SHOWN")).body.notices, []);
    await cancel();
    t.deepEqual((await app("/devices/SHOWN")).body.notices, [{ notice: "cancelled-twice", slot: "soap" }]);
    const notices = async () => (await app("/devices/SHOWN")).body.notices;
    let subscribed = false;
    world.drs.answer("token-of-SHOWN", ({ path }) =>
      path === "/subscriptionInfo"
        ? { status: 200, body: { slotsSubscriptionStatus: { soap: { subscribed } } } }
        : undefined,
    );
    for (const expected of [0, 1]) {
      subscribed = expected === 1;
      await post(
        world.gateway.notificationUrl,
        envelope({ type: "SubscriptionChangedNotification", serial: "SHOWN" }),
      );
      await settle();
      t.is((await notices()).length, expected, "only of a slot that is subscribed");
    }
    await one.send(status({ remaining: 350 }));
    t.deepEqual(await notices(), []);
    await one.send(status());
    t.deepEqual(await notices(), [], "nor when it is used up again");
  },
);

test.serial(
  "notices end with the registration, and another customer hears nothing of the orders before",
  async (t) => {
    const one = device("FORMER");
    await register(one);
    world.drs.answer("token-of-FORMER", ({ path }) =>
      path.startsWith("/replenish")
        ? { status: 200, body: { eventInstanceId: "former-1", detailCode: "STANDARD_ORDER_PLACED" } }
        : undefined,
    );
    await one.send(intent());
    await post(
      world.gateway.notificationUrl,
      envelope({ type: "OrderCancelledNotification", serial: "FORMER", instanceId: "former-1" }),
    );
    const notices = async () => (await app("/devices/FORMER")).body.notices;
    t.deepEqual(await notices(), [{ notice: "cancelled-once", slot: "soap" }]);
    await world.gateway.deregister("FORMER");
    t.deepEqual(await notices(), []);
    world.clock.time += MINUTE;
    await register(one);
    t.true((await app("/devices/FORMER")).body.slots[0]!.subscribed);
    t.deepEqual(await notices(), []);
  },
);

test.serial(
  "a code that waits outlasts a restart, encrypted, and a database of the version before is taken over",
  async (t) => {
    const directory = await lastingDatabase(t);
    const before = await openConnection(directory, 1, () => {});
    await migrate(before, MIGRATIONS.slice(0, MIGRATIONS.indexOf(REGISTRATIONS_SCHEMA)));
    await before.query("insert into devices (serial) values ('PENDING')");
    await before.query("insert into grants (serial) values ('PENDING')");
    await before.close();
    redeem = () => "hang up";
    const options = {
      database: directory,
      tokenKeys: TOKEN_KEYS,
      lwa: { clientId: "own", clientSecret: "s", tokenUrl: `${world.drs.url}/auth/o2/token` },
    };
    const later = await startWorld([registered("PENDING"), registered("TOKENLESS")], options);
    const pending = new TestDevice(later, registered("PENDING"));
    await pending.send(authorization("secret-code"));
    await later.gateway.idle();
    await later.gateway.close();
    const raw = await openConnection(directory, 1, () => {});
    const { rows } = await raw.query<{ code: string }>("select code from registrations");
    t.regex(rows[0]!.code, /^1\./);
    t.false(rows[0]!.code.includes("secret-code"));
    await raw.close();
    redeem = () => granted("PENDING");
    await later.restart();
    await later.clock.advance(MINUTE);
    await pending.send(status());
    t.like(pending.registration, { registered: true });
    await later.close();
  },
);

/** One gateway after the other for one device, on a database that outlasts them. */
async function lasting(t: ExecutionContext, serial: "PENDING" | "TOKENLESS") {
  const database = await Database.open(await emptyDatabase());
  t.teardown(() => database.close());
  const { accessToken: _, ...plain } = registered(serial);
  const clock = new TestClock();
  let before: TestDevice | undefined;
  return async (more: Partial<GatewayOptions> = {}) => {
    const other = await startWorld([plain], {
      ...{ database, clock, tokenKeys: TOKEN_KEYS, app: { token: APP_TOKEN } },
      lwa: { clientId: "own", clientSecret: "s", tokenUrl: `${world.drs.url}/auth/o2/token` },
      // The longest pauses: what fails for days is tried every hour.
      random: () => 1 - 2 ** -53,
      ...more,
    });
    const one = new TestDevice(other, registered(serial));
    one.sequence = before?.sequence ?? 0;
    one.downlink = before?.downlink ?? 0;
    before = one;
    const shown = async () => {
      const headers = { authorization: `Bearer ${APP_TOKEN}` };
      const response = await fetch(`${other.gateway.appUrl}/devices/${serial}`, { headers });
      return ((await response.json()) as Told).registration;
    };
    let closed: Promise<void> | undefined;
    const close = () => {
      closed ??= other.close();
      return closed;
    };
    t.teardown(close);
    return { other, one, shown, close };
  };
}

test.serial("while the client is not accepted device and app hear it, and nothing is lost", async (t) => {
  const { other, one, shown } = await (await lasting(t, "PENDING"))();
  redeem = () => granted("of-pending");
  await one.send(authorization("a-code"));
  await other.clock.advance(0);
  await other.gateway.idle();
  await one.send(status());
  t.like(one.registration, { registered: true, subscribed: 3, failure: "none" });
  let cycle = 0;
  for (const [answer, error] of [
    [401, "invalid_client"],
    [400, "unauthorized_client"],
    [403, "something_else"],
  ] as const) {
    redeem = () => ({ status: answer, body: { error } });
    forms.length = 0;
    await other.clock.advance(2 * HOUR);
    await one.send(intent({ cycle: ++cycle }));
    await other.clock.advance(22 * HOUR);
    t.true(forms.length > 5 && forms.length < 60, `${forms.length} attempts in a day`);
    await one.send(status());
    t.like(one.registration, { registered: true, subscribed: 3, failure: "unavailable" }, error);
    t.deepEqual(await shown(), { state: "registered", failure: "unavailable" });
    t.like((await other.gateway.orders()).at(-1), { cycle, state: "intended" });
    redeem = () => granted("of-pending");
    await other.clock.advance(2 * HOUR);
    await one.send(status());
    t.like(one.registration, { registered: true, subscribed: 3, failure: "none" });
    t.regex((await other.gateway.orders()).at(-1)!.state, /^(accepted|placed)$/);
  }
  for (const answer of [408, 429, 500]) {
    redeem = () => ({ status: answer });
    const { failed } = other.gateway.counts.lwa;
    await other.clock.advance(2 * HOUR);
    await one.send(status());
    await other.clock.advance(3 * HOUR);
    t.deepEqual(await shown(), { state: "registered", failure: "none" }, "it says nothing of the client");
    t.true(other.gateway.counts.lwa.failed > failed + 2);
  }
});

test.serial("of a key that is gone device and app hear, and it may come back", async (t) => {
  const start = await lasting(t, "PENDING");
  redeem = () => granted("of-pending");
  const first = await start();
  await first.one.send(authorization("a-code"));
  await first.other.gateway.idle();
  await first.one.send(status());
  await first.close();
  const keyless = await start({ tokenKeys: [OTHER_KEY] });
  forms.length = 0;
  await keyless.one.send(status());
  await keyless.one.send(status());
  t.like(keyless.one.registration, { registered: true, failure: "unavailable" });
  t.deepEqual(await keyless.shown(), { state: "registered", failure: "unavailable" });
  await keyless.other.clock.advance(24 * HOUR);
  t.true(keyless.other.log.filter(({ event }) => event === "token-unreadable").length < 60);
  t.is(forms.length, 0);
  await keyless.close();
  const again = await start();
  await again.other.clock.advance(26 * HOUR);
  t.deepEqual(await again.shown(), { state: "registered", failure: "none" });
});

test.serial("a code that nobody can redeem is given up at once, and told", async (t) => {
  const start = await lasting(t, "TOKENLESS");
  for (const [why, more] of [
    ["its key is gone", { tokenKeys: [OTHER_KEY] }],
    ["the client is not set up any more", { lwa: undefined } as object],
  ] as const) {
    redeem = () => "hang up";
    const first = await start();
    await first.one.send(authorization("a-code"));
    await first.other.gateway.idle();
    t.like(await first.shown(), { state: "pending" });
    await first.close();
    const later = await start(more);
    forms.length = 0;
    await later.other.clock.advance(MINUTE);
    await later.one.send(status());
    t.like(later.one.registration, { registered: false, failure: "unavailable" }, why);
    t.deepEqual(await later.shown(), { state: "unregistered", failure: "unavailable" });
    await later.other.clock.advance(HOUR);
    t.is(later.other.log.filter(({ event }) => event === "authorization-redeemed").length, 1);
    t.is(forms.length, 0);
    await later.close();
  }
});

test.serial(
  "an order whose answer is missing is not asked for again for whoever registers next",
  async (t) => {
    const one = device("ASKED");
    await register(one);
    let asked = 0;
    world.drs.answer("token-of-ASKED", ({ path }) => {
      if (!path.startsWith("/replenish")) return undefined;
      asked++;
      return "hang up";
    });
    await one.send(intent());
    t.is(asked, 1);
    redeem = () => granted("ASKED");
    await one.send(authorization("of-another"));
    await settle();
    world.drs.answer("token-of-ASKED", ({ path }) => {
      if (path.startsWith("/replenish")) asked++;
      return undefined;
    });
    await world.clock.advance(MINUTE);
    t.is(asked, 1);
    t.like((await world.gateway.orders("ASKED"))[0], {
      state: "unknown",
      message: "the device was registered anew before DRS had answered",
    });
  },
);

test.serial("a gateway without Login with Amazon tells devices that it cannot", async (t) => {
  const other = await startWorld([registered("TOKENLESS")]);
  const one = new TestDevice(other, registered("TOKENLESS"));
  await one.send(authorization("a-code"));
  t.deepEqual(one.registration, word(1, { failure: "unavailable" }));
  await one.send({ kind: "grant", clientId: "c", refreshToken: "r", applied: 0 });
  t.deepEqual(one.registration, word(1, { failure: "unavailable" }));
  await other.close();
});
