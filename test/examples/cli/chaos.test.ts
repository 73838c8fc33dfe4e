import test from "ava";
import type { RunResult } from "../../../examples/chaos/run.js";
import { chaosCommand } from "../../../examples/cli/chaos.js";
import { UsageError } from "../../../examples/cli/usage.js";
import { recorder } from "./recorder.js";

const FIGURES = { messages: 5, kills: 4, cuts: 3, calls: 2, orders: 1, unheard: 0, keys: 1, successors: 0 };
const AT = Date.UTC(2026, 5, 1);

/** Runs whose seed ends so fail. */
function command(failing: string, seeds: string[] = []) {
  return chaosCommand(async () => async ({ seed, days }): Promise<RunResult> => {
    seeds.push(`${seed} ${days}`);
    const violations = seed.endsWith(failing)
      ? [{ invariant: "one order", detail: "slot 0, cycle 2", at: AT }]
      : [];
    return { seed, violations, hash: "00ff", trace: ["what happened"], figures: FIGURES };
  });
}

test("each failure is one line that runs it again", async (t) => {
  const seeds: string[] = [];
  const terminal = recorder();
  const values = new Map([
    ["runs", "12"],
    ["seed", "S"],
    ["days", "7"],
  ]);
  t.is(await command(":7", seeds).run(values, terminal), 1);
  t.is(
    terminal.outText(),
    "everfull chaos --seed S --days 7 --run 7   # one order: slot 0, cycle 2\n" +
      "12 runs of 7 days, 1 failed: 60 messages, 24 calls to DRS, 12 orders, 48 gateways killed, 36 power cuts\n",
  );
  t.is(seeds.length, 12);
  const again: string[] = [];
  const shown = recorder();
  const line = new Map([
    ["seed", "S"],
    ["days", "7"],
    ["run", "7"],
  ]);
  t.is(await command(":7", again).run(line, shown), 1);
  t.deepEqual(again, ["S:7 7"]);
  t.is(seeds[7], again[0]);
  t.regex(
    shown.outText(),
    /^what happened\n2026-06-01T00:00:00.000Z one order: .*\nrun 7 of S, trace 00ff: failed\n$/,
  );
});

test("without a failure the exit code is 0", async (t) => {
  const terminal = recorder();
  t.is(await command("never").run(new Map([["runs", "2"]]), terminal), 0);
  t.regex(terminal.outText(), /^2 runs of 60 days, 0 failed: /);
});

test("bad values are refused by name", async (t) => {
  for (const [name, value] of [
    ["runs", "0"],
    ["days", "366"],
    ["seed", "a b"],
    ["run", "-1"],
  ] as const)
    await t.throwsAsync(command("").run(new Map([[name, value]]), recorder()), {
      instanceOf: UsageError,
      message: new RegExp(`^--${name}: `),
    });
  const both = new Map([
    ["runs", "1"],
    ["run", "1"],
  ]);
  await t.throwsAsync(command("").run(both, recorder()), { instanceOf: UsageError });
});
