import { Random } from "../../../../hal/simulator/models/random.js";
import { NOT_BEGUN, type Tear } from "../../../../hal/simulator/nor-flash.js";
import { type Geometry, geometryOf, nameOf } from "./geometry.js";
import { History, LIFE_COMMITS, type Point } from "./history.js";
import type { Scenario } from "./scenarios.js";
import { type Cut, cutId, cutOf, type Detail, type Refusal, type Variant, variantsOf } from "./tears.js";

/** Failures that are kept; all are counted. */
const MOST_KEPT = 20;

export interface Failure {
  /** Reruns the history: see {@link replay}. */
  readonly id: string;
  readonly message: string;
}

/** What an exploration has found. */
export class Findings {
  /** Cuts that were made, each followed by three starts and what goes on between them. */
  cuts = 0;
  failed = 0;
  readonly failures: Failure[] = [];

  /** Runs one history; what it throws is a failure. */
  attempt(id: () => string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fail(id(), error);
    }
  }

  fail(id: string, error: unknown): void {
    this.failed++;
    if (this.failures.length < MOST_KEPT)
      this.failures.push({ id, message: error instanceof Error ? error.message : String(error) });
  }

  add(other: { cuts: number; failed: number; failures: readonly Failure[] }): void {
    this.cuts += other.cuts;
    this.failed += other.failed;
    this.failures.push(...other.failures.slice(0, MOST_KEPT - this.failures.length));
  }
}

/** The operations of a scenario when nothing goes wrong. */
export function rehearse(scenario: Scenario, shape: Geometry): { start: History; points: Point[] } {
  const start = History.begin(scenario, shape);
  const points: Point[] = [];
  const rehearsal = new History(scenario, start.flash.clone(), start.possible);
  rehearsal.live({
    readings: "settled",
    seed: 0,
    commits: scenario.commits,
    ...(scenario.restartsEvery && { restartsEvery: scenario.restartsEvery }),
    onPoint: (point) => points.push({ ...point, witness: point.witness.clone() }),
  });
  return { start, points };
}

export function historyId(scenario: Scenario, shape: Geometry, cuts: readonly Cut[]): string {
  return [scenario.name, nameOf(shape), ...cuts.map(cutId)].join("/");
}

/**
 * Walks through the operations of a history, with the flash as it is before each, and makes every chosen torn variant of each.
 *
 * The history is run once: no cut needs it from its begin.
 */
export function* torn(
  scenario: Scenario,
  start: History,
  points: readonly Point[],
  shape: Geometry,
  detail: Detail,
): Generator<{ readonly cut: Cut; make(): History }> {
  const walk = start.flash.clone();
  for (const [operation, point] of points.entries()) {
    for (const variant of variantsOf(point.operation, shape, detail))
      yield {
        cut: { operation, ...variant },
        make: () => {
          const flash = walk.clone();
          flash.interrupt(point.operation, variant.tear);
          return new History(scenario, flash, point.possible, point.witness.clone(), start.lives + 1);
        },
      };
    walk.apply(point.operation);
  }
}

/** Which of many things are tried: all, or about one in so many, by a seed. */
export interface Sample {
  readonly oneIn: number;
  readonly seed: number;
}

function sampler(sample: Sample | undefined): () => boolean {
  if (!sample || sample.oneIn <= 1) return () => true;
  const random = new Random(`sample ${sample.seed}`);
  return () => random.next() * sample.oneIn < 1;
}

/** Cuts power once, at every operation of a scenario and in every torn variant. */
export function exploreSingles(
  scenario: Scenario,
  shape: Geometry,
  detail: Detail,
  sample?: Sample,
): Findings {
  const findings = new Findings();
  const isChosen = sampler(sample);
  const { start, points } = rehearse(scenario, shape);
  for (const { cut, make } of torn(scenario, start, points, shape, detail)) {
    if (!isChosen()) continue;
    findings.cuts++;
    findings.attempt(
      () => historyId(scenario, shape, [cut]),
      () => make().conclude(cut),
    );
  }
  return findings;
}

/** Cuts power twice: in a scenario, then in the recovery from that and in the first commit after it. */
export function explorePairs(
  scenario: Scenario,
  shape: Geometry,
  details: { readonly first: Detail; readonly second: Detail },
  samples: { readonly first?: Sample; readonly second?: Sample } = {},
): Findings {
  const findings = new Findings();
  const isFirst = sampler(samples.first);
  const isSecond = sampler(samples.second);
  const { start, points } = rehearse(scenario, shape);
  for (const { cut, make } of torn(scenario, start, points, shape, details.first)) {
    if (!isFirst()) continue;
    findings.cuts++;
    const recovery: Point[] = [];
    findings.attempt(
      () => historyId(scenario, shape, [cut]),
      () => {
        make().live({
          readings: cut.readings[0]!,
          seed: cut.seed,
          commits: 1,
          onPoint: (point) => recovery.push({ ...point, witness: point.witness.clone() }),
        });
      },
    );
    for (const second of torn(scenario, make(), recovery, shape, details.second)) {
      if (!isSecond()) continue;
      findings.cuts++;
      findings.attempt(
        () => historyId(scenario, shape, [cut, second.cut]),
        () => second.make().conclude(second.cut),
      );
    }
  }
  return findings;
}

/**
 * Cuts power several times in a row: the first anywhere in the scenario, the others mostly in recoveries.
 *
 * @param histories how many are run
 */
export function exploreChains(
  scenario: Scenario,
  shape: Geometry,
  seed: number,
  histories: number,
): Findings {
  const findings = new Findings();
  const random = new Random(`chains ${scenario.name} ${nameOf(shape)} ${seed}`);
  const { start, points } = rehearse(scenario, shape);
  const chosen = Array.from({ length: histories }, () => random.int(points.length)).sort((a, b) => a - b);
  const walk = start.flash.clone();
  let walked = 0;
  for (const operation of chosen) {
    for (; walked < operation; walked++) walk.apply(points[walked]!.operation);
    const point = points[operation]!;
    const cuts: Cut[] = [{ operation, ...anyVariant(random, point, shape) }];
    findings.cuts++;
    const flash = walk.clone();
    flash.interrupt(point.operation, cuts[0]!.tear);
    const history = new History(scenario, flash, point.possible, point.witness.clone(), start.lives + 1);
    findings.attempt(
      () => historyId(scenario, shape, cuts),
      () => {
        for (let more = 1 + random.int(5); more > 0; more--) {
          const before = cuts.at(-1)!;
          // Where it hits is not known before; a life that does not come so far ends whole.
          const next = random.int(random.int(3) > 0 ? 5 : 14);
          const refusal = random.int(3) === 0 ? anyRefusal(random, next) : undefined;
          const wasCut = history.live({
            readings: before.readings[0]!,
            seed: before.seed,
            commits: LIFE_COMMITS,
            cut: {
              operation: next,
              tear: (operation) => {
                const variant = anyVariant(random, { operation }, shape);
                cuts.push({ operation: next, ...variant, ...(refusal && { refusal }) });
                return variant.tear;
              },
            },
            ...(refusal && { refusal }),
          });
          if (!wasCut) {
            const { refusal: _, ...rest } = before;
            cuts.push({ ...rest, operation: NEVER, ...(refusal && { refusal }) });
          } else findings.cuts++;
        }
        history.conclude(cuts.at(-1)!);
      },
    );
  }
  return findings;
}

/** A refusal of an operation up to one. */
function anyRefusal(random: Random, last: number): Refusal {
  const effects: readonly Tear[] = [
    NOT_BEGUN,
    { done: random.int(64), reach: 4, share: 128, seed: random.int(1000) },
    { done: 0xffff, reach: 0, share: 0, seed: 0 },
    { done: 0, reach: 0xffff, share: 128, seed: random.int(1000), unstable: true },
  ];
  return { operation: random.int(last + 1), effect: effects[random.int(effects.length)]! };
}

/** An operation that no life reaches. */
const NEVER = 99999;

function anyVariant(random: Random, { operation }: Pick<Point, "operation">, shape: Geometry): Variant {
  const all = variantsOf(operation, shape, (["every", "units", "few"] as const)[random.int(3)]!);
  // What reads otherwise the next time is what several cuts in a row are about.
  const variants = random.int(2) === 0 ? all.filter(({ tear }) => tear.unstable) : all;
  const variant = variants[random.int(variants.length)]!;
  return { ...variant, seed: random.int(1_000_000) };
}

/**
 * Reruns a history from its begin and tells it step by step.
 *
 * @returns what failed, undefined when nothing did
 * @throws {RangeError} for what is not the id of a history
 */
export function replay(
  id: string,
  scenarios: readonly Scenario[],
  tell: (text: string) => void,
): string | undefined {
  const [name, shapeName, ...cutIds] = id.split("/");
  const scenario = scenarios.find((each) => each.name === name);
  if (!scenario)
    throw new RangeError(
      `replay: one of ${scenarios.map((each) => each.name).join(", ")} is accepted (got "${name}")`,
    );
  const shape = geometryOf(shapeName ?? "");
  const cuts = cutIds.map(cutOf);
  const history = History.begin(scenario, shape, tell);
  tell(`${scenario.name}: ${scenario.about}; ${shape.blocks} blocks of ${shape.blockLength} bytes`);
  try {
    for (const [index, cut] of cuts.entries()) {
      const before = cuts[index - 1];
      const readings = before ? before.readings[0]! : "settled";
      tell(`life ${index}: unstable bits read ${readings}`);
      history.live({
        readings,
        seed: before?.seed ?? 0,
        commits: before ? LIFE_COMMITS : scenario.commits,
        ...(!before && scenario.restartsEvery && { restartsEvery: scenario.restartsEvery }),
        cut: { operation: cut.operation, tear: () => cut.tear },
        ...(cut.refusal && { refusal: cut.refusal }),
      });
    }
    if (cuts.length === 0)
      history.live({
        readings: "settled",
        seed: 0,
        commits: scenario.commits,
        ...(scenario.restartsEvery && { restartsEvery: scenario.restartsEvery }),
      });
    const last = cuts.at(-1) ?? { readings: ["settled" as const], seed: 0 };
    tell(`power stays: three starts, in which unstable bits read ${last.readings.join(", ")}`);
    history.conclude(last);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell(`failed: ${message}`);
    return message;
  }
  tell("nothing failed");
  return undefined;
}
