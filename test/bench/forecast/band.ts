import { type Course, courseOf, Observer, WARM } from "./course.js";
import { endOf } from "./paired.js";
import { line, MARGIN, px, text, ticks, title } from "./picture.js";
import { type Dates, EPSILON, LEAD } from "./policies/policy.js";
import { shipped } from "./policies/shipped.js";
import type { Subject } from "./subjects.js";

/*
 * One series as a picture (SVG): what the SDK's forecast says on every evening about the day on which the pack will be empty, and on
 * which day it was.
 */

/** Days that a pack lasts at the mean use. */
export const BAND_DAYS = 30;
/** Packs drawn, one after another. */
const PACKS = 6;

export interface BandPack {
  /** Evening on which it is full, then the day that closes with nothing left; days of the series, from 0. */
  readonly filled: number;
  readonly end: number;
  /** What was said on each evening from `filled` to the one before `end`. */
  readonly said: readonly Dates[];
  /** First evening with a probability of {@link EPSILON} of being empty within {@link LEAD} days; undefined when there was none. */
  readonly order: number | undefined;
}

/** The first packs of a series, paired, after the usual days of observation. */
export function bandOf(subject: Subject): BandPack[] {
  const course = courseOf(subject, BAND_DAYS);
  return course === undefined ? [] : packsOf(course);
}

function packsOf(course: Course): BandPack[] {
  const { use, pack, start, weekday, cap } = course;
  const policy = shipped.start(course.setting);
  const observer = new Observer(course, policy);
  for (let day = 0; day < start; day++) observer.close(day, use[day]!);
  const packs: BandPack[] = [];
  for (let filled = start - 1, end = 0; packs.length < PACKS; filled = end) {
    end = endOf(use, pack, filled);
    if (end >= use.length) break;
    const said: Dates[] = [];
    let remaining = pack;
    let order: number | undefined;
    for (let evening = filled; evening < end; evening++) {
      if (evening > filled) {
        remaining -= use[evening]!;
        observer.close(evening, use[evening]!);
      }
      const tomorrow = (weekday + evening + 1) % 7;
      said.push(policy.dates(remaining, tomorrow, cap));
      if (order === undefined && policy.urgency(remaining, tomorrow) >= EPSILON) order = evening;
    }
    observer.close(end, use[end]!);
    packs.push({ filled, end, said, order });
  }
  return packs;
}

const WIDTH = 960;
const PLOT = { left: 84, top: 84, width: 840, height: 520 } as const;
const COLOUR = {
  band: "#f0c4ca",
  median: "#d1495b",
  truth: "#222222",
  order: "#3b6fb6",
  today: "#999999",
} as const;

export function bandPicture(subject: Subject, packs: readonly BandPack[]): string {
  const first = packs[0]!.filled;
  const last = packs.at(-1)!.end;
  const latest = Math.max(
    ...packs.flatMap(({ filled, said }) => said.map((each, i) => filled + i + highOf(each))),
  );
  const scale = ticks(latest - first);
  const most = scale.at(-1)!;
  const x = (day: number) => PLOT.left + (PLOT.width * (day - first)) / (last - first);
  const y = (day: number) => PLOT.top + PLOT.height - (PLOT.height * (day - first)) / most;
  const bottom = PLOT.top + PLOT.height;
  const right = PLOT.left + PLOT.width;
  const axes = [
    ...scale.map(
      (day) =>
        line(PLOT.left, y(first + day), right, y(first + day), "#e5e5e5") +
        text(PLOT.left - 8, y(first + day) + 4, String(day), 'text-anchor="end"'),
    ),
    ...scale
      .filter((day) => first + day <= last)
      .map((day) => text(x(first + day), bottom + 18, String(day), 'text-anchor="middle"')),
    text(
      (PLOT.left + right) / 2,
      bottom + 38,
      "evening, days from the first pack shown",
      'text-anchor="middle"',
    ),
    text(
      PLOT.left - 48,
      (PLOT.top + bottom) / 2,
      "day on which the pack is said to be empty",
      `text-anchor="middle" transform="rotate(-90 ${px(PLOT.left - 48)} ${px((PLOT.top + bottom) / 2)})"`,
    ),
    line(x(first), y(first), x(last), y(last), COLOUR.today, 'stroke-dasharray="2 4"'),
  ];
  const drawn = packs.map(({ filled, end, said, order }) => {
    const at = (i: number, day: number) => `${px(x(filled + i))},${px(y(filled + i + day))}`;
    const upper = said.map((each, i) => at(i, highOf(each)));
    const lower = said.map((each, i) => at(i, each.interval?.[0] ?? each.median));
    const medians = said.map((each, i) => at(i, each.median));
    const dot =
      order === undefined
        ? ""
        : `<circle cx="${px(x(order))}" cy="${px(y(end))}" r="4.5" fill="${COLOUR.order}"/>`;
    return [
      `<polygon fill="${COLOUR.band}" points="${[...upper, ...lower.reverse()].join(" ")}"/>`,
      `<polyline fill="none" stroke="${COLOUR.median}" stroke-width="1.8" points="${medians.join(" ")}"/>`,
      line(x(filled), y(end), x(end), y(end), COLOUR.truth, 'stroke-width="1.6"') + dot,
    ].join("\n");
  });
  const height = bottom + 56;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#222222">`,
    `<title>Run-out day of ${packs.length} packs as it was said on every evening, and as it was</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    title(
      `${subject.id}: packs for ${BAND_DAYS} days, one after another, after ${WARM} days of observation`,
      MARGIN + 6,
    ),
    legend(MARGIN + 32),
    ...axes,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function highOf({ median, interval }: Dates): number {
  return interval?.[1] ?? median;
}

function legend(y: number): string {
  return [
    line(MARGIN, y - 4, MARGIN + 24, y - 4, COLOUR.median, 'stroke-width="1.8"'),
    text(MARGIN + 30, y, "said: median"),
    `<rect x="${MARGIN + 118}" y="${y - 11}" width="24" height="13" fill="${COLOUR.band}"/>`,
    text(MARGIN + 148, y, "80 % interval"),
    line(MARGIN + 244, y - 4, MARGIN + 268, y - 4, COLOUR.truth, 'stroke-width="1.6"'),
    text(MARGIN + 274, y, "true run-out day"),
    `<circle cx="${MARGIN + 394}" cy="${y - 4}" r="4.5" fill="${COLOUR.order}"/>`,
    text(MARGIN + 404, y, `order: ${100 * EPSILON} % within ${LEAD} days`),
    line(MARGIN + 560, y - 4, MARGIN + 584, y - 4, COLOUR.today, 'stroke-dasharray="2 4"'),
    text(MARGIN + 590, y, "today"),
  ].join("\n");
}
