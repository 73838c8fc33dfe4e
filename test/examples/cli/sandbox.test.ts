import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import anyTest, { type ExecutionContext } from "ava";
import { sandboxCommand } from "../../../examples/cli/sandbox.js";
import { UsageError } from "../../../examples/cli/usage.js";
import { recorder } from "./recorder.js";

const test = anyTest.serial;

/** Runs the command until `during` is through. @returns what was printed */
async function running(values: Record<string, string>, during: (url: string, out: string) => Promise<void>) {
  const listeners = new Map<string, () => void>();
  const signals = {
    on: (signal: string, listener: () => void) => listeners.set(signal, listener),
    off: (signal: string) => listeners.delete(signal),
  };
  let done: Promise<void> | undefined;
  const terminal = recorder({
    out: (text) => {
      printed += text;
      const url = / {2}service +(\S+)/.exec(text)?.[1];
      if (url !== undefined) done = during(url, text).finally(() => listeners.get("SIGTERM")?.());
    },
  });
  let printed = "";
  const options = new Map(Object.entries({ listen: "127.0.0.1:0", ...values }));
  const code = await sandboxCommand(signals).run(options, terminal);
  await done;
  return { code, printed, left: listeners.size };
}

function written(t: ExecutionContext, content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), "everfull-sandbox-cli-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "sandbox.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const SETTINGS = {
  lwa: [{ clientId: "client", clientSecret: "secret", returnUrls: ["https://app.example/callback"] }],
  customers: [{ name: "Cleo" }],
  devices: [
    {
      serial: "D-1",
      model: "m",
      accessToken: "Atza|fixed",
      slots: [{ id: "s", asin: "A", unit: "count", quantity: 1, subscribed: true }],
    },
  ],
};

test("the sandbox runs with a household of its own, and says where everything is", async (t) => {
  const { code, printed, left } = await running({}, async (url, out) => {
    for (const path of ["/ap/oa", "/auth/o2/token", "/settings", "/mn/dcw/myx.html", "/sandbox"])
      t.true(out.includes(`${url}${path}\n`), path);
    t.regex(out, /client id +amzn1\.application-oa2-client\./);
    const front = await (await fetch(url)).text();
    for (const name of ["Soap dispenser", "Printer"]) t.true(front.includes(`Teaser of ${name}`));
    const signIn = await (await fetch(`${url}/ap/signin`)).text();
    for (const name of ["Ada", "Ben"]) t.true(signIn.includes(`Sign in as ${name}`));
  });
  t.is(code, 0);
  t.is(left, 0);
  t.regex(printed, /not Amazon/);
});

test("settings come from a file, return URLs from the command line, time from a request", async (t) => {
  const values = {
    settings: written(t, SETTINGS),
    clock: "virtual",
    "return-url": "http://127.0.0.1:9/back",
  };
  const { printed } = await running(values, async (url, out) => {
    t.true(out.includes("http://127.0.0.1:9/back") && !out.includes("app.example"));
    t.true((await (await fetch(`${url}/ap/signin`)).text()).includes("Cleo"));
    const answer = await fetch(`${url}/replenish/s`, {
      method: "POST",
      headers: {
        Authorization: "Bearer Atza|fixed",
        "x-amzn-type-version": "com.amazon.dash.replenishment.DrsReplenishInput@1.0",
        "x-amzn-accept-type": "com.amazon.dash.replenishment.DrsReplenishResult@1.0",
      },
    });
    t.is(answer.status, 200);
    const moved = await fetch(`${url}/sandbox/clock`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ advance: 6 * 86_400_000 }),
    });
    t.is(moved.status, 200);
  });
  t.regex(printed, /POST \/replenish\/s 200\n/);
  t.regex(printed, /order of D-1, s: delivered\n/);
  t.false(printed.includes("Atza"));
});

test("what is wrong with options and settings is named", async (t) => {
  const run = (values: Record<string, string>) => running(values, async () => t.fail());
  await t.throwsAsync(run({ listen: "nowhere" }), { instanceOf: UsageError, message: /--listen.*"nowhere"/ });
  await t.throwsAsync(run({ clock: "sun" }), { instanceOf: UsageError, message: /--clock.*"sun"/ });
  const bad: [unknown, RegExp][] = [
    ["{", /cannot be read/],
    [[], /the top: must be object/],
    [{ model: [] }, /the top: must NOT have additional properties \(model\)/],
    [{ models: [{ id: "m" }] }, /\/models\/0: must have required property 'slots'/],
    [{ models: [{ id: "m", slots: [{ id: "s", products: [] }] }] }, /slot "s": products must not be empty/],
    [{ customers: [{ name: 1 }] }, /\/customers\/0\/name: must be string/],
    [{ signatureVersion: "3" }, /signatureVersion must be/],
  ];
  for (const [content, message] of bad)
    await t.throwsAsync(run({ settings: written(t, content) }), { code: "BAD_OPTION", message });
  await t.throwsAsync(run({ settings: "/does/not/exist" }), { code: "BAD_OPTION", message: /ENOENT/ });
});
