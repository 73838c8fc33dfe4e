import { checkedSlots, type Slot } from "../../sdk/slot.js";

/** How much a device is used. */
export interface Profile {
  readonly name: string;
  /** Metered events that are committed, of each slot on each day. */
  readonly commits: number;
  /** Days that a full slot lasts. */
  readonly life: number;
}

export const SLOTS = 4;
/** Steps of one metered event: 1 up to twice the mean, less one. */
export const MEAN_STEPS = 5;

export const QUIET: Profile = Object.freeze({ name: "quiet", commits: 1, life: 60 });
export const NORMAL: Profile = Object.freeze({ name: "normal", commits: 10, life: 30 });
export const BUSY: Profile = Object.freeze({ name: "busy", commits: 96, life: 20 });
export const PROFILES = Object.freeze([QUIET, NORMAL, BUSY]);

/** The slots of a device with this profile. */
export function slotsOf({ commits, life }: Profile, slots = SLOTS): Slot[] {
  const capacity = commits * life * MEAN_STEPS;
  return checkedSlots(
    Array.from({ length: slots }, (_, index) => ({
      id: `slot-${index}`,
      unit: "count",
      stepsPerUnit: 1,
      capacity,
      refill: capacity,
      ratedLife: life,
      smallestUse: 1,
    })),
  );
}
