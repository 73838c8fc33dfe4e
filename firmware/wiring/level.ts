import { LevelMeter } from "../../hal/index.js";
import { CONTAINER_RULES, Container, type ContainerWiring, DRIFT_SHARE } from "./container.js";
import { type Device, number, optional, type Part, POSITIVE, type Rules } from "./kind.js";

/** A description of what looks down into a container, see `Looking` in `config.ts`. */
export interface LevelWiring extends ContainerWiring {
  readonly full: number;
  readonly empty: number;
  readonly noise?: number;
}

/** Metres; no sensor here looks further. */
const FARTHEST = 4;
const NOISE = 0.001;

export const LEVEL_RULES: Rules = Object.freeze({
  full: number(0, FARTHEST),
  empty: number(0, FARTHEST),
  noise: optional(POSITIVE),
  ...CONTAINER_RULES,
});

export function levelConflict({
  full,
  empty,
}: LevelWiring): readonly [field: string, accepted: string] | undefined {
  return empty > full ? undefined : ["empty", "more metres than full"];
}

/**
 * Takes a slot's distances, from its first on.
 *
 * @param awake milliseconds that a sample takes
 */
export function levelOf(
  { board }: Device,
  part: Part<LevelWiring>,
  awake: number,
): Container<{ readonly distance: number; readonly faults?: object }> {
  const { full, empty, noise = NOISE } = part.wiring;
  const { capacity } = part;
  return new Container(board, part, {
    awake,
    noise,
    calibration: [full, empty, capacity],
    open: (offset, level) =>
      new LevelMeter({ full, empty, capacity, level, offset, noise, drift: noise * DRIFT_SHARE }),
  });
}
