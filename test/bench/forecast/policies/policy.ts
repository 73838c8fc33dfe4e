/** What a policy may know when it starts with a slot. */
export interface Setting {
  /** Expected use, units per day; above 0, and possibly wrong by a factor of 2. */
  readonly priorRate: number;
  /** Smallest countable use, units; 0 when the quantity is continuous. */
  readonly unit: number;
  /** What a pack holds, units. */
  readonly pack: number;
  /** Standard deviation of a reading of the level, units; 0 for a counter. */
  readonly noise: number;
  /** True use of every day, the future included: for the one policy that is a floor and no policy. */
  readonly truth: readonly number[];
}

/** A day that has closed. */
export interface Day {
  /** From 0, in order, each once. */
  readonly at: number;
  /** 0 = Monday to 6 = Sunday. */
  readonly weekday: number;
  /** Units; below 0 where a noisy level says so. */
  readonly used: number;
}

/** Days from tonight until nothing is left. */
export interface Dates {
  readonly median: number;
  /** Ends of the 80 % interval; undefined for a policy that says only a date. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

/** Learns the use of one slot, a closed day at a time, and is asked every evening. */
export interface Policy {
  learn(day: Day): void;
  /**
   * How much it wants to order tonight: it orders when this reaches the threshold of its kind.
   *
   * @param remaining units, above 0 but for noise
   * @param weekday of tomorrow
   */
  urgency(remaining: number, weekday: number): number;
  /** @param cap longest answer, days */
  dates(remaining: number, weekday: number, cap: number): Dates;
}

export interface PolicyKind {
  /** Short, without spaces, for JSON. */
  readonly id: string;
  readonly name: string;
  /** Its own knob: it orders at an urgency of at least this. */
  readonly threshold: number;
  start(setting: Setting): Policy;
}

/** Days from an order to its arrival. */
export const LEAD = 7;
/** Probability of running out within the lead time at which the policies that state one order. */
export const EPSILON = 0.05;
