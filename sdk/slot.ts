import { EverfullError } from "./errors.js";

/** One consumable of a device. Quantities are whole numbers of the slot's smallest step (a gram, one tablet). */
export interface SlotOptions {
  /** The slot's id at the replenishment service. */
  readonly id: string;
  /** Unit that the service knows the slot by, such as `count` or `grams`. */
  readonly unit: string;
  /** Steps that make one unit; 10 for a tenth of an ounce. */
  readonly stepsPerUnit: number;
  /** Steps in the slot when it is at 100 %; 1 to 65535. */
  readonly capacity: number;
  /** Steps that one ordered refill adds; 1 to 65535. */
  readonly refill: number;
  /** Steps in the slot when the device is used for the first time; default: the capacity. */
  readonly opening?: number;
  /** Days that a full slot is rated to last: what the forecast believes before it has seen any use. */
  readonly ratedLife: number;
  /** Steps of the smallest use that can happen; 0 (default) when any amount can. */
  readonly smallestUse?: number;
  /** Standard deviation of the level sensor, in steps; 0 (default) for counters. */
  readonly noise?: number;
  /**
   * `count` (default): use while the device is off is never seen. `level`: it is seen at the next start, so that a day without power is not
   * a day without observation.
   */
  readonly sensing?: "count" | "level";
  readonly policy?: ReorderOptions;
}

/** When to order. */
export interface ReorderOptions {
  /** Calendar days between order and needed delivery; default and least 7 (DRS customer-experience guidelines). */
  readonly leadDays?: number;
  /** Days that a delivery should be there before the slot is empty; default 1. */
  readonly reserveDays?: number;
  /** Order when the probability of running out within lead and reserve reaches this; default 0.03. */
  readonly epsilon?: number;
  /** Days after the estimated delivery day at which an order without a seen refill counts as delivered; default 2. */
  readonly graceDays?: number;
  /**
   * A device that was never told the time orders only when less than this share of the capacity remains; default 0: it does not. Counted from its second day of
   * metering on: a gateway that answers is given the first.
   */
  readonly unknownClockShare?: number;
}

/** Options with their defaults filled in. */
export type Slot = Required<Omit<SlotOptions, "policy">> & { readonly policy: Required<ReorderOptions> };

/** Slot numbers take one byte of a message. */
export const MOST_SLOTS = 23;
/** Of lead, reserve and grace. */
export const MOST_DAYS = 365;
const MOST_STEPS = 0xffff;
const LEAST_LEAD_DAYS = 7;
const LEAST_RATED_LIFE = 0.01;

/** Fills in the defaults and checks every field. @throws {EverfullError} `options`, naming slot, field, value and what is accepted */
export function checkedSlots(options: readonly SlotOptions[]): Slot[] {
  if (!(options.length >= 1 && options.length <= MOST_SLOTS))
    throw new EverfullError("options", `slots: 1 to ${MOST_SLOTS} are accepted (got ${options.length})`);
  const slots = options.map(checkedSlot);
  slots.forEach((slot, index) => {
    if (slots.findIndex(({ id }) => id === slot.id) !== index)
      throw new EverfullError("options", `slot "${slot.id}": the id is used twice`);
  });
  return slots;
}

function checkedSlot(options: SlotOptions): Slot {
  const { id } = options;
  const refuse = (field: string, accepted: string, value: unknown): never => {
    throw new EverfullError("options", `slot "${id}": ${field} must be ${accepted} (got ${value})`);
  };
  const whole = (field: string, value: number, least: number, most: number, unit: string): number =>
    Number.isInteger(value) && value >= least && value <= most
      ? value
      : refuse(field, `a whole number of ${unit} from ${least} to ${most}`, value);
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(id))
    refuse("id", "1 to 64 of A-Z a-z 0-9 - _", id);
  if (typeof options.unit !== "string" || options.unit.length === 0)
    refuse("unit", "a unit's name", options.unit);
  const capacity = whole("capacity", options.capacity, 1, MOST_STEPS, "steps");
  if (!(options.ratedLife >= LEAST_RATED_LIFE && options.ratedLife < 10000))
    refuse("ratedLife", `a number of days from ${LEAST_RATED_LIFE} to below 10000`, options.ratedLife);
  const noise = options.noise ?? 0;
  if (!(noise >= 0 && noise < capacity)) refuse("noise", "a number of steps from 0 to the capacity", noise);
  const sensing = options.sensing ?? "count";
  if (sensing !== "count" && sensing !== "level") refuse("sensing", '"count" or "level"', sensing);
  const policy = options.policy ?? {};
  const epsilon = policy.epsilon ?? 0.03;
  if (!(epsilon > 0 && epsilon < 1)) refuse("policy.epsilon", "a probability above 0 and below 1", epsilon);
  const unknownClockShare = policy.unknownClockShare ?? 0;
  if (!(unknownClockShare >= 0 && unknownClockShare <= 1))
    refuse("policy.unknownClockShare", "a share from 0 to 1", unknownClockShare);
  return {
    id,
    unit: options.unit,
    stepsPerUnit: whole("stepsPerUnit", options.stepsPerUnit, 1, MOST_STEPS, "steps"),
    capacity,
    refill: whole("refill", options.refill, 1, MOST_STEPS, "steps"),
    opening: whole("opening", options.opening ?? capacity, 0, MOST_STEPS, "steps"),
    ratedLife: options.ratedLife,
    smallestUse: whole("smallestUse", options.smallestUse ?? 0, 0, capacity, "steps"),
    noise,
    sensing,
    policy: {
      leadDays: whole(
        "policy.leadDays",
        policy.leadDays ?? LEAST_LEAD_DAYS,
        LEAST_LEAD_DAYS,
        MOST_DAYS,
        "days",
      ),
      reserveDays: whole("policy.reserveDays", policy.reserveDays ?? 1, 0, MOST_DAYS, "days"),
      epsilon,
      graceDays: whole("policy.graceDays", policy.graceDays ?? 2, 0, MOST_DAYS, "days"),
      unknownClockShare,
    },
  };
}
