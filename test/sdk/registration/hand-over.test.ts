import { createHash } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { EverfullError, type RegistrationOptions, type UplinkMessage } from "../../../sdk/index.js";
import {
  mayFinishSetup,
  nextRegistration,
  REGISTRATION_STATES,
  type RegistrationEvent,
} from "../../../sdk/registration/registration.js";
import { DAY, HOUR, KEY, MINUTE, PAPER, SERIAL, SOAP, type Tear, World } from "../world.js";

const LOW = { ...SOAP, opening: 100 };
const AUTHORIZATION = { code: "a-code", clientId: "a-client", redirectUri: "https://app.example/back" };
let entropy = 0;

function ports(more: Partial<RegistrationOptions> = {}): RegistrationOptions {
  return {
    entropy: (count) => new Uint8Array(count).map((_, i) => (i * 31 + ++entropy * 17) & 255),
    sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
    ...more,
  };
}

/** A device that can offer its registration. */
function offering(more: Partial<RegistrationOptions> = {}, slots = [LOW, PAPER], nor?: NorFlash): World {
  const world = new World(slots, nor);
  world.more = { identity: { serial: SERIAL, key: KEY, model: "M+1" }, registration: ports(more) };
  return world.start();
}

function end(t: ExecutionContext, world: World): void {
  t.deepEqual(world.violations, []);
  t.deepEqual(world.gateway.problems, []);
}

function kinds(world: World): string[] {
  return world.gateway.arrived.map(({ kind }) => kind);
}

function arrived<Kind extends UplinkMessage["kind"]>(world: World, kind: Kind) {
  return world.gateway.stored.flatMap(({ message }) =>
    message.kind === kind ? [message as Extract<UplinkMessage, { kind: Kind }>] : [],
  );
}

/** The customer goes through the log-in of an offer. */
function authorize(world: World): void {
  const offer = world.device.offerRegistration()!;
  world.device.authorizeRegistration(offer.pairingCode, AUTHORIZATION);
}

test("set-up may finish when the offer was made and answered, and no event leads around it", (t) => {
  // From "new", over events of the device and the customer alone.
  const own: readonly RegistrationEvent[] = [
    "offer",
    "authorize",
    "decline",
    "abandon",
    "fail",
    "deregister",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...own)), (events) => {
      let state: (typeof REGISTRATION_STATES)[number] = "new";
      let isAnswered = false;
      for (const event of events) {
        const next = nextRegistration(state, event);
        if (next === undefined) continue;
        const wasOpen = state === "offered" || state === "authorized";
        if (event === "offer" || event === "deregister" || event === "fail" || event === "abandon")
          isAnswered = false;
        if ((event === "authorize" || event === "decline") && wasOpen) isAnswered = true;
        state = next;
        if (mayFinishSetup(state) !== isAnswered) return false;
      }
      return true;
    }),
  );
  for (const state of REGISTRATION_STATES) {
    t.is(nextRegistration(state, "register"), "registered");
    t.is(nextRegistration(state, "deregister"), "deregistered");
  }
});

test("an offer has what the log-in needs, and the gate is shut until it is answered", (t) => {
  const world = offering();
  t.false(world.device.mayFinishSetup());
  const offer = world.device.offerRegistration()!;
  t.like(offer, { model: "M+1", serial: SERIAL, codeChallengeMethod: "S256" });
  t.regex(offer.codeChallenge, /^[A-Za-z0-9_-]{43}$/);
  t.is(world.device.registration, "offered");
  t.false(world.device.mayFinishSetup());
  t.is(world.device.authorizeRegistration("00000000", AUTHORIZATION), "wrong-code");
  t.throws(() => world.device.authorizeRegistration(offer.pairingCode, { ...AUTHORIZATION, code: "" }), {
    instanceOf: EverfullError,
    code: "argument",
    message: /^code: /,
  });
  t.false(world.device.mayFinishSetup());
  t.is(world.device.authorizeRegistration(offer.pairingCode, AUTHORIZATION), "taken");
  t.is(world.device.registration, "authorized");
  t.true(world.device.mayFinishSetup());
  t.is(world.device.authorizeRegistration(offer.pairingCode, AUTHORIZATION), "no-offer");
  world.advanceTo(0, MINUTE);
  const [message] = arrived(world, "authorization");
  t.like(message, AUTHORIZATION);
  const challenge = createHash("sha256").update(message!.verifier).digest("base64url");
  t.is(challenge, offer.codeChallenge);
  end(t, world);
});

test("an offer is declined or abandoned, once, and what was left open by a restart is abandoned", (t) => {
  const world = offering();
  t.false(world.device.declineRegistration());
  t.false(world.device.abandonRegistration());
  const first = world.device.offerRegistration()!;
  t.true(world.device.abandonRegistration());
  t.is(world.device.registration, "abandoned");
  t.false(world.device.mayFinishSetup());
  t.is(world.device.authorizeRegistration(first.pairingCode, AUTHORIZATION), "no-offer");
  world.device.offerRegistration();
  world.restart();
  t.is(world.device.registration, "abandoned");
  world.device.offerRegistration();
  t.true(world.device.declineRegistration());
  t.true(world.device.mayFinishSetup());
  world.restart();
  t.is(world.device.registration, "declined");
  t.is(world.device.slot("soap").decision, "not-registered");
  end(t, world);
});

test("what was agreed to goes up before all that waits, and what waits is not lost", (t) => {
  const world = offering();
  world.mood = "refusing";
  world.advanceTo(2, MINUTE);
  t.true(world.device.figures.queued >= 4);
  const before = world.device.figures.queued;
  authorize(world);
  t.is(world.device.figures.queued, before, "the intent of a slot that may not order any more has gone");
  world.restart();
  world.mood = "up";
  world.gateway.arrived = [];
  world.advanceTo(2, 2 * HOUR);
  t.is(kinds(world)[0], "authorization");
  t.is(world.gateway.statuses.filter(({ slot }) => slot === 1).length, 1);
  t.is(arrived(world, "health").length, 1);
  end(t, world);
});

test("after what was agreed to, the outcome is asked for soon, and told to the product", (t) => {
  const world = offering();
  world.advanceTo(0, MINUTE);
  authorize(world);
  world.advance(5_000);
  t.is(world.device.registration, "authorized");
  world.gateway.inform([1]);
  world.advance(10_000);
  t.is(world.device.registration, "registered");
  t.deepEqual(world.registrations, [
    { kind: "registration", state: "registered", subscribed: ["paper"], failure: "none" },
  ]);
  t.is(world.device.slot("soap").decision, "not-subscribed");
  t.is(world.gateway.informed, 1);
  const polls = world.gateway.polls.length;
  world.advance(HOUR);
  t.is(world.gateway.polls.length, polls, "it asks no more");
  world.restart();
  t.is(world.device.registration, "registered");
  end(t, world);
});

for (const failure of ["refused", "unreachable", "unavailable"] as const)
  test(`what came to nothing is to be offered again: ${failure}`, (t) => {
    const world = offering();
    authorize(world);
    world.advance(MINUTE);
    world.gateway.inform(undefined, failure);
    world.advance(10 * MINUTE);
    t.is(world.device.registration, "abandoned");
    t.false(world.device.mayFinishSetup());
    t.deepEqual(world.registrations, [{ kind: "registration", state: "abandoned", subscribed: [], failure }]);
    end(t, world);
  });

test("a device that redeems itself keeps the verifier, and sends up the grant", (t) => {
  const forms: string[] = [];
  let answer: ((status: number, body: string) => void) | undefined;
  const redeem = (form: string, done: typeof answer) => {
    forms.push(form);
    answer = done;
  };
  const world = offering({ redeem: redeem as NonNullable<RegistrationOptions["redeem"]> });
  const verifierOf = () => new URLSearchParams(forms.at(-1)).get("code_verifier")!;
  for (const [status, body, failure] of [
    [0, "", "unreachable"],
    [503, "", "unreachable"],
    [400, '{"error":"invalid_grant"}', "refused"],
    [200, "{}", "refused"],
  ] as const) {
    authorize(world);
    t.false(world.device.mayFinishSetup(), "the offer is open");
    answer!(status, body);
    t.is(world.device.registration, "abandoned");
    t.like(world.registrations.at(-1), { failure });
  }
  // One that was declined, abandoned or offered anew meanwhile.
  for (const [end, state] of [
    [() => world.device.declineRegistration(), "declined"],
    [() => world.device.abandonRegistration(), "abandoned"],
    [() => world.device.offerRegistration(), "offered"],
  ] as const)
    for (const [status, body] of [
      [200, '{"refresh_token":"Atzr|declined"}'],
      [400, ""],
    ] as const) {
      authorize(world);
      const told = world.registrations.length;
      end();
      answer!(status, body);
      t.is(world.device.registration, state);
      t.is(world.registrations.length, told);
    }
  authorize(world);
  const verifier = verifierOf();
  answer!(200, '{"refresh_token":"Atzr|1"}');
  answer!(200, '{"refresh_token":"Atzr|2"}');
  t.is(world.device.registration, "authorized");
  world.advance(MINUTE);
  t.deepEqual(
    arrived(world, "grant").map(({ refreshToken, clientId }) => [refreshToken, clientId]),
    [["Atzr|1", "a-client"]],
  );
  t.false(JSON.stringify(world.gateway.arrived).includes(verifier));
  end(t, world);
});

test("what was agreed to before a deregistration goes up before it: with that the service is told of the end", (t) => {
  const world = offering();
  world.advanceTo(0, MINUTE);
  world.mood = "refusing";
  authorize(world);
  world.device.deregister("deleted");
  world.restart();
  world.gateway.arrived = [];
  world.mood = "up";
  world.advance(2 * HOUR);
  t.deepEqual(kinds(world).slice(0, 2), ["authorization", "deregistration"]);
  t.is(world.device.registration, "deregistered");
  t.like(world.registrations.at(0), { outcome: "delivered" });
  end(t, world);
});

for (const isDelivered of [false, true])
  test(`what is redeemed when the device is deregistered goes up before the deregistration, ${isDelivered ? "which was delivered" : "which waits"}`, (t) => {
    let answer: ((status: number, body: string) => void) | undefined;
    const world = offering({
      redeem: (_, done) => {
        answer = done;
      },
    });
    // Statuses of two days wait.
    world.mood = "refusing";
    world.advanceTo(2, MINUTE);
    authorize(world);
    if (isDelivered) {
      world.mood = "up";
      world.advance(2 * HOUR);
      t.is(world.device.figures.queued, 0);
    }
    world.gateway.arrived = [];
    world.device.deregister("reset");
    world.advance(MINUTE);
    t.is(arrived(world, "deregistration").length, isDelivered ? 1 : 0);
    answer!(200, '{"refresh_token":"Atzr|late"}');
    answer!(200, '{"refresh_token":"Atzr|twice"}');
    t.is(world.device.registration, "deregistered");
    world.restart();
    world.mood = "up";
    world.advance(2 * HOUR);
    const told = kinds(world).filter((kind) => kind === "grant" || kind === "deregistration");
    t.deepEqual(told, [...(isDelivered ? ["deregistration"] : []), "grant", "deregistration"]);
    t.like(arrived(world, "grant")[0], { refreshToken: "Atzr|late" });
    t.is(world.device.registration, "deregistered");
    t.is(world.device.figures.queued, 0);
    end(t, world);
  });

test("a deregistration goes first, ends all orders, and is told as delivered when the gateway has it", (t) => {
  const world = offering();
  world.device.setRegistration("registered", ["soap"]);
  world.mood = "refusing";
  world.advanceTo(1, MINUTE);
  t.is(world.device.slot("soap").state, "intended");
  t.is(world.device.deregister("reset", 5 * MINUTE), "queued");
  t.is(world.device.registration, "deregistered");
  t.is(world.device.slot("soap").state, "lapsed");
  world.advance(6 * MINUTE);
  t.deepEqual(world.registrations, [{ kind: "deregistration", reason: "reset", outcome: "undelivered" }]);
  world.restart();
  world.gateway.arrived = [];
  world.mood = "up";
  world.advance(2 * HOUR);
  t.is(kinds(world)[0], "deregistration");
  t.deepEqual(world.registrations.at(1), { kind: "deregistration", reason: "reset", outcome: "delivered" });
  t.is(world.device.deregister("reset"), "unneeded");
  t.deepEqual(world.gateway.intents, []);
  world.advance(3 * DAY);
  t.is(arrived(world, "deregistration").length, 1);
  t.deepEqual(world.gateway.intents, []);
  t.throws(() => world.device.deregister("sold" as "reset"), { code: "argument", message: /\(got sold\)$/ });
  end(t, world);
});

test("the gateway's word from before it knew of the deregistration changes nothing", (t) => {
  const world = offering();
  world.gateway.inform([0, 1]);
  world.advanceTo(0, 25 * HOUR);
  t.is(world.device.registration, "registered");
  // Its next word is on the way when the customer leaves.
  world.gateway.inform([0]);
  world.mood = "refusing";
  world.device.deregister("deleted");
  world.mood = "up";
  const news = world.gateway.news!;
  world.gateway.answer = () => undefined;
  world.advance(HOUR);
  world.gateway.news = news;
  t.is(world.device.registration, "deregistered");
  world.gateway.answer = (same) => same;
  world.gateway.inform(undefined);
  world.advance(2 * DAY);
  t.is(world.device.registration, "deregistered");
  t.is(world.gateway.informed, world.gateway.news!.number);
  end(t, world);
});

test("another customer starts without the cycles of the one before", (t) => {
  const world = offering();
  world.gateway.inform([0]);
  world.advanceTo(1, MINUTE);
  world.advance(HOUR);
  t.is(world.device.slot("soap").cycle, 1);
  world.gateway.order("placed", 1, 20_700);
  world.advance(DAY);
  t.like(world.device.slot("soap"), { state: "placed", inbound: 1000 });
  world.device.deregister("deleted");
  world.advance(MINUTE);
  authorize(world);
  world.advance(5_000);
  world.gateway.inform([0]);
  world.advance(MINUTE);
  t.like(world.device.slot("soap"), { state: "idle", cycle: 2, inbound: 0, cancellations: 0 });
  // News of the old order comes late.
  world.gateway.order("cancelled", 1);
  world.advance(DAY);
  t.like(world.device.slot("soap"), { state: "intended", cycle: 3, cancellations: 0 });
  t.deepEqual(
    world.gateway.intents.map(({ cycle }) => cycle),
    [1, 3],
  );
  end(t, world);
});

test("a device whose journal was lost tells so, and is told again", (t) => {
  const world = offering();
  world.gateway.inform([0, 1]);
  world.advanceTo(1, HOUR);
  t.is(world.gateway.informed, 1);
  world.cutPower();
  world.nor.bytes.fill(0xff);
  world.start();
  world.advance(2 * DAY);
  t.is(world.device.registration, "registered");
  t.is(world.gateway.informed, 1);
  t.deepEqual(world.violations, []);
});

test("a gateway that has lost what it said is told which number the device is at", (t) => {
  const world = offering();
  for (let i = 0; i < 5; i++) world.gateway.inform([0]);
  world.advanceTo(1, HOUR);
  t.is(world.gateway.informed, 5);
  world.gateway.informed = 0;
  world.gateway.news = { ...world.gateway.news!, number: 2, subscribed: 2 };
  world.advance(DAY);
  t.is(world.gateway.informed, 5);
  t.is(world.device.slot("paper").decision, "not-subscribed");
  end(t, world);
});

test("a device that cannot offer says so, and one without a model is refused", (t) => {
  const world = new World([SOAP]).start();
  t.throws(() => world.device.offerRegistration(), { instanceOf: EverfullError, code: "options" });
  t.is(world.device.authorizeRegistration("1", AUTHORIZATION), "no-offer");
  const other = new World([SOAP]);
  other.more = { registration: ports() };
  t.throws(() => other.start(), { code: "options", message: /^identity\.model: .*\(got "undefined"\)$/ });
  other.more = { identity: { serial: SERIAL, key: KEY, model: "a model" } };
  t.throws(() => other.start(), { code: "options", message: /^identity\.model: .*\(got "a model"\)$/ });
});

test("the largest of what waits fits in a block with as many slots as are accepted", (t) => {
  const slots = Array.from({ length: 5 }, (_, i) => ({ ...LOW, id: `s${i}` }));
  const world = new World(slots);
  const redeem = (_: string, done: (status: number, body: string) => void) =>
    done(200, JSON.stringify({ refresh_token: "~".repeat(960) }));
  world.more = { identity: { serial: SERIAL, key: KEY, model: "M" }, registration: ports({ redeem }) };
  world.start();
  world.advanceTo(0, MINUTE);
  world.gateway.answer = () => undefined;
  world.mood = "refusing";
  world.device.deregister("reset");
  const { pairingCode } = world.device.offerRegistration()!;
  t.is(
    world.device.authorizeRegistration(pairingCode, { ...AUTHORIZATION, clientId: "~".repeat(100) }),
    "taken",
  );
  for (let day = 1; day < 40; day++) {
    for (const { id } of slots) world.device.consume(id, 3);
    world.advanceTo(day);
  }
  world.restart();
  t.is(world.device.storage.state, "ok");
  world.gateway.answer = (same) => same;
  world.mood = "up";
  world.gateway.arrived = [];
  world.advance(2 * HOUR);
  t.deepEqual(
    kinds(world).filter((kind) => kind === "deregistration" || kind === "grant"),
    ["deregistration", "grant"],
  );
  end(t, world);
});

for (const flow of ["gateway", "direct"] as const)
  test(`what was handed over is in no block that is begun after it was acknowledged: ${flow} flow`, (t) => {
    // The journal breaks longer texts up.
    const secret = "^".repeat(24);
    const piece = "^^^^";
    const redeem: RegistrationOptions["redeem"] = (_, done) =>
      done(200, JSON.stringify({ refresh_token: secret }));
    const nor = new NorFlash({ blockLength: 4096, blocks: 3 });
    const world = offering(flow === "direct" ? { redeem } : {}, [LOW, PAPER], nor);
    const holding = () =>
      [0, 1, 2].map((block) =>
        Buffer.from(nor.bytes.subarray(block * 4096, (block + 1) * 4096)).includes(piece),
      );
    const erases = () => [0, 1, 2].map((block) => nor.erases[block]!);
    world.advanceTo(0, MINUTE);
    const { pairingCode } = world.device.offerRegistration()!;
    world.device.authorizeRegistration(pairingCode, { ...AUTHORIZATION, code: secret });
    world.advance(MINUTE);
    t.is(world.device.figures.queued, 0);
    t.true(holding().includes(true), "it was written");
    const before = erases();
    world.gateway.inform([0]);
    for (let day = 1; erases().some((count, block) => holding()[block] && count === before[block]); day++) {
      if (day > 400) throw new Error("the blocks do not take turns");
      for (let use = 0; use < 8; use++) world.device.consume("paper", 30);
      world.advanceTo(day, HOUR);
      erases().forEach((count, block) => {
        if (count > before[block]!) t.false(holding()[block], `block ${block}, day ${day}`);
      });
    }
    t.false(holding().includes(true), "a full turn later it is nowhere");
    end(t, world);
  });

/** What a customer and the product do from the first start to a second customer, picked up wherever the power has left it. */
function household(world: World): void {
  const settle = () => world.advance(MINUTE);
  const setUp = (slots: readonly number[]) => {
    if (world.flash.isCut) return;
    if (!world.device.mayFinishSetup()) authorize(world);
    settle();
    if (world.gateway.isPending) world.gateway.inform(slots);
    settle();
  };
  setUp([0]);
  world.advance(DAY);
  if (!world.flash.isCut && world.gateway.stored.every(({ message }) => message.kind !== "deregistration"))
    world.device.deregister("reset");
  settle();
  setUp([0, 1]);
}

test("power that is cut at any operation of the set-ups of two customers leaves no way around the offer, and nothing that was agreed to undone", (t) => {
  const whole = () => offering({}, [LOW, PAPER], new NorFlash({ blockLength: 2048, blocks: 3 }));
  const outcomes = new Set<string>();
  let cuts = 0;
  for (const tear of ["before", "halfway", "after"] as const satisfies Tear[])
    for (let operation = 1; ; operation++) {
      const world = whole();
      world.flash.cutAt(operation, tear);
      try {
        household(world);
      } catch (error) {
        if (!world.flash.isCut) throw error;
      }
      const { isCut } = world.flash;
      if (!isCut) break;
      cuts++;
      world.restart();
      const { registration } = world.device;
      outcomes.add(registration);
      const isKnown = (kind: string) => world.gateway.arrived.some((message) => message.kind === kind);
      if (world.device.mayFinishSetup() && registration === "authorized") {
        // It waits, or the gateway has it.
        world.advance(MINUTE);
        t.true(isKnown("authorization"), `${tear} ${operation}`);
      }
      household(world);
      world.advance(2 * DAY);
      const { state } = { state: world.device.registration };
      t.is(state, world.gateway.news!.registered ? "registered" : "deregistered", `${tear} ${operation}`);
      end(t, world);
    }
  t.log(`${cuts} cuts: ${[...outcomes].sort().join(", ")}`);
  t.true(cuts > 60);
  t.deepEqual([...outcomes].sort(), ["abandoned", "authorized", "deregistered", "new", "registered"]);
});

test("power that is cut at any operation of the direct flow's set-ups leaves no way around the offer, and no grant behind", (t) => {
  const outcomes = new Set<string>();
  let cuts = 0;
  for (const tear of ["before", "halfway", "after"] as const satisfies Tear[])
    for (let operation = 1; ; operation++) {
      let answer: ((status: number, body: string) => void) | undefined;
      const redeem = (_: string, done: NonNullable<typeof answer>) => {
        answer = done;
      };
      const nor = new NorFlash({ blockLength: 4096, blocks: 3 });
      const world = offering({ redeem }, [LOW, PAPER], nor);
      /** What the customer has said no to, and what the token endpoint has granted. */
      let isDeclined = false;
      let granted = 0;
      const isOn = () => !world.flash.isCut;
      const agree = (status: number, token = "") => {
        if (isOn()) authorize(world);
        if (!isOn()) return;
        if (status === 200) granted++;
        answer!(status, JSON.stringify({ refresh_token: token }));
      };
      const settle = () => {
        world.advance(MINUTE);
        if (isOn() && world.gateway.isPending) world.gateway.inform([0]);
        world.advance(MINUTE);
      };
      const live = () => {
        agree(0);
        if (isOn()) authorize(world);
        if (isOn()) world.device.abandonRegistration();
        if (isOn()) world.device.offerRegistration();
        isDeclined = isOn();
        if (isOn()) world.device.declineRegistration();
        agree(400);
        agree(200, "Atzr|first");
        settle();
        // The next one's is being redeemed when the device is reset.
        if (isOn()) authorize(world);
        if (isOn()) world.device.deregister("reset");
        if (isOn()) {
          granted++;
          answer!(200, '{"refresh_token":"Atzr|second"}');
        }
        settle();
      };
      world.flash.cutAt(operation, tear);
      try {
        live();
      } catch (error) {
        if (isOn()) throw error;
      }
      if (isOn()) break;
      cuts++;
      const late = answer;
      world.restart();
      const { registration } = world.device;
      outcomes.add(registration);
      const name = `${tear} ${operation}: ${registration}`;
      const open = ["new", "abandoned", "deregistered"];
      t.is(world.device.mayFinishSetup(), !open.includes(registration), name);
      if (registration === "declined") t.true(isDeclined, name);
      if (registration === "registered") t.true(world.gateway.news?.registered, name);
      if (registration === "authorized" || registration === "registered") t.true(granted > 0, name);
      // The run that has asked is over.
      late?.(200, '{"refresh_token":"Atzr|late"}');
      t.is(world.device.registration, registration, name);
      const before = arrived(world, "grant").length;
      world.advance(MINUTE);
      if (registration === "authorized") t.true(arrived(world, "grant").length + before > 0, name);
      t.true(
        arrived(world, "grant").every(({ refreshToken }) => refreshToken !== "Atzr|late"),
        name,
      );
      // Picked up again: whatever there was, the next customer is registered.
      if (world.device.registration === "registered") world.device.deregister("reset");
      world.advance(MINUTE);
      agree(200, "Atzr|last");
      settle();
      settle();
      t.is(world.device.registration, "registered", name);
      t.is(arrived(world, "grant").at(-1)!.refreshToken, "Atzr|last", name);
      end(t, world);
    }
  t.log(`${cuts} cuts: ${[...outcomes].sort().join(", ")}`);
  t.deepEqual([...outcomes].sort(), [
    "abandoned",
    "authorized",
    "declined",
    "deregistered",
    "new",
    "registered",
  ]);
});

type Step =
  | { readonly do: "customer" | "leave" | "restart" | "silence" | "speak" | "twice" | "wait" | "offer" }
  | { readonly do: "service"; readonly slots: readonly number[] | undefined }
  | { readonly do: "redeem"; readonly slots: readonly number[] | undefined }
  | { readonly do: "late"; readonly which: number };

test("whatever is doubled, late or lost on the way, device and gateway end up with the same, and nothing is ordered without it", (t) => {
  const slots = fc.option(fc.subarray([0, 1]), { nil: undefined });
  const step: fc.Arbitrary<Step> = fc.oneof(
    ...(["customer", "leave", "restart", "silence", "speak", "twice", "wait", "offer"] as const).map((each) =>
      fc.constant<Step>({ do: each }),
    ),
    slots.map((each): Step => ({ do: "service", slots: each })),
    slots.map((each): Step => ({ do: "redeem", slots: each })),
    fc.nat(200).map((which): Step => ({ do: "late", which })),
  );
  const seen: Record<string, number> = {};
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const world = offering();
      world.advance(MINUTE);
      const { gateway } = world;
      for (const each of steps) {
        switch (each.do) {
          case "customer":
            authorize(world);
            break;
          case "offer":
            world.device.offerRegistration();
            break;
          case "leave":
            world.device.deregister("unlinked");
            break;
          case "restart":
            world.restart();
            break;
          case "silence":
            gateway.answer = () => undefined;
            break;
          case "speak":
            gateway.answer = (same) => same;
            break;
          case "twice":
            world.twice = !world.twice;
            break;
          case "wait":
            world.advance(DAY);
            break;
          case "service":
            // Notifications say what is; they change nothing while a code is redeemed.
            if (!gateway.isPending) gateway.inform(each.slots);
            break;
          case "redeem":
            if (gateway.isPending) gateway.inform(each.slots, each.slots ? "none" : "refused");
            break;
          case "late":
            world.push(gateway.sent[each.which % Math.max(1, gateway.sent.length)]);
        }
        world.advance(20_000);
        if (world.device.registration !== "registered" && world.device.registration !== "new") {
          const { decision } = world.device.slot("soap");
          if (decision !== "not-registered") return false;
        }
      }
      gateway.answer = (same) => same;
      if (gateway.isPending) gateway.inform([0]);
      world.advance(3 * DAY);
      if (gateway.isPending) gateway.inform([0]);
      world.advance(3 * DAY);
      const { news } = gateway;
      const state = world.device.registration;
      seen[state] = (seen[state] ?? 0) + 1;
      if (gateway.problems.length + world.violations.length > 0) return false;
      if (news && gateway.informed !== news.number) return false;
      if (!news?.registered) return state !== "registered" && state !== "authorized";
      return (
        state === "registered" &&
        [0, 1].every(
          (slot) =>
            (world.device.slot(["soap", "paper"][slot]!).decision === "not-subscribed") !==
            ((news.subscribed >> slot) % 2 === 1),
        )
      );
    }),
    { numRuns: 200 },
  );
  t.log(JSON.stringify(seen));
  t.true(["new", "registered", "deregistered", "abandoned"].every((state) => (seen[state] ?? 0) > 0));
});
