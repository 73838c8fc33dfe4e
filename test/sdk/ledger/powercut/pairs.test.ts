import { explorePairs } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

/** Of these all pairs are tried, torn at every position. */
const SHORTEST: readonly string[] = ["tally-short", "tally-upgrade"];
/** Of these every second operation is cut after every first one: torn at the ends of all units, and of the longer ones in a few variants each. */
const SHORT: readonly string[] = ["first-boot", "after-cut", "upgrade"];
const LONGER: readonly string[] = ["tally-change", "day-close"];
/** Pairs of one scenario and geometry that are tried of the others, about. */
const FIRST_ONE_IN = 150;
const SECOND_ONE_IN = 12;

testCuts(
  "wherever power is cut, and cut again in the recovery, nothing committed is lost",
  scenarios(),
  LEAST_CUTS.pairs,
  (scenario, shape) => {
    // All pairs at every torn position of the first and the ends of all units of the second; where writes are of single bytes, units are bytes.
    if (SHORTEST.includes(scenario.name))
      return shape.writeAlign === 1
        ? explorePairs(scenario, shape, { first: "units", second: "few" })
        : explorePairs(scenario, shape, { first: "every", second: "units" });
    const isFirst = shape === scenario.geometries[0];
    if (SHORT.includes(scenario.name) && isFirst)
      return explorePairs(scenario, shape, { first: "units", second: "few" });
    if (LONGER.includes(scenario.name) && isFirst)
      return explorePairs(scenario, shape, { first: "few", second: "few" });
    return explorePairs(
      scenario,
      shape,
      { first: "units", second: "units" },
      { first: { oneIn: FIRST_ONE_IN, seed: 1 }, second: { oneIn: SECOND_ONE_IN, seed: 2 } },
    );
  },
);
