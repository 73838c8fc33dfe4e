import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import anyTest from "ava";

// A process each: all at once would be many for a small machine.
const test = anyTest.serial;

const PROGRAM = fileURLToPath(new URL("../../../examples/cli/everfull.js", import.meta.url));
const ROOT = new URL("../../../../", import.meta.url);
const DATA = fileURLToPath(new URL("examples/household/data/appliance_cycles.csv", ROOT));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function everfull(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    err += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

for (const args of [["--help"], ["-h"], ["help"]]) {
  test(`everfull ${args.join(" ")} lists the commands`, async (t) => {
    const { code, out, err } = await everfull(...args);
    t.is(code, 0);
    t.is(err, "");
    t.regex(out, /^Usage: everfull COMMAND/);
    t.regex(out, /^ {2}sim {2}/m);
  });
}

for (const args of [
  ["sim", "--help"],
  ["sim", "-h"],
  ["help", "sim"],
  ["sim", "--days", "none", "--help"],
]) {
  test(`everfull ${args.join(" ")} lists the options of sim`, async (t) => {
    const { code, out, err } = await everfull(...args);
    t.is(code, 0);
    t.is(err, "");
    for (const name of [
      "days",
      "engine",
      "seed",
      "broker",
      "json",
      "data",
      "series",
      "pack",
      "quiet",
      "help",
    ])
      t.regex(out, new RegExp(`^ {2}--${name} `, "m"));
  });
}

test("everfull --version prints the version of the package", async (t) => {
  const { version } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
  t.deepEqual(await everfull("--version"), { code: 0, out: `${version}\n`, err: "" });
});

test("the program can be started by its name", (t) => {
  t.true(readFileSync(PROGRAM, "utf8").startsWith("#!/usr/bin/env node\n"));
});

test("without a command the usage goes to stderr", async (t) => {
  const { code, out, err } = await everfull();
  t.is(code, 2);
  t.is(out, "");
  t.regex(err, /^Usage: everfull COMMAND/);
});

const LISTED = "refit_h2_washing_p0, refit_h2_dishwasher_p0, refit_h5_dishwasher_p1";
const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [
    ["simulate"],
    /unknown command "simulate": accepted are sim, gateway, sandbox, companion, provision, chaos, image-key, image-sign, help/,
  ],
  [
    ["help", "simulate"],
    /unknown command "simulate": accepted are sim, gateway, sandbox, companion, provision, chaos, image-key, image-sign, help/,
  ],
  [["--day"], /unknown option --day: accepted are --help, --version/],
  [["sim", "--day", "3"], /unknown option --day: accepted are --days, --engine, .*--quiet, --help/],
  [["sim", "-d"], /unknown option -d: accepted are --days/],
  [["sim", "180"], /"180": only options are accepted: --days/],
  [["sim", "--", "--days"], /"--days": only options are accepted/],
  [["sim", "--quiet=yes"], /--quiet takes no value \(got "yes"\)/],
  [["sim", "--days"], /--days needs a value: --days N/],
  [["sim", "--seed", "--quiet"], /--seed needs a value: --seed TEXT/],
  [["sim", "--days", "0"], /--days: a whole number from 1 to 3650 is accepted \(got "0"\)/],
  [["sim", "--days", "3651"], /from 1 to 3650 is accepted \(got "3651"\)/],
  [["sim", "--days", "-5"], /from 1 to 3650 is accepted \(got "-5"\)/],
  [["sim", "--days", "1.5"], /from 1 to 3650 is accepted \(got "1.5"\)/],
  [["sim", "--days", "1e2"], /from 1 to 3650 is accepted \(got "1e2"\)/],
  [["sim", "--days="], /from 1 to 3650 is accepted \(got ""\)/],
  [
    ["sim", "--days", "405"],
    /--days: at most 404 are accepted, the length of series "refit_h2_\w+" \(got 405\)/,
  ],
  [["sim", "--engine", "v8"], /--engine: xs or node is accepted \(got "v8"\)/],
  [["sim", "--seed", ""], /--seed: a text that is not empty is accepted/],
  [["sim", "--broker", "http://127.0.0.1:1883"], /--broker: mqtt:\/\/HOST:PORT is accepted \(got "http:/],
  [["sim", "--broker", "mqtt://127.0.0.1"], /--broker: mqtt:\/\/HOST:PORT is accepted/],
  [["sim", "--broker", "mqtt://host:99999"], /--broker: mqtt:\/\/HOST:PORT is accepted/],
  [["sim", "--broker", "mqtt://host:1883/topic"], /--broker: mqtt:\/\/HOST:PORT is accepted/],
  [["sim", "--json", "/no/such/folder/report.json"], /--json: .* exists is accepted .*"\/no\/such\/folder"/],
  [["sim", "--json", "/dev/null/below-a-file.json"], /--json: .* exists is accepted/],
  [["sim", "--json", "/proc/everfull-report.json"], /--json: a file that can be written is accepted/],
  [["sim", "--json", tmpdir()], /--json: the path of a file is accepted/],
  [["sim", "--series", "a"], /--series is accepted only with --data/],
  [["sim", "--pack", "3"], /--pack is accepted only with --data/],
  [["sim", "--data", DATA], /--data needs --pack N/],
  [["sim", "--data", DATA, "--pack", "0"], /--pack: a whole number from 1 to 65535 is accepted \(got "0"\)/],
  [["sim", "--data", DATA, "--pack", "30"], new RegExp(`--series is needed, as .* holds 5: ${LISTED}`)],
  [
    ["sim", "--data", DATA, "--pack", "30", "--series", "a"],
    new RegExp(`--series: .*: ${LISTED}.*\\(got "a"\\)`),
  ],
  [
    ["sim", "--data", DATA, "--pack", "30", "--series", "refit_h10_dishwasher_p0", "--days", "301"],
    /--days: at most 300 are accepted, the length of series "refit_h10_dishwasher_p0" \(got 301\)/,
  ],
  [["sim", "--data", "/no/such.csv", "--pack", "30"], /\/no\/such\.csv: .*ENOENT/],
];

for (const [args, says] of REFUSED) {
  test(`everfull ${args.map((arg) => (arg === "" ? "''" : arg.split("/").at(-1))).join(" ")} is refused`, async (t) => {
    const { code, out, err } = await everfull(...args);
    t.is(code, 2);
    t.is(out, "");
    t.regex(err, says);
    t.regex(err, /^everfull( sim)?: .*\nSee everfull( sim)? --help\n$/);
  });
}

test("data that is not as it must be is refused with its file and line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everfull-cli-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "gap.csv");
  writeFileSync(file, "series_id,date,quantity\na,2014-01-01,1\na,2014-01-03,1\n");
  const { code, err } = await everfull("sim", "--data", file, "--pack", "30");
  t.is(code, 2);
  t.true(err.startsWith(`everfull sim: ${file}:3: date 2014-01-03: 2014-01-02 is accepted`), err);
});

test("a run that cannot reach its broker fails with what went wrong", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const broker = `mqtt://127.0.0.1:${port}`;
  const { code, out, err } = await everfull("sim", "--days", "1", "--engine", "node", "--broker", broker);
  t.is(code, 1);
  t.is(out, "");
  t.regex(err, /^everfull sim: .*ECONNREFUSED/m);
});
