/** A wish to order that was stronger than all before it in its pack. */
export interface Want {
  readonly urgency: number;
  /** Days by which an order on that evening is early; below 0 it comes so many days after the pack is empty. */
  readonly slack: number;
}

/** What a policy said on the first evening with at most half left. */
export interface HalfLeft {
  /** Absolute error of the median date, days. */
  readonly error: number;
  /** Whether the 80 % interval held the truth; undefined for a policy without intervals. */
  readonly held: boolean | undefined;
}

/** What a policy did in one pack of paired packs. */
export interface PackOutcome {
  /** Its number in the series, from 0. */
  readonly pack: number;
  readonly home: string;
  /** Undefined where more than half was left until the pack was empty, or nobody was told. */
  readonly half: HalfLeft | undefined;
  /**
   * In the order of evenings, urgency rising; the last one is of the empty pack and infinite. Empty for a pack that is too short
   * to be ordered for.
   */
  readonly wants: readonly Want[];
}

/** What became of one order in a closed loop. */
export interface OrderOutcome {
  readonly home: string;
  /** Of the first evening with at most half of a pack in stock since the delivery before; undefined where it was not seen. */
  readonly half: HalfLeft | undefined;
  /** Whether somebody wanted more than there was, since the delivery before and up to this one. */
  readonly isOut: boolean;
  /** Days from its arrival until the stock without it would have been empty, 0 if it was before; undefined after the series ended. */
  readonly early: number | undefined;
}
