import type { Board } from "../hal/boards/board.js";
import { LinBoard } from "../hal/boards/lin/board.js";
import type { SimulatedUse } from "../hal/boards/lin/simulated-io.js";
import { flagOf, jsonOf, type Settings, serversOf, textOf } from "./settings.js";

/** The module `firmware/board` in Moddable's simulator. */
export function openBoard(settings: Settings): Board {
  const use = jsonOf<SimulatedUse>(settings, "use");
  return new LinBoard({
    journal: textOf(settings, "journal", "everfull-ledger.bin"),
    hasClock: flagOf(settings, "hasClock", true),
    servers: serversOf(settings),
    ...(use ? { use } : {}),
  });
}
