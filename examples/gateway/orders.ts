import type { OrderState } from "everfull";
import type { NotificationRow, OrderRow, OrderRowState, Queries } from "./database.js";
import { dayAt } from "./days.js";
import type { GatewayDevice } from "./options.js";
import { offsetOf } from "./settings.js";

/** News about an order arrives in any order; it only ever moves up this list, see {@link leadsTo}. */
const RANK: Readonly<Record<OrderRowState, number>> = Object.freeze({
  intended: 0,
  unknown: 1,
  accepted: 2,
  resolution: 3,
  placed: 4,
  shipped: 5,
  cancelled: 6,
  rejected: 6,
});

const STATE_OF_TYPE: Readonly<Record<string, OrderState | undefined>> = Object.freeze({
  OrderPlacedNotification: "placed",
  ItemShippedNotification: "shipped",
  OrderCancelledNotification: "cancelled",
});

/**
 * An order is first asked about this long after it was accepted, in milliseconds: SNS repeats a delivery for an hour
 * at most, so that a notification which has not come by then will not.
 */
const FIRST_LOOK_MS = 3_600_000;
/** Latest day number that an event can carry, in 16 bits. */
const LAST_DAY = 65_535;

/** What became of an order can get lost until it is placed; then it is known again when it is heard of. */
function leadsTo(from: OrderRowState, to: OrderState): boolean {
  return to === "unknown" ? from !== "unknown" && RANK[from] < RANK.placed : RANK[to] > RANK[from];
}

export function isOrderNews(type: string): boolean {
  return STATE_OF_TYPE[type] !== undefined;
}

/**
 * Moves an order up to `state` and adds the event that tells its device. False: it was there or beyond
 * already. Within a transaction that holds the device's row.
 */
export async function advance(
  queries: Queries,
  order: OrderRow,
  state: OrderState,
  day = 0,
): Promise<boolean> {
  if (!leadsTo(order.state, state)) return false;
  order.state = state;
  await queries.moveOrder(order, state, day);
  await queries.addEvent(order, state, day);
  return true;
}

/**
 * What a notification says about an order, applied to it. Within a transaction that holds the device's row.
 */
export async function applyNews(
  queries: Queries,
  device: GatewayDevice,
  order: OrderRow,
  news: NotificationRow,
): Promise<boolean> {
  const state = STATE_OF_TYPE[news.type];
  if (!state) return false;
  const day = state === "cancelled" ? 0 : deliveryDay(news.deliveryAt, await offsetOf(queries, device));
  return advance(queries, order, state, day);
}

/** The day number of a delivery as events carry it; 0: not told, or beyond them. */
export function deliveryDay(deliveryAt: number | null, utcOffsetMinutes: number): number {
  const day = deliveryAt === null ? 0 : dayAt(deliveryAt, utcOffsetMinutes);
  return day < 0 || day > LAST_DAY ? 0 : day;
}

/**
 * DRS is known to have the order: tells its device, and asks DRS about it later. Within a transaction that holds
 * the device's row.
 *
 * @param now UTC milliseconds
 */
export async function accept(
  queries: Queries,
  device: GatewayDevice,
  order: OrderRow,
  answer: { readonly instanceId?: string | undefined; readonly detail?: string | undefined },
  now: number,
): Promise<void> {
  await queries.answerOrder(order, answer);
  await queries.calls.accepted(order, now);
  await advance(queries, order, "accepted");
  // Notifications can overtake the answer, and an order that two cycles share has had its earlier ones already.
  if (answer.instanceId !== undefined)
    for (const news of await queries.notificationsOfInstance(device.serial, answer.instanceId))
      await applyNews(queries, device, order, news);
  await queries.addTask(device.serial, "orderInfo", now + FIRST_LOOK_MS, order.slot, order.cycle);
}

/**
 * Gives an order up: rejected when DRS cannot have it, else unknown until a notification tells. Within a
 * transaction that holds the device's row.
 */
export async function giveUp(
  queries: Queries,
  order: OrderRow,
  message: string,
  detail?: string,
): Promise<void> {
  if (await advance(queries, order, order.askedAt === null ? "rejected" : "unknown"))
    await queries.answerOrder(order, { message, detail });
}
