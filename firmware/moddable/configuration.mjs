// What a build is configured with: the manifest's `config` and what the command line adds, held against the schema.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const firmware = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(firmware, "..", "dist");
/** What a device is told after it was built. */
const PROVISIONED = ["/serial", "/key/secret", "/broker/host", "/slots"];

/** What is wrong with a configuration, for people. */
export class Refused extends Error {}

/**
 * The schema of a device's configuration, with the product's own kinds of sensors in it: `kinds.schema.json` in the product's folder has, under `sensor` and
 * `identity`, the schema of each kind's description by the kind's name.
 *
 * @param {string} [product] its folder
 */
export function schemaOf(product) {
  const schema = JSON.parse(readFileSync(join(firmware, "config.schema.json"), "utf8"));
  const file = product === undefined ? "" : join(product, "kinds.schema.json");
  if (!existsSync(file)) return schema;
  for (const [place, kinds] of Object.entries(JSON.parse(readFileSync(file, "utf8"))))
    for (const [kind, description] of Object.entries(kinds)) {
      const choice = schema.$defs[place];
      if (choice?.properties?.kind?.enum === undefined)
        throw new Refused(`${file}: ${place}: "sensor" or "identity" is accepted`);
      choice.properties.kind.enum.push(kind);
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      choice.allOf.push({ if: { properties: { kind: { const: kind } } }, then: description });
    }
  return schema;
}

/** @returns a function that lists what a value has wrong: an array of `{ path, message }`, with no value in it. */
export async function validator(schema) {
  const { Ajv2020 } = await import("ajv/dist/2020.js");
  const validate = new Ajv2020({ allErrors: true, strictTypes: false, strictRequired: false }).compile(
    schema,
  );
  return (value) => {
    if (validate(value)) return [];
    return (
      validate.errors
        // The branch says what is wrong, not that there is one.
        .filter(({ keyword }) => keyword !== "if")
        .map(({ keyword, instancePath, params, message }) => {
          const name = params.missingProperty ?? params.additionalProperty;
          const path = name === undefined ? instancePath : `${instancePath}/${name}`;
          const allowed = params.allowedValues ? `: ${params.allowedValues.join(", ")}` : "";
          if (keyword === "required") return { path, keyword, message: "is missing" };
          if (keyword === "additionalProperties") return { path, keyword, message: "is not known" };
          if (keyword === "false schema")
            return { path, keyword, message: "is not accepted beside this sensor" };
          return { path, keyword, message: `${message}${allowed}` };
        })
    );
  };
}

/** As the device's check writes it: `slots[0].sensor.pin`. */
function dotted(path) {
  return path
    .slice(1)
    .replace(/\/(\d+)(?=\/|$)/g, "[$1]")
    .replaceAll("/", ".");
}

/**
 * The configuration that a build has: the manifest's and, before that, `KEY=VALUE` of the command line.
 *
 * @param {string} product its folder @param {object} manifest its manifest @param {readonly string[]} settings KEY=VALUE
 * @returns the device, as far as it is known
 * @throws {Refused}
 */
export async function checkedConfiguration(product, manifest, settings) {
  const module = join(dist, "firmware", "index.js");
  if (!existsSync(module)) throw new Refused(`${module} is missing: npm run build`);
  const { deviceOf } = await import(pathToFileURL(module));
  const { checkedSlots, refillAdvice } = {
    ...(await import(pathToFileURL(join(dist, "sdk", "slot.js")))),
    ...(await import(pathToFileURL(join(dist, "sdk", "index.js")))),
  };
  const given = Object.fromEntries(
    settings.map((setting) => [
      setting.slice(0, setting.indexOf("=")),
      setting.slice(setting.indexOf("=") + 1),
    ]),
  );
  let device;
  try {
    device = deviceOf({ ...manifest.config, ...given });
  } catch (error) {
    throw new Refused(error.message);
  }
  const validate = await validator(schemaOf(product));
  // As JSON: what is not there is undefined.
  const found = validate(JSON.parse(JSON.stringify(device))).filter(
    ({ keyword, path }) => !(keyword === "required" && PROVISIONED.includes(path)),
  );
  if (found.length > 0)
    throw new Refused(
      found.map(({ path, message }) => `configuration: ${dotted(path)}: ${message}`).join("\n"),
    );
  if (device.slots === undefined) return { advice: [] };
  try {
    // What no schema can say: fields that must fit together.
    checkedSlots(device.slots);
  } catch (error) {
    throw new Refused(`configuration: slots: ${error.message}`);
  }
  return {
    advice: device.slots.flatMap((slot) => refillAdvice(slot, slot.capacity / slot.ratedLife) ?? []),
  };
}
