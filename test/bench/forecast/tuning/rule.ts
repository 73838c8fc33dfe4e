import { PACK_DAYS } from "../cases.js";
import { CHOICES, STARTS, type Steps } from "./choices.js";
import type { Loss, Losses } from "./loss.js";

/** By how much constants lose less than others, as a share of what those lose. */
export interface Gain {
  readonly gain: number;
  /** Standard error of it over homes. */
  readonly error: number;
}

/** A step that was taken. */
export interface Move extends Gain {
  /** Place in CHOICES. */
  readonly choice: number;
  readonly from: number;
  readonly to: number;
}

export interface Outcome {
  readonly steps: Steps;
  readonly moves: readonly Move[];
}

/** What the homes lose with constants so many steps away from their starts. */
export type Evaluate = (steps: Steps) => Losses;

/** Mean loss per pack, averaged over the lengths of packs of which there are some. */
export function meanLoss(losses: Losses, without?: string): number {
  const counted = [...losses].flatMap(([home, each]) => (home === without ? [] : [each]));
  const means = PACK_DAYS.flatMap((_, at) => {
    const add = (of: (loss: Loss) => number) => counted.reduce((total, each) => total + of(each[at]!), 0);
    const packs = add((loss) => loss.packs);
    return packs === 0 ? [] : add((loss) => loss.sum) / packs;
  });
  return means.reduce((sum, mean) => sum + mean, 0) / means.length;
}

/** Paired: both lose on the same packs of the same homes. The standard error is the jackknife's, which leaves out one home at a time. */
export function gainOf(before: Losses, after: Losses): Gain {
  const gain = (without?: string) => 1 - meanLoss(after, without) / meanLoss(before, without);
  const homes = [...before.keys()];
  const partial = homes.map(gain);
  const mean = partial.reduce((sum, each) => sum + each, 0) / homes.length;
  const squares = partial.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  return { gain: gain(), error: Math.sqrt(((homes.length - 1) / homes.length) * squares) };
}

/** Differences below this are rounding. */
const LEAST_GAIN = 1e-9;
/** Rounds over all choices; it ends long before, and has to in any case. */
const MOST_ROUNDS = 20;

/**
 * The rule of so many standard errors (Breiman et al. 1984): a constant leaves its start by a step only where the gain is more
 * than chance. One choice after the other, the better of its two neighbours, round after round until a round moves nothing.
 *
 * @param standardErrors that a gain has to be above; 0: any gain will do, a free search
 */
export function tune(evaluate: Evaluate, standardErrors: number): Outcome {
  let steps = STARTS;
  const moves: Move[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const before = moves.length;
    for (let choice = 0; choice < CHOICES.length; choice++) {
      const from = steps[choice]!;
      const better = neighbours(evaluate, steps, choice)
        .filter(({ gain, error }) => gain > standardErrors * error + LEAST_GAIN)
        .sort((a, b) => b.gain - a.gain)[0];
      if (better === undefined) continue;
      const { to, gain, error } = better;
      steps = steps.with(choice, to);
      moves.push({ choice, from, to, gain, error });
    }
    if (moves.length === before) break;
  }
  return { steps, moves };
}

/** What a step to either side would gain. */
export function neighbours(
  evaluate: Evaluate,
  steps: Steps,
  choice: number,
): (Gain & { readonly to: number })[] {
  const now = evaluate(steps);
  return [-1, 1].map((by) => {
    const to = steps[choice]! + by;
    return { to, ...gainOf(now, evaluate(steps.with(choice, to))) };
  });
}

/** What the rule gains on a home that it has not seen, over the starts; for each home that it can be shown without. */
export function leftOut(evaluate: Evaluate, standardErrors: number): Map<string, number> {
  const start = evaluate(STARTS);
  return new Map(
    [...start.keys()].map((home) => {
      const { steps } = tune((each) => only(evaluate(each), (other) => other !== home), standardErrors);
      const its = (losses: Losses) => meanLoss(only(losses, (other) => other === home));
      return [home, 1 - its(evaluate(steps)) / its(start)];
    }),
  );
}

function only(losses: Losses, isCounted: (home: string) => boolean): Losses {
  return new Map([...losses].filter(([home]) => isCounted(home)));
}
