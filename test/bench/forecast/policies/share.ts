import { daysLeft, Smoothing } from "./point.js";
import type { Dates, Day, Policy, PolicyKind, Setting } from "./policy.js";

/* Policies that order when what is left falls below a quantity, and take the date from a simple rate. */

/** The lamp of many machines: on when a fifth is left. Its date is that of the rated life. */
class Lamp implements Policy {
  readonly #setting: Setting;

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  learn(): void {}

  urgency(remaining: number): number {
    return -remaining / this.#setting.pack;
  }

  dates(remaining: number, _weekday: number, cap: number): Dates {
    return { median: Math.min(cap, daysLeft(remaining, this.#setting.priorRate)), interval: undefined };
  }
}

/** Orders when no more is left than the busiest 7 days of the last 8 weeks took: a quantile without a model. */
class BusiestWeek implements Policy {
  readonly #smoothed: Smoothing;
  readonly #first: number;
  readonly #days: number[] = [];
  /** Of the last weeks, one beginning on each day. */
  readonly #weeks: number[] = [];

  constructor(setting: Setting) {
    this.#smoothed = new Smoothing(setting, 0.05);
    this.#first = 14 * setting.priorRate;
  }

  learn(day: Day): void {
    this.#smoothed.learn(day);
    this.#days.push(day.used);
    if (this.#days.length < 7) return;
    this.#weeks.push(this.#days.reduce((sum, used) => sum + used, 0));
    this.#days.shift();
    if (this.#weeks.length > WEEKS) this.#weeks.shift();
  }

  urgency(remaining: number): number {
    // Noise can say that less than nothing is left.
    if (remaining <= 0) return Number.POSITIVE_INFINITY;
    const busiest = this.#weeks.length === 0 ? this.#first : Math.max(...this.#weeks);
    return busiest / remaining;
  }

  dates(remaining: number, weekday: number, cap: number): Dates {
    return this.#smoothed.dates(remaining, weekday, cap);
  }
}

/** So many weeks, one beginning on each day, fit into 8 weeks. */
const WEEKS = 50;

export const lamp: PolicyKind = {
  id: "lamp-20",
  name: '"20 % left" lamp',
  threshold: -0.2,
  start: (setting) => new Lamp(setting),
};
export const busiestWeek: PolicyKind = {
  id: "busiest-week",
  name: "busiest 7 days of 8 weeks",
  threshold: 1,
  start: (setting) => new BusiestWeek(setting),
};
