import config from "mc/config";
import product from "product/index";
import { startApp } from "./app.js";
import { openBoard } from "./board.js";
import { deviceOf } from "./settings.js";

/** What Moddable starts. */
export default function main(): void {
  try {
    const device = deviceOf(config);
    const board = openBoard(config);
    const { everfull } = startApp(board, device, {
      kinds: product.kinds,
      onEvent(event, parts) {
        board.log(`everfull: event ${JSON.stringify(event)}`);
        product.onEvent?.(event, parts);
      },
    });
    board.log(`everfull: ${device.serial} runs on ${board.name}, clock ${everfull.clockQuality}`);
    for (const id of everfull.slotIds) {
      const { remaining, consumed, cycle, state } = everfull.slot(id);
      board.log(
        `everfull: slot ${id}: ${remaining} remaining, ${consumed} consumed, cycle ${cycle} ${state}`,
      );
    }
  } catch (error) {
    // A release build of XS ends without saying why.
    trace(`everfull: cannot start: ${error instanceof Error ? error.message : error}\n`);
    throw error;
  }
}
