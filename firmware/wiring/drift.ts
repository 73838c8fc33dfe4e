/** A zero may move by this share of the noise within {@link DRIFT_INTERVAL} milliseconds. */
const DRIFT_SHARE = 0.05;
const DRIFT_INTERVAL = 15 * 60 * 1000;

/** Most that a zero is expected to move between two samples, in the unit of the noise. @param interval between them, in milliseconds */
export function driftOf(noise: number, interval: number): number {
  return noise * DRIFT_SHARE * (interval / DRIFT_INTERVAL);
}
