import { exploreRecoveries } from "./recoveries.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

testCuts(
  "starts that are interrupted in a row, in every order of operations, lose nothing",
  scenarios().filter(({ name }) => name === "tally-short" || name === "tally-upgrade"),
  LEAST_CUTS.recoveries,
  // Three in a row where a ring has no block to spare, two elsewhere.
  (scenario, shape) => exploreRecoveries(scenario, shape, shape.writeAlign === 4 ? 3 : 2),
);
