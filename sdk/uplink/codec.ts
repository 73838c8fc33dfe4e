import { Decoder, Encoder } from "cbor-x";
import { UplinkError } from "./errors.js";
import { guard, MAX_BODY, MAX_UP_BODY } from "./guard.js";
import {
  CLOCK_STATES,
  DEREGISTRATION_REASONS,
  type DownlinkMessage,
  IMAGE_OUTCOMES,
  MAX_EVENTS,
  MOST_CLIENT_ID,
  MOST_CODE,
  MOST_REDIRECT_URI,
  MOST_TOKEN,
  MOST_VERIFIER,
  ORDER_STATES,
  type OrderEvent,
  REGISTRATION_FAILURES,
  RESET_CAUSES,
  SETTINGS_OUTCOMES,
  type SlotSettings,
  type UplinkMessage,
} from "./messages.js";

declare module "cbor-x" {
  // Documented in its README, missing from its typings.
  interface Encoder {
    useBuffer(buffer: Uint8Array): void;
  }
}

const POLL = 0;
const STATUS = 1;
const INTENT = 2;
const HEALTH = 3;
const SETTLED = 4;
const OFFERED = 5;
const AUTHORIZATION = 6;
const GRANT = 7;
const DEREGISTRATION = 8;
const INFORMED = 9;
const ACKNOWLEDGEMENT = 16;
const SETTINGS = 17;
const REGISTRATION = 18;
const IMAGE = 20;

const UINT32 = 0xffffffff;
const UINT16 = 0xffff;
const UINT8 = 0xff;
/** A bit for each slot. */
const SLOT_BITS = 2 ** 23 - 1;
/** The largest number that CBOR packs into the head byte: the slot limit keeps a status at 28 bytes. */
const TINY = 23;
/** What makes of minutes ahead of UTC a number from 0. */
const OFFSET = 14 * 60;

/**
 * cbor-x moves to a fresh buffer of the same size when less than 2 KB are left before it starts: a buffer just above that is
 * the smallest that is never replaced, a quarter of its default 8 KB.
 */
const WORKING_BYTES = 2048 + 10 + 256;
/** A buffer this small is replaced before it is used. */
const REPLACED_BYTES = 16;

const OPTIONS = Object.freeze({
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
  mapsAsObjects: true,
});

const PRINTABLE = /^[\x21-\x7e]+$/;

type Nested = number | readonly Nested[];

/**
 * Turns messages into bytes and back. Both sides use it; the bytes are the same on every engine, because cbor-x's
 * options are pinned here (its defaults differ between Node and XS).
 */
export class Codec {
  readonly #working = new Uint8Array(WORKING_BYTES);
  readonly #replaced = new Uint8Array(REPLACED_BYTES);

  /** @throws {UplinkError} `range`: a field outside its bounds, named with its value */
  encodeUplink(message: UplinkMessage): Uint8Array {
    switch (message.kind) {
      case "status":
        return this.#encode([
          STATUS,
          bounded("slot", message.slot, TINY - 1),
          bounded("day", message.day, UINT16),
          bounded("consumed", message.consumed, UINT32),
          bounded("remaining", message.remaining, UINT16),
          bounded("onHand", message.onHand, UINT16),
          bounded("runOut", message.runOut, UINT16),
          // Two bytes' worth of days in one number: one head byte instead of two.
          bounded("early", message.early, UINT8) * 256 + bounded("late", message.late, UINT8),
          bounded("idle", message.idle, UINT8),
          bounded("applied", message.applied, UINT16),
        ]);
      case "intent":
        return this.#encode([
          INTENT,
          bounded("slot", message.slot, TINY - 1),
          bounded("cycle", message.cycle, UINT16, 1),
          bounded("day", message.day, UINT16),
          bounded("quantity", message.quantity, UINT16, 1),
          bounded("remaining", message.remaining, UINT16),
          bounded("runOut", message.runOut, UINT16),
          bounded("applied", message.applied, UINT16),
        ]);
      case "poll":
        return this.#encode([POLL, bounded("applied", message.applied, UINT16)]);
      case "health":
        return this.#encode([
          HEALTH,
          bounded("day", message.day, UINT16),
          ...[0, 1, 2].map((part) => bounded("version", message.version[part]!, UINT16)),
          RESET_CAUSES.map((_, cause) => bounded("resets", message.resets[cause]!, UINT16)),
          bounded("leastFree", message.leastFree, UINT32),
          bounded("mostErases", message.mostErases, UINT32),
          bounded("worn", message.worn, UINT16),
          bounded("damaged", message.damaged, UINT32),
          bounded("dropped", message.dropped, UINT32),
          indexOf("clock", message.clock, CLOCK_STATES),
          bounded("utcOffset", message.utcOffset, OFFSET, -OFFSET) + OFFSET,
          bounded("settings", message.settings, UINT16),
          bounded("applied", message.applied, UINT16),
        ]);
      case "settled":
        return this.#encode([
          SETTLED,
          bounded("number", message.number, UINT16, 1),
          indexOf("outcome", message.outcome, SETTINGS_OUTCOMES),
          bounded("slot", message.slot, UINT16),
          bounded("applied", message.applied, UINT16),
        ]);
      case "offered":
        return this.#encode([
          OFFERED,
          bounded("image", message.image, UINT32),
          indexOf("outcome", message.outcome, IMAGE_OUTCOMES),
          bounded("applied", message.applied, UINT16),
        ]);
      case "authorization":
        return this.#encode([
          AUTHORIZATION,
          packed("code", message.code, MOST_CODE),
          packed("clientId", message.clientId, MOST_CLIENT_ID),
          packed("redirectUri", message.redirectUri, MOST_REDIRECT_URI),
          packed("verifier", message.verifier, MOST_VERIFIER),
          bounded("applied", message.applied, UINT16),
        ]);
      case "grant":
        return this.#encode([
          GRANT,
          packed("clientId", message.clientId, MOST_CLIENT_ID),
          packed("refreshToken", message.refreshToken, MOST_TOKEN),
          bounded("applied", message.applied, UINT16),
        ]);
      case "deregistration":
        return this.#encode([
          DEREGISTRATION,
          indexOf("reason", message.reason, DEREGISTRATION_REASONS),
          bounded("applied", message.applied, UINT16),
        ]);
      case "informed":
        return this.#encode([
          INFORMED,
          bounded("number", message.number, UINT16),
          bounded("applied", message.applied, UINT16),
        ]);
    }
  }

  /** @throws {UplinkError} `oversized`, `truncated`, `malformed`, `shape` or `range` */
  decodeUplink(bytes: Uint8Array): UplinkMessage {
    const f = this.#decode(bytes, MAX_UP_BODY);
    switch (f.kind) {
      case STATUS: {
        f.expect("status", 10);
        const spread = f.number("early and late", 7, UINT16);
        return {
          kind: "status",
          slot: f.number("slot", 1, TINY - 1),
          day: f.number("day", 2, UINT16),
          consumed: f.number("consumed", 3, UINT32),
          remaining: f.number("remaining", 4, UINT16),
          onHand: f.number("onHand", 5, UINT16),
          runOut: f.number("runOut", 6, UINT16),
          early: spread >> 8,
          late: spread & UINT8,
          idle: f.number("idle", 8, UINT8),
          applied: f.number("applied", 9, UINT16),
        };
      }
      case INTENT:
        f.expect("intent", 8);
        return {
          kind: "intent",
          slot: f.number("slot", 1, TINY - 1),
          cycle: f.number("cycle", 2, UINT16, 1),
          day: f.number("day", 3, UINT16),
          quantity: f.number("quantity", 4, UINT16, 1),
          remaining: f.number("remaining", 5, UINT16),
          runOut: f.number("runOut", 6, UINT16),
          applied: f.number("applied", 7, UINT16),
        };
      case POLL:
        f.expect("poll", 2);
        return { kind: "poll", applied: f.number("applied", 1, UINT16) };
      case HEALTH: {
        f.expect("health", 15);
        const resets = new Fields(f.items[5]);
        resets.expect("resets", RESET_CAUSES.length);
        return {
          kind: "health",
          day: f.number("day", 1, UINT16),
          version: [
            f.number("version", 2, UINT16),
            f.number("version", 3, UINT16),
            f.number("version", 4, UINT16),
          ],
          resets: RESET_CAUSES.map((_, index) => resets.number("resets", index, UINT16)),
          leastFree: f.number("leastFree", 6, UINT32),
          mostErases: f.number("mostErases", 7, UINT32),
          worn: f.number("worn", 8, UINT16),
          damaged: f.number("damaged", 9, UINT32),
          dropped: f.number("dropped", 10, UINT32),
          clock: CLOCK_STATES[f.number("clock", 11, CLOCK_STATES.length - 1)]!,
          utcOffset: f.number("utcOffset", 12, 2 * OFFSET) - OFFSET,
          settings: f.number("settings", 13, UINT16),
          applied: f.number("applied", 14, UINT16),
        };
      }
      case SETTLED:
        f.expect("settled", 5);
        return {
          kind: "settled",
          number: f.number("number", 1, UINT16, 1),
          outcome: SETTINGS_OUTCOMES[f.number("outcome", 2, SETTINGS_OUTCOMES.length - 1)]!,
          slot: f.number("slot", 3, UINT16),
          applied: f.number("applied", 4, UINT16),
        };
      case OFFERED:
        f.expect("offered", 4);
        return {
          kind: "offered",
          image: f.number("image", 1, UINT32),
          outcome: IMAGE_OUTCOMES[f.number("outcome", 2, IMAGE_OUTCOMES.length - 1)]!,
          applied: f.number("applied", 3, UINT16),
        };
      case AUTHORIZATION:
        f.expect("authorization", 6);
        return {
          kind: "authorization",
          code: f.text("code", 1, MOST_CODE),
          clientId: f.text("clientId", 2, MOST_CLIENT_ID),
          redirectUri: f.text("redirectUri", 3, MOST_REDIRECT_URI),
          verifier: f.text("verifier", 4, MOST_VERIFIER),
          applied: f.number("applied", 5, UINT16),
        };
      case GRANT:
        f.expect("grant", 4);
        return {
          kind: "grant",
          clientId: f.text("clientId", 1, MOST_CLIENT_ID),
          refreshToken: f.text("refreshToken", 2, MOST_TOKEN),
          applied: f.number("applied", 3, UINT16),
        };
      case DEREGISTRATION:
        f.expect("deregistration", 3);
        return {
          kind: "deregistration",
          reason: DEREGISTRATION_REASONS[f.number("reason", 1, DEREGISTRATION_REASONS.length - 1)]!,
          applied: f.number("applied", 2, UINT16),
        };
      case INFORMED:
        f.expect("informed", 3);
        return {
          kind: "informed",
          number: f.number("number", 1, UINT16),
          applied: f.number("applied", 2, UINT16),
        };
      default:
        throw new UplinkError("shape", `kind: ${POLL} to ${INFORMED} are accepted upwards (got ${f.kind})`);
    }
  }

  /** @throws {UplinkError} `range`; of a description, what {@link decodeDownlink} refuses in it */
  encodeDownlink(message: DownlinkMessage): Uint8Array {
    if (message.kind === "image") {
      const { description } = message;
      this.#image(this.#decode(description));
      return description;
    }
    if (message.kind === "settings")
      return this.#encode([
        SETTINGS,
        bounded("number", message.number, UINT16, 1),
        optional("utcOffset", message.utcOffset, OFFSET),
        list("slots", message.slots, TINY).map(({ slot, reserveDays, epsilon }) => [
          bounded("slot", slot, UINT16),
          optional("reserveDays", reserveDays),
          optional("epsilon", epsilon),
        ]),
      ]);
    if (message.kind === "registration")
      return this.#encode([
        REGISTRATION,
        bounded("number", message.number, UINT16, 1),
        message.registered ? 1 : 0,
        bounded("subscribed", message.subscribed, message.registered ? SLOT_BITS : 0),
        indexOf("failure", message.failure, REGISTRATION_FAILURES),
      ]);
    return this.#encode([
      ACKNOWLEDGEMENT,
      bounded("seen", message.seen, UINT32),
      bounded("time", message.time, UINT32),
      bounded("newest", message.newest, UINT16),
      list("events", message.events, MAX_EVENTS).map((event) => [
        bounded("event number", event.number, UINT16, 1),
        bounded("event slot", event.slot, TINY - 1),
        bounded("event cycle", event.cycle, UINT16, 1),
        indexOf("event state", event.state, ORDER_STATES),
        bounded("event day", event.day, UINT16),
      ]),
    ]);
  }

  /** @throws {UplinkError} `oversized`, `truncated`, `malformed`, `shape` or `range` */
  decodeDownlink(bytes: Uint8Array): DownlinkMessage {
    const f = this.#decode(bytes);
    if (f.kind === SETTINGS) {
      f.expect("settings", 4);
      return {
        kind: "settings",
        number: f.number("number", 1, UINT16, 1),
        ...f.optional("utcOffset", 2, OFFSET),
        slots: f.list("slots", 3, TINY).map(slotSettings),
      };
    }
    if (f.kind === REGISTRATION) {
      f.expect("registration", 5);
      const registered = f.number("registered", 2, 1) === 1;
      return {
        kind: "registration",
        number: f.number("number", 1, UINT16, 1),
        registered,
        subscribed: f.number("subscribed", 3, registered ? SLOT_BITS : 0),
        failure: REGISTRATION_FAILURES[f.number("failure", 4, REGISTRATION_FAILURES.length - 1)]!,
      };
    }
    if (f.kind !== ACKNOWLEDGEMENT) {
      this.#image(f);
      return { kind: "image", description: bytes };
    }
    f.expect("acknowledgement", 5);
    return {
      kind: "acknowledgement",
      seen: f.number("seen", 1, UINT32),
      time: f.number("time", 2, UINT32),
      newest: f.number("newest", 3, UINT16),
      events: f.list("events", 4, MAX_EVENTS).map(orderEvent),
    };
  }

  /** What else is in a description is for the updater to say: most firmware has none. */
  #image(f: Fields): void {
    if (f.kind !== IMAGE)
      throw new UplinkError(
        "shape",
        `kind: ${ACKNOWLEDGEMENT} to ${REGISTRATION} or ${IMAGE} is accepted downwards (got ${f.kind})`,
      );
    f.expect("image", 3);
  }

  #encode(fields: Nested): Uint8Array {
    // For one message: an encoder takes 5 KB of a device's heap, which it needs a few times a day.
    const cbor = new Encoder(OPTIONS);
    cbor.useBuffer(this.#working);
    // slice, not subarray: cbor-x returns a view of its working buffer, which the next message overwrites.
    const bytes = Uint8Array.prototype.slice.call(cbor.encode(fields));
    // cbor-x has one buffer for all its encoders: one that the product has would write into ours, and find its results overwritten.
    cbor.useBuffer(this.#replaced);
    return bytes;
  }

  #decode(bytes: Uint8Array, most = MAX_BODY): Fields {
    guard(bytes, most);
    // Not an encoder, which decodes as well: cbor-x holds on to what has decoded last.
    return new Fields(new Decoder(OPTIONS).decode(bytes));
  }
}

/** The decoded array of one message, read position by position with its bounds. */
class Fields {
  readonly items: readonly unknown[];

  constructor(value: unknown) {
    if (!Array.isArray(value)) throw new UplinkError("shape", "message: an array is accepted");
    this.items = value;
  }

  get kind(): unknown {
    return this.items[0];
  }

  expect(kind: string, length: number): void {
    if (this.items.length !== length)
      throw new UplinkError("shape", `${kind}: ${length} fields are accepted (got ${this.items.length})`);
  }

  number(field: string, position: number, most: number, least = 0): number {
    const value = this.items[position];
    if (typeof value !== "number") throw new UplinkError("shape", `${field}: a whole number is accepted`);
    return bounded(field, value, most, least);
  }

  /** What {@link optional} wrote, as an object to be spread. */
  optional<Field extends string>(
    field: Field,
    position: number,
    shift = 0,
  ): { readonly [name in Field]?: number } {
    const value = this.number(field, position, UINT16);
    return (value === 0 ? {} : { [field]: value - 1 - shift }) as { [name in Field]?: number };
  }

  /** What {@link packed} wrote. */
  text(field: string, position: number, most: number): string {
    const numbers = this.list(field, position, Math.ceil(most / 4));
    let text = "";
    numbers.forEach((value, at) => {
      if (typeof value !== "number") throw new UplinkError("shape", `${field}: whole numbers are accepted`);
      let four = "";
      for (let rest = value; rest > 0; rest = Math.floor(rest / 256))
        four = String.fromCharCode(rest % 256) + four;
      // Only the last may hold fewer, and not none: so a text has one encoding.
      if (four.length < (at < numbers.length - 1 ? 4 : 1))
        throw new UplinkError("range", `${field}: four characters in each number but the last are accepted`);
      text += four;
    });
    if (text.length > most || !PRINTABLE.test(text))
      throw new UplinkError(
        "range",
        `${field}: 1 to ${most} printable characters are accepted (got ${text.length})`,
      );
    return text;
  }

  list(field: string, position: number, most: number): readonly unknown[] {
    const value = this.items[position];
    if (!Array.isArray(value) || value.length > most)
      throw new UplinkError("shape", `${field}: an array of at most ${most} is accepted`);
    return value;
  }
}

/** Four characters in a number: text would need more of the decoder than the guard lets through. */
function packed(field: string, text: string, most: number): number[] {
  if (text.length > most || !PRINTABLE.test(text))
    throw new UplinkError(
      "range",
      `${field}: 1 to ${most} printable characters are accepted (got ${text.length})`,
    );
  const numbers: number[] = [];
  for (let at = 0; at < text.length; at += 4) {
    let number = 0;
    for (let i = at; i < at + 4 && i < text.length; i++) number = number * 256 + text.charCodeAt(i);
    numbers.push(number);
  }
  return numbers;
}

function slotSettings(value: unknown): SlotSettings {
  const f = new Fields(value);
  f.expect("slot settings", 3);
  return {
    slot: f.number("slot", 0, UINT16),
    ...f.optional("reserveDays", 1),
    ...f.optional("epsilon", 2),
  };
}

function orderEvent(value: unknown): OrderEvent {
  const f = new Fields(value);
  f.expect("event", 5);
  return {
    number: f.number("event number", 0, UINT16, 1),
    slot: f.number("event slot", 1, TINY - 1),
    cycle: f.number("event cycle", 2, UINT16, 1),
    state: ORDER_STATES[f.number("event state", 3, ORDER_STATES.length - 1)]!,
    day: f.number("event day", 4, UINT16),
  };
}

function indexOf<Name extends string>(field: string, name: Name, names: readonly Name[]): number {
  const at = names.indexOf(name);
  if (at < 0) throw new UplinkError("range", `${field}: one of ${names.join(", ")} (got ${name})`);
  return at;
}

function list<Item>(field: string, items: readonly Item[], most: number): readonly Item[] {
  if (items.length > most)
    throw new UplinkError("range", `${field}: at most ${most} are accepted (got ${items.length})`);
  return items;
}

/** 0 for what is left out, else one more than the number; with `shift`, of one that may be as far below 0. */
function optional(field: string, value: number | undefined, shift = 0): number {
  return value === undefined ? 0 : bounded(field, value, UINT16 - 1 - shift, -shift) + shift + 1;
}

function bounded(field: string, value: number, most: number, least = 0): number {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new UplinkError(
      "range",
      `${field}: a whole number from ${least} to ${most} is accepted (got ${value})`,
    );
  return value;
}
