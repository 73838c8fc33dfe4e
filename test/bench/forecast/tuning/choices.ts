import type { Constants } from "./variant.js";

/** A constant that may be chosen, and where the choice begins. */
export interface Choice {
  readonly constant: keyof Constants;
  /** Value before anything was measured. */
  readonly start: number;
  /** Where that comes from. */
  readonly because: string;
  /** Days per update of a discount: `start` is its tau in days then, and the constant exp(-days / tau). */
  readonly discountedEvery?: number;
}

/**
 * What is chosen, in this order. Starts are those of the plain O(1) design (section 2 of the bench) where it names one, else round
 * values that hold for any use. Constants that only guard against division by 0, overflow or misuse are not chosen.
 */
export const CHOICES: readonly Choice[] = [
  { constant: "DECAY_FAST", start: 20, because: "section 2", discountedEvery: 1 },
  { constant: "DECAY_SLOW", start: 90, because: "section 2", discountedEvery: 1 },
  { constant: "PRIOR_DAYS", start: 7, because: "section 2: a week" },
  { constant: "BURST", start: 3, because: "three standard deviations" },
  { constant: "SKEW", start: 1, because: "the gamma distribution" },
  { constant: "DECAY_WEEKDAY", start: 90, because: "as the slow filter", discountedEvery: 7 },
  { constant: "WEEKDAY_SPREAD", start: 0.25, because: "weekdays differ by half" },
  { constant: "DECAY_DAILY", start: 90, because: "as the slow filter", discountedEvery: 1 },
  { constant: "DECAY_WEEKLY", start: 90, because: "as the slow filter", discountedEvery: 1 },
  { constant: "PRIOR_DISPERSION_DAYS", start: 7, because: "as PRIOR_DAYS" },
  { constant: "PRIOR_WEEKLY_ERRORS", start: 7, because: "as PRIOR_DAYS" },
  {
    constant: "RATE_SPREAD",
    start: 0.05,
    because: "section 2: 2/7 of its growth of the variance, 0.15 a week",
  },
  { constant: "PRIOR_SPREAD", start: 0.25, because: "a rated life is wrong by half" },
  { constant: "ABSENCE_EVIDENCE", start: 5, because: "1 in 150" },
  { constant: "ABSENCE_DAYS", start: 4, because: "more than a long weekend" },
  { constant: "ABSENCE_SHARE", start: 0.5, because: "half" },
];

/** How many steps each choice is away from its start, in the order of CHOICES. */
export type Steps = readonly number[];

export const STARTS: Steps = CHOICES.map(() => 0);

/** Of a choice so many steps away from its start: each is by the square root of 2; two digits count. */
export function valueAfter({ start }: Choice, steps: number): number {
  return Number((start * Math.SQRT2 ** steps).toPrecision(2));
}

export function constantsOf(steps: Steps): Partial<Constants> {
  return Object.fromEntries(
    CHOICES.map((choice, at) => {
      const value = valueAfter(choice, steps[at]!);
      const { constant, discountedEvery } = choice;
      return [constant, discountedEvery === undefined ? value : Math.exp(-discountedEvery / value)];
    }),
  );
}

/** The value of a choice among constants, in the unit of its start. */
export function valueIn({ constant, discountedEvery }: Choice, constants: Constants): number {
  const value = constants[constant];
  return discountedEvery === undefined ? value : Number((-discountedEvery / Math.log(value)).toPrecision(6));
}
