import { exploreSingles } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

const TALLIES = scenarios().filter(({ name }) => name.startsWith("tally"));

testCuts(
  "wherever power is cut, a journal holds what was appended",
  TALLIES,
  LEAST_CUTS.tally,
  (scenario, shape) => exploreSingles(scenario, shape, "every"),
);
