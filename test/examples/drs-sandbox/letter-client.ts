/**
 * A client of the Dash Replenishment Service written from Amazon's public documentation, to the letter of it and to no
 * more: it shares no code with the gateway's client nor with the sandbox, so that what these two have both got wrong
 * shows.
 */
import { createHash, verify, X509Certificate } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** Answer of the service or of the token endpoint, as it came. */
export interface Answer {
  status: number;
  /** Reason phrase of the status line. */
  reason: string;
  headers: Headers;
  text: string;
}

const read = async (response: Response): Promise<Answer> => ({
  status: response.status,
  reason: response.statusText,
  headers: response.headers,
  text: await response.text(),
});

/** The answer's body, which is JSON by its type, too. @throws Error */
export const jsonOf = <T>(answer: Answer): T => {
  const type = answer.headers.get("content-type") ?? "none";
  if (!/^application\/json\b/.test(type)) throw new Error(`JSON expected, not ${type}: ${answer.text}`);
  return JSON.parse(answer.text) as T;
};

/* Customer's browser: cookies, redirects, links and forms. */

interface Tag {
  name: string;
  attributes: Map<string, string>;
  /** Where it ends in the page. */
  end: number;
  closes: boolean;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

const unescapeHtml = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return ENTITIES[name ?? ""] ?? whole;
    },
  );

const textOf = (html: string): string =>
  unescapeHtml(html.replace(/<(style|script)\b.*?<\/\1>|<[^>]*>/gs, " "))
    .replace(/\s+/g, " ")
    .trim();

const tagsOf = (html: string): Tag[] =>
  [...html.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi)].map((match) => ({
    name: match[2]!.toLowerCase(),
    closes: match[1] === "/",
    end: match.index + match[0].length,
    attributes: new Map(
      [...match[3]!.matchAll(/([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)].map(
        ([, name, double, single, bare]) => [
          name!.toLowerCase(),
          unescapeHtml(double ?? single ?? bare ?? ""),
        ],
      ),
    ),
  }));

interface Field {
  name: string;
  value: string;
  type: string;
  /** Whether it is sent unless somebody chooses otherwise. */
  isOn: boolean;
}

interface Button {
  text: string;
  name: string | undefined;
  value: string;
}

export interface Form {
  method: string;
  action: string;
  fields: Field[];
  buttons: Button[];
}

export interface Page {
  url: string;
  status: number;
  headers: Headers;
  html: string;
  /** What can be read on it. */
  text: string;
  forms: Form[];
  links: { text: string; href: string }[];
}

const parsePage = (url: string, status: number, headers: Headers, html: string): Page => {
  const forms: Form[] = [];
  const links: Page["links"] = [];
  let form: Form | undefined;
  let select: { name: string; options: Field[] } | undefined;
  for (const tag of tagsOf(html)) {
    const get = (name: string): string | undefined => tag.attributes.get(name);
    const inner = (): string => textOf(html.slice(tag.end, html.indexOf(`</${tag.name}`, tag.end)));
    if (tag.closes) {
      if (tag.name === "form") form = undefined;
      if (tag.name === "select" && select !== undefined) {
        if (!select.options.some((option) => option.isOn) && select.options[0]) select.options[0].isOn = true;
        form?.fields.push(...select.options);
        select = undefined;
      }
    } else if (tag.name === "form") {
      form = {
        method: (get("method") ?? "get").toUpperCase(),
        action: new URL(get("action") ?? "", url).href,
        fields: [],
        buttons: [],
      };
      forms.push(form);
    } else if (tag.name === "a" && get("href") !== undefined) {
      links.push({ text: inner(), href: new URL(get("href")!, url).href });
    } else if (form === undefined || get("disabled") !== undefined) {
      // not to be sent
    } else if (tag.name === "button") {
      if ((get("type") ?? "submit") === "submit")
        form.buttons.push({ text: inner(), name: get("name"), value: get("value") ?? "" });
    } else if (tag.name === "input") {
      const type = get("type") ?? "text";
      const isChoice = type === "radio" || type === "checkbox";
      if (type === "submit")
        form.buttons.push({ text: get("value") ?? "", name: get("name"), value: get("value") ?? "" });
      else if (get("name") !== undefined)
        form.fields.push({
          name: get("name")!,
          value: get("value") ?? (isChoice ? "on" : ""),
          type,
          isOn: !isChoice || get("checked") !== undefined,
        });
    } else if (tag.name === "select") {
      select = { name: get("name") ?? "", options: [] };
    } else if (tag.name === "option" && select !== undefined) {
      select.options.push({
        name: select.name,
        value: get("value") ?? inner(),
        type: "option",
        isOn: get("selected") !== undefined,
      });
    }
  }
  return { url, status, headers, html, text: textOf(html), forms, links };
};

/** Follows redirects below `origin`, and gives back the first that leads out of it: there the maker's app takes over. */
export class Browser {
  readonly #cookies = new Map<string, string>();
  readonly #origin: string;

  constructor(service: string) {
    this.#origin = new URL(service).origin;
  }

  async open(
    address: string,
    init: { method?: string; body?: URLSearchParams; from?: string } = {},
  ): Promise<Page | URL> {
    const url = new URL(address);
    if (url.origin !== this.#origin) return url;
    const method = init.method ?? "GET";
    const response = await fetch(url, {
      method,
      redirect: "manual",
      headers: {
        accept: "text/html",
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(method === "POST" ? { origin: this.#origin } : {}),
        ...(init.from === undefined ? {} : { referer: init.from }),
      },
      ...(init.body === undefined ? {} : { body: init.body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      this.#cookies.set(name!, value!);
    }
    const location = response.headers.get("location");
    const html = await response.text();
    if (response.status >= 300 && response.status < 400 && location !== null)
      return this.open(new URL(location, url).href, { from: url.href });
    return parsePage(url.href, response.status, response.headers, html);
  }

  /**
   * Presses the first button or link whose text matches. Of the choices of its form those in `picks` are taken, by their
   * value; of the others what the page says.
   */
  async press(page: Page, text: RegExp, picks: readonly string[] = []): Promise<Page | URL> {
    for (const form of page.forms)
      for (const button of form.buttons)
        if (text.test(button.text)) return this.#submit(page, form, button, picks);
    const link = page.links.find((each) => text.test(each.text));
    if (link) return this.open(link.href, { from: page.url });
    throw new Error(`no button ${text} on ${page.url}: ${page.text}`);
  }

  #submit(page: Page, form: Form, button: Button, picks: readonly string[]): Promise<Page | URL> {
    const isPicked = ({ type, value }: Field): boolean =>
      (type === "radio" || type === "option") && picks.includes(value);
    const picked = new Set(form.fields.filter(isPicked).map(({ name }) => name));
    const body = new URLSearchParams();
    for (const field of form.fields)
      if (picked.has(field.name) ? isPicked(field) : field.isOn) body.append(field.name, field.value);
    if (button.name !== undefined) body.append(button.name, button.value);
    if (form.method === "POST") return this.open(form.action, { method: "POST", body, from: page.url });
    const url = new URL(form.action);
    url.search = body.toString();
    return this.open(url.href, { from: page.url });
  }
}

/* Login with Amazon. */

export interface Registration {
  device_model: string;
  serial: string;
  is_test_device?: boolean | string;
  should_include_non_live?: boolean | string;
}

/** Parameters of the authorization request. What is given in `extra` comes in the place of what is documented. */
export const authorizeUrl = (
  service: string,
  options: {
    clientId: string;
    redirectUri: string;
    registration: Registration;
    state?: string;
    challenge?: { code_challenge: string; code_challenge_method?: "S256" | "plain" };
    extra?: Readonly<Record<string, string | undefined>>;
  },
): string => {
  const url = new URL("/ap/oa", service);
  const parameters: Record<string, string | undefined> = {
    client_id: options.clientId,
    scope: "dash:replenish",
    scope_data: JSON.stringify({ "dash:replenish": options.registration }),
    response_type: "code",
    redirect_uri: options.redirectUri,
    state: options.state,
    ...options.challenge,
    ...options.extra,
  };
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
};

/** What a challenge of method S256 is of its verifier. */
export const challengeOf = (verifier: string): string =>
  createHash("sha256").update(verifier).digest("base64url");

export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
}

/** POST of a form to the token endpoint. */
export const postToken = async (
  service: string,
  form: Readonly<Record<string, string>>,
  {
    path = "/auth/o2/token",
    headers = {},
  }: { path?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> =>
  read(await fetch(new URL(path, service), { method: "POST", headers, body: new URLSearchParams(form) }));

/* Service. */

export interface SlotStatus {
  expectedReplenishmentDate: string;
  remainingQuantityInUnit: number;
  originalQuantityInUnit: number;
  totalQuantityOnHand?: number;
  lastUseDate: string;
}

const TYPES = "com.amazon.dash.replenishment.";

export class LetterClient {
  readonly #service: string;
  readonly #accessToken: string;

  constructor(service: string, accessToken: string) {
    this.#service = service;
    this.#accessToken = accessToken;
  }

  replenish(slotId: string): Promise<Answer> {
    return this.call("POST", `/replenish/${slotId}`, "DrsReplenishInput@1.0", "DrsReplenishResult@1.0");
  }

  slotStatus(slotId: string, body: SlotStatus | object): Promise<Answer> {
    return this.call(
      "POST",
      `/slotStatus/${slotId}`,
      "DrsSlotStatusInput@1.0",
      "DrsSlotStatusResult@1.0",
      body,
    );
  }

  deviceStatus(body: { mostRecentlyActiveDate: string } | object): Promise<Answer> {
    return this.call("POST", "/deviceStatus", "DrsDeviceStatusInput@1.0", "DrsDeviceStatusResult@1.0", body);
  }

  subscriptionInfo(version: 1 | 2): Promise<Answer> {
    return this.call(
      "GET",
      "/subscriptionInfo",
      "DrsSubscriptionInfoInput@1.0",
      `DrsSubscriptionInfoResult@${version}.0`,
    );
  }

  orderInfo(eventInstanceId: string): Promise<Answer> {
    return this.call(
      "GET",
      `/getOrderInfo/${eventInstanceId}`,
      "DrsOrderInfoInput@1.0",
      "DrsOrderInfoResult@1.0",
    );
  }

  deregister(): Promise<Answer> {
    return this.call("DELETE", "/registration", "DrsDeregisterInput@2.0", "DrsDeregisterResult@1.0");
  }

  /** Version 1, which names the device. */
  deregisterDevice(model: string, serial: string): Promise<Answer> {
    const path = `/deviceModels/${model}/devices/${serial}/registration`;
    return this.call("DELETE", path, "DrsDeregisterInput@1.0", "DrsDeregisterResult@1.0");
  }

  /** Of one slot, or of all. */
  cancelTestOrder(slotId?: string): Promise<Answer> {
    const path = slotId === undefined ? "/testOrders" : `/testOrders/slots/${slotId}`;
    return this.call("DELETE", path, "DrsCancelTestOrdersInput@1.0", "DrsCancelTestOrdersResult@1.0");
  }

  /** A call with any headers; absent ones are left out. */
  async call(
    method: string,
    path: string,
    input: string | undefined,
    result: string | undefined,
    body?: object | string,
  ): Promise<Answer> {
    return read(
      await fetch(new URL(path, this.#service), {
        method,
        redirect: "manual",
        headers: {
          ...(this.#accessToken === "" ? {} : { Authorization: `Bearer ${this.#accessToken}` }),
          ...(input === undefined ? {} : { "x-amzn-type-version": TYPES + input }),
          ...(result === undefined ? {} : { "x-amzn-accept-type": TYPES + result }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  }
}

/* The maker's endpoint of its SNS topic. */

export interface SnsMessage {
  Type: "SubscriptionConfirmation" | "Notification" | "UnsubscribeConfirmation";
  MessageId: string;
  Token?: string;
  TopicArn: string;
  Subject?: string;
  Message: string;
  SubscribeURL?: string;
  Timestamp: string;
  SignatureVersion: string;
  Signature: string;
  SigningCertURL: string;
  UnsubscribeURL?: string;
  MessageAttributes?: Record<string, { Type: string; Value: string }>;
}

export interface Received {
  headers: IncomingHttpHeaders;
  method: string;
  message: SnsMessage;
}

const SIGNED = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: [
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
  ],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
} as const;

const HASHES: Readonly<Record<string, string>> = { "1": "RSA-SHA1", "2": "RSA-SHA256" };

/** @throws Error saying what is wrong with the message's signature */
export const verifySignature = async (message: SnsMessage, trusted: string): Promise<void> => {
  if (new URL(message.SigningCertURL).origin !== new URL(trusted).origin)
    throw new Error(`certificate from elsewhere: ${message.SigningCertURL}`);
  const hash = HASHES[message.SignatureVersion];
  if (hash === undefined) throw new Error(`signature of version ${message.SignatureVersion}`);
  const lines = SIGNED[message.Type].map((key) =>
    message[key] === undefined && key === "Subject" ? "" : `${key}\n${message[key]}\n`,
  );
  const certificate = new X509Certificate(await (await fetch(message.SigningCertURL)).text());
  if (
    !verify(
      hash,
      Buffer.from(lines.join("")),
      certificate.publicKey,
      Buffer.from(message.Signature, "base64"),
    )
  )
    throw new Error(`signature of ${message.MessageId} is not good`);
};

export interface ReceiverOptions {
  /** Whether subscriptions are confirmed; default true. */
  confirms?: boolean;
}

/** Takes what SNS posts, verifies it and confirms subscriptions as the documentation of SNS says. */
export class Receiver {
  readonly received: Received[] = [];
  /** What was not as it should be. */
  readonly failures: string[] = [];
  /** Answers of the subscription's address. */
  readonly confirmations: Answer[] = [];
  /** Address of certificates and subscriptions; to be set once it is known. */
  trusted = "";
  readonly #server;
  readonly #confirms: boolean;

  private constructor({ confirms = true }: ReceiverOptions) {
    this.#confirms = confirms;
    this.#server = createServer(async (request, response) => {
      try {
        let body = "";
        for await (const chunk of request.setEncoding("utf8")) body += chunk;
        const message = JSON.parse(body) as SnsMessage;
        this.received.push({ headers: request.headers, method: request.method ?? "", message });
        await verifySignature(message, this.trusted);
        if (message.Type === "SubscriptionConfirmation" && this.#confirms)
          this.confirmations.push(await this.#confirm(message));
      } catch (error) {
        this.failures.push(String(error));
      }
      response.writeHead(200).end();
    });
  }

  static async start(options: ReceiverOptions = {}): Promise<Receiver> {
    const receiver = new Receiver(options);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/sns`;
  }

  /** DRS's notifications, in their order; of one type. */
  notifications<T = Record<string, unknown>>(type?: string): T[] {
    return this.received
      .filter(({ message }) => message.Type === "Notification")
      .map(({ message }) => JSON.parse(message.Message))
      .filter(
        (notification) => type === undefined || notification.notificationInfo?.notificationType === type,
      );
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #confirm({ SubscribeURL = "" }: SnsMessage): Promise<Answer> {
    if (new URL(SubscribeURL).origin !== new URL(this.trusted).origin)
      throw new Error(`subscription at another address: ${SubscribeURL}`);
    return read(await fetch(SubscribeURL));
  }
}
