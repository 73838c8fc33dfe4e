import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";
import { decodeDescription, type SignedDescription } from "./description.js";

/**
 * How far an update has come. The order of this list is the format on flash. `confirmed`, `rolledBack` and `abandoned` are how one ends: the next begins from
 * there as from `idle`.
 */
export const UPDATE_PHASES = Object.freeze([
  "idle",
  /** Offered; the maker's signature is being checked. Nothing was fetched. */
  "described",
  "downloading",
  /** All of it is in flash, with the hash that the maker signed. It is, or is about to be, what boots next. */
  "staged",
  /** It runs. */
  "trial",
  "confirmed",
  "rolledBack",
  /** It never ran. */
  "abandoned",
] as const);
export type UpdatePhase = (typeof UPDATE_PHASES)[number];

/** Why an update did not stay. The order of this list is the format on flash. */
export const UPDATE_REASONS = Object.freeze([
  /** It is confirmed, or goes on. */
  "none",
  /** Not signed by the maker. */
  "signature",
  /** It could not be fetched. */
  "download",
  /** What was fetched is not what the maker signed. */
  "digest",
  /** It is what runs already. */
  "same",
  /** The platform does not take it for an image. */
  "image",
  /** The bootloader did not boot it, or it did not come so far as to be counted. */
  "bootloader",
  /** It is not of the version that its description says. */
  "version",
  "crashes",
  /** It was started too often without a healthy day. */
  "restarts",
  /** It had no healthy day in time. */
  "unhealthy",
] as const);
export type UpdateReason = (typeof UPDATE_REASONS)[number];

const DESCRIBED = 1;
const ABANDONED = 2;
const DOWNLOADING = 3;
const STAGED = 4;
const SWITCHED = 5;
const TRIED = 6;
const CONFIRMED = 7;
const ROLLED_BACK = 8;
const SETTLED = 9;

/** The update as it lasts. It takes about 190 bytes of a checkpoint, and 160 in its longest record. */
export class UpdateState implements Part {
  phase: UpdatePhase = "idle";
  reason: UpdateReason = "none";
  /** The bytes that were offered last; empty: none ever were. */
  offered = new Uint8Array(0);
  /** Downloads of the whole image that were begun. */
  attempt = 0;
  /** Requests in a row that brought nothing. */
  failures = 0;
  /** Blocks in flash, from the second on: the first comes last. */
  done = 0;
  /** CRC-32 of the first bytes of the image, by which it is known when it runs. */
  mark = 0;
  /** 1 + the slot that the platform was told to boot it from; 0: it was not told yet. */
  switched = 0;
  /** Starts while on trial, those of them that followed a crash, and days that ended. */
  boots = 0;
  crashes = 0;
  days = 0;
  /** Times that the platform was told to boot the image before it. */
  rejections = 0;
  /** What the end of the update asks of the platform is done. */
  settled = true;
  /** Highest version that ever was confirmed. */
  highest = 0;
  /** Version that was rolled back last, 0: none. */
  rejected = 0;
  #description: SignedDescription | undefined;

  /** What was offered last. */
  get description(): SignedDescription | undefined {
    if (this.#description === undefined && this.offered.length > 0)
      this.#description = decodeDescription(this.offered);
    return this.#description;
  }

  /** Slot that the image was staged in. */
  get slot(): number {
    return this.switched - 1;
  }

  /** Whether an update has begun and has not ended. */
  get isUnderWay(): boolean {
    return (
      this.phase === "described" ||
      this.phase === "downloading" ||
      this.phase === "staged" ||
      this.phase === "trial"
    );
  }

  describe(offered: Uint8Array): LedgerRecord {
    return record(DESCRIBED, (to) => to.bytes(offered));
  }

  abandon(reason: UpdateReason): LedgerRecord {
    return record(ABANDONED, (to) => to.byte(UPDATE_REASONS.indexOf(reason)));
  }

  download(attempt: number, failures: number, done: number): LedgerRecord {
    return record(DOWNLOADING, (to) => counts(to, attempt, failures, done));
  }

  stage(mark: number): LedgerRecord {
    return record(STAGED, (to) => to.count(mark));
  }

  switchOver(slot: number): LedgerRecord {
    return record(SWITCHED, (to) => to.byte(1 + slot));
  }

  try(boots: number, crashes: number, days: number): LedgerRecord {
    return record(TRIED, (to) => counts(to, boots, crashes, days));
  }

  confirm(): LedgerRecord {
    return record(CONFIRMED);
  }

  rollBack(reason: UpdateReason): LedgerRecord {
    return record(ROLLED_BACK, (to) => to.byte(UPDATE_REASONS.indexOf(reason)));
  }

  settle(): LedgerRecord {
    return record(SETTLED);
  }

  replay(kind: number, from: ByteReader): boolean {
    if (kind !== RECORD.updated) return false;
    switch (from.byte()) {
      case DESCRIBED:
        this.phase = "described";
        this.reason = "none";
        this.#offer(from.bytes().slice());
        this.attempt = this.failures = this.done = this.rejections = 0;
        this.settled = true;
        break;
      case ABANDONED:
        this.phase = "abandoned";
        this.reason = reasonOf(from.byte());
        break;
      case DOWNLOADING:
        this.phase = "downloading";
        this.attempt = from.count();
        this.failures = from.count();
        this.done = from.count();
        break;
      case STAGED:
        this.phase = "staged";
        this.mark = from.count();
        this.switched = 0;
        break;
      case SWITCHED:
        this.switched = from.byte();
        break;
      case TRIED:
        this.phase = "trial";
        this.boots = from.count();
        this.crashes = from.count();
        this.days = from.count();
        break;
      case CONFIRMED:
        this.phase = "confirmed";
        this.settled = false;
        this.highest = Math.max(this.highest, this.description?.version ?? 0);
        break;
      case ROLLED_BACK:
        this.phase = "rolledBack";
        this.reason = reasonOf(from.byte());
        this.rejections++;
        this.settled = false;
        this.rejected = this.description?.version ?? 0;
        break;
      case SETTLED:
        this.settled = true;
        break;
    }
    return true;
  }

  save(to: ByteWriter): void {
    to.byte(UPDATE_PHASES.indexOf(this.phase));
    to.byte(UPDATE_REASONS.indexOf(this.reason));
    to.bytes(this.offered);
    counts(to, this.attempt, this.failures, this.done);
    counts(to, this.boots, this.crashes, this.days);
    counts(to, this.mark, this.highest, this.rejected);
    counts(to, this.switched, this.rejections, this.settled ? 1 : 0);
  }

  load(from: ByteReader): void {
    // A phase of a later firmware is over for this one.
    this.phase = UPDATE_PHASES[from.byte()] ?? "abandoned";
    this.reason = reasonOf(from.byte());
    this.#offer(from.bytes().slice());
    this.attempt = from.count();
    this.failures = from.count();
    this.done = from.count();
    this.boots = from.count();
    this.crashes = from.count();
    this.days = from.count();
    this.mark = from.count();
    this.highest = from.count();
    this.rejected = from.count();
    this.switched = from.count();
    this.rejections = from.count();
    this.settled = from.count() === 1;
  }

  #offer(bytes: Uint8Array<ArrayBuffer>): void {
    this.offered = bytes;
    this.#description = undefined;
  }
}

function record(step: number, fields?: (to: ByteWriter) => void): LedgerRecord {
  return {
    kind: RECORD.updated,
    write: (to) => {
      to.byte(step);
      fields?.(to);
    },
  };
}

function counts(to: ByteWriter, a: number, b: number, c: number): void {
  to.count(a);
  to.count(b);
  to.count(c);
}

function reasonOf(index: number): UpdateReason {
  return UPDATE_REASONS[index] ?? "none";
}
