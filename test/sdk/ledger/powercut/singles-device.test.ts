import { exploreSingles } from "./explorer.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";

const DEVICES = scenarios().filter(({ name }) => !name.startsWith("tally"));

testCuts(
  "wherever power is cut, a device finds what it had committed",
  DEVICES,
  LEAST_CUTS.device,
  // Where writes are of single bytes, the ends of units are after every byte.
  (scenario, shape) =>
    exploreSingles(
      scenario,
      shape,
      shape.writeAlign === 1 || shape.blockLength === 4096 || scenario.name === "compaction"
        ? "units"
        : "every",
    ),
);
