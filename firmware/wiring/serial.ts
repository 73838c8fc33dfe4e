import type { Board, SerialClass } from "../../hal/boards/board.js";
import { required } from "./required.js";

/** The board's own. For boards of the platform, the manifest puts `serial-esp32` in this module's place, which links the platform's. */
export function serialOf({ name, io }: Board): SerialClass {
  return required(io.Serial, name, "Serial");
}
