import Digital from "embedded:io/digital";
import PulseWidth from "embedded:io/pulsewidth";
import type { OutputClass, PulseWidthClass } from "../../hal/boards/board.js";

/** Moddable's. There is no PulseWidth on chips without a capture unit, such as the ESP32-C3: its constructor throws. */
export function pulseWidthOf(): { readonly PulseWidth: PulseWidthClass; readonly Output: OutputClass } {
  return {
    PulseWidth: PulseWidth as unknown as PulseWidthClass,
    Output: Digital as unknown as OutputClass,
  };
}
