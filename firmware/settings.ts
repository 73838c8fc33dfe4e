import type { DeviceConfig, SlotConfig } from "./config.js";

/** `config` of the firmware's manifest. What is given on the command line of mcconfig is text there. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a setting is that must be text. @throws {Error} naming the setting and what is accepted; its value is not repeated, as it may be a secret */
export function textOf(settings: Settings, name: string, absent?: string): string {
  const value = settings[name] ?? absent;
  if (typeof value !== "string" || value === "")
    throw new Error(`configuration: ${name}: a text is accepted`);
  return value;
}

/** @throws {Error} naming the setting, its value and what is accepted */
export function numberOf(settings: Settings, name: string, absent?: number): number {
  const value = settings[name] ?? absent;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number))
    throw new Error(`configuration: ${name}: a number is accepted (got ${value})`);
  return number;
}

/** @throws {Error} naming the setting, its value and what is accepted */
export function flagOf(settings: Settings, name: string, absent: boolean): boolean {
  const value = settings[name] ?? absent;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw new Error(`configuration: ${name}: true or false is accepted (got ${value})`);
}

/** An object or array of the manifest, or its JSON from the command line. @throws {Error} naming the setting */
export function jsonOf<Value>(settings: Settings, name: string): Value | undefined {
  const value = settings[name];
  if (typeof value !== "string") return value as Value | undefined;
  try {
    return JSON.parse(value) as Value;
  } catch {
    throw new Error(`configuration: ${name}: JSON is accepted`);
  }
}

/** The device of these settings. What the SDK checks itself, such as the fields of a slot, is not checked here. @throws {Error} */
export function deviceOf(settings: Settings): DeviceConfig {
  const slots = jsonOf<readonly SlotConfig[]>(settings, "slots");
  if (!Array.isArray(slots)) throw new Error("configuration: slots: an array is accepted");
  return {
    serial: textOf(settings, "serial"),
    key: { number: numberOf(settings, "keyNumber", 1), secret: textOf(settings, "keySecret") },
    broker: { host: textOf(settings, "brokerHost"), port: numberOf(settings, "brokerPort", 1883) },
    utcOffsetMinutes: numberOf(settings, "utcOffsetMinutes", 0),
    slots,
  };
}

/** Addresses of DNS servers: a text with one, or several separated by commas. */
export function serversOf(settings: Settings): readonly string[] {
  return textOf(settings, "dns", "1.1.1.1").split(",");
}
