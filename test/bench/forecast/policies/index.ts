import { section2, seer } from "./floor.js";
import { croston, movingAverage, sba, ses3, ses10, tsb } from "./point.js";
import type { PolicyKind } from "./policy.js";
import { busiestWeek, lamp } from "./share.js";
import { shipped } from "./shipped.js";

/** All that are compared, in the order of the tables. */
export const POLICIES: readonly PolicyKind[] = [
  movingAverage,
  ses10,
  ses3,
  croston,
  sba,
  tsb,
  lamp,
  busiestWeek,
  section2,
  shipped,
  seer,
];
