import { explorePairs } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

/** Of these every second operation is cut after every first one, in a few torn variants each. */
const SHORT: readonly string[] = ["tally-change", "first-boot", "after-cut", "upgrade", "day-close"];
/** Pairs of one scenario and geometry that are tried of the others, about. */
const FIRST_ONE_IN = 150;
const SECOND_ONE_IN = 12;

testCuts(
  "wherever power is cut, and cut again in the recovery, nothing committed is lost",
  scenarios(),
  LEAST_CUTS.pairs,
  (scenario, shape) => {
    // All pairs at every torn position of the first and the ends of all units of the second; where writes are of single bytes, units are bytes.
    if (scenario.name === "tally-short")
      return shape.writeAlign === 1
        ? explorePairs(scenario, shape, { first: "units", second: "few" })
        : explorePairs(scenario, shape, { first: "every", second: "units" });
    const isFirst = shape === scenario.geometries[0];
    if (SHORT.includes(scenario.name) && isFirst)
      return explorePairs(scenario, shape, { first: "few", second: "few" });
    return explorePairs(
      scenario,
      shape,
      { first: "units", second: "units" },
      { first: { oneIn: FIRST_ONE_IN, seed: 1 }, second: { oneIn: SECOND_ONE_IN, seed: 2 } },
    );
  },
);
