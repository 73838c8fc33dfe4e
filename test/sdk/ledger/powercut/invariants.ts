import type { NorFlash } from "../../../../hal/simulator/nor-flash.js";
import type { Codec } from "../../../../sdk/uplink/index.js";
import { NEVER_REPLACED } from "../../../../sdk/uplink/mailbox.js";
import type { Parts } from "./parts.js";
import type { Reference } from "./reference.js";

/** What must hold after every cut does not. */
export class Violation extends Error {
  override name = "Violation";
  /** The invariant, by the name of its helper. */
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Nothing committed is lost, nothing uncommitted is there in part: the state is one of those that can be, which is told. */
export function isOneOf<E extends { readonly number: number; readonly state: Uint8Array }>(
  possible: readonly E[],
  state: Uint8Array,
): E {
  const found = possible.find((each) => sameBytes(each.state, state));
  if (found) return found;
  throw new Violation(
    "isOneOf",
    `the state is not that after ${possible.map(({ number }) => number).join(" or ")} commits`,
  );
}

/** What was read once is read again, whatever the unstable bits say this time. */
export function isAsBefore(before: Uint8Array, state: Uint8Array, what: string): void {
  if (!sameBytes(before, state)) throw new Violation("isAsBefore", `the state differs ${what}`);
}

/** opening + refills + corrections - consumed = remaining, never below zero, with the numbers that were counted beside the device. */
export function conserves(parts: Parts, reference: Reference): void {
  reference.slots.forEach((slot, index) => {
    const account = parts.stock.account(index);
    const remaining = reference.remaining(index);
    if (
      account.opening !== slot.opening ||
      account.refills !== slot.refills ||
      account.corrections !== slot.corrections ||
      account.consumed !== slot.consumed ||
      account.onHand !== slot.onHand ||
      account.remaining !== remaining ||
      remaining < 0
    )
      throw new Violation(
        "conserves",
        `slot ${index}: ${account.opening} + ${account.refills} + ${account.corrections} - ${account.consumed} = ${account.remaining}, counted were ${slot.opening} + ${slot.refills} + ${slot.corrections} - ${slot.consumed} = ${remaining}`,
      );
  });
}

/**
 * What others have seen of a device: once opening or committing has returned, a message may have left. Sequences and cycles only rise, no sequence has two
 * bodies, no order cycle two intents.
 */
export class Witness {
  readonly #codec: Codec;
  readonly #bodies: Map<number, Uint8Array>;
  readonly #intents: Map<string, Uint8Array>;
  #lastSequence = 0;
  #cycles: number[] = [];

  constructor(codec: Codec, from?: Witness) {
    this.#codec = codec;
    this.#bodies = new Map(from?.bodies);
    this.#intents = new Map(from?.intents);
    if (!from) return;
    this.#lastSequence = from.#lastSequence;
    this.#cycles = from.#cycles.slice();
  }

  get bodies(): ReadonlyMap<number, Uint8Array> {
    return this.#bodies;
  }

  get intents(): ReadonlyMap<string, Uint8Array> {
    return this.#intents;
  }

  clone(): Witness {
    return new Witness(this.#codec, this);
  }

  see(parts: Parts): void {
    const { mailbox, cycles } = parts;
    if (mailbox.lastSequence < this.#lastSequence)
      throw new Violation(
        "sequencesRise",
        `${this.#lastSequence} was given, now ${mailbox.lastSequence} is the last`,
      );
    this.#lastSequence = mailbox.lastSequence;
    parts.slots.forEach((_, slot) => {
      const { number } = cycles.of(slot);
      const before = this.#cycles[slot] ?? 0;
      if (number < before)
        throw new Violation("cyclesRise", `slot ${slot} was in cycle ${before}, now it is in ${number}`);
      this.#cycles[slot] = number;
    });
    for (const { sequence, body, replaces } of mailbox.queue) {
      const known = this.#bodies.get(sequence);
      if (known) {
        if (!sameBytes(known, body))
          throw new Violation("oneBodyPerSequence", `sequence ${sequence} was used for another message`);
        continue;
      }
      this.#bodies.set(sequence, body);
      if (replaces === NEVER_REPLACED) this.#seeIntent(body);
    }
  }

  #seeIntent(body: Uint8Array): void {
    const message = this.#codec.decodeUplink(body);
    if (message.kind !== "intent")
      throw new Violation("oneIntentPerCycle", `a ${message.kind} is kept as one`);
    const name = `${message.slot}:${message.cycle}`;
    // A sequence that was seen does not come here again: this is another message.
    if (this.#intents.has(name))
      throw new Violation(
        "oneIntentPerCycle",
        `cycle ${message.cycle} of slot ${message.slot} has two intents`,
      );
    this.#intents.set(name, body);
  }
}

/** Bytes of each block that recovery may read to know what is in it, whatever the history. */
const HEAD_BYTES = 32;
/**
 * Blocks that it may read as a whole: the newest, those after it that were begun in vain, and what it writes and reads back: two blocks where nothing vouches for
 * the first, each twice where that is refused.
 */
const WHOLE_BLOCKS = 9;

/** Recovery reads a bounded number of bytes, in pieces that fit in RAM. */
export function readsLittle(flash: NorFlash): void {
  const { blocks, blockLength } = flash.status();
  const most = blocks * HEAD_BYTES + WHOLE_BLOCKS * blockLength;
  if (flash.bytesRead > most)
    throw new Violation("readsLittle", `recovery read ${flash.bytesRead} bytes, ${most} are accepted`);
  if (flash.largestRead > blockLength)
    throw new Violation(
      "readsLittle",
      `recovery read ${flash.largestRead} bytes at once, ${blockLength} are accepted`,
    );
}

/** Nothing is written over what is written or reads unstable. */
export function writesOnce(flash: NorFlash): void {
  if (flash.violations > 0)
    throw new Violation("writesOnce", `${flash.violations} writes over written bytes`);
}
