import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";

/**
 * `unknown`: never told the time. `drifting`: told before the last restart, or too long ago; time is then a lower bound. `trusted`: told
 * within {@link TRUSTED_FOR}.
 */
export type ClockQuality = "unknown" | "drifting" | "trusted";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
/** A crystal of 50 ppm is off by half a minute after this long. */
export const TRUSTED_FOR = 7 * DAY;
/** Earlier times come from a board whose clock was never set. */
const EARLIEST = Date.UTC(2013, 0, 1);
/** Later times do not fit into messages. */
const LATEST = 2 ** 32 * SECOND;

export interface ClockOptions {
  /** Milliseconds since the device started; never goes back. */
  ticks(): number;
  /** Minutes that local time at the customer's place is ahead of UTC. */
  readonly utcOffsetMinutes: number;
}

/** The time as far as it is known, and the calendar day at the customer's place. */
export class Clock implements Part {
  readonly #ticks: () => number;
  readonly #offset: number;
  /** UTC at ticks 0, in milliseconds. */
  #origin: number | undefined;
  /** Ticks of the last anchor of this run. */
  #anchoredAt: number | undefined;
  /** Last time that is known to have been, in seconds: survives restarts. */
  #recorded = 0;
  /** UTC at ticks 0 was this or later, as far as the journal tells, in milliseconds. */
  #floor = 0;

  constructor(options: ClockOptions) {
    this.#ticks = options.ticks;
    this.#offset = options.utcOffsetMinutes * MINUTE;
  }

  get quality(): ClockQuality {
    if (this.#origin === undefined) return this.#recorded === 0 ? "unknown" : "drifting";
    return this.#anchoredAt !== undefined && this.#ticks() - this.#anchoredAt <= TRUSTED_FOR
      ? "trusted"
      : "drifting";
  }

  /** UTC in milliseconds; undefined while unknown. */
  get now(): number | undefined {
    if (this.#origin !== undefined) return this.#origin + this.#ticks();
    return this.#recorded === 0 ? undefined : this.#floor + this.#ticks();
  }

  /** Calendar day at the customer's place, numbered from 1970-01-01; undefined while the time is unknown. */
  get day(): number | undefined {
    const now = this.now;
    return now === undefined ? undefined : Math.floor((now + this.#offset) / DAY);
  }

  /** Minutes since local midnight; undefined while the time is unknown. */
  get minute(): number | undefined {
    const now = this.now;
    return now === undefined ? undefined : Math.floor(((((now + this.#offset) % DAY) + DAY) % DAY) / MINUTE);
  }

  /** Milliseconds to a minute of the local day, today or tomorrow; undefined while the time is unknown. */
  until(minuteOfDay: number): number | undefined {
    const now = this.now;
    if (now === undefined) return undefined;
    const since = (now + this.#offset - minuteOfDay * MINUTE) % DAY;
    return DAY - (since < 0 ? since + DAY : since);
  }

  /** Last time, in UTC milliseconds, that is known to have been before this run's first anchor; undefined when none. */
  get lastRecorded(): number | undefined {
    return this.#recorded === 0 ? undefined : this.#recorded * SECOND;
  }

  /**
   * Takes the time from a source.
   *
   * @param utc milliseconds since 1970-01-01
   * @returns whether the clock was not anchored in this run before; false also when `utc` cannot be a time
   */
  anchor(utc: number): boolean {
    if (!(utc >= EARLIEST && utc < LATEST)) return false;
    const first = this.#anchoredAt === undefined;
    this.#anchoredAt = this.#ticks();
    this.#origin = utc - this.#anchoredAt;
    return first;
  }

  /** Whether the time is known and what the journal has of it is older than `age` milliseconds. */
  isRecordDue(age: number): boolean {
    const now = this.now;
    return now !== undefined && now - this.#recorded * SECOND >= age;
  }

  /** The record that keeps the time across restarts. */
  record(): LedgerRecord {
    const seconds = Math.floor((this.now ?? 0) / SECOND);
    return { kind: RECORD.anchored, write: (to) => to.count(seconds) };
  }

  replay(kind: number, record: ByteReader): boolean {
    if (kind !== RECORD.anchored) return false;
    this.#keep(record.count());
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.#recorded);
  }

  load(from: ByteReader): void {
    this.#keep(from.count());
  }

  #keep(seconds: number): void {
    const floor = seconds * SECOND - this.#ticks();
    // What this run has recorded tells it nothing new: drifting time neither runs ahead nor loses part of a second
    // with each record.
    if (floor > this.#floor || seconds < this.#recorded) this.#floor = floor;
    this.#recorded = seconds;
  }
}
