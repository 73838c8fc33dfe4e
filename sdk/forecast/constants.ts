/*
 * What the forecast was tuned to, each with its reason, with all homes of the data in view: README.md says what half of them
 * would have chosen. On that data, half or double of a constant moves the error by no more than chance does, but for these:
 * DECAY_FAST, both ways 0.1 day worse for packs of 30 and 60 days; ABSENCE_EVIDENCE, below 5 of which ordinary pauses are taken
 * for absences (half: 1 day worse at 60), and above 9 absences for pauses (0.1 at 30); half of ABSENCE_SHARE (0.1 at 30); twice
 * SKEW (0.1 at 14 and 30). RATE_SPREAD moves no date, but half of it has the 80 % interval hold 77 % of 60-day packs, twice 90 %.
 *
 * A decay is exp(-1 / tau) with tau in days, written out because Math.exp differs between engines in its last bit.
 */

/** exp(-1 / 16): follows a new member of the household within a month. 15 to 20 days do about the same. */
export const DECAY_FAST = 0.9394130628134758;
/** tau = 90 days: steady enough for low-use slots. The mean of the two speeds beats either alone. */
export const DECAY_SLOW = 0.9889503892939223;
/** How many days of observation the expected use is worth, days. A rated life is often wrong by a factor of 2. */
export const PRIOR_DAYS = 9;
/**
 * By how much more than expected a day may teach the rate, in standard deviations of a day, beyond one lump. A party is not
 * a new habit; one that is teaches its irregularity in full, so the limit gives way within days.
 */
export const BURST = 2;
/** Of a day observed at all at least this share was, days: a minute. */
export const LEAST_OBSERVED = 1 / 1440;
/** A filter's exposure never falls below this, days; keeps decades of days that expect nothing from dividing 0 by 0. */
export const LEAST_EXPOSURE = 1e-6;
/** The rate said is never below this share of the expected use: an abandoned slot lasts long, not for ever. */
export const LEAST_RATE = 1e-3;

/** exp(-7 / 120), once per week for each weekday: a profile is a habit, and each weekday is seen 7 times more rarely. */
export const DECAY_WEEKDAY = 0.9433354498734922;
/**
 * Variance of true weekday factors over households; how far a profile may be believed before it has proved itself.
 * An office that closes at the weekend has 0.4, so its half is believed almost at once; homes have less, and twice or half of
 * it changes nothing.
 */
export const WEEKDAY_SPREAD = 0.25;

/**
 * An error teaches the dispersions no more than this many standard deviations, of which one is a lump, or a day's use if that is more, at least: a tank that is
 * poured out once must not make a slot so unsure that it never runs out.
 */
export const MOST_ERROR = 4;

/** tau = 60 days, for the daily dispersion. */
export const DECAY_DAILY = 0.9834714538216175;
/** Daily dispersion before anything was observed, in units of the expected daily use or the countable unit if that is more. */
export const PRIOR_DISPERSION = 1;
/** How many days of observation that is worth, days. */
export const PRIOR_DISPERSION_DAYS = 7;
/** Dispersion is never below this share of the rate: keeps perfectly regular use from dividing by 0. */
export const LEAST_DISPERSION = 1e-6;
/** tau = 60 days, for the squared errors of 7-day forecasts. */
export const DECAY_WEEKLY = 0.9834714538216175;
/** How many errors of 7-day forecasts the dispersion before anything was observed is worth in their mean square. */
export const PRIOR_WEEKLY_ERRORS = 15;
/**
 * Variance of the true rate of the coming days over the squared rate now, where use is as irregular as can be: a rate that
 * fits the past is still wrong by a fifth to a third, because habits change. Those of a slot with regular weeks change less:
 * the variance is this times W / (W + rate), so that a week's dispersion W of one day's use leaves half of it.
 */
export const RATE_SPREAD = 0.1;
/** The same for the expected use before anything was observed; fades with the square of its share in the slow filter. */
export const PRIOR_SPREAD = 0.16;
/**
 * How far the median lies under the mean, in thirds of the daily dispersion. 1 for the gamma distribution, if days were
 * independent and one lump were one dispersion; lumps in which use really comes are a little larger than errors of days say.
 */
export const SKEW = 1.25;
/** ... where the daily dispersion counts as at most so many weekly ones: a single day must not push the run-out far away. */
export const MOST_LUMP = 3;

/**
 * Days without use are taken for an absence when this much use, in units of the dispersion, did not happen. Use that comes
 * in lumps of that size would have skipped so many days with a probability of exp(-6), 1 in 400.
 */
export const ABSENCE_EVIDENCE = 6;
/** ... and when they are at least this many ordinary days: two days off and a holiday are not an absence. */
export const ABSENCE_DAYS = 4;
/** For how long the rate is held, days. What lasts longer than a holiday is a change and must be learned. */
export const ABSENCE_LIMIT = 21;
/** Zeros that make up more than this share of what the fast filter remembers are how the slot is used. */
export const ABSENCE_SHARE = 0.75;

/**
 * What would be left at the close of a day counts as nothing when it is under this much of a day's use, days, or under half
 * of a countable unit. Dates are whole days; without it, use that ends a slot exactly at the close of a day is dated to the
 * next day, because the median of a skewed distribution lies under its mean.
 */
export const LEAST_LEFT = 0.25;

/** Longest run-out said, days, unless the caller sets another: nothing learned in weeks holds for more than ten years. */
export const DEFAULT_CAP = 3650;
/** Quantities beyond this are refused, steps: doubles count exactly up to here, and their squares stay finite. */
export const LARGEST = 9007199254740992;
/** Expected use below this is refused, steps per day: squares of it must not vanish. */
export const LEAST_PRIOR = 1e-9;

/** A change of use by more than this factor is refused: no product knows that. */
export const MOST_RESCALED = 100;
/** Nothing is scaled beyond this, steps or their squares: however often, all that follows stays finite. */
export const MOST_SCALED = 1e48;

/** Standard normal quantile of 0.9: between minus and plus this lie 80 %. */
export const Z_80 = 1.2815515655446004;
