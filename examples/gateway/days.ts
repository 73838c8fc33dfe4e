const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Calendar day of an instant (UTC milliseconds) at a place, in days since 1970-01-01. */
export function dayAt(instant: number, utcOffsetMinutes: number): number {
  return Math.floor((instant + utcOffsetMinutes * MINUTE_MS) / DAY_MS);
}

/** The instant (UTC milliseconds) at which a calendar day begins at a place. */
export function startOfDay(day: number, utcOffsetMinutes: number): number {
  return day * DAY_MS - utcOffsetMinutes * MINUTE_MS;
}

/** ISO 8601 in UTC without fractions, as DRS prints it: 2017-01-05T07:59:59Z. */
export function isoTime(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`;
}
