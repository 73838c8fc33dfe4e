import type { Forecast } from "../forecast/index.js";
import { weekday } from "../ledger/stock.js";
import type { ReorderOptions } from "../slot.js";
import type { Cycle } from "./cycle.js";

/** Days after a cancellation before the device may order again (DRS customer-experience guidelines). */
export const CANCELLED_DAYS = 5;
/** Days after the service has refused an order: the reason, such as a missing subscription, does not go away overnight. */
export const REJECTED_DAYS = 5;

/** What the decision rests on. */
export interface Situation {
  /** The day that begins, numbered from 1970-01-01: an order would be placed on it. */
  readonly day: number;
  /** Steps in the slot. */
  readonly remaining: number;
  /** Steps at the customer's place that are not loaded. */
  readonly onHand: number;
  readonly cycle: Cycle;
  readonly forecast: Forecast;
}

/** Whether a new cycle may begin at all. */
export function mayOrder(cycle: Cycle, day: number): boolean {
  switch (cycle.state) {
    case "idle":
    case "delivered":
      return true;
    case "cancelled":
      return day >= cycle.since + CANCELLED_DAYS;
    case "rejected":
      return day >= cycle.since + REJECTED_DAYS;
    default:
      return false;
  }
}

/**
 * Whether to order on this day: the probability of running out before an order placed today could be delivered, with the reserve to
 * spare, has reached epsilon. A quantile far below the median, so never later than the order-by day of the median; that is checked all the same,
 * because a product may set any epsilon.
 */
export function shouldOrder(situation: Situation, policy: Required<ReorderOptions>): boolean {
  const { day, cycle, forecast } = situation;
  if (!mayOrder(cycle, day)) return false;
  const stock = situation.remaining + situation.onHand;
  const days = policy.leadDays + policy.reserveDays;
  return (
    stock <= 0 ||
    forecast.runOutProbability(stock, days, weekday(day)) >= policy.epsilon ||
    forecast.runOut(stock, weekday(day)).median <= days
  );
}
