import type { RunOptions, RunResult } from "../chaos/run.js";
import type { Terminal } from "./terminal.js";
import { type Command, type OptionUse, UsageError } from "./usage.js";

const DEFAULT_RUNS = 100;
const MOST_RUNS = 1_000_000;
const DEFAULT_DAYS = 60;
const MOST_DAYS = 365;
const DEFAULT_SEED = "everfull";
/** Failures that are shown at the most; the rest is counted. */
const MOST_SHOWN = 20;
/** Runs between two lines of progress. */
const PROGRESS = 500;

const OPTIONS: readonly OptionUse[] = [
  { name: "runs", value: "N", about: `runs, 1 to ${MOST_RUNS} (default ${DEFAULT_RUNS})` },
  { name: "seed", value: "TEXT", about: `the same seed gives the same runs (default ${DEFAULT_SEED})` },
  {
    name: "days",
    value: "N",
    about: `days with faults in each run, 1 to ${MOST_DAYS} (default ${DEFAULT_DAYS}); five without follow`,
  },
  { name: "run", value: "N", about: "this one alone, from 0, and show what happened in it" },
];

type RunChaos = (options: RunOptions) => Promise<RunResult>;

/** The `chaos` command. The simulation is loaded only when it runs; tests bring their own. */
export function chaosCommand(load: () => Promise<RunChaos> = loadChaos): Command {
  return {
    name: "chaos",
    about: "Let everything fail between device and DRS, and check that nothing is lost or ordered twice",
    options: OPTIONS,
    async run(values, terminal) {
      const runs = whole("runs", values.get("runs"), DEFAULT_RUNS, 1, MOST_RUNS);
      const days = whole("days", values.get("days"), DEFAULT_DAYS, 1, MOST_DAYS);
      const seed = values.get("seed") ?? DEFAULT_SEED;
      if (!/^[\w.:-]+$/.test(seed))
        throw new UsageError(`--seed: letters, digits and . : _ - are accepted (got "${seed}")`);
      const only = values.get("run");
      if (only !== undefined && values.has("runs"))
        throw new UsageError("--run: one run alone, --runs: so many; both at once are not accepted");
      const runChaos = await load();
      if (only === undefined) return all(runChaos, terminal, seed, runs, days);
      return one(runChaos, terminal, seed, whole("run", only, 0, 0, MOST_RUNS - 1), days);
    },
  };
}

async function loadChaos(): Promise<RunChaos> {
  return (await import("../chaos/run.js")).runChaos;
}

async function all(
  runChaos: RunChaos,
  terminal: Terminal,
  seed: string,
  runs: number,
  days: number,
): Promise<number> {
  const sum = { messages: 0, kills: 0, cuts: 0, calls: 0, orders: 0 };
  let failed = 0;
  for (let run = 0; run < runs; run++) {
    const { figures, violations } = await runChaos({ seed: `${seed}:${run}`, days });
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += figures[key];
    if (violations.length > 0 && ++failed <= MOST_SHOWN)
      terminal.out(
        `everfull chaos --seed ${seed} --days ${days} --run ${run}   # ${violation(violations[0]!)}\n`,
      );
    if ((run + 1) % PROGRESS === 0) terminal.err(`${run + 1} of ${runs} runs, ${failed} failed\n`);
  }
  terminal.out(
    `${runs} runs of ${days} days, ${failed} failed: ${sum.messages} messages, ${sum.calls} calls to DRS, ` +
      `${sum.orders} orders, ${sum.kills} gateways killed, ${sum.cuts} power cuts\n`,
  );
  return failed === 0 ? 0 : 1;
}

async function one(
  runChaos: RunChaos,
  terminal: Terminal,
  seed: string,
  run: number,
  days: number,
): Promise<number> {
  const { hash, trace, violations } = await runChaos({ seed: `${seed}:${run}`, days, trace: true });
  for (const entry of trace) terminal.out(`${entry}\n`);
  for (const each of violations) terminal.out(`${new Date(each.at).toISOString()} ${violation(each)}\n`);
  terminal.out(
    `run ${run} of ${seed}, trace ${hash}: ${violations.length === 0 ? "nothing failed" : "failed"}\n`,
  );
  return violations.length === 0 ? 0 : 1;
}

function violation({ invariant, detail }: RunResult["violations"][number]): string {
  return `${invariant}: ${detail.split("\n")[0]}`;
}

function whole(
  name: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(`--${name}: a whole number from ${least} to ${most} is accepted (got "${text}")`);
  return value;
}
