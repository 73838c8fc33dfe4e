import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";
import {
  type Sandbox,
  type SandboxClock,
  type SandboxDevice,
  type SandboxLogEntry,
  type SandboxOptions,
  startSandbox,
} from "../../../examples/drs-sandbox/index.js";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 86_400_000;

/** 2017-01-02T22:35:53.250Z */
export const START = Date.UTC(2017, 0, 2, 22, 35, 53, 250);

interface Entry {
  readonly time: number;
  readonly task: () => Promise<void> | void;
}

/** A clock that moves only when told to, and waits for every task on the way. */
export class ManualClock implements SandboxClock {
  #now = START;
  #entries: Entry[] = [];

  now(): number {
    return this.#now;
  }

  at(time: number, task: () => Promise<void> | void): { cancel(): void } {
    const entry = { time, task };
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((each) => each !== entry);
      },
    };
  }

  /** Entries that have not run. */
  get pending(): number {
    return this.#entries.length;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#entries.reduce<Entry | undefined>(
        (first, each) => (each.time <= end && (first === undefined || each.time < first.time) ? each : first),
        undefined,
      );
      if (next === undefined) break;
      this.#entries = this.#entries.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.time);
      await next.task();
    }
    this.#now = end;
  }
}

export interface Received {
  /** The manual clock's UTC ms. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A maker's notification endpoint on a real socket. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Statuses of the next answers; 200 once they are used up. "never" leaves the request open. */
  readonly answers: (number | "never" | Promise<number>)[];
}

export async function startReceiver(t: ExecutionContext, clock: SandboxClock): Promise<Receiver> {
  const received: Received[] = [];
  const answers: (number | "never" | Promise<number>)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const { method = "", url: path = "", headers } = request;
      const body = Buffer.concat(chunks).toString("utf8");
      received.push({ at: clock.now(), method, path, headers, body });
      const answer = await (answers.shift() ?? 200);
      if (answer !== "never") response.writeHead(answer, { Location: "/elsewhere" }).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sns`, received, answers };
}

/** A URL nothing listens at: its port was free a moment ago. */
export async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return `http://127.0.0.1:${port}/`;
}

export const TOKEN = "Atza|dispenser";
export const OTHER_TOKEN = "Atza|printer";

/** Made once: it takes a moment. */
export const SIGNING_KEY = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey;

/** Two devices: a dispenser with a subscribed and an unsubscribed slot, and a printer. */
export function household(notificationUrl: string): SandboxDevice[] {
  return [
    {
      serial: "D-1",
      model: "dispenser+v2",
      accessToken: TOKEN,
      customerId: "amzn1.account.ADA",
      notificationUrl,
      slots: [
        { id: "soap", asin: "B000SOAP", unit: "count", quantity: 2, subscribed: true },
        { id: "foam", asin: "B000FOAM", unit: "ounces", quantity: 33.8, subscribed: false },
      ],
    },
    {
      serial: "P-1",
      model: "printer",
      accessToken: OTHER_TOKEN,
      notificationUrl,
      slots: [{ id: "ink", asin: "B0000INK", unit: "count", quantity: 1, subscribed: true }],
    },
  ];
}

export interface Setup {
  readonly clock: ManualClock;
  readonly receiver: Receiver;
  readonly sandbox: Sandbox;
  readonly log: SandboxLogEntry[];
  /** Calls the service with everything right, apart from what `change` says. */
  call(operation: Operation, change?: Change): Promise<Response>;
}

export async function start(t: ExecutionContext, options: Partial<SandboxOptions> = {}): Promise<Setup> {
  const clock = new ManualClock();
  const receiver = await startReceiver(t, clock);
  const log: SandboxLogEntry[] = [];
  const sandbox = await startSandbox({
    clock,
    devices: household(receiver.url),
    signingKey: SIGNING_KEY,
    log: (entry) => log.push(entry),
    ...options,
  });
  t.teardown(() => sandbox.close());
  return {
    clock,
    receiver,
    sandbox,
    log,
    call: (operation, change = {}) => callService(sandbox.url, operation, change),
  };
}

export type Operation = keyof typeof CALLS;

export interface Change {
  path?: string;
  method?: string;
  token?: string | undefined;
  /** Replaces headers; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  body?: string;
}

const TYPES = "com.amazon.dash.replenishment.Drs";

export const STATUS_BODY = {
  expectedReplenishmentDate: "2017-01-20T00:00:00Z",
  remainingQuantityInUnit: 3.5,
  originalQuantityInUnit: 10,
  totalQuantityOnHand: 20,
  lastUseDate: "2017-01-02T22:00:00Z",
};

/** Correct calls, spelled out here on their own so that the sandbox's table is checked and not copied. */
export const CALLS = {
  Replenish: {
    method: "POST",
    path: "/replenish/soap",
    input: `${TYPES}ReplenishInput@1.0`,
    result: `${TYPES}ReplenishResult@1.0`,
    body: undefined,
  },
  SlotStatus: {
    method: "POST",
    path: "/slotStatus/soap",
    input: `${TYPES}SlotStatusInput@1.0`,
    result: `${TYPES}SlotStatusResult@1.0`,
    body: JSON.stringify(STATUS_BODY),
  },
  DeviceStatus: {
    method: "POST",
    path: "/deviceStatus",
    input: `${TYPES}DeviceStatusInput@1.0`,
    result: `${TYPES}DeviceStatusResult@1.0`,
    body: JSON.stringify({ mostRecentlyActiveDate: "2017-01-02T22:00:00Z" }),
  },
  SubscriptionInfo: {
    method: "GET",
    path: "/subscriptionInfo",
    input: `${TYPES}SubscriptionInfoInput@1.0`,
    result: `${TYPES}SubscriptionInfoResult@2.0`,
    body: undefined,
  },
  GetOrderInfo: {
    method: "GET",
    path: "/getOrderInfo/unknown",
    input: `${TYPES}OrderInfoInput@1.0`,
    result: `${TYPES}OrderInfoResult@1.0`,
    body: undefined,
  },
  Deregistration: {
    method: "DELETE",
    path: "/registration",
    input: `${TYPES}DeregisterInput@2.0`,
    result: `${TYPES}DeregisterResult@1.0`,
    body: undefined,
  },
} as const;

export const SUBSCRIPTION_V1 = `${TYPES}SubscriptionInfoResult@1.0`;

export function callService(url: string, operation: Operation, change: Change = {}): Promise<Response> {
  const right = CALLS[operation];
  const token = "token" in change ? change.token : `Bearer ${TOKEN}`;
  const headers = new Headers();
  const wanted = {
    authorization: token,
    "x-amzn-type-version": right.input,
    "x-amzn-accept-type": right.result,
    "content-type": "application/json",
    ...change.headers,
  };
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) headers.set(name, value);
  const body = change.body ?? right.body;
  return fetch(url + (change.path ?? right.path), {
    method: change.method ?? right.method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

/** Asserts an error answer: status, exact message and exception name. */
export async function isRefused(
  t: ExecutionContext,
  response: Response,
  expected: { status: number; message: string; exception: string },
): Promise<void> {
  t.deepEqual(await response.json(), { message: expected.message });
  t.is(response.status, expected.status);
  t.is(response.headers.get("content-type"), "application/json");
  t.is(
    response.headers.get("x-amzn-errortype"),
    `${expected.exception}:http://internal.amazon.com/coral/com.amazon.parkeraccioservice/`,
  );
  t.is(response.headers.get("x-amzn-type-version"), null, "an error repeats no result type");
  t.regex(response.headers.get("x-amzn-requestid") ?? "", UUID);
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
