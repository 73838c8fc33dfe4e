export type UplinkErrorCode =
  | "oversized" // longer than the protocol allows
  | "truncated" // shorter than its own structure says
  | "malformed" // not the canonical CBOR subset
  | "shape" // well-formed, but not a message
  | "range" // a field outside its bounds
  | "key" // unknown key number
  | "forged" // could not be opened with the key
  | "replayed" // sequence not above the last one; for receivers
  | "options";

/** Thrown by everything in `sdk/uplink`. `message` names the offending field, its value and what is accepted. */
export class UplinkError extends Error {
  override name = "UplinkError";
  readonly code: UplinkErrorCode;

  constructor(code: UplinkErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
