import { createHash } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { EverfullError } from "../../../sdk/index.js";
import { checkAuthorization, redemption, refreshTokenOf } from "../../../sdk/registration/authorization.js";
import { base64url, PAIRING_ATTEMPTS, PAIRING_LIFE, Pairing } from "../../../sdk/registration/pairing.js";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

function pairing(
  entropy: (count: number) => Uint8Array = (count) => new Uint8Array(count).map((_, i) => 7 * i),
) {
  const clock = { now: 0 };
  return { clock, pairing: new Pairing({ entropy, sha256, ticks: () => clock.now }) };
}

test("verifier and challenge are those of RFC 7636, appendix B", (t) => {
  const octets = new Uint8Array(Buffer.from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "base64url"));
  const { pairing: one } = pairing((count) => octets.subarray(0, count));
  t.is(one.open().challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  t.is(one.verifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
});

test("base64url is Node's, whatever the length", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 50 }),
      (bytes) => base64url(bytes) === Buffer.from(bytes).toString("base64url"),
    ),
  );
  t.pass();
});

test("a code is right once, however it is written", (t) => {
  const { pairing: one } = pairing();
  t.is(one.pair("ANY"), "no-offer");
  const { code } = one.open();
  t.regex(code, /^[0-9A-HJKMNP-TV-Z]{8}$/);
  t.is(one.pair(` ${code.slice(0, 4).toLowerCase()}-${code.slice(4)} `), "paired");
  one.close();
  t.is(one.pair(code), "no-offer");
});

test("a code is worth nothing after its time, after too many attempts, and when another is offered", (t) => {
  const { pairing: one, clock } = pairing();
  const first = one.open().code;
  clock.now = PAIRING_LIFE - 1;
  t.is(one.pair(first), "paired");
  clock.now++;
  t.is(one.pair(first), "expired");
  t.is(one.pair(first), "no-offer");
  const second = one.open().code;
  for (let attempt = 0; attempt < PAIRING_ATTEMPTS; attempt++) t.is(one.pair("0"), "wrong-code");
  t.is(one.pair(second), "no-offer");
  let turn = 0;
  const { pairing: other } = pairing((count) => new Uint8Array(count).fill(++turn));
  const replaced = other.open().code;
  const verifier = other.verifier;
  t.not(other.open().code, replaced);
  t.not(other.verifier, verifier);
  t.is(other.pair(replaced), "wrong-code");
});

test("what an app brings is bounded and named, and a secret is not repeated in an error", (t) => {
  const good = { code: "c".repeat(128), clientId: "i".repeat(100), redirectUri: "r".repeat(200) };
  t.notThrows(() => checkAuthorization(good));
  for (const field of ["code", "clientId", "redirectUri"] as const)
    for (const value of ["", "a b", "ü", `${good[field]}x`, undefined as unknown as string]) {
      const error = t.throws(() => checkAuthorization({ ...good, [field]: value }), {
        instanceOf: EverfullError,
        code: "argument",
      });
      t.true(error!.message.startsWith(`${field}: 1 to ${good[field].length} printable`), error!.message);
      t.false(error!.message.includes("ccc"));
    }
});

test("the form of a redemption is what a form parser reads, and has no secret", (t) => {
  const authorization = { code: "a&b=c", clientId: "id+1", redirectUri: "https://a.example/?x=1&y=ä" };
  t.deepEqual(Object.fromEntries(new URLSearchParams(redemption(authorization, "v_-~."))), {
    grant_type: "authorization_code",
    code: "a&b=c",
    client_id: "id+1",
    redirect_uri: "https://a.example/?x=1&y=ä",
    code_verifier: "v_-~.",
  });
});

test("of the answer to a redemption only a token that can go up counts", (t) => {
  const body = (token: unknown) => JSON.stringify({ refresh_token: token, access_token: "Atza|1" });
  t.is(refreshTokenOf(200, body("Atzr|1")), "Atzr|1");
  t.is(refreshTokenOf(200, body("a".repeat(960))), "a".repeat(960));
  for (const [status, text] of [
    [200, body("a".repeat(961))],
    [200, body("")],
    [200, body(7)],
    [200, "null"],
    [200, "{"],
    [400, body("Atzr|1")],
    [0, ""],
  ] as const)
    t.is(refreshTokenOf(status, text), undefined, text.slice(0, 40));
});
