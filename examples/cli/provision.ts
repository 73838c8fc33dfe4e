import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GatewayDevice } from "../gateway/options.js";
import type { Batch } from "../provision/batch.js";
import { type Command, UsageError } from "./usage.js";

const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;
const BROKER_PORT = 8883;

/** The folder cannot be written, or is there already. */
class ProvisionError extends Error {
  override name = "ProvisionError";
  readonly code = "provision";
}

/** `everfull provision`: identities for a batch of devices. What is secret goes to files of their own, and nowhere else. */
export function provisionCommand(): Command {
  return {
    name: "provision",
    about: "Make identities for a batch of devices: keys, broker accounts, set-up lines, the gateway's file",
    options: [
      { name: "serials", value: "FILE", about: "required: the devices' serials, one on a line" },
      { name: "model", value: "MODEL", about: "required: their model id at Amazon" },
      {
        name: "slots",
        value: "FILE",
        about: "required: their slots as in the gateway's devices file: a JSON list",
      },
      {
        name: "broker",
        value: "HOST[:PORT]",
        about: `required: where the devices find the broker (port ${BROKER_PORT})`,
      },
      { name: "utc-offset", value: "MINUTES", about: "ahead of UTC at the customers' place (default 0)" },
      { name: "key-number", value: "N", about: "number of their keys, 0 to 255 (default 1)" },
      {
        name: "no-gateway",
        about: "make no account for the gateway at the broker: an earlier batch has one",
      },
      {
        name: "out",
        value: "FOLDER",
        about: "required: is made, and gets everything; one that is there is not touched",
      },
    ],
    async run(values, terminal) {
      const { readSerials, wrongModel } = await import("../provision/serials.js");
      const { makeBatch } = await import("../provision/batch.js");
      const { checkDevice } = await import("../gateway/options.js");
      const model = required(values, "model");
      const wrong = wrongModel(model);
      if (wrong) throw new UsageError(`--model: ${wrong}`);
      const serials = within("serials", () => readSerials(read(values, "serials")));
      const slots = within("slots", () => JSON.parse(read(values, "slots")) as GatewayDevice["slots"]);
      if (!Array.isArray(slots)) throw new UsageError("--slots: a JSON list is accepted");
      const utcOffsetMinutes = whole(values, "utc-offset", 0);
      const keyNumber = whole(values, "key-number", 1);
      const key = { number: keyNumber, secret: new Uint8Array(32) };
      within("slots", () => checkDevice({ serial: serials[0]!, model, key, slots, utcOffsetMinutes }));
      const broker = hostAndPort(required(values, "broker"));
      const out = required(values, "out");
      // Before keys are made, which takes its time.
      if (existsSync(out)) throw new ProvisionError(`--out: ${out} is there already, and is not touched`);
      const withGateway = !values.has("no-gateway");
      const batch = makeBatch({ serials, model, slots, utcOffsetMinutes, keyNumber, broker, withGateway });
      write(out, batch);
      const lines = [
        `devices.json       ${serials.length} devices, for everfull gateway --devices`,
        `setup/             ${serials.length} files: the lines that set each device up`,
        "passwords          for mosquitto's password_file",
      ];
      if (withGateway) lines.push("gateway-password   for everfull gateway --broker-password-file");
      terminal.out(`In ${out}, for its owner alone:\n${lines.map((line) => `  ${line}\n`).join("")}`);
      return 0;
    },
  };
}

/** All of it or nothing. @throws {ProvisionError} */
function write(out: string, batch: Batch): void {
  try {
    mkdirSync(out, { mode: OWNER_ONLY_FOLDER });
  } catch (error) {
    throw new ProvisionError(`--out: cannot be made: ${(error as Error).message}`);
  }
  try {
    const put = (name: string, text: string) =>
      writeFileSync(join(out, name), text, { mode: OWNER_ONLY, flag: "wx" });
    mkdirSync(join(out, "setup"), { mode: OWNER_ONLY_FOLDER });
    for (const [serial, text] of batch.setups) put(join("setup", `${serial}.jsonl`), text);
    put("passwords", batch.passwords);
    if (batch.gatewayPassword !== undefined) put("gateway-password", batch.gatewayPassword);
    put("devices.json", batch.devices);
  } catch (error) {
    rmSync(out, { recursive: true, force: true });
    throw new ProvisionError(`--out: cannot be written: ${(error as Error).message}`);
  }
}

function required(values: ReadonlyMap<string, string>, name: string): string {
  const value = values.get(name);
  if (!value) throw new UsageError(`--${name} is required`);
  return value;
}

function read(values: ReadonlyMap<string, string>, name: string): string {
  return readFileSync(required(values, name), "utf8");
}

/** @throws {UsageError} with the option before what is wrong */
function within<Value>(name: string, task: () => Value): Value {
  try {
    return task();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--${name}: ${(error as Error).message}`);
  }
}

/** Its bounds are checked with the device. */
function whole(values: ReadonlyMap<string, string>, name: string, absent: number): number {
  const text = values.get(name);
  if (text === undefined) return absent;
  if (!/^-?\d{1,5}$/.test(text))
    throw new UsageError(`--${name}: a whole number is accepted (got "${text}")`);
  return Number(text);
}

/** What the device's set-up accepts. */
function hostAndPort(text: string): { host: string; port: number } {
  const found = /^([A-Za-z0-9.-]{1,253})(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[2] ?? BROKER_PORT);
  if (!found || port < 1 || port > 65_535)
    throw new UsageError(`--broker: HOST or HOST:PORT is accepted (got "${text}")`);
  return { host: found[1]!, port };
}
