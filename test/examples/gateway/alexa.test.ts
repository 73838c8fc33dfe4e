import anyTest from "ava";
import { discoveryEndpoint } from "../../../examples/gateway/alexa-messages.js";
import { SERVICE_DECIDES } from "../../../examples/gateway/index.js";
import { MODEL, MODELS, successor } from "./alexa-model.js";
import { checkLevel, EventGateway, type EventReply } from "./event-gateway.js";
import {
  envelope,
  intent,
  NOON,
  post,
  registered,
  startWorld,
  status,
  TestDevice,
  TODAY,
  type World,
} from "./harness.js";

const test = anyTest.serial;
const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Every wait is as long as it may be. */
const LONGEST = 1 - 2 ** -53;
const SERIALS = Array.from({ length: 14 }, (_, n) => `SUCCESSOR-${n}`);
const CLASSIC = registered("CLASSIC");

let world: World;
let alexa: EventGateway;
let made = 0;

test.before(async () => {
  const devices = SERIALS.map((serial) => successor(serial));
  alexa = await new EventGateway(devices.map((each) => discoveryEndpoint(each, MODEL))).start();
  world = await startWorld([...devices, CLASSIC], {
    random: () => LONGEST,
    models: MODELS,
    alexa: alexa.options,
    tokenKeys: [{ number: 1, secret: new Uint8Array(32).fill(1) }],
  });
});
test.after.always(async () => {
  await world.close();
  await alexa.close();
});
test.afterEach((t) => {
  alexa.reply = () => undefined;
  t.deepEqual(alexa.faults, [], "no rule is broken");
});

class Successor extends TestDevice {
  readonly serial = this.registered.serial;

  constructor() {
    super(world, successor(SERIALS[made++]!));
  }

  /** A status of the calendar day at the moment. */
  status(fields: Parameters<typeof status>[0]) {
    return this.send(status({ day: Math.floor(world.clock.time / DAY), ...fields }));
  }

  values(instance: string): number[] {
    return alexa.ledger.of(this.serial, instance).map(({ value }) => value);
  }
}

/** What becomes of the events of a device in turn; undefined, and those that come after: they are accepted. */
function replies(to: Successor, ...list: (EventReply | undefined)[]): void {
  alexa.reply = ({ serial }) => (serial === to.serial ? list.shift() : undefined);
}

test("a status becomes one report: levels as they are, usage as what was used since the last one", async (t) => {
  const device = new Successor();
  await device.status({ slot: 0, consumed: 123, remaining: 227 });
  await device.status({ slot: 1, consumed: 9, remaining: 491 });
  await device.status({ slot: 2, consumed: 9, remaining: 31 });
  await device.status({ slot: 0, consumed: 140, remaining: 210 });
  await device.status({ slot: 0, consumed: 140, remaining: 210 });
  t.deepEqual(device.values("Sensor.Soap"), [12.3, 1.7, 0]);
  t.deepEqual(device.values("Sensor.Towels"), [98]);
  t.deepEqual(device.values("Sensor.Pods"), [31]);
  t.deepEqual(new Set(alexa.ledger.of(device.serial).map(({ at }) => at)), new Set([world.clock.time]));
  t.deepEqual(device.calls, [], "DRS is not called");
  const { alexa: counted } = world.gateway.counts;
  t.deepEqual(counted, { changeReport: 2, inventoryConsumed: 3 });
});

test("a status that was days on its way is of its own day", async (t) => {
  const device = new Successor();
  const today = Math.floor(world.clock.time / DAY);
  await device.send(status({ slot: 1, day: today - 2 }));
  t.is(alexa.ledger.of(device.serial)[0]!.at, (today - 1) * DAY - SECOND);
});

test("an intent is answered with a rejection that says why, and DRS is not asked", async (t) => {
  const device = new Successor();
  const { declined } = world.gateway.counts;
  const { events } = await device.send(intent());
  t.deepEqual(
    events.map(({ slot, cycle, state }) => [slot, cycle, state]),
    [[0, 1, "rejected"]],
  );
  t.like((await world.gateway.orders(device.serial))[0], {
    state: "rejected",
    detail: SERVICE_DECIDES,
    message: "the service decides on orders of this model",
    attempts: 0,
  });
  t.is(world.gateway.counts.declined, declined + 1);
  await world.clock.advance(DAY);
  t.deepEqual(device.calls, []);
});

test("devices of other models are with DRS as before", async (t) => {
  const classic = new TestDevice(world, CLASSIC);
  await classic.send(status());
  await classic.send(intent());
  t.deepEqual(
    classic.calls.map(({ path }) => path),
    ["/slotStatus/soap", "/deviceStatus", "/subscriptionInfo", "/replenish/soap"],
  );
  t.deepEqual(alexa.of(CLASSIC.serial), []);
});

test("a slot is reported every day although nothing changes, until its device is silent for three days", async (t) => {
  const device = new Successor();
  await device.status({ slot: 0, consumed: 50 });
  await device.status({ slot: 1, remaining: 250 });
  await world.clock.advance(DAY - SECOND);
  t.is(alexa.of(device.serial).length, 2);
  await world.clock.advance(SECOND);
  t.deepEqual(device.values("Sensor.Soap"), [5, 0]);
  t.deepEqual(device.values("Sensor.Towels"), [50, 50]);
  await device.send({ kind: "poll", applied: 0 });
  await world.clock.advance(3 * DAY - SECOND);
  t.deepEqual(device.values("Sensor.Towels"), [50, 50, 50, 50]);
  const ids = new Set(alexa.of(device.serial).map(({ messageId }) => messageId));
  t.is(ids.size, 8, "each under an id of its own");
  await world.clock.advance(10 * DAY);
  t.is(alexa.of(device.serial).length, 8);
  await device.status({ slot: 1, remaining: 200 });
  await world.clock.advance(DAY);
  t.deepEqual(device.values("Sensor.Towels").slice(4), [40, 40], "with its next status it goes on");
});

test("usage whose answer is lost is sent again as it was; what came meanwhile is in the next report", async (t) => {
  const device = new Successor();
  replies(device, { status: 202, hangUp: true }, { status: 500, taken: true }, undefined);
  await device.status({ slot: 0, consumed: 100 });
  await device.status({ slot: 0, consumed: 130 });
  await device.status({ slot: 0, consumed: 170 });
  t.is(alexa.of(device.serial).length, 1, "messages do not hurry what is waiting");
  await world.clock.advance(10 * SECOND);
  t.is(alexa.of(device.serial).length, 2);
  await world.clock.advance(20 * SECOND);
  t.deepEqual(device.values("Sensor.Soap"), [10, 7]);
  const ids = alexa.of(device.serial).map(({ messageId }) => messageId);
  t.is(new Set(ids.slice(0, 3)).size, 1);
  t.is(new Set(ids).size, 2);
});

test("a level that was not taken is overtaken by a newer one", async (t) => {
  const device = new Successor();
  replies(device, { status: 503 });
  await device.status({ slot: 1, remaining: 500 });
  await device.status({ slot: 1, remaining: 400 });
  await world.clock.advance(10 * SECOND);
  t.deepEqual(device.values("Sensor.Towels"), [80]);
});

test("the same level is repeated under the same id", async (t) => {
  const device = new Successor();
  replies(device, { status: 429 }, { status: 202, hangUp: true });
  await device.status({ slot: 1, remaining: 300 });
  await world.clock.advance(30 * SECOND);
  const ids = alexa.of(device.serial).map(({ messageId }) => messageId);
  t.is(ids.length, 3);
  t.is(new Set(ids).size, 1);
});

test("usage of a report that is refused is in the next one", async (t) => {
  const device = new Successor();
  const before = world.gateway.counts.alexaRefused;
  replies(device, { status: 400, code: "INVALID_REQUEST_EXCEPTION" });
  await device.status({ slot: 0, consumed: 100 });
  t.is(world.gateway.counts.alexaRefused, before + 1);
  await world.clock.advance(HOUR);
  t.is(alexa.of(device.serial).length, 1, "the same would be refused again");
  await device.status({ slot: 0, consumed: 110 });
  t.deepEqual(device.values("Sensor.Soap"), [11]);
});

test("a token that has expired is refreshed, and the same report sent with the new one", async (t) => {
  const device = new Successor();
  const refreshToken = "Atzr|expired";
  await world.gateway.authorize(device.serial, { refreshToken, accessToken: "Atza|old", expiresIn: 3600 });
  alexa.reply = ({ token }) =>
    token === "Atza|old" ? { status: 401, code: "INVALID_ACCESS_TOKEN_EXCEPTION" } : undefined;
  await device.status({ slot: 0, consumed: 20 });
  t.deepEqual(
    alexa.of(device.serial).map(({ token }) => token),
    ["Atza|old", "Atza|Atzr|expired|1"],
  );
  t.deepEqual(device.values("Sensor.Soap"), [2]);
});

test("a 403 for the region or a permission loses nothing; a disabled skill ends the registration", async (t) => {
  const device = new Successor();
  await world.gateway.authorize(device.serial, { refreshToken: "Atzr|403" });
  replies(
    device,
    ...Array.from({ length: 4 }, () => ({ status: 403, code: "SKILL_NEVER_ENABLED_EXCEPTION" })),
  );
  await device.status({ slot: 0, consumed: 20 });
  t.deepEqual(device.values("Sensor.Soap"), []);
  await world.clock.advance(30 * SECOND);
  t.deepEqual(device.values("Sensor.Soap"), [2]);

  replies(device, { status: 403, code: "SKILL_DISABLED_EXCEPTION" });
  await device.status({ slot: 0, consumed: 30 });
  const sent = alexa.of(device.serial).length;
  await device.status({ slot: 0, consumed: 40 });
  await world.clock.advance(3 * DAY);
  t.is(alexa.of(device.serial).length, sent, "nothing is told after that");
  const { events } = await device.send(intent());
  t.is(events[0]!.state, "rejected");

  // Another customer: what was used before is not theirs.
  await world.gateway.authorize(device.serial, { refreshToken: "Atzr|next" });
  await device.status({ slot: 0, consumed: 55 });
  t.deepEqual(device.values("Sensor.Soap"), [2, 1.5]);
});

test("a dead refresh token, or a deregistration, ends what is told", async (t) => {
  const device = new Successor();
  await world.gateway.authorize(device.serial, { refreshToken: "Atzr|dead" });
  alexa.dead.add("Atzr|dead");
  await device.status({ slot: 0, consumed: 20 });
  await world.clock.advance(2 * DAY);
  t.deepEqual(alexa.of(device.serial), []);

  const other = new Successor();
  await world.gateway.authorize(other.serial, { refreshToken: "Atzr|other" });
  await other.status({ slot: 1 });
  await world.gateway.deregister(other.serial);
  await other.status({ slot: 1 });
  await world.clock.advance(2 * DAY);
  t.is(alexa.of(other.serial).length, 1);
  t.deepEqual(other.calls, [], "DRS is told of nothing");
});

test("what DRS says of a device that is not with it changes nothing", async (t) => {
  const device = new Successor();
  await device.status({ slot: 1 });
  const { serial } = device;
  await post(world.gateway.notificationUrl, envelope({ type: "DeviceDeregisteredNotification", serial }));
  await device.status({ slot: 1 });
  t.is(alexa.of(serial).length, 2);
});

test("the skill's answers to Discover and ReportState", async (t) => {
  const device = new Successor();
  await device.status({ slot: 0, remaining: 100 });
  await device.status({ slot: 2, remaining: 7 });
  const endpoint = world.gateway.discoveryEndpoint(device.serial);
  const report = await world.gateway.stateReport(device.serial, "of the directive");
  t.like(report.event, {
    header: { namespace: "Alexa", name: "StateReport", correlationToken: "of the directive" },
    endpoint: { endpointId: device.serial },
  });
  const properties = report.context!.properties!;
  for (const each of properties) checkLevel(each, endpoint);
  t.like(properties, [{ instance: "Sensor.Pods", value: { "@type": "Count", value: 7 } }]);
  t.throws(() => world.gateway.discoveryEndpoint("CLASSIC"), { code: "options", message: /"CLASSIC"/ });
});

test("metrics are counted by operation", async (t) => {
  const { counts } = world.gateway;
  t.true(counts.alexa.changeReport > 0 && counts.alexa.inventoryConsumed > 0);
  t.true(counts.alexaUnanswered > 0 && counts.alexaUnauthorized > 0);
  t.true(NOON < world.clock.time && TODAY > 0);
});

test("a device with Alexa is told that its code is not redeemed, and there is no settings page", async (t) => {
  const token = "an-app-token-of-a-maker";
  const other = await startWorld([successor("NO-CODES")], {
    models: MODELS,
    alexa: alexa.options,
    // Whether it could be redeemed does not matter.
    lwa: { clientId: "own", clientSecret: "secret", tokenUrl: "http://127.0.0.1:9/" },
    tokenKeys: [{ number: 1, secret: new Uint8Array(32).fill(1) }],
    app: { token },
  });
  const device = new TestDevice(other, successor("NO-CODES"));
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${other.gateway.appUrl}/devices/NO-CODES${path}`, { ...init, headers });
    return response.status;
  };
  const redirectUri = "https://app.example/back";
  await device.send({
    ...{ kind: "authorization", code: "a-code", clientId: "app", redirectUri },
    ...{ verifier: "v".repeat(43), applied: 0 },
  });
  t.like(device.registration, { registered: false, failure: "unavailable" });
  t.is(
    await ask("/authorization", { method: "POST", body: JSON.stringify({ code: "c", redirectUri }) }),
    503,
  );
  t.is(await ask("/settings-link"), 409);
  await other.close();
});
