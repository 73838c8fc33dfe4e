import { table } from "../../table.js";
import { CASES } from "../cases.js";
import type { PolicyKind } from "../policies/policy.js";
import { forecastPolicy } from "../policies/shipped.js";
import { caseText } from "../report.js";
import { homesOf, measure } from "../results.js";
import type { Half, Subject } from "../subjects.js";
import { CHOICES, type Choice, constantsOf, STARTS, valueAfter, valueIn } from "./choices.js";
import { type Losses, lossesOf } from "./loss.js";
import { type Evaluate, type Gain, leftOut, meanLoss, neighbours, tune } from "./rule.js";
import { forecastWith, SHIPPED } from "./variant.js";

/** On how many days the first packs start. */
export const PHASES = 6;
/** Fewer homes have no standard error once one is left out. */
export const LEAST_HOMES = 3;

/** Standard errors that a gain has to be above. */
const RULES = [
  { id: "two", name: "above two standard errors", standardErrors: 2 },
  { id: "one", name: "above one standard error", standardErrors: 1 },
  { id: "any", name: "any gain", standardErrors: 0 },
] as const;

/** @param subjects all that may be seen: those of the homes for tuning */
export function evaluator(subjects: readonly Subject[]): Evaluate {
  const known = new Map<string, Losses>();
  return (steps) => {
    const key = steps.join();
    const losses = known.get(key) ?? lossesOf(subjects, forecastWith(constantsOf(steps)), PHASES);
    known.set(key, losses);
    return losses;
  };
}

/**
 * Chooses constants on the homes for tuning alone, by each rule, and only then says what each is worth, on either half of the homes.
 *
 * @returns what is to be printed, part by part
 */
export function* tuning(all: readonly Subject[], halves: ReadonlyMap<string, Half>): Generator<string> {
  const subjects = all.filter(({ home }) => halves.get(home) === "tune");
  const evaluate = evaluator(subjects);
  yield head(subjects, homesOf(halves, "tune"));
  yield startsText(evaluate);
  const kinds: PolicyKind[] = [forecastPolicy("starts", "starts", forecastWith(constantsOf(STARTS)))];
  for (const { id, name, standardErrors } of RULES) {
    const { steps, moves } = tune(evaluate, standardErrors);
    yield [
      `A step for a gain ${standardErrors === 0 ? "of any size" : name}`,
      ...(moves.length === 0 ? ["  moves nothing."] : []),
      ...moves.map(({ choice, from, to, ...gain }) => {
        const each = CHOICES[choice]!;
        return `  ${each.constant} ${valueAfter(each, from)} -> ${valueAfter(each, to)}: ${percent(gain)}`;
      }),
      `  On a home left out of the choice, over the starts, %: ${leftOutText(evaluate, standardErrors)}`,
    ].join("\n");
    kinds.push(forecastPolicy(id, name, forecastWith(constantsOf(steps))));
  }
  kinds.push(forecastPolicy("shipped", "shipped, not chosen by this", forecastWith(SHIPPED)));
  const paired = CASES.filter(({ id }) => id === "paired");
  const results = measure(all, halves, "all", paired, kinds);
  yield caseText(results.cases[0]!, new Set(kinds.map(({ id }) => id)));
}

function head(subjects: readonly Subject[], homes: readonly string[]): string {
  const shippedLoss = meanLoss(lossesOf(subjects, forecastWith(SHIPPED), PHASES));
  const startLoss = meanLoss(lossesOf(subjects, forecastWith(constantsOf(STARTS)), PHASES));
  return [
    `Constants chosen on the homes for tuning alone: ${homes.join(", ")} (${subjects.length} series)`,
    "  Loss: pinball of the 10 %, 50 % and 90 % day when half of a pack is left, over the days it is for; first packs start on",
    `  ${PHASES} days. Steps are by the square root of 2. Gains are in % of the loss, with their standard error over homes.`,
    `  Loss of the starts: ${startLoss.toFixed(4)}, of what is shipped: ${shippedLoss.toFixed(4)}.`,
  ].join("\n");
}

function startsText(evaluate: Evaluate): string {
  const rows = CHOICES.map((choice, at) => {
    const [down, up] = neighbours(evaluate, STARTS, at);
    return [
      choice.constant,
      unitOf(choice, choice.start),
      choice.because,
      unitOf(choice, valueIn(choice, SHIPPED)),
      percent(down!),
      percent(up!),
    ];
  });
  return table(
    ["constant", "start", "because", "shipped", "a step down gains, %", "a step up gains, %"],
    rows,
  );
}

function unitOf({ discountedEvery }: Choice, value: number): string {
  return discountedEvery === undefined ? String(value) : `${value} days`;
}

function percent({ gain, error }: Gain): string {
  return `${(100 * gain).toFixed(2)} +- ${(100 * error).toFixed(2)}`;
}

function leftOutText(evaluate: Evaluate, standardErrors: number): string {
  const gains = [...leftOut(evaluate, standardErrors)];
  const mean = gains.reduce((sum, [, gain]) => sum + gain, 0) / gains.length;
  const each = gains.map(([home, gain]) => `${home}: ${(100 * gain).toFixed(1)}`);
  return `${each.join(", ")}; mean ${(100 * mean).toFixed(1)}`;
}
