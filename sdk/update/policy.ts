import type { ImageOutcome } from "../uplink/messages.js";
import type { ImageDescription } from "./description.js";
import { type DayReport, isHealthyDay } from "./health.js";
import type { UpdateReason, UpdateState } from "./state.js";

/** A third crash while on trial is one too many. */
export const MOST_CRASHES = 2;
/** Starts of any kind while on trial: power cuts are the household's, but an image may bring brown-outs about. */
export const MOST_BOOTS = 20;
/** The image before it is told to boot so often. When none does, there is none, and this one is better than nothing. */
export const MOST_REJECTIONS = 3;

/** Whole downloads that turn out not to be what the maker signed, and new starts of the trial after an unlucky power cut. */
export const MOST_ATTEMPTS = 3;

/** The device that an image is offered to. */
export interface Device {
  readonly product: number;
  readonly chip: number;
  /** Version of the firmware that runs. */
  readonly version: number;
  /** Number of the maker's keys that it knows. */
  readonly keys: number;
  /** Bytes that an image may have. */
  readonly room: number;
}

/**
 * Why a description is not taken.
 *
 * - `malformed`: not a description
 * - `product`, `chip`: for another one
 * - `key`: signed with a key that this firmware does not know
 * - `signature`: these bytes were refused before, for their signature
 * - `downgrade`: not above the version that runs, and all that ever were confirmed
 * - `from`: the version that runs is too old for it; another one must come between
 * - `size`: there is no room for it
 * - `rejected`: this version was rolled back
 * - `busy`: another one is under way
 * - `storage`: it cannot be kept now; offer it again
 */
export type Refusal = Exclude<ImageOutcome, "taken" | "known" | "unsupported">;

/** Whether an image is for this device, now, as far as its description tells. */
export function judge(image: ImageDescription, device: Device, state: UpdateState): Refusal | undefined {
  if (image.product !== device.product) return "product";
  if (image.chip !== device.chip) return "chip";
  if (image.key >= device.keys) return "key";
  if (image.version <= device.version || image.version <= state.highest) return "downgrade";
  if (image.version === state.rejected) return "rejected";
  if (device.version < image.from) return "from";
  if (image.size > device.room) return "size";
  return undefined;
}

/** What a start of the device means for an update. */
export interface Start {
  /** The image that was staged is the one that runs. */
  readonly isNew: boolean;
  /** Version of the firmware that runs. */
  readonly version: number;
  /** The device was off: it did not crash. */
  readonly wasOff: boolean;
}

/**
 * - `try`: it is on trial, with so many starts and crashes
 * - `rollBack`: the new image runs, and is to go
 * - `wentBack`: the bootloader has gone back
 * - `again`: it has, but the power went just then, which is not the image's fault
 * - `reject`, `forget`, `confirm`: what the end of an update asks of the platform is not done yet
 * - `stay`: it was rolled back, and nothing else boots
 */
export type StartAction =
  | {
      readonly kind:
        | "nothing"
        | "verify"
        | "download"
        | "wentBack"
        | "again"
        | "reject"
        | "forget"
        | "confirm"
        | "stay";
    }
  | { readonly kind: "try"; readonly boots: number; readonly crashes: number }
  | { readonly kind: "rollBack"; readonly reason: UpdateReason };

export function atStart(state: UpdateState, { isNew, version, wasOff }: Start): StartAction {
  const back: StartAction = { kind: wasOff && state.attempt < MOST_ATTEMPTS ? "again" : "wentBack" };
  switch (state.phase) {
    case "described":
      return { kind: "verify" };
    case "downloading":
      return { kind: "download" };
    case "staged":
      // Not told to boot it: the power was cut just before. Told, and it does not run: it was tried.
      if (!isNew) return state.switched > 0 ? back : { kind: "download" };
      if (version !== state.description?.version) return { kind: "rollBack", reason: "version" };
      return { kind: "try", boots: 1, crashes: 0 };
    case "trial": {
      if (!isNew) return back;
      const boots = state.boots + 1;
      const crashes = state.crashes + (wasOff ? 0 : 1);
      if (crashes > MOST_CRASHES) return { kind: "rollBack", reason: "crashes" };
      if (boots > MOST_BOOTS) return { kind: "rollBack", reason: "restarts" };
      return { kind: "try", boots, crashes };
    }
    case "confirmed":
      if (state.settled) return { kind: "nothing" };
      return isNew ? { kind: "confirm" } : back;
    case "rolledBack":
      if (state.settled) return { kind: "nothing" };
      if (!isNew) return { kind: "forget" };
      return { kind: state.rejections < MOST_REJECTIONS ? "reject" : "stay" };
    default:
      return { kind: "nothing" };
  }
}

/**
 * - `confirm`: it was a healthy day, from its begin to its end
 * - `wait`: the day counts, and there will be another
 */
export type DayAction = "confirm" | "wait" | "rollBack";

/** @param trialDays whole days that an image has for one that is healthy */
export function atDayEnd(state: UpdateState, day: DayReport, trialDays: number): DayAction {
  // The day in which the trial began was not its own alone.
  if (state.days === 0) return "wait";
  if (isHealthyDay(day)) return "confirm";
  return state.days >= trialDays ? "rollBack" : "wait";
}
