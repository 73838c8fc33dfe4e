import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { sharedKey } from "everfull";
import type { GatewayDevice, GatewaySlot } from "../gateway/options.js";
import { passwordLine } from "./mosquitto-password.js";

/** The gateways' account at the broker, see `examples/gateway/mosquitto/acl`. */
export const GATEWAY_USER = "everfull.gateway";

const PASSWORD_BYTES = 24;
/** What people copy from a label: without what looks alike. A power of two, so that each is as likely as the other. */
const LABEL = "abcdefghijkmnpqrstuvwxyz23456789";
const LABEL_LENGTH = 16;

/** What the devices of a batch have in common, and their serials. */
export interface BatchOptions {
  readonly serials: readonly string[];
  readonly model: string;
  readonly slots: readonly GatewaySlot[];
  readonly utcOffsetMinutes: number;
  /** Number of the devices' keys, 0 to 255. */
  readonly keyNumber: number;
  readonly broker: { readonly host: string; readonly port: number };
  /** Whether the gateways get their account with this batch. */
  readonly withGateway: boolean;
}

/** Texts of files, each to be kept from everybody but its one reader. */
export interface Batch {
  /** For `everfull gateway --devices`. */
  readonly devices: string;
  /** By serial: the lines that set the device up, see `hal/boards/README.md`. */
  readonly setups: ReadonlyMap<string, string>;
  /** For mosquitto's `password_file`: hashes. */
  readonly passwords: string;
  /** For `everfull gateway --broker-password-file`. */
  readonly gatewayPassword: string | undefined;
}

/**
 * Makes the identities of a batch. Each device and its gateway get a fresh pair of X25519 keys of which nothing is kept but the key that they share: whoever gets hold
 * of one device's knows nothing of another's.
 */
export function makeBatch(options: BatchOptions): Batch {
  const registered: object[] = [];
  const setups = new Map<string, string>();
  const passwords: string[] = [];
  for (const serial of options.serials) {
    const secret = Buffer.from(freshKey());
    const brokerPassword = randomBytes(PASSWORD_BYTES).toString("base64url");
    registered.push(gatewayDevice(serial, secret, options));
    passwords.push(passwordLine(serial, brokerPassword));
    const lines = [
      { serial, keySecret: secret.toString("hex"), keyNumber: options.keyNumber },
      { brokerHost: options.broker.host, brokerPort: options.broker.port, brokerPassword },
      { setupPassword: label() },
    ];
    setups.set(serial, lines.map((set) => `${JSON.stringify({ set })}\n`).join(""));
  }
  const gatewayPassword = options.withGateway ? randomBytes(PASSWORD_BYTES).toString("base64url") : undefined;
  if (gatewayPassword !== undefined) passwords.push(passwordLine(GATEWAY_USER, gatewayPassword));
  return {
    devices: `${JSON.stringify({ devices: registered }, undefined, 2)}\n`,
    setups,
    passwords: passwords.map((line) => `${line}\n`).join(""),
    gatewayPassword: gatewayPassword === undefined ? undefined : `${gatewayPassword}\n`,
  };
}

type InFile = Omit<GatewayDevice, "key"> & {
  readonly key: { readonly number: number; readonly secret: string };
};

function gatewayDevice(
  serial: string,
  secret: Buffer,
  { model, keyNumber, utcOffsetMinutes, slots }: BatchOptions,
): InFile {
  return {
    serial,
    model,
    key: { number: keyNumber, secret: secret.toString("base64") },
    utcOffsetMinutes,
    slots,
  };
}

/** The key shared by two sides that were made for it. */
export function freshKey(): Uint8Array {
  const device = generateKeyPairSync("x25519");
  const gateway = generateKeyPairSync("x25519");
  return sharedKey(part(device.publicKey, "x"), part(gateway.privateKey, "d"));
}

function part(key: KeyObject, name: "x" | "d"): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: "jwk" })[name]!, "base64url"));
}

function label(): string {
  return [...randomBytes(LABEL_LENGTH)].map((byte) => LABEL[byte % LABEL.length]).join("");
}
