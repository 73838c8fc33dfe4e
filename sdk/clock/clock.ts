import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";

/**
 * `unknown`: never told the time. `drifting`: told before the last restart, or too long ago; time is then a lower bound. `trusted`: told
 * within {@link TRUSTED_FOR}.
 */
export type ClockQuality = "unknown" | "drifting" | "trusted";

/** `board`: a clock of the board that is set, or SNTP. `gateway`: the sealed time in its messages. */
export type ClockSource = "board" | "gateway";

/**
 * What became of a time that the clock was told. `taken`: it is the time now. `corrected`: it is, and the days before were misdated by it.
 * `doubted`: it is far from what the clock says, and is believed when it is seconded. `refused`: no device can have this time.
 */
export type Anchoring = "taken" | "corrected" | "doubted" | "refused";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A crystal of 50 ppm is off by half a minute after this long. */
export const TRUSTED_FOR = 7 * DAY;
/** Ticks are off by minutes in a year, and a clock set to local time by 14 hours: more is a mistake of one of the two. */
export const FAR = DAY;
/** How long a device may have been off before that has to be told twice. */
export const FAR_AFTER_RESTART = 60 * DAY;
/** Two that tell the time alike differ by less: a broker may hold a message back for minutes. */
export const AGREEMENT = 10 * MINUTE;
/** Where the gateway is the only source, it seconds itself when it says the same so much later. */
export const INSISTENCE = HOUR;
/** Earlier times come from a board whose clock was never set. */
const EARLIEST = Date.UTC(2013, 0, 1);
/** Later times do not fit into messages. */
const LATEST = 2 ** 32 * SECOND;
/** Local time is at most so many minutes from UTC. */
export const MOST_OFFSET = 14 * 60;

export interface ClockOptions {
  /** Milliseconds since the device started; never goes back. */
  ticks(): number;
  /** Minutes that local time at the customer's place is ahead of UTC, until it is changed by a record. */
  readonly utcOffsetMinutes: number;
}

/** A time that is not believed yet. */
interface Doubt {
  /** UTC at ticks 0 by it, in milliseconds. */
  readonly origin: number;
  /** Ticks when it was told first. */
  readonly since: number;
}

/** The time as far as it is known, and the calendar day at the customer's place. */
export class Clock implements Part {
  readonly #ticks: () => number;
  readonly #configured: number;
  /** UTC at ticks 0, in milliseconds. */
  #origin: number | undefined;
  /** Ticks of the last anchor of this run. */
  #anchoredAt: number | undefined;
  readonly #doubts: { [source in ClockSource]: Doubt | undefined } = { board: undefined, gateway: undefined };
  /** The gateway has told this time; since then there were ticks, and nothing else that moved it far. */
  #confirmed = false;
  /** Last time that is known to have been, in seconds: survives restarts. */
  #recorded = 0;
  #recordedConfirmed = false;
  /** UTC at ticks 0 was this or later, as far as the journal tells, in milliseconds. */
  #floor = 0;
  /** Whether what is replayed is of this run: what earlier ones have kept was before its ticks began, however late the journal could be read. */
  #isOfThisRun = false;
  /** Metering time that is recorded, in seconds. */
  #recordedMetered = 0;
  /** Metering time at ticks 0, in milliseconds. */
  #metered = 0;
  /** Minutes ahead of UTC; undefined until it was changed for the first time. */
  #offset: number | undefined;

  constructor(options: ClockOptions) {
    this.#ticks = options.ticks;
    this.#configured = options.utcOffsetMinutes;
  }

  get quality(): ClockQuality {
    if (this.#start() === undefined) return "unknown";
    return this.#anchoredAt !== undefined && this.#ticks() - this.#anchoredAt <= TRUSTED_FOR
      ? "trusted"
      : "drifting";
  }

  /** Whether a time was taken in this run. */
  get isAnchored(): boolean {
    return this.#anchoredAt !== undefined;
  }

  /** Whether the time does not rest on the board alone. */
  get isConfirmed(): boolean {
    return this.#confirmed;
  }

  /** Minutes that local time is ahead of UTC, as they were changed last; undefined while they are as configured. */
  get movedTo(): number | undefined {
    return this.#offset;
  }

  /** Minutes that local time is ahead of UTC. */
  get offset(): number {
    return this.#offset ?? this.#configured;
  }

  /** UTC in milliseconds; undefined while unknown. */
  get now(): number | undefined {
    const start = this.#start();
    return start === undefined ? undefined : start + this.#ticks();
  }

  /** Calendar day at the customer's place, numbered from 1970-01-01; undefined while the time is unknown. */
  get day(): number | undefined {
    const local = this.#local();
    return local === undefined ? undefined : Math.floor(local / DAY);
  }

  /** Minutes since local midnight; undefined while the time is unknown. */
  get minute(): number | undefined {
    const local = this.#local();
    return local === undefined ? undefined : Math.floor((((local % DAY) + DAY) % DAY) / MINUTE);
  }

  /** Milliseconds of metering, over all runs, as far as they were kept: the position of use while no day is known. Stands still in the journal after that. */
  get metered(): number {
    return this.#metered + this.#ticks();
  }

  /** Day of metering, from 1. */
  get relativeDay(): number {
    return 1 + Math.floor(this.metered / DAY);
  }

  /** Milliseconds to the end of the calendar day, or of the day of metering while that is unknown. */
  get untilDayEnds(): number {
    return this.until(0) ?? DAY - (this.metered % DAY);
  }

  /** Milliseconds to a minute of the local day, today or tomorrow; undefined while the time is unknown. */
  until(minuteOfDay: number): number | undefined {
    const local = this.#local();
    if (local === undefined) return undefined;
    const since = (local - minuteOfDay * MINUTE) % DAY;
    return DAY - (since < 0 ? since + DAY : since);
  }

  /**
   * Takes the time from a source, if it can be believed.
   *
   * @param utc milliseconds since 1970-01-01
   */
  anchor(utc: number, source: ClockSource): Anchoring {
    if (!(utc >= EARLIEST && utc < LATEST)) return "refused";
    const ticks = this.#ticks();
    const origin = utc - ticks;
    const jump = origin - (this.#start() ?? origin);
    const isFar = jump < -FAR || jump > (this.isAnchored ? FAR : FAR_AFTER_RESTART);
    // What the gateway says is sealed: it goes before what the board alone has said.
    if (isFar && (this.#confirmed || source === "board") && !this.#isSeconded(origin, source))
      return "doubted";
    const wasOff = jump > 0 && this.#confirmed && !this.isAnchored;
    this.#doubts.board = this.#doubts.gateway = undefined;
    // Far and seconded, the gateway has said it too.
    this.#confirmed = source === "gateway" || isFar || (this.#confirmed && jump <= FAR);
    this.#origin = origin;
    this.#anchoredAt = ticks;
    return isFar && !wasOff ? "corrected" : "taken";
  }

  /** Whether what the journal has of the time, or of metering while there is none, is off by `age` milliseconds or says less of it. */
  isRecordDue(age: number): boolean {
    const { now } = this;
    if (now === undefined) return this.metered - this.#recordedMetered * SECOND >= age;
    return Math.abs(now - this.#recorded * SECOND) >= age || this.#confirmed !== this.#recordedConfirmed;
  }

  /** The record that keeps the time across restarts. */
  record(): LedgerRecord {
    this.#isOfThisRun = true;
    const { now } = this;
    if (now === undefined) {
      const seconds = Math.floor(this.metered / SECOND);
      return { kind: RECORD.metered, write: (to) => to.count(seconds) };
    }
    const seconds = Math.floor(now / SECOND);
    const confirmed = this.#confirmed ? 1 : 0;
    return {
      kind: RECORD.anchored,
      write: (to) => {
        to.count(seconds);
        to.byte(confirmed);
      },
    };
  }

  /** The record that changes the minutes that local time is ahead of UTC. */
  move(offset: number): LedgerRecord {
    return { kind: RECORD.moved, write: (to) => to.signed(offset) };
  }

  replay(kind: number, record: ByteReader): boolean {
    switch (kind) {
      case RECORD.anchored: {
        const seconds = record.count();
        // Earlier firmware did not tell its sources apart.
        this.#keep(seconds, !record.done && record.byte() === 1);
        return true;
      }
      case RECORD.metered:
        this.#keepMetered(record.count());
        return true;
      case RECORD.moved:
        this.#offset = record.signed();
        return true;
      default:
        return false;
    }
  }

  save(to: ByteWriter): void {
    to.count(this.#recorded);
    to.byte(this.#recordedConfirmed ? 1 : 0);
    to.count(this.#recordedMetered);
    // 0: never changed.
    to.count(this.#offset === undefined ? 0 : this.#offset + MOST_OFFSET + 1);
  }

  load(from: ByteReader): void {
    const recorded = from.count();
    // A checkpoint of earlier firmware ends here.
    this.#keep(recorded, !from.done && from.byte() === 1);
    if (from.done) return;
    this.#keepMetered(from.count());
    const offset = from.count();
    this.#offset = offset === 0 ? undefined : offset - MOST_OFFSET - 1;
  }

  #start(): number | undefined {
    return this.#origin ?? (this.#recorded === 0 ? undefined : this.#floor);
  }

  #local(): number | undefined {
    const { now } = this;
    return now === undefined ? undefined : now + this.offset * MINUTE;
  }

  /** Whether a time far off was told before: by the other source, or by the gateway itself while this run knows nothing better. */
  #isSeconded(origin: number, source: ClockSource): boolean {
    const agrees = (doubt: Doubt | undefined): doubt is Doubt =>
      doubt !== undefined && Math.abs(doubt.origin - origin) <= AGREEMENT;
    if (agrees(this.#doubts[source === "board" ? "gateway" : "board"])) return true;
    const own = this.#doubts[source];
    if (agrees(own))
      // A message may have been held back for days: what the gateway says is too old at times, and never too new.
      return (
        source === "gateway" &&
        (!this.isAnchored || origin > this.#origin!) &&
        this.#ticks() - own.since >= INSISTENCE
      );
    this.#doubts[source] = { origin, since: this.#ticks() };
    return false;
  }

  #keep(seconds: number, confirmed: boolean): void {
    const floor = seconds * SECOND - this.#ticksOfRecord();
    // What this run has recorded tells it nothing new: drifting time neither runs ahead nor loses part of a second
    // with each record.
    if (floor > this.#floor || seconds < this.#recorded) this.#floor = floor;
    this.#recorded = seconds;
    this.#recordedConfirmed = confirmed;
    if (!this.isAnchored) this.#confirmed = confirmed;
  }

  #keepMetered(seconds: number): void {
    this.#recordedMetered = seconds;
    this.#metered = Math.max(this.#metered, seconds * SECOND - this.#ticksOfRecord());
  }

  #ticksOfRecord(): number {
    return this.#isOfThisRun ? this.#ticks() : 0;
  }
}
