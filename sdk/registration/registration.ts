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
  "authorized",
] as const);
export type RegistrationState = (typeof REGISTRATION_STATES)[number];

/** What a service can say of a registration; the other states are the customer's answers. */
export const SERVICE_WORDS = Object.freeze(["new", "registered", "deregistered"] as const);
export type ServiceWord = (typeof SERVICE_WORDS)[number];

/** What moves a registration, see the diagram in `README.md`. */
export type RegistrationEvent =
  | "offer"
  | "authorize"
  | "decline"
  | "abandon"
  | "register"
  | "fail"
  | "deregister";

type Row = { readonly [event in RegistrationEvent]?: RegistrationState };

// The service's word counts in every state: the customer may have registered by another way, or ended it there.
const ANYWHERE: Row = Object.freeze({ offer: "offered", register: "registered", deregister: "deregistered" });

const TRANSITIONS: { readonly [state in RegistrationState]: Row } = Object.freeze({
  new: ANYWHERE,
  offered: { ...ANYWHERE, authorize: "authorized", decline: "declined", abandon: "abandoned" },
  authorized: { ...ANYWHERE, authorize: "authorized", fail: "abandoned" },
  // An offer to whoever has the device now takes nothing from the customer that it is registered for.
  registered: { register: "registered", deregister: "deregistered" },
  declined: ANYWHERE,
  abandoned: ANYWHERE,
  deregistered: ANYWHERE,
});

/** The state that an event leads to; undefined when it changes nothing. */
export function nextRegistration(
  state: RegistrationState,
  event: RegistrationEvent,
): RegistrationState | undefined {
  return TRANSITIONS[state][event];
}

/** Whether a set-up may end with "ready for use": the offer was made, and the customer has answered it. */
export function mayFinishSetup(state: RegistrationState): boolean {
  return state === "registered" || state === "authorized" || state === "declined";
}

/**
 * Whether a slot may order. `unknown`: the product has never told of a registration; then the service alone decides, and rejects what it does not want.
 */
export type Permission = "subscribed" | "unknown" | "not-subscribed" | "not-registered";

/** The registration, and which slots are subscribed, as they last. */
export class Registration implements Part {
  #state: RegistrationState = "new";
  #subscribed: boolean[];
  #number = 0;

  constructor(slots: number) {
    this.#subscribed = new Array(slots).fill(false);
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** Number of the newest word of the gateway; 0 before the first. */
  get number(): number {
    return this.#number;
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

  /** The record that the gateway's word of that number is known. */
  inform(number: number): LedgerRecord {
    return { kind: RECORD.informed, write: (to) => to.count(number) };
  }

  replay(kind: number, record: ByteReader): boolean {
    if (kind === RECORD.registered) this.#state = stateOf(record.byte());
    else if (kind === RECORD.informed) this.#number = record.count();
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
    to.count(this.#number);
  }

  load(from: ByteReader): void {
    this.#state = stateOf(from.byte());
    const known = Array.from({ length: from.count() }, () => from.byte() === 1);
    this.#subscribed = this.#subscribed.map((_, slot) => known[slot] ?? false);
    // A checkpoint of earlier firmware ends here.
    this.#number = from.done ? 0 : from.count();
  }
}

/** A state that a later firmware has written says that the customer was asked, and not what for: nothing is ordered until it is told anew. */
function stateOf(index: number): RegistrationState {
  return REGISTRATION_STATES[index] ?? "abandoned";
}
