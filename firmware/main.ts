import config from "mc/config";
import product from "product/index";
import { startApp } from "./app.js";
import { openBoard, setUp } from "./board.js";
import { deviceOf, type Settings } from "./settings.js";

/** What Moddable starts. */
export default function main(): void {
  explained(() => setUp(config, (settings) => explained(() => start(settings))));
}

function start(settings: Settings): void {
  const device = deviceOf(settings);
  const board = openBoard(settings);
  const { everfull } = startApp(
    board,
    device,
    {
      ...product,
      onEvent(event, parts) {
        board.log(`everfull: event ${JSON.stringify(event)}`);
        product.onEvent?.(event, parts);
      },
    },
    (error) => {
      explained(() => {
        if (error !== undefined) throw error;
      });
      board.log(`everfull: ${device.serial} runs on ${board.name}, clock ${everfull.clockQuality}`);
      for (const id of everfull.slotIds) {
        const { remaining, consumed, cycle, state } = everfull.slot(id);
        board.log(
          `everfull: slot ${id}: ${remaining} remaining, ${consumed} consumed, cycle ${cycle} ${state}`,
        );
      }
    },
  );
}

/** A release build of XS ends without saying why. */
function explained(task: () => void): void {
  try {
    task();
  } catch (error) {
    trace(`everfull: cannot start: ${error instanceof Error ? error.message : error}\n`);
    throw error;
  }
}
