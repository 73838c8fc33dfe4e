const MINUTE = 60 * 1000;

/** Share of the capacity that is committed at once. */
const COMMIT_SHARE = 0.01;
/** Use that has waited in RAM for so many milliseconds is committed, however little it is. */
export const COMMIT_AFTER = 10 * MINUTE;

/** What a power cut can lose of the use of one slot, beside what its meter has not told yet. */
export interface LossBound {
  /** Steps at the most. */
  readonly steps: number;
  /** Milliseconds: nothing older is lost. */
  readonly age: number;
}

/** Steps of a slot that are committed at once when they have gathered. */
export function commitThreshold(slot: { readonly capacity: number }): number {
  return Math.max(1, Math.ceil(COMMIT_SHARE * slot.capacity));
}

/**
 * The most that a power cut can lose of a slot's use, as long as the store takes commits: use below 1 % of the capacity waits in RAM for up to 10
 * minutes. Refills, days, orders and messages are committed before anything is done about them, and lose nothing.
 */
export function lossBound(slot: { readonly capacity: number }): LossBound {
  const steps = commitThreshold(slot) - 1;
  return { steps, age: steps === 0 ? 0 : COMMIT_AFTER };
}
