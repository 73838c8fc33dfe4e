import { spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import anyTest from "ava";
import nacl from "tweetnacl";
import { decodeDescription } from "../../../sdk/update/index.js";

const test = anyTest.serial;
const PROGRAM = fileURLToPath(new URL("../../../examples/cli/everfull.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "everfull-image-"));
test.after.always(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

function everfull(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

/** A header of ESP-IDF for the ESP32-C3, and something behind it. */
const IMAGE = Buffer.alloc(1600, 7);
IMAGE[0] = 0xe9;
IMAGE.writeUInt16LE(5, 12);
writeFileSync(at("app.bin"), IMAGE);
const SIGN = ["image-sign", "--image", at("app.bin"), "--key", at("maker.pem"), "--product", "300"];

test("a key is made once, for its owner alone, and is never shown", (t) => {
  const { code, out, err } = everfull("image-key", "--out", at("maker.pem"));
  t.is(code, 0, err);
  const secret = readFileSync(at("maker.pem"), "utf8");
  t.is(statSync(at("maker.pem")).mode & 0o777, 0o600);
  t.regex(out, /^public key: [0-9a-f]{64}\n$/);
  const body = secret.split("\n")[1]!;
  t.true(body.length > 60);
  const scalar = Buffer.from(body, "base64").subarray(-32);
  for (const text of [body, scalar.toString("hex"), scalar.toString("base64")])
    t.false((out + err).includes(text));

  const again = everfull("image-key", "--out", at("maker.pem"));
  t.is(again.code, 1);
  t.regex(again.err, /maker\.pem: it is there already, and is not written over/);
  t.is(readFileSync(at("maker.pem"), "utf8"), secret);
});

test("what it signs is what a device reads, and the maker's public key verifies it", (t) => {
  const { code, out, err } = everfull(...SIGN, "--version", "12", "--from", "9", "--out", at("app.desc"));
  t.is(code, 0, err);
  const { signed, signature, ...image } = decodeDescription(new Uint8Array(readFileSync(at("app.desc"))));
  const digest = createHash("sha256").update(IMAGE).digest();
  t.deepEqual(image, {
    key: 0,
    product: 300,
    chip: 5,
    version: 12,
    from: 9,
    size: 1600,
    digest: new Uint8Array(digest),
  });
  const [, key] = /public key ([0-9a-f]{64})/.exec(out)!;
  t.true(nacl.sign.detached.verify(signed, signature, new Uint8Array(Buffer.from(key!, "hex"))));
  t.true(out.includes(digest.toString("hex")));
  t.regex(out, /5 \(ESP32-C3\)/);

  const again = everfull(...SIGN, "--version", "12", "--out", at("app.desc"));
  t.is(again.code, 1);
  t.regex(again.err, /app\.desc: it is there already/);
});

test("what cannot be signed is said, and nothing is written", (t) => {
  const out = ["--out", at("other.desc")];
  writeFileSync(at("short.bin"), IMAGE.subarray(0, 511));
  writeFileSync(at("text.bin"), "no image ".repeat(100));
  writeFileSync(
    at("rsa.pem"),
    generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ format: "pem", type: "pkcs8" }),
    { mode: 0o600 },
  );
  writeFileSync(at("not.pem"), "SECRET", { mode: 0o600 });
  const replace = (name: string, value: string) => SIGN.map((arg, i) => (SIGN[i - 1] === name ? value : arg));
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [
      [...SIGN, "--version", "0", ...out],
      2,
      /--version: a whole number from 1 to 4294967295 is accepted \(got "0"\)/,
    ],
    [[...SIGN, "--version", "1e3", ...out], 2, /--version: .* \(got "1e3"\)/],
    [[...SIGN, ...out], 2, /--version is required/],
    [[...SIGN, "--version", "3", "--from", "3", ...out], 2, /--from: a version below 3/],
    [[...SIGN, "--version", "3", "--key-number", "23", ...out], 2, /--key-number: /],
    [
      [...replace("--image", at("short.bin")), "--version", "3", ...out],
      1,
      /short\.bin: not an application image/,
    ],
    [
      [...replace("--image", at("text.bin")), "--version", "3", ...out],
      1,
      /text\.bin: not an application image/,
    ],
    [
      [...replace("--key", at("rsa.pem")), "--version", "3", ...out],
      1,
      /rsa\.pem: an Ed25519 key is accepted \(got rsa\)/,
    ],
    [[...replace("--key", at("not.pem")), "--version", "3", ...out], 1, /not\.pem: not a private key in PEM/],
  ];
  for (const [args, code, message] of cases) {
    const result = everfull(...args);
    t.is(result.code, code, result.err);
    t.regex(result.err, message);
    t.notRegex(result.err, /SECRET/);
    t.throws(() => statSync(at("other.desc")));
  }
});

test("a private key that others may read is not used", (t) => {
  if (process.platform === "win32") return t.pass();
  chmodSync(at("maker.pem"), 0o640);
  const { code, err } = everfull(...SIGN, "--version", "13", "--out", at("other.desc"));
  chmodSync(at("maker.pem"), 0o600);
  t.is(code, 1);
  t.regex(err, /others than its owner may read it/);
});
