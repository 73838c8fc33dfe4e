import { readFileSync } from "node:fs";
import test from "ava";
import { Decoder, Encoder } from "cbor-x";
import fc from "fast-check";
import { Codec } from "../../../sdk/uplink/codec.js";
import { UplinkError } from "../../../sdk/uplink/errors.js";
import { MAX_BODY, MAX_UP_BODY } from "../../../sdk/uplink/guard.js";
import {
  type Acknowledgement,
  type AuthorizationMessage,
  CLOCK_STATES,
  DEREGISTRATION_REASONS,
  type Deregistration,
  type DownlinkMessage,
  type GrantMessage,
  type HealthRecord,
  IMAGE_OUTCOMES,
  type ImageOffer,
  type Informed,
  type Intent,
  MAX_EVENTS,
  type Offered,
  ORDER_STATES,
  type OrderEvent,
  type Poll,
  REGISTRATION_FAILURES,
  RESET_CAUSES,
  type RegistrationNews,
  SETTINGS_OUTCOMES,
  type Settings,
  type Settled,
  type SlotSettings,
  type Status,
  type UplinkMessage,
} from "../../../sdk/uplink/messages.js";
import { seal } from "../../../sdk/uplink/seal.js";
import { hex, unhex } from "./support.js";

type Message = UplinkMessage | DownlinkMessage;

const codec = new Codec();
/** Another encoder with the same options as the codec's: what it makes of an array is what the codec must make of it. */
const encoder = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });

function encode(message: Message): Uint8Array {
  return isDownlink(message) ? codec.encodeDownlink(message) : codec.encodeUplink(message);
}

function isDownlink(message: Message): message is DownlinkMessage {
  return ["acknowledgement", "settings", "image", "registration"].includes(message.kind);
}

function decode(direction: "up" | "down", bytes: Uint8Array): Message {
  return direction === "down" ? codec.decodeDownlink(bytes) : codec.decodeUplink(bytes);
}

function cbor(value: unknown): Uint8Array {
  return new Uint8Array(encoder.encode(value));
}

/** The array that a message is on the wire, as the README says. */
function positions(message: Message): unknown[] {
  switch (message.kind) {
    case "poll":
      return [0, message.applied];
    case "status": {
      const { slot, day, consumed, remaining, onHand, runOut, early, late, idle, applied } = message;
      return [1, slot, day, consumed, remaining, onHand, runOut, early * 256 + late, idle, applied];
    }
    case "intent": {
      const { slot, cycle, day, quantity, remaining, runOut, applied } = message;
      return [2, slot, cycle, day, quantity, remaining, runOut, applied];
    }
    case "health": {
      const { day, version, resets, leastFree, mostErases, worn, damaged, dropped, utcOffset } = message;
      const clock = ["unknown", "drifting", "trusted"].indexOf(message.clock);
      const { settings, applied } = message;
      return [
        ...[3, day, ...version, resets, leastFree, mostErases, worn, damaged, dropped, clock],
        ...[utcOffset + 840, settings, applied],
      ];
    }
    case "settled": {
      const outcomes = ["applied", "utcOffset", "slot", "reserveDays", "epsilon"];
      return [4, message.number, outcomes.indexOf(message.outcome), message.slot, message.applied];
    }
    case "offered": {
      const outcomes = [
        ...["taken", "known", "unsupported", "malformed", "product", "chip", "key", "signature"],
        ...["downgrade", "from", "size", "rejected", "busy", "storage"],
      ];
      return [5, message.image, outcomes.indexOf(message.outcome), message.applied];
    }
    case "authorization": {
      const { code, clientId, redirectUri, verifier, applied } = message;
      return [6, fours(code), fours(clientId), fours(redirectUri), fours(verifier), applied];
    }
    case "grant":
      return [7, fours(message.clientId), fours(message.refreshToken), message.applied];
    case "deregistration":
      return [8, ["deleted", "unlinked", "reset"].indexOf(message.reason), message.applied];
    case "informed":
      return [9, message.number, message.applied];
    case "registration": {
      const failures = ["none", "refused", "unreachable", "unavailable"];
      const { number, registered, subscribed, failure } = message;
      return [18, number, registered ? 1 : 0, subscribed, failures.indexOf(failure)];
    }
    case "image":
      return new Decoder().decode(message.description);
    case "settings":
      return [
        17,
        message.number,
        message.utcOffset === undefined ? 0 : message.utcOffset + 841,
        message.slots.map(({ slot, reserveDays, epsilon }) => [
          slot,
          reserveDays === undefined ? 0 : reserveDays + 1,
          epsilon === undefined ? 0 : epsilon + 1,
        ]),
      ];
    case "acknowledgement":
      return [
        16,
        message.seen,
        message.time,
        message.newest,
        message.events.map(({ number, slot, cycle, state, day }) => [
          number,
          slot,
          cycle,
          ["accepted", "placed", "shipped", "resolution", "cancelled", "rejected", "unknown"].indexOf(state),
          day,
        ]),
      ];
  }
}

/** Four characters of a text to a number, the first in front. */
function fours(text: string): number[] {
  return (text.match(/.{1,4}/g) ?? []).map((four) => Number.parseInt(Buffer.from(four).toString("hex"), 16));
}

type Bounds<T> = { readonly [field in keyof T]?: readonly [least: number, most: number] };
const WORD = [0, 0xffff] as const;
const FROM_1 = [1, 0xffff] as const;
const LONG = [0, 0xffffffff] as const;
const BYTE = [0, 255] as const;
const SLOT = [0, 22] as const;

const POLL: Bounds<Poll> = { applied: WORD };
const STATUS: Bounds<Status> = {
  slot: SLOT,
  day: WORD,
  consumed: LONG,
  remaining: WORD,
  onHand: WORD,
  runOut: WORD,
  early: BYTE,
  late: BYTE,
  idle: BYTE,
  applied: WORD,
};
const INTENT: Bounds<Intent> = {
  slot: SLOT,
  cycle: FROM_1,
  day: WORD,
  quantity: FROM_1,
  remaining: WORD,
  runOut: WORD,
  applied: WORD,
};
const HEALTH: Bounds<HealthRecord> = {
  day: WORD,
  leastFree: LONG,
  mostErases: LONG,
  worn: WORD,
  damaged: LONG,
  dropped: LONG,
  settings: WORD,
  applied: WORD,
};
const SETTLED: Bounds<Settled> = { number: FROM_1, slot: WORD, applied: WORD };
const OFFERED: Bounds<Offered> = { image: LONG, applied: WORD };
const APPLIED = { applied: WORD };
const INFORMED: Bounds<Informed> = { number: WORD, applied: WORD };
const SETTINGS: Bounds<Settings> = { number: FROM_1 };
const ACKNOWLEDGEMENT: Bounds<Acknowledgement> = { seen: LONG, time: LONG, newest: WORD };
const EVENT: Bounds<OrderEvent> = { number: FROM_1, slot: SLOT, cycle: FROM_1, day: WORD };

/** Numbers of every size that they can have on the wire, and their edges. */
function within([least, most]: readonly [number, number]): fc.Arbitrary<number> {
  const edges = [0, 1, 23, 24, 255, 256, 65535, 65536, most].filter((n) => n >= least && n <= most);
  return fc.oneof(fc.integer({ min: least, max: most }), fc.constantFrom(...edges));
}

function fields<T>(kind: object, bounds: Bounds<T>): fc.Arbitrary<T> {
  const arbitraries = Object.entries(bounds).map(([field, each]) => [
    field,
    within(each as [number, number]),
  ]);
  return fc
    .record(Object.fromEntries(arbitraries))
    .map((values) => ({ ...kind, ...(values as object) }) as T);
}

const anyEvent = fc
  .tuple(fields<OrderEvent>({}, EVENT), fc.constantFrom(...ORDER_STATES))
  .map(([event, state]) => ({ ...event, state }));
const anyAcknowledgement = fc
  .tuple(
    fields<Acknowledgement>({ kind: "acknowledgement" }, ACKNOWLEDGEMENT),
    fc.array(anyEvent, { maxLength: MAX_EVENTS }),
  )
  .map(([message, events]) => ({ ...message, events }));
const anyHealth = fc
  .tuple(
    fields<HealthRecord>({ kind: "health" }, HEALTH),
    fc.record({
      version: fc.tuple(within(WORD), within(WORD), within(WORD)),
      resets: fc.array(within(WORD), { minLength: 7, maxLength: 7 }),
      clock: fc.constantFrom(...CLOCK_STATES),
      utcOffset: fc.integer({ min: -840, max: 840 }),
    }),
  )
  .map(([message, more]): HealthRecord => ({ ...message, ...more }));
const anySettled = fc
  .tuple(fields<Settled>({ kind: "settled" }, SETTLED), fc.constantFrom(...SETTINGS_OUTCOMES))
  .map(([message, outcome]) => ({ ...message, outcome }));
/** Whether a device can have the values is not the codec's matter. */
const anySlotSettings: fc.Arbitrary<SlotSettings> = fc.record(
  { slot: within(WORD), reserveDays: fc.nat(65_534), epsilon: fc.nat(65_534) },
  { requiredKeys: ["slot"], noNullPrototype: true },
);
const anySettings: fc.Arbitrary<Settings> = fc.record(
  {
    kind: fc.constant("settings" as const),
    number: within(FROM_1),
    utcOffset: fc.integer({ min: -840, max: 65_535 - 841 }),
    slots: fc.array(anySlotSettings, { maxLength: 23 }),
  },
  { requiredKeys: ["kind", "number", "slots"], noNullPrototype: true },
);
const anyOffered = fc
  .tuple(fields<Offered>({ kind: "offered" }, OFFERED), fc.constantFrom(...IMAGE_OUTCOMES))
  .map(([message, outcome]) => ({ ...message, outcome }));
const anyText = (most: number) =>
  fc
    .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 1, maxLength: most })
    .map((codes) => String.fromCharCode(...codes));
const anyAuthorization: fc.Arbitrary<AuthorizationMessage> = fc.record(
  {
    kind: fc.constant("authorization" as const),
    code: anyText(128),
    clientId: anyText(100),
    redirectUri: anyText(200),
    verifier: anyText(128),
    applied: within(WORD),
  },
  { noNullPrototype: true },
);
const anyGrant: fc.Arbitrary<GrantMessage> = fc.record(
  {
    kind: fc.constant("grant" as const),
    clientId: anyText(100),
    refreshToken: anyText(960),
    applied: within(WORD),
  },
  { noNullPrototype: true },
);
const anyDeregistration = fc
  .tuple(
    fields<Deregistration>({ kind: "deregistration" }, APPLIED),
    fc.constantFrom(...DEREGISTRATION_REASONS),
  )
  .map(([message, reason]) => ({ ...message, reason }));
const anyInformed = fields<Informed>({ kind: "informed" }, INFORMED);
const anyNews: fc.Arbitrary<RegistrationNews> = fc
  .tuple(within(FROM_1), fc.option(fc.nat(2 ** 23 - 1)), fc.constantFrom(...REGISTRATION_FAILURES))
  .map(([number, slots, failure]) => ({
    kind: "registration",
    number,
    registered: slots !== null,
    subscribed: slots ?? 0,
    failure,
  }));
/** An image's description, whose fields are the updater's matter. */
const anyImage: fc.Arbitrary<ImageOffer> = fc
  .tuple(fc.array(within(LONG), { maxLength: 23 }), fc.array(within(LONG), { maxLength: 23 }))
  .map(([image, signature]) => ({ kind: "image", description: cbor([20, image, signature]) }));
const anyDownlink: fc.Arbitrary<DownlinkMessage> = fc.oneof(
  anyAcknowledgement,
  anySettings,
  anyImage,
  anyNews,
);
const anyUplink: fc.Arbitrary<UplinkMessage> = fc.oneof(
  anyHealth,
  anySettled,
  anyOffered,
  anyAuthorization,
  anyGrant,
  anyDeregistration,
  anyInformed,
  fields<Poll>({ kind: "poll" }, POLL),
  fields<Status>({ kind: "status" }, STATUS),
  fields<Intent>({ kind: "intent" }, INTENT),
);

/** The bytes of an image's description with these numbers in it. */
function description(key: number, product: number, chip: number, word: number): Uint8Array {
  const words = (count: number) => new Array<number>(count).fill(word);
  return cbor([20, [key, product, chip, word, word, word, words(8)], words(16)]);
}

/** The fields at their least or most. */
function extreme<T>(kind: object, bounds: Bounds<T>, end: 0 | 1): T {
  const values = Object.entries(bounds).map(([field, each]) => [field, (each as [number, number])[end]]);
  return { ...kind, ...Object.fromEntries(values) } as T;
}

const LARGEST: readonly Message[] = [
  extreme<Poll>({ kind: "poll" }, POLL, 1),
  extreme<Status>({ kind: "status" }, STATUS, 1),
  extreme<Intent>({ kind: "intent" }, INTENT, 1),
  {
    ...extreme<Acknowledgement>({ kind: "acknowledgement" }, ACKNOWLEDGEMENT, 1),
    events: new Array<OrderEvent>(MAX_EVENTS).fill({
      ...extreme<OrderEvent>({}, EVENT, 1),
      state: "unknown",
    }),
  },
  {
    ...extreme<HealthRecord>({ kind: "health" }, HEALTH, 1),
    version: [65535, 65535, 65535],
    resets: new Array(RESET_CAUSES.length).fill(65535),
    clock: "trusted",
    utcOffset: 840,
  },
  { ...extreme<Settled>({ kind: "settled" }, SETTLED, 1), outcome: "epsilon" },
  {
    kind: "settings",
    number: 65535,
    utcOffset: 840,
    slots: Array.from({ length: 23 }, (_, slot) => ({ slot, reserveDays: 365, epsilon: 999 })),
  },
  { ...extreme<Offered>({ kind: "offered" }, OFFERED, 1), outcome: "storage" },
  { kind: "image", description: description(22, 0xffffffff, 0xffff, 0xffffffff) },
  {
    kind: "authorization",
    code: "~".repeat(128),
    clientId: "~".repeat(100),
    redirectUri: "~".repeat(200),
    verifier: "~".repeat(128),
    applied: 65535,
  },
  { kind: "grant", clientId: "~".repeat(100), refreshToken: "~".repeat(960), applied: 65535 },
  { kind: "deregistration", reason: "reset", applied: 65535 },
  { kind: "informed", number: 65535, applied: 65535 },
  {
    kind: "registration",
    number: 65535,
    registered: true,
    subscribed: 2 ** 23 - 1,
    failure: "unavailable",
  },
];
const SMALLEST: readonly Message[] = [
  extreme<Poll>({ kind: "poll" }, POLL, 0),
  extreme<Status>({ kind: "status" }, STATUS, 0),
  extreme<Intent>({ kind: "intent" }, INTENT, 0),
  { ...extreme<Acknowledgement>({ kind: "acknowledgement" }, ACKNOWLEDGEMENT, 0), events: [] },
  {
    ...extreme<HealthRecord>({ kind: "health" }, HEALTH, 0),
    version: [0, 0, 0],
    resets: new Array(RESET_CAUSES.length).fill(0),
    clock: "unknown",
    utcOffset: -840,
  },
  { ...extreme<Settled>({ kind: "settled" }, SETTLED, 0), outcome: "applied" },
  { kind: "settings", number: 1, slots: [] },
  { ...extreme<Offered>({ kind: "offered" }, OFFERED, 0), outcome: "taken" },
  { kind: "image", description: description(0, 0, 0, 0) },
  { kind: "authorization", code: "!", clientId: "!", redirectUri: "!", verifier: "!", applied: 0 },
  { kind: "grant", clientId: "!", refreshToken: "!", applied: 0 },
  { kind: "deregistration", reason: "deleted", applied: 0 },
  { kind: "informed", number: 0, applied: 0 },
  { kind: "registration", number: 1, registered: false, subscribed: 0, failure: "none" },
];
const ORDINARY: readonly Message[] = [
  { kind: "poll", applied: 2 },
  {
    kind: "status",
    slot: 1,
    day: 20600,
    consumed: 1230,
    remaining: 345,
    onHand: 0,
    runOut: 11,
    early: 3,
    late: 4,
    idle: 1,
    applied: 2,
  },
  { kind: "intent", slot: 1, cycle: 3, day: 20600, quantity: 1000, remaining: 345, runOut: 11, applied: 2 },
  {
    kind: "acknowledgement",
    seen: 300,
    time: 1_779_840_000,
    newest: 3,
    events: [
      { number: 2, slot: 1, cycle: 3, state: "accepted", day: 0 },
      { number: 3, slot: 1, cycle: 3, state: "placed", day: 20604 },
    ],
  },
  {
    kind: "health",
    day: 20600,
    version: [1, 4, 12],
    resets: [0, 3, 0, 1, 0, 0, 2],
    leastFree: 18_432,
    mostErases: 57,
    worn: 0,
    damaged: 0,
    dropped: 9,
    clock: "trusted",
    utcOffset: -480,
    settings: 2,
    applied: 2,
  },
  { kind: "settled", number: 3, outcome: "reserveDays", slot: 1, applied: 2 },
  { kind: "settings", number: 3, utcOffset: 60, slots: [{ slot: 1, reserveDays: 0, epsilon: 30 }] },
  { kind: "offered", image: 0x1c291ca3, outcome: "known", applied: 2 },
  { kind: "image", description: description(1, 300, 5, 70_000) },
  {
    kind: "authorization",
    code: "ANdNAVhyhqirUelHGEHA",
    clientId: "amzn1.application-oa2-client.0123456789abcdef0123456789abcdef",
    redirectUri: "https://app.example/lwa?a=1",
    verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    applied: 2,
  },
  { kind: "grant", clientId: "amzn1.application-oa2-client.1", refreshToken: "Atzr|IQEBLzAtAhR", applied: 2 },
  { kind: "deregistration", reason: "unlinked", applied: 2 },
  { kind: "informed", number: 4, applied: 2 },
  { kind: "registration", number: 4, registered: true, subscribed: 5, failure: "none" },
];
const SAMPLES = [...SMALLEST, ...ORDINARY, ...LARGEST];

function direction(message: Message): "up" | "down" {
  return isDownlink(message) ? "down" : "up";
}

/** Decodes; what was refused with its own error is `undefined`, any other error is let through. */
function attempt(way: "up" | "down", bytes: Uint8Array): Message | undefined {
  try {
    return decode(way, bytes);
  } catch (error) {
    if (error instanceof UplinkError) return undefined;
    throw error;
  }
}

test("every message comes back as it was", (t) => {
  for (const message of SAMPLES) t.deepEqual(decode(direction(message), encode(message)), message);
  fc.assert(
    fc.property(anyUplink, (message) => {
      t.deepEqual(codec.decodeUplink(codec.encodeUplink(message)), message);
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(anyDownlink, (message) => {
      t.deepEqual(codec.decodeDownlink(codec.encodeDownlink(message)), message);
    }),
    { numRuns: 300 },
  );
});

test("the bytes are plain CBOR: another encoder makes the same of the positions, another decoder reads them", (t) => {
  const decoder = new Decoder();
  fc.assert(
    fc.property(fc.oneof(anyUplink, anyDownlink), (message) => {
      const bytes = encode(message);
      t.is(hex(bytes), hex(cbor(positions(message))));
      t.deepEqual(decoder.decode(bytes), positions(message));
    }),
    { numRuns: 300 },
  );
});

const vectors = JSON.parse(
  readFileSync(new URL("../../../../sdk/uplink/vectors.json", import.meta.url), "utf8"),
  (name, value) => (name === "description" ? unhex(value) : value),
) as { messages: { name: string; direction: "up" | "down"; message: Message; body: string }[] };

for (const vector of vectors.messages)
  test(`pinned vector "${vector.name}" encodes to its body and decodes to its message`, (t) => {
    t.is(hex(encode(vector.message)), vector.body);
    t.deepEqual(decode(vector.direction, unhex(vector.body)), vector.message);
  });

test("the pinned vectors hold every kind of message, every state of an order and every outcome of settings, images and registrations", (t) => {
  t.deepEqual([...new Set(vectors.messages.map(({ message }) => message.kind))].sort(), [
    "acknowledgement",
    "authorization",
    "deregistration",
    "grant",
    "health",
    "image",
    "informed",
    "intent",
    "offered",
    "poll",
    "registration",
    "settings",
    "settled",
    "status",
  ]);
  const outcomes = vectors.messages.flatMap(({ message }) =>
    message.kind === "settled" ? [message.outcome] : [],
  );
  t.deepEqual([...new Set(outcomes)].sort(), [...SETTINGS_OUTCOMES].sort());
  const offers = vectors.messages.flatMap(({ message }) =>
    message.kind === "offered" ? [message.outcome] : [],
  );
  t.deepEqual([...new Set(offers)].sort(), [...IMAGE_OUTCOMES].sort());
  const reasons = vectors.messages.flatMap(({ message }) =>
    message.kind === "deregistration" ? [message.reason] : [],
  );
  t.deepEqual([...new Set(reasons)].sort(), [...DEREGISTRATION_REASONS].sort());
  const failures = vectors.messages.flatMap(({ message }) =>
    message.kind === "registration" ? [message.failure] : [],
  );
  t.deepEqual([...new Set(failures)].sort(), [...REGISTRATION_FAILURES].sort());
  const states = vectors.messages.flatMap(({ message }) =>
    message.kind === "acknowledgement" ? message.events.map(({ state }) => state) : [],
  );
  t.deepEqual([...new Set(states)].sort(), [...ORDER_STATES].sort());
});

test("with every field at its largest a status is 28 bytes, and at most 52 sealed", (t) => {
  const lengths = LARGEST.map((message) => [message.kind, encode(message).length]);
  t.deepEqual(Object.fromEntries(lengths), {
    poll: 5,
    registration: 12,
    status: 28,
    informed: 8,
    intent: 21,
    acknowledgement: 40,
    authorization: 708,
    deregistration: 6,
    grant: 1334,
    health: 69,
    settled: 12,
    settings: 193,
    offered: 11,
    image: 149,
  });
  const key = { number: 255, secret: new Uint8Array(32).fill(9) };
  t.true(seal(key, "up", 0xffffffff, encode(LARGEST[1]!)).length <= 52);
});

test("no status is larger than 28 bytes, whatever is in it", (t) => {
  fc.assert(
    fc.property(
      fields<Status>({ kind: "status" }, STATUS),
      (status) => codec.encodeUplink(status).length <= 28,
    ),
  );
  t.pass();
});

/** Every field with its bounds, and how a message is made with another value in it. */
const FIELDS: readonly {
  name: string;
  field: string;
  bounds: readonly [number, number];
  make(value: number): Message;
}[] = [
  ...spread("poll", POLL, ORDINARY[0]!),
  ...spread("status", STATUS, ORDINARY[1]!),
  ...spread("intent", INTENT, ORDINARY[2]!),
  ...spread("acknowledgement", ACKNOWLEDGEMENT, ORDINARY[3]!),
  ...spread("health", HEALTH, ORDINARY[4]!),
  ...spread("settled", SETTLED, ORDINARY[5]!),
  ...spread("settings", SETTINGS, ORDINARY[6]!),
  ...spread("offered", OFFERED, ORDINARY[7]!),
  ...[0, 1, 2].map((part) => ({
    name: `health version part ${part}`,
    field: "version",
    bounds: WORD,
    make: (value: number): Message => {
      const message = ORDINARY[4] as HealthRecord;
      return { ...message, version: message.version.with(part, value) as never };
    },
  })),
  ...RESET_CAUSES.map((cause, index) => ({
    name: `health resets by ${cause}`,
    field: "resets",
    bounds: WORD,
    make: (value: number): Message => {
      const message = ORDINARY[4] as HealthRecord;
      return { ...message, resets: message.resets.with(index, value) };
    },
  })),
  ...Object.entries(EVENT).map(([field, bounds]) => ({
    name: `event ${field}`,
    field: `event ${field}`,
    bounds,
    make: (value: number): Message => {
      const message = ORDINARY[3] as Acknowledgement;
      return { ...message, events: [message.events[0]!, { ...message.events[1]!, [field]: value }] };
    },
  })),
];

function spread<T>(kind: string, bounds: Bounds<T>, message: Message) {
  return Object.entries(bounds).map(([field, each]) => ({
    name: `${kind} ${field}`,
    field,
    bounds: each as readonly [number, number],
    make: (value: number): Message => ({ ...message, [field]: value }),
  }));
}

for (const { name, field, bounds, make } of FIELDS) {
  const [least, most] = bounds;

  test(`${name}: ${least} to ${most} are encoded, anything else is refused with its name and value`, (t) => {
    for (const value of [least, most]) {
      const message = make(value);
      t.deepEqual(decode(direction(message), encode(message)), message);
    }
    for (const value of [least - 1, most + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, undefined as never])
      t.throws(() => encode(make(value)), {
        instanceOf: UplinkError,
        code: "range",
        message: `${field}: a whole number from ${least} to ${most} is accepted (got ${value})`,
      });
  });

  // One number on the wire; its bound is that of both together.
  if (field === "early" || field === "late") continue;

  const outside = [least - 1, most + 1].filter((value) => value >= 0 && value <= 0xffffffff);
  // Four bytes are whatever they are: there is no number outside.
  if (outside.length > 0)
    test(`${name}: what is outside ${least} to ${most} on the wire is refused with its name`, (t) => {
      for (const value of outside) {
        const message = make(value);
        t.throws(() => decode(direction(message), cbor(positions(message))), {
          instanceOf: UplinkError,
          code: "range",
          message: `${field}: a whole number from ${least} to ${most} is accepted (got ${value})`,
        });
      }
    });

  test(`${name}: an array where the number should be is refused with its name`, (t) => {
    const message = make([] as never);
    t.throws(() => decode(direction(message), cbor(positions(message))), {
      instanceOf: UplinkError,
      code: "shape",
      message: `${field}: a whole number is accepted`,
    });
  });
}

test("early and late days that do not fit in two bytes are refused", (t) => {
  const wire = positions(ORDINARY[1]!);
  t.throws(() => codec.decodeUplink(cbor(wire.with(7, 65536))), {
    instanceOf: UplinkError,
    code: "range",
    message: "early and late: a whole number from 0 to 65535 is accepted (got 65536)",
  });
  t.like(codec.decodeUplink(cbor(wire.with(7, 0xff01))), { early: 255, late: 1 });
  t.throws(() => codec.decodeUplink(cbor(wire.with(7, []))), { code: "shape", message: /^early and late: / });
});

test("more events than two and states that there are not are refused, up and down", (t) => {
  const message = ORDINARY[3] as Acknowledgement;
  const many = { ...message, events: new Array<OrderEvent>(MAX_EVENTS + 1).fill(message.events[0]!) };
  t.throws(() => codec.encodeDownlink(many), {
    instanceOf: UplinkError,
    code: "range",
    message: "events: at most 2 are accepted (got 3)",
  });
  t.throws(() => codec.decodeDownlink(cbor(positions(many))), {
    instanceOf: UplinkError,
    code: "shape",
    message: "events: an array of at most 2 is accepted",
  });
  const lost = { ...message, events: [{ ...message.events[0]!, state: "lost" as never }] };
  t.throws(() => codec.encodeDownlink(lost), {
    instanceOf: UplinkError,
    code: "range",
    message: /^event state: one of accepted, placed, .* \(got lost\)$/,
  });
  t.throws(() => codec.decodeDownlink(cbor([16, 1, 1, 1, [[1, 0, 1, ORDER_STATES.length, 0]]])), {
    instanceOf: UplinkError,
    code: "range",
    message: "event state: a whole number from 0 to 6 is accepted (got 7)",
  });
});

test("names that there are not and counts of more or fewer causes are refused", (t) => {
  const health = ORDINARY[4] as HealthRecord;
  t.throws(() => encode({ ...health, clock: "late" as never }), { code: "range", message: /^clock: one of/ });
  t.throws(() => encode({ ...health, resets: [1, 2] }), { code: "range", message: /^resets: .*undefined/ });
  for (const resets of [[], new Array(6).fill(0), new Array(8).fill(0)])
    t.throws(() => codec.decodeUplink(cbor(positions(health).with(5, resets))), {
      code: "shape",
      message: `resets: 7 fields are accepted (got ${resets.length})`,
    });
  t.throws(() => codec.decodeUplink(cbor(positions(health).with(5, 7))), { code: "shape" });
  t.throws(() => codec.decodeUplink(cbor(positions(health).with(11, 3))), {
    code: "range",
    message: "clock: a whole number from 0 to 2 is accepted (got 3)",
  });
  const settled = ORDINARY[5] as Settled;
  t.throws(() => encode({ ...settled, outcome: "lost" as never }), {
    code: "range",
    message: /^outcome: one/,
  });
  t.throws(() => codec.decodeUplink(cbor(positions(settled).with(2, 5))), {
    code: "range",
    message: "outcome: a whole number from 0 to 4 is accepted (got 5)",
  });
});

test("an offset is within 14 hours where the device tells it, and up to what two bytes hold where it is told", (t) => {
  const health = ORDINARY[4] as HealthRecord;
  for (const utcOffset of [-841, 841, 0.5])
    t.throws(() => encode({ ...health, utcOffset }), {
      code: "range",
      message: `utcOffset: a whole number from -840 to 840 is accepted (got ${utcOffset})`,
    });
  t.throws(() => codec.decodeUplink(cbor(positions(health).with(12, 1681))), { code: "range" });
  const settings = ORDINARY[6] as Settings;
  for (const utcOffset of [-841, 64_695, 0.5])
    t.throws(() => encode({ ...settings, utcOffset }), {
      code: "range",
      message: `utcOffset: a whole number from -840 to 64694 is accepted (got ${utcOffset})`,
    });
  t.throws(() => codec.decodeDownlink(cbor([17, 1, 65_536, []])), {
    code: "range",
    message: "utcOffset: a whole number from 0 to 65535 is accepted (got 65536)",
  });
});

test("settings of more than 23 slots, and values that two bytes do not hold, are refused", (t) => {
  const settings = ORDINARY[6] as Settings;
  const many = { ...settings, slots: new Array<SlotSettings>(24).fill({ slot: 1 }) };
  t.throws(() => encode(many), { code: "range", message: "slots: at most 23 are accepted (got 24)" });
  t.throws(() => codec.decodeDownlink(cbor(positions(many))), {
    code: "shape",
    message: "slots: an array of at most 23 is accepted",
  });
  for (const field of ["reserveDays", "epsilon"] as const)
    for (const value of [-1, 65_535, 0.5])
      t.throws(() => encode({ ...settings, slots: [{ slot: 1, [field]: value }] }), {
        code: "range",
        message: `${field}: a whole number from 0 to 65534 is accepted (got ${value})`,
      });
});

const SHAPES: readonly [text: string, way: "up" | "down", wire: unknown, message: RegExp][] = [
  ["a number", "up", 1, /^message: an array is accepted$/],
  ["an empty array", "up", [], /^kind: 0 to 9 are accepted upwards \(got undefined\)$/],
  ["an unknown kind", "up", [10, 1], /^kind: 0 to 9 are accepted upwards \(got 10\)$/],
  ["an image", "up", [20, [], []], /^kind: 0 to 9 are accepted upwards \(got 20\)$/],
  [
    "an answer to an image with a field more",
    "up",
    [5, 1, 0, 0, 0],
    /^offered: 4 fields are accepted \(got 5\)$/,
  ],
  ["a kind that is an array", "up", [[0], 1], /^kind: 0 to 9 are accepted upwards/],
  ["an acknowledgement", "up", [16, 1, 1, 1, []], /^kind: 0 to 9 are accepted upwards \(got 16\)$/],
  ["a poll of one field", "up", [0], /^poll: 2 fields are accepted \(got 1\)$/],
  ["a poll of three fields", "up", [0, 1, 1], /^poll: 2 fields are accepted \(got 3\)$/],
  [
    "a status of nine fields",
    "up",
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
    /^status: 10 fields are accepted \(got 9\)$/,
  ],
  [
    "a status of eleven",
    "up",
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    /^status: 10 fields are accepted \(got 11\)$/,
  ],
  ["an intent of seven fields", "up", [2, 1, 1, 1, 1, 1, 1], /^intent: 8 fields are accepted \(got 7\)$/],
  ["an authorization of five fields", "up", [6, [1], [1], [1], 0], /^authorization: 6 fields are accepted/],
  ["a grant of three fields", "up", [7, [1], [1]], /^grant: 4 fields are accepted/],
  ["a text that is a number", "up", [7, 65, [65], 0], /^clientId: an array of at most 25 is accepted$/],
  ["a text of arrays", "up", [7, [[65]], [65], 0], /^clientId: whole numbers are accepted$/],
  ["a text that is too long", "up", [7, [65], new Array(241).fill(1094795585), 0], /^refreshToken: an array/],
  ["a deregistration of two fields", "up", [8, 0], /^deregistration: 3 fields are accepted/],
  ["an answer to a registration of two fields", "up", [9, 0], /^informed: 3 fields are accepted/],
  ["a registration of four fields", "down", [18, 1, 1, 1], /^registration: 5 fields are accepted/],
  ["a number", "down", 16, /^message: an array is accepted$/],
  ["an empty array", "down", [], /^kind: 16 to 18 or 20 is accepted downwards \(got undefined\)$/],
  ["an image without a signature", "down", [20, []], /^image: 3 fields are accepted \(got 2\)$/],
  ["a poll", "down", [0, 1], /^kind: 16 to 18 or 20 is accepted downwards \(got 0\)$/],
  ["four fields", "down", [16, 1, 1, 1], /^acknowledgement: 5 fields are accepted \(got 4\)$/],
  ["settings", "up", [17, 1, 0, []], /^kind: 0 to 9 are accepted upwards \(got 17\)$/],
  [
    "a health record of fourteen fields",
    "up",
    [3, ...new Array(13).fill(0)],
    /^health: 15 fields are accepted/,
  ],
  ["an answer of six fields", "up", [4, 1, 0, 0, 0, 0], /^settled: 5 fields are accepted \(got 6\)$/],
  ["settings of five fields", "down", [17, 1, 0, [], 0], /^settings: 4 fields are accepted \(got 5\)$/],
  ["slots that are a number", "down", [17, 1, 0, 0], /^slots: an array of at most 23 is accepted$/],
  ["a slot that is a number", "down", [17, 1, 0, [1]], /^message: an array is accepted$/],
  ["a slot of two fields", "down", [17, 1, 0, [[1, 0]]], /^slot settings: 3 fields are accepted \(got 2\)$/],
  ["events that are a number", "down", [16, 1, 1, 1, 0], /^events: an array of at most 2 is accepted$/],
  ["an event that is a number", "down", [16, 1, 1, 1, [1]], /^message: an array is accepted$/],
  [
    "an event of four fields",
    "down",
    [16, 1, 1, 1, [[1, 0, 1, 0]]],
    /^event: 5 fields are accepted \(got 4\)$/,
  ],
];

for (const [text, way, wire, message] of SHAPES)
  test(`${text} ${way} is refused by its shape`, (t) => {
    t.throws(() => decode(way, cbor(wire)), { instanceOf: UplinkError, code: "shape", message });
  });

test("texts that are empty, not printable or packed otherwise are refused, and slots of what is not registered", (t) => {
  const grant = { kind: "grant", clientId: "a", refreshToken: "b", applied: 0 } as const;
  for (const text of ["", " ", "a\u0000", "é", "a".repeat(101)])
    t.throws(() => codec.encodeUplink({ ...grant, clientId: text }), {
      code: "range",
      message: /^clientId: 1 to 100/,
    });
  for (const numbers of [[], [0], [0x41424344, 0], [0x41, 0x41424344], [0x41004142], [0x7f], [0x20]])
    t.throws(() => codec.decodeUplink(cbor([7, numbers, [65], 0])), {
      code: "range",
      message: /^clientId: /,
    });
  const news = {
    kind: "registration",
    number: 1,
    registered: false,
    subscribed: 1,
    failure: "none",
  } as const;
  t.throws(() => codec.encodeDownlink(news), { code: "range" });
  t.throws(() => codec.decodeDownlink(cbor([18, 1, 0, 1, 0])), { code: "range" });
});

test("what is not the canonical subset does not reach the decoder", (t) => {
  for (const body of [
    "",
    "8200",
    "9f0001ff",
    "82f90001",
    "820001ff",
    "82001801",
    "8200c101",
    "82006131",
    "a10001",
  ])
    for (const way of ["up", "down"] as const) {
      const error = t.throws(() => decode(way, unhex(body)), { instanceOf: UplinkError });
      t.true(["truncated", "malformed"].includes(error!.code), body);
    }
  t.throws(() => codec.decodeUplink(new Uint8Array(MAX_UP_BODY + 1)), { code: "oversized" });
  t.throws(() => codec.decodeDownlink(new Uint8Array(MAX_BODY + 1)), { code: "oversized" });
});

test("every message that ends too early is refused as truncated", (t) => {
  for (const message of SAMPLES) {
    const bytes = encode(message);
    for (let length = 0; length < bytes.length; length++)
      t.throws(() => decode(direction(message), bytes.slice(0, length)), {
        instanceOf: UplinkError,
        code: "truncated",
      });
    t.throws(() => decode(direction(message), Uint8Array.from([...bytes, 0])), {
      instanceOf: UplinkError,
      code: "malformed",
    });
  }
});

test("every flipped bit gives another valid message or a typed error, and what is valid has only one encoding", (t) => {
  const outcomes = { other: 0, refused: 0 };
  for (const message of SAMPLES) {
    const bytes = encode(message);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const read = attempt(direction(message), flipped);
      if (read === undefined) outcomes.refused++;
      else {
        outcomes.other++;
        t.notDeepEqual(read, message);
        t.is(hex(encode(read)), hex(flipped));
      }
    }
  }
  t.true(outcomes.other > 100 && outcomes.refused > 100, JSON.stringify(outcomes));
});

test("random bytes and random arrays are read as what they encode, or refused with a typed error", (t) => {
  const small = fc.nat(30);
  const array = fc.array(
    fc.oneof(small, fc.array(fc.oneof(small, fc.array(small, { maxLength: 6 })), { maxLength: 4 })),
    {
      maxLength: 11,
    },
  );
  const body = fc.oneof(fc.uint8Array({ maxLength: 40 }), array.map(cbor));
  fc.assert(
    fc.property(body, fc.constantFrom("up" as const, "down" as const), (bytes, way) => {
      const read = attempt(way, bytes);
      if (read) t.is(hex(encode(read)), hex(bytes));
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test("bytes that were given out stay as they are, and hold nothing else", (t) => {
  const first = encode(ORDINARY[1]!);
  const copy = first.slice();
  for (const message of LARGEST) encode(message);
  new Codec().encodeUplink(LARGEST[1] as Status);
  t.deepEqual(first, copy);
  t.is(first.buffer.byteLength, first.length);
  first.fill(0xff);
  t.deepEqual(encode(ORDINARY[1]!), copy);
});

test("other encoders of cbor-x in the same program neither disturb nor are disturbed", (t) => {
  const own = new Encoder();
  const poll = encode(ORDINARY[0]!);
  // cbor-x writes strings with a method that only Node's buffers have: it must not find the codec's buffer.
  const text = "what a product keeps in CBOR is longer than a word or two, and not ASCII: ü".repeat(3);
  const value = { text, numbers: [1, 2, 3] };
  const result = own.encode(value);
  const numbers = own.encode([1, 2, 3]);
  for (const message of LARGEST) encode(message);
  t.deepEqual(new Decoder().decode(result), value);
  t.deepEqual(new Uint8Array(numbers), unhex("83010203"));
  t.deepEqual(encode(ORDINARY[0]!), poll);
});
