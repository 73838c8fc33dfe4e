import type { Queries } from "./database.js";
import { giveUp } from "./orders.js";

/**
 * Ends everything for a device that is not registered at DRS any more: no call is owed, and what was to be ordered is
 * given up. Within a transaction that holds the device's row.
 *
 * @param why for the orders that are given up
 */
export async function endRegistration(queries: Queries, serial: string, why: string): Promise<void> {
  await queries.grants.end(serial, why);
  await queries.calls.drop(serial);
  await queries.forgetSubscriptions(serial);
  for (const order of await queries.orders(serial))
    if (order.state === "intended") await giveUp(queries, order, why);
}
