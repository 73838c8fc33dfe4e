export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

/** YYYY-MM-DD of a UTC time in milliseconds: the simulated household lives on UTC. */
export function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** UTC midnight of a date YYYY-MM-DD, in milliseconds. */
export function timeOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`);
}

/** 28 years: after them, between 1901 and 2099, the same dates fall on the same weekdays again. */
const PERIOD = 10_227 * DAY;
/** Devices do not believe in earlier times, and messages do not hold much later ones. */
const EARLIEST = Date.UTC(2013, 0, 1);
const LATEST = Date.UTC(2060, 0, 1);

/** The dates of the data on the clock of a run, which is moved by whole periods when devices would not believe in them. */
export class Calendar {
  /** UTC midnight of the first day on the clock of the run, in milliseconds. */
  readonly start: number;
  readonly #shift: number;

  /** @param first date of the first day, YYYY-MM-DD */
  constructor(first: string) {
    let start = timeOf(first);
    while (start < EARLIEST) start += PERIOD;
    while (start > LATEST) start -= PERIOD;
    this.start = start;
    this.#shift = start - timeOf(first);
  }

  /** Date in the data of a time on the clock of the run. */
  dateOf(time: number): string {
    return dateOf(time - this.#shift);
  }

  /** The same with the time of day, in ISO 8601. */
  momentOf(time: number): string {
    return new Date(time - this.#shift).toISOString();
  }
}
