import { createServer, type IncomingMessage } from "node:http";
import { listen } from "../../hal/simulator/support.js";

/* The published rules of the successor's inventory reports, and a server that holds a gateway to them. */

const VOLUME =
  /^(LITER|MILLILITER|METRIC_(CUP|TEASPOON)|(UK|AU)_TABLESPOON|CUBIC_(CENTIMETER|METER|INCH|FOOT|YARD)|UK_(GALLON|QUART|PINT|CUP|GILL|FLUID_OUNCE|FLUID_DRAM)|US_FLUID_(GALLON|QUART|PINT|CUP|OUNCE)|US_(GILL|TABLESPOON|TEASPOON|DRAM)|US_DRY_(GALLON|QUART|PINT))$/;
const WEIGHT = /^(KILOGRAM|GRAM|MILLIGRAM|MICROGRAM|METRIC_POUND|POUND|OUNCE|DRAM)$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const CAUSES = [
  "PERIODIC_POLL",
  "PHYSICAL_INTERACTION",
  "APP_INTERACTION",
  "RULE_TRIGGER",
  "VOICE_INTERACTION",
];

// biome-ignore lint/suspicious/noExplicitAny: JSON that is being checked
type Json = any;

/** @throws {Error} what a text or an object of others is not */
function must(condition: unknown, what: string, value?: unknown): asserts condition {
  if (!condition) throw new Error(`${what} (got ${JSON.stringify(value)})`);
}

/** Exactly these members; a name with ? may be missing. */
function members(value: Json, where: string, ...names: string[]): void {
  must(typeof value === "object" && value !== null && !Array.isArray(value), `${where}: an object`, value);
  const known = names.map((name) => name.replace("?", ""));
  for (const name of Object.keys(value)) must(known.includes(name), `${where}: nothing named ${name}`);
  for (const name of names)
    if (!name.endsWith("?")) must(value[name] !== undefined, `${where}: ${name} is there`);
}

function checkHeader(header: Json, namespace: string, name: string, ...more: string[]): void {
  members(header, "header", "namespace", "name", "messageId", "payloadVersion", ...more);
  must(header.namespace === namespace && header.name === name, `header: ${namespace} ${name}`, header);
  must(UUID.test(header.messageId), "header: messageId is a UUID", header.messageId);
  must(header.payloadVersion === "3", "header: payloadVersion is 3", header.payloadVersion);
}

function checkMeasurement({ "@type": type, unit }: Json, ofUsage: boolean): void {
  must(
    ["Count", "Volume", "Weight", ...(ofUsage ? [] : ["Percentage"])].includes(type),
    "measurement: @type",
    type,
  );
  if (type === "Volume") must(VOLUME.test(unit), "measurement: a unit of volume", unit);
  else if (type === "Weight") must(WEIGHT.test(unit), "measurement: a unit of weight", unit);
  else must(unit === undefined, `measurement: no unit for ${type}`, unit);
}

function checkAmount(amount: Json, declared: Json): void {
  members(amount, "value", "@type", "value", "unit?");
  must(amount["@type"] === declared["@type"], "value: the @type of discovery", amount);
  must(amount.unit === declared.unit, "value: the unit of discovery", amount);
  must(Number.isFinite(amount.value) && amount.value >= 0, "value: 0 or more", amount);
  if (amount["@type"] === "Percentage") must(amount.value <= 100, "value: 100 or less", amount);
}

/** @throws {Error} an endpoint of a `Discover.Response` that breaks a rule */
export function checkEndpoint(endpoint: Json): void {
  members(
    endpoint,
    "endpoint",
    "endpointId",
    "friendlyName",
    "description",
    "manufacturerName",
    "displayCategories",
    "cookie",
    "capabilities",
  );
  for (const name of ["endpointId", "friendlyName", "description", "manufacturerName"])
    must(typeof endpoint[name] === "string" && endpoint[name] !== "", `endpoint: ${name} is a text`);
  must(endpoint.displayCategories.length > 0, "endpoint: a display category");
  const instances = new Set<string>();
  for (const each of endpoint.capabilities) {
    must(each.type === "AlexaInterface" && each.version === "3", "capability: type and version", each);
    if (each.interface === "Alexa") continue;
    const ofUsage = each.interface === "Alexa.InventoryUsageSensor";
    must(ofUsage || each.interface === "Alexa.InventoryLevelSensor", "capability: interface", each.interface);
    must(each.instance && !instances.has(each.instance), "capability: an instance of its own", each.instance);
    instances.add(each.instance);
    if (ofUsage) must(each.properties === undefined, "capability: usage has no properties", each.properties);
    else {
      members(each.properties, "properties", "supported", "proactivelyReported", "retrievable");
      must(each.properties.supported[0].name === "level", "properties: level", each.properties);
    }
    must(each.capabilityResources.friendlyNames.length > 0, "capability: a name");
    for (const name of each.capabilityResources.friendlyNames) {
      members(name, "name", "@type", "value");
      members(name.value, "name", "text", "locale");
    }
    members(each.configuration, "configuration", "measurement", "replenishment?");
    checkMeasurement(each.configuration.measurement, ofUsage);
    const { replenishment } = each.configuration;
    if (replenishment) must(replenishment["@type"] === "DashReplenishmentId", "replenishment: @type");
  }
}

/** What an event of a gateway told. */
export interface Told {
  readonly serial: string;
  readonly instance: string;
  readonly kind: "level" | "usage";
  readonly value: number;
  /** Of the sample, UTC milliseconds. */
  readonly at: number;
  readonly messageId: string;
}

/** @throws {Error} a property of a level that breaks a rule, or is not what discovery has declared */
export function checkLevel(property: Json, endpoint: Json): void {
  members(
    property,
    "property",
    "namespace",
    "instance",
    "name",
    "value",
    "timeOfSample",
    "uncertaintyInMilliseconds",
  );
  must(property.namespace === "Alexa.InventoryLevelSensor" && property.name === "level", "property: name");
  checkAmount(property.value, declared(endpoint, property.namespace, property.instance));
  must(TIME.test(property.timeOfSample), "property: timeOfSample", property.timeOfSample);
  const { uncertaintyInMilliseconds: doubt } = property;
  must(Number.isInteger(doubt) && doubt >= 0, "property: uncertaintyInMilliseconds", doubt);
}

function declared(endpoint: Json, namespace: string, instance: string): Json {
  const found = endpoint.capabilities.find(
    (each: Json) => each.interface === namespace && each.instance === instance,
  );
  must(found, "an instance of discovery", instance);
  return found.configuration.measurement;
}

/** @throws {Error} an event that breaks a rule, or is not of an endpoint of `endpoints` */
export function checkEvent(message: Json, endpoints: ReadonlyMap<string, Json>): Told {
  members(message, "message", "event", "context?");
  const { event } = message;
  members(event, "event", "header", "endpoint", "payload");
  members(event.endpoint, "endpoint", "scope", "endpointId");
  members(event.endpoint.scope, "scope", "type", "token");
  must(event.endpoint.scope.type === "BearerToken", "scope: type", event.endpoint.scope.type);
  const serial = event.endpoint.endpointId;
  const endpoint = endpoints.get(serial);
  must(endpoint, "endpoint: known from discovery", serial);
  const { messageId, namespace } = event.header;
  if (namespace === "Alexa") {
    checkHeader(event.header, "Alexa", "ChangeReport");
    members(message.context, "context", "properties?");
    members(event.payload, "payload", "change");
    members(event.payload.change, "change", "cause", "properties");
    must(CAUSES.includes(event.payload.change.cause.type), "cause", event.payload.change.cause);
    const [property, ...others] = event.payload.change.properties;
    must(others.length === 0, "one property", others);
    checkLevel(property, endpoint);
    const { instance, timeOfSample, value } = property;
    return { serial, instance, kind: "level", value: value.value, at: Date.parse(timeOfSample), messageId };
  }
  checkHeader(event.header, "Alexa.InventoryUsageSensor", "InventoryConsumed", "instance");
  const { instance } = event.header;
  members(event.payload, "payload", "usage", "timeOfSample");
  checkAmount(event.payload.usage, declared(endpoint, namespace, instance));
  must(TIME.test(event.payload.timeOfSample), "payload: timeOfSample", event.payload.timeOfSample);
  const at = Date.parse(event.payload.timeOfSample);
  return { serial, instance, kind: "usage", value: event.payload.usage.value, at, messageId };
}

/** Takes events as Alexa does: one of a `messageId` counts once, and is the same each time. */
export class Ledger {
  readonly #endpoints: ReadonlyMap<string, Json>;
  readonly #seen = new Map<string, string>();
  readonly told: Told[] = [];

  constructor(endpoints: readonly Json[]) {
    for (const each of endpoints) checkEndpoint(each);
    this.#endpoints = new Map(endpoints.map((each) => [each.endpointId, each]));
  }

  /** @throws {Error} the rule that is broken; nothing is counted */
  take(message: Json): void {
    const told = checkEvent(message, this.#endpoints);
    const { scope: _, ...endpoint } = message.event.endpoint;
    const content = JSON.stringify({ ...message, event: { ...message.event, endpoint } });
    const before = this.#seen.get(told.messageId);
    must(before === undefined || before === content, "a repetition is the same", [before, content]);
    if (before === undefined) this.told.push(told);
    this.#seen.set(told.messageId, content);
  }

  of(serial: string, instance?: string): Told[] {
    return this.told.filter(
      (each) => each.serial === serial && (instance === undefined || each.instance === instance),
    );
  }
}

export interface EventReply {
  readonly status: number;
  readonly code?: string;
  /** Default: only events that are accepted are taken. */
  readonly taken?: boolean;
  readonly hangUp?: boolean;
}

export interface EventRequest {
  readonly serial: string;
  readonly token: string;
  readonly messageId: string;
}

/** An event gateway, and beside it Login with Amazon for its tokens, on a free port. */
export class EventGateway {
  readonly ledger: Ledger;
  /** Every event that came, taken or not. */
  readonly requests: EventRequest[] = [];
  /** Rules that were broken. */
  readonly faults: string[] = [];
  /** Refresh tokens that Login with Amazon was asked with. */
  readonly refreshed: string[] = [];
  /** Refresh tokens that are dead. */
  readonly dead = new Set<string>();
  /** What becomes of an event; undefined: it is accepted. */
  reply: (request: EventRequest) => EventReply | undefined = () => undefined;
  url = "";
  readonly #server = createServer(async (request, response) => {
    const body = await textOf(request);
    const { status, json, hangUp } =
      request.url === "/auth/o2/token" ? this.#refresh(body) : this.#event(request, body);
    if (hangUp) request.socket.destroy();
    else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });

  constructor(endpoints: readonly object[]) {
    this.ledger = new Ledger(endpoints);
  }

  async start(): Promise<this> {
    this.url = `http://127.0.0.1:${await listen(this.#server)}`;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What to give the gateway. */
  get options() {
    const lwa = { clientId: "skill", clientSecret: "secret", tokenUrl: `${this.url}/auth/o2/token` };
    return { events: `${this.url}/v3/events`, lwa };
  }

  of(serial: string): EventRequest[] {
    return this.requests.filter((each) => each.serial === serial);
  }

  #refresh(body: string): { status: number; json: object; hangUp?: boolean } {
    const token = new URLSearchParams(body).get("refresh_token") ?? "";
    this.refreshed.push(token);
    if (this.dead.has(token)) return { status: 400, json: { error: "invalid_grant" } };
    const count = this.refreshed.filter((each) => each === token).length;
    return { status: 200, json: { access_token: `Atza|${token}|${count}`, expires_in: 3600 } };
  }

  #event(request: IncomingMessage, body: string): { status: number; json: object; hangUp?: boolean } {
    try {
      must(request.url === "/v3/events" && request.method === "POST", "POST /v3/events", request.url);
      const message = JSON.parse(body);
      const { endpointId, scope } = message.event.endpoint;
      must(request.headers.authorization === `Bearer ${scope.token}`, "the token of the scope");
      const asked = {
        serial: endpointId,
        token: scope.token,
        messageId: message.event.header.messageId,
      };
      this.requests.push(asked);
      const reply = this.reply(asked) ?? { status: 202 };
      if (reply.taken ?? reply.status === 202) this.ledger.take(message);
      const json = { header: {}, payload: { code: reply.code, description: "as the test wants it" } };
      return { status: reply.status, json, hangUp: reply.hangUp ?? false };
    } catch (error) {
      this.faults.push(String(error));
      return { status: 400, json: { payload: { code: "INVALID_REQUEST_EXCEPTION" } } };
    }
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
