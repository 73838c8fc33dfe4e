import { readFileSync } from "node:fs";
import { GatewayError, reason } from "./errors.js";
import type { GatewayDevice, GatewaySlot } from "./options.js";

const SECRET_BYTES = 32;

/**
 * Reads devices from a JSON file, `{"devices": [...]}`: members as in {@link GatewayDevice}, the key's secret in base64. Members that it does not
 * know are refused: a misspelt one would else be missing without a word.
 *
 * @throws {GatewayError} `options`: the file, the member and what is accepted; never what the file says, which may be a secret
 */
export function readDevices(file: string): GatewayDevice[] {
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
  top.end();
  return devices;
}

function device(from: Reader): GatewayDevice {
  const key = from.object("key");
  const read: GatewayDevice = {
    serial: from.text("serial"),
    model: from.text("model"),
    key: { number: key.number("number"), secret: key.bytes("secret", SECRET_BYTES) },
    ...from.optional("refreshToken"),
    ...from.optional("accessToken"),
    utcOffsetMinutes: from.number("utcOffsetMinutes"),
    slots: from.list("slots").map(slot),
  };
  key.end();
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

  /** A text, as the member of an object, unless it is not there. */
  optional<Name extends string>(name: Name): { readonly [name in Name]?: string } {
    return this.#members.has(name) ? ({ [name]: this.text(name) } as { [name in Name]: string }) : {};
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
