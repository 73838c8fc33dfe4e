import test from "ava";
import type { Findings } from "./explorer.js";
import { type Geometry, nameOf } from "./geometry.js";
import type { Scenario } from "./scenarios.js";

/** Cuts that `npm test` makes at the least, in all files together; each file asserts its part. */
export const LEAST_CUTS = Object.freeze({
  device: 200_000,
  tally: 250_000,
  pairs: 900_000,
  chains: 20_000,
  recoveries: 100_000,
});

/** One test for each geometry of the scenarios, and one for the number of cuts in all of them. */
export function testCuts(
  title: string,
  scenarios: readonly Scenario[],
  least: number,
  explore: (scenario: Scenario, shape: Geometry) => Findings,
): void {
  let cuts = 0;
  for (const scenario of scenarios)
    for (const shape of scenario.geometries)
      test.serial(`${title}: ${scenario.name} on ${nameOf(shape)}, ${scenario.about}`, (t) => {
        const found = explore(scenario, shape);
        cuts += found.cuts;
        t.is(found.failed, 0, told(found));
        t.true(found.cuts > 0);
      });
  test.serial(`${title}: at least ${least} cuts were made`, (t) => {
    t.log(`${cuts} cuts`);
    t.true(cuts >= least, `${cuts} cuts`);
  });
}

/** Failures with the commands that rerun them. */
export function told({
  failures,
}: {
  readonly failures: readonly { id: string; message: string }[];
}): string {
  return failures
    .map(({ id, message }) => `${message}\n  npm run test:powercut -- --replay ${id}`)
    .slice(0, 5)
    .join("\n");
}
