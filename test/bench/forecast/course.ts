import type { Policy, Setting } from "./policies/policy.js";
import { packOf, type Subject } from "./subjects.js";

/** What happens to one slot, and what of it is seen. The same for every policy. */
export interface Course {
  readonly home: string;
  /** Weekday of the first day, 0 = Monday to 6 = Sunday. */
  readonly weekday: number;
  /** True use of every day, units. */
  readonly use: readonly number[];
  /** What a pack holds, units. */
  readonly pack: number;
  /** Longest answer that is asked for, days. */
  readonly cap: number;
  /** The first day that a pack serves; those before it are only observed. */
  readonly start: number;
  /** Packs that end before this day are not counted. */
  readonly countedFrom: number;
  /** By how much the level is misread at the close of each day, units; empty for a counter. */
  readonly noise: readonly number[];
  /** Days whose close nobody sees: nothing is learned on that evening and nothing ordered. */
  readonly missed: ReadonlySet<number>;
  readonly setting: Setting;
}

/** Days observed before the first pack of a warm start. */
export const WARM = 28;
/** Estimates are capped at so many times the days that a pack is for. */
const CAP = 4;

/**
 * The course of a series as it is.
 *
 * @param days that a pack lasts at the mean use
 * @param start see {@link Course.start}
 * @returns undefined for a series of which a pack would be too few units
 */
export function courseOf(subject: Subject, days: number, start: number = WARM): Course | undefined {
  const pack = packOf(subject, days);
  // A series that is over before its first pack is full has nothing to judge.
  if (pack === undefined || subject.use.length <= start) return undefined;
  const { home, weekday, use, priorRate, unit } = subject;
  return {
    home,
    weekday,
    use,
    pack,
    cap: CAP * days,
    start,
    countedFrom: 0,
    noise: [],
    missed: new Set(),
    setting: { priorRate, unit, pack, noise: 0, truth: use },
  };
}

/** Shows a policy the days of a course as the device sees them. */
export class Observer {
  readonly #course: Course;
  readonly #policy: Policy;
  /** What the days that nobody saw used, and how many they are: told on the next evening that is seen. */
  #late = 0;
  #days = 0;

  constructor(course: Course, policy: Policy) {
    this.#course = course;
    this.#policy = policy;
  }

  /** @param used units that were taken out on this day; with what is misread they become what is learned */
  close(at: number, used: number): void {
    const { noise, missed, weekday } = this.#course;
    // Two readings, each misread: the difference keeps its sign.
    this.#late += used + (noise[at - 1] ?? 0) - (noise[at] ?? 0);
    this.#days += 1;
    if (missed.has(at)) return;
    const share = this.#late / this.#days;
    for (let day = at - this.#days + 1; day <= at; day++)
      this.#policy.learn({ at: day, weekday: (weekday + day) % 7, used: share });
    this.#late = 0;
    this.#days = 0;
  }
}
