import {
  ByteReader,
  ByteWriter,
  type FlashPartition,
  Journal,
  Ledger,
} from "../../../../sdk/ledger/index.js";
import type { Slot } from "../../../../sdk/slot.js";
import type { Codec } from "../../../../sdk/uplink/index.js";
import { Tally } from "../tally.js";
import { type Commit, recordsOf } from "./actions.js";
import { conserves, Violation, type Witness } from "./invariants.js";
import { Parts, payloadOf } from "./parts.js";
import { Reference } from "./reference.js";

/*
 * What is kept in the journal under test: the parts of a device in a ledger, or a tally in a journal of its own. Each comes with what is expected
 * of it, as a chain: the state after so many commits, and from there on.
 */

/** A store that is open. */
export interface Running {
  readonly state: Uint8Array;
  /** Opens the journal; again after it was refused. */
  open(): void;
  /** Commits what the expectation says comes next, told by the branch of history that it is in. */
  commit(expected: Expected, branch: number): void;
  /** Takes the next block into use. */
  advance(): void;
  /** Checks what this store shows beside its state, and what it has shown before. */
  check(expected: Expected, witness: Witness): void;
  /** Checks a state in which damaged records are missing: there is nothing in it that was not committed until `newest`. */
  checkDamaged(newest: Expected): void;
}

/** What must be there. */
export interface Expected {
  /** Commits until then. */
  readonly number: number;
  readonly state: Uint8Array;
  /** After one more commit. Branches differ in what is committed. */
  next(branch: number): Expected;
}

// --- A tally, in a journal of its own.

/** The bytes of one record of a tally. */
export type Record = (number: number, branch: number) => Uint8Array;

export class ExpectedTally implements Expected {
  readonly number: number;
  readonly state: Uint8Array;
  readonly record: Record;
  readonly #filler: number;
  readonly #next = new Map<number, ExpectedTally>();

  constructor(filler: number, record: Record, number = 0, state = new Tally(filler).snapshot()) {
    this.#filler = filler;
    this.record = record;
    this.number = number;
    this.state = state;
  }

  next(branch: number): ExpectedTally {
    const known = this.#next.get(branch);
    if (known) return known;
    const tally = new Tally(this.#filler);
    tally.restore(this.state);
    tally.fold(this.record(this.number, branch));
    const next = new ExpectedTally(this.#filler, this.record, this.number + 1, tally.snapshot());
    this.#next.set(branch, next);
    return next;
  }
}

export class RunningTally implements Running {
  readonly #tally: Tally;
  #journal: Journal | undefined;
  readonly #make: () => Journal;

  constructor(flash: FlashPartition, filler: number, warn: (text: string) => void) {
    const tally = new Tally(filler);
    this.#tally = tally;
    this.#make = () =>
      new Journal({
        flash,
        snapshot: () => tally.snapshot(),
        restore: (snapshot) => tally.restore(snapshot),
        replay: (record) => tally.fold(record),
        warn,
      });
  }

  get state(): Uint8Array {
    return this.#tally.snapshot();
  }

  open(): void {
    this.#journal ??= this.#make();
    this.#journal.open();
  }

  commit(expected: ExpectedTally, branch: number): void {
    const record = expected.record(expected.number, branch);
    this.#journal!.append(record);
    this.#tally.fold(record);
  }

  advance(): void {
    while (this.#journal!.advance());
  }

  check(): void {}

  checkDamaged(newest: ExpectedTally): void {
    noMore("records", this.#tally.count, newest.number);
  }
}

// --- The parts of a device, in a ledger.

/** What is committed next, from what is known beside the device. */
export type Script = (number: number, branch: number, reference: Reference) => Commit;

export class ExpectedParts implements Expected {
  readonly number: number;
  readonly state: Uint8Array;
  readonly reference: Reference;
  readonly slots: readonly Slot[];
  readonly codec: Codec;
  readonly script: Script;
  readonly #commits = new Map<number, Commit>();
  readonly #next = new Map<number, ExpectedParts>();

  constructor(
    slots: readonly Slot[],
    codec: Codec,
    script: Script,
    number = 0,
    state = new Parts(slots, codec).save(),
    reference = new Reference(slots),
  ) {
    this.slots = slots;
    this.codec = codec;
    this.script = script;
    this.number = number;
    this.state = state;
    this.reference = reference;
  }

  commit(branch: number): Commit {
    let commit = this.#commits.get(branch);
    if (!commit) {
      commit = this.script(this.number, branch, this.reference);
      this.#commits.set(branch, commit);
    }
    return commit;
  }

  next(branch: number): ExpectedParts {
    const known = this.#next.get(branch);
    if (known) return known;
    const commit = this.commit(branch);
    const twin = new Parts(this.slots, this.codec);
    twin.load(this.state);
    twin.fold(recordsOf(twin, commit));
    const reference = this.reference.clone();
    reference.apply(commit);
    agrees(twin, reference);
    const next = new ExpectedParts(
      this.slots,
      this.codec,
      this.script,
      this.number + 1,
      twin.save(),
      reference,
    );
    this.#next.set(branch, next);
    return next;
  }

  /** The payload of the next commit. */
  payload(branch: number): Uint8Array {
    const twin = new Parts(this.slots, this.codec);
    twin.load(this.state);
    return payloadOf(recordsOf(twin, this.commit(branch)));
  }
}

export class RunningParts implements Running {
  readonly parts: Parts;
  #ledger: Ledger | undefined;
  readonly #make: () => Ledger;

  constructor(flash: FlashPartition, slots: readonly Slot[], codec: Codec, warn: (text: string) => void) {
    this.parts = new Parts(slots, codec);
    this.#make = () => new Ledger({ flash, parts: this.parts.list, warn });
  }

  get state(): Uint8Array {
    return this.parts.save();
  }

  open(): void {
    this.#ledger ??= this.#make();
    this.#ledger.open();
  }

  commit(expected: ExpectedParts, branch: number): void {
    this.#ledger!.commit(recordsOf(this.parts, expected.commit(branch)));
  }

  advance(): void {
    while (this.#ledger!.advance());
  }

  check(expected: ExpectedParts, witness: Witness): void {
    conserves(this.parts, expected.reference);
    witness.see(this.parts);
  }

  checkDamaged({ reference }: ExpectedParts): void {
    const { stock, cycles, mailbox } = this.parts;
    // As a device does when it has opened its ledger.
    this.#ledger!.commit(stock.repair());
    reference.slots.forEach((slot, index) => {
      const { opening, refills, corrections, consumed, remaining } = stock.account(index);
      if (
        opening !== slot.opening ||
        opening + refills + corrections - consumed !== remaining ||
        remaining < 0
      )
        throw new Violation(
          "conserves",
          `slot ${index}: ${opening} + ${refills} + ${corrections} - ${consumed} = ${remaining}`,
        );
      noMore("use", consumed, slot.consumed);
      noMore("refills", refills, slot.refills);
      noMore("order cycles", cycles.of(index).number, slot.cycle);
    });
    // Messages that wait are numbered anew when more was acknowledged than is known of.
    noMore("sequences", mailbox.lastSequence - mailbox.queue.length, reference.lastSequence);
  }
}

function noMore(what: string, found: number, committed: number): void {
  if (!(found <= committed))
    throw new Violation("noMore", `${what}: ${found} are found, ${committed} were committed`);
}

/** The parts know what the reference knows. */
export function agrees(parts: Parts, reference: Reference): void {
  conserves(parts, reference);
  const { stock, cycles, mailbox, clock } = parts;
  const compare = (what: string, found: unknown, counted: unknown) => {
    if (found !== counted) throw new Violation("agrees", `${what} is ${found}, the reference has ${counted}`);
  };
  reference.slots.forEach((slot, index) => {
    const account = stock.account(index);
    const cycle = cycles.of(index);
    compare("today", account.today, slot.today);
    compare("last use", account.lastUse ?? 0, slot.lastUse);
    compare("reported", stock.reported(index), slot.reported);
    compare("calibration", stock.calibration(index), slot.calibration);
    compare("cycle", cycle.number, slot.cycle);
    compare("cycle's state", cycle.state, slot.state);
    compare("cycle's day", cycle.since, slot.since);
    compare("delivery day", cycle.delivery, slot.delivery);
    compare("ordered quantity", cycle.quantity, slot.quantity);
    compare("cancellations", cycle.cancellations, slot.cancellations);
    compare("late orders", cycle.late, slot.lateOrders);
  });
  compare("open day", stock.openDay ?? 0, reference.openDay);
  compare("recorded time", recordedTime(clock), reference.recorded);
  compare("last sequence", mailbox.lastSequence, reference.lastSequence);
  compare("dropped", mailbox.dropped, reference.dropped);
  compare("received", mailbox.received, reference.received);
  compare("applied", mailbox.applied, reference.applied);
  compare("queue length", mailbox.queue.length, reference.queue.length);
  mailbox.queue.forEach(({ sequence, body }, index) => {
    const queued = reference.queue[index]!;
    compare("queued sequence", sequence, queued.sequence);
    compare(
      "message",
      JSON.stringify(parts.codec.decodeUplink(body), KEYS),
      JSON.stringify(queued.message, KEYS),
    );
  });
}

/** The fields of messages, so that the order in which they were set does not count. */
const KEYS = [
  ...["kind", "slot", "cycle", "day", "consumed", "remaining", "onHand", "quantity"],
  ...["runOut", "early", "late", "idle", "applied"],
];

/** Seconds of UTC that a clock has kept, as its checkpoint begins. */
function recordedTime(clock: Parts["clock"]): number {
  const to = new ByteWriter();
  clock.save(to);
  return new ByteReader(to.view()).count();
}
