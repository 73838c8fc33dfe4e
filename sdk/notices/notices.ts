import type { Everfull } from "../everfull.js";
import type { DeviceEvent } from "../options.js";
import type { Decision } from "../reorder/policy.js";

/**
 * All that the product itself tells the customer: what the guidelines leave to it, and matters of the device. Of orders, shipments and subscriptions Amazon tells the
 * customer; a product that did so too would tell everything twice.
 */
export const NOTICES = Object.freeze([
  /** The customer has cancelled an order that was placed: recorded, and ordered for again in 5 days. */
  "cancelled-once",
  /** And the next one too: nothing is ordered before the slot is at 100 %. */
  "cancelled-twice",
  /** What holds the supply was taken out, and is to be put back. */
  "reinsert",
  /** The sensor does not measure: nothing is known of the supply. */
  "sensor",
  /** The journal refuses: nothing is ordered until it takes commits again. */
  "storage",
  /** The device does not know the time, and so not when to order. */
  "clock",
  /** What the customer has agreed to came to nothing: it is to be offered again. */
  "set-up-again",
  /** The device could not tell that it is not to be registered any more: it is to be ended at Amazon. */
  "not-delivered",
] as const);
export type Notice = (typeof NOTICES)[number];

/**
 * The notice that an event gives rise to; undefined: none, as with all events of orders but a cancellation.
 *
 * @param everfull of which the event is: how many cancellations in a row there were
 */
export function noticeOf(event: DeviceEvent, everfull: Pick<Everfull, "slot">): Notice | undefined {
  switch (event.kind) {
    case "order":
      // One that was never placed was given up by the service, not by the customer.
      if (event.state !== "cancelled" || event.unplaced) return undefined;
      return everfull.slot(event.slot).cancellations > 1 ? "cancelled-twice" : "cancelled-once";
    case "storage":
      return event.state === "failing" ? "storage" : undefined;
    case "registration":
      return event.failure !== "none" && event.state !== "registered" ? "set-up-again" : undefined;
    case "deregistration":
      return event.outcome === "undelivered" ? "not-delivered" : undefined;
    case "dayClosed":
    case "intended":
    case "delivered":
    case "settings":
      return undefined;
  }
}

/** The notice that belongs to what the policy says of a slot, as long as it says so; undefined: none. */
export function noticeOfDecision(decision: Decision): Notice | undefined {
  return decision === "clock-unknown" ? "clock" : undefined;
}

const OF_FINDINGS: Readonly<Record<string, Notice>> = Object.freeze({
  away: "reinsert",
  absent: "sensor",
  blind: "sensor",
  failing: "sensor",
  frozen: "sensor",
});

/** The notice that belongs to what the firmware finds of a slot, see `hal/meters`, as long as it is found; undefined: none, as for leaks, which are the product's to tell. */
export function noticeOfFinding(what: string): Notice | undefined {
  return OF_FINDINGS[what];
}

/** Who helps with what. `order`: of, or about, an order that the device has placed. */
export type SupportTopic = "order" | "device";

export interface SupportEntry {
  readonly by: "amazon" | "maker";
  readonly url: string;
}

/** Where Amazon's customer service is written to. */
export const AMAZON_CONTACT = "https://www.amazon.com/gp/help/contact-us";

/** Questions about orders that the device has placed go to Amazon, all others to its maker. @param maker address of the maker's own support */
export function supportFor(topic: SupportTopic, maker: string, amazon = AMAZON_CONTACT): SupportEntry {
  return topic === "order" ? { by: "amazon", url: amazon } : { by: "maker", url: maker };
}
