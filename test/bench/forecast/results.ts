import { type Case, PACK_DAYS } from "./cases.js";
import type { Figures, Service } from "./figures.js";
import { sweep } from "./figures.js";
import type { PolicyKind } from "./policies/policy.js";
import type { Half, Subject } from "./subjects.js";

/** Which homes figures are of. */
export type Homes = Half | "all";

export interface PolicyResult {
  readonly policy: PolicyKind;
  /** One for each of PACK_DAYS. */
  readonly figures: { readonly [homes in Homes]?: readonly Figures[] };
  /** What the policy's thresholds lead to, one curve for each of PACK_DAYS; of the homes that were asked for. */
  readonly curves: readonly (readonly Service[])[];
}

export interface CaseResult {
  readonly of: Case;
  readonly policies: readonly PolicyResult[];
}

export interface Results {
  /** The homes that were asked for; figures are of them, and if they are all, of either half too. */
  readonly homes: Homes;
  readonly halves: ReadonlyMap<string, Half>;
  /** Of the homes that were asked for. */
  readonly subjects: readonly Subject[];
  readonly cases: readonly CaseResult[];
}

/** Runs the policies through the cases. */
export function measure(
  all: readonly Subject[],
  halves: ReadonlyMap<string, Half>,
  homes: Homes,
  cases: readonly Case[],
  policies: readonly PolicyKind[],
): Results {
  const subjects = all.filter(({ home }) => homes === "all" || halves.get(home) === homes);
  const parts: readonly Homes[] = homes === "all" ? ["all", "tune", "report"] : [homes];
  return {
    homes,
    halves,
    subjects,
    cases: cases.map((each) => ({
      of: each,
      policies: policies.map((policy) => {
        const runs = PACK_DAYS.map((days) => each.run(subjects, days, policy));
        return {
          policy,
          figures: Object.fromEntries(
            parts.map((part) => [
              part,
              runs.map((run) => run.figures((home) => part === "all" || halves.get(home) === part)),
            ]),
          ),
          curves: runs.map(({ packs }) => sweep(packs)),
        };
      }),
    })),
  };
}

/** The homes of a half, in order. */
export function homesOf(halves: ReadonlyMap<string, Half>, half: Half): string[] {
  return [...halves].flatMap(([home, of]) => (of === half ? home : []));
}
