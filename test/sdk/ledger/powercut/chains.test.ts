import { exploreChains } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

testCuts(
  "power that is cut two to six times in a row loses nothing that was committed",
  scenarios(),
  LEAST_CUTS.chains,
  (scenario, shape) => exploreChains(scenario, shape, 1, 160),
);
