export type UpdateErrorCode =
  | "description" // not an image description
  | "options";

/** Thrown by everything in `sdk/update`. `message` names the offending field, its value and what is accepted. */
export class UpdateError extends Error {
  override name = "UpdateError";
  readonly code: UpdateErrorCode;

  constructor(code: UpdateErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
