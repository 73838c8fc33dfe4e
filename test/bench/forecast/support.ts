import type { Course } from "./course.js";
import type { Day, Policy, PolicyKind } from "./policies/policy.js";
import type { Subject } from "./subjects.js";

/* Small courses and policies for the tests. */

/** A course of whole units that starts on a Monday, with a pack from the first day on. */
export function courseFrom(use: readonly number[], pack: number, more: Partial<Course> = {}): Course {
  return {
    home: "1",
    weekday: 0,
    use,
    pack,
    cap: 100,
    start: 0,
    countedFrom: 0,
    noise: [],
    missed: new Set(),
    setting: { priorRate: 1, unit: 1, pack, noise: 0, truth: use },
    ...more,
  };
}

export function subjectFrom(use: readonly number[], id = "test_h1_soap_p0"): Subject {
  const mean = use.reduce((sum, used) => sum + used, 0) / use.length;
  return { id, home: "1", weekday: 0, use, mean, unit: 1, priorRate: mean };
}

/** Orders when so much is left, says a date by a fixed rate, and writes down what it was shown. */
export class Spy implements PolicyKind {
  readonly id = "spy";
  readonly name = "spy";
  readonly threshold: number;
  readonly days: Day[] = [];
  readonly evenings: { readonly remaining: number; readonly weekday: number }[] = [];
  readonly #rate: number;

  constructor(orderAt: number, rate = 1) {
    this.threshold = -orderAt;
    this.#rate = rate;
  }

  start(): Policy {
    return {
      learn: (day) => {
        this.days.push(day);
      },
      urgency: (remaining, weekday) => {
        this.evenings.push({ remaining, weekday });
        return -remaining;
      },
      dates: (remaining, _weekday, cap) => {
        const median = Math.min(cap, Math.ceil(remaining / this.#rate));
        return { median, interval: [median - 1, median + 1] };
      },
    };
  }
}
