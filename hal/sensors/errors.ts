/**
 * What went wrong:
 * - `options`: the constructor's options are unusable; nothing was allocated
 * - `configuration`: `configure` was given an unusable value; nothing was changed
 * - `closed`: a method other than `close` was called after `close`
 * - `failed`: the IO reported an error it cannot recover from; only `close` is left
 * - `busy`: the sample before is not finished
 * - `bus`: a transaction was not acknowledged, was cut short, or no answer came in time; the next call tries again
 * - `identity`: another part answered than the one that is driven; nothing stays open
 * - `protocol`: what came is nothing that the part may send; the next call starts afresh
 */
export type SensorErrorCode =
  | "options"
  | "configuration"
  | "closed"
  | "failed"
  | "busy"
  | "bus"
  | "identity"
  | "protocol";

export class SensorError extends Error {
  override name = "SensorError";
  readonly code: SensorErrorCode;

  constructor(code: SensorErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
