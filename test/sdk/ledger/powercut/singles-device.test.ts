import { exploreSingles } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

testCuts(
  "wherever power is cut, a device finds what it had committed",
  scenarios().filter(({ name }) => !name.startsWith("tally")),
  LEAST_CUTS.device,
  (scenario, shape) => exploreSingles(scenario, shape, "every"),
);
