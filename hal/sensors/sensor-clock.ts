import type { Scheduled } from "../../sdk/index.js";

/** Time for sensors that wait or measure rates. A `Board` is one. */
export interface SensorClock {
  /** milliseconds since any moment; never goes back */
  ticks(): number;
  /** runs a task once, after so many milliseconds, never before returning */
  schedule(delay: number, task: () => void): Scheduled;
}
