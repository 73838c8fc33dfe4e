/**
 * What went wrong:
 * - `options`: the constructor's options are unusable; nothing was allocated
 * - `configuration`: `configure` was given an unusable value; nothing was changed
 * - `closed`: a method other than `close` was called after `close`
 * - `failed`: the IO reported an error it cannot recover from; only `close` is left
 * - `busy`: the sample before is not finished
 * - `silent`: the part did not answer in time; it is missing, off or not wired
 * - `garbled`: the part answered with what its protocol does not allow
 */
export type SensorErrorCode =
  | "options"
  | "configuration"
  | "closed"
  | "failed"
  | "busy"
  | "silent"
  | "garbled";

export class SensorError extends Error {
  override name = "SensorError";
  readonly code: SensorErrorCode;

  constructor(code: SensorErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
