import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { CASES } from "./cases.js";
import { benchForecast } from "./command.js";
import { USES } from "./options.js";
import { POLICIES } from "./policies/index.js";

const folder = mkdtempSync(join(tmpdir(), "everfull-forecast-"));
test.after.always(() => rmSync(folder, { recursive: true }));

function run(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const status = benchForecast(
    args,
    (text) => out.push(text),
    (text) => err.push(text),
  );
  return { status, stdout: `${out.join("\n")}\n`, stderr: err.join("\n") };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Four series of three homes, 200 days each. */
function sample(): string {
  const rows = ["h1_soap", "h1_tea", "h2_soap", "h3_soap"].flatMap((id, which) =>
    Array.from({ length: 200 }, (_, day) => {
      const date = new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10);
      return `${id},${date},${(day * (which + 3)) % 7 < 3 ? which + 1 : 0}`;
    }),
  );
  return file("sample.csv", `series_id,date,quantity\n${rows.join("\n")}\n`);
}

test("the help names every option and case, and is no failure", (t) => {
  const { status, stdout } = run("--help");
  t.is(status, 0);
  for (const { name } of USES) t.true(stdout.includes(`--${name} `), name);
  for (const { id } of CASES) t.true(stdout.includes(`  ${id} `), id);
});

test("a series that is over before it is warm has nothing to judge; means that packs are not exact with are refused", (t) => {
  const short = file("short.csv", "series_id,date,quantity\nh1_a,2024-01-01,3\nh1_a,2024-01-02,1\n");
  t.is(run("--data", short, "--cases", "paired,closed,missed-days").status, 0);
  for (const mean of ["1e-9", "1e15"]) {
    const rows = Array.from(
      { length: 40 },
      (_, day) => `h1_a,${new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10)},${mean}`,
    );
    const odd = file("odd.csv", `series_id,date,quantity\n${rows.join("\n")}\n`);
    const { status, stderr } = run("--data", odd);
    t.is(status, 2);
    t.regex(stderr, /--data: a mean of .* is accepted .* in series "h1_a"/);
  }
});

test("wrong options are refused with what is accepted", (t) => {
  for (const [args, message] of [
    [["--colour"], /unknown option --colour: accepted are --data, --homes, --cases, --json, --svg, --band/],
    [["stray"], /argument "stray": only options are accepted/],
    [["--data"], /--data needs a value/],
    [["--homes", "mine"], /--homes: one of all, tune, report is accepted \(got "mine"\)/],
    [["--cases", "paired,none"], /--cases: some of paired,closed,.* are accepted \(got "none"\)/],
    [["--band", "h1_soap"], /--band: only with --svg is a series accepted \(got "h1_soap"\)/],
    [
      ["--band", "none", "--svg", join(folder, "none.svg")],
      /--band: the id of a series with a pack for 30 days that ends is accepted \(got "none"\)/,
    ],
    [["--tune", "--homes", "all"], /--tune: only --data is accepted beside it \(got --homes\)/],
    [["--tune", "--data", sample()], /--tune: at least 3 homes for tuning are accepted \(got 1\)/],
    [["--json", folder], /--json: the path of a file is accepted/],
    [["--svg", join(folder, "none", "x.svg")], /--svg: a file in a folder that exists is accepted/],
  ] as const) {
    const { status, stdout, stderr } = run(...args);
    t.is(status, 2, args.join(" "));
    t.regex(stderr, message);
    t.is(stdout, "\n");
  }
});

test("the program ends with the exit code, and says what was wrong apart from the figures", (t) => {
  const main = fileURLToPath(new URL("main.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "--colour"], { encoding: "utf8" });
  t.is(status, 2);
  t.is(stdout, "");
  t.regex(stderr, /^unknown option --colour: .*\n$/);
});

test("data that are not accepted are refused with file, line, field and value", (t) => {
  const head = "series_id,date,quantity\n";
  for (const [name, text, message] of [
    ["header.csv", "id,day,use\n", /header\.csv:1: header "id,day,use"/],
    ["quantity.csv", `${head}a,2024-01-01,1\na,2024-01-02,-1\n`, /quantity\.csv:3: quantity "-1"/],
    ["date.csv", `${head}a,2024-02-30,1\n`, /date\.csv:2: date "2024-02-30"/],
    [
      "gap.csv",
      `${head}a,2024-01-01,1\na,2024-01-03,1\n`,
      /gap\.csv:3: date 2024-01-03: 2024-01-02 is accepted/,
    ],
    ["none.csv", `${head}a,2024-01-01,0\n`, /at least one series with any use is accepted/],
  ] as const) {
    const { status, stderr } = run("--data", file(name, text));
    t.is(status, 2, name);
    t.regex(stderr, message);
  }
  t.regex(run("--data", join(folder, "nowhere.csv")).stderr, /nowhere\.csv: .*ENOENT/);
  const one = file("one.csv", `${head}a,2024-01-01,1\n`);
  t.regex(run("--data", one, "--homes", "tune").stderr, /--homes: tune has no home/);
});

test("the same input gives the same bytes: text, JSON and picture", (t) => {
  const data = sample();
  const [first, second] = ["a", "b"].map((name) => {
    const json = join(folder, `${name}.json`);
    const svg = join(folder, `${name}.svg`);
    const { status, stdout } = run("--data", data, "--json", json, "--svg", svg);
    return { status, stdout, json: readFileSync(json, "utf8"), svg: readFileSync(svg, "utf8") };
  });
  t.is(first!.status, 0);
  t.deepEqual(first, second);
  for (const { title } of CASES) t.true(first!.stdout.includes(`\n${title}\n`), title);
  for (const { name } of POLICIES) t.true(first!.stdout.includes(`\n  ${name} `), name);
  t.notRegex(first!.stdout, /NaN|undefined|Infinity/);
  t.notRegex(first!.svg, /NaN|undefined|Infinity/);
  t.regex(first!.svg, /^<svg [^>]*>\n[\s\S]*<\/svg>\n$/);
});

test("JSON has the figures of every case, policy, length of a pack and half of the homes", (t) => {
  const json = join(folder, "all.json");
  run("--data", sample(), "--json", json);
  const { data, cases } = JSON.parse(readFileSync(json, "utf8"));
  t.deepEqual(data, { series: 4, days: 800, homes: "all", tune: ["2"], report: ["1", "3"] });
  t.deepEqual(
    cases.map(({ id }: { id: string }) => id),
    CASES.map(({ id }) => id),
  );
  for (const { policies } of cases) {
    t.is(policies.length, POLICIES.length);
    for (const { figures } of policies) {
      t.deepEqual(Object.keys(figures), ["all", "tune", "report"]);
      for (const at of [0, 1, 2]) {
        t.is(figures.all[at].orders, figures.tune[at].orders + figures.report[at].orders);
        t.is(figures.all[at].packDays, [14, 30, 60][at]);
      }
    }
  }
});

test("half of the homes alone has the figures that it has within all", (t) => {
  const data = sample();
  const read = (homes: string) => {
    const json = join(folder, `${homes}.json`);
    run("--data", data, "--homes", homes, "--cases", "paired,closed", "--json", json);
    return JSON.parse(readFileSync(json, "utf8"));
  };
  const all = read("all");
  for (const half of ["tune", "report"]) {
    const alone = read(half);
    alone.cases.forEach(({ policies }: { policies: { figures: object }[] }, at: number) => {
      policies.forEach(({ figures }, which) => {
        t.deepEqual(figures, { [half]: all.cases[at].policies[which].figures[half] });
      });
    });
  }
});

test("one series is drawn as it is in the README of the forecast", (t) => {
  const svg = join(folder, "band.svg");
  const { status, stdout } = run("--band", "refit_h10_dishwasher_p0", "--svg", svg);
  t.is(status, 0);
  t.is(
    stdout,
    "refit_h10_dishwasher_p0: 6 packs; evenings whose 80 % interval held the truth: 28 of 28, 26 of 27, 28 of 29, 24 of 36, 29 of 31, 29 of 34\n",
  );
  const committed = fileURLToPath(new URL("../../../../sdk/forecast/band.svg", import.meta.url));
  t.is(readFileSync(svg, "utf8"), readFileSync(committed, "utf8"));
});
