import type { Cycle } from "./cycle.js";

/**
 * Share of an ordered refill that may be missing or left over without meaning anything: no sensor weighs a refill to the step, and a rest
 * that is believed in for ever keeps orders from being placed.
 */
const TOLERANCE = 0.1;
/**
 * Days that a parcel comes before its estimated day. An order that is not known to be shipped explains no refill before that: the customer
 * has bought one elsewhere, and the order is still to come.
 */
const EARLY_DAYS = 3;
/** Share of the capacity that may be missing at 100 %: neither a pack nor a load cell is more exact over its life. */
const FULL_SHARE = 0.03;
/** Standard deviations of the sensor that may be missing at 100 %. */
const FULL_DEVIATIONS = 3;
/** Share of the capacity that may be missing at most: a bad sensor must not pass half for full, and have ordered what the customer does not want. */
const FULL_MOST = 0.15;
/** Days that a slot may be empty although there is said to be a refill on hand: then there is none. */
const EMPTY_DAYS = 7;

/** Where a refill came from. */
export interface Allocation {
  /** Steps on hand after it. */
  readonly onHand: number;
  /** It was, at least in part, the delivery of the open order. */
  readonly delivered: boolean;
}

/**
 * A refill comes from what is on hand, as far as that explains it, else from the order that is on its way, if that can have come; else the customer
 * has bought it elsewhere.
 *
 * @param steps put into the slot
 * @param onHand steps on hand before
 * @param refill steps of one ordered refill
 */
export function allocate(
  steps: number,
  onHand: number,
  { state, delivery, quantity }: Cycle,
  refill: number,
  day: number,
): Allocation {
  const tolerance = TOLERANCE * refill;
  const awaited = state === "shipped" || (state === "placed" && day >= delivery - EARLY_DAYS);
  const delivered = awaited && steps > onHand + tolerance;
  const rest = onHand + (delivered ? quantity : 0) - steps;
  return { onHand: rest > tolerance ? rest : 0, delivered };
}

/** Whether a slot is at 100 %, as far as its sensor can tell. */
export function isFull(
  remaining: number,
  { capacity, noise }: { readonly capacity: number; readonly noise: number },
): boolean {
  const missing = Math.min(Math.max(FULL_SHARE * capacity, FULL_DEVIATIONS * noise), FULL_MOST * capacity);
  return remaining >= capacity - missing;
}

/** A slot on a day, as far as it tells whether there can be a refill on hand. All quantities in steps. */
export interface Shelf {
  readonly onHand: number;
  readonly remaining: number;
  /** Below this the slot serves no use. */
  readonly least: number;
  /** Day of the last use; undefined when there was none. */
  readonly lastUse: number | undefined;
  /** Day of the last change of the order cycle. */
  readonly since: number;
}

/**
 * Whether what is said to be on hand cannot be there: the slot has been empty for days, and no customer lets that be with a refill at hand.
 *
 * It takes use since the last delivery to doubt: where nobody is at home, deliveries would else be doubted and ordered again one after another.
 */
export function isDoubtful(shelf: Shelf, day: number): boolean {
  const { onHand, remaining, least, lastUse, since } = shelf;
  return (
    onHand > 0 &&
    remaining < least &&
    lastUse !== undefined &&
    lastUse >= since &&
    day - lastUse >= EMPTY_DAYS
  );
}
