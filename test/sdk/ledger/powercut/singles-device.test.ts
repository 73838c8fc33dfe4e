import { exploreSingles } from "./explorer.js";
import type { Geometry } from "./geometry.js";
import { scenarios } from "./scenarios.js";
import { LEAST_CUTS, testCuts } from "./support.js";
import type { Detail } from "./tears.js";

const DEVICES = scenarios().filter(({ name }) => !name.startsWith("tally"));

const LONG: readonly string[] = ["compaction", "outbox"];

testCuts(
  "wherever power is cut, a device finds what it had committed",
  DEVICES,
  LEAST_CUTS.device,
  (scenario, shape) =>
    exploreSingles(scenario, shape, detail(scenario.name, shape), {
      // The longest ones: every other cut.
      oneIn: LONG.includes(scenario.name) ? 2 : 1,
      seed: 1,
    }),
);

function detail(name: string, shape: Geometry): Detail {
  if (shape.blockLength === 4096) return "few";
  // Where writes are of single bytes, the ends of units are after every byte.
  return shape.writeAlign === 1 || name === "compaction" ? "units" : "every";
}
