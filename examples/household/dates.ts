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
