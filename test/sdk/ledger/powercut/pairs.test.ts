import { explorePairs } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

/** Of these, every second cut is tried after every first one. */
const EXHAUSTIVE: readonly string[] = ["tally-short", "tally-change"];
/** Pairs of one scenario and geometry that are tried of the others, about. */
const FIRST_ONE_IN = 150;
const SECOND_ONE_IN = 12;

testCuts(
  "wherever power is cut, and cut again in the recovery, nothing committed is lost",
  scenarios(),
  LEAST_CUTS.pairs,
  (scenario, shape) => {
    if (scenario.name === "tally-short")
      return explorePairs(scenario, shape, {
        first: "units",
        second: shape.writeAlign === 1 ? "few" : "units",
      });
    if (EXHAUSTIVE.includes(scenario.name))
      return explorePairs(scenario, shape, { first: "few", second: "few" });
    return explorePairs(
      scenario,
      shape,
      { first: "units", second: "units" },
      { first: { oneIn: FIRST_ONE_IN, seed: 1 }, second: { oneIn: SECOND_ONE_IN, seed: 2 } },
    );
  },
);
