import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { type Household, simCommand } from "../../../examples/cli/sim.js";
import { UsageError } from "../../../examples/cli/usage.js";
import type { RunReport } from "../../../examples/household/report.js";
import { deviceOf, reportOf, slotOf } from "../household/report-fixture.js";
import { recorder } from "./recorder.js";

type RunOptions = Parameters<Household["run"]>[0];

const DATA = fileURLToPath(
  new URL("../../../../examples/household/data/appliance_cycles.csv", import.meta.url),
);
const PASSED = reportOf([deviceOf([slotOf([40, 39, 38])])]);
const FAILED: RunReport = {
  ...PASSED,
  checks: [{ name: "nothing ran out", passed: false, found: "2 days" }],
};

/** Runs `sim` on a household that ends with this report, and keeps what it was asked. */
async function sim(values: Record<string, string>, report = PASSED, built = true) {
  const asked: RunOptions[] = [];
  const terminal = recorder();
  const command = simCommand(async () => ({
    run: async (options) => {
      asked.push(options);
      for (let day = 1; day <= options.days; day++)
        options.onProgress?.({ day, days: options.days, date: "2014-03-05" });
      return report;
    },
    findXsWorker: () => (built ? "/xs" : undefined),
    xsFix: () => "npm rebuild @agoric/xsnap",
  }));
  const code = await command.run(new Map(Object.entries(values)), terminal);
  return { code, options: asked[0] as RunOptions, terminal };
}

function folder(t: { teardown(task: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), "everfull-sim-"));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test("by default a household of two devices runs 180 days in XS", async (t) => {
  const { code, options, terminal } = await sim({});
  t.is(code, 0);
  t.is(options.days, 180);
  t.is(options.engine, "xs");
  t.is(options.seed, "everfull");
  t.false("broker" in options);
  t.is(options.devices.length, 2);
  t.true(terminal.outText().endsWith("no stock-out.\n"));
});

test("options reach the run", async (t) => {
  const { options } = await sim({ days: "20", engine: "node", seed: "x", broker: "mqtt://[::1]:1884" });
  t.is(options.days, 20);
  t.is(options.engine, "node");
  t.is(options.seed, "x");
  t.is(options.broker, "mqtt://[::1]:1884");
});

test("a run that failed one of its checks is told by the exit code, and printed all the same", async (t) => {
  const { code, terminal } = await sim({}, FAILED);
  t.is(code, 1);
  t.regex(terminal.outText(), /nothing ran out: 2 days/);
});

test("where XS is not built the run goes on in Node, and one line says how to get it", async (t) => {
  const { code, options, terminal } = await sim({ quiet: "" }, PASSED, false);
  t.is(code, 0);
  t.is(options.engine, "node");
  t.regex(terminal.errText(), /^everfull sim: .*npm rebuild @agoric\/xsnap\n$/);
});

test("who asks for Node is not told about XS", async (t) => {
  const { options, terminal } = await sim({ engine: "node", quiet: "" }, PASSED, false);
  t.is(options.engine, "node");
  t.is(terminal.errText(), "");
});

test("--json writes the whole report, also of a run that failed", async (t) => {
  const file = join(folder(t), "report.json");
  t.is((await sim({ json: file }, FAILED)).code, 1);
  t.deepEqual(JSON.parse(readFileSync(file, "utf8")), FAILED);
});

test("a report that could not be written is refused before anything runs", async (t) => {
  let loaded = false;
  const command = simCommand(async () => {
    loaded = true;
    throw new Error("loaded");
  });
  const file = join(folder(t), "missing", "report.json");
  await t.throwsAsync(command.run(new Map([["json", file]]), recorder()), { instanceOf: UsageError });
  t.false(loaded);
  t.false(existsSync(file));
});

test("--data runs one dispenser on the series that is named", async (t) => {
  const { options } = await sim({ data: DATA, series: "refit_h10_dishwasher_p0", pack: "30" });
  t.is(options.devices.length, 1);
  t.is(options.devices[0]?.series.id, "refit_h10_dishwasher_p0");
  t.is(options.devices[0]?.pack, 30);
  t.is(options.days, 180);
});

test("the only series of a file needs no name, and one shorter than 180 days is run to its end", async (t) => {
  const file = join(folder(t), "one.csv");
  writeFileSync(file, "series_id,date,quantity\nonly,2014-01-01,1\nonly,2014-01-02,0\n");
  const { options } = await sim({ data: file, pack: "5" });
  t.is(options.devices[0]?.series.id, "only");
  t.is(options.days, 2);
  await t.throwsAsync(sim({ data: file, pack: "5", days: "3" }), {
    instanceOf: UsageError,
    message: /at most 2 are accepted, the length of series "only" \(got 3\)/,
  });
  await t.throwsAsync(sim({ data: file, pack: "5", series: "other" }), { instanceOf: UsageError });
});

test("without a screen, progress is a line every 30 days", async (t) => {
  const { terminal } = await sim({ days: "95" });
  t.is(terminal.errText(), [30, 60, 90].map((day) => `2014-03-05, day ${day} of 95\n`).join(""));
});

test("--quiet shows no progress", async (t) => {
  const { options, terminal } = await sim({ days: "95", quiet: "" });
  t.false("onProgress" in options);
  t.is(terminal.errText(), "");
});

test("a run that throws leaves no half-drawn progress behind", async (t) => {
  const terminal = recorder({ redraws: true });
  const command = simCommand(async () => ({
    run: async (options) => {
      options.onProgress?.({ day: 1, days: options.days, date: "2014-03-05" });
      throw new Error("crashed");
    },
    findXsWorker: () => "/xs",
    xsFix: () => "",
  }));
  await t.throwsAsync(command.run(new Map(), terminal), { message: "crashed" });
  t.true(terminal.errText().endsWith("\r\u001b[K"));
  t.is(terminal.outText(), "");
});
