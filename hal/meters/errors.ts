/**
 * - `options`: the constructor's options are unusable
 * - `calibration`: what was measured makes no calibration: measure again
 *
 * `update` never throws: a bad sample is ignored.
 */
export type MeterErrorCode = "options" | "calibration";

export class MeterError extends Error {
  override name = "MeterError";
  readonly code: MeterErrorCode;

  constructor(code: MeterErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws unless `value` is a number that `accepts` takes; `accepted` says which those are. */
export function checkOption(
  meter: string,
  field: string,
  value: unknown,
  accepted: string,
  accepts: (value: number) => boolean,
): void {
  if (typeof value !== "number" || !accepts(value))
    throw new MeterError(
      "options",
      `${meter}: ${field} must be ${accepted} (got ${typeof value === "object" ? "an object" : String(value)})`,
    );
}

export function isPositive(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

export function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
