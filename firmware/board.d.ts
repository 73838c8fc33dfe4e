import type { Board } from "../hal/boards/board.js";
import type { Settings } from "./settings.js";

/**
 * Opens the board that the firmware is built for. The manifest puts the module of the platform in this place: `board-lin` or `board-esp32`.
 *
 * @throws what the settings or the board do not allow
 */
export function openBoard(settings: Settings): Board;
