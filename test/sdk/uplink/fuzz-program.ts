import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import {
  Codec,
  type OrderEvent,
  open,
  seal,
  UplinkError,
  type UplinkMessage,
} from "../../../sdk/uplink/index.js";

/* The receiving side as a program for an engine that has nothing of Node: an event is a command as JSON, answered by what became of it. */

export type FuzzCommand =
  | { readonly do: "nothing" }
  /** Keeps the bytes for the next command, so that what it costs to get them here is not in its cost. */
  | { readonly do: "take"; readonly hex: string }
  /** Reads what was taken as a body, in both directions. */
  | { readonly do: "read" }
  /** Opens what was taken, and reads what is in it. */
  | { readonly do: "open" }
  /** Every prefix and every flipped bit of every message, and of one that is sealed. */
  | { readonly do: "mutants" }
  /** Bodies made of what decoders find hard, by chance. */
  | { readonly do: "random"; readonly seed: number; readonly bodies: number };

export interface FuzzAnswer {
  /** Of all outcomes, in order. */
  readonly hash: number;
  readonly accepted: number;
  /** How often, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Errors that are not the codec's own: there must be none. */
  readonly untyped: readonly string[];
}

const KEY = { number: 1, secret: new Uint8Array(32).fill(7) };
const MOST_UNTYPED = 5;
const EVENTS: readonly OrderEvent[] = Array.from({ length: 2 }, (_, i) => ({
  number: 65_534 + i,
  slot: i,
  cycle: 300 + i,
  state: i % 2 === 0 ? "placed" : "cancelled",
  day: 20_000 + i,
}));
const STATUS: UplinkMessage = {
  kind: "status",
  slot: 22,
  day: 20_000,
  consumed: 4_294_967_295,
  remaining: 65_535,
  onHand: 300,
  runOut: 41,
  early: 255,
  late: 3,
  idle: 24,
  applied: 65_535,
};
const INTENT: UplinkMessage = {
  kind: "intent",
  slot: 0,
  cycle: 24,
  day: 20_000,
  quantity: 350,
  remaining: 90,
  runOut: 8,
  applied: 7,
};
const HEALTH: UplinkMessage = {
  kind: "health",
  day: 20_000,
  version: [1, 24, 300],
  resets: [0, 23, 24, 255, 256, 65_535, 1],
  leastFree: 70_000,
  mostErases: 300,
  worn: 2,
  damaged: 0,
  dropped: 4_294_967_295,
  clock: "drifting",
  utcOffset: 345,
  settings: 3,
  applied: 7,
};

/** An image's description with short numbers in it: they are as good as any. */
const DESCRIPTION = Uint8Array.of(
  ...[0x83, 0x14, 0x87, 0x00, 0x19, 0x01, 0x2c, 0x05, 0x0d, 0x00, 0x19, 0x02, 0x00],
  ...[0x88, 0, 1, 2, 3, 4, 5, 6, 7],
  ...[0x90, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
);

const codec = new Codec();
let taken: Uint8Array = new Uint8Array();
let outcome = { hash: 0, accepted: 0, refused: {} as Record<string, number>, untyped: [] as string[] };

function note(text: string): void {
  for (let i = 0; i < text.length; i++)
    outcome.hash = Math.imul(outcome.hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
}

function attempt(task: () => unknown): void {
  try {
    note(JSON.stringify(task()));
    outcome.accepted++;
  } catch (error) {
    if (!(error instanceof UplinkError)) {
      if (outcome.untyped.length < MOST_UNTYPED) outcome.untyped.push(String(error));
      return;
    }
    note(`${error.code} ${error.message}`);
    outcome.refused[error.code] = (outcome.refused[error.code] ?? 0) + 1;
  }
}

function read(body: Uint8Array): void {
  attempt(() => codec.decodeUplink(body));
  attempt(() => codec.decodeDownlink(body));
}

function mutants(): void {
  const bodies = [
    codec.encodeUplink(STATUS),
    codec.encodeUplink(INTENT),
    codec.encodeUplink({ kind: "poll", applied: 300 }),
    codec.encodeDownlink({
      kind: "acknowledgement",
      seen: 70_000,
      time: 1_790_000_000,
      newest: 65_535,
      events: EVENTS,
    }),
    codec.encodeUplink(HEALTH),
    codec.encodeUplink({ kind: "settled", number: 300, outcome: "epsilon", slot: 24, applied: 7 }),
    codec.encodeUplink({ kind: "offered", image: 4_294_967_295, outcome: "storage", applied: 300 }),
    codec.encodeUplink({
      kind: "authorization",
      code: "ANdNAVhyhq",
      clientId: "client",
      redirectUri: "https://a.example/",
      verifier: "dBjftJeZ4CVP",
      applied: 24,
    }),
    codec.encodeUplink({ kind: "grant", clientId: "client", refreshToken: "Atzr|12345", applied: 24 }),
    codec.encodeUplink({ kind: "deregistration", reason: "reset", applied: 300 }),
    codec.encodeUplink({ kind: "informed", number: 300, applied: 24 }),
    codec.encodeDownlink({
      kind: "registration",
      number: 300,
      registered: true,
      subscribed: 300,
      failure: "refused",
    }),
    DESCRIPTION,
    codec.encodeDownlink({
      kind: "settings",
      number: 300,
      utcOffset: -480,
      slots: [{ slot: 0, reserveDays: 300 }, { slot: 22, epsilon: 24 }, { slot: 3 }],
    }),
  ];
  for (const body of bodies) for (const mutant of mutantsOf(body)) read(mutant);
  // Any change of what is sealed is a forgery: one message, as opening takes its time.
  for (const mutant of mutantsOf(seal(KEY, "down", 5, codec.encodeUplink({ kind: "poll", applied: 3 }))))
    attempt(() => open(KEY, "down", mutant).sequence);
}

function* mutantsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) yield bytes.slice(0, length);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield flipped;
  }
}

/** Heads of arrays, numbers, tags, maps, strings, floats and breaks, of every width. */
const HEADS = [
  0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x40, 0x5b, 0x5f, 0x60, 0x7f, 0x80, 0x81, 0x82, 0x85, 0x88,
  0x8a, 0x98, 0x99, 0x9a, 0x9b, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1, 0xc2, 0xd8, 0xd9, 0xda, 0xdf, 0xf4, 0xf6,
  0xf7, 0xf9, 0xfa, 0xfb, 0xff,
];

function random(seed: number, bodies: number): void {
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  for (let i = 0; i < bodies; i++) {
    const body = new Uint8Array(Math.floor(next() ** 3 * 520));
    for (let at = 0; at < body.length; at++)
      body[at] = next() < 0.5 ? HEADS[Math.floor(next() * HEADS.length)]! : Math.floor(next() * 256);
    read(body);
  }
}

function run(command: FuzzCommand): FuzzAnswer {
  outcome = { hash: 0x811c9dc5, accepted: 0, refused: {}, untyped: [] };
  switch (command.do) {
    case "take":
      taken = bytesOf(command.hex);
      break;
    case "read":
      read(taken);
      break;
    case "open":
      attempt(() => codec.decodeDownlink(open(KEY, "down", taken).body));
      break;
    case "mutants":
      mutants();
      break;
    case "random":
      random(command.seed, command.bodies);
  }
  return outcome;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

/** As the XS worker calls it. */
(globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer }).handleCommand = (event) => {
  const command = JSON.parse(fromText(new Uint8Array(event))) as FuzzCommand;
  return toText(JSON.stringify(run(command))).buffer as ArrayBuffer;
};
