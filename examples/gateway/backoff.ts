/** First bound on the wait after a failed call, in milliseconds. */
const BASE_MS = 10_000;
/** Last bound, in milliseconds. */
const CAP_MS = 3_600_000;

/**
 * How long to wait after a number of failures in a row: anything up to a bound that doubles ("full jitter"), so
 * that what failed at one moment is not repeated at one moment.
 *
 * @param failures 1 or more
 * @param random 0 up to but not 1
 * @returns milliseconds
 */
export function backoff(failures: number, random: number): number {
  const bound = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures - 1, 30));
  return Math.floor(bound * random);
}
