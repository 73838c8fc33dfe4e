import type { Board, UpdateBoard } from "../../hal/boards/board.js";
import { required } from "../wiring/required.js";
import type { ImageServer } from "./image-update.js";

/**
 * The board's own, which fetches from wherever it plays the server. For boards of the platform, the manifest puts `update-board-esp32` in this module's place.
 *
 * @throws {BoardError} `unsupported`
 */
export function updateBoardOf({ name, update }: Board, _: ImageServer): UpdateBoard {
  return required(update, name, "update");
}
