import type { Board, I2CClass } from "../../hal/boards/board.js";
import { required } from "./required.js";

/** The board's own. For boards of the platform, the manifest puts `i2c-esp32` in this module's place, which links the platform's. */
export function i2cOf({ name, io }: Board): I2CClass {
  return required(io.I2C, name, "I2C");
}
