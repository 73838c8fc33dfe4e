import { Forecast } from "../forecast/index.js";
import type { Slot } from "../slot.js";
import type { ByteReader, ByteWriter } from "./bytes.js";
import { type LedgerRecord, type Part, RECORD } from "./ledger.js";

const DAY_MINUTES = 24 * 60;
/** A factor is kept as a whole number of thousandths. */
const FACTOR_STEPS = 1000;
/** Days below this, in 2011, are relative: days of metering, numbered from 1, of a device that was never told the time. */
const FIRST_CALENDAR_DAY = 15_000;

/** What is in one slot. All quantities are whole steps. */
export interface Account {
  readonly opening: number;
  /** Everything ever put into the slot. */
  readonly refills: number;
  /** Sum of corrections, of either sign. */
  readonly corrections: number;
  /** Everything ever consumed. */
  readonly consumed: number;
  /** opening + refills + corrections - consumed, at every moment. */
  readonly remaining: number;
  /** Refills at the customer's place that are not loaded. */
  readonly onHand: number;
  /** Consumed since the last day was closed. */
  readonly today: number;
  /** Day of the last use, numbered from 1970-01-01; undefined when there was none on a known day. */
  readonly lastUse: number | undefined;
}

class SlotStock implements Account {
  readonly opening: number;
  refills = 0;
  corrections = 0;
  consumed = 0;
  onHand = 0;
  today = 0;
  /** Day of the last use, calendar or relative; 0: there was none. */
  lastDay = 0;
  calibration = 0;
  /** Newest day whose begin was reported. */
  reported = 0;
  forecast: Forecast;

  constructor(opening: number, forecast: Forecast) {
    this.opening = opening;
    this.forecast = forecast;
  }

  get remaining(): number {
    return this.opening + this.refills + this.corrections - this.consumed;
  }

  get lastUse(): number | undefined {
    return isRelative(this.lastDay) ? undefined : this.lastDay;
  }
}

/** The quantities of all slots, the open day, and what the use of closed days has taught. */
export class Stock implements Part {
  readonly #slots: readonly Slot[];
  #stocks: SlotStock[];
  /** The day that use is counted to; relative until the time was known for the first time. */
  #openDay = 1;
  /** Minutes since the open day began in which the device was not metering. */
  #absent = 0;

  constructor(slots: readonly Slot[]) {
    this.#slots = slots;
    this.#stocks = slots.map((slot) => new SlotStock(slot.opening, newForecast(slot)));
  }

  /** The calendar day that use is counted to; undefined until the time was known for the first time. */
  get openDay(): number | undefined {
    return isRelative(this.#openDay) ? undefined : this.#openDay;
  }

  /** The day of metering that use is counted to, from 1; undefined since the time was known for the first time. */
  get relativeDay(): number | undefined {
    return isRelative(this.#openDay) ? this.#openDay : undefined;
  }

  account(slot: number): Account {
    return this.#stocks[slot]!;
  }

  /** What the sensor of a slot asked to have kept; 0 at first. */
  calibration(slot: number): number {
    return this.#stocks[slot]!.calibration;
  }

  /** Newest day that was reported for a slot; the day of the first start counts as reported. */
  reported(slot: number): number {
    return this.#stocks[slot]!.reported;
  }

  forecast(slot: number): Forecast {
    return this.#stocks[slot]!.forecast;
  }

  /**
   * The records that take `steps` out of a slot. More than is there means that less was known of than was there: the difference is booked
   * as a correction, so that no use is lost and nothing remains below zero.
   */
  consume(slot: number, steps: number): LedgerRecord[] {
    if (steps === 0) return [];
    const excess = steps - this.account(slot).remaining;
    const records = excess > 0 ? [this.#quantity(RECORD.corrected, slot, excess)] : [];
    records.push(this.#quantity(RECORD.consumed, slot, steps));
    return records;
  }

  /** The records that bring slots back to nothing that remain below it: a record of a refill was damaged in flash. */
  repair(): LedgerRecord[] {
    return this.#stocks.flatMap(({ remaining }, slot) =>
      remaining < 0 ? [this.#quantity(RECORD.corrected, slot, -remaining)] : [],
    );
  }

  /** The record that puts `steps` into a slot. */
  refill(slot: number, steps: number): LedgerRecord {
    return this.#quantity(RECORD.refilled, slot, steps);
  }

  /** The record that changes the refills on hand by `steps` of either sign. */
  book(slot: number, steps: number): LedgerRecord {
    return this.#quantity(RECORD.booked, slot, steps);
  }

  /**
   * The record that closes all days before `day` and opens that, both calendar days or both relative. One for a day that is open or closed
   * changes nothing.
   */
  closeBefore(day: number): LedgerRecord {
    return { kind: RECORD.dayClosed, write: (to) => to.count(day) };
  }

  /**
   * The record that ends the relative day that is open and opens a calendar day in its place.
   *
   * @param minute of the calendar day that it is now
   * @param metered minutes of the relative day that are over; with 0, its use goes to the calendar day
   */
  date(day: number, minute: number, metered: number): LedgerRecord {
    return {
      kind: RECORD.dated,
      write: (to) => {
        to.count(day);
        to.count(minute);
        to.count(metered);
      },
    };
  }

  /**
   * The record that gives the open day another date, because the clock was wrong: nothing is closed, nothing is learned, and days that were
   * counted by the wrong clock move with it.
   *
   * @param missed minutes that the day has been under way longer by its new date, of either sign
   */
  redate(day: number, missed: number): LedgerRecord {
    return {
      kind: RECORD.redated,
      write: (to) => {
        to.count(day);
        to.signed(missed);
      },
    };
  }

  /** The record that keeps a whole number for the sensor of a slot. */
  calibrate(slot: number, value: number): LedgerRecord {
    return this.#quantity(RECORD.calibrated, slot, value);
  }

  /** The record that the use of a slot changes from now on to `factor` times what it was, to the thousandth. */
  rescale(slot: number, factor: number): LedgerRecord {
    return this.#quantity(RECORD.rescaled, slot, Math.round(factor * FACTOR_STEPS));
  }

  /** The record that the begin of `day` is reported for a slot. */
  report(slot: number, day: number): LedgerRecord {
    return {
      kind: RECORD.reported,
      write: (to) => {
        to.byte(slot);
        to.count(day);
      },
    };
  }

  /** The record that counts minutes in which the device was not metering. */
  miss(minutes: number): LedgerRecord {
    return { kind: RECORD.absent, write: (to) => to.count(minutes) };
  }

  replay(kind: number, record: ByteReader): boolean {
    switch (kind) {
      case RECORD.consumed:
      case RECORD.refilled:
      case RECORD.corrected:
      case RECORD.booked:
      case RECORD.calibrated:
      case RECORD.rescaled:
      case RECORD.reported: {
        const stock = this.#stocks[record.byte()];
        // A firmware that drops a slot still finds its records.
        if (stock) this.#change(stock, kind, record);
        return true;
      }
      case RECORD.absent:
        this.#absent += record.count();
        return true;
      case RECORD.dayClosed:
        this.#close(record.count());
        return true;
      case RECORD.dated:
        this.#date(record.count(), record.count(), record.count());
        return true;
      case RECORD.redated:
        this.#redate(record.count(), record.signed());
        return true;
      default:
        return false;
    }
  }

  save(to: ByteWriter): void {
    to.count(this.#openDay);
    to.count(this.#absent);
    const state = new Uint8Array(Forecast.BYTES);
    to.count(this.#stocks.length);
    for (const stock of this.#stocks) {
      to.count(stock.opening);
      to.count(stock.refills);
      to.signed(stock.corrections);
      to.count(stock.consumed);
      to.count(stock.onHand);
      to.count(stock.today);
      to.count(stock.lastDay);
      to.count(stock.reported);
      to.signed(stock.calibration);
      stock.forecast.save(state);
      to.bytes(state);
    }
  }

  load(from: ByteReader): void {
    // Earlier firmware had 0 while the time was unknown.
    this.#openDay = from.count() || 1;
    this.#absent = from.count();
    const known = from.count();
    // A firmware that adds a slot finds it missing here, and starts it at its opening.
    this.#stocks = this.#slots.map((slot, index) => {
      if (index >= known) return new SlotStock(slot.opening, newForecast(slot));
      const stock = new SlotStock(from.count(), newForecast(slot));
      stock.refills = from.count();
      stock.corrections = from.signed();
      stock.consumed = from.count();
      stock.onHand = from.count();
      stock.today = from.count();
      stock.lastDay = from.count();
      stock.reported = from.count();
      stock.calibration = from.signed();
      stock.forecast = newForecast(slot, from.bytes());
      return stock;
    });
  }

  #change(stock: SlotStock, kind: number, record: ByteReader): void {
    if (kind === RECORD.reported) {
      stock.reported = record.count();
      return;
    }
    const value = record.signed();
    switch (kind) {
      case RECORD.consumed:
        stock.consumed += value;
        stock.today += value;
        stock.lastDay = this.#openDay;
        break;
      case RECORD.refilled:
        stock.refills += value;
        break;
      case RECORD.corrected:
        stock.corrections += value;
        break;
      case RECORD.booked:
        // Never below nothing, though the record of a delivery was damaged in flash.
        stock.onHand = Math.max(0, stock.onHand + value);
        break;
      case RECORD.calibrated:
        stock.calibration = value;
        break;
      case RECORD.rescaled:
        stock.forecast.rescale(value / FACTOR_STEPS);
        break;
    }
  }

  /** Use that came together over several days, because the device did not know the time, is spread evenly over them. */
  #close(day: number): void {
    const opened = this.#openDay;
    // A closed day is never opened again.
    if (day <= opened) return;
    // Earlier firmware opened its first day like that.
    if (isRelative(opened) && !isRelative(day)) {
      this.#date(day, 0, 0);
      return;
    }
    this.#openDay = day;
    const days = day - opened;
    const observed = Math.max(0, 1 - this.#absent / (days * DAY_MINUTES));
    this.#absent = 0;
    this.#slots.forEach((slot, index) => {
      const stock = this.#stocks[index]!;
      for (let closed = opened; closed < day; closed++)
        stock.forecast.learn(
          isRelative(closed) ? undefined : weekday(closed),
          stock.today / days,
          slot.sensing === "level" ? 1 : observed,
        );
      stock.today = 0;
    });
  }

  #date(day: number, minute: number, metered: number): void {
    const open = this.#openDay;
    if (!isRelative(open)) return;
    this.#openDay = day;
    for (const stock of this.#stocks) {
      stock.reported = day;
      if (stock.lastDay === open) stock.lastDay = day;
      else if (stock.lastDay > 0) {
        // A relative day lies in two of the calendar: the later one, so that no slot seems idle for longer than it was.
        const ended = metered + (open - stock.lastDay - 1) * DAY_MINUTES;
        stock.lastDay = day + Math.floor((minute - ended - 1) / DAY_MINUTES);
      }
      if (metered === 0) continue;
      stock.forecast.learn(undefined, stock.today, Math.min(metered / DAY_MINUTES, 1));
      stock.today = 0;
    }
  }

  #redate(day: number, missed: number): void {
    const open = this.#openDay;
    if (isRelative(open)) return;
    this.#openDay = day;
    this.#absent = Math.max(0, this.#absent + missed);
    for (const stock of this.#stocks) {
      stock.lastDay = redated(stock.lastDay, open, day);
      stock.reported = redated(stock.reported, open, day);
    }
  }

  #quantity(kind: number, slot: number, steps: number): LedgerRecord {
    return {
      kind,
      write: (to) => {
        to.byte(slot);
        to.signed(steps);
      },
    };
  }
}

function isRelative(day: number): boolean {
  return day < FIRST_CALENDAR_DAY;
}

/** A day that was counted by a clock by which it was `from` when it was `to`. Put back, only the days after `to` can be of that clock. */
export function redated(day: number, from: number, to: number): number {
  return day > 0 && (to > from || day > to) ? Math.max(0, day + to - from) : day;
}

/** Day of the week of a day number: 0 is Monday. 1970-01-01 was a Thursday. */
export function weekday(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

function newForecast(slot: Slot, saved?: Uint8Array): Forecast {
  const options = { priorRate: slot.capacity / slot.ratedLife, unit: slot.smallestUse, noise: slot.noise };
  return saved ? new Forecast(options, saved) : new Forecast(options);
}
