import type { OrderState } from "everfull";
import type { NotificationRow, OrderRow, OrderRowState, Queries } from "./database.js";
import { dayAt } from "./days.js";
import type { GatewayDevice } from "./options.js";
import { offsetOf } from "./settings.js";

/**
 * News about an order arrives in any order; it only ever moves up this list. `resolution` and `unknown` are
 * in the protocol, but nothing here produces them yet.
 */
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

/** Latest day number that an event can carry, in 16 bits. */
const LAST_DAY = 65_535;

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
  if (RANK[state] <= RANK[order.state]) return false;
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
  let day = 0;
  if (news.deliveryAt !== null && state !== "cancelled") {
    day = dayAt(news.deliveryAt, await offsetOf(queries, device));
    if (day < 0 || day > LAST_DAY) day = 0;
  }
  return advance(queries, order, state, day);
}
