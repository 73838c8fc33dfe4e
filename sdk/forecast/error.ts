/** What a ForecastError can be about. */
export type ForecastErrorCode =
  /** A constructor option is missing or out of range. */
  | "invalid-option"
  /** Saved state has the wrong length or impossible content; start without it. */
  | "invalid-state"
  /** A method was called with an argument out of range; nothing was changed. */
  | "invalid-argument";

/** Thrown by everything in the forecast; `code` says what kind, the message names field, value and what is accepted. */
export class ForecastError extends Error {
  override name = "ForecastError";
  code: ForecastErrorCode;

  constructor(code: ForecastErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
