import type { Forecast, RunOut } from "../../../../sdk/forecast/index.js";
import { PACK_DAYS } from "../cases.js";
import { courseOf, WARM } from "../course.js";
import { endOf } from "../paired.js";
import type { Subject } from "../subjects.js";

/** What was lost in packs for so many days, of one home. */
export interface Loss {
  readonly packs: number;
  /** Sum over the packs, shares of the days that a pack is for. */
  readonly sum: number;
}

/** For each home that has packs one for each of PACK_DAYS. */
export type Losses = ReadonlyMap<string, readonly Loss[]>;

/**
 * What dates lose: those said on the first evening with at most half of a pack left, in the paired packs of the bench.
 *
 * The pinball loss of the 10 %, 50 % and 90 % day, added up: half the absolute error of the median, plus a proper score of the
 * interval (Gneiting & Raftery 2007). As a share of the days that a pack is for, so that all lengths count alike.
 *
 * @param phases the first pack starts on so many days, spread over the days that it is for; where the packs of the bench begin is
 * chance, and alone moves the mean error of 60-day packs by half a day
 */
export function lossesOf(subjects: readonly Subject[], kind: typeof Forecast, phases: number): Losses {
  const losses = new Map<string, { packs: number; sum: number }[]>();
  for (const subject of subjects) {
    const { home } = subject;
    if (!losses.has(home))
      losses.set(
        home,
        PACK_DAYS.map(() => ({ packs: 0, sum: 0 })),
      );
    judgeHalves(subject, kind, phases, (at, said, truth) => {
      const loss = losses.get(home)![at]!;
      loss.packs += 1;
      loss.sum += pinballs(said, truth) / PACK_DAYS[at]!;
    });
  }
  return new Map([...losses].filter(([, each]) => each.some(({ packs }) => packs > 0)));
}

/** Of the 10 %, 50 % and 90 % day, days. */
export function pinballs({ low, median, high }: RunOut, truth: number): number {
  return pinball(0.1, truth - low) + pinball(0.5, truth - median) + pinball(0.9, truth - high);
}

function pinball(quantile: number, miss: number): number {
  return Math.max(quantile * miss, (quantile - 1) * miss);
}

/** Days are learned once for all packs: in paired packs nothing that is learned hangs on what was said. */
function judgeHalves(
  subject: Subject,
  kind: typeof Forecast,
  phases: number,
  judge: (at: number, said: RunOut, truth: number) => void,
): void {
  const { use, weekday, priorRate, unit } = subject;
  const forecast = new kind({ priorRate, unit });
  const said: RunOut = { low: 0, median: 0, high: 0 };
  const packs = PACK_DAYS.flatMap((days, at) =>
    Array.from({ length: phases }, (_, phase) =>
      courseOf(subject, days, WARM + Math.floor((phase * days) / phases)),
    ).flatMap((course) =>
      course === undefined ? [] : { at, course, remaining: course.pack, isJudged: false },
    ),
  );
  for (let day = 0; day < use.length; day++) {
    forecast.learn((weekday + day) % 7, use[day]!, 1);
    for (const each of packs) {
      const { at, course } = each;
      if (day < course.start) continue;
      each.remaining -= use[day]!;
      if (each.remaining <= 0) {
        each.remaining = course.pack;
        each.isJudged = false;
      } else if (!each.isJudged && each.remaining <= course.pack / 2) {
        each.isJudged = true;
        const end = endOf(use, each.remaining, day);
        if (end < use.length)
          judge(at, forecast.runOut(each.remaining, (weekday + day + 1) % 7, course.cap, 0, said), end - day);
      }
    }
  }
}
