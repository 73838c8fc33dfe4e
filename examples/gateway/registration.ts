import type { RegistrationNews } from "everfull";
import type { Queries } from "./database.js";
import type { GrantRow } from "./database-grants.js";
import type { GatewayDevice } from "./options.js";
import { giveUp } from "./orders.js";

/**
 * The device is registered from now on, with these tokens. Which slots are subscribed is asked for. Within a transaction that holds the
 * device's row.
 *
 * @param now UTC milliseconds
 */
export async function beginRegistration(
  queries: Queries,
  serial: string,
  grant: GrantRow,
  now: number,
): Promise<void> {
  await queries.calls.dropDeregistration(serial);
  // What the next customer's news says is of other orders.
  for (const order of await queries.orders(serial))
    if (order.state === "intended" && order.askedAt !== null)
      await giveUp(queries, order, "the device was registered anew before DRS had answered");
  await queries.grants.put(serial, grant, now);
  await queries.registrations.put(serial, "registered", 0, "none");
  await queries.calls.poll(serial, now);
}

/**
 * Ends everything for a device that is not registered at DRS any more: no call is owed, and what was to be ordered is
 * given up. Within a transaction that holds the device's row.
 *
 * @param why for the orders that are given up
 */
export async function endRegistration(queries: Queries, serial: string, why: string): Promise<void> {
  await queries.grants.end(serial, why);
  await queries.calls.drop(serial);
  await queries.registrations.put(serial, "unregistered", 0, "none");
  for (const order of await queries.orders(serial))
    if (order.state === "intended") await giveUp(queries, order, why);
}

/**
 * The customer wants the device away: ends everything, and DRS is to be told. What the customer has agreed to and is not redeemed yet is kept
 * for that: at Amazon, the device is registered since the log-in. Within a transaction that holds the device's row.
 *
 * @param why for the orders that are given up
 * @param due when DRS is told if nothing else is called for before, UTC milliseconds
 */
export async function leaveRegistration(
  queries: Queries,
  serial: string,
  why: string,
  due: number,
): Promise<void> {
  const ended = await queries.grants.ended(serial);
  const { code = null, askedAt = null } = (await queries.registrations.of(serial)) ?? {};
  await endRegistration(queries, serial, why);
  if (code !== null && askedAt !== null) await queries.registrations.keepCode(serial, code, askedAt);
  if (ended === null || code !== null) await queries.addTask(serial, "deregister", due);
}

/** DRS has said which slots are subscribed. Within a transaction that holds the device's row. */
export async function subscribed(
  queries: Queries,
  device: GatewayDevice,
  slotIds: readonly string[],
): Promise<void> {
  const { serial } = device;
  const { ended, known } = await queries.grants.of(serial);
  if (ended !== null) return;
  const row = await queries.registrations.of(serial);
  // A device with a fixed token, of which nothing was heard: whether it is registered is not known here.
  if (!row && !known) return;
  // Its answer is about the registration before.
  if (row?.state === "pending") return;
  const bits = device.slots.reduce((sum, { id }, slot) => sum + (slotIds.includes(id) ? 2 ** slot : 0), 0);
  await queries.registrations.put(serial, "registered", bits, row?.failure ?? "none");
}

/** Whether it matters to the device what DRS says of its registration. */
export async function isFollowed(queries: Queries, serial: string): Promise<boolean> {
  return (await queries.grants.of(serial)).known || (await queries.registrations.of(serial)) !== undefined;
}

/** What goes down before the answer to a device, as long as it has not told that it knows. */
export async function owedNews(queries: Queries, serial: string): Promise<RegistrationNews | undefined> {
  const row = await queries.registrations.of(serial);
  if (!row || row.state === "pending" || row.number <= row.told) return undefined;
  const { number, failure } = row;
  const registered = row.state === "registered";
  return { kind: "registration", number, registered, subscribed: registered ? row.subscribed : 0, failure };
}
