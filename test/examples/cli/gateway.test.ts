import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import anyTest, { type ExecutionContext } from "ava";
import { gatewayCommand } from "../../../examples/cli/gateway.js";
import { UsageError } from "../../../examples/cli/usage.js";
import { recorder } from "./recorder.js";

const test = anyTest.serial;
const SECRET = Buffer.alloc(32, 7).toString("base64");

function devices(change: object = {}): object {
  return {
    devices: [
      {
        serial: "G1",
        model: "dispenser-1",
        key: { number: 1, secret: SECRET },
        accessToken: "Atza|swordfish",
        utcOffsetMinutes: 0,
        slots: [{ id: "soap", unit: "ounce", stepsPerUnit: 10, capacity: 350, refill: 350 }],
        ...change,
      },
    ],
  };
}

function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), "everfull-gateway-cli-"));
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

function written(t: ExecutionContext, content: unknown): string {
  const file = join(folder(t), "devices.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  return file;
}

/** What ends the command in the test's stead. */
function signals() {
  const listeners = new Map<string, () => void>();
  return {
    on: (signal: string, listener: () => void) => listeners.set(signal, listener),
    off: (signal: string) => listeners.delete(signal),
    send: (signal: string) => listeners.get(signal)?.(),
    listeners,
  };
}

async function run(values: Record<string, string>, environment: Record<string, string> = {}) {
  const terminal = recorder();
  const code = await gatewayCommand(environment, signals()).run(new Map(Object.entries(values)), terminal);
  return { code, terminal };
}

const APP_TOKEN = "a-token-for-the-app";

test("the gateway runs until it is asked to end, and logs a JSON line for each thing that happens", async (t) => {
  const file = written(t, devices());
  if (process.platform !== "win32") chmodSync(file, 0o644);
  const values = {
    devices: file,
    database: join(folder(t), "data"),
    listen: "127.0.0.1:0",
    notifications: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    app: "127.0.0.1:0",
    "settings-url": "https://settings.example/",
  };
  const sender = signals();
  const lines: Record<string, unknown>[] = [];
  const terminal = recorder({
    out: (text) => {
      const entry = JSON.parse(text) as Record<string, unknown>;
      lines.push(entry);
      if (entry.event === "started")
        // Once it waits for it.
        setImmediate(async () => {
          const ready = await fetch(`${entry.adminUrl}/readyz`);
          t.is(ready.status, 200);
          const headers = { authorization: `Bearer ${APP_TOKEN}` };
          t.is((await fetch(`${entry.appUrl}/devices/none`, { headers })).status, 404);
          sender.send("SIGTERM");
        });
    },
  });
  t.is(
    await gatewayCommand({ EVERFULL_APP_TOKEN: APP_TOKEN }, sender).run(
      new Map(Object.entries(values)),
      terminal,
    ),
    0,
  );
  t.deepEqual(
    lines.map(({ event }) => event),
    ["started", "closing", "closed"],
  );
  t.true(lines.every(({ time }) => !Number.isNaN(Date.parse(time as string))));
  t.regex(lines[0]!.broker as string, /^mqtt:\/\/127\.0\.0\.1:\d+$/);
  t.is(sender.listeners.size, 0);
  if (process.platform !== "win32") t.regex(terminal.errText(), /can be read by others/);
  const all = JSON.stringify(lines) + terminal.errText();
  for (const secret of ["swordfish", SECRET, APP_TOKEN]) t.false(all.includes(secret));
});

test("what is wrong with the options is named, and no secret is", async (t) => {
  const file = written(t, { ...devices(), models: { m: { service: "drs" } } });
  const bad: [Record<string, string>, RegExp, Record<string, string>?][] = [
    [{}, /--devices FILE is required/],
    [{ devices: file, app: "127.0.0.1:0" }, /--app: needs EVERFULL_APP_TOKEN/],
    [{ devices: file, "settings-url": "https://a.example/" }, /--settings-url: not accepted without --app/],
    [{ devices: file, "sns-origin": "http://127.0.0.1:9" }, /--sns-origin: not accepted without --sns-topic/],
    [{ devices: file, database: "postgres://me:swordfish@db/x" }, /--database: no password/],
    [{ devices: file, broker: "mqtts://me:swordfish@broker" }, /--broker: no password/],
    [{ devices: file, broker: "mqtt://b", listen: "127.0.0.1:1" }, /--listen/],
    [{ devices: file, listen: "nowhere" }, /--listen: HOST:PORT.*"nowhere"/],
    [{ devices: file, admin: "[::1]:65536" }, /--admin/],
    [{ devices: file, "alexa-client-id": "skill" }, /--alexa-client-id: needs EVERFULL_ALEXA_CLIENT_SECRET/],
    [{ devices: `${file},${file}` }, /--devices: model "m" is in two files/],
    [{ devices: file, takeover: "0" }, /--takeover.*"0"/],
    [{ devices: file, "broker-password-file": "/does/not/exist" }, /--broker-password-file/],
    [{ devices: file, broker: "mqtt://b" }, /mqtt:\/\/USER@/, { EVERFULL_BROKER_PASSWORD: "swordfish" }],
    [{ devices: file }, /no --broker/, { EVERFULL_BROKER_PASSWORD: "swordfish" }],
  ];
  for (const [values, message, environment] of bad) {
    const error = await t.throwsAsync(run(values, environment), { instanceOf: UsageError, message });
    t.false(error!.message.includes("swordfish"));
  }
});

test("what is wrong with the devices file is named by its place, and nothing of it is shown", async (t) => {
  const bad: [unknown, RegExp][] = [
    ["{ swordfish", /it is not JSON$/],
    [[], /the top: an object is accepted$/],
    [{ devices: {} }, /devices: a list/],
    [{ devices: [], more: 1 }, /more: nothing of this name/],
    [devices({ key: { number: 1, secret: "swordfish" } }), /devices\[0\]\.key\.secret: 32 bytes in base64/],
    [devices({ oldKey: { number: 0, secret: "swordfish" } }), /devices\[0\]\.oldKey\.secret: 32 bytes/],
    [devices({ oldKey: { number: 0, secret: SECRET, x: 1 } }), /devices\[0\]\.oldKey\.x: nothing/],
    [devices({ accesToken: "swordfish" }), /devices\[0\]\.accesToken: nothing of this name/],
    [devices({ accessToken: 5 }), /devices\[0\]\.accessToken: a text/],
    [devices({ slots: [{ id: "soap" }] }), /devices\[0\]\.slots\[0\]\.unit: a text/],
    [devices({ utcOffsetMinutes: "0" }), /devices\[0\]\.utcOffsetMinutes: a number/],
  ];
  for (const [content, message] of bad) {
    const file = written(t, content);
    const error = await t.throwsAsync(run({ devices: file }), { code: "options", message });
    t.true(error!.message.includes(file));
    t.false(error!.message.includes("swordfish"));
  }
  await t.throwsAsync(run({ devices: join(folder(t), "none.json") }), { message: /none\.json.*ENOENT/ });
});

test("which service a model is with comes from the devices file, where its events go from the options", async (t) => {
  const model = { service: "alexa", name: "D", description: "D", manufacturer: "E", sensors: {} };
  const file = written(t, { ...devices(), models: { "dispenser-1": model } });
  await t.throwsAsync(run({ devices: file }), {
    code: "options",
    message: /model "dispenser-1": sensors: one/,
  });
  const events = "ftp://events";
  await t.throwsAsync(run({ devices: file, "alexa-events": events }), { message: /alexa: events: .*ftp:/ });
});

test("passwords reach the broker from a file, and are not shown when it is not there", async (t) => {
  const password = join(folder(t), "password");
  writeFileSync(password, "sword/fish@\n");
  const error = await t.throwsAsync(
    run({
      devices: written(t, devices()),
      database: join(folder(t), "data"),
      broker: "mqtt://me@127.0.0.1:1",
      "broker-password-file": password,
      notifications: "127.0.0.1:0",
    }),
    { code: "broker", message: /mqtt:\/\/127\.0\.0\.1:1/ },
  );
  t.notRegex(error!.message, /sword/);
});
