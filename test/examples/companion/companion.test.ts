import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import type { RegistrationState } from "everfull";
import {
  CompanionError,
  type CompanionOptions,
  callbackUrl,
  type DeviceLink,
  type LinkLevel,
  openServer,
  serveCompanion,
} from "../../../examples/companion/index.js";
import { localeOf } from "../../../examples/companion/locale.js";
import { type Visited, Visitor } from "../drs-sandbox/maker.js";

const SERIAL = "A<b>&'1";
const AMAZON = { authorizeUrl: "https://amazon.example/ap/oa", teaserUrl: "https://drs.example/teaser" };

/** A device at the other end of the link, as far as the app sees it. */
class Link implements DeviceLink {
  readonly serial = SERIAL;
  readonly model = "m";
  registration: RegistrationState = "new";
  isNear = true;
  isFull = false;
  deregistration: "none" | "pending" | "delivered" | "undelivered" = "none";
  readonly calls: string[] = [];
  levels: readonly LinkLevel[] = [];

  async status() {
    this.#reach("");
    const mayFinishSetup = ["registered", "authorized", "declined"].includes(this.registration);
    const { registration, deregistration, levels } = this;
    return { registration, mayFinishSetup, hasFailed: false, deregistration, levels };
  }

  async offer() {
    this.#reach("offer");
    if (this.isFull) return undefined;
    this.registration = "offered";
    return {
      model: this.model,
      serial: this.serial,
      codeChallenge: "challenge",
      codeChallengeMethod: "S256" as const,
    };
  }

  async authorize(
    pairingCode: string,
    { code, clientId, redirectUri }: Parameters<DeviceLink["authorize"]>[1],
  ) {
    this.#reach(`authorize ${pairingCode} ${code} ${clientId} ${redirectUri}`);
    if (this.isFull) return "storage";
    if (pairingCode !== "GOOD") return "wrong-code";
    this.registration = "authorized";
    return "taken";
  }

  async decline() {
    this.#reach("decline");
    if (!this.isFull) this.registration = "declined";
    return !this.isFull;
  }

  async abandon() {
    this.#reach("abandon");
    this.registration = "abandoned";
    return true;
  }

  async deregister(reason: string) {
    this.#reach(`deregister ${reason}`);
    if (this.isFull) return "storage";
    this.deregistration = "pending";
    this.registration = "deregistered";
    return "queued";
  }

  #reach(call: string): void {
    if (!this.isNear) throw new CompanionError("link", "away");
    if (call !== "") this.calls.push(call);
  }
}

interface Scene {
  readonly url: string;
  readonly link: Link;
  readonly visitor: Visitor;
  /** Requests of the gateway, and how it answers; nothing: it hangs up. */
  readonly asked: string[];
  answer: (request: string) => { readonly status: number; readonly body: unknown } | undefined;
  /** @returns the page that it leads to */
  get(path: string): Promise<Visited>;
}

async function scene(t: ExecutionContext, options: Partial<CompanionOptions> = {}): Promise<Scene> {
  const asked: string[] = [];
  const gateway = createServer((request, response) => {
    const what = `${request.method} ${request.url}`;
    asked.push(what);
    const answer = made.answer(what);
    if (answer === undefined) response.destroy();
    else response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => {
    gateway.listen(0, "127.0.0.1", resolve);
  });
  const server = await openServer({ onError: (error) => t.log(error) });
  t.teardown(async () => {
    gateway.closeAllConnections();
    gateway.close();
    await server.close();
  });
  const link = new Link();
  const visitor = new Visitor();
  serveCompanion({
    server,
    gateway: { url: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, token: "t" },
    clientId: "client",
    models: { m: { name: "Suds & <Co>", compositeId: "composite", slots: { soap: "Soap <b>" } } },
    find: () => [link],
    brand: "Maker",
    supportUrl: "https://maker.example/help",
    amazon: AMAZON,
    ...options,
  });
  const made: Scene = {
    url: server.url,
    link,
    visitor,
    asked,
    answer: () => undefined,
    get: async (path) => visitor.follow(await visitor.get(server.url + path)),
  };
  return made;
}

const AT = `/setup/${encodeURIComponent(SERIAL)}`;
const DEVICE = `/devices/${encodeURIComponent(SERIAL)}`;

/** Adds the device, and has its offer made. @returns where Amazon's teaser would be */
async function offered({ get, visitor, url }: Scene): Promise<URL> {
  const found = await get("/setup");
  const isNew = found.text.includes('name="serial"');
  const page = isNew ? await visitor.submit(found, { serial: SERIAL }) : await get(`${AT}/offer`);
  const teaser = await visitor.submit(page, {}, `${url}${AT}/offer`);
  return new URL(teaser.location!);
}

const title = ({ text }: Visited) => /<h1>(.*?)<\/h1>/.exec(text)?.[1];
const said = ({ text }: Visited) => /role="(?:status|alert)"[^>]*>(.*?)<\/p>/.exec(text)?.[1];

/** A device that is set up, without a registration. */
async function ready(one: Scene): Promise<Visited> {
  const teaser = await offered(one);
  return one.visitor.follow(await one.visitor.get(teaser.searchParams.get("skipUri")!));
}

const view = (fields: object = {}) => ({
  status: 200,
  body: { registration: { state: "registered", failure: "none" }, slots: [], notices: [], ...fields },
});

test("names are escaped wherever they come from, and every page says what a browser may do with it", async (t) => {
  const one = await scene(t);
  const { visitor, get, url } = one;
  const first = await visitor.get(`${url}/setup`);
  t.regex(
    first.headers.get("set-cookie") ?? "",
    /^everfull-companion=[\w-]{24}; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  t.regex(
    first.headers.get("content-security-policy") ?? "",
    /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
  );
  t.is(first.headers.get("referrer-policy"), "no-referrer");
  t.is(first.headers.get("cache-control"), "no-store");
  t.true(first.text.includes("Set up Suds &amp; &lt;Co&gt;, A&lt;b&gt;&amp;&#39;1"));
  await ready(one);
  one.answer = () =>
    view({
      slots: [
        {
          id: "soap",
          unit: "g<",
          percent: 5,
          remaining: 5,
          onHand: 0,
          runOut: "2027-01-02",
          subscribed: true,
        },
      ],
      notices: [
        { notice: "cancelled-once", slot: "soap" },
        { notice: "order-placed", slot: "soap" },
      ],
    });
  const page = await get("/");
  t.true(page.text.includes("<h2>Soap &lt;b&gt;</h2>"));
  t.true(page.text.includes("Soap &lt;b&gt;: your cancellation is recorded."));
  t.true(page.text.includes("5 g&lt;"));
  t.true(page.text.includes("January 2, 2027"));
  t.notRegex(page.text, /order-placed|<b>/);
});

test("over HTTPS the cookie goes nowhere else", async (t) => {
  const { visitor, url } = await scene(t, { url: "https://app.example" });
  const page = await visitor.get(`${url}/setup`);
  t.regex(page.headers.get("set-cookie") ?? "", /; Secure$/);
});

test("a form of another session, none at all, one too large and other methods change nothing", async (t) => {
  const { visitor, get, url, link } = await scene(t);
  const page = await get("/setup");
  const other = new Visitor();
  await other.get(`${url}/setup`);
  t.is((await other.submit(page, { serial: SERIAL })).status, 403);
  t.is((await new Visitor().submit(page, { serial: SERIAL })).status, 403);
  t.is((await visitor.post(`${url}/setup`, { serial: SERIAL })).status, 403);
  t.is((await visitor.post(`${url}/setup`, { serial: "x".repeat(20_000) })).status, 413);
  t.is((await fetch(`${url}/setup`, { method: "PUT" })).status, 405);
  t.is((await visitor.post(`${url}/callback`, {})).status, 405);
  for (const path of ["/nowhere", "/devices/%ff", "/setup/a/b/c"])
    t.is((await visitor.get(url + path)).status, 404, path);
  t.true((await get("/")).text.includes("You have no device yet."));
  t.deepEqual(link.calls, []);
});

test("Amazon's pages are asked for what the documentation says, and their answers count in this browser only", async (t) => {
  const one = await scene(t);
  const { visitor, url, link, get } = one;
  const teaser = await offered(one);
  t.is(teaser.origin + teaser.pathname, AMAZON.teaserUrl);
  t.is(teaser.searchParams.get("compositeId"), "composite");
  const exit = (name: string) => teaser.searchParams.get(name)!;
  t.true(["loginUri", "remindLaterUri", "skipUri"].every((name) => exit(name).startsWith(`${url}${AT}/`)));
  const login = new URL((await visitor.get(exit("loginUri"))).location!);
  const { state, scope_data, ...rest } = Object.fromEntries(login.searchParams);
  t.is(login.origin + login.pathname, AMAZON.authorizeUrl);
  t.deepEqual(rest, {
    client_id: "client",
    scope: "dash:replenish",
    response_type: "code",
    redirect_uri: callbackUrl(url),
    code_challenge: "challenge",
    code_challenge_method: "S256",
  });
  t.deepEqual(JSON.parse(scope_data!), { "dash:replenish": { device_model: "m", serial: SERIAL } });

  const stranger = new Visitor();
  for (const link of [exit("skipUri"), exit("remindLaterUri"), exit("loginUri")])
    t.is((await stranger.get(link)).location, `${url}${AT}/offer`);
  for (const query of [`code=stolen&state=${state}x`, "code=stolen", `code=stolen&state=`]) {
    const page = await get(`/callback?${query}`);
    t.is(said(page), "This sign-in is none that was begun here.", query);
  }
  t.is((await stranger.get(`${url}/callback?code=c&state=${state}`)).location, `${url}/`);
  t.deepEqual(link.calls, ["offer"]);

  const pairing = await get(`/callback?code=the-code&state=${state}`);
  t.is((await visitor.get(`${url}/callback?code=another&state=${state}`)).location, `${url}/`);
  t.is(title(pairing), "Enter the pairing code");
  const wrong = await visitor.submit(pairing, { pairing: `"><b>` });
  t.is(wrong.status, 400);
  t.true(wrong.text.includes('value="&quot;&gt;&lt;b&gt;"'));
  link.isFull = true;
  t.is(
    said(await visitor.submit(wrong, { pairing: "GOOD" })),
    "The device cannot save it just now. Please try again.",
  );
  link.isFull = false;
  link.isNear = false;
  t.regex(said(await visitor.submit(wrong, { pairing: "GOOD" })) ?? "", /cannot be reached/);
  link.isNear = true;
  t.is(title(await visitor.submit(wrong, { pairing: "GOOD" })), "Suds &amp; &lt;Co&gt; is ready");
  t.is(link.calls.at(-1), `authorize GOOD the-code client ${callbackUrl(url)}`);
  t.is(
    title(await get(`/callback?code=again&state=${state}`)),
    "Suds &amp; &lt;Co&gt;",
    "a state counts once",
  );
  t.is(link.calls.filter((call) => call.startsWith("authorize")).length, 3);
});

test("a device that cannot keep the answer, or is away, does not get ready", async (t) => {
  const one = await scene(t);
  const { visitor, link, url, get } = one;
  const teaser = await offered(one);
  link.isFull = true;
  const page = await visitor.follow(await visitor.get(teaser.searchParams.get("skipUri")!));
  t.is(said(page), "The device cannot save it just now. Please try again.");
  t.is((await visitor.get(`${url}${AT}/ready`)).location, `${url}${AT}/offer`);
  t.is(
    said(await visitor.submit(page, {}, `${url}${AT}/offer`)),
    "The device cannot save it just now. Please try again.",
  );
  link.isNear = false;
  t.regex(said(await visitor.submit(page, {}, `${url}${AT}/offer`)) ?? "", /cannot be reached/);
  t.is(title(await get(`${AT}/ready`)), "Never run out with Suds &amp; &lt;Co&gt;");
});

test("web flow: what the gateway says of the code decides", async (t) => {
  const one = await scene(t, { flow: "web" });
  const { visitor, get, link, asked } = one;
  const answers: [Scene["answer"], RegExp][] = [
    [() => ({ status: 422, body: { error: { code: "refused", message: "" } } }), /Amazon has not taken/],
    [() => ({ status: 503, body: { error: { code: "unavailable", message: "" } } }), /just now/],
    [() => undefined, /just now/],
  ];
  for (const [answer, text] of answers) {
    one.answer = answer;
    const teaser = await offered(one);
    const login = new URL((await visitor.get(teaser.searchParams.get("loginUri")!)).location!);
    t.false(login.searchParams.has("code_challenge"));
    const page = await get(`/callback?code=c&state=${login.searchParams.get("state")}`);
    t.regex(said(page) ?? "", text);
    t.is(link.registration, "abandoned");
  }
  one.answer = () => view();
  const teaser = await offered(one);
  const state = teaser.searchParams.get("loginUri")!.split("state=")[1];
  t.is(title(await get(`/callback?code=c&state=${state}`)), "Suds &amp; &lt;Co&gt; is ready");
  t.is(asked.at(-1), `POST ${DEVICE}/authorization`);
});

test("what is left is what a device that is near says, else what it has reported last", async (t) => {
  const one = await scene(t);
  await ready(one);
  const slot = {
    id: "soap",
    unit: "g",
    percent: 7,
    remaining: 70,
    onHand: 0,
    runOut: null,
    subscribed: true,
  };
  one.answer = () => view({ slots: [slot, { ...slot, id: "foam", percent: null, remaining: null }] });
  one.link.levels = [{ id: "soap", percent: 4, remaining: 40 }];
  const near = await one.get("/");
  t.regex(near.text, /4 % left[\s\S]*40 g[\s\S]*Nothing is reported yet/);
  one.link.isNear = false;
  t.regex((await one.get("/")).text, /7 % left[\s\S]*70 g/);
  one.answer = () => undefined;
  t.regex(said(await one.get("/")) ?? "", /cannot be shown/);
});

test("settings: Amazon's page, or the sign-up, or why not", async (t) => {
  const one = await scene(t);
  const { visitor, get, url } = one;
  await ready(one);
  const open = async () => (await visitor.get(`${url}${DEVICE}/dash`)).location;
  const refuses =
    (status: number, code: string, state: string): Scene["answer"] =>
    (request) =>
      request.includes("settings-link")
        ? { status, body: { error: { code, message: "" } } }
        : view({ registration: { state, failure: "none" } });
  one.answer = () => ({ status: 200, body: { url: "https://drs.example/settings?access_token=x" } });
  t.is(await open(), "https://drs.example/settings?access_token=x");
  const asked = new URL(one.asked.at(-1)!.replace("GET ", ""), url);
  t.is(asked.pathname, `${DEVICE}/settings-link`);
  t.is(asked.searchParams.get("exitUri"), url + DEVICE);
  one.answer = refuses(409, "not-registered", "unregistered");
  t.is(await open(), `${url}${AT}/offer`);
  one.answer = refuses(503, "unavailable", "pending");
  t.is(await open(), `${url}${DEVICE}`);
  t.regex(said(await get("/")) ?? "", /under way/);
  one.answer = () => undefined;
  t.is(await open(), `${url}${DEVICE}`);
  t.regex(said(await get("/")) ?? "", /just now/);
});

test("a removal that nobody takes is said, and can be tried again or given up", async (t) => {
  const one = await scene(t);
  const { visitor, get, url, link } = one;
  await ready(one);
  link.isNear = false;
  const asks = await get(`${DEVICE}/delete`);
  const failed = await visitor.submit(asks, {});
  t.is(title(failed), "Suds &amp; &lt;Co&gt; is not deleted yet");
  t.is(title(await get("/")), "Suds &amp; &lt;Co&gt;", "it is still there");
  link.isNear = true;
  link.isFull = true;
  t.regex(said(await visitor.submit(failed, {}, `${url}${DEVICE}/delete`)) ?? "", /could not be told/);
  link.isFull = false;
  t.is(
    title(await visitor.submit(failed, {}, `${url}${DEVICE}/delete`)),
    "Suds &amp; &lt;Co&gt; is being deleted",
  );
  link.deregistration = "undelivered";
  t.is(title(await get(`${DEVICE}/removal`)), "Suds &amp; &lt;Co&gt; is not deleted yet");
  one.answer = () => ({ status: 202, body: { state: "unregistered" } });
  await visitor.submit(failed, {}, `${url}${DEVICE}/delete`);
  link.deregistration = "undelivered";
  const done = await get(`${DEVICE}/removal`);
  t.is(title(done), "Suds &amp; &lt;Co&gt; is deleted");
  t.regex(said(done) ?? "", /in its place/);
  t.is(one.asked.at(-1), `DELETE ${DEVICE}/registration`);
  t.is(title(await get(DEVICE)), "Your devices");
});

test("notices are in the language that the customer likes best of those there are", (t) => {
  for (const [accepted, locale] of [
    [undefined, "en"],
    ["", "en"],
    ["de", "de"],
    ["es-MX,es;q=0.9", "es"],
    ["fr, de;q=0.4, es;q=0.7", "es"],
    ["DE-AT;q=0.1, en;q=0", "de"],
    ["constructor", "en"],
    ["*", "en"],
  ] as const)
    t.is(localeOf(accepted), locale, accepted);
});
