import getResetReason from "resetReason";
import type { ResetReason } from "../board.js";

/** By `esp_reset_reason_t` of ESP-IDF: what is not here, such as a wake from a sleep that this firmware does not enter, is `other`. */
const REASONS: Readonly<Record<number, ResetReason>> = Object.freeze({
  1: "power-on",
  2: "external",
  3: "software",
  4: "panic",
  5: "watchdog",
  6: "watchdog",
  7: "watchdog",
  9: "brown-out",
  11: "external",
  12: "external",
  // The supply had a glitch that the brown-out detector was too slow for.
  14: "brown-out",
  15: "panic",
});

export function resetReason(): ResetReason {
  return REASONS[getResetReason().reason] ?? "other";
}
