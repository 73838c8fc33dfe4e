import I2C from "embedded:io/i2c";
import type { I2CClass } from "../../hal/boards/board.js";

/** Moddable's, whose typings are not what it does. */
export function i2cOf(): I2CClass {
  return I2C as unknown as I2CClass;
}
