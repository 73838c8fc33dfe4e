/** Wrong use of the SDK by the product: an option or an argument that cannot be accepted. Thrown before anything has changed. */
export class EverfullError extends Error {
  override name = "EverfullError";
  readonly code: "options" | "argument" | "closed";

  constructor(code: "options" | "argument" | "closed", message: string) {
    super(message);
    this.code = code;
  }
}
