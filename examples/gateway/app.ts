import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { settingsLink } from "everfull/settings-link";
import type { Database, OrderRow, StatusRow } from "./database.js";
import { bodyOf, Endpoint } from "./endpoint.js";
import { GatewayError, reason } from "./errors.js";
import { member, parse, text } from "./json.js";
import type { Log } from "./log.js";
import { noticesOf } from "./notices.js";
import type { GatewayDevice, GatewaySlot } from "./options.js";
import type { Redeemer } from "./redeemer.js";
import type { Registrations } from "./registrations.js";
import type { CallAnswer, Service } from "./service.js";
import type { Authorized } from "./tokens.js";

/** Where the customer changes what is replenished. */
export const SETTINGS_URL = "https://drs-web.amazon.com/settings";

const MOST_BYTES = 16 * 1024;
/** Longest wait for a request that is under way when the endpoint closes, in milliseconds. */
const CLOSE_MS = 1_000;
const DAY_MS = 86_400_000;
/** A URI with its scheme, and none that is run where it is opened. */
const EXIT_URI = /^(?!(?:javascript|data):)[a-z][a-z0-9+.-]*:./i;
/** States of an order in which something is still to come of it. */
const OPEN: readonly string[] = ["intended", "accepted", "resolution", "placed", "shipped", "unknown"];

/** What is answered when something is not as it should be. */
export type AppErrorCode =
  | "unauthorized" // the bearer token is not the app's
  | "not-found"
  | "method"
  | "unknown-device"
  | "invalid" // a field of the request, named
  | "too-large"
  | "not-registered" // there is no token for a settings link
  | "refused" // Login with Amazon does not take the code
  | "unavailable" // not set up, or no answer for the moment
  | "failed"; // a fault of the gateway, see its log

const STATUSES: Readonly<Record<AppErrorCode, number>> = Object.freeze({
  unauthorized: 401,
  "not-found": 404,
  method: 405,
  "unknown-device": 404,
  invalid: 400,
  "too-large": 413,
  "not-registered": 409,
  refused: 422,
  unavailable: 503,
  failed: 500,
});

class AppError extends Error {
  override name = "AppError";
  readonly code: AppErrorCode;

  constructor(code: AppErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A device as the app shows it. Quantities in the slot's unit. */
export interface AppDevice {
  readonly serial: string;
  readonly model: string;
  readonly registration: {
    /** `unknown`: nothing was ever heard of one. */
    readonly state: "unknown" | "registered" | "pending" | "unregistered";
    /** Of the last authorization; of a `registered` device, `unavailable`: no call can be made for it before the gateway's set-up is put right. */
    readonly failure: string;
  };
  readonly slots: readonly AppSlot[];
  readonly notices: readonly { readonly notice: string; readonly slot: string }[];
}

export interface AppSlot {
  readonly id: string;
  readonly unit: string;
  readonly capacity: number;
  /** Null, here and below: not reported yet. */
  readonly remaining: number | null;
  /** Of the capacity, 0 to 100. */
  readonly percent: number | null;
  readonly onHand: number | null;
  /** Median of the run-out, `YYYY-MM-DD` at the customer's place. */
  readonly runOut: string | null;
  /** Day of the report. */
  readonly day: string | null;
  /** Null: not known. */
  readonly subscribed: boolean | null;
  /** The newest order, as long as something is still to come of it. */
  readonly order: { readonly cycle: number; readonly state: string; readonly delivery: string | null } | null;
}

export interface AppOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** What the app's backend shows as a bearer token. */
  readonly token: string;
  readonly settingsUrl: string;
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly database: Database;
  readonly redeemer: Pick<Redeemer, "redeemWeb">;
  readonly registrations: Pick<Registrations, "deregister">;
  /** What a device is with. */
  readonly serviceOf: (device: GatewayDevice) => Pick<Service, "name">;
  /** Makes a call with a good access token of a device. Undefined: another gateway makes its calls at the moment. */
  readonly withToken: <Value>(
    device: GatewayDevice,
    make: (token: string) => Promise<CallAnswer<Value>>,
  ) => Promise<Authorized<Value> | undefined>;
  /** Makes the calls that are due for a device. Never rejects. */
  readonly drain: (serial: string) => Promise<void>;
  readonly wake: () => Promise<void>;
  readonly log: Log;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What the backend of the maker's app asks over HTTP. It is not for browsers: who has the token may see and end every registration. */
export class App extends Endpoint {
  readonly #options: AppOptions;
  readonly #token: Buffer;

  constructor(options: AppOptions) {
    const { host, port } = options;
    super({
      name: "app",
      host,
      port,
      patience: CLOSE_MS,
      handle: (request, response) => {
        this.#answer(request).then(
          ({ status, body }) => {
            response.writeHead(status, {
              "content-type": "application/json",
              "cache-control": "no-store",
              connection: "close",
            });
            response.end(`${JSON.stringify(body)}\n`);
          },
          () => response.destroy(),
        );
      },
    });
    this.#options = options;
    this.#token = digest(options.token);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    try {
      return await this.#route(request);
    } catch (error) {
      const code = codeOf(error);
      if (code === "failed")
        this.#options.log({ level: "error", event: "app-failed", message: reason(error) });
      const message = code === "failed" ? "the gateway's log says why" : reason(error);
      return { status: STATUSES[code], body: { error: { code, message } } };
    }
  }

  async #route(request: IncomingMessage): Promise<Answer> {
    const { devices } = this.#options;
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    // Of equal length, and compared in equal time.
    if (!timingSafeEqual(digest(given), this.#token))
      throw new AppError("unauthorized", "authorization: the app's bearer token is accepted");
    const url = new URL(request.url ?? "/", "http://gateway");
    const [, root, name, what, ...more] = url.pathname.split("/");
    if (root !== "devices" || !name || more.length > 0)
      throw new AppError("not-found", "/devices/<serial> and what is below it are here");
    const device = devices.get(decoded(name));
    if (!device) throw new AppError("unknown-device", "serial: no device is registered under it");
    const { method = "" } = request;
    switch (what) {
      case undefined:
        return only(method, "GET") ?? { status: 200, body: await this.#device(device) };
      case "authorization":
        return only(method, "POST") ?? this.#authorize(device, await body(request));
      case "registration":
        return only(method, "DELETE") ?? this.#deregister(device);
      case "settings-link":
        return only(method, "GET") ?? this.#settingsLink(device, url.searchParams.get("exitUri"));
      default:
        throw new AppError("not-found", "authorization, registration and settings-link are below a device");
    }
  }

  async #device(device: GatewayDevice): Promise<AppDevice> {
    const { direct } = this.#options.database;
    const { serial, model } = device;
    const row = await direct.registrations.of(serial);
    const statuses = await direct.statuses(serial);
    const orders = await direct.orders(serial);
    const subscribed = device.slots.map((_, index) => {
      if (!row) return null;
      return row.state === "registered" && (row.subscribed >> index) % 2 === 1;
    });
    const slots = device.slots.map((slot, index) => {
      const status = statuses.find((each) => each.slot === index);
      const order = orders.findLast((each) => each.slot === index);
      return appSlot(slot, status, order, subscribed[index] ?? null);
    });
    return {
      serial,
      model,
      registration: { state: row?.state ?? "unknown", failure: row?.failure ?? "none" },
      slots,
      notices: noticesOf(device, orders, {
        registeredAt: await direct.grants.registeredAt(serial),
        subscribed,
        full: await direct.full(serial),
      }),
    };
  }

  async #authorize(device: GatewayDevice, request: unknown): Promise<Answer> {
    if (this.#options.serviceOf(device).name !== "drs")
      throw new AppError("unavailable", "the device is with Alexa: its skill's account linking registers it");
    const code = field(request, "code");
    const redirectUri = field(request, "redirectUri");
    const isGiven = member(request, "codeVerifier") !== undefined;
    const verifier = isGiven ? { codeVerifier: field(request, "codeVerifier") } : {};
    await this.#options.redeemer.redeemWeb(device, { code, redirectUri, ...verifier });
    // Which slots are subscribed is part of the answer, if DRS tells it at once.
    await this.#options.wake();
    await this.#options.drain(device.serial);
    return { status: 200, body: await this.#device(device) };
  }

  async #deregister({ serial }: GatewayDevice): Promise<Answer> {
    await this.#options.registrations.deregister(serial);
    return { status: 202, body: { state: "unregistered" } };
  }

  async #settingsLink(device: GatewayDevice, exitUri: string | null): Promise<Answer> {
    const { serviceOf, settingsUrl, withToken } = this.#options;
    if (exitUri !== null && !EXIT_URI.test(exitUri))
      throw new AppError(
        "invalid",
        `exitUri: a URI with its scheme, not javascript: or data:, is accepted (got ${exitUri})`,
      );
    if (serviceOf(device).name !== "drs")
      throw new AppError("not-registered", "the device is with Alexa, and has no settings page there");
    const answer = await withToken(device, async (accessToken) => ({
      kind: "done",
      value: settingsLink({ base: settingsUrl, accessToken, ...(exitUri !== null && { exitUri }) }),
    }));
    if (!answer) throw new AppError("unavailable", "another gateway makes calls for the device");
    if (answer.kind === "done") return { status: 200, body: { url: answer.value } };
    const { state } = (await this.#device(device)).registration;
    const isRegistered = answer.kind !== "ended" && state !== "unknown" && state !== "unregistered";
    throw new AppError(isRegistered ? "unavailable" : "not-registered", answer.message);
  }
}

function appSlot(
  slot: GatewaySlot,
  status: StatusRow | undefined,
  order: OrderRow | undefined,
  subscribed: boolean | null,
): AppSlot {
  const { id, unit, capacity, stepsPerUnit } = slot;
  const isOpen = order !== undefined && OPEN.includes(order.state);
  return {
    id,
    unit,
    capacity: capacity / stepsPerUnit,
    remaining: status ? status.remaining / stepsPerUnit : null,
    percent: status ? Math.min(100, Math.round((100 * status.remaining) / capacity)) : null,
    onHand: status ? status.onHand / stepsPerUnit : null,
    runOut: status ? isoDay(status.day + status.runOut) : null,
    day: status ? isoDay(status.day) : null,
    subscribed,
    order: isOpen
      ? {
          cycle: order.cycle,
          state: order.state,
          delivery: order.deliveryDay === null ? null : isoDay(order.deliveryDay),
        }
      : null,
  };
}

function isoDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Undefined: it is that method. */
function only(method: string, accepted: string): undefined {
  if (method !== accepted) throw new AppError("method", `${accepted} is accepted (got ${method})`);
  return undefined;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

function field(request: unknown, name: string): string {
  const value = text(request, name);
  if (value === null || !/^[\x21-\x7e]{1,2048}$/.test(value))
    throw new AppError("invalid", `${name}: a text of 1 to 2048 printable characters is accepted`);
  return value;
}

async function body(request: IncomingMessage): Promise<unknown> {
  const sent = await bodyOf(request, MOST_BYTES);
  if (sent === undefined) throw new AppError("too-large", `at most ${MOST_BYTES} bytes are accepted`);
  const json = parse(sent);
  if (typeof json !== "object" || json === null) throw new AppError("invalid", "a JSON object is accepted");
  return json;
}

function codeOf(error: unknown): AppErrorCode {
  if (error instanceof AppError) return error.code;
  if (error instanceof GatewayError && (error.code === "refused" || error.code === "unavailable"))
    return error.code;
  return "failed";
}

function digest(value: string): Buffer {
  return createHash("sha256").update(value).digest();
}
