import type { Forecast } from "../forecast/index.js";
import { weekday } from "../ledger/stock.js";
import type { Permission } from "../registration/registration.js";
import type { ReorderOptions } from "../slot.js";
import type { Cycle } from "./cycle.js";

/** Days after a cancellation before the device may order again (DRS customer-experience guidelines). */
export const CANCELLED_DAYS = 5;
/** Days after the service has refused an order: the reason does not go away overnight. */
export const REJECTED_DAYS = 5;
/**
 * Days after which an order that was accepted but not placed needs somebody to act. The service gives 72 hours; told in calendar days, those
 * are over for certain when the fourth day begins, at whatever time of the first it was accepted.
 */
export const RESOLUTION_DAYS = 4;

/** Longest wait for a delivery, days, whatever day the service has told: a wrong one must not keep a slot from ordering for ever. */
export const MOST_DELIVERY_DAYS = 60;

/**
 * Whether to order, and why: `due` and `late` say yes.
 *
 * - `due`: in time; `late`: after the order-by day of the median
 * - `covered`: what there is lasts
 * - `cycle-open`: an order is under way
 * - `cancelled-wait`, `rejected-wait`: within {@link CANCELLED_DAYS} or {@link REJECTED_DAYS}
 * - `until-full`: cancelled twice in a row
 * - `not-registered`, `not-subscribed`: the customer does not want it, or not yet
 * - `clock-unknown`: never told the time, and more is left than `unknownClockShare`
 */
export type Decision =
  | "due"
  | "late"
  | "covered"
  | "cycle-open"
  | "cancelled-wait"
  | "rejected-wait"
  | "until-full"
  | "not-registered"
  | "not-subscribed"
  | "clock-unknown";

/** What the decision rests on. */
export interface Situation {
  /** The day that begins, numbered from 1970-01-01: an order would be placed on it. 0: it is not known. */
  readonly day: number;
  /** Share of that day that is over, 0 to 1; 0 where it is left out. */
  readonly elapsed?: number;
  /** Steps in the slot. */
  readonly remaining: number;
  /** Steps at the customer's place that are not loaded. */
  readonly onHand: number;
  /** Steps in the slot at 100 %. */
  readonly capacity: number;
  readonly permission: Permission;
  readonly cycle: Pick<Cycle, "state" | "since" | "cancellations">;
  readonly forecast: Pick<Forecast, "runOutProbability" | "runOut">;
}

/** Why no new cycle may begin; undefined when one may. */
function hindrance({ day, permission, cycle }: Situation): Decision | undefined {
  if (permission === "not-registered" || permission === "not-subscribed") return permission;
  const waited = day - cycle.since;
  switch (cycle.state) {
    case "idle":
    case "delivered":
    case "lapsed":
      break;
    case "cancelled":
      if (cycle.cancellations < 2 && waited < CANCELLED_DAYS) return "cancelled-wait";
      break;
    case "rejected":
      if (waited < REJECTED_DAYS) return "rejected-wait";
      break;
    default:
      return "cycle-open";
  }
  return cycle.cancellations < 2 ? undefined : "until-full";
}

/**
 * What to do on this day. Pure, and the same for the same situation.
 *
 * An order is due when the probability of running out before an order placed today could be delivered, with the reserve to spare, has reached epsilon.
 * That is a quantile far below the median, so never later than the order-by day of the median; which is checked all the same, because a
 * product may set any epsilon.
 */
export function decide(situation: Situation, policy: Required<ReorderOptions>): Decision {
  const { day, elapsed = 0, remaining, forecast } = situation;
  const hindered = hindrance(situation);
  if (hindered) return hindered;
  if (day === 0 && !(remaining < situation.capacity * policy.unknownClockShare)) return "clock-unknown";
  const stock = remaining + situation.onHand;
  const days = policy.leadDays + policy.reserveDays;
  // Whether it is later than that, no more: a date far away takes longer to find.
  const { median } = forecast.runOut(stock, weekday(day), days + 1, elapsed);
  if (stock <= 0 || median < days) return "late";
  return median === days || forecast.runOutProbability(stock, days, weekday(day), elapsed) >= policy.epsilon
    ? "due"
    : "covered";
}

/** Whether a decision is an order. */
export function isOrder(decision: Decision): decision is "due" | "late" {
  return decision === "due" || decision === "late";
}

/**
 * What has become of an order because nothing was heard of it until the begin of `day`; undefined: nothing.
 *
 * - `resolution`: it was accepted {@link RESOLUTION_DAYS} ago and not placed
 * - `lapsed`: it is not known to be placed, and would have been delivered had it been when it was last heard of: after lead and grace it is given up
 * - `overdue`: it was placed, and the delivery day is past by the grace; where no day was told, it is the lead
 *
 * @param heard the gateway has told all that it knew until the begin of this day; 0: messages wait. It may yet take the order, or have later news of it that
 *   say otherwise: only `resolution`, which ends nothing, does not wait for it
 */
export function timeOut(
  { state, since, delivery }: Cycle,
  day: number,
  { leadDays, graceDays }: Required<ReorderOptions>,
  heard: number,
): "resolution" | "lapsed" | "overdue" | undefined {
  switch (state) {
    case "accepted":
      return day >= since + RESOLUTION_DAYS ? "resolution" : undefined;
    case "intended":
    case "resolution":
    case "unknown":
      return heard > since + leadDays + graceDays ? "lapsed" : undefined;
    case "placed":
    case "shipped":
      return heard > Math.min(delivery || since + leadDays, since + MOST_DELIVERY_DAYS) + graceDays
        ? "overdue"
        : undefined;
    default:
      return undefined;
  }
}
