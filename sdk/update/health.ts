/** What is known of a calendar day at its end. */
export interface DayReport {
  /** Commits that the journal took. */
  readonly commits: number;
  /** The journal takes commits now. */
  readonly isStoring: boolean;
  /** The gateway acknowledged a status that was queued on this day or the day's begin. */
  readonly acknowledged: boolean;
  /** Resets by a watchdog, a panic or an exception. */
  readonly crashes: number;
}

/** Whether the device did on a day what it is there for: it kept what was used, its gateway heard of it, and nothing crashed. */
export function isHealthyDay(day: DayReport): boolean {
  return day.commits > 0 && day.isStoring && day.acknowledged && day.crashes === 0;
}
