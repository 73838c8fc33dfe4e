import type { OrderRow } from "./database.js";
import type { GatewayDevice } from "./options.js";

/** What the app is to tell the customer of, by the slots' names at DRS. */
export interface GatewayNotice {
  readonly notice: "cancelled-once" | "cancelled-twice";
  readonly slot: string;
}

/** What the notices of a device depend on beside its orders. */
export interface NoticeState {
  /** When the customer registered the device, UTC milliseconds; null: not known. */
  readonly registeredAt: number | null;
  /** By slot; null: not known. */
  readonly subscribed: readonly (boolean | null)[];
  /** By slot, the sequence of the newest status that told that it is full. */
  readonly full: ReadonlyMap<number, number>;
}

/**
 * What the guidelines leave to the product to tell: the first cancellation of an order, and the second in a row. Of all else Amazon tells the
 * customer itself. A slot that was full since its newest order, was ordered for again or is not subscribed has none; orders of another customer do not count.
 */
export function noticesOf(
  { slots }: GatewayDevice,
  orders: readonly OrderRow[],
  { registeredAt, subscribed, full }: NoticeState,
): GatewayNotice[] {
  return slots.flatMap(({ id }, slot): GatewayNotice[] => {
    if (subscribed[slot] === false) return [];
    const newestFirst = orders
      .filter((order) => order.slot === slot && order.receivedAt >= (registeredAt ?? 0))
      .sort((a, b) => b.cycle - a.cycle);
    const kept = newestFirst.findIndex(({ state }) => state !== "cancelled");
    const cancelled = kept < 0 ? newestFirst.length : kept;
    if (cancelled === 0 || (full.get(slot) ?? 0) > newestFirst[0]!.sequence) return [];
    return [{ notice: cancelled === 1 ? "cancelled-once" : "cancelled-twice", slot: id }];
  });
}
