import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { decodeDescription, encodeDescription, encodeUnsigned, LEAST_IMAGE } from "everfull/update";
import type { Terminal } from "./terminal.js";
import { type Command, UsageError } from "./usage.js";

/** First byte of an image of ESP-IDF, and where its header names the chip. */
const MAGIC = 0xe9;
const CHIP_AT = 12;
/** As ESP-IDF numbers them. */
const CHIPS: Readonly<Record<number, string>> = {
  0: "ESP32",
  2: "ESP32-S2",
  5: "ESP32-C3",
  9: "ESP32-S3",
  12: "ESP32-C2",
  13: "ESP32-C6",
  16: "ESP32-H2",
};
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const MOST_WORD = 0xffffffff;
const MOST_KEY = 22;

/** Something is wrong with a file; the message says what to do. */
class ImageError extends Error {
  override name = "ImageError";
  readonly code = "image";
}

/** `everfull image-key`: the maker's key, once. */
export function imageKeyCommand(): Command {
  return {
    name: "image-key",
    about: "Make the key that a device maker signs images with: once, and keep it offline",
    options: [
      {
        name: "out",
        value: "FILE",
        about: "required: the private key is written there, for its owner alone",
      },
    ],
    async run(values, terminal) {
      const file = required(values, "out");
      const { publicKey, privateKey } = generateKeyPairSync("ed25519");
      create(file, privateKey.export({ format: "pem", type: "pkcs8" }).toString(), OWNER_ONLY);
      terminal.out(`public key: ${raw(publicKey).toString("hex")}\n`);
      terminal.err(
        `The private key is in ${file}. Who has it, has every device; without it there is no update.\n`,
      );
      return 0;
    },
  };
}

/** `everfull image-sign`: the description of an image, which devices are offered. */
export function imageSignCommand(): Command {
  return {
    name: "image-sign",
    about: "Describe and sign an image of the firmware for updates over the air",
    options: [
      { name: "image", value: "FILE", about: "required: the application as ESP-IDF builds it (.bin)" },
      { name: "key", value: "FILE", about: "required: the maker's private key, see image-key" },
      { name: "product", value: "N", about: "required: the maker's number of the product, 0 to 4294967295" },
      { name: "version", value: "N", about: "required: from 1; above that of every image before it" },
      { name: "from", value: "N", about: "lowest version that it may replace (default 0: any)" },
      {
        name: "key-number",
        value: "N",
        about: "number of the key in the devices' list, 0 to 22 (default 0)",
      },
      { name: "out", value: "FILE", about: "required: the description is written there" },
    ],
    async run(values, terminal) {
      const settings = {
        image: required(values, "image"),
        key: required(values, "key"),
        out: required(values, "out"),
        product: whole(values, "product", MOST_WORD, 0),
        version: whole(values, "version", MOST_WORD, 1),
        from: whole(values, "from", MOST_WORD, 0, 0),
        number: whole(values, "key-number", MOST_KEY, 0, 0),
      };
      if (settings.from >= settings.version)
        throw new UsageError(
          `--from: a version below ${settings.version} is accepted (got ${settings.from})`,
        );
      return describe(settings, terminal);
    },
  };
}

interface Settings {
  readonly image: string;
  readonly key: string;
  readonly out: string;
  readonly product: number;
  readonly version: number;
  readonly from: number;
  readonly number: number;
}

function describe(settings: Settings, terminal: Terminal): number {
  const image = readFileSync(settings.image);
  if (image.length < LEAST_IMAGE || image[0] !== MAGIC)
    throw new ImageError(
      `${settings.image}: not an application image of ESP-IDF (it begins with 0xE9 and has ${LEAST_IMAGE} bytes at least)`,
    );
  const chip = image.readUInt16LE(CHIP_AT);
  const key = privateKey(settings.key);
  const digest = createHash("sha256").update(image).digest();
  const unsigned = encodeUnsigned({
    key: settings.number,
    product: settings.product,
    chip,
    version: settings.version,
    from: settings.from,
    size: image.length,
    digest: new Uint8Array(digest),
  });
  const bytes = encodeDescription(unsigned, new Uint8Array(sign(null, unsigned, key)));
  const { signed, signature } = decodeDescription(bytes);
  const publicKey = createPublicKey(key);
  if (!verify(null, signed, publicKey, signature))
    throw new ImageError(`${settings.key}: it does not verify what it has signed`);
  create(settings.out, bytes);
  const lines = [
    ["version", `${settings.version}, for version ${settings.from} and later`],
    ["product", String(settings.product)],
    ["chip", `${chip} (${CHIPS[chip] ?? "not known by name"})`],
    ["size", `${image.length} bytes`],
    ["name", digest.toString("hex")],
    ["signed by", `key ${settings.number}, public key ${raw(publicKey).toString("hex")}`],
    ["description", `${settings.out}, ${bytes.length} bytes`],
  ] as const;
  for (const [what, text] of lines) terminal.out(`${what.padEnd(11)}  ${text}\n`);
  return 0;
}

function privateKey(file: string): KeyObject {
  // Of Windows there is nothing to learn from a mode.
  if (process.platform !== "win32" && (statSync(file).mode & OTHERS) !== 0)
    throw new ImageError(
      `${file}: others than its owner may read it; chmod 600 it, and make a new key if they have`,
    );
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch {
    // Not with what it says: it might quote the file.
    throw new ImageError(`${file}: not a private key in PEM`);
  }
  if (key.asymmetricKeyType !== "ed25519")
    throw new ImageError(`${file}: an Ed25519 key is accepted (got ${key.asymmetricKeyType})`);
  return key;
}

/** Writes a file that is not there yet. */
function create(file: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    writeFileSync(file, content, { flag: "wx", mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ImageError(`${file}: it is there already, and is not written over`);
  }
}

function raw(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url");
}

function required(values: ReadonlyMap<string, string>, name: string): string {
  const value = values.get(name);
  if (!value) throw new UsageError(`--${name} is required`);
  return value;
}

function whole(
  values: ReadonlyMap<string, string>,
  name: string,
  most: number,
  least: number,
  otherwise?: number,
): number {
  const text = values.get(name);
  if (text === undefined && otherwise !== undefined) return otherwise;
  const value = Number(required(values, name));
  if (!/^\d+$/.test(text!) || value < least || value > most)
    throw new UsageError(`--${name}: a whole number from ${least} to ${most} is accepted (got "${text}")`);
  return value;
}
