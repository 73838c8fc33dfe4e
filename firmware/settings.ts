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

/** What was text on the command line. */
function numeric(value: unknown): unknown {
  return typeof value === "string" && value !== "" ? Number(value) : value;
}

/**
 * The device of these settings, a `DeviceConfig` if they are right, which `checkedDevice` finds out: `keySecret` is its `key.secret`, and so on.
 *
 * @throws {Error} `slots` is a text that is no JSON
 */
export function deviceOf(settings: Settings): Settings {
  return {
    serial: settings.serial,
    ...(settings.model === undefined ? {} : { model: settings.model }),
    key: { number: numeric(settings.keyNumber ?? 1), secret: settings.keySecret },
    broker: {
      host: settings.brokerHost,
      port: numeric(settings.brokerPort ?? 1883),
      ...(settings.brokerPassword === undefined ? {} : { password: settings.brokerPassword }),
    },
    utcOffsetMinutes: numeric(settings.utcOffsetMinutes ?? 0),
    slots: jsonOf(settings, "slots"),
  };
}

/** Addresses of DNS servers: a text with one, or several separated by commas. */
export function serversOf(settings: Settings): readonly string[] {
  return textOf(settings, "dns", "1.1.1.1").split(",");
}
