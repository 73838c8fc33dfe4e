import { Random } from "../../../../hal/simulator/models/random.js";
import { type NorFlash, PowerCut, type Readings, type Tear } from "../../../../hal/simulator/nor-flash.js";
import { Ledger, LedgerError } from "../../../../sdk/ledger/index.js";
import type { Slot } from "../../../../sdk/slot.js";
import { Codec, ORDER_STATES } from "../../../../sdk/uplink/index.js";
import { type Action, type Commit, recordsOf } from "./actions.js";
import { type Geometry, geometry, newFlash } from "./geometry.js";
import { readsLittle, Violation, Witness, writesOnce } from "./invariants.js";
import { Parts, slotsOf } from "./parts.js";
import { Reference } from "./reference.js";
import { FIRST_DAY } from "./scenarios.js";
import { agrees } from "./stores.js";
import { variantsOf } from "./tears.js";

/*
 * Anything may happen to a device, in any order: commits of every kind, cuts, cuts in the recovery from cuts, refusals, restarts. After each, the device
 * knows what a plain reference knows that was told the same, and that has no flash.
 */

export interface ModelCounts {
  operations: number;
  commits: number;
  cuts: number;
  refusals: number;
  restarts: number;
}

const SHAPES: readonly Geometry[] = Object.freeze([
  geometry(3, 2048, 4),
  geometry(3, 2048, 1),
  geometry(4, 2048, 16),
  geometry(5, 4096, 4),
]);
const READINGS: readonly Readings[] = Object.freeze(["settled", "old", "new", "alternating", "random"]);
/** A device is replaced after so many operations: days and cycles have 16 bits in messages. */
export const DEVICE_OPERATIONS = 1000;

/** A device, its flash, and what it must know. */
class Modelled {
  readonly counts: ModelCounts = { operations: 0, commits: 0, cuts: 0, refusals: 0, restarts: 0 };
  readonly #random: Random;
  readonly #codec: Codec;
  readonly #slots: readonly Slot[];
  readonly #flash: NorFlash;
  readonly #shape: Geometry;
  readonly #witness: Witness;
  readonly #tell: ((text: string) => void) | undefined;
  #parts: Parts;
  #ledger: Ledger | undefined;
  #reference: Reference;
  /** Commits that were interrupted or refused since the last that returned: one of them at the most may be there. */
  #doubtful: Reference[] = [];

  constructor(seed: number, codec: Codec, tell?: (text: string) => void) {
    this.#random = new Random(`model ${seed}`);
    this.#codec = codec;
    this.#tell = tell;
    this.#slots = slotsOf(1 + this.#random.int(2));
    this.#shape = SHAPES[this.#random.int(SHAPES.length)]!;
    this.#flash = newFlash(this.#shape);
    this.#witness = new Witness(codec);
    this.#parts = new Parts(this.#slots, codec);
    this.#reference = new Reference(this.#slots);
    this.#tell?.(`${JSON.stringify(this.#shape)}, slots: ${this.#slots.length}`);
  }

  run(operations: number): void {
    this.#start();
    for (let i = 0; i < operations; i++) {
      this.counts.operations++;
      const dice = this.#random.int(100);
      if (dice < 6) this.#start();
      else {
        if (dice < 16) this.#armCut(this.#random.int(this.#random.int(4) > 0 ? 3 : 8));
        if (dice >= 13 && dice < 22) this.#armRefusal(this.#random.int(4));
        this.#commit(this.#anyCommit());
      }
      this.#disarm();
    }
    this.#start();
  }

  /** Power comes, and may go again before the device is up. */
  #start(): void {
    for (let attempt = 0; ; attempt++) {
      this.counts.restarts++;
      const readings = this.#any(READINGS);
      this.#flash.powerOn(readings, this.#random.int(1 << 30));
      this.#tell?.(`restart, unstable bits read ${readings}`);
      this.#disarm();
      const dice = attempt < 6 ? this.#random.int(10) : 9;
      if (dice < 3) this.#armCut(this.#random.int(6));
      if (dice === 2 || dice === 3) this.#armRefusal(this.#random.int(8));
      this.#parts = new Parts(this.#slots, this.#codec);
      this.#ledger = undefined;
      if (!this.#survives(() => this.#open())) continue;
      this.#disarm();
      this.#believe();
      if (dice >= 4) readsLittle(this.#flash);
      return;
    }
  }

  #open(): void {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#ledger ??= new Ledger({
          flash: this.#flash,
          parts: this.#parts.list,
          warn: (text) => this.#tell?.(`  warning: ${text}`),
        });
        this.#ledger.open();
        return;
      } catch (error) {
        if (this.#flash.isOff || !isRefusal(error) || attempt > 2) throw error;
        this.#tell?.(`  refused: ${error}`);
        if (this.#ledger === undefined) this.#parts = new Parts(this.#slots, this.#codec);
      }
    }
  }

  /** What the device knows is what one of the references knows. */
  #believe(): void {
    const possible = [this.#reference, ...this.#doubtful];
    let first: unknown;
    for (const reference of possible) {
      try {
        agrees(this.#parts, reference);
        this.#reference = reference;
        this.#doubtful = [];
        this.#witness.see(this.#parts);
        return;
      } catch (error) {
        if (
          !(error instanceof Violation && (error.invariant === "agrees" || error.invariant === "conserves"))
        )
          throw error;
        first ??= error;
      }
    }
    throw first;
  }

  #commit(commit: Commit): void {
    const next = this.#reference.clone();
    next.apply(commit);
    this.#doubtful.push(next);
    this.#tell?.(`commit ${JSON.stringify(commit)}`);
    let isRefused = false;
    const isOn = this.#survives(() => {
      try {
        this.#ledger!.commit(recordsOf(this.#parts, commit));
      } catch (error) {
        if (this.#flash.isOff || !isRefusal(error)) throw error;
        this.#tell?.(`  refused: ${error}`);
        isRefused = true;
      }
    });
    if (!isOn) {
      this.#start();
      return;
    }
    if (!isRefused) {
      this.counts.commits++;
      this.#reference = next;
      this.#doubtful = [];
    }
    agrees(this.#parts, this.#reference);
    this.#witness.see(this.#parts);
  }

  /** Whether power stayed. */
  #survives(run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (error instanceof Violation || !this.#flash.isOff) throw error;
      return false;
    } finally {
      writesOnce(this.#flash);
    }
  }

  #armCut(after: number): void {
    let left = after;
    this.#flash.onOperation = (operation) => {
      if (left-- > 0) return;
      const tear = this.#any(
        variantsOf(operation, this.#shape, this.#any(["every", "units", "few"] as const)),
      ).tear;
      this.#tell?.(`  power is cut within ${operation.kind}: ${JSON.stringify(tear)}`);
      this.#flash.interrupt(operation, tear);
      this.#flash.cutPower();
      this.counts.cuts++;
      throw new PowerCut("off");
    };
  }

  #armRefusal(after: number): void {
    let left = after;
    const count = 1 + this.#random.int(2);
    this.#flash.refuse = (access) => {
      // Within a run, reads are of what was just written.
      if (left-- > 0 || left < -count) return undefined;
      this.counts.refusals++;
      const share = this.#random.int(257);
      const done = this.#random.int(64);
      const reach = this.#random.int(2) * 64;
      const effect: Tear = {
        done,
        reach,
        share,
        seed: left,
        ...(this.#random.int(3) === 0 && { unstable: true }),
      };
      this.#tell?.(`  ${access.kind} is refused: ${JSON.stringify(effect)}`);
      return effect;
    };
  }

  #disarm(): void {
    this.#flash.onOperation = undefined;
    this.#flash.refuse = undefined;
  }

  #any<T>(list: readonly T[]): T {
    return list[this.#random.int(list.length)]!;
  }

  // --- What may be committed now.

  #anyCommit(): Commit {
    const random = this.#random;
    const use = random.int(3) === 0 ? [this.#use()] : [];
    const time: Action[] =
      random.int(8) === 0
        ? [{ kind: "anchor", seconds: FIRST_DAY * 86400 + this.counts.operations * 600 + random.int(600) }]
        : [];
    return [...use, ...this.#anyAction(use.length > 0), ...time];
  }

  #use(): Action {
    const steps = this.#random.int(20) === 0 ? 900 : 1 + this.#random.int(30);
    return { kind: "consume", slot: this.#random.int(this.#slots.length), steps };
  }

  #anyAction(hasUse: boolean): Commit {
    const random = this.#random;
    const { slots, lastSequence, received, applied, openDay } = this.#reference;
    const slot = random.int(slots.length);
    const { state, onHand } = slots[slot]!;
    const day = openDay || FIRST_DAY;
    const outlook = {
      runOut: random.int(500),
      early: random.int(256),
      late: random.int(256),
      idle: random.int(256),
    };
    switch (random.int(16)) {
      case 0:
        return [{ kind: "close", day: day + random.int(4) - 1 }];
      case 1:
        return hasUse || this.#reference.remaining(slot) > 20_000
          ? [{ kind: "poll" }]
          : [{ kind: "refill", slot, steps: 1 + random.int(400), day }];
      case 2:
      case 3:
        return [{ kind: "report", slot, day, outlook }];
      case 4:
        if (
          state !== "idle" &&
          state !== "delivered" &&
          state !== "cancelled" &&
          state !== "rejected" &&
          state !== "lapsed"
        )
          return [{ kind: "miss", minutes: 1 }];
        return this.#outbox() > 5
          ? [{ kind: "acknowledge", seen: lastSequence }]
          : [
              { kind: "report", slot, day, outlook },
              { kind: "order", slot, day, quantity: 1 + random.int(400), outlook },
            ];
      case 5:
        return (state === "placed" || state === "shipped") && onHand < 20_000
          ? [{ kind: "overdue", slot, day }]
          : [{ kind: "poll" }];
      case 6:
        return [
          { kind: "acknowledge", seen: random.int(lastSequence + 1) },
          { kind: "receive", sequence: received + 1, applied },
        ];
      case 7:
        if (random.int(20) > 0) return [{ kind: "acknowledge", seen: lastSequence }];
        return [
          { kind: "acknowledge", seen: lastSequence + 1 + random.int(9) },
          { kind: "receive", sequence: received + 1, applied },
          { kind: "renumber", above: Math.max(...slots.map(({ cycle }) => cycle)) + random.int(5) },
        ];
      case 8:
        return random.int(2) === 0
          ? [{ kind: "calibrate", slot, value: random.int(2000) - 1000 }]
          : [{ kind: "rescale", slot, factor: 0.5 + random.next() }];
      case 9:
        return [{ kind: "miss", minutes: random.int(500) }];
      case 10:
      case 11:
        return [
          { kind: "receive", sequence: received + 1, applied: applied + 1 },
          { kind: "event", slot, state: this.#any(ORDER_STATES), day, value: random.int(2) * (day + 5) },
        ];
      case 12:
        return [{ kind: "withdraw", slot, day }];
      case 13:
        return [{ kind: "subscribe", slot, day }];
      default:
        return hasUse ? [{ kind: "poll" }] : [this.#use()];
    }
  }

  #outbox(): number {
    return this.#reference.queue.length;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof LedgerError && error.code === "flash";
}

/**
 * Runs one device through so many operations.
 *
 * @throws {Violation}
 */
export function runModel(
  seed: number,
  operations: number,
  codec: Codec,
  tell?: (text: string) => void,
): ModelCounts {
  const device = new Modelled(seed, codec, tell);
  device.run(operations);
  return device.counts;
}

/** Devices one after another, until so many operations are done. Failures have the ids `model/SEED/OPERATIONS`. */
export function exploreModel(
  seed: number,
  operations: number,
  onDevice?: (counts: ModelCounts) => void,
): { counts: ModelCounts; failures: { id: string; message: string }[] } {
  const codec = new Codec();
  const counts: ModelCounts = { operations: 0, commits: 0, cuts: 0, refusals: 0, restarts: 0 };
  const failures: { id: string; message: string }[] = [];
  for (let device = seed; counts.operations < operations; device++) {
    const many = Math.min(DEVICE_OPERATIONS, operations - counts.operations);
    try {
      const of = runModel(device, many, codec);
      counts.commits += of.commits;
      counts.cuts += of.cuts;
      counts.refusals += of.refusals;
      counts.restarts += of.restarts;
    } catch (error) {
      failures.push({
        id: `model/${device}/${many}`,
        message: error instanceof Error ? error.message : `${error}`,
      });
    }
    counts.operations += many;
    onDevice?.(counts);
  }
  return { counts, failures };
}
