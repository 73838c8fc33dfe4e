import { MOST_OFFSET } from "./clock/clock.js";
import { EverfullError } from "./errors.js";
import type { BoardFigures } from "./health/health.js";
import type { FlashPartition } from "./ledger/flash.js";
import type { RegistrationState } from "./registration/registration.js";
import { checkedSlots, type Slot, type SlotOptions } from "./slot.js";
import type {
  DeregistrationReason,
  ImageOutcome,
  OrderState,
  RegistrationFailure,
  SettingsOutcome,
} from "./uplink/messages.js";
import type { Connect } from "./uplink/mqtt.js";
import type { UplinkKey } from "./uplink/seal.js";
import type { Scheduled } from "./uplink/session.js";

const KEY_BYTES = 32;
const MOST_BYTE = 255;
const MOST_WORD = 0xffff;
/**
 * What a checkpoint takes at the most: beside the slots with the health record, the answers to settings, to an image and to the word of the registration, and a
 * deregistration in the outbox, and for each slot with its status and its intent there.
 */
const STATE_BYTES = 336;
const SLOT_STATE_BYTES = 405;
/** What the customer's log-in has given waits there too: for the gateway to redeem, or redeemed. */
const AUTHORIZATION_BYTES = 644;
const GRANT_BYTES = 1345;

/** Who the device is to its gateway. */
export interface Identity {
  /** Serial number, as registered at the replenishment service: 1 to 64 of A-Z a-z 0-9 - _ (it is part of MQTT topics, where + means something else). */
  readonly serial: string;
  readonly key: UplinkKey;
  /** Model id at the replenishment service: 1 to 64 of A-Z a-z 0-9 - + _. Needed to offer a registration. */
  readonly model?: string;
}

/** What the device needs to take part in the registration, see `registration/README.md`. */
export interface RegistrationOptions {
  /** So many bytes from a cryptographic random source. */
  entropy(count: number): Uint8Array;
  /** SHA-256, 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array;
  /**
   * With it the device redeems the authorization itself: posts a form (`application/x-www-form-urlencoded`) to the token endpoint of Login with Amazon over HTTPS, and
   * tells status and body of the answer, 0 when there is none. Without it the gateway does.
   */
  redeem?(form: string, done: (status: number, body: string) => void): void;
}

/** What the product hands to the SDK. The SDK reaches for nothing by itself. */
export interface EverfullOptions {
  readonly identity: Identity;
  readonly slots: readonly SlotOptions[];
  /** Minutes that local time at the customer's place is ahead of UTC; default 0. It counts until it is changed, by {@link Everfull.setUtcOffset} or the gateway. */
  readonly utcOffsetMinutes?: number;
  readonly broker: {
    readonly host: string;
    readonly port: number;
    /** With it, the device tells the broker its serial for a user name, and this. */
    readonly password?: string;
  };
  /** Version of the product's firmware, three whole numbers to 65535, for the health record; default 0, 0, 0. */
  readonly version?: readonly [major: number, minor: number, patch: number];
  /** The partition that is the journal's alone. */
  readonly flash: FlashPartition;
  /** Opens an MQTT connection. */
  readonly connect: Connect;
  /** Milliseconds since the device started; never goes back. */
  ticks(): number;
  /** Runs a task once, after so many milliseconds, never before returning. */
  schedule(delay: number, task: () => void): Scheduled;
  /** 0 up to but not 1; spreads reconnects. */
  random(): number;
  /** UTC in milliseconds from a clock of the board that is set, if there is one; asked once, at the start. */
  wallClock?(): number | undefined;
  /** How the board is, for the health record; asked at the start and once a day. */
  health?(): BoardFigures;
  /**
   * Takes the description of an image that the gateway offers, such as to `Updater.offer`. What it returns goes up, and the gateway offers no more, but for `busy`
   * and `storage`, after which it does so later; what it throws goes to `warn`, and the image is offered again. Without it, images are `unsupported`.
   */
  onImage?(description: Uint8Array): ImageOutcome;
  /** Absent: a registration cannot be offered by this device, only be told of. */
  readonly registration?: RegistrationOptions;
  /** Told what has happened, after it was committed. */
  onEvent?(event: DeviceEvent): void;
  warn?(text: string): void;
  /**
   * With it, the start does not hold up the loop: it goes on in turns of its own after the constructor has returned, and this is called when it is done, once; with what was
   * thrown when it cannot be.
   */
  onStarted?(error?: unknown): void;
}

/** What the product may want to know. */
export type DeviceEvent =
  | { readonly kind: "dayClosed"; readonly day: number }
  /** `failing`: metering goes on in RAM, and nothing is ordered, until it is `ok` again. */
  | { readonly kind: "storage"; readonly state: "ok" | "failing"; readonly reason: string }
  /**
   * `day` is 0 when the device was never told the time, see `unknownClockShare` of a slot's policy. `late`: the median leaves fewer days than lead and reserve.
   */
  | {
      readonly kind: "intended";
      readonly slot: string;
      readonly cycle: number;
      readonly day: number;
      readonly late: boolean;
    }
  /**
   * What has become of an order: as the gateway has told, or, for `resolution` and `lapsed`, because it was not heard of for too long. `day` is the
   * estimated delivery day, 0 when not told. `unplaced` with `cancelled`: it was never placed, so there was nothing that the customer could cancel.
   */
  | {
      readonly kind: "order";
      readonly slot: string;
      readonly cycle: number;
      readonly state: OrderState | "lapsed";
      readonly day: number;
      readonly unplaced?: true;
    }
  | {
      readonly kind: "delivered";
      readonly slot: string;
      readonly cycle: number;
      readonly seen: boolean;
      readonly day: number;
    }
  /** The gateway's settings were applied, all of them, or refused for a value: then none was. */
  | { readonly kind: "settings"; readonly number: number; readonly outcome: SettingsOutcome }
  /** What the service says of the registration, or, with a `failure`, that what the customer agreed to came to nothing: it has to be offered again. `registered` with `unavailable`: the gateway cannot call the service for it until its maker has put that right; nothing for the customer to do. */
  | {
      readonly kind: "registration";
      readonly state: RegistrationState;
      readonly subscribed: readonly string[];
      readonly failure: RegistrationFailure;
    }
  /** The gateway has a deregistration, and sees to it that the service hears of it; or, `undelivered`, could not be reached in time: it stays queued. */
  | {
      readonly kind: "deregistration";
      readonly reason: DeregistrationReason;
      readonly outcome: "delivered" | "undelivered";
    };

export const OFFSETS = `a whole number from -${MOST_OFFSET} to ${MOST_OFFSET} is accepted`;

/** Whether local time can be so many minutes ahead of UTC. */
export function isOffset(minutes: number): boolean {
  return Number.isInteger(minutes) && Math.abs(minutes) <= MOST_OFFSET;
}

/** Checks every option and fills in what has a default. @throws {EverfullError} `options`, naming field, value and what is accepted */
export function checkedOptions(options: EverfullOptions): {
  readonly slots: Slot[];
  readonly utcOffsetMinutes: number;
} {
  const { identity, broker } = options;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(identity.serial))
    throw new EverfullError(
      "options",
      `identity.serial: 1 to 64 of A-Z a-z 0-9 - _ are accepted (got "${identity.serial}")`,
    );
  const { model } = identity;
  if (model === undefined ? options.registration : !/^[A-Za-z0-9+_-]{1,64}$/.test(model))
    throw new EverfullError(
      "options",
      `identity.model: 1 to 64 of A-Z a-z 0-9 - + _ are accepted (got "${model}")`,
    );
  const { number, secret } = identity.key;
  if (!(Number.isInteger(number) && number >= 0 && number <= MOST_BYTE))
    throw new EverfullError(
      "options",
      `identity.key.number: a whole number from 0 to 255 is accepted (got ${number})`,
    );
  if (secret.length !== KEY_BYTES)
    throw new EverfullError(
      "options",
      `identity.key.secret: ${KEY_BYTES} bytes are accepted (got ${secret.length})`,
    );
  if (!(Number.isInteger(broker.port) && broker.port > 0 && broker.port <= MOST_WORD))
    throw new EverfullError(
      "options",
      `broker.port: a whole number from 1 to 65535 is accepted (got ${broker.port})`,
    );
  const utcOffsetMinutes = options.utcOffsetMinutes ?? 0;
  if (!isOffset(utcOffsetMinutes))
    throw new EverfullError("options", `utcOffsetMinutes: ${OFFSETS} (got ${utcOffsetMinutes})`);
  const { version = [0, 0, 0] } = options;
  if (
    version.length !== 3 ||
    !version.every((part) => Number.isInteger(part) && part >= 0 && part <= MOST_WORD)
  )
    throw new EverfullError(
      "options",
      `version: three whole numbers from 0 to 65535 are accepted (got ${version})`,
    );
  if (typeof broker.host !== "string" || broker.host === "")
    throw new EverfullError(
      "options",
      `broker.host: a host name or address is accepted (got "${broker.host}")`,
    );
  const slots = checkedSlots(options.slots);
  // Said now, not when the outbox is full one day: a checkpoint has to fit in a block.
  const handOver = options.registration?.redeem ? GRANT_BYTES : AUTHORIZATION_BYTES;
  const needed =
    STATE_BYTES + SLOT_STATE_BYTES * slots.length + (options.registration === undefined ? 0 : handOver);
  const { blockLength } = options.flash.status();
  if (needed > blockLength)
    throw new EverfullError(
      "options",
      `slots: ${slots.length} need flash blocks of at least ${needed} bytes (the partition's have ${blockLength})`,
    );
  return { slots, utcOffsetMinutes };
}
