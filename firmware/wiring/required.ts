import { BoardError } from "../../hal/boards/errors.js";

/** @throws {BoardError} `unsupported`: the board does not have it */
export function required<IO>(io: IO | undefined, board: string, name: string): IO {
  if (io === undefined) throw new BoardError("unsupported", `board ${board}: there is no ${name}`);
  return io;
}
