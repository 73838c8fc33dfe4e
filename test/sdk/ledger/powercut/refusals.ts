import {
  type FlashAccess,
  NOT_BEGUN,
  type NorFlash,
  type Tear,
  type Wear,
} from "../../../../hal/simulator/nor-flash.js";
import { LedgerError } from "../../../../sdk/ledger/index.js";
import { Findings } from "./explorer.js";
import { type Geometry, nameOf, newFlash } from "./geometry.js";
import { isAsBefore, isOneOf, Violation, Witness, writesOnce } from "./invariants.js";
import type { Scenario } from "./scenarios.js";
import type { Expected, Running } from "./stores.js";
import { tearId, tearOf } from "./tears.js";

/*
 * Operations that are refused while power stays on: what a worn chip, a driver that times out or a bus that fails does. What was refused may be
 * in the flash all the same, so a restart may find it; nothing else may change.
 */

/** Times that a store is given to get over one refusal. */
const MOST_TRIES = 3;
/** Commits after a start in which reads were refused; each is followed by a restart. */
const COMMITS_AFTER_READ = 4;
/** Commits of a life in which others are refused, at the most: the life is run once for each refusal. */
const MOST_COMMITS = 36;
/** How much of a refused operation is in the flash: nothing, a part, any bits, all of it, and any bits that read anew. */
const EFFECTS: readonly Tear[] = Object.freeze([
  NOT_BEGUN,
  { done: 5, reach: 1, share: 128, seed: 1 },
  { done: 0, reach: 0xffff, share: 128, seed: 2 },
  { done: 0xffff, reach: 0, share: 0, seed: 3 },
  { done: 0, reach: 0xffff, share: 128, seed: 4, unstable: true },
]);

/** A store that can go on no more, and has lost nothing. */
class Stalled extends Error {
  override name = "Stalled";
}

/** A life in which operations are refused, and what may be found after it. */
class Refused {
  readonly #scenario: Scenario;
  readonly flash: NorFlash;
  readonly #witness: Witness;
  readonly #tell: ((text: string) => void) | undefined;
  #running: Running | undefined;
  /** What a restart may find; the first is what the store knows in RAM. */
  #possible: readonly Expected[];
  /** With a worn block there may be too few left to go on; then what was committed must still be there for another flash chip. */
  mayStall = false;

  constructor(
    scenario: Scenario,
    flash: NorFlash,
    possible: readonly Expected[],
    tell?: (text: string) => void,
    witness = new Witness(scenario.codec),
  ) {
    this.#scenario = scenario;
    this.flash = flash;
    this.#possible = possible;
    this.#witness = witness;
    this.#tell = tell;
  }

  /** Opens, trying again when that is refused. */
  open(): void {
    for (let attempt = 0; ; attempt++) {
      try {
        // What was there before `open()` existed has to be made anew.
        this.#running ??= this.#scenario.start(this.flash, (text) => this.#tell?.(`  warning: ${text}`));
        this.#running.open();
        break;
      } catch (error) {
        this.#expectRefusal(error, attempt);
        this.restart();
      }
    }
    this.#possible = [isOneOf(this.#possible, this.#running.state)];
    this.#running.check(this.#possible[0]!, this.#witness);
    this.restart();
  }

  /** Commits, trying again what was refused; what is tried again may differ. */
  commit(): void {
    for (let attempt = 0; ; attempt++) {
      const [known, ...doubtful] = this.#possible;
      const next = known!.next(attempt);
      this.#possible = [known!, ...doubtful, next];
      try {
        this.#running!.commit(known!, attempt);
      } catch (error) {
        this.#expectRefusal(error, attempt);
        isAsBefore(known!.state, this.#running!.state, "after a commit that was refused");
        this.restart();
        continue;
      }
      this.#possible = [next];
      isAsBefore(next.state, this.#running!.state, "from what was committed");
      this.#running!.check(next, this.#witness);
      return;
    }
  }

  /** The same partition after a restart. */
  reopened(): Refused {
    const life = new Refused(this.#scenario, this.flash, this.#possible, this.#tell, this.#witness);
    life.mayStall = this.mayStall;
    return life;
  }

  /** What a restart would find if power went off now: on a copy, that is not refused anything. */
  restart(): void {
    const copy = this.flash.clone(this.mayStall);
    for (const readings of ["settled", "old", "new"] as const) {
      copy.powerOn(readings);
      const running = this.#scenario.start(copy, () => {});
      running.open();
      const found = isOneOf(this.#possible, running.state);
      running.check(found, this.#witness.clone());
      writesOnce(copy);
      if (copy.unstableBytes === 0) return;
    }
  }

  #expectRefusal(error: unknown, attempt: number): void {
    this.#tell?.(`  refused: ${error}`);
    if (!(error instanceof LedgerError && error.code === "flash")) throw error;
    if (attempt < MOST_TRIES) return;
    if (this.mayStall) throw new Stalled("no block is left");
    throw new Violation("getsOver", `still refused at attempt ${attempt}: ${error}`);
  }
}

/** Counts the accesses of a scenario when nothing is refused: those that change content, and the reads of opening. */
function rehearse(scenario: Scenario, shape: Geometry): { operations: number; openingReads: number } {
  const { flash, possible } = scenario.prepare(shape);
  let operations = 0;
  let reads = 0;
  flash.refuse = (access) => {
    if (access.kind === "read") reads++;
    else operations++;
    return undefined;
  };
  const running = scenario.start(flash, () => {});
  running.open();
  const openingReads = reads;
  let expected = isOneOf(possible, running.state);
  for (let i = 0; i < Math.min(scenario.commits, MOST_COMMITS); i++) {
    running.commit(expected, 0);
    expected = expected.next(0);
  }
  return { operations, openingReads };
}

/** Refuses accesses from the nth on, so many of them. */
function refuseFrom(
  kind: "read" | "change",
  from: number,
  count: number,
  effect: Tear,
): (access: FlashAccess) => Tear | undefined {
  let seen = 0;
  return (access) => {
    if ((access.kind === "read") !== (kind === "read")) return undefined;
    const number = seen++;
    return number >= from && number < from + count ? effect : undefined;
  };
}

/** Refuses every operation of a scenario once, and twice in a row, with power staying on. */
export function exploreRefusals(scenario: Scenario, shape: Geometry): Findings {
  const { operations } = rehearse(scenario, shape);
  return exploreAccesses(scenario, shape, "change", operations, EFFECTS, [1, 2]);
}

/** Refuses every read of opening, once and several times in a row: a block may be unreadable for a while. */
export function exploreReadErrors(scenario: Scenario, shape: Geometry): Findings {
  const { openingReads } = rehearse(scenario, shape);
  return exploreAccesses(scenario, shape, "read", openingReads, [NOT_BEGUN], [1, 2, 3, 4]);
}

function exploreAccesses(
  scenario: Scenario,
  shape: Geometry,
  kind: "read" | "change",
  accesses: number,
  effects: readonly Tear[],
  counts: readonly number[],
): Findings {
  const findings = new Findings();
  for (let at = 0; at < accesses; at++)
    for (const effect of effects)
      for (const count of counts) {
        findings.cuts++;
        findings.attempt(
          () => refusalId(scenario, shape, kind, at, count, effect),
          () => runRefusal(scenario, shape, kind, at, count, effect),
        );
      }
  return findings;
}

function refusalId(
  scenario: Scenario,
  shape: Geometry,
  kind: string,
  at: number,
  count: number,
  effect: Tear,
): string {
  return ["refusal", scenario.name, nameOf(shape), `${kind}.${at}.${count}.${tearId(effect)}`].join("/");
}

function runRefusal(
  scenario: Scenario,
  shape: Geometry,
  kind: "read" | "change",
  at: number,
  count: number,
  effect: Tear,
  tell?: (text: string) => void,
): void {
  const { flash, possible } = scenario.prepare(shape);
  flash.refuse = refuseFrom(kind, at, count, effect);
  const life = new Refused(scenario, flash, possible, tell);
  life.open();
  const commits = Math.min(scenario.commits, kind === "read" ? COMMITS_AFTER_READ : MOST_COMMITS);
  for (let i = 0; i < commits; i++) {
    life.commit();
    tell?.(`  commit ${i + 1} returned`);
    if (kind === "read") life.restart();
  }
  writesOnce(flash);
  life.restart();
}

const MANNERS = Object.freeze(["refusesErase", "refusesWrite", "keepsZeros", "keepsOnes"] as const);

/** Goes on for several rounds of the ring while one block wears out, in each manner and each block, with restarts in between. */
export function exploreWear(scenario: Scenario, shape: Geometry, rounds: number): Findings {
  const findings = new Findings();
  for (let block = 0; block < shape.blocks; block++)
    for (const after of [0, 1, 2])
      for (const manner of MANNERS)
        for (const seed of manner.startsWith("keeps") ? [1, 2, 3] : [0]) {
          findings.cuts++;
          findings.attempt(
            () =>
              ["wear", scenario.name, nameOf(shape), `${block}.${after}.${manner}.${seed}.${rounds}`].join(
                "/",
              ),
            () => runWear(scenario, shape, { block, after, manner, seed }, rounds),
          );
        }
  return findings;
}

function runWear(
  scenario: Scenario,
  shape: Geometry,
  wear: Wear,
  rounds: number,
  tell?: (text: string) => void,
): void {
  const flash = newFlash(shape, wear);
  const { possible } = scenario.prepare(shape);
  const erases = () => flash.erases.reduce((sum, each) => sum + each, 0);
  let life = new Refused(scenario, flash, possible, tell);
  // One block in use, one that takes over, one that is needed until it has: none of three may be worn.
  life.mayStall = shape.blocks === 3;
  try {
    life.open();
    for (let committed = 1; erases() < rounds * shape.blocks; committed++) {
      life.commit();
      tell?.(`  commit ${committed} returned; erases: ${flash.erases.join(" ")}`);
      if (committed % 10 === 0) life.restart();
      if (committed % 37 === 0) {
        life = life.reopened();
        life.open();
      }
      if (committed > 10_000) throw new Violation("getsOver", "the ring does not go around");
    }
  } catch (error) {
    if (!(error instanceof Stalled)) throw error;
    tell?.("  the store can go on no more");
  }
  writesOnce(flash);
  life.restart();
}

/** Reruns what `refusal/...` or `wear/...` names. */
export function replayRefusal(
  id: string,
  scenarios: readonly Scenario[],
  geometryOf: (name: string) => Geometry,
  tell: (text: string) => void,
): string | undefined {
  const [what, name, shapeName, detail] = id.split("/");
  const scenario = scenarios.find((each) => each.name === name);
  const parts = detail?.split(".") ?? [];
  if (!scenario || parts.length < 4) throw new RangeError(`replay: not the id of a ${what} (got "${id}")`);
  const shape = geometryOf(shapeName!);
  try {
    if (what === "refusal") {
      const [kind, at, count, effect] = parts;
      if (kind !== "read" && kind !== "change")
        throw new RangeError(`replay: read or change (got "${kind}")`);
      runRefusal(scenario, shape, kind, Number(at), Number(count), tearOf(effect!), tell);
    } else {
      const [block, after, manner, seed, rounds] = parts;
      const wear = {
        block: Number(block),
        after: Number(after),
        manner: manner as (typeof MANNERS)[number],
        seed: Number(seed),
      };
      runWear(scenario, shape, wear, Number(rounds), tell);
    }
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    tell(`failed: ${message}`);
    return message;
  }
  tell("nothing failed");
  return undefined;
}
