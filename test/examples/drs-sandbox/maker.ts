import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";
import {
  type Sandbox,
  type SandboxLwa,
  type SandboxModel,
  type SandboxOptions,
  startSandbox,
} from "../../../examples/drs-sandbox/index.js";
import { ManualClock, type Receiver, SIGNING_KEY, startReceiver } from "./support.js";

/** A maker as the reference describes it: a client, a model with two slots, an app to come back to. */
export const CLIENT_ID = "amzn1.application-oa2-client.0123456789abcdef0123456789abcdef";
export const CLIENT_SECRET = "secret";
export const MODEL = "dispenser-2";
export const SERIAL = "G030XX0000000001";
export const COMPOSITE_ID = "amzn1.dash.v1.composite.01234567-89ab-4def-8123-456789abcdef";

export const DISPENSER: SandboxModel = {
  id: MODEL,
  name: "Suds",
  compositeId: COMPOSITE_ID,
  slots: [
    {
      id: "soap",
      name: "Hand soap",
      products: [
        { asin: "B000SOAP01", title: "Lemon soap", unit: "count", quantity: 2, price: "$9.99" },
        { asin: "B000SOAP02", title: "Pine soap", unit: "count", quantity: 4 },
      ],
    },
    {
      id: "foam",
      name: "Foam",
      products: [{ asin: "B000FOAM01", title: "Rose foam", unit: "ounces", quantity: 33.8 }],
    },
  ],
};

export interface Maker {
  readonly clock: ManualClock;
  readonly sandbox: Sandbox;
  readonly receiver: Receiver;
  /** The app, which answers every path with "app" and the path. */
  readonly app: string;
  /** Of the app, an Allowed Return URL. */
  readonly returnUrl: string;
  /** What was announced, the oldest first: type and the rest of the message. */
  news(): { readonly type: string; readonly message: Record<string, unknown>; readonly version: unknown }[];
}

export async function startMaker(
  t: ExecutionContext,
  options: Partial<SandboxOptions> = {},
  lwa: Partial<SandboxLwa> = {},
): Promise<Maker> {
  const clock = new ManualClock();
  const receiver = await startReceiver(t, clock);
  const server = createServer((request, response) => {
    response
      .setHeader("Content-Type", "text/html")
      .end(`<title>app</title><h1>app ${new URL(request.url!, "http://a").pathname}</h1>`);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const app = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const returnUrl = `${app}/callback`;
  const sandbox = await startSandbox({
    clock,
    devices: [],
    models: [{ ...DISPENSER, notificationUrl: receiver.url }],
    customers: [
      { id: "amzn1.account.ADA", name: "Ada" },
      { id: "amzn1.account.BEN", name: "Ben" },
    ],
    lwa: {
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      name: "Suds App",
      returnUrls: [returnUrl],
      ...lwa,
    },
    signingKey: SIGNING_KEY,
    ...options,
  });
  t.teardown(() => sandbox.close());
  const news: Maker["news"] = () =>
    receiver.received.map(({ body }) => {
      const envelope = JSON.parse(body) as { Message: string; MessageAttributes?: unknown };
      const message = JSON.parse(envelope.Message) as Record<string, Record<string, unknown>>;
      const type = String(message.notificationInfo?.notificationType);
      return { type, message, version: envelope.MessageAttributes };
    });
  return { clock, sandbox, receiver, app, returnUrl, news };
}

export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

/** Query of a right authorization, apart from what `change` says; "" leaves a parameter out. */
export function authorizeUrl(
  { sandbox, returnUrl }: Pick<Maker, "sandbox" | "returnUrl">,
  change: Readonly<Record<string, string>> = {},
  scope: Readonly<Record<string, unknown>> = {},
): string {
  const query = {
    client_id: CLIENT_ID,
    scope: "dash:replenish",
    scope_data: JSON.stringify({ "dash:replenish": { device_model: MODEL, serial: SERIAL, ...scope } }),
    response_type: "code",
    redirect_uri: returnUrl,
    state: "a state & more",
    ...change,
  };
  return `${sandbox.url}/ap/oa?${new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""))}`;
}

/** A browser without a screen: keeps cookies, follows no redirect by itself. */
export class Visitor {
  readonly #cookies = new Map<string, string>();

  async get(url: string): Promise<Visited> {
    return this.#visit(url, { method: "GET" });
  }

  async post(url: string, fields: Readonly<Record<string, string>>): Promise<Visited> {
    return this.#visit(url, { method: "POST", body: new URLSearchParams(fields) });
  }

  /** Goes where redirects lead, as long as that is on the same server. */
  async follow(visited: Visited): Promise<Visited> {
    while (visited.location?.startsWith(new URL(visited.url).origin))
      visited = await this.get(visited.location);
    return visited;
  }

  /** Sends a page's form with what else a customer puts into it. */
  async submit(page: Visited, fields: Readonly<Record<string, string>>, action = page.url): Promise<Visited> {
    const token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    return this.follow(await this.post(action, { form_token: token, ...fields }));
  }

  async #visit(url: string, init: RequestInit): Promise<Visited> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { cookie } });
    for (const each of response.headers.getSetCookie()) {
      const [name = "", value = ""] = each.split(";", 1)[0]!.split("=");
      this.#cookies.set(name, value);
    }
    const location = response.headers.get("location");
    return {
      url,
      status: response.status,
      headers: response.headers,
      location: location === null ? undefined : new URL(location, url).href,
      text: await response.text(),
    };
  }
}

export interface Visited {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly location: string | undefined;
  readonly text: string;
}

/** What the customer of a login does. */
export interface LoginChoice {
  readonly customer?: string;
  /** Asin by the place of its slot; "" for nothing. */
  readonly products?: readonly string[];
  readonly change?: Readonly<Record<string, string>>;
  readonly scope?: Readonly<Record<string, unknown>>;
}

/** Goes through a whole login. @returns where the app is reached, with its code */
export async function login(maker: Maker, choice: LoginChoice = {}, visitor = new Visitor()): Promise<URL> {
  const { customer = "amzn1.account.ADA", products = ["B000SOAP01", ""], change, scope } = choice;
  let page = await visitor.follow(await visitor.get(authorizeUrl(maker, change, scope)));
  if (page.url.endsWith("/sign-in")) page = await visitor.submit(page, { customer });
  page = await visitor.submit(page, { action: "agree" });
  page = await visitor.submit(
    page,
    Object.fromEntries(products.map((asin, index) => [`slot-${index}`, asin])),
  );
  const done = await visitor.submit(page, { action: "confirm", address: "0", payment: "0" });
  return new URL(done.location ?? done.url);
}

export function token(
  maker: Pick<Maker, "sandbox">,
  fields: Readonly<Record<string, string>>,
): Promise<Response> {
  const kept = Object.entries(fields).filter(([, value]) => value !== "");
  return fetch(`${maker.sandbox.url}/auth/o2/token`, { method: "POST", body: new URLSearchParams(kept) });
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
}

/** A whole login and the tokens it brings. */
export async function loginTokens(maker: Maker, choice?: LoginChoice, visitor?: Visitor): Promise<Tokens> {
  const code = (await login(maker, choice, visitor)).searchParams.get("code") ?? "";
  const response = await token(maker, {
    grant_type: "authorization_code",
    code,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    redirect_uri: maker.returnUrl,
  });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Tokens;
}
