import { Decoder, Encoder } from "cbor-x";
import { UplinkError } from "./errors.js";
import { guard } from "./guard.js";
import {
  type Acknowledgement,
  MAX_EVENTS,
  ORDER_STATES,
  type OrderEvent,
  type OrderState,
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
const ACKNOWLEDGEMENT = 16;

const UINT32 = 0xffffffff;
const UINT16 = 0xffff;
const UINT8 = 0xff;
/** The largest number that CBOR packs into the head byte: the slot limit keeps a status at 28 bytes. */
const TINY = 23;

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
    }
  }

  /** @throws {UplinkError} `oversized`, `truncated`, `malformed`, `shape` or `range` */
  decodeUplink(bytes: Uint8Array): UplinkMessage {
    const f = this.#decode(bytes);
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
      default:
        throw new UplinkError(
          "shape",
          `kind: ${POLL}, ${STATUS} or ${INTENT} is accepted upwards (got ${f.kind})`,
        );
    }
  }

  /** @throws {UplinkError} `range` */
  encodeDownlink(message: Acknowledgement): Uint8Array {
    if (message.events.length > MAX_EVENTS)
      throw new UplinkError(
        "range",
        `events: at most ${MAX_EVENTS} are accepted (got ${message.events.length})`,
      );
    return this.#encode([
      ACKNOWLEDGEMENT,
      bounded("seen", message.seen, UINT32),
      bounded("time", message.time, UINT32),
      bounded("newest", message.newest, UINT16),
      message.events.map((event) => [
        bounded("event number", event.number, UINT16, 1),
        bounded("event slot", event.slot, TINY - 1),
        bounded("event cycle", event.cycle, UINT16, 1),
        stateNumber(event.state),
        bounded("event day", event.day, UINT16),
      ]),
    ]);
  }

  /** @throws {UplinkError} `oversized`, `truncated`, `malformed`, `shape` or `range` */
  decodeDownlink(bytes: Uint8Array): Acknowledgement {
    const f = this.#decode(bytes);
    if (f.kind !== ACKNOWLEDGEMENT)
      throw new UplinkError("shape", `kind: ${ACKNOWLEDGEMENT} is accepted downwards (got ${f.kind})`);
    f.expect("acknowledgement", 5);
    const list = f.items[4];
    if (!Array.isArray(list) || list.length > MAX_EVENTS)
      throw new UplinkError("shape", `events: an array of at most ${MAX_EVENTS} is accepted`);
    return {
      kind: "acknowledgement",
      seen: f.number("seen", 1, UINT32),
      time: f.number("time", 2, UINT32),
      newest: f.number("newest", 3, UINT16),
      events: list.map(orderEvent),
    };
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

  #decode(bytes: Uint8Array): Fields {
    guard(bytes);
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

function stateNumber(state: OrderState): number {
  const at = ORDER_STATES.indexOf(state);
  if (at < 0) throw new UplinkError("range", `event state: one of ${ORDER_STATES.join(", ")} (got ${state})`);
  return at;
}

function bounded(field: string, value: number, most: number, least = 0): number {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new UplinkError(
      "range",
      `${field}: a whole number from ${least} to ${most} is accepted (got ${value})`,
    );
  return value;
}
