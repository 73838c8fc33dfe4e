import { toText } from "../desktop/text.js";

/** What can be set up on the spot, by the names of the firmware's configuration. */
export interface Field {
  /** What is accepted, for whoever sets it. */
  readonly accepted: string;
  /** Is never told to anyone: only whether it is set. */
  readonly isSecret: boolean;
  /** What is set together: a part that is not given is then not set either, whatever the configuration has. */
  readonly group: "identity" | "broker" | "wifi" | "setup";
  accepts(value: unknown): boolean;
}

const isText = (pattern: RegExp) => (value: unknown) => typeof value === "string" && pattern.test(value);
const isWhole = (least: number, most: number) => (value: unknown) =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;

const PASSPHRASE = "8 to 63 printable ASCII characters";

export const FIELDS: Readonly<Record<string, Field>> = Object.freeze({
  serial: {
    accepted: "1 to 64 of A-Z a-z 0-9 - _",
    isSecret: false,
    group: "identity",
    accepts: isText(/^[A-Za-z0-9_-]{1,64}$/),
  },
  keySecret: {
    accepted: "64 hexadecimal digits",
    isSecret: true,
    group: "identity",
    accepts: isText(/^[0-9A-Fa-f]{64}$/),
  },
  keyNumber: {
    accepted: "a whole number from 0 to 255",
    isSecret: false,
    group: "identity",
    accepts: isWhole(0, 255),
  },
  brokerHost: {
    accepted: "a host name or address",
    isSecret: false,
    group: "broker",
    accepts: isText(/^[A-Za-z0-9.-]{1,253}$/),
  },
  brokerPort: {
    accepted: "a whole number from 1 to 65535",
    isSecret: false,
    group: "broker",
    accepts: isWhole(1, 65535),
  },
  brokerPassword: {
    accepted: "1 to 64 printable ASCII characters without spaces",
    isSecret: true,
    group: "broker",
    accepts: isText(/^[!-~]{1,64}$/),
  },
  wifiSSID: {
    accepted: "1 to 32 bytes",
    isSecret: false,
    group: "wifi",
    // A NUL ends it for the platform.
    accepts: (value) =>
      typeof value === "string" && value !== "" && !value.includes("\0") && bytesOf(value) <= 32,
  },
  wifiPassword: {
    accepted: `${PASSPHRASE}, or 64 hexadecimal digits`,
    isSecret: true,
    group: "wifi",
    accepts: isText(/^(?:[ -~]{8,63}|[0-9A-Fa-f]{64})$/),
  },
  setupPassword: { accepted: PASSPHRASE, isSecret: true, group: "setup", accepts: isText(/^[ -~]{8,63}$/) },
});

/** Bytes in UTF-8; more than any field has when it has none. */
function bytesOf(text: string): number {
  try {
    return toText(text).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The field of this name; undefined for any other, such as the name of something that every object has. */
export function fieldOf(name: string): Field | undefined {
  return Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
}
