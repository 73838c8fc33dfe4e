import { LevelMeter } from "../../hal/index.js";
import { driftOf } from "./drift.js";
import { type Described, INTERVAL, number, optional, type Part, POSITIVE, type Rules } from "./kind.js";

/** A description of what looks down into a container, see `Looking` in `config.ts`. */
export interface LevelWiring extends Described {
  readonly full: number;
  readonly empty: number;
  readonly noise?: number;
  readonly interval: number;
}

/** Metres; no sensor here looks further. */
const FARTHEST = 4;
const NOISE = 0.001;

export const LEVEL_RULES: Rules = Object.freeze({
  full: number(0, FARTHEST),
  empty: number(0, FARTHEST),
  noise: optional(POSITIVE),
  interval: INTERVAL,
});

export function levelConflict({
  full,
  empty,
}: LevelWiring): readonly [field: string, accepted: string] | undefined {
  return empty > full ? undefined : ["empty", "more metres than full"];
}

/** Takes a slot's distances, from its first on. */
export function levelTaker(
  part: Part<LevelWiring>,
): (sample: { readonly distance: number; readonly faults?: object }) => void {
  const { full, empty, noise = NOISE, interval } = part.wiring;
  let meter: LevelMeter | undefined;
  return (sample) => {
    meter ??= new LevelMeter({
      full,
      empty,
      capacity: part.capacity,
      level: part.remaining,
      noise,
      drift: driftOf(noise, interval),
    });
    const { consumed, refilled } = meter.update(sample);
    part.use(consumed);
    part.refill(refilled);
  };
}
