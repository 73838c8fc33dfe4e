import { parseArgs } from "node:util";
import { exploreContents } from "./contents.js";
import { exploreChains, explorePairs, exploreSingles, Findings } from "./explorer.js";
import { type Geometry, nameOf } from "./geometry.js";
import { DEVICE_OPERATIONS, exploreModel } from "./model.js";
import { exploreReadErrors, exploreRefusals, exploreWear } from "./refusals.js";
import { replay } from "./replay.js";
import { type Scenario, scenarios } from "./scenarios.js";

const HELP = `npm run test:powercut -- [options]

Cuts power until the time is over, each round with other seeds, and tells what was lost.

  --minutes N      how long; default 10
  --scenario NAME  only this scenario
  --seed S         the seed of the first round; default: from the clock, and told
  --operations N   instead: the model-based test with so many operations, then it ends
  --replay ID      instead: reruns the history that failed under this id, step by step
  --help           this text

Exit code 0: nothing failed, 1: something did, 2: the options are wrong.
Scenarios:
`;

const MINUTE = 60_000;
/** Time between two lines of progress. */
const PROGRESS = 10_000;
/** A device of the model has a seed of its own; seeds of rounds are this far apart. */
const ROUND = 1_000_000;

interface Options {
  readonly minutes: number;
  readonly scenario: string | undefined;
  readonly seed: number;
  readonly operations: number | undefined;
  readonly replay: string | undefined;
  readonly help: boolean;
}

/** @throws {RangeError | TypeError} */
function readOptions(all: readonly Scenario[]): Options {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      scenario: { type: "string" },
      seed: { type: "string" },
      operations: { type: "string" },
      replay: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const number = (name: string, text: string, isWhole: boolean) => {
    const value = Number(text);
    if (
      text.trim() !== "" &&
      Number.isFinite(value) &&
      value >= 0 &&
      (!isWhole || Number.isSafeInteger(value))
    )
      return value;
    throw new RangeError(`--${name}: a ${isWhole ? "whole " : ""}number is accepted (got "${text}")`);
  };
  const { scenario } = values;
  if (scenario !== undefined && !all.some(({ name }) => name === scenario))
    throw new RangeError(
      `--scenario: one of ${all.map(({ name }) => name).join(", ")} is accepted (got "${scenario}")`,
    );
  return {
    minutes: number("minutes", values.minutes, false),
    scenario,
    seed: values.seed === undefined ? Date.now() % ROUND : number("seed", values.seed, true),
    operations: values.operations === undefined ? undefined : number("operations", values.operations, true),
    replay: values.replay,
    help: values.help,
  };
}

/** Counts per scenario, told now and then. */
class Report {
  readonly #per = new Map<string, Findings>();
  readonly total = new Findings();
  #toldAt = Date.now();

  add(name: string, found: Pick<Findings, "cuts" | "failed" | "failures">): void {
    for (const { id, message } of found.failures) console.log(`FAILED ${message}\n       --replay ${id}`);
    let of = this.#per.get(name);
    if (!of) {
      of = new Findings();
      this.#per.set(name, of);
    }
    of.add(found);
    this.total.add(found);
    if (Date.now() - this.#toldAt < PROGRESS) return;
    this.#toldAt = Date.now();
    console.log(`... ${this.total.cuts} cuts, ${this.total.failed} failures, now in ${name}`);
  }

  end(): number {
    for (const [name, { cuts, failed }] of this.#per)
      console.log(
        `${name.padEnd(16)} ${String(cuts).padStart(10)} cuts ${String(failed).padStart(6)} failures`,
      );
    console.log(`${this.total.cuts} cuts, ${this.total.failed} failures`);
    return this.total.failed > 0 ? 1 : 0;
  }
}

type Explore = (scenario: Scenario, shape: Geometry, seed: number, round: number) => Findings;

function isLarge({ blocks, blockLength }: Geometry): boolean {
  return blocks * blockLength > 16384;
}

/** What is done in a round; some in the first alone, as it does not depend on the seed. */
const KINDS: readonly Explore[] = [
  (scenario, shape, seed) => exploreChains(scenario, shape, seed, isLarge(shape) ? 100 : 400),
  (scenario, shape, seed) =>
    explorePairs(
      scenario,
      shape,
      { first: "every", second: "every" },
      { first: { oneIn: isLarge(shape) ? 4000 : 400, seed }, second: { oneIn: 20, seed } },
    ),
  (scenario, shape, _, round) => (round === 0 ? exploreReadErrors(scenario, shape) : new Findings()),
  (scenario, shape, _, round) =>
    round === 0 && !isLarge(shape) ? exploreRefusals(scenario, shape) : new Findings(),
  (scenario, shape, _, round) =>
    round === 0 && !isLarge(shape) && scenario.prepare(shape).possible[0]!.number === 0
      ? exploreWear(scenario, shape, 4)
      : new Findings(),
  (scenario, shape, seed, round) =>
    exploreSingles(scenario, shape, "every", round === 0 ? undefined : { oneIn: 20, seed }),
];

/** Rounds of everything until the time is over; the first makes every single cut. */
function runRounds(all: readonly Scenario[], options: Options): number {
  const report = new Report();
  const end = Date.now() + options.minutes * MINUTE;
  const chosen = all.filter(({ name }) => options.scenario === undefined || name === options.scenario);
  for (let round = 0; Date.now() < end; round++) {
    const seed = options.seed + round;
    // Each kind for all scenarios before the next, so that a short run has something of each.
    for (const explore of KINDS)
      for (const scenario of chosen)
        for (const shape of scenario.geometries) {
          if (Date.now() >= end) return report.end();
          const { name } = scenario;
          try {
            report.add(name, explore(scenario, shape, seed, round));
          } catch (error) {
            // Without any cut: the history itself failed.
            const message = error instanceof Error ? error.message : String(error);
            report.add(name, { cuts: 0, failed: 1, failures: [{ id: `${name}/${nameOf(shape)}`, message }] });
          }
        }
    if (options.scenario !== undefined) continue;
    if (Date.now() >= end) break;
    const model = exploreModel(seed * ROUND, 20 * DEVICE_OPERATIONS);
    report.add("model", { cuts: model.counts.cuts, failed: model.failures.length, failures: model.failures });
    if (Date.now() >= end) break;
    const contents = exploreContents(all, (seed * ROUND) % 2 ** 40, 2000);
    report.add("content", { cuts: 0, failed: contents.failures.length, failures: contents.failures });
  }
  return report.end();
}

function runOperations(options: Options, operations: number): number {
  let toldAt = Date.now();
  const { counts, failures } = exploreModel(options.seed * ROUND, operations, (counts) => {
    if (Date.now() - toldAt < PROGRESS) return;
    toldAt = Date.now();
    console.log(`... ${counts.operations} operations, ${counts.cuts} cuts`);
  });
  for (const { id, message } of failures) console.log(`FAILED ${message}\n       --replay ${id}`);
  const { commits, refusals, restarts } = counts;
  console.log(
    `${counts.operations} operations: ${commits} commits, ${refusals} refusals, ${restarts} restarts`,
  );
  console.log(`${counts.cuts} cuts, ${failures.length} failures`);
  return failures.length > 0 ? 1 : 0;
}

function main(): number {
  const all = scenarios();
  let options: Options;
  try {
    options = readOptions(all);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
  if (options.help) {
    const list = all.map(({ name, about }) => `  ${name.padEnd(16)} ${about}\n`);
    process.stdout.write(HELP + list.join(""));
    return 0;
  }
  if (options.replay !== undefined) {
    try {
      return replay(options.replay, all, (text) => console.log(text)) === undefined ? 0 : 1;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      console.error(error.message);
      return 2;
    }
  }
  console.log(`seed ${options.seed}`);
  return options.operations === undefined
    ? runRounds(all, options)
    : runOperations(options, options.operations);
}

process.exitCode = main();
