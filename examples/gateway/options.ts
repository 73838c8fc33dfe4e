import type { UplinkKey } from "everfull";
import type { GatewayClock } from "./clock.js";
import type { Database } from "./database.js";
import { GatewayError } from "./errors.js";
import type { LocalBrokerOptions } from "./local-broker.js";
import type { GatewayLogEntry } from "./log.js";
import { isToken, type LwaOptions } from "./lwa-client.js";
import { checkModels, checkSensors, type DeviceModels } from "./models.js";
import { regionOf, type SnsOptions } from "./sns.js";
import type { TokenKey } from "./vault.js";

/** One consumable of a device. */
export interface GatewaySlot {
  /** The slot's name at DRS. */
  readonly id: string;
  /** Unit of measure agreed with Amazon for this slot; only for people, it is in no request. */
  readonly unit: string;
  /** Smallest steps in one unit. */
  readonly stepsPerUnit: number;
  /** A full slot, in steps. */
  readonly capacity: number;
  /** What one refill adds, in steps. */
  readonly refill: number;
}

/** The Alexa event gateway, for devices whose model is with it. */
export interface AlexaOptions {
  /** Where events go; default https://api.amazonalexa.com/v3/events, that of North America. */
  readonly events?: string;
  /** Login with Amazon as the skill names it, for the tokens that its customers have granted; default: that of the options. */
  readonly lwa?: LwaOptions;
}

export interface GatewayDevice {
  /** The serial that Amazon knows, and the second level of the device's MQTT topics. */
  readonly serial: string;
  /** Model id at Amazon. */
  readonly model: string;
  readonly key: UplinkKey;
  /** The key before it, for as long as the device may still use it: of another number. Each message is answered under the key that it came under. */
  readonly oldKey?: UplinkKey;
  /** Position in this array = slot number in messages. */
  readonly slots: readonly GatewaySlot[];
  /**
   * Login with Amazon refresh token to begin with. It is stored encrypted at the first start; from then on the database
   * says what it is, and `Gateway.authorize` replaces it.
   */
  readonly refreshToken?: string;
  /** A fixed access token, used as long as the device has never had a refresh token: for services without one. */
  readonly accessToken?: string;
  /** What to add to UTC for the calendar at the customer's place, in minutes; counts until the device tells what it reckons with. */
  readonly utcOffsetMinutes: number;
}

/** All are called synchronously. */
export interface GatewayHooks {
  /**
   * A message from a device is done with: stored or refused, answered, DRS told. Once per received message.
   */
  handled?(topic: string, payload: Uint8Array): void;
  /** About to publish down. */
  publishing?(topic: string, payload: Uint8Array): void;
}

export interface GatewayOptions {
  /** `mqtt://host:port`, or `mqtts://`; absent: a broker of the gateway's own, see `localBroker`. */
  readonly broker?: string;
  /** Where devices find the broker in this process, when there is no other. */
  readonly localBroker?: LocalBrokerOptions;
  /**
   * Name that gateways have in common which share the messages of all devices between them, by a shared subscription. Needs a broker with shared
   * subscriptions, and a PostgreSQL database in common. Absent: this gateway gets all messages.
   */
  readonly group?: string;
  /** Default: the host's. */
  readonly clock?: GatewayClock;
  readonly devices: readonly GatewayDevice[];
  /** Which service the devices of a model are with; default: DRS. */
  readonly models?: DeviceModels;
  readonly alexa?: AlexaOptions;
  /** Base URL of DRS. */
  readonly drs: string;
  /** Login with Amazon; needed to refresh access tokens. */
  readonly lwa?: LwaOptions;
  /**
   * Keys that tokens are encrypted with, the one that encrypts first. Default: those of the environment variable
   * {@link TOKEN_KEYS_VARIABLE}.
   */
  readonly tokenKeys?: readonly TokenKey[];
  /** Absent: no notification is taken. */
  readonly sns?: SnsOptions;
  /** 0 up to but not 1: spreads retries; default Math.random. */
  readonly random?: () => number;
  /**
   * `postgres://...`, or a PGlite data directory, used by this process alone; absent: in memory, gone when the gateway closes. One that is open
   * already is left open.
   */
  readonly database?: string | Database;
  /** How long after a gateway has stopped without a word others take over its calls to DRS, in milliseconds; default a minute, at least 1000. */
  readonly takeover?: number;
  /** Port of the notification endpoint; 0 (default): a free one. */
  readonly port?: number;
  /** Address that the notification endpoint listens on, default 127.0.0.1. */
  readonly host?: string;
  /** Where `/healthz`, `/readyz` and `/metrics` are; absent: nowhere. */
  readonly admin?: { readonly host?: string; readonly port?: number };
  /** Where the backend of the maker's app finds devices, registers them and ends that; absent: nowhere. */
  readonly app?: {
    readonly host?: string;
    readonly port?: number;
    /** Bearer token that the backend shows: 16 printable characters or more. */
    readonly token: string;
    /** The service's settings page; default {@link SETTINGS_URL}. */
    readonly settingsUrl?: string;
  };
  readonly hooks?: GatewayHooks;
  /** Absent: entries are discarded. */
  readonly log?: (entry: GatewayLogEntry) => void;
}

/** `<number>:<base64 of 32 bytes>`, separated by commas. */
export const TOKEN_KEYS_VARIABLE = "EVERFULL_TOKEN_KEYS";

/** Slot numbers go from 0 to 22: they take one byte of a message. */
const MOST_SLOTS = 23;
/** Quantities travel in 16 bits. */
const MOST_STEPS = 65_535;

/**
 * @param tokenKeys those of the options, or of the environment
 * @throws {GatewayError} `options`: the field, what is accepted, and its value unless that is a secret
 */
export function checkOptions(options: GatewayOptions, tokenKeys: readonly TokenKey[]): void {
  if (options.broker !== undefined) checkUrl("broker", options.broker, ["mqtt:", "mqtts:"]);
  if (options.group !== undefined) {
    if (!/^[^/+#\0]+$/.test(options.group))
      refuse(`group: a text of one character or more without / + # is accepted (got "${options.group}")`);
    if (options.broker === undefined) refuse("group: needs a broker that several gateways can reach");
  }
  checkUrl("drs", options.drs, ["http:", "https:"]);
  if (options.database === "")
    refuse("database: the path of a directory, or a postgres:// URL, is accepted (got an empty text)");
  if (options.takeover !== undefined) whole("takeover", options.takeover, 1000, 86_400_000);
  for (const [field, port] of [
    ["port", options.port],
    ["admin port", options.admin?.port],
    ["app port", options.app?.port],
    ["localBroker port", options.localBroker?.port],
  ] as const)
    if (port !== undefined) whole(field, port, 0, 65_535);
  checkTokenKeys(tokenKeys);
  if (options.app && !/^[\x21-\x7e]{16,}$/.test(options.app.token))
    refuse("app: token must be 16 printable characters or more without spaces");
  if (options.app?.settingsUrl !== undefined)
    checkUrl("app: settingsUrl", options.app.settingsUrl, ["http:", "https:"]);
  if (options.lwa) checkLwa("lwa", options.lwa);
  const { alexa, models = {} } = options;
  if (alexa?.events !== undefined) checkUrl("alexa: events", alexa.events, ["http:", "https:"]);
  if (alexa?.lwa) checkLwa("alexa: lwa", alexa.lwa);
  checkModels(models);
  if (options.sns) checkSns(options.sns);
  const serials = new Set<string>();
  for (const device of options.devices) {
    checkDevice(device);
    checkSensors(models, device);
    if (serials.has(device.serial)) refuse(`device "${device.serial}": a serial is accepted only once`);
    serials.add(device.serial);
    if (device.refreshToken !== undefined && tokenKeys.length === 0)
      refuse(`tokenKeys: a key is needed to store the refreshToken of device "${device.serial}"`);
  }
}

function checkTokenKeys(keys: readonly TokenKey[]): void {
  const numbers = new Set<number>();
  for (const { number, secret } of keys) {
    whole("tokenKeys: number", number, 1, 255);
    if (secret.length !== 32)
      refuse(`tokenKeys: the secret of key ${number} must be 32 bytes (got ${secret.length})`);
    if (numbers.has(number)) refuse(`tokenKeys: key number ${number} is accepted only once`);
    numbers.add(number);
  }
}

function checkLwa(name: string, { clientId, clientSecret, tokenUrl }: LwaOptions): void {
  if (clientId === "") refuse(`${name}: clientId must not be empty`);
  if (clientSecret === "") refuse(`${name}: clientSecret must not be empty`);
  if (tokenUrl !== undefined) checkUrl(`${name}: tokenUrl`, tokenUrl, ["http:", "https:"]);
}

function checkSns({ topicArns, origin }: SnsOptions): void {
  if (topicArns.length === 0) refuse("sns: topicArns: one or more are accepted (got none)");
  for (const arn of topicArns)
    if (regionOf(arn) === undefined)
      refuse(`sns: topicArns: arn:aws:sns:<region>:<account>:<topic> is accepted (got ${arn})`);
  if (origin !== undefined) checkUrl("sns: origin", origin, ["http:", "https:"]);
}

/** @throws {GatewayError} `options`, as {@link checkOptions} */
export function checkDevice(device: GatewayDevice): void {
  const name = `device "${device.serial}"`;
  // The serial is a level of an MQTT topic, where these mean something else.
  if (!/^[^/+#\0]+$/.test(device.serial))
    refuse(`${name}: serial must be a text of one character or more without / + #`);
  if (device.model === "") refuse(`${name}: model must not be empty`);
  for (const field of ["accessToken", "refreshToken"] as const)
    if (device[field] !== undefined && !isToken(device[field]))
      refuse(`${name}: ${field} must be printable ASCII without spaces`);
  whole(`${name}: utcOffsetMinutes`, device.utcOffsetMinutes, -720, 840);
  checkKey(`${name}: key`, device.key);
  if (device.oldKey) {
    checkKey(`${name}: oldKey`, device.oldKey);
    if (device.oldKey.number === device.key.number)
      refuse(`${name}: oldKey number must not be that of the key (got ${device.key.number})`);
  }
  if (device.slots.length < 1 || device.slots.length > MOST_SLOTS)
    refuse(`${name}: slots: 1 to ${MOST_SLOTS} are accepted (got ${device.slots.length})`);
  const ids = new Set<string>();
  for (const slot of device.slots) {
    const slotName = `${name}, slot "${slot.id}"`;
    if (slot.id === "") refuse(`${slotName}: id must not be empty`);
    if (ids.has(slot.id)) refuse(`${slotName}: an id is accepted only once per device`);
    ids.add(slot.id);
    whole(`${slotName}: stepsPerUnit`, slot.stepsPerUnit, 1, MOST_STEPS);
    whole(`${slotName}: capacity`, slot.capacity, 1, MOST_STEPS);
    whole(`${slotName}: refill`, slot.refill, 1, MOST_STEPS);
  }
}

function checkKey(name: string, { number, secret }: UplinkKey): void {
  whole(`${name} number`, number, 0, 255);
  if (secret.length !== 32) refuse(`${name} secret must be 32 bytes (got ${secret.length})`);
}

function whole(field: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    refuse(`${field} must be a whole number from ${least} to ${most} (got ${value})`);
}

function checkUrl(field: string, value: string, schemes: readonly string[]): void {
  if (!URL.canParse(value) || !schemes.includes(new URL(value).protocol))
    refuse(
      `${field}: a URL that begins with ${schemes.join("// or ")}// is accepted (got ${withoutUser(value)})`,
    );
}

/** A URL as it may be shown: without the user and password that it may carry. */
export function withoutUser(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//");
}

function refuse(message: string): never {
  throw new GatewayError("options", message);
}
