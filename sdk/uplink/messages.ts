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

export type UplinkMessage = Status | Intent | Poll;

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

/** The gateway's only message down: what it has seen, what time it is, and what happened to orders. */
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
export const MAX_EVENTS = 8;
