export type GatewayErrorCode =
  | "options" // a field of the options is not acceptable
  | "broker" // the MQTT broker cannot be reached, or refuses the connection or the subscription
  | "database" // the data directory cannot be opened, or was written by a newer version
  | "endpoint" // the notification endpoint cannot listen
  | "refused" // Login with Amazon does not take a code
  | "unavailable" // something that is needed is not set up, or does not answer for the moment
  | "image" // what is offered is no image's description, or the device is not registered
  | "settings"; // settings that no device can have, or of a device that is not registered

/**
 * Thrown by `startGateway` and the methods of a gateway. `message` names the field or address, and never holds a token, a key or a
 * password.
 */
export class GatewayError extends Error {
  override name = "GatewayError";
  readonly code: GatewayErrorCode;

  constructor(code: GatewayErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** A short text for anything that was thrown. Connection errors often carry a code and an empty message. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== "") return error.message;
  return "code" in error ? String(error.code) : error.name;
}
