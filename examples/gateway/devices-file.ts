import { readFileSync } from "node:fs";
import type { UplinkKey } from "everfull";
import { GatewayError, reason } from "./errors.js";
import type { AlexaModel, DeviceModel, DeviceModels, Measurement, SlotSensor } from "./models.js";
import type { GatewayDevice, GatewaySlot } from "./options.js";

const SECRET_BYTES = 32;

export interface DevicesFile {
  readonly devices: readonly GatewayDevice[];
  readonly models: DeviceModels;
}

/**
 * Reads devices from a JSON file, `{"devices": [...], "models": {...}}`: members as in {@link GatewayDevice} and {@link DeviceModels}, keys' secrets
 * in base64; `models` may be missing. Members that it does not
 * know are refused: a misspelt one would else be missing without a word.
 *
 * @throws {GatewayError} `options`: the file, the member and what is accepted; never what the file says, which may be a secret
 */
export function readDevices(file: string): DevicesFile {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    // The parser quotes the text.
    const why = error instanceof SyntaxError ? "it is not JSON" : reason(error);
    throw new GatewayError("options", `devices file ${file}: cannot be read: ${why}`);
  }
  const top = new Reader(file, "", json);
  const devices = top.list("devices").map(device);
  const models = top.has("models") ? top.object("models").each(model) : {};
  top.end();
  return { devices, models };
}

function device(from: Reader): GatewayDevice {
  const read: GatewayDevice = {
    serial: from.text("serial"),
    model: from.text("model"),
    key: key(from.object("key")),
    ...(from.has("oldKey") ? { oldKey: key(from.object("oldKey")) } : {}),
    ...from.optional("refreshToken"),
    ...from.optional("accessToken"),
    utcOffsetMinutes: from.number("utcOffsetMinutes"),
    slots: from.list("slots").map(slot),
  };
  from.end();
  return read;
}

function key(from: Reader): UplinkKey {
  const read = { number: from.number("number"), secret: from.bytes("secret", SECRET_BYTES) };
  from.end();
  return read;
}

function slot(from: Reader): GatewaySlot {
  const read: GatewaySlot = {
    id: from.text("id"),
    unit: from.text("unit"),
    stepsPerUnit: from.number("stepsPerUnit"),
    capacity: from.number("capacity"),
    refill: from.number("refill"),
  };
  from.end();
  return read;
}

function model(from: Reader): DeviceModel {
  const service = from.oneOf("service", ["drs", "alexa"]);
  if (service === "drs") {
    from.end();
    return { service };
  }
  const read: AlexaModel = {
    service,
    name: from.text("name"),
    description: from.text("description"),
    manufacturer: from.text("manufacturer"),
    ...(from.has("displayCategories") ? { displayCategories: from.texts("displayCategories") } : {}),
    sensors: from.object("sensors").each(sensor),
  };
  from.end();
  return read;
}

function sensor(from: Reader): SlotSensor {
  const read: SlotSensor = {
    interface: from.oneOf("interface", ["level", "usage"]),
    instance: from.text("instance"),
    measurement: from.oneOf<Measurement>("measurement", ["Count", "Percentage", "Volume", "Weight"]),
    ...from.optional("unit"),
    ...from.optional("replenishmentId"),
    names: from.object("names").eachText(),
  };
  from.end();
  return read;
}

/** Takes the members of an object one by one. */
class Reader {
  readonly #file: string;
  readonly #path: string;
  readonly #members: Map<string, unknown>;

  constructor(file: string, path: string, value: unknown) {
    this.#file = file;
    this.#path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.#refuse("", "an object");
    this.#members = new Map(Object.entries(value as object));
  }

  text(name: string): string {
    const value = this.#take(name);
    return typeof value === "string" ? value : this.#refuse(name, "a text");
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** A text, as the member of an object, unless it is not there. */
  optional<Name extends string>(name: Name): { readonly [name in Name]?: string } {
    return this.#members.has(name) ? ({ [name]: this.text(name) } as { [name in Name]: string }) : {};
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#take(name);
    return choices.find((choice) => choice === value) ?? this.#refuse(name, choices.join(" or "));
  }

  texts(name: string): string[] {
    const value = this.#take(name);
    const isTexts = Array.isArray(value) && value.every((each) => typeof each === "string");
    return isTexts ? value : this.#refuse(name, "a list of texts");
  }

  /** All members, whatever their names, read alike. */
  each<Value>(read: (from: Reader) => Value): Record<string, Value> {
    const names = [...this.#members.keys()];
    return Object.fromEntries(names.map((name) => [name, read(this.object(name))]));
  }

  eachText(): Record<string, string> {
    const names = [...this.#members.keys()];
    return Object.fromEntries(names.map((name) => [name, this.text(name)]));
  }

  number(name: string): number {
    const value = this.#take(name);
    return typeof value === "number" ? value : this.#refuse(name, "a number");
  }

  bytes(name: string, length: number): Uint8Array {
    const bytes = Buffer.from(this.text(name), "base64");
    return bytes.length === length ? new Uint8Array(bytes) : this.#refuse(name, `${length} bytes in base64`);
  }

  object(name: string): Reader {
    return new Reader(this.#file, this.#at(name), this.#take(name));
  }

  list(name: string): Reader[] {
    const value = this.#take(name);
    if (!Array.isArray(value)) return this.#refuse(name, "a list");
    return value.map((each, index) => new Reader(this.#file, `${this.#at(name)}[${index}]`, each));
  }

  /** Nothing else is there. */
  end(): void {
    for (const name of this.#members.keys()) this.#refuse(name, "nothing of this name");
  }

  #take(name: string): unknown {
    const value = this.#members.get(name);
    this.#members.delete(name);
    return value;
  }

  #at(name: string): string {
    return [this.#path, name].filter(Boolean).join(".");
  }

  #refuse(name: string, accepted: string): never {
    const where = this.#at(name) || "the top";
    throw new GatewayError("options", `devices file ${this.#file}: ${where}: ${accepted} is accepted`);
  }
}
