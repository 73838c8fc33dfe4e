/** Time as the gateway sees it: the host's, or virtual in a simulation. */
export interface GatewayClock {
  /** UTC, in milliseconds since 1970-01-01. */
  now(): number;
  /**
   * Runs `task` once at that UTC time, or soon when it has passed. A virtual clock waits for the promise that a
   * task returns before it moves on. Absent: the host's timers, by the difference to `now()`.
   */
  at?(time: number, task: () => Promise<void>): { cancel(): void };
}

/** Longer ones a host's timer takes for none, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const HOST_CLOCK: GatewayClock = Object.freeze({ now: () => Date.now() });

/** Runs `task`, which handles its own errors, at a time on a clock. */
export function schedule(clock: GatewayClock, time: number, task: () => Promise<void>): { cancel(): void } {
  if (clock.at) return clock.at(time, task);
  const wait = Math.min(Math.max(0, time - clock.now()), LONGEST_TIMER);
  const timer = setTimeout(task, wait);
  // A gateway that has nothing else to do may end.
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
}
