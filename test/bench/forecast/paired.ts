import { type Course, Observer } from "./course.js";
import type { HalfLeft, PackOutcome, Want } from "./outcome.js";
import { type Dates, LEAD, type PolicyKind } from "./policies/policy.js";

/**
 * Runs a policy through the packs of a course. The next pack starts on the evening on which the one before it is empty, whatever
 * the policy did, so every policy sees the same packs. The last pack, which does not end, is left out.
 */
export function runPaired(course: Course, kind: PolicyKind): PackOutcome[] {
  const { home, use, pack, start, weekday, noise } = course;
  const policy = kind.start(course.setting);
  const observer = new Observer(course, policy);
  for (let day = 0; day < start; day++) observer.close(day, use[day]!);
  const outcomes: PackOutcome[] = [];
  for (let number = 0, filled = start - 1, end = 0; ; number++, filled = end) {
    end = endOf(use, pack, filled);
    if (end >= use.length) return outcomes;
    const wants: Want[] = [];
    let half: HalfLeft | undefined;
    let remaining = pack;
    for (let evening = filled; evening < end; evening++) {
      if (evening > filled) {
        remaining -= use[evening]!;
        observer.close(evening, use[evening]!);
      }
      // A pack that serves from the first day was filled before there was an evening.
      if (evening < 0 || course.missed.has(evening)) continue;
      const seen = remaining + (noise[evening] ?? 0);
      const tomorrow = (weekday + evening + 1) % 7;
      const urgency = policy.urgency(seen, tomorrow);
      if (urgency > (wants.at(-1)?.urgency ?? Number.NEGATIVE_INFINITY))
        wants.push({ urgency, slack: end - LEAD - evening });
      if (remaining <= pack / 2) half ??= judge(policy.dates(seen, tomorrow, course.cap), end - evening);
    }
    observer.close(end, use[end]!);
    wants.push({ urgency: Number.POSITIVE_INFINITY, slack: -LEAD });
    if (end >= course.countedFrom)
      outcomes.push({ pack: number, home, half, wants: end - filled < LEAD ? [] : wants });
  }
}

/** First day that closes with nothing left of what was there on an evening; the number of days when there is none. */
export function endOf(use: readonly number[], remaining: number, evening: number): number {
  let day = evening;
  while (remaining > 0 && day < use.length) {
    day += 1;
    remaining -= use[day] ?? 0;
  }
  return day;
}

/** @param truth days until nothing was left */
export function judge({ median, interval }: Dates, truth: number): HalfLeft {
  return { error: Math.abs(median - truth), held: interval && interval[0] <= truth && truth <= interval[1] };
}
