import { randomBytes } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { parseTokenKeys, type TokenKey, Vault, VaultError } from "../../../examples/gateway/vault.js";

const OLD: TokenKey = { number: 1, secret: new Uint8Array(randomBytes(32)) };
const NEW: TokenKey = { number: 2, secret: new Uint8Array(randomBytes(32)) };

test("what is sealed opens again, and is not to be read", (t) => {
  const vault = new Vault([OLD]);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ minLength: 4 }), (owner, text) => {
      const sealed = vault.seal(owner, text);
      t.is(vault.open(owner, sealed), text);
      t.regex(sealed, /^1\.[\w-]+$/);
      t.false(Buffer.from(sealed.slice(2), "base64url").includes(text));
    }),
    { numRuns: 50 },
  );
  t.not(vault.seal("a", "token"), vault.seal("a", "token"), "a nonce is not used twice");
});

test("a changed byte, another owner and another key are noticed", (t) => {
  const vault = new Vault([OLD]);
  const sealed = vault.seal("D-1", "Atzr|secret");
  const bytes = Buffer.from(sealed.slice(2), "base64url");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    t.throws(() => vault.open("D-1", `1.${changed.toString("base64url")}`), { instanceOf: VaultError });
  }
  for (let length = 0; length < bytes.length; length++)
    t.throws(() => vault.open("D-1", `1.${bytes.subarray(0, length).toString("base64url")}`), {
      instanceOf: VaultError,
    });
  t.throws(() => vault.open("D-2", sealed), { instanceOf: VaultError, message: /"D-2"/ });
  t.throws(() => new Vault([{ ...NEW, number: 1 }]).open("D-1", sealed), { instanceOf: VaultError });
  t.throws(() => new Vault([]).seal("D-1", "x"), { instanceOf: VaultError, message: /tokenKeys/ });
});

test("keys are changed by putting the new one first", (t) => {
  const before = new Vault([OLD]).seal("D-1", "token");
  const vault = new Vault([NEW, OLD]);
  t.is(vault.open("D-1", before), "token");
  const after = vault.seal("D-1", "token");
  t.true(after.startsWith("2."));
  t.is(new Vault([NEW]).open("D-1", after), "token");
  t.throws(() => new Vault([NEW]).open("D-1", before), {
    instanceOf: VaultError,
    message: /key 1 is needed/,
  });
});

test("keys are read as an environment variable holds them", (t) => {
  const [a, b] = [OLD, NEW].map(({ secret }) => Buffer.from(secret).toString("base64"));
  t.deepEqual(parseTokenKeys(`2:${b}, 1:${a}`), [NEW, OLD]);
  t.true(Number.isNaN(parseTokenKeys("x:AA==")[0]!.number));
  t.is(parseTokenKeys("3:AA==")[0]!.secret.length, 1);
});
