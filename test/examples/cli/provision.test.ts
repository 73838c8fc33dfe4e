import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { provisionCommand } from "../../../examples/cli/provision.js";
import { UsageError } from "../../../examples/cli/usage.js";
import { readDevices } from "../../../examples/gateway/devices-file.js";
import { Setup } from "../../../hal/boards/setup/setup.js";
import { recorder } from "./recorder.js";

const SLOTS = [{ id: "soap", unit: "ounce", stepsPerUnit: 10, capacity: 350, refill: 350 }];

class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "everfull-provision-"));
  readonly terminal = recorder();
  readonly out = join(this.folder, "batch");

  constructor(t: ExecutionContext) {
    t.teardown(() => rmSync(this.folder, { recursive: true }));
  }

  file(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  run(serials: string, more: Readonly<Record<string, string | undefined>> = {}): Promise<number> {
    const values = {
      serials: this.file("serials", serials),
      slots: this.file("slots", JSON.stringify(SLOTS)),
      model: "dispenser-1",
      broker: "broker.example",
      out: this.out,
      ...more,
    };
    const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return provisionCommand().run(new Map(given), this.terminal);
  }

  read(...path: string[]): string {
    return readFileSync(join(this.out, ...path), "utf8");
  }
}

/** What a device keeps of its set-up lines. */
function setUp(lines: string): Record<string, unknown> {
  let kept = "{}";
  const setup = new Setup({
    store: {
      read: () => kept,
      write: (text) => {
        kept = text;
      },
    },
    config: {},
    needed: ["serial", "keySecret", "brokerHost"],
    schedule: () => ({ cancel: () => {} }),
    start: () => {},
    log: () => {},
  });
  for (const line of lines.trimEnd().split("\n")) {
    const reply = setup.request(JSON.parse(line));
    if (!reply.ok) throw new Error(JSON.stringify(reply));
  }
  return JSON.parse(kept);
}

test("a batch has a key, an account and set-up lines for each device, which the gateway and the device take", async (t) => {
  const bench = new Bench(t);
  const code = await bench.run("A-1\nB_2\r\n\nC3\n", {
    broker: "b.example:1234",
    "key-number": "7",
    "utc-offset": "-480",
  });
  t.is(code, 0);
  const { devices } = readDevices(join(bench.out, "devices.json"));
  t.deepEqual(
    devices.map(({ serial }) => serial),
    ["A-1", "B_2", "C3"],
  );
  t.deepEqual(readdirSync(join(bench.out, "setup")).sort(), ["A-1.jsonl", "B_2.jsonl", "C3.jsonl"]);
  const secrets = new Set<unknown>();
  for (const device of devices) {
    t.like(device, { model: "dispenser-1", utcOffsetMinutes: -480, slots: SLOTS, key: { number: 7 } });
    const lines = bench.read("setup", `${device.serial}.jsonl`);
    const kept = setUp(lines);
    t.deepEqual(Object.keys(kept).sort(), [
      "brokerHost",
      "brokerPassword",
      "brokerPort",
      "keyNumber",
      "keySecret",
      "serial",
      "setupPassword",
    ]);
    t.like(kept, { serial: device.serial, keyNumber: 7, brokerHost: "b.example", brokerPort: 1234 });
    t.is(kept.keySecret, Buffer.from(device.key.secret).toString("hex"));
    for (const secret of [kept.keySecret, kept.brokerPassword, kept.setupPassword]) secrets.add(secret);
  }
  t.is(secrets.size, 9, "no two are the same");
  const passwords = bench.read("passwords");
  t.deepEqual(
    passwords
      .trimEnd()
      .split("\n")
      .map((line) => line.split(":")[0]),
    ["A-1", "B_2", "C3", "everfull.gateway"],
  );
  // In clear, a secret is with who needs it, and nowhere else.
  const shown = bench.terminal.outText() + bench.terminal.errText() + passwords;
  for (const secret of [...secrets, bench.read("gateway-password").trimEnd()])
    t.false(shown.includes(secret as string));
  for (const { key } of devices) t.false(shown.includes(Buffer.from(key.secret).toString("base64")));
});

test("all of a batch is for its owner alone", async (t) => {
  const bench = new Bench(t);
  await bench.run("A\nB\n");
  const paths = readdirSync(bench.out, { recursive: true }) as string[];
  t.is(paths.length, 6);
  for (const path of [".", ...paths]) t.is(statSync(join(bench.out, path)).mode & 0o077, 0, path);
});

test("a later batch needs no account for the gateway", async (t) => {
  const bench = new Bench(t);
  await bench.run("A\n", { "no-gateway": "" });
  t.deepEqual(readdirSync(bench.out).sort(), ["devices.json", "passwords", "setup"]);
  t.notRegex(bench.read("passwords"), /gateway/);
});

test("a folder that is there is not touched", async (t) => {
  const bench = new Bench(t);
  await bench.run("A\n");
  const before = bench.read("devices.json");
  await t.throwsAsync(bench.run("B\n"), { code: "provision", message: /is there already/ });
  t.is(bench.read("devices.json"), before);
  t.deepEqual(readdirSync(join(bench.out, "setup")), ["A.jsonl"]);
  const empty = join(bench.folder, "empty");
  mkdirSync(empty);
  await t.throwsAsync(bench.run("B\n", { out: empty }), { code: "provision" });
  t.deepEqual(readdirSync(empty), []);
  await t.throwsAsync(bench.run("B\n", { out: join(bench.folder, "no", "where") }), { code: "provision" });
});

test("what is not accepted is named, and nothing is made", async (t) => {
  const bench = new Bench(t);
  const long = "x".repeat(65);
  let files = 0;
  const slots = (value: unknown) => bench.file(`slots-${++files}`, JSON.stringify(value));
  const bad: [string, Record<string, string | undefined>, RegExp][] = [
    ["A B", {}, /--serials: line 1: 1 to 64 of A-Z a-z 0-9 - \+ _ .*"A B"/],
    [`A\n${long}`, {}, /--serials: line 2: 1 to 64/],
    ["A\nB+", {}, /line 2: a \+ is not accepted.*"B\+"/],
    ["A\nB/up", {}, /line 2.*"B\/up"/],
    ["everfull.gateway", {}, /line 1/],
    ["A\nB\nA", {}, /line 3: "A" is there already, in line 1/],
    ["A\na", {}, /line 2: "a" is there already, in line 1/],
    ["\n\n", {}, /--serials: .*got none/],
    ["A", { serials: join(bench.folder, "none") }, /--serials: .*ENOENT/],
    ["A", { model: undefined }, /--model is required/],
    ["A", { model: "a model" }, /--model: .*"a model"/],
    ["A", { model: long }, /--model: 1 to 64/],
    ["A", { slots: undefined }, /--slots is required/],
    ["A", { slots: slots({}) }, /--slots: a JSON list/],
    ["A", { slots: slots([]) }, /--slots: .*got 0/],
    ["A", { slots: slots([{ ...SLOTS[0], capacity: 0 }]) }, /--slots: .*capacity.*got 0/],
    ["A", { slots: bench.file("broken", "[") }, /--slots: /],
    ["A", { broker: "a b" }, /--broker: .*"a b"/],
    ["A", { broker: "a:0" }, /--broker: .*"a:0"/],
    ["A", { broker: "a:65536" }, /--broker/],
    ["A", { "key-number": "256" }, /key number.*256/],
    ["A", { "key-number": "one" }, /--key-number: .*"one"/],
    ["A", { "utc-offset": "900" }, /utcOffsetMinutes.*900/],
    ["A", { out: undefined }, /--out is required/],
  ];
  for (const [serials, more, message] of bad) {
    await t.throwsAsync(bench.run(serials, more), { instanceOf: UsageError, message });
    t.throws(() => statSync(bench.out), { code: "ENOENT" });
  }
});

test("every serial and model of Amazon's alphabet is taken but for a serial with a +", async (t) => {
  const bench = new Bench(t);
  const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  t.is(await bench.run(`${all}\n`, { model: "a+b-c_D9" }), 0);
  t.is(setUp(bench.read("setup", `${all}.jsonl`)).serial, all);
});
