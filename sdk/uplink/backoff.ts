/** First bound on the wait after a failure, in milliseconds. */
const BASE = 5_000;
/** Last bound: a broker that is back is found within the hour. */
const CAP = 3_600_000;

/**
 * How long to wait after a number of failures in a row: anything up to a bound that doubles ("full jitter"), so that a fleet that lost its
 * broker at one moment does not come back at one moment.
 *
 * @param random 0 up to but not 1
 * @returns milliseconds
 */
export function backoff(failures: number, random: number): number {
  let bound = BASE;
  for (let i = 1; i < failures && bound < CAP; i++) bound *= 2;
  return Math.floor(Math.min(bound, CAP) * random) + 1;
}
