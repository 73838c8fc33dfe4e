import { cubeRoot, normalCdf } from "../../../../sdk/forecast/index.js";
import { type Dates, type Day, EPSILON, LEAD, type Policy, type PolicyKind, type Setting } from "./policy.js";

/*
 * "Section 2": the plain O(1) design that the SDK's forecast has to beat, with the same ideas in their simplest form, and the
 * same with a rate that no device can know. Written for reading: its numbers come from Math and may differ between engines in
 * their last bit.
 *
 * The published description leaves some constants open. Those marked "open" were found by a search for values that give
 * its published figures, not for values that do well; README.md says how near they come.
 */

/** Days, of the two rate filters. */
const TAU_RATE = [20, 90] as const;
/** Days of use that the expected use is worth. */
const PRIOR_DAYS = 7;
/** Open: of the weekday profile, days. */
const TAU_WEEKDAY = 90;
/** Open: c, how soon a weekday is believed to differ. */
const SHRINKAGE = 0.02;
/** Open: of the daily dispersion D, days. */
const TAU_DAILY = 30;
/** Open: of the lead-time variance V, days. */
const TAU_WEEKLY = 45;
/** Growth of the variance with every week after the first, of itself. */
const DRIFT = 0.15;
/** Open: days without use are an absence when they are so many and ... */
const ABSENCE_DAYS = 3;
/** ... open: so much use, in units of D, did not happen. */
const ABSENCE_EVIDENCE = 3.5;
/** Open ("about three weeks"): days for which rate and variances are frozen at most. */
const ABSENCE_LIMIT = 25;
/** Of the expected use: no rate is lower, so that nothing divides by 0. */
const LEAST_RATE = 1e-3;
/** Of the rate: no D is lower. */
const LEAST_DISPERSION = 1e-6;

function decay(days: number): number {
  return Math.exp(-1 / days);
}

const PHI_RATE = TAU_RATE.map(decay);
/** A weekday comes once a week. */
const PHI_WEEKDAY = decay(TAU_WEEKDAY / 7);
const PHI_DAILY = decay(TAU_DAILY);
const PHI_WEEKLY = decay(TAU_WEEKLY);

class Section2 implements Policy {
  protected readonly setting: Setting;
  readonly #use: number[];
  readonly #exposure: number[];
  readonly #dayUse = new Array<number>(7).fill(0);
  readonly #dayCount = new Array<number>(7).fill(0);
  #factors = new Array<number>(7).fill(1);
  /** D is their ratio: squared errors of days, expected use. */
  #squares: number;
  #expected: number;
  /** V. */
  #weekly: number;
  /** Use of the last days, 7 at most, and what was forecast for 7 days on the evenings from 7 days ago on. */
  #week: number[] = [];
  #said: number[] = [];
  #quietDays = 0;
  #quietUse = 0;
  #frozenDays = 0;
  #at = -1;

  constructor(setting: Setting) {
    const { priorRate, unit } = setting;
    const dispersion = Math.max(unit, priorRate);
    this.setting = setting;
    this.#use = TAU_RATE.map(() => PRIOR_DAYS * priorRate);
    this.#exposure = TAU_RATE.map(() => PRIOR_DAYS);
    this.#expected = PRIOR_DAYS * priorRate;
    this.#squares = dispersion * this.#expected;
    this.#weekly = dispersion * 7 * priorRate;
  }

  /** Units per day, as it is known on the evening of a day. */
  protected rateOn(_evening: number): number {
    const rates = this.#use.map((use, i) => use / this.#exposure[i]!);
    return Math.max((rates[0]! + rates[1]!) / 2, this.setting.priorRate * LEAST_RATE);
  }

  learn({ at, weekday, used }: Day): void {
    // Nothing was seen for a while: the forecasts for 7 days that are under way can no longer be checked.
    if (at !== this.#at + 1) {
      this.#week = [];
      this.#said = [];
    }
    this.#at = at;
    const factor = this.#factors[weekday]!;
    const expected = this.rateOn(at - 1) * factor;
    this.#week = [...this.#week, used].slice(-7);
    if (!this.isAway(used, expected)) {
      this.#learnErrors(used, expected);
      PHI_RATE.forEach((phi, i) => {
        this.#use[i] = phi * this.#use[i]! + used;
        this.#exposure[i] = phi * this.#exposure[i]! + factor;
      });
    }
    this.#dayUse[weekday] = PHI_WEEKDAY * this.#dayUse[weekday]! + used;
    this.#dayCount[weekday] = PHI_WEEKDAY * this.#dayCount[weekday]! + 1;
    const rate = this.rateOn(at);
    this.#weigh(rate);
    this.#said = [...this.#said, 7 * rate].slice(-7);
  }

  #dispersion(rate: number): number {
    return Math.max(this.#squares / this.#expected, rate * LEAST_DISPERSION);
  }

  #learnErrors(used: number, expected: number): void {
    const noise = 2 * this.setting.noise ** 2;
    this.#squares = PHI_DAILY * this.#squares + (used - expected) ** 2 - noise;
    this.#expected = PHI_DAILY * this.#expected + expected;
    if (this.#said.length < 7) return;
    const error = this.#week.reduce((sum, day) => sum + day, 0) - this.#said[0]!;
    this.#weekly = PHI_WEEKLY * this.#weekly + (1 - PHI_WEEKLY) * (error ** 2 - noise);
  }

  /** Whether nobody seems to be there: the day teaches nothing about rate and variances. */
  protected isAway(used: number, expected: number): boolean {
    if (used > 0 || this.setting.noise > 0) {
      this.#quietDays = 0;
      this.#quietUse = 0;
      this.#frozenDays = 0;
      return false;
    }
    this.#quietDays += 1;
    this.#quietUse += expected;
    const isAway =
      this.#quietDays >= ABSENCE_DAYS &&
      this.#quietUse >= ABSENCE_EVIDENCE * this.#dispersion(this.rateOn(this.#at - 1)) &&
      this.#frozenDays < ABSENCE_LIMIT;
    if (isAway) this.#frozenDays += 1;
    return isAway;
  }

  #weigh(rate: number): void {
    const dispersion = this.#dispersion(rate);
    const factors = this.#dayUse.map((use, day) => {
      const expected = this.#dayCount[day]! * rate;
      if (expected === 0) return 1;
      const trust = (expected * SHRINKAGE) / (expected * SHRINKAGE + dispersion);
      return Math.max(0, 1 + trust * (use / expected - 1));
    });
    const sum = factors.reduce((total, factor) => total + factor, 0);
    this.#factors = factors.map((factor) => (sum > 0 ? (7 * factor) / sum : 1));
  }

  /** P(use of the coming days >= what is left). */
  #probability(remaining: number, days: number, weekday: number): number {
    const left = remaining - this.setting.unit / 2;
    if (left <= 0) return 1;
    let factors = days - (days % 7);
    for (let i = 0; i < days % 7; i++) factors += this.#factors[(weekday + i) % 7]!;
    if (factors <= 0) return 0;
    const rate = this.rateOn(this.#at);
    const mean = factors * rate;
    const weeks = factors / 7;
    const spread = Math.max(this.#weekly * weeks, this.#dispersion(rate) * mean);
    const variance = spread * (1 + DRIFT * Math.max(0, weeks - 1)) + this.setting.noise ** 2;
    const k = mean ** 2 / variance;
    return 1 - normalCdf(3 * Math.sqrt(k) * (cubeRoot(left / mean) - 1 + 1 / (9 * k)));
  }

  urgency(remaining: number, weekday: number): number {
    return this.#probability(remaining, LEAD, weekday);
  }

  dates(remaining: number, weekday: number, cap: number): Dates {
    // One day at a time and not by bisection: with factors near 0 or with noise it need not rise everywhere.
    const quantile = (p: number) => {
      let days = 0;
      while (days < cap && (days === 0 ? remaining > 0 : this.#probability(remaining, days, weekday) < p))
        days += 1;
      return days;
    };
    return { median: quantile(0.5), interval: [quantile(0.1), quantile(0.9)] };
  }
}

/**
 * Sees the true mean of the last 28 and the next 28 days, as far as there are so many, and learns only how irregular use is.
 * It knows absences without looking for them.
 */
class Seer extends Section2 {
  protected override isAway(): boolean {
    return false;
  }

  protected override rateOn(evening: number): number {
    const { truth, priorRate } = this.setting;
    const days = truth.slice(Math.max(0, evening - SIGHT + 1), evening + SIGHT + 1);
    return Math.max(days.reduce((sum, used) => sum + used, 0) / days.length, priorRate * LEAST_RATE);
  }
}

const SIGHT = 28;

export const section2: PolicyKind = {
  id: "section-2",
  name: "section 2",
  threshold: EPSILON,
  start: (setting) => new Section2(setting),
};
export const seer: PolicyKind = {
  id: "true-rate",
  name: "(sees the true rate of +-28 days)",
  threshold: EPSILON,
  start: (setting) => new Seer(setting),
};
