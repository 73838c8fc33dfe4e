import { exploreRecoveries } from "./recoveries.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

testCuts(
  "starts that are interrupted up to three times in a row, in every order of operations and readings, lose nothing",
  scenarios().filter(({ name }) => name === "tally-short" || name === "tally-upgrade"),
  LEAST_CUTS.recoveries,
  (scenario, shape) => exploreRecoveries(scenario, shape, 3),
);
