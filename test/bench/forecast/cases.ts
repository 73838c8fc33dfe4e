import { runClosed } from "./closed.js";
import { type Course, courseOf } from "./course.js";
import { type Figures, figuresOfOrders, figuresOfPacks } from "./figures.js";
import type { OrderOutcome, PackOutcome } from "./outcome.js";
import { runPaired } from "./paired.js";
import type { PolicyKind } from "./policies/policy.js";
import { withAbsences, withDoubling, withHalving, withLevelNoise, withMissedDays } from "./stress.js";
import type { Subject } from "./subjects.js";

/** One way to run all policies on all series. */
export interface Case {
  readonly id: string;
  readonly title: string;
  /** What happens in it. */
  readonly about: string;
  /** Runs a policy on series, each with packs for so many days. */
  run(subjects: readonly Subject[], days: number, kind: PolicyKind): Outcomes;
}

/** What a run came to; kept apart from its figures because halves of the homes have figures of their own. */
export interface Outcomes {
  /** Empty in a closed loop. */
  readonly packs: readonly PackOutcome[];
  figures(homes: (home: string) => boolean): Figures;
}

/** Days that a pack lasts at the mean use. */
export const PACK_DAYS = [14, 30, 60] as const;

function paired(
  id: string,
  title: string,
  about: string,
  course: (subject: Subject, days: number) => Course | undefined,
  counts: (pack: PackOutcome) => boolean = () => true,
): Case {
  return {
    id,
    title,
    about,
    run(subjects, days, kind) {
      const packs = coursesOf(subjects, days, course).flatMap((each) => runPaired(each, kind).filter(counts));
      return {
        packs,
        figures: (homes) =>
          figuresOfPacks(
            packs.filter(({ home }) => homes(home)),
            kind.threshold,
          ),
      };
    },
  };
}

function coursesOf(
  subjects: readonly Subject[],
  days: number,
  course: (subject: Subject, days: number) => Course | undefined,
): Course[] {
  return subjects.flatMap((subject) => course(subject, days) ?? []);
}

const closed: Case = {
  id: "closed",
  title: "Closed loop",
  about:
    "What was ordered is what is there: deliveries add up, use beyond the stock is lost and never seen. Stock-outs: orders before whose arrival somebody wanted more than there was.",
  run(subjects, days, kind) {
    const orders: OrderOutcome[] = coursesOf(subjects, days, courseOf).flatMap((each) =>
      runClosed(each, kind),
    );
    return {
      packs: [],
      figures: (homes) => figuresOfOrders(orders.filter(({ home }) => homes(home))),
    };
  },
};

const cold = (subject: Subject, days: number) => courseOf(subject, days, 0);

export const CASES: readonly Case[] = [
  paired(
    "paired",
    "Paired packs",
    "The next pack starts when the one before it is empty, whatever the policy did. 28 days are observed before the first.",
    courseOf,
  ),
  closed,
  paired("cold", "Cold start", "Paired packs; the first serves from the first day.", cold),
  paired(
    "cold-first",
    "Cold start, the first pack of each series alone",
    "Nothing was observed before; expected uses are wrong by a factor of up to 2, drawn per series.",
    cold,
    ({ pack }) => pack === 0,
  ),
  paired("absence-2", "Absence of 2 weeks", "14 days without use, once in every pack.", (subject, days) =>
    withAbsences(subject, days, 2, "anywhere"),
  ),
  paired("absence-3", "Absence of 3 weeks", "21 days without use, once in every pack.", (subject, days) =>
    withAbsences(subject, days, 3, "anywhere"),
  ),
  paired(
    "after-absence",
    "After an absence of 2 weeks",
    "14 days without use, once in every pack, before half of it is left: what was learned from them shows in the date.",
    (subject, days) => withAbsences(subject, days, 2, "early"),
  ),
  paired(
    "doubling",
    "Doubling",
    "From a day in the middle third on, twice the use. Packs that end from then on.",
    withDoubling,
  ),
  paired(
    "halving",
    "Halving",
    "From a day in the middle third on, half the use. Packs that end from then on.",
    withHalving,
  ),
  paired(
    "missed-days",
    "Missed days",
    "1 to 5 days in a row of which nothing is heard and on which nothing is ordered, then their total.",
    withMissedDays,
  ),
  paired(
    "level-noise-2",
    "Level noise of 2 %",
    "Readings of the level with a standard deviation of 2 % of a pack; use is their difference, with its sign.",
    (subject, days) => withLevelNoise(subject, days, 0.02),
  ),
  paired("level-noise-5", "Level noise of 5 %", "The same with 5 %.", (subject, days) =>
    withLevelNoise(subject, days, 0.05),
  ),
];
