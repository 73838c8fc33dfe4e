import {
  type FlashOperation,
  type NorFlash,
  PowerCut,
  type Readings,
  type Tear,
} from "../../../../hal/simulator/nor-flash.js";
import { LedgerError } from "../../../../sdk/ledger/index.js";
import type { Geometry } from "./geometry.js";
import { isAsBefore, isOneOf, readsLittle, Violation, Witness, writesOnce } from "./invariants.js";
import type { Scenario } from "./scenarios.js";
import type { Expected } from "./stores.js";
import type { Refusal, Variant } from "./tears.js";

/** Commits of a life after a cut. */
export const LIFE_COMMITS = 3;

/** An operation of a history, and what is known when it begins. */
export interface Point {
  readonly operation: FlashOperation;
  readonly possible: readonly Expected[];
  readonly witness: Witness;
}

/** One life: from power on to power off. */
export interface Life {
  readonly readings: Readings;
  /** Of random readings. */
  readonly seed: number;
  readonly commits: number;
  readonly restartsEvery?: number;
  /** The operation that is cut, counted from 0, and how it is torn. */
  readonly cut?: { readonly operation: number; tear(operation: FlashOperation): Tear };
  readonly refusal?: Refusal;
  readonly onPoint?: (point: Point) => void;
}

/** A partition through several lives, and what must be in it. */
export class History {
  readonly scenario: Scenario;
  readonly flash: NorFlash;
  /** What may be found: one state, or two while a commit is under way. */
  possible: readonly Expected[];
  readonly witness: Witness;
  /** Lives that have begun; also the branch of history, so that what is lost is not by chance committed again. */
  lives: number;
  readonly tell: ((text: string) => void) | undefined;

  constructor(
    scenario: Scenario,
    flash: NorFlash,
    possible: readonly Expected[],
    witness = new Witness(scenario.codec),
    lives = 0,
    tell?: (text: string) => void,
  ) {
    this.scenario = scenario;
    this.flash = flash;
    this.possible = possible;
    this.witness = witness;
    this.lives = lives;
    this.tell = tell;
  }

  /** The history that a scenario begins with. */
  static begin(scenario: Scenario, shape: Geometry, tell?: (text: string) => void): History {
    const { flash, possible } = scenario.prepare(shape);
    return new History(scenario, flash, possible, undefined, 0, tell);
  }

  /**
   * One life.
   *
   * @returns whether it was ended by its cut
   * @throws {Violation} or whatever the store throws while power is there
   */
  live(life: Life): boolean {
    const { flash } = this;
    const branch = this.lives++;
    let operations = 0;
    flash.onOperation = (operation) => {
      life.onPoint?.({
        operation: operation.kind === "write" ? { ...operation, bytes: operation.bytes.slice() } : operation,
        possible: this.possible,
        witness: this.witness,
      });
      const { cut } = life;
      const number = operations++;
      if (cut?.operation !== number) {
        this.tell?.(`  operation ${number}: ${told(operation)}`);
        return;
      }
      const tear = cut.tear(operation);
      this.tell?.(`  operation ${number}: ${told(operation)}: power is cut, ${JSON.stringify(tear)}`);
      flash.interrupt(operation, tear);
      flash.cutPower();
      throw new PowerCut("off");
    };
    flash.powerOn(life.readings, life.seed);
    const { refusal } = life;
    if (refusal)
      flash.refuse = ({ kind }) => {
        if (kind === "read" || operations - 1 !== refusal.operation) return undefined;
        this.tell?.(`  operation ${refusal.operation} is refused, ${JSON.stringify(refusal.effect)}`);
        return refusal.effect;
      };
    try {
      const every = life.restartsEvery ?? life.commits;
      for (let left = life.commits; ; left -= every) {
        this.#run(Math.min(left, every), branch);
        if (left <= every) break;
      }
      return false;
    } catch (error) {
      if (error instanceof Violation) throw error;
      if (flash.isOff) return true;
      // What is refused may be told: what was to be committed may or may not be there.
      if (refusal && error instanceof LedgerError && error.code === "flash") {
        this.tell?.(`  ${error}`);
        return false;
      }
      throw error;
    } finally {
      flash.onOperation = undefined;
      flash.refuse = undefined;
      writesOnce(flash);
    }
  }

  #run(commits: number, branch: number): void {
    const { flash, scenario, witness } = this;
    const running = scenario.start(flash, (text) => this.tell?.(`  warning: ${text}`));
    flash.reads = 0;
    flash.bytesRead = 0;
    flash.largestRead = 0;
    running.open();
    const { state } = running;
    const isKnown = branch > 0 && this.possible.length === 1;
    if (isKnown) isAsBefore(this.possible[0]!.state, state, "from what an earlier start or commit told");
    let expected = isOneOf(this.possible, state);
    this.tell?.(
      `  opened: the state is that after ${expected.number} commits; ${flash.bytesRead} bytes were read`,
    );
    this.possible = [expected];
    running.check(expected, witness);
    readsLittle(flash);
    for (let i = 0; i < commits; i++) {
      const next = expected.next(branch);
      this.possible = [expected, next];
      running.commit(expected, branch);
      this.possible = [next];
      expected = next;
      this.tell?.(`  commit ${expected.number} returned`);
      running.check(expected, witness);
      if (expected.number % (scenario.makesRoomEvery ?? Number.POSITIVE_INFINITY) === 0) running.advance();
    }
    if (commits > 0) isAsBefore(expected.state, running.state, "in RAM from what was committed");
  }

  /** What follows a cut: a start, a second one with other readings that goes on, a third. */
  conclude({ readings, seed }: Omit<Variant, "tear">): void {
    for (let start = 0; start < 3; start++)
      this.live({
        readings: readings[start % readings.length]!,
        seed: seed + start,
        commits: start === 1 ? LIFE_COMMITS : 0,
      });
  }
}

function told(operation: FlashOperation): string {
  return operation.kind === "write"
    ? `write of ${operation.bytes.length} bytes at ${operation.offset}`
    : `erase of block ${operation.block}`;
}
