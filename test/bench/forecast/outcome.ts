/** A wish to order that was stronger than all before it in its pack. */
export interface Want {
  readonly urgency: number;
  /** Days by which an order on that evening is early; below 0 it is late, and the pack is empty so many days before the next is there. */
  readonly slack: number;
}

/** What a policy did in one pack. */
export interface Outcome {
  readonly home: string;
  /** Absolute error of the median date on the first evening with at most half left, days; undefined where it was never asked. */
  readonly error: number | undefined;
  /** Whether the 80 % interval of that evening held the truth; undefined for a policy without intervals. */
  readonly held: boolean | undefined;
  /**
   * In the order of evenings, urgency rising; the last one is of the empty pack and infinite. Empty for a pack that is too short
   * to be ordered for.
   */
  readonly wants: readonly Want[];
}
