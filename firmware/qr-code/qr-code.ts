import { encode } from "uqr";
import { checkedText, type QrCode } from "./qr-text.js";

export type { QrCode } from "./qr-text.js";

/**
 * The code of a link, for a device with a display: of the least size that holds it, with the best correction of errors at that size (15 % at least). On Moddable's
 * boards the manifest puts `qr-code-moddable` in this module's place, which is C and makes the same code: here each module is a JavaScript value.
 *
 * @param text 1 to 2331 printable ASCII characters
 * @throws {EverfullError} `argument`
 */
export function qrCode(text: string): QrCode {
  const { size, data } = encode(checkedText(text), { ecc: "M", boostEcc: true, border: 0 });
  return { size, isDark: (column, row) => data[row]![column]! };
}
