import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import test from "ava";

const MAIN = fileURLToPath(new URL("main.js", import.meta.url));

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("the help names every option and scenario, and is no failure", (t) => {
  const { status, stdout } = run("--help");
  t.is(status, 0);
  for (const word of [
    "--minutes",
    "--scenario",
    "--seed",
    "--operations",
    "--replay",
    "order-cycle",
    "tally-ring",
  ])
    t.true(stdout.includes(word), word);
});

test("wrong options are refused with what is accepted", (t) => {
  for (const [args, message] of [
    [["--minutes", "soon"], /--minutes: a number is accepted \(got "soon"\)/],
    [["--operations", "1.5"], /--operations: a whole number is accepted/],
    [["--scenario", "none"], /--scenario: one of first-boot, .* is accepted \(got "none"\)/],
    [["--replay", "none/3x512a4"], /replay: one of first-boot/],
    [["--colour"], /--colour/],
    [["stray"], /stray/],
  ] as const) {
    const { status, stderr } = run(...args);
    t.is(status, 2, args.join(" "));
    t.regex(stderr, message);
  }
});

test("a replay tells its history", (t) => {
  const { status, stdout } = run("--replay", "tally-short/3x512a4/0.d0r0s0x0.s0");
  t.is(status, 0, stdout);
  t.regex(stdout, /operation 0: .*: power is cut/);
});

test("so many operations of the model are run, and the last line counts the cuts", (t) => {
  const { stdout } = run("--operations", "300", "--seed", "5");
  t.regex(stdout, /^seed 5\n/);
  t.regex(stdout, /300 operations: \d+ commits/);
  t.regex(stdout, /\n\d+ cuts, 0 failures\n$/);
});

test("without any time there are no cuts, and no failures", (t) => {
  const { status, stdout } = run("--minutes", "0");
  t.is(status, 0);
  t.regex(stdout, /\n0 cuts, 0 failures\n$/);
});
