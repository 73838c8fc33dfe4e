import type { SlotSettings } from "everfull";
import type { Database, Queries } from "./database.js";
import { GatewayError } from "./errors.js";
import type { GatewayDevice } from "./options.js";

/** Local time is at most so many minutes from UTC. */
const MOST_OFFSET = 14 * 60;
const MOST_RESERVE_DAYS = 365;
const EPSILON_STEPS = 1000;

/** What an operator changes. What is left out stays as the entry before has it; null gives it back to the device's configuration. */
export interface SettingsEntry {
  /** Minutes that local time at the customer's place is ahead of UTC, -840 to 840; it cannot be given back. */
  readonly utcOffsetMinutes?: number;
  /** By the slots' names at DRS. */
  readonly slots?: Readonly<Record<string, SlotEntry>>;
}

export interface SlotEntry {
  /** Days that a delivery should be there before the slot is empty, 0 to 365. */
  readonly reserveDays?: number | null;
  /** Probability of running out at which the device orders: 0.001 to 0.999, in thousandths. */
  readonly epsilon?: number | null;
}

/**
 * Writes settings down under the device's next number. They go down with every answer to the device until it has said what became of them.
 *
 * @returns their number
 * @throws {GatewayError} `settings`: the field, its value and what is accepted; nothing is entered
 */
export function enterSettings(
  database: Database,
  device: GatewayDevice,
  entry: SettingsEntry,
  now: number,
): Promise<number> {
  const { serial } = device;
  const offset = entry.utcOffsetMinutes;
  const changes = Object.entries(entry.slots ?? {}).map(([id, change]) => {
    const slot = device.slots.findIndex((each) => each.id === id);
    const name = `device "${serial}", slot "${id}"`;
    if (slot < 0) refuse(`${name}: ${device.slots.map((each) => each.id).join(", ")} are there`);
    return { slot, reserveDays: reserveOf(name, change), epsilon: epsilonOf(name, change) };
  });
  if (offset !== undefined && !(Number.isInteger(offset) && Math.abs(offset) <= MOST_OFFSET))
    refuse(
      `device "${serial}": utcOffsetMinutes must be a whole number from -${MOST_OFFSET} to ${MOST_OFFSET} (got ${offset})`,
    );
  if (offset === undefined && changes.length === 0) refuse(`device "${serial}": nothing is set`);
  return database.transaction(async (queries) => {
    const { settled } = await queries.lockDevice(serial);
    const newest = (await queries.settings(serial)).at(-1)?.number ?? 0;
    const before = await queries.heldSettings(serial);
    const number = Math.max(newest, settled) + 1;
    const slots = changes.reduce(changed, before?.slots ?? []);
    await queries.addSettings(serial, number, offset ?? before?.utcOffsetMinutes ?? null, slots, now);
    return number;
  });
}

/** Minutes ahead of UTC that the device's days begin at: as it told last, or while it has not, as the options say. */
export async function offsetOf(queries: Queries, device: GatewayDevice): Promise<number> {
  return (await queries.utcOffset(device.serial)) ?? device.utcOffsetMinutes;
}

/** Undefined stays, null is taken out. */
interface Change {
  readonly slot: number;
  readonly reserveDays: number | null | undefined;
  readonly epsilon: number | null | undefined;
}

function changed(slots: readonly SlotSettings[], { slot, reserveDays, epsilon }: Change): SlotSettings[] {
  const before = slots.find((each) => each.slot === slot);
  const reserve = reserveDays === undefined ? before?.reserveDays : reserveDays;
  const probability = epsilon === undefined ? before?.epsilon : epsilon;
  const after: SlotSettings = {
    slot,
    ...(typeof reserve === "number" && { reserveDays: reserve }),
    ...(typeof probability === "number" && { epsilon: probability }),
  };
  const others = slots.filter((each) => each.slot !== slot);
  return Object.keys(after).length === 1 ? others : [...others, after].sort((a, b) => a.slot - b.slot);
}

function reserveOf(name: string, { reserveDays }: SlotEntry): number | null | undefined {
  if (typeof reserveDays !== "number") return reserveDays;
  if (!(Number.isInteger(reserveDays) && reserveDays >= 0 && reserveDays <= MOST_RESERVE_DAYS))
    refuse(`${name}: reserveDays must be a whole number from 0 to ${MOST_RESERVE_DAYS} (got ${reserveDays})`);
  return reserveDays;
}

/** In thousandths. */
function epsilonOf(name: string, { epsilon }: SlotEntry): number | null | undefined {
  if (typeof epsilon !== "number") return epsilon;
  const steps = Math.round(epsilon * EPSILON_STEPS);
  if (!(steps >= 1 && steps < EPSILON_STEPS && Math.abs(steps / EPSILON_STEPS - epsilon) < 1e-9))
    refuse(`${name}: epsilon must be from 0.001 to 0.999, in thousandths (got ${epsilon})`);
  return steps;
}

function refuse(message: string): never {
  throw new GatewayError("settings", message);
}
