import { type Course, Observer } from "./course.js";
import type { Outcome, Want } from "./outcome.js";
import { LEAD, type PolicyKind } from "./policies/policy.js";

/**
 * Runs a policy through the packs of a course. The next pack starts on the evening on which the one before it is empty, whatever
 * the policy did, so every policy sees the same packs. The last pack, which does not end, is left out.
 */
export function runPaired(course: Course, kind: PolicyKind): Outcome[] {
  const { use, pack, start, weekday, noise } = course;
  const policy = kind.start(course.setting);
  const outcomes: Outcome[] = [];
  const observer = new Observer(course, policy);
  for (let day = 0; day < start; day++) observer.close(day, use[day]!);
  for (let filled = start - 1, end = 0; ; filled = end) {
    end = endOf(use, pack, filled);
    if (end >= use.length) return outcomes;
    const wants: Want[] = [];
    let half: Pick<Outcome, "error" | "held"> | undefined;
    let remaining = pack;
    for (let evening = filled; evening < end; evening++) {
      if (evening > filled) {
        remaining -= use[evening]!;
        observer.close(evening, use[evening]!);
      }
      if (course.missed.has(evening)) continue;
      const seen = remaining + (noise[evening] ?? 0);
      const tomorrow = (weekday + evening + 1) % 7;
      const urgency = policy.urgency(seen, tomorrow);
      if (urgency > (wants.at(-1)?.urgency ?? Number.NEGATIVE_INFINITY))
        wants.push({ urgency, slack: end - LEAD - evening });
      if (half !== undefined || remaining > pack / 2) continue;
      const { median, interval } = policy.dates(seen, tomorrow, course.cap);
      const truth = end - evening;
      half = {
        error: Math.abs(median - truth),
        held: interval && interval[0] <= truth && truth <= interval[1],
      };
    }
    observer.close(end, use[end]!);
    wants.push({ urgency: Number.POSITIVE_INFINITY, slack: -LEAD });
    if (end < course.countedFrom) continue;
    outcomes.push({
      home: course.home,
      error: half?.error,
      held: half?.held,
      wants: end - filled < LEAD ? [] : wants,
    });
  }
}

/** First day that closes with nothing left of a pack filled on an evening; the number of days when there is none. */
export function endOf(use: ArrayLike<number>, pack: number, filled: number): number {
  let day = filled;
  for (let left = pack; left > 0 && day < use.length; ) {
    day += 1;
    left -= use[day] ?? 0;
  }
  return day;
}
