import type { Series } from "../../../examples/household/series.js";
import { weekday } from "../../../sdk/ledger/stock.js";

/** A series as the bench uses it: one slot of one home. */
export interface Subject {
  readonly id: string;
  /** Series of one home are not independent of each other, so halves of the data are halves of the homes. */
  readonly home: string;
  /** Weekday of the first day, 0 = Monday to 6 = Sunday. */
  readonly weekday: number;
  /** Units used, day after day. */
  readonly use: readonly number[];
  /** Mean of `use`, units per day; above 0. */
  readonly mean: number;
  /** Smallest use that can be counted, units: 1 when all values are whole numbers, else 0. */
  readonly unit: 0 | 1;
  /** What the maker of the device thinks is used, units per day: the mean, wrong by a factor that depends on the id. */
  readonly priorRate: number;
}

/** By how much an expected use is wrong: half, then steps of the square root of 2, to double. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the rules of the benchmark have them with four decimals.
const PRIOR_FACTORS = [0.5, 0.7071, 1, 1.4142, 2] as const;
const DAY_MS = 86_400_000;

/** FNV-1a, 32 bits, of the characters of a text that is ASCII; of others the low byte counts. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++)
    hash = Math.imul(hash ^ (text.charCodeAt(at) & 0xff), 0x01000193) >>> 0;
  return hash;
}

/** The home of a series: the number after an `h` that is a word of its id (`refit_h10_washing_p0`: "10"), else its whole id. */
export function homeOf(id: string): string {
  return /(?:^|_)h(\d+)(?:_|$)/.exec(id)?.[1] ?? id;
}

/** Series without any use have no pack that could end, and are left out. */
export function subjectsOf(all: readonly Series[]): Subject[] {
  return all.flatMap(({ id, start, quantities }) => {
    const mean = quantities.reduce((sum, used) => sum + used, 0) / quantities.length;
    if (!(mean > 0)) return [];
    return {
      id,
      home: homeOf(id),
      weekday: weekday(Date.parse(`${start}T00:00:00Z`) / DAY_MS),
      use: quantities,
      mean,
      unit: quantities.every((used) => Number.isInteger(used)) ? 1 : 0,
      priorRate: mean * PRIOR_FACTORS[fnv1a(id) % 5]!,
    };
  });
}

/** Which half of the homes. */
export type Half = "tune" | "report";

/**
 * Halves of the homes: the second, fourth, ... is for choosing constants, the others are for reporting what they are worth.
 * Homes are in the order of their numbers; those without one follow in the order of their names.
 */
export function halves(subjects: readonly Subject[]): Map<string, Half> {
  const homes = [...new Set(subjects.map(({ home }) => home))].sort(byNumber);
  return new Map(homes.map((home, at) => [home, at % 2 === 1 ? "tune" : "report"]));
}

function byNumber(one: string, other: string): number {
  const [a, b] = [one, other].map((home) => (/^\d+$/.test(home) ? Number(home) : Number.POSITIVE_INFINITY));
  if (a !== b) return a! < b! ? -1 : 1;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Units that a pack for so many days holds; undefined where so few are countable that a pack would be a matter of chance. */
export function packOf(subject: Subject, days: number): number | undefined {
  if (subject.unit === 0) return days * subject.mean;
  const units = Math.round(days * subject.mean);
  return units < LEAST_UNITS ? undefined : units;
}

const LEAST_UNITS = 3;
