import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";

/** How far the device's registration at the replenishment service has come. The order of this list is the format on flash. */
export const REGISTRATION_STATES = Object.freeze([
  "new",
  "offered",
  "registered",
  "declined",
  "abandoned",
  "deregistered",
] as const);
export type RegistrationState = (typeof REGISTRATION_STATES)[number];

/**
 * Whether a slot may order. `unknown`: the product has never told of a registration; then the service alone decides, and rejects what it does not want.
 */
export type Permission = "subscribed" | "unknown" | "not-subscribed" | "not-registered";

/** The registration, and which slots are subscribed, as they last. */
export class Registration implements Part {
  #state: RegistrationState = "new";
  #subscribed: boolean[];

  constructor(slots: number) {
    this.#subscribed = new Array(slots).fill(false);
  }

  get state(): RegistrationState {
    return this.#state;
  }

  isSubscribed(slot: number): boolean {
    return this.#subscribed[slot]!;
  }

  permission(slot: number): Permission {
    if (this.#state === "registered") return this.#subscribed[slot] ? "subscribed" : "not-subscribed";
    return this.#state === "new" ? "unknown" : "not-registered";
  }

  /** The record that the registration has come to a state. */
  enter(state: RegistrationState): LedgerRecord {
    return { kind: RECORD.registered, write: (to) => to.byte(REGISTRATION_STATES.indexOf(state)) };
  }

  /** The record that a slot is subscribed or is not any more. */
  subscribe(slot: number, subscribed: boolean): LedgerRecord {
    return {
      kind: RECORD.subscribed,
      write: (to) => {
        to.byte(slot);
        to.byte(subscribed ? 1 : 0);
      },
    };
  }

  replay(kind: number, record: ByteReader): boolean {
    if (kind === RECORD.registered) this.#state = stateOf(record.byte());
    else if (kind === RECORD.subscribed) {
      const slot = record.byte();
      // A firmware that drops a slot still finds its records.
      if (slot < this.#subscribed.length) this.#subscribed[slot] = record.byte() === 1;
    } else return false;
    return true;
  }

  save(to: ByteWriter): void {
    to.byte(REGISTRATION_STATES.indexOf(this.#state));
    to.count(this.#subscribed.length);
    for (const subscribed of this.#subscribed) to.byte(subscribed ? 1 : 0);
  }

  load(from: ByteReader): void {
    this.#state = stateOf(from.byte());
    const known = from.count();
    this.#subscribed = this.#subscribed.map((_, slot) => slot < known && from.byte() === 1);
  }
}

/** A state that a later firmware has written says that the customer was asked, and not what for: nothing is ordered until it is told anew. */
function stateOf(index: number): RegistrationState {
  return REGISTRATION_STATES[index] ?? "abandoned";
}
