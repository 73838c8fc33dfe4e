import type { DeviceConfig } from "./config.js";
import type { Described, Kind, Rule, Rules } from "./wiring/kind.js";

/** A configuration that no device can start with. Nothing was opened. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly code = "configuration";
  /** Where, such as `slots[0].sensor.pin`; empty for the configuration itself. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(`configuration: ${path}${path === "" ? "" : ": "}${message}`);
    this.path = path;
  }
}

const rule = (accepted: string, accepts: (value: unknown) => boolean): Rule =>
  Object.freeze({ accepted, accepts });
const maybe = (of: Rule): Rule =>
  Object.freeze({ accepted: of.accepted, accepts: of.accepts, isOptional: true });

const TEXT = rule("a text", (value) => typeof value === "string");
const NUMBER = rule("a number", (value) => typeof value === "number");
const OBJECT = rule(
  "an object",
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);
const LIST = rule("an array", (value) => Array.isArray(value));
const OPTIONAL_NUMBER = maybe(NUMBER);

const KEY_DIGITS = 64;
/** Its value is never shown. */
const SECRET = rule(
  `${KEY_DIGITS} hexadecimal digits`,
  (value) => typeof value === "string" && value.length === KEY_DIGITS && /^[0-9a-fA-F]*$/.test(value),
);
/** Its value is never shown either. */
const PASSWORD = maybe(
  rule(
    "1 to 64 printable ASCII characters without spaces",
    (value) => typeof value === "string" && /^[!-~]{1,64}$/.test(value),
  ),
);

/*
 * What the SDK takes is checked by the SDK, to the bounds; here is only that there is what it takes, and nothing that nobody takes: a field that is
 * misspelt would pass for one that was left out.
 */
const DEVICE: Rules = Object.freeze({
  serial: TEXT,
  model: maybe(TEXT),
  key: OBJECT,
  broker: OBJECT,
  utcOffsetMinutes: NUMBER,
  slots: LIST,
});
const KEY: Rules = Object.freeze({ number: NUMBER, secret: SECRET });
const BROKER: Rules = Object.freeze({ host: TEXT, port: NUMBER, password: PASSWORD });
const SLOT: Rules = Object.freeze({
  id: TEXT,
  unit: TEXT,
  stepsPerUnit: NUMBER,
  capacity: NUMBER,
  refill: NUMBER,
  opening: OPTIONAL_NUMBER,
  ratedLife: NUMBER,
  smallestUse: OPTIONAL_NUMBER,
  noise: OPTIONAL_NUMBER,
  sensing: maybe(TEXT),
  policy: maybe(OBJECT),
  sensor: OBJECT,
  identity: maybe(OBJECT),
});
const POLICY: Rules = Object.freeze({
  leadDays: OPTIONAL_NUMBER,
  reserveDays: OPTIONAL_NUMBER,
  epsilon: OPTIONAL_NUMBER,
  graceDays: OPTIONAL_NUMBER,
  unknownClockShare: OPTIONAL_NUMBER,
});
const KIND: Rules = Object.freeze({ kind: TEXT });

type Fields = Readonly<Record<string, unknown>>;

function refuse(path: string, accepted: string, of: Rule | undefined, value: unknown): never {
  const shown =
    of === SECRET || of === PASSWORD || (typeof value === "object" && value !== null)
      ? ""
      : ` (got ${typeof value === "string" ? `"${value}"` : String(value)})`;
  throw new ConfigError(path, `${accepted} is accepted${shown}`);
}

function checkFields(path: string, value: unknown, rules: Rules, more?: Rules): Fields {
  if (!OBJECT.accepts(value)) refuse(path, OBJECT.accepted, undefined, value);
  const fields = value as Fields;
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  for (const name of Object.keys(fields))
    if (!Object.hasOwn(rules, name) && !(more && Object.hasOwn(more, name)))
      throw new ConfigError(at(name), "not known");
  for (const each of more ? [rules, more] : [rules])
    for (const name of Object.keys(each)) {
      const of = each[name]!;
      const field = fields[name];
      if (field === undefined) {
        if (!of.isOptional) throw new ConfigError(at(name), `missing; ${of.accepted} is accepted`);
      } else if (!of.accepts(field)) refuse(at(name), of.accepted, of, field);
    }
  return fields;
}

function checkWiring(
  path: string,
  value: unknown,
  kinds: readonly Kind[],
  place: Kind["place"],
): Kind | undefined {
  if (value === undefined) return undefined;
  const { kind } = value as Fields;
  const found = kinds.find((one) => one.kind === kind && one.place === place);
  if (!found) {
    const known = kinds.filter((one) => one.place === place).map((one) => one.kind);
    return refuse(`${path}.kind`, `one of [${known.join(", ")}]`, undefined, kind);
  }
  checkFields(path, value, KIND, found.rules);
  const conflict = found.conflict?.(value as Described);
  if (conflict) {
    const [field, accepted] = conflict;
    refuse(`${path}.${field}`, accepted, undefined, (value as Fields)[field]);
  }
  return found;
}

function checkSlot(path: string, value: unknown, kinds: readonly Kind[]): void {
  const slot = checkFields(path, value, SLOT);
  if (slot.policy !== undefined) checkFields(`${path}.policy`, slot.policy, POLICY);
  const sensor = checkWiring(`${path}.sensor`, slot.sensor, kinds, "sensor")!;
  const identity = checkWiring(`${path}.identity`, slot.identity, kinds, "identity");
  if (identity && sensor.seesRefills)
    throw new ConfigError(`${path}.identity`, `nothing is accepted, as a ${sensor.kind} sees refills itself`);
}

/**
 * The configuration of a device, as far as the SDK does not check it when it is made.
 *
 * @param kinds what the product's slots can be wired to
 * @throws {ConfigError} naming the field, its value unless it is a secret, and what is accepted
 */
export function checkedDevice(value: unknown, kinds: readonly Kind[]): DeviceConfig {
  const device = checkFields("", value, DEVICE);
  checkFields("key", device.key, KEY);
  checkFields("broker", device.broker, BROKER);
  (device.slots as readonly unknown[]).forEach((slot, index) => {
    checkSlot(`slots[${index}]`, slot, kinds);
  });
  return value as DeviceConfig;
}

/** Bytes of a text of hexadecimal digits. */
export function bytesOfHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
