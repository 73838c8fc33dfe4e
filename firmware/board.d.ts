import type { Board } from "../hal/boards/board.js";
import type { Settings } from "./settings.js";

/**
 * Opens the board that the firmware is built for. The manifest puts the module of the platform in this place: `board-lin` or `board-esp32`.
 *
 * @throws what the settings or the board do not allow
 */
export function openBoard(settings: Settings): Board;

/**
 * Calls `start`, at once or when somebody has set the device up, with the settings that hold: the configuration, and in its place what was set up.
 * Boards that restart with what was set up do not come back from there.
 */
export function setUp(config: Settings, start: (settings: Settings) => void): void;
