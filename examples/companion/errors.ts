export type CompanionErrorCode =
  | "listen" // the address cannot be listened on
  | "gateway" // it refuses, see `reason`, or gives no answer
  | "link"; // the device cannot be reached

export class CompanionError extends Error {
  override name = "CompanionError";
  readonly code: CompanionErrorCode;
  /** Of `gateway`: its own code, such as `not-registered`; `unavailable` without an answer. */
  readonly reason: string;

  constructor(code: CompanionErrorCode, message: string, reason = "") {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}
