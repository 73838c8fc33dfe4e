import type { OrderRow, StatusRow } from "./database.js";
import type { GatewayDevice } from "./options.js";

/** What the app is to tell the customer of, by the slots' names at DRS. */
export interface GatewayNotice {
  readonly notice: "cancelled-once" | "cancelled-twice";
  readonly slot: string;
}

/**
 * What the guidelines leave to the product to tell: the first cancellation of an order, and the second in a row. Of all else Amazon tells the customer itself. A slot that
 * is full again, or was ordered for again, has none.
 */
export function noticesOf(
  { slots }: GatewayDevice,
  statuses: readonly StatusRow[],
  orders: readonly OrderRow[],
): GatewayNotice[] {
  return slots.flatMap(({ id, capacity }, slot): GatewayNotice[] => {
    const newestFirst = orders.filter((order) => order.slot === slot).sort((a, b) => b.cycle - a.cycle);
    const status = statuses.find((each) => each.slot === slot);
    if (status && status.remaining >= capacity) return [];
    const kept = newestFirst.findIndex(({ state }) => state !== "cancelled");
    const cancelled = kept < 0 ? newestFirst.length : kept;
    if (cancelled === 0) return [];
    return [{ notice: cancelled === 1 ? "cancelled-once" : "cancelled-twice", slot: id }];
  });
}
