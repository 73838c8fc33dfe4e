/**
 * What went wrong:
 * - `options`: the constructor's options are unusable; nothing was allocated
 * - `configuration`: `configure` was given an unusable value; nothing was changed
 * - `closed`: a method other than `close` was called after `close`
 * - `failed`: the IO reported an error it cannot recover from; only `close` is left
 */
export type SensorErrorCode = "options" | "configuration" | "closed" | "failed";

export class SensorError extends Error {
  override name = "SensorError";
  readonly code: SensorErrorCode;

  constructor(code: SensorErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
