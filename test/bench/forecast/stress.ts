import { Random } from "../../../hal/simulator/models/random.js";
import { type Course, courseOf } from "./course.js";
import { endOf } from "./paired.js";
import { fnv1a, type Subject } from "./subjects.js";

/*
 * Courses of a series to which something happens. Where and when follows from its id alone, so it is the same in every run and
 * for every policy. What a pack holds stays that of the series as it was.
 */

/**
 * Nobody there for some weeks, once in every pack. Whole weeks, so that the days after it keep their weekdays.
 *
 * @param when anywhere in the pack, or before half of it is left, so that dates are judged after it
 */
export function withAbsences(
  subject: Subject,
  days: number,
  weeks: number,
  when: "anywhere" | "early",
): Course | undefined {
  const course = courseOf(subject, days);
  if (course === undefined) return undefined;
  const use = course.use.slice(0, course.start);
  for (let pack = 0, filled = course.start - 1, end = 0; ; pack++, filled = end) {
    end = endOf(course.use, course.pack, filled);
    const served = course.use.slice(filled + 1, end + 1);
    if (end < course.use.length) {
      // Before the day of the last use at the latest, after which the pack is empty, or before the one that leaves half.
      const part = when === "early" ? endOf(course.use, course.pack / 2, filled) - filled : served.length;
      const at = fnv1a(`${subject.id}/${days}/absence/${pack}`) % part;
      served.splice(at, 0, ...new Array<number>(7 * weeks).fill(0));
    }
    use.push(...served);
    if (end >= course.use.length) return { ...course, use, setting: { ...course.setting, truth: use } };
  }
}

/** From a day in the middle third on, twice as much is used every day. Only packs that end after it are counted. */
export function withDoubling(subject: Subject, days: number): Course | undefined {
  const from = changeOf(subject);
  return changed(subject, days, from, (use) => use.map((used, day) => (day < from ? used : 2 * used)));
}

/**
 * From a day in the middle third on, half as much is used; where uses are countable, every second one is left out. Only packs
 * that end after it are counted.
 */
export function withHalving(subject: Subject, days: number): Course | undefined {
  const from = changeOf(subject);
  return changed(subject, days, from, (use) => {
    let sum = 0;
    return use.map((used, day) => {
      if (day < from) return used;
      if (subject.unit === 0) return used / 2;
      const before = Math.floor(sum / 2);
      sum += used;
      return Math.floor(sum / 2) - before;
    });
  });
}

/** The day from which a series is another. */
function changeOf({ id, use }: Subject): number {
  const third = Math.floor(use.length / 3);
  return third + (third === 0 ? 0 : fnv1a(`${id}/change`) % third);
}

function changed(
  subject: Subject,
  days: number,
  from: number,
  change: (use: readonly number[]) => number[],
): Course | undefined {
  const course = courseOf(subject, days);
  if (course === undefined) return undefined;
  const use = change(course.use);
  return { ...course, use, countedFrom: from, setting: { ...course.setting, truth: use } };
}

/**
 * Now and then nobody sees the close of 1 to 5 days, with 5 to 24 days between: a sixth of all days. On the next evening the
 * total of those days and of that day is known.
 */
export function withMissedDays(subject: Subject, days: number): Course | undefined {
  const course = courseOf(subject, days);
  if (course === undefined) return undefined;
  const random = new Random(`${subject.id}/missed`);
  const between = (least: number, most: number) => least + Math.floor(random.next() * (most - least + 1));
  const missed = new Set<number>();
  for (let day = between(5, 24); day < course.use.length; day += between(5, 24))
    for (const end = day + between(1, 5); day < end; day++) missed.add(day);
  return { ...course, missed };
}

/** Levels are read with Gaussian noise, one draw for each evening. What a refill adds is known exactly. */
export function withLevelNoise(subject: Subject, days: number, share: number): Course | undefined {
  const course = courseOf(subject, days);
  if (course === undefined) return undefined;
  // The seed is without the share: more noise is the same noise, larger.
  const random = new Random(`${subject.id}/${days}/noise`);
  const sd = share * course.pack;
  const noise = course.use.map(() => sd * random.normal());
  return { ...course, noise, setting: { ...course.setting, noise: sd } };
}
