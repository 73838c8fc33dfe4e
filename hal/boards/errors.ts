/**
 * - `options`: the board was given unusable options; nothing was opened
 * - `unsupported`: this board does not have what was asked for
 * - `flash`: an operation that NOR flash cannot do, or a journal that is not one
 * - `network`: there is no network to connect through
 * - `closed`: used after `close`
 */
export type BoardErrorCode = "options" | "unsupported" | "flash" | "network" | "closed";

export class BoardError extends Error {
  override name = "BoardError";
  readonly code: BoardErrorCode;

  constructor(code: BoardErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
