/**
 * What a sample was instead of plain use or refill:
 * - `away`: below empty, a container taken off or a lid opened; ignored
 * - `overfull`: more than the container can hold, something on top of it or a hand; ignored
 * - `doubtful`: a count that cannot be; ignored until the next one says the same
 * - `restarted`: the counter began at 0 again, and what it shows was counted since
 * - `exchanged`: another sensor, another zero; the books go on from what it shows, nothing is used or put in by that
 */
export type MeterCondition = "away" | "overfull" | "doubtful" | "restarted" | "exchanged";

/** What a meter makes of one sample. Both numbers are whole and 0 or more. */
export interface MeterReading {
  /** whole steps used since the last reading */
  consumed: number;
  /** whole steps put in since the last reading */
  refilled: number;
  /** present only when the sample was something else */
  condition?: MeterCondition;
}
