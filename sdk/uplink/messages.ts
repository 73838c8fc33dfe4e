/**
 * The messages of both directions, and the position of each field in its CBOR array.
 *
 * Positions instead of keys make a status 14 times smaller than JSON. A kind is never reused and a position never
 * changes its meaning; a new field gets a new kind.
 */

/** The daily report of one slot (device to gateway). All quantities are in the slot's whole steps. */
export interface Status {
  readonly kind: "status";
  /** Index of the slot in the device's configuration, 0 to 22. */
  readonly slot: number;
  /** Day reported on, in days since 1970-01-01 at the customer's place. */
  readonly day: number;
  /** Everything ever consumed from the slot: a lost or repeated status loses or repeats nothing. */
  readonly consumed: number;
  readonly remaining: number;
  /** Refills at the customer's place that are not loaded. */
  readonly onHand: number;
  /** Median run-out day minus `day`, in days. */
  readonly runOut: number;
  /** Days from the 10 % run-out day to the median; 255 stands for 255 and more. */
  readonly early: number;
  /** Days from the median to the 90 % run-out day; 255 stands for 255 and more. */
  readonly late: number;
  /** Days since the last use; 255 stands for 255 and more, or never used. */
  readonly idle: number;
  /** Order events applied so far: the highest event number. */
  readonly applied: number;
}

/** The wish to order one refill (device to gateway). Identity: device, slot, cycle. */
export interface Intent {
  readonly kind: "intent";
  readonly slot: number;
  /** Number of this order cycle of the slot, from 1. */
  readonly cycle: number;
  /** Day of the wish; 0: the device did not know it. */
  readonly day: number;
  /** What one refill adds, in steps. */
  readonly quantity: number;
  readonly remaining: number;
  /** Median run-out day minus `day`, in days. */
  readonly runOut: number;
  readonly applied: number;
}

/** "I am here; is there something for me?" (device to gateway): carries the acknowledgement of events, nothing else. */
export interface Poll {
  readonly kind: "poll";
  readonly applied: number;
}

/** Why a device started. The order of this list is the wire format and that on flash. */
export const RESET_CAUSES = Object.freeze([
  "unknown",
  "power",
  "pin",
  "software",
  "panic",
  "watchdog",
  "brownout",
] as const);
export type ResetCause = (typeof RESET_CAUSES)[number];

/** How far the device's clock can be trusted. The order of this list is the wire format. */
export const CLOCK_STATES = Object.freeze(["unknown", "drifting", "trusted"] as const);

/** How the device is (device to gateway), once a day at the most. Numbers above their bounds are told as these. */
export interface HealthRecord {
  readonly kind: "health";
  /** Day reported on, in days since 1970-01-01 at the customer's place. */
  readonly day: number;
  /** Of the product's firmware; all 0: not told. */
  readonly version: readonly [major: number, minor: number, patch: number];
  /** Starts by cause, in the order of {@link RESET_CAUSES}, as far as the journal goes back. */
  readonly resets: readonly number[];
  /** Least bytes of heap that were ever free since the start; 0: not told. */
  readonly leastFree: number;
  /** Most erases of a block of the journal. */
  readonly mostErases: number;
  /** Blocks of the journal that are not used any more. */
  readonly worn: number;
  /** Committed records that were damaged in flash. */
  readonly damaged: number;
  /** Messages that newer ones have replaced before they were acknowledged. */
  readonly dropped: number;
  readonly clock: (typeof CLOCK_STATES)[number];
  /** Minutes that local time is ahead of UTC, as the device reckons. */
  readonly utcOffset: number;
  /** Number of the newest settings that the device is done with; 0: none. */
  readonly settings: number;
  readonly applied: number;
}

/** What became of settings: `applied`, or what they were refused for. The order of this list is the wire format. */
export const SETTINGS_OUTCOMES = Object.freeze([
  "applied",
  "utcOffset",
  "slot",
  "reserveDays",
  "epsilon",
] as const);
export type SettingsOutcome = (typeof SETTINGS_OUTCOMES)[number];

/** The device is done with settings up to a number (device to gateway). */
export interface Settled {
  readonly kind: "settled";
  /** Number of the settings; earlier ones that have not come are passed over. */
  readonly number: number;
  readonly outcome: SettingsOutcome;
  /** Slot of the value that was refused; else 0. */
  readonly slot: number;
  readonly applied: number;
}

/**
 * What becomes of an image that the device is offered, see `sdk/update`: `taken`, `known` since an earlier offer, or what it is refused for. `unsupported`: this
 * firmware takes none. The order of this list is the wire format.
 */
export const IMAGE_OUTCOMES = Object.freeze([
  "taken",
  "known",
  "unsupported",
  "malformed",
  "product",
  "chip",
  "key",
  "signature",
  "downgrade",
  "from",
  "size",
  "rejected",
  "busy",
  "storage",
] as const);
export type ImageOutcome = (typeof IMAGE_OUTCOMES)[number];

/** The answer to the description of an image (device to gateway). */
export interface Offered {
  readonly kind: "offered";
  /** CRC-32 of the description that is answered, all of its bytes. */
  readonly image: number;
  readonly outcome: ImageOutcome;
  readonly applied: number;
}

/** Most characters of what a log-in gives. Each is printable ASCII without spaces. */
export const MOST_CODE = 128;
export const MOST_CLIENT_ID = 100;
export const MOST_REDIRECT_URI = 200;
/** PKCE allows 43 to 128; devices make 43. */
export const MOST_VERIFIER = 128;
export const MOST_TOKEN = 960;

/** The customer has agreed: what the gateway redeems (device to gateway). */
export interface AuthorizationMessage {
  readonly kind: "authorization";
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: string;
  /** PKCE verifier that belongs to the challenge of the log-in. */
  readonly verifier: string;
  readonly applied: number;
}

/** The customer has agreed, and the device has redeemed it (device to gateway). */
export interface GrantMessage {
  readonly kind: "grant";
  readonly clientId: string;
  readonly refreshToken: string;
  readonly applied: number;
}

/** Why the customer has untied the device. The order of this list is the wire format. */
export const DEREGISTRATION_REASONS = Object.freeze(["deleted", "unlinked", "reset"] as const);
export type DeregistrationReason = (typeof DEREGISTRATION_REASONS)[number];

/** The device is not to be registered any more (device to gateway). */
export interface Deregistration {
  readonly kind: "deregistration";
  readonly reason: DeregistrationReason;
  readonly applied: number;
}

/** The device knows the gateway's word of its registration up to a number (device to gateway). */
export interface Informed {
  readonly kind: "informed";
  /** 0: the device knows of none, such as after its journal was lost. */
  readonly number: number;
  readonly applied: number;
}

export type UplinkMessage =
  | Status
  | Intent
  | Poll
  | HealthRecord
  | Settled
  | Offered
  | AuthorizationMessage
  | GrantMessage
  | Deregistration
  | Informed;

/** What became of an order. The order of this list is the wire format. */
export const ORDER_STATES = Object.freeze([
  "accepted",
  "placed",
  "shipped",
  "resolution",
  "cancelled",
  "rejected",
  "unknown",
] as const);
export type OrderState = (typeof ORDER_STATES)[number];

/** One step in the life of an order (gateway to device). */
export interface OrderEvent {
  /** Number of the event, from 1, without gaps, per device. */
  readonly number: number;
  readonly slot: number;
  readonly cycle: number;
  readonly state: OrderState;
  /** Estimated delivery day for `placed` and `shipped`, in days since 1970-01-01; else 0. */
  readonly day: number;
}

/** The answer to every message of a device: what the gateway has seen, what time it is, and what happened to orders. */
export interface Acknowledgement {
  readonly kind: "acknowledgement";
  /** Highest uplink sequence that is stored at the gateway; all below are stored or given up. */
  readonly seen: number;
  /** UTC of the gateway, in seconds since 1970-01-01. */
  readonly time: number;
  /** Number of the newest order event of this device; the device polls until it has applied it. */
  readonly newest: number;
  /** The next events that the device has not confirmed, in order, at most {@link MAX_EVENTS}. */
  readonly events: readonly OrderEvent[];
}

/** Events in one acknowledgement; the rest follow on the next poll. */
export const MAX_EVENTS = 2;

/** What is set for one slot. What is left out is as the device is configured. */
export interface SlotSettings {
  readonly slot: number;
  /** Days that a delivery should be there before the slot is empty. */
  readonly reserveDays?: number;
  /** Probability of running out at which to order, in thousandths. */
  readonly epsilon?: number;
}

/** All that is set at run time (gateway to device). Whether the values can be is for the device to say, see {@link Settled}. */
export interface Settings {
  readonly kind: "settings";
  /** Upward from 1, per device. The newest replace all earlier ones. */
  readonly number: number;
  /** Minutes that local time at the customer's place is ahead of UTC; left out, they stay what they are. */
  readonly utcOffset?: number;
  /** Slots for which something is set, each once. */
  readonly slots: readonly SlotSettings[];
}

/** An image of the firmware is offered (gateway to device). */
export interface ImageOffer {
  readonly kind: "image";
  /** As its maker has signed it, see `sdk/update/README.md`: these bytes are the message. */
  readonly description: Uint8Array;
}

/**
 * Why what the customer has agreed to came to nothing: `refused` by Login with Amazon, which was `unreachable` while the code was good, or `unavailable`,
 * since the gateway is not set up for it. The order of this list is the wire format.
 */
export const REGISTRATION_FAILURES = Object.freeze([
  "none",
  "refused",
  "unreachable",
  "unavailable",
] as const);
export type RegistrationFailure = (typeof REGISTRATION_FAILURES)[number];

/** What the service says of the registration (gateway to device). */
export interface RegistrationNews {
  readonly kind: "registration";
  /** Upward from 1, per device. The newest replaces all earlier ones. */
  readonly number: number;
  readonly registered: boolean;
  /** Slots that are subscribed, 2 to the power of each. */
  readonly subscribed: number;
  /** Of the device's last authorization, while it is not registered. While it is, `unavailable`: no call can be made for it at the moment. */
  readonly failure: RegistrationFailure;
}

export type DownlinkMessage = Acknowledgement | Settings | ImageOffer | RegistrationNews;
