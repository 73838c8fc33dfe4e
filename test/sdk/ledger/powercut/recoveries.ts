import type { FlashOperation, Readings, Tear } from "../../../../hal/simulator/nor-flash.js";
import { MARKERS } from "../../../../sdk/ledger/frame.js";
import { Findings, historyId, rehearse, torn } from "./explorer.js";
import type { Geometry } from "./geometry.js";
import { History, LIFE_COMMITS } from "./history.js";
import type { Scenario } from "./scenarios.js";
import type { Cut } from "./tears.js";

/** Operations of a start: erase, header and checkpoint, its markers, the closing marker. */
const OPERATIONS = 3 + MARKERS;
/** What was interrupted reads as if it was done, or as if it had not begun: the two ways to mislead a journal that believes what it reads. */
const READINGS: readonly Readings[] = Object.freeze(["new", "old"]);

/**
 * Starts that are interrupted one after another, in every order of operations: each is cut with every bit of the operation unstable, and the
 * start after it reads all of them as done, or all as not begun.
 *
 * @param depth starts in a row that are interrupted
 */
export function exploreRecoveries(scenario: Scenario, shape: Geometry, depth: number): Findings {
  const findings = new Findings();
  const { start, points } = rehearse(scenario, shape);
  for (const { cut, make } of torn(scenario, start, points, shape, "few")) {
    if (!cut.tear.unstable || cut.tear.done > 0) continue;
    findings.cuts++;
    descend(findings, scenario, shape, make, [cut], depth);
  }
  return findings;
}

function descend(
  findings: Findings,
  scenario: Scenario,
  shape: Geometry,
  make: () => History,
  before: readonly Cut[],
  depth: number,
): void {
  for (const readings of READINGS) {
    const last = before.at(-1)!;
    const cuts = [...before.slice(0, -1), { ...last, readings: [readings, other(readings)] }];
    findings.attempt(
      () => historyId(scenario, shape, cuts),
      () => make().conclude(cuts.at(-1)!),
    );
    if (depth === 0) continue;
    for (let operation = 0; operation < OPERATIONS; operation++) {
      const history = make();
      let tear: Tear | undefined;
      const id = () =>
        historyId(scenario, shape, [...cuts, { operation, tear: tear!, readings: READINGS, seed: 0 }]);
      let wasCut = false;
      findings.attempt(id, () => {
        wasCut = history.live({
          readings,
          seed: 0,
          commits: LIFE_COMMITS,
          cut: {
            operation,
            tear: (of) => {
              tear = whollyUnstable(of, shape);
              return tear;
            },
          },
        });
      });
      if (!wasCut) continue;
      findings.cuts++;
      const next: Cut = { operation, tear: tear!, readings: READINGS, seed: 0 };
      descend(findings, scenario, shape, () => copyOf(history), [...cuts, next], depth - 1);
    }
  }
}

function other(readings: Readings): Readings {
  return readings === "new" ? "old" : "new";
}

function whollyUnstable(operation: FlashOperation, { blockLength }: Geometry): Tear {
  const reach = operation.kind === "write" ? operation.bytes.length : blockLength;
  return { done: 0, reach, share: 128, seed: 1, unstable: true };
}

function copyOf({ scenario, flash, possible, witness, lives }: History): History {
  return new History(scenario, flash.clone(), possible, witness.clone(), lives);
}
