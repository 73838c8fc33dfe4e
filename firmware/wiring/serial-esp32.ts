import Serial from "embedded:io/serial";
import type { SerialClass } from "../../hal/boards/board.js";

/** Moddable's, whose typings are not what it does. */
export function serialOf(): SerialClass {
  return Serial as unknown as SerialClass;
}
