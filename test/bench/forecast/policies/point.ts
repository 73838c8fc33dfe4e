import { type Dates, type Day, LEAD, type Policy, type PolicyKind, type Setting } from "./policy.js";

/* Policies that say one date, days left = what is left / rate, and order when that is at most the lead time. */

/** What a rate says: whole days. A rate that noise has made 0 or less never ends a pack. */
export function daysLeft(remaining: number, rate: number): number {
  if (remaining <= 0) return 0;
  return rate > 0 ? Math.ceil(remaining / rate - WHOLE) : Number.POSITIVE_INFINITY;
}

/** 17 / (17 / 28) is 28 and a little more in doubles: what is so near to a whole number of days is that number. */
const WHOLE = 1e-9;

abstract class Point implements Policy {
  abstract get rate(): number;
  abstract learn(day: Day): void;

  urgency(remaining: number): number {
    return -daysLeft(remaining, this.rate);
  }

  dates(remaining: number, _weekday: number, cap: number): Dates {
    return { median: Math.min(cap, daysLeft(remaining, this.rate)), interval: undefined };
  }
}

/** Mean of the last days; while they are few, the expected use stands in for those that are missing. */
class MovingAverage extends Point {
  readonly #prior: number;
  readonly #days: number;
  readonly #used: number[] = [];

  constructor(setting: Setting, days: number) {
    super();
    this.#prior = setting.priorRate;
    this.#days = days;
  }

  get rate(): number {
    const n = this.#used.length;
    const sum = this.#used.reduce((total, used) => total + used, 0);
    return n < FEW ? (sum + this.#prior * (FEW - n)) / FEW : sum / n;
  }

  learn(day: Day): void {
    this.#used.push(day.used);
    if (this.#used.length > this.#days) this.#used.shift();
  }
}

const FEW = 7;

/** Simple exponential smoothing. */
export class Smoothing extends Point {
  rate: number;
  readonly #a: number;

  constructor(setting: Setting, a: number) {
    super();
    this.rate = setting.priorRate;
    this.#a = a;
  }

  learn(day: Day): void {
    this.rate += this.#a * (day.used - this.rate);
  }
}

/** Croston: sizes of uses and intervals between them are smoothed apart, on days of use only. `bias` 1 - a/2 makes it SBA. */
class Croston extends Point {
  #size: number;
  #interval: number;
  #since = 0;
  readonly #a: number;
  readonly #bias: number;

  constructor(setting: Setting, a: number, bias: number) {
    super();
    this.#size = Math.max(setting.priorRate, setting.unit);
    this.#interval = this.#size / setting.priorRate;
    this.#a = a;
    this.#bias = bias;
  }

  get rate(): number {
    return (this.#bias * this.#size) / this.#interval;
  }

  learn(day: Day): void {
    this.#since += 1;
    if (day.used <= 0) return;
    this.#size += this.#a * (day.used - this.#size);
    this.#interval += this.#a * (this.#since - this.#interval);
    this.#since = 0;
  }
}

/** Teunter, Syntetos and Babai: the probability of a use is smoothed every day, its size on days of use. */
class Tsb extends Point {
  #size: number;
  #probability: number;
  readonly #a: number;

  constructor(setting: Setting, a: number) {
    super();
    this.#size = Math.max(setting.priorRate, setting.unit);
    this.#probability = Math.min(1, setting.priorRate / this.#size);
    this.#a = a;
  }

  get rate(): number {
    return this.#probability * this.#size;
  }

  learn(day: Day): void {
    this.#probability += this.#a * ((day.used > 0 ? 1 : 0) - this.#probability);
    if (day.used > 0) this.#size += this.#a * (day.used - this.#size);
  }
}

function point(id: string, name: string, start: (setting: Setting) => Policy): PolicyKind {
  return { id, name, threshold: -LEAD, start };
}

const A = 0.1;

export const movingAverage = point(
  "moving-average-28",
  "moving average 28",
  (setting) => new MovingAverage(setting, 28),
);
export const ses10 = point("ses-0.1", "SES 0.1", (setting) => new Smoothing(setting, 0.1));
export const ses3 = point("ses-0.03", "SES 0.03", (setting) => new Smoothing(setting, 0.03));
export const croston = point("croston-0.1", "Croston 0.1", (setting) => new Croston(setting, A, 1));
export const sba = point("sba-0.1", "SBA 0.1", (setting) => new Croston(setting, A, 1 - A / 2));
export const tsb = point("tsb-0.1", "TSB 0.1", (setting) => new Tsb(setting, A));
