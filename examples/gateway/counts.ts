import type { UplinkErrorCode } from "everfull";

/** Why a message from a device was not stored. */
export const REFUSALS = Object.freeze([
  "unknown device", // no device is registered under the serial in the topic
  "unknown slot", // the device has no slot with that number
  "replayed", // its sequence was seen before, or is too old to tell
  "flooding", // too many messages of the device are waiting
  "oversized",
  "truncated",
  "malformed",
  "shape",
  "range",
  "key",
  "forged",
] as const satisfies readonly (UplinkErrorCode | "unknown device" | "unknown slot" | "flooding")[]);
export type RefusalReason = (typeof REFUSALS)[number];

export type DrsOperation =
  | "slotStatus"
  | "deviceStatus"
  | "subscriptionInfo"
  | "replenish"
  | "orderInfo"
  | "deregister";

/** Events sent to Alexa. */
export type AlexaOperation = "changeReport" | "inventoryConsumed";

/** What has happened since the gateway started. */
export interface GatewayCounts {
  /** Messages from devices, refused ones included. */
  received: number;
  /** Messages from devices whose contents are in the database. */
  stored: number;
  refused: Record<RefusalReason, number>;
  /** Messages that a fault of the gateway itself kept from being handled: see the log. */
  failed: number;
  /** Acknowledgements that the broker has taken. */
  acknowledgements: number;
  /** Settings that the broker has taken, repetitions included. */
  settings: number;
  /** Words about the registration that the broker has taken, repetitions included. */
  registrations: number;
  /** Descriptions of images published to devices, repetitions included. */
  images: number;
  /** Messages down that the broker did not take in time; the device will repeat its message. */
  unpublished: number;
  /** Calls to DRS, retries included. */
  drs: Record<DrsOperation, number>;
  /** Calls that DRS answered with an error that a repetition would not change. */
  drsRefused: number;
  /** Calls without a usable answer; they are repeated. */
  drsUnanswered: number;
  /** Calls that DRS answered with "Invalid token". */
  drsUnauthorized: number;
  /** Events sent to Alexa, retries included. */
  alexa: Record<AlexaOperation, number>;
  /** Events that Alexa answered with an error that a repetition would not change. */
  alexaRefused: number;
  /** Events without a usable answer; they are repeated. */
  alexaUnanswered: number;
  /** Events that Alexa did not take for want of a good token or a permission; they are repeated. */
  alexaUnauthorized: number;
  /** Intents of devices whose service decides on orders itself. */
  declined: number;
  /** Requests for an access token: a token came, the refresh token or code is dead, the client is not accepted, or none of these. */
  lwa: Record<"granted" | "ended" | "rejected" | "failed", number>;
  notifications: {
    /** Requests to the notification endpoint. */
    received: number;
    /** Not a signed SNS message of an accepted topic with DRS JSON in it, too long, or the wrong address. */
    refused: number;
    /** Seen before under the same MessageId. */
    duplicates: number;
    /** Moved an order on. */
    applied: number;
    /** About an order that is not known (yet): kept until the Replenish answer names it. */
    kept: number;
    /** Changed no order: news out of order, another type, an unknown device. */
    other: number;
    /** Subscriptions of this endpoint that were confirmed at SNS. */
    confirmed: number;
  };
}

export function noCounts(): GatewayCounts {
  return {
    received: 0,
    stored: 0,
    refused: Object.fromEntries(REFUSALS.map((each) => [each, 0])) as Record<RefusalReason, number>,
    failed: 0,
    acknowledgements: 0,
    settings: 0,
    registrations: 0,
    images: 0,
    unpublished: 0,
    drs: { slotStatus: 0, deviceStatus: 0, subscriptionInfo: 0, replenish: 0, orderInfo: 0, deregister: 0 },
    drsRefused: 0,
    drsUnanswered: 0,
    drsUnauthorized: 0,
    alexa: { changeReport: 0, inventoryConsumed: 0 },
    alexaRefused: 0,
    alexaUnanswered: 0,
    alexaUnauthorized: 0,
    declined: 0,
    lwa: { granted: 0, ended: 0, rejected: 0, failed: 0 },
    notifications: { received: 0, refused: 0, duplicates: 0, applied: 0, kept: 0, other: 0, confirmed: 0 },
  };
}
