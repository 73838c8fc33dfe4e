import test from "ava";
import fc from "fast-check";
import { SandboxError, startSandbox } from "../../../examples/drs-sandbox/index.js";
import {
  authorizeUrl,
  CHALLENGE,
  CLIENT_ID,
  CLIENT_SECRET,
  DISPENSER,
  login,
  loginTokens,
  type Maker,
  SERIAL,
  startMaker,
  type Tokens,
  token,
  VERIFIER,
  Visitor,
} from "./maker.js";
import { callService, DAY, ManualClock, MINUTE, SECOND, SIGNING_KEY } from "./support.js";

const exchange = (maker: Maker, code: string, change: Record<string, string> = {}) =>
  token(maker, {
    grant_type: "authorization_code",
    code,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    redirect_uri: maker.returnUrl,
    ...change,
  });

const codeOf = (url: URL) => url.searchParams.get("code") ?? "";

const alive = async ({ sandbox }: Maker, accessToken: string) =>
  (await callService(sandbox.url, "DeviceStatus", { token: `Bearer ${accessToken}` })).status;

const types = (maker: Maker) => maker.news().map(({ type }) => type);

test("the app gets a code, the scope and its state back, as the documentation prints them", async (t) => {
  const maker = await startMaker(t);
  const back = await login(maker);
  t.regex(
    back.href,
    /^http:\/\/127\.0\.0\.1:\d+\/callback\?code=[^&]+&scope=dash:replenish&state=a%20state%20%26%20more$/,
  );
  t.is(back.searchParams.get("state"), "a state & more");
  const stateless = await login(maker, { change: { state: "" } });
  t.false(stateless.searchParams.has("state"));
});

test("an unknown app or return URL gets a page, and its URL is never gone to", async (t) => {
  const maker = await startMaker(t);
  const visitor = new Visitor();
  const wrong: Record<string, string>[] = [
    { client_id: "amzn1.application-oa2-client.other" },
    { client_id: "" },
    { redirect_uri: "" },
    { redirect_uri: `${maker.returnUrl}/` },
    { redirect_uri: `${maker.returnUrl}?more` },
    { redirect_uri: maker.returnUrl.toUpperCase() },
    { redirect_uri: "https://elsewhere.example/callback" },
  ];
  for (const change of wrong) {
    const page = await visitor.get(authorizeUrl(maker, change));
    t.is(page.status, 400, JSON.stringify(change));
    t.is(page.location, undefined);
    t.regex(page.text, /Local sandbox/);
  }
  t.is((await visitor.get(`${authorizeUrl(maker)}&redirect_uri=https://elsewhere.example/`)).status, 400);
});

test("other mistakes are told to the app by name, with its state", async (t) => {
  const maker = await startMaker(t, {
    models: [
      DISPENSER,
      { ...DISPENSER, id: "next", compositeId: `${DISPENSER.compositeId?.slice(0, -1)}0`, isLive: false },
    ],
  });
  const data = (value: unknown) => ({ scope_data: JSON.stringify({ "dash:replenish": value }) });
  const wrong: [Record<string, string>, string][] = [
    [{ response_type: "token" }, "unsupported_response_type"],
    [{ scope: "" }, "invalid_request"],
    [{ scope: "profile" }, "invalid_scope"],
    [{ scope_data: "" }, "invalid_request"],
    [{ scope_data: "{" }, "invalid_request"],
    [{ scope_data: "null" }, "invalid_request"],
    [data({ device_model: "dispenser-2" }), "invalid_request"],
    [data({ device_model: "other", serial: SERIAL }), "invalid_request"],
    [data({ device_model: "dispenser-2", serial: "a b" }), "invalid_request"],
    [data({ device_model: "dispenser-2", serial: SERIAL, is_test_device: "yes" }), "invalid_request"],
    [data({ device_model: "next", serial: SERIAL, should_include_non_live: "false" }), "invalid_scope"],
    [{ code_challenge: "short" }, "invalid_request"],
    [{ code_challenge_method: "S256" }, "invalid_request"],
    [{ code_challenge: CHALLENGE, code_challenge_method: "S512" }, "invalid_request"],
  ];
  for (const [change, error] of wrong) {
    const { status, location } = await new Visitor().get(authorizeUrl(maker, change));
    t.is(status, 303);
    const url = new URL(location ?? "");
    t.is(url.origin + url.pathname, maker.returnUrl);
    t.is(url.searchParams.get("error"), error, JSON.stringify(change));
    t.is(url.searchParams.get("state"), "a state & more");
  }
  for (const flag of [true, "true"]) {
    const query = data({ device_model: "next", serial: SERIAL, should_include_non_live: flag });
    t.regex((await new Visitor().get(authorizeUrl(maker, query))).location ?? "", /\/ap\/flow\//);
  }
});

test("a code is exchanged with the secret, once, for the URL and the app it was made for", async (t) => {
  const other = { clientId: "amzn1.application-oa2-client.other", clientSecret: "other" };
  const maker = await startMaker(t);
  const { sandbox } = maker;
  const code = codeOf(await login(maker));
  const cases: [Record<string, string>, number, string][] = [
    [{ code: "" }, 400, "invalid_request"],
    [{ redirect_uri: "" }, 400, "invalid_request"],
    [{ client_id: "" }, 400, "invalid_request"],
    [{ client_secret: "" }, 400, "invalid_request"],
    [{ client_secret: "", code_verifier: VERIFIER }, 400, "invalid_request"],
    [{ client_secret: "wrong" }, 401, "invalid_client"],
    [{ client_id: other.clientId, client_secret: other.clientSecret }, 401, "invalid_client"],
    [{ code: "other" }, 400, "invalid_grant"],
    [{ redirect_uri: `${maker.returnUrl}/` }, 400, "invalid_grant"],
  ];
  for (const [change, status, error] of cases) {
    const response = await exchange(maker, code, change);
    t.is(response.status, status, JSON.stringify(change));
    t.like(await response.json(), { error });
  }
  const response = await exchange(maker, code);
  t.is(response.headers.get("cache-control"), "no-store");
  const tokens = (await response.json()) as Tokens;
  t.deepEqual(Object.keys(tokens), ["access_token", "refresh_token", "token_type", "expires_in"]);
  t.like(tokens, { token_type: "bearer", expires_in: 3600 });
  t.true(tokens.access_token.startsWith("Atza|") && tokens.refresh_token.startsWith("Atzr|"));
  t.is(await alive(maker, tokens.access_token), 200);
  t.like(await (await exchange(maker, code)).json(), { error: "invalid_grant" }, "once");
  t.is(sandbox.counts.tokens.issued, 1);
});

test("a code dies after its time", async (t) => {
  for (const [lwa, life] of [
    [{}, 5 * MINUTE],
    [{ codeLifetime: 60 }, MINUTE],
  ] as const) {
    const maker = await startMaker(t, {}, lwa);
    const [late, early] = [codeOf(await login(maker)), codeOf(await login(maker))];
    await maker.clock.advance(life - SECOND);
    t.is((await exchange(maker, early)).status, 200);
    await maker.clock.advance(SECOND);
    t.like(await (await exchange(maker, late)).json(), { error: "invalid_grant" });
  }
});

test("with PKCE the verifier stands for the secret, for the code and for every refresh", async (t) => {
  const maker = await startMaker(t);
  const secretless = { client_secret: "", code_verifier: VERIFIER };
  const ways: Record<string, string>[] = [
    { code_challenge: CHALLENGE, code_challenge_method: "S256" },
    { code_challenge: VERIFIER, code_challenge_method: "plain" },
    { code_challenge: VERIFIER },
  ];
  for (const change of ways) {
    const code = codeOf(await login(maker, { change }));
    t.like(await (await exchange(maker, code, { client_secret: "" })).json(), { error: "invalid_request" });
    t.like(
      await (await exchange(maker, code)).json(),
      { error: "invalid_request" },
      "a secret is no verifier",
    );
    for (const verifier of [
      CHALLENGE === change.code_challenge ? CHALLENGE : `${VERIFIER}x`,
      VERIFIER.toLowerCase(),
    ])
      t.like(await (await exchange(maker, code, { ...secretless, code_verifier: verifier })).json(), {
        error: "invalid_grant",
      });
    const tokens = (await (await exchange(maker, code, secretless)).json()) as Tokens;
    const refresh = await token(maker, {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token,
      client_id: CLIENT_ID,
    });
    t.is(refresh.status, 200);
    const refreshed = (await refresh.json()) as Tokens;
    t.is(refreshed.refresh_token, tokens.refresh_token);
    t.is(await alive(maker, refreshed.access_token), 200);
  }
});

test("a refresh token is of one app alone, and a grant with a secret needs it again", async (t) => {
  const other = { clientId: "amzn1.application-oa2-client.other", clientSecret: "other" };
  const first = await startMaker(t);
  const maker = await startMaker(t, {
    lwa: [
      { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, returnUrls: [first.returnUrl] },
      { ...other, returnUrls: [first.returnUrl] },
    ],
  });
  const setting = { ...maker, returnUrl: first.returnUrl };
  const { refresh_token } = await loginTokens(setting);
  const refresh = (change: Record<string, string>) =>
    token(maker, { grant_type: "refresh_token", refresh_token, client_id: CLIENT_ID, ...change });
  t.like(await (await refresh({})).json(), { error: "invalid_request" });
  t.like(await (await refresh({ client_id: other.clientId, client_secret: other.clientSecret })).json(), {
    error: "invalid_grant",
  });
  t.is((await refresh({ client_secret: CLIENT_SECRET, redirect_uri: "anything" })).status, 200);
  const visited = await new Visitor().get(authorizeUrl(setting, { client_id: other.clientId }));
  t.is(new URL(visited.location ?? "").searchParams.get("error"), "unauthorized_client", "not its model");
});

test("the same customer's next login registers again, keeps the choice and brings new tokens", async (t) => {
  const maker = await startMaker(t);
  const first = await loginTokens(maker, { products: ["B000SOAP02", "B000FOAM01"] });
  const visitor = new Visitor();
  let page = await visitor.follow(await visitor.get(authorizeUrl(maker)));
  page = await visitor.submit(page, { customer: "amzn1.account.ADA" });
  page = await visitor.submit(page, { action: "agree" });
  t.regex(page.text, /value="B000SOAP02" checked/);
  t.is(await alive(maker, first.access_token), 200, "until it is over, nothing of the first is void");
  const second = await loginTokens(maker);
  t.not(second.refresh_token, first.refresh_token);
  const old = {
    grant_type: "refresh_token",
    refresh_token: first.refresh_token,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
  };
  t.like(await (await token(maker, old)).json(), { error: "invalid_grant" });
  await maker.clock.advance(0);
  t.is(types(maker).filter((type) => type === "DeviceRegisteredNotification").length, 3);
  t.false(types(maker).includes("DeviceDeregisteredNotification"));
});

test("another customer's login takes a device over: the old one is told, and sees nothing of the new", async (t) => {
  const maker = await startMaker(t);
  const { clock, sandbox } = maker;
  const ada = await loginTokens(maker);
  const order = await callService(sandbox.url, "Replenish", { token: `Bearer ${ada.access_token}` });
  const { eventInstanceId } = (await order.json()) as { eventInstanceId: string };
  await clock.advance(MINUTE);
  const stale = codeOf(await login(maker));
  const ben = await loginTokens(maker, { customer: "amzn1.account.BEN", products: ["", ""] });
  await clock.advance(0);
  const news = maker.news().slice(-3);
  t.deepEqual(
    news.map(({ type, message }) => [
      type,
      (message.customerInfo as Record<string, unknown>).directedCustomerId,
    ]),
    [
      ["DeviceDeregisteredNotification", "amzn1.account.ADA"],
      ["DeviceRegisteredNotification", "amzn1.account.BEN"],
      ["SubscriptionChangedNotification", "amzn1.account.BEN"],
    ],
  );
  t.is(await alive(maker, ada.access_token), 400);
  t.like(await (await exchange(maker, stale)).json(), { error: "invalid_grant" }, "codes die with it");
  const bearer = { token: `Bearer ${ben.access_token}` };
  t.like(await (await callService(sandbox.url, "SubscriptionInfo", bearer)).json(), {
    slotsSubscriptionStatus: { soap: { subscribed: false, productInfoList: [] } },
  });
  t.is(
    (await callService(sandbox.url, "GetOrderInfo", { ...bearer, path: `/getOrderInfo/${eventInstanceId}` }))
      .status,
    400,
  );
  sandbox.setSubscribed(SERIAL, "soap", true);
  t.like(await (await callService(sandbox.url, "Replenish", bearer)).json(), {
    detailCode: "STANDARD_ORDER_PLACED",
  });
  await clock.advance(2 * DAY);
  const shipped = maker.news().filter(({ type }) => type === "ItemShippedNotification");
  t.deepEqual(
    shipped.map(({ message }) => message.customerInfo),
    [{ directedCustomerId: "amzn1.account.ADA" }, { directedCustomerId: "amzn1.account.BEN" }],
    "what was on its way is still its customer's",
  );
});

test("a form of another session, or of none, does nothing", async (t) => {
  const maker = await startMaker(t);
  const visitor = new Visitor();
  let page = await visitor.follow(await visitor.get(authorizeUrl(maker)));
  page = await visitor.submit(page, { customer: "amzn1.account.ADA" });
  const stranger = new Visitor();
  const strange = await stranger.get(`${maker.sandbox.url}/ap/signin`);
  t.is(
    (await stranger.submit(strange, { action: "agree" }, page.url)).status,
    410,
    "flows are of one session",
  );
  t.is((await visitor.post(page.url, { action: "agree" })).status, 403);
  const forged = /name="form_token" value="([^"]+)"/.exec(strange.text)?.[1] ?? "";
  t.is((await visitor.post(page.url, { action: "agree", form_token: forged })).status, 403);
  t.is((await new Visitor().post(page.url, { action: "agree" })).status, 403);
  await maker.clock.advance(0);
  t.deepEqual(types(maker), []);
  t.is((await visitor.submit(page, { action: "agree" })).status, 200);
});

test("a login cannot be gone through out of order, nor twice", async (t) => {
  const maker = await startMaker(t);
  const visitor = new Visitor();
  const signIn = await visitor.follow(await visitor.get(authorizeUrl(maker)));
  const step = (name: string) => signIn.url.replace("sign-in", name);
  for (const name of ["consent", "products", "confirm", "anything"])
    t.true((await visitor.get(step(name))).location?.endsWith("/sign-in"), name);
  for (const name of ["consent", "products", "confirm"])
    t.true((await visitor.submit(signIn, { action: "agree" }, step(name))).url.endsWith("/sign-in"), name);
  const consent = await visitor.submit(signIn, { customer: "amzn1.account.ADA" });
  t.true((await visitor.submit(consent, { action: "confirm" }, step("confirm"))).url.endsWith("/consent"));
  const products = await visitor.submit(consent, { action: "agree" });
  await visitor.submit(consent, { action: "agree" });
  const missing = await visitor.submit(products, { "slot-0": "B000SOAP01", "slot-1": "B000OTHER" });
  t.is(missing.status, 400);
  t.regex(missing.text, /role="alert">Choose what to reorder for Foam/);
  const confirm = await visitor.submit(products, { "slot-0": "B000SOAP01", "slot-1": "" });
  t.is((await visitor.submit(confirm, { action: "confirm", address: "7", payment: "0" })).status, 400);
  const done = await visitor.submit(confirm, { action: "confirm", address: "0", payment: "0" });
  t.regex(done.location ?? "", /callback\?code=/);
  t.is((await visitor.submit(confirm, { action: "confirm", address: "0", payment: "0" })).status, 410);
  await maker.clock.advance(0);
  t.deepEqual(types(maker), ["DeviceRegisteredNotification", "SubscriptionChangedNotification"]);
});

test("pages lead nowhere but where they may, and are neither kept nor framed", async (t) => {
  const maker = await startMaker(t);
  const { sandbox } = maker;
  const visitor = new Visitor();
  const page = await visitor.follow(await visitor.get(authorizeUrl(maker)));
  const policy = page.headers.get("content-security-policy") ?? "";
  t.regex(policy, /default-src 'none'/);
  t.regex(policy, /frame-ancestors 'none'/);
  t.true(policy.includes(`form-action 'self' ${new URL(maker.returnUrl).origin};`));
  t.is(page.headers.get("cache-control"), "no-store");
  t.is(page.headers.get("referrer-policy"), "no-referrer");
  for (const uri of [
    "javascript:alert(1)",
    "data:text/html,x",
    "http://elsewhere.example/",
    "JaVaScRiPt:x",
    "//elsewhere.example",
    "blob:x",
  ]) {
    const settings = new URLSearchParams({ access_token: "x", exitUri: uri });
    const teaser = new URLSearchParams({ compositeId: DISPENSER.compositeId!, skipUri: uri });
    for (const path of [`/settings?${settings}`, `/teaser?${teaser}`]) {
      const answer = await visitor.get(sandbox.url + path);
      t.is(answer.status, 400, `${path} ${uri}`);
      t.notRegex(answer.text, /href=/);
    }
  }
  for (const uri of ["suds://exit?a=1", "https://suds.example/?a=1&b=2", "Skip"]) {
    const teaser = new URLSearchParams({ compositeId: DISPENSER.compositeId!, skipUri: uri });
    t.true(
      (await visitor.get(`${sandbox.url}/teaser?${teaser}`)).text.includes(
        `href="${uri.replace("&", "&amp;")}"`,
      ),
    );
  }
  for (const next of ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", ""]) {
    const signIn = await visitor.get(`${sandbox.url}/ap/signin?${new URLSearchParams({ next })}`);
    const form = /name="form_token" value="([^"]+)"/.exec(signIn.text)?.[1] ?? "";
    const { location } = await visitor.post(`${sandbox.url}/ap/signin`, {
      form_token: form,
      customer: "amzn1.account.ADA",
      next,
    });
    t.is(location, `${sandbox.url}/`, next);
  }
});

test("nothing that is shown becomes markup", async (t) => {
  const marked = fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "a", "script", " ") });
  await fc.assert(
    fc.asyncProperty(marked, async (text) => {
      const sandbox = await startSandbox({
        clock: new ManualClock(),
        devices: [],
        models: [
          {
            id: "m",
            name: `x${text}`,
            compositeId: DISPENSER.compositeId!,
            slots: [{ id: "s", name: `y${text}`, products: [{ asin: "A", unit: "u", quantity: 1 }] }],
          },
        ],
        customers: [{ name: `z${text}` }],
        signingKey: SIGNING_KEY,
      });
      try {
        for (const path of [`/teaser?compositeId=${DISPENSER.compositeId}`, "/ap/signin", "/"]) {
          const page = await (await fetch(sandbox.url + path)).text();
          // without what the pages themselves are made of, no mark is left
          const left = page.replace(
            /<!doctype html>|<style>[^<]*<\/style>|<\/?[a-z0-9]+(?: [a-z-]+(?:="[^"<>]*")?)*>/g,
            "",
          );
          t.notRegex(left, /[<>"]/, path);
        }
      } finally {
        await sandbox.close();
      }
    }),
    { numRuns: 20 },
  );
});

test("models, customers and apps are checked before anything is started", async (t) => {
  const bad = (options: object, message: RegExp) =>
    t.throwsAsync(startSandbox({ clock: new ManualClock(), devices: [], ...options }), {
      instanceOf: SandboxError,
      code: "BAD_OPTION",
      message,
    });
  const lwa = { clientId: "a", clientSecret: "b" };
  await bad({ models: [{ ...DISPENSER, id: "a b" }] }, /model "a b": id/);
  await bad({ models: [DISPENSER, DISPENSER] }, /"dispenser-2": id must be unique/);
  await bad({ models: [{ ...DISPENSER, compositeId: "x" }] }, /compositeId.*"x"/);
  await bad({ models: [{ ...DISPENSER, notificationUrl: "ftp://x" }] }, /notificationUrl.*ftp/);
  await bad({ models: [{ ...DISPENSER, notificationVersion: "3" }] }, /notificationVersion.*"3"/);
  await bad({ models: [{ ...DISPENSER, clientId: "other" }] }, /clientId must be one of lwa.*"other"/);
  await bad({ models: [{ id: "m", slots: [{ id: "s", products: [] }] }] }, /slot "s": products/);
  await bad(
    { models: [{ id: "m", slots: [{ id: "s", products: [{ asin: "", unit: "u", quantity: 1 }] }] }] },
    /asin/,
  );
  await bad({ customers: [{ name: "" }] }, /name must be a text/);
  await bad({ customers: [{ name: "Ada" }, { name: "Ada" }] }, /"Ada": id must be unique/);
  await bad({ customers: [{ name: "Ada", payments: [] }] }, /payments must not be empty/);
  await bad({ lwa: [lwa, lwa] }, /clientId must be unique/);
  await bad({ lwa: { ...lwa, returnUrls: ["http://elsewhere.example/"] } }, /returnUrls.*elsewhere/);
  await bad({ lwa: { ...lwa, codeLifetime: 0 } }, /lwa.codeLifetime.*got 0/);
  await bad({ notificationVersion: "3" }, /notificationVersion.*"3"/);
});
