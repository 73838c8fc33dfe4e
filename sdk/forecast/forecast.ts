import {
  ABSENCE_DAYS,
  ABSENCE_EVIDENCE,
  ABSENCE_LIMIT,
  ABSENCE_SHARE,
  BURST,
  DECAY_DAILY,
  DECAY_FAST,
  DECAY_SLOW,
  DECAY_WEEKDAY,
  DECAY_WEEKLY,
  DEFAULT_CAP,
  LARGEST,
  LEAST_DISPERSION,
  LEAST_EXPOSURE,
  LEAST_LEFT,
  LEAST_OBSERVED,
  LEAST_PRIOR,
  LEAST_RATE,
  MOST_ERROR,
  MOST_LUMP,
  MOST_RESCALED,
  MOST_SCALED,
  PRIOR_DAYS,
  PRIOR_DISPERSION,
  PRIOR_DISPERSION_DAYS,
  PRIOR_SPREAD,
  PRIOR_WEEKLY_ERRORS,
  RATE_SPREAD,
  SKEW,
  WEEKDAY_SPREAD,
  Z_80,
} from "./constants.js";
import { ForecastError } from "./error.js";
import { distance, type Outlook, probability } from "./passage.js";
import {
  DAILY,
  DAY_COUNT,
  DAY_USE,
  FAST,
  newState,
  PENDING,
  PENDING_COUNT,
  QUIET,
  readState,
  SLOW,
  STATE_BYTES,
  WEEKLY,
  writeState,
} from "./state.js";

export interface ForecastOptions {
  /** Expected use before anything was observed, steps per day: a full slot divided by its rated life in days. > 0 */
  priorRate: number;
  /** Smallest countable use, steps; 0 when the quantity is continuous. */
  unit: number;
  /**
   * Standard deviation of one reading of the level sensor, steps; 0 (the default) for counters. Above 0 the known noise is
   * taken out of what is learned and put into what is said, and absences are not looked for: a noisy zero is no zero.
   */
  noise?: number;
}

/** Whole days from now until nothing is left; all 0 when nothing is left now. */
export interface RunOut {
  /** Smallest number of days by which the slot is empty with a probability of at least 10 %. */
  low: number;
  /** The same for 50 %. */
  median: number;
  /** The same for 90 %. */
  high: number;
}

/**
 * Learns how fast a slot is used up, a day at a time, and says when it will be empty and how sure that is.
 * Knows no dates: the caller says which weekday it is. Sizes are in steps of the slot, times in days.
 */
export class Forecast {
  /** Size of the saved state, bytes. */
  static readonly BYTES: number = STATE_BYTES;

  #unit: number;
  #prior: number;
  #state: Float64Array;

  // What follows from the state, worked out once per change of it.
  /** Weekday factors, mean 1. */
  #factors: Float64Array;
  #outlook: Outlook;
  /** Variance of a day's use divided by its mean, steps. */
  #daily = 0;

  /**
   * @param saved what save() wrote, exactly BYTES bytes; without it the forecast starts from the expected use
   * @throws ForecastError invalid-option, invalid-state
   */
  constructor(options: ForecastOptions, saved?: Uint8Array) {
    const { priorRate, unit, noise = 0 } = options;
    if (!(priorRate >= LEAST_PRIOR && priorRate <= LARGEST))
      throw refused("invalid-option", "priorRate", priorRate, `${LEAST_PRIOR} to ${LARGEST} steps per day`);
    if (!(unit >= 0 && unit <= LARGEST))
      throw refused("invalid-option", "unit", unit, `0 to ${LARGEST} steps`);
    if (!(noise >= 0 && noise <= LARGEST))
      throw refused("invalid-option", "noise", noise, `0 to ${LARGEST} steps`);
    this.#state = saved === undefined ? initialState(priorRate, unit) : readState(saved);
    this.#unit = unit;
    this.#prior = priorRate;
    this.#factors = new Float64Array(7);
    this.#outlook = { rate: 0, weekly: 0, spread: 0, skew: 0, noise: noise * noise };
    const s = this.#state;
    if (s[WEEKLY + 1]! < 0) s[WEEKLY + 1] = -7 * rateNow(this.#state, this.#prior) * s[WEEKLY + 1]!;
    this.#derive();
  }

  /** Expected use per day now, steps, mean over the weekdays. */
  get rate(): number {
    return this.#outlook.rate;
  }

  /**
   * Takes in a day that has just closed. Days are given once each, in order. When several days are known only by their
   * total, each gets its part of it.
   *
   * @param weekday 0 = Monday to 6 = Sunday; undefined when it is not known: it then teaches nothing about weekdays
   * @param used use on that day, steps; the difference of a noisy level sensor with its sign, not clipped at 0
   * @param observed share of the day that was observed, 0 to 1; at 0 nothing is learned, more counts as a minute at least
   * @throws ForecastError invalid-argument, before anything has changed
   */
  learn(weekday: number | undefined, used: number, observed: number): void {
    if (weekday !== undefined) checkWeekday(weekday);
    checkSteps("used", used);
    checkShare("observed", observed);
    if (observed === 0) return;
    observed = Math.max(observed, LEAST_OBSERVED);
    const factor = weekday === undefined ? 1 : this.#factors[weekday]!;
    const exposure = observed * factor;
    const daily = this.#daily;
    if (!away(this.#state, this.#outlook, daily, used, exposure)) {
      const taught = withoutBurst(this.#outlook, daily, this.#unit, used, exposure);
      learnErrors(this.#state, this.#outlook, daily, this.#unit, used, exposure, factor - exposure);
      learnRate(this.#state, FAST, DECAY_FAST, taught, exposure);
      learnRate(this.#state, SLOW, DECAY_SLOW, taught, exposure);
      startForecast(this.#state, rateNow(this.#state, this.#prior));
    }
    // Even while the rate is held: a profile that is learned only from days with use never learns which have none.
    if (weekday !== undefined) learnWeekday(this.#state, weekday, used, observed);
    this.#derive();
  }

  /**
   * The use changes from now on to `factor` times what it was, as the product knows (2: twice as many users). Rate, weekdays and
   * variances go on as if it had always been so; the lumps in which use comes stay as large as they are.
   *
   * @param factor 1/100 to 100
   * @throws ForecastError invalid-argument, before anything has changed
   */
  rescale(factor: number): void {
    if (!(factor >= 1 / MOST_RESCALED && factor <= MOST_RESCALED))
      throw refused("invalid-argument", "factor", factor, `1/${MOST_RESCALED} to ${MOST_RESCALED}`);
    scale(this.#state, FAST, factor);
    scale(this.#state, SLOW, factor);
    for (let day = 0; day < 7; day++) scale(this.#state, DAY_USE + day, factor);
    // Squares grow as the mean does, for twice as many users use in as large lumps twice as often.
    for (let i = DAILY; i < WEEKLY + 2; i++) scale(this.#state, i, factor);
    const least = this.#prior * LEAST_RATE * LEAST_EXPOSURE;
    for (let i = DAILY + 1; i < WEEKLY + 2; i += 2) this.#state[i] = Math.max(least, this.#state[i]!);
    // Open forecasts were made for the use before.
    this.#state[PENDING_COUNT] = 0;
    this.#derive();
  }

  /**
   * Probability that the slot is empty at the close of the last of the coming days.
   *
   * @param remaining what is left now, steps
   * @param days how many whole days, from 0
   * @param weekday of the first of them, 0 = Monday to 6 = Sunday
   * @param elapsed share of that day that is over already, 0 to 1: its use is gone from `remaining`
   * @throws ForecastError invalid-argument
   */
  runOutProbability(remaining: number, days: number, weekday: number, elapsed = 0): number {
    checkSteps("remaining", remaining);
    checkDays("days", days, 0);
    checkWeekday(weekday);
    checkShare("elapsed", elapsed);
    if (remaining <= 0) return 1;
    if (days === 0) return 0;
    const outlook = this.#outlook;
    const expected = expectedUse(outlook.rate, this.#factors, days, weekday, elapsed);
    return probability(outlook, expected, leftOf(remaining, this.#unit, outlook.rate));
  }

  /**
   * When the slot will be empty, with an 80 % interval.
   *
   * @param remaining what is left now, steps
   * @param weekday of the first coming day, 0 = Monday to 6 = Sunday
   * @param cap longest answer, days
   * @param elapsed share of that day that is over already, 0 to 1; the answer 1 is still its close
   * @param into what the answer is written to and returned, so that nothing is allocated
   * @throws ForecastError invalid-argument
   */
  runOut(
    remaining: number,
    weekday: number,
    cap: number = DEFAULT_CAP,
    elapsed = 0,
    into: RunOut = { low: 0, median: 0, high: 0 },
  ): RunOut {
    checkSteps("remaining", remaining);
    checkWeekday(weekday);
    checkDays("cap", cap, 1);
    checkShare("elapsed", elapsed);
    const outlook = this.#outlook;
    const factors = this.#factors;
    const left = leftOf(remaining, this.#unit, outlook.rate);
    const isEmpty = remaining <= 0;
    // Near these it is looked for; they decide nothing.
    const days = left / outlook.rate;
    const width = (Z_80 * Math.sqrt(outlook.weekly * left + outlook.spread * left * left)) / outlook.rate;
    into.median = isEmpty ? 0 : firstDay(outlook, factors, left, weekday, elapsed, 0, 1, cap, days);
    const { median } = into;
    into.low = isEmpty
      ? 0
      : firstDay(outlook, factors, left, weekday, elapsed, Z_80, 1, median, median - width);
    into.high = isEmpty
      ? 0
      : firstDay(outlook, factors, left, weekday, elapsed, -Z_80, median, cap, median + width);
    return into;
  }

  /**
   * Writes the state to the first BYTES bytes of `into`. A forecast made from them goes on as this one would, to the bit.
   *
   * @throws ForecastError invalid-argument when there is no room
   */
  save(into: Uint8Array): void {
    if (!(into.length >= STATE_BYTES))
      throw refused("invalid-argument", "into", into.length, `at least ${STATE_BYTES} bytes`);
    writeState(this.#state, into);
  }

  #derive(): void {
    const s = this.#state;
    const o = this.#outlook;
    const rate = rateNow(this.#state, this.#prior);
    const least = rate * LEAST_DISPERSION;
    const prior = Math.min(1, PRIOR_DAYS / s[SLOW + 1]!);
    o.rate = rate;
    this.#daily = Math.max(s[DAILY]! / s[DAILY + 1]!, least);
    // Days that resemble their neighbours make weeks vary more than days promise, days that make up for them less.
    o.weekly = Math.max(s[WEEKLY]! / s[WEEKLY + 1]!, least);
    o.spread = (RATE_SPREAD * o.weekly) / (o.weekly + rate) + PRIOR_SPREAD * prior * prior;
    o.skew = (SKEW * Math.min(this.#daily, MOST_LUMP * o.weekly)) / 3;
    deriveFactors(s, this.#factors, this.#daily);
  }
}

// Functions, not private methods: XS keeps those in every instance, a slot of heap each, and there is a forecast for every slot.

function scale(s: Float64Array, position: number, factor: number): void {
  s[position] = Math.min(MOST_SCALED, s[position]! * factor);
}

function rateNow(s: Float64Array, prior: number): number {
  const rate = (s[FAST]! / s[FAST + 1]! + s[SLOW]! / s[SLOW + 1]!) / 2;
  return Math.max(rate, prior * LEAST_RATE);
}

/** What of a day's use counts for the rate. A noisy day is cut on both sides: cutting one would bias the rate. */
function withoutBurst(
  { rate, noise }: Outlook,
  daily: number,
  unit: number,
  used: number,
  exposure: number,
): number {
  const expected = rate * exposure;
  const most = Math.max(unit, daily) + BURST * Math.sqrt(daily * expected + 2 * noise);
  if (used > expected + most) return expected + most;
  return noise > 0 && used < expected - most ? expected - most : used;
}

/**
 * Squared errors of this day, and of the 7-day forecast that ends with it.
 *
 * @param unseen exposure of the part of the day that was not observed; counts as used as expected
 */
function learnErrors(
  s: Float64Array,
  outlook: Outlook,
  daily: number,
  unit: number,
  used: number,
  exposure: number,
  unseen: number,
): void {
  const { rate } = outlook;
  // Use is the difference of two readings, each with its own noise, whether they are a day or a week apart.
  const noise = 2 * outlook.noise;
  const lump = Math.max(unit, rate);
  const error = bounded(used - rate * exposure, daily * rate * exposure + noise, lump);
  s[DAILY] = s[DAILY]! * DECAY_DAILY + error * error - noise;
  s[DAILY + 1] = Math.max(rate * LEAST_EXPOSURE, s[DAILY + 1]! * DECAY_DAILY + rate * exposure);
  for (let i = 0; i < 7; i++) s[PENDING + i] = s[PENDING + i]! - used - rate * unseen;
  if (s[PENDING_COUNT]! < 7) return;
  const weekly = bounded(s[PENDING + 6]!, 7 * rate * outlook.weekly + noise, lump);
  s[WEEKLY] = s[WEEKLY]! * DECAY_WEEKLY + weekly * weekly - noise;
  s[WEEKLY + 1] = s[WEEKLY + 1]! * DECAY_WEEKLY + 7 * rate;
}

/**
 * Whether nobody seems to be there, so that the day teaches nothing about rate and variance.
 *
 * Days without use are learned until they have become too improbable for the rate they began with. Then the rate is put
 * back to that one (their exposure leaves the filters, their use was 0) and held, for ABSENCE_LIMIT days at most.
 */
function away(s: Float64Array, { noise }: Outlook, daily: number, used: number, exposure: number): boolean {
  if (noise > 0) return false;
  const quiet = s[QUIET]!;
  if (used > 0) {
    s[QUIET] = 0;
    return false;
  }
  if (quiet < 0) {
    if (quiet <= -ABSENCE_LIMIT) return false;
    s[QUIET] = quiet - 1;
    return true;
  }
  if (!improbable(s, daily, quiet, exposure)) {
    s[QUIET] = quiet * DECAY_FAST + exposure;
    return false;
  }
  s[FAST + 1] = s[FAST + 1]! - quiet;
  s[SLOW + 1] = s[SLOW + 1]! - quiet;
  s[QUIET] = -1;
  // The week that is under way is half absence: judge forecasts again when a full week has passed.
  s[PENDING_COUNT] = 0;
  return true;
}

/** What must be used before the slot counts as empty, steps. */
function leftOf(remaining: number, unit: number, rate: number): number {
  return remaining - Math.max(unit / 2, rate * LEAST_LEFT);
}

/** Expected use of the coming days, the first of which is over in part, steps. */
function expectedUse(
  rate: number,
  factors: Float64Array,
  days: number,
  weekday: number,
  elapsed: number,
): number {
  const rest = days % 7;
  let sum = days - rest - elapsed * factors[weekday]!;
  for (let i = 0; i < rest; i++) {
    sum += factors[weekday]!;
    weekday = weekday === 6 ? 0 : weekday + 1;
  }
  return sum * rate;
}

/**
 * Smallest number of days from `from` to `to` at whose close the distance is at most z; `to` when there is none. From `guess` on in steps that double until it
 * is between two of them, then by bisection.
 */
function firstDay(
  outlook: Outlook,
  factors: Float64Array,
  left: number,
  weekday: number,
  elapsed: number,
  z: number,
  from: number,
  to: number,
  guess: number,
): number {
  let day = Math.floor(Math.min(Math.max(guess, from), to - 1));
  let step = 1;
  let isReached = false;
  let isPassed = false;
  while (from < to) {
    if (distance(outlook, expectedUse(outlook.rate, factors, day, weekday, elapsed), left) <= z) {
      to = day;
      isReached = true;
    } else {
      from = day + 1;
      isPassed = true;
    }
    if (isReached && isPassed) day = Math.floor((from + to) / 2);
    else day = isReached ? Math.max(from, to - step) : Math.min(to - 1, from + step);
    step *= 2;
  }
  return from;
}

/** Ratio of each weekday to the mean, drawn towards 1 as far as it may be chance, then given mean 1 again. */
function deriveFactors(s: Float64Array, factors: Float64Array, daily: number): void {
  let use = 0;
  let days = 0;
  for (let day = 0; day < 7; day++) {
    use += s[DAY_USE + day]!;
    days += s[DAY_COUNT + day]!;
  }
  factors.fill(1);
  if (!(use > 0 && days > 0)) return;
  // Its own mean, not the rate: the profile also learns while the rate is held.
  const mean = use / days;
  let sum = 0;
  for (let day = 0; day < 7; day++) {
    const expected = s[DAY_COUNT + day]! * mean;
    if (expected > 0) {
      const trust = (expected * WEEKDAY_SPREAD) / (expected * WEEKDAY_SPREAD + daily);
      factors[day] = Math.max(0, 1 + trust * (s[DAY_USE + day]! / expected - 1));
    }
    sum += factors[day]!;
  }
  for (let day = 0; day < 7; day++) factors[day] = (factors[day]! * 7) / sum;
}

function learnRate(s: Float64Array, filter: number, decay: number, used: number, exposure: number): void {
  s[filter] = s[filter]! * decay + used;
  s[filter + 1] = Math.max(LEAST_EXPOSURE, s[filter + 1]! * decay + exposure);
}

function learnWeekday(s: Float64Array, weekday: number, used: number, observed: number): void {
  s[DAY_USE + weekday] = s[DAY_USE + weekday]! * DECAY_WEEKDAY + used;
  s[DAY_COUNT + weekday] = s[DAY_COUNT + weekday]! * DECAY_WEEKDAY + observed;
}

/** Tonight's forecast for the next 7 days: they hold every weekday once, so the factors cancel. */
function startForecast(s: Float64Array, rate: number): void {
  for (let i = 6; i > 0; i--) s[PENDING + i] = s[PENDING + i - 1]!;
  s[PENDING] = 7 * rate;
  if (s[PENDING_COUNT]! < 7) s[PENDING_COUNT] = s[PENDING_COUNT]! + 1;
}

/**
 * Whether so many days without use are more than chance.
 *
 * @param quiet exposure of the days without use before today, as the fast filter holds it
 */
function improbable(s: Float64Array, daily: number, quiet: number, exposure: number): boolean {
  const days = quiet + exposure;
  if (days < ABSENCE_DAYS || quiet > ABSENCE_SHARE * s[FAST + 1]!) return false;
  const before = (s[FAST]! / (s[FAST + 1]! - quiet) + s[SLOW]! / (s[SLOW + 1]! - quiet)) / 2;
  return days * before >= ABSENCE_EVIDENCE * daily;
}

/** An error, cut to what it may teach. */
function bounded(error: number, variance: number, lump: number): number {
  const most = MOST_ERROR * Math.sqrt(variance + lump * lump);
  return Math.max(-most, Math.min(most, error));
}

function initialState(priorRate: number, unit: number): Float64Array {
  const s = newState();
  const dispersion = PRIOR_DISPERSION * Math.max(unit, priorRate);
  s[FAST] = PRIOR_DAYS * priorRate;
  s[FAST + 1] = PRIOR_DAYS;
  s[SLOW] = PRIOR_DAYS * priorRate;
  s[SLOW + 1] = PRIOR_DAYS;
  s[DAILY + 1] = PRIOR_DISPERSION_DAYS * priorRate;
  s[DAILY] = dispersion * s[DAILY + 1]!;
  s[WEEKLY + 1] = PRIOR_WEEKLY_ERRORS * 7 * priorRate;
  s[WEEKLY] = dispersion * s[WEEKLY + 1]!;
  return s;
}

function checkWeekday(weekday: number): void {
  if (!(weekday >= 0 && weekday <= 6 && Math.floor(weekday) === weekday))
    throw refused("invalid-argument", "weekday", weekday, "0 (Monday) to 6 (Sunday)");
}

function checkSteps(field: string, steps: number): void {
  if (!(Math.abs(steps) <= LARGEST))
    throw refused("invalid-argument", field, steps, `-${LARGEST} to ${LARGEST} steps`);
}

function checkShare(field: string, share: number): void {
  if (!(share >= 0 && share <= 1))
    throw refused("invalid-argument", field, share, "a share of the day, 0 to 1");
}

function checkDays(field: string, days: number, least: number): void {
  if (!(days >= least && days <= LARGEST && Math.floor(days) === days))
    throw refused("invalid-argument", field, days, `a whole number of days from ${least}`);
}

function refused(
  code: "invalid-option" | "invalid-argument",
  field: string,
  value: unknown,
  accepted: string,
): ForecastError {
  return new ForecastError(code, `forecast: ${field} must be ${accepted} (got ${value})`);
}
