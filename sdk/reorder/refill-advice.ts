/** A month: the longest that a refill should last (DRS customer-experience guidelines). */
const MOST_DAYS = 31;

/**
 * Advice for the maker of a product, to be asked when it is built or when its rate was measured: refills come singly or, where that is impractical, in packs
 * that last a month at most, so that customers are not sent more than they need.
 *
 * @param slot its id, and steps of one refill
 * @param rate steps used a day; as rated, it is capacity / ratedLife
 * @returns what to tell; undefined when there is nothing to say, as of a slot that is not used
 */
export function refillAdvice(
  slot: { readonly id: string; readonly refill: number },
  rate: number,
): string | undefined {
  const days = Math.round(slot.refill / rate);
  return rate > 0 && days > MOST_DAYS
    ? `slot "${slot.id}": a refill lasts ${days} days; a month at most is advised`
    : undefined;
}
