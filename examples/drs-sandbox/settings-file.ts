import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { SandboxError } from "./errors.js";
import type { SandboxOptions } from "./types.js";

/** What a file can say, by the names that it has in {@link SandboxOptions}. */
export type SandboxSettings = Pick<
  SandboxOptions,
  | "devices"
  | "models"
  | "customers"
  | "lwa"
  | "notificationVersion"
  | "signatureVersion"
  | "handshake"
  | "cancelTestOrderNotifies"
>;

const text = { type: "string" } as const;
const number = { type: "number" } as const;
const flag = { type: "boolean" } as const;
const list = (items: object) => ({ type: "array", items });
const record = (
  required: Readonly<Record<string, object>>,
  optional: Readonly<Record<string, object>> = {},
) => ({
  type: "object",
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});

const product = record({ asin: text, unit: text, quantity: number }, { title: text, price: text });
const SCHEMA = record(
  {},
  {
    devices: list(
      record(
        {
          serial: text,
          model: text,
          slots: list(record({ id: text, asin: text, unit: text, quantity: number, subscribed: flag })),
        },
        { accessToken: text, refreshToken: text, customerId: text, notificationUrl: text, isTest: flag },
      ),
    ),
    models: list(
      record(
        { id: text, slots: list(record({ id: text, products: list(product) }, { name: text })) },
        {
          name: text,
          clientId: text,
          compositeId: text,
          isLive: flag,
          notificationUrl: text,
          notificationVersion: text,
        },
      ),
    ),
    customers: list(
      record(
        { name: text },
        { id: text, addresses: list(text), payments: list(record({ label: text }, { isGood: flag })) },
      ),
    ),
    lwa: list(
      record(
        { clientId: text, clientSecret: text },
        { name: text, returnUrls: list(text), codeLifetime: number, lifetime: number, rotate: flag },
      ),
    ),
    notificationVersion: text,
    signatureVersion: text,
    handshake: flag,
    cancelTestOrderNotifies: flag,
  },
);

/**
 * Reads the sandbox's settings from a JSON file. Members that it does not know are refused: a misspelt one would else be missing
 * without a word.
 *
 * @throws SandboxError BAD_OPTION: the file, the member and what is accepted
 */
export function readSettings(file: string): SandboxSettings {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new SandboxError("BAD_OPTION", `${file}: cannot be read: ${(error as Error).message}`);
  }
  const validate = new Ajv({ strict: true }).compile(SCHEMA);
  if (!validate(json)) {
    const { instancePath = "", message, params } = validate.errors?.[0] ?? {};
    const name = params?.additionalProperty === undefined ? "" : ` (${params.additionalProperty})`;
    throw new SandboxError("BAD_OPTION", `${file}: ${instancePath || "the top"}: ${message}${name}`);
  }
  const settings = json as Partial<SandboxSettings>;
  return { ...settings, devices: settings.devices ?? [] };
}
