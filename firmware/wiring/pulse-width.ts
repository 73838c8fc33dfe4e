import type { Board, OutputClass, PulseWidthClass } from "../../hal/boards/board.js";
import { required } from "./required.js";

/** The board's own. For boards of the platform, the manifest puts `pulse-width-esp32` in this module's place, which links the platform's. */
export function pulseWidthOf({ name, io }: Board): {
  readonly PulseWidth: PulseWidthClass;
  readonly Output: OutputClass;
} {
  return {
    PulseWidth: required(io.PulseWidth, name, "PulseWidth"),
    Output: required(io.Output, name, "Output"),
  };
}
