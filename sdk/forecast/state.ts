import { LEAST_EXPOSURE } from "./constants.js";
import { ForecastError } from "./error.js";

/*
 * The state is one array of doubles, saved as it is. Position of every value, in doubles:
 */
/** Rate filter of about 16 days: discounted use (steps), then discounted exposure (days). */
export const FAST = 0;
/** The same of about 90 days. */
export const SLOW = 2;
/** Discounted use per weekday, steps. 7 values, Monday first. */
export const DAY_USE = 4;
/** Discounted count of observed days per weekday, days. 7 values, Monday first. */
export const DAY_COUNT = 11;
/** Daily errors: discounted squares (steps squared), then discounted expected use (steps). */
export const DAILY = 18;
/**
 * Errors of 7-day forecasts: discounted squares (steps squared), then discounted expected use (steps), saved with its sign
 * changed: earlier firmware saved the discounted number of errors there, which is above 0.
 */
export const WEEKLY = 20;
/** Forecasts for 7 days made 1 to 7 evenings ago, less the use since, steps. 7 values, newest first. */
export const PENDING = 22;
/** How many of those were made since the start or the last absence, 0 to 7. */
export const PENDING_COUNT = 29;
/**
 * Days without use in a row. Positive: still learned, as their exposure in the fast filter (days). Negative: held for an
 * absence, minus the number of days held so far.
 */
export const QUIET = 30;

const LENGTH = 31;

/** Size of the saved state, bytes. */
export const STATE_BYTES = LENGTH * 8;

/** All zero; the forecast sets what has another beginning. */
export function newState(): Float64Array {
  return new Float64Array(LENGTH);
}

/**
 * What earlier firmware saved has a number below 0 at WEEKLY + 1, minus the number of errors.
 *
 * @throws ForecastError invalid-state for a wrong length or content no forecast can have written
 */
export function readState(saved: Uint8Array): Float64Array {
  if (saved.length !== STATE_BYTES) throw refused(`saved must be ${STATE_BYTES} bytes (got ${saved.length})`);
  const view = new DataView(saved.buffer, saved.byteOffset, STATE_BYTES);
  const state = newState();
  for (let i = 0; i < LENGTH; i++) {
    const value = view.getFloat64(i * 8, true);
    if (!Number.isFinite(value)) throw refused(`saved double ${i} must be a finite number (got ${value})`);
    const least = leastAllowed(i);
    if ((i === WEEKLY + 1 ? Math.abs(value) : value) < least)
      throw refused(`saved double ${i} must be at least ${least} (got ${value})`);
    state[i] = value;
  }
  state[WEEKLY + 1] = -state[WEEKLY + 1]!;
  const count = state[PENDING_COUNT]!;
  if (count > 7 || count !== Math.floor(count))
    throw refused(`saved double ${PENDING_COUNT} must be a whole number up to 7 (got ${count})`);
  return state;
}

/** Little endian, the first STATE_BYTES bytes of `into`. */
export function writeState(state: Float64Array, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, STATE_BYTES);
  for (let i = 0; i < LENGTH; i++) view.setFloat64(i * 8, i === WEEKLY + 1 ? -state[i]! : state[i]!, true);
}

function leastAllowed(position: number): number {
  if (position === FAST + 1 || position === SLOW + 1) return LEAST_EXPOSURE;
  if (position === DAILY + 1 || position === WEEKLY + 1) return Number.MIN_VALUE;
  if ((position >= DAY_COUNT && position < DAILY) || position === PENDING_COUNT) return 0;
  return Number.NEGATIVE_INFINITY;
}

function refused(what: string): ForecastError {
  return new ForecastError("invalid-state", `forecast: ${what}`);
}
