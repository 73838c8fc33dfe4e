/** What went wrong in the program that runs the sandbox; a device's own mistakes are answered over HTTP. */
export type SandboxErrorCode =
  /** an option, or what `plan` returned, is out of range */
  | "BAD_OPTION"
  /** no device has that serial */
  | "UNKNOWN_DEVICE"
  /** no model has that id */
  | "UNKNOWN_MODEL"
  /** the device has no slot of that id */
  | "UNKNOWN_SLOT"
  /** the host or port cannot be listened on; `cause` has the system's error */
  | "LISTEN_FAILED";

/** Thrown by {@link startSandbox} and by the methods of a running sandbox. */
export class SandboxError extends Error {
  override name = "SandboxError";
  readonly code: SandboxErrorCode;

  constructor(code: SandboxErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
