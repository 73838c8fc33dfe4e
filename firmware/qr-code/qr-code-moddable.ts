import encode from "qrcode";
import { checkedText, type QrCode } from "./qr-text.js";

export type { QrCode } from "./qr-text.js";

/** As in `qr-code`. One byte a module, and for as long as it is made twice the code's bits in C. */
export function qrCode(text: string): QrCode {
  const code = encode({ input: checkedText(text) });
  const modules = new Uint8Array(code);
  const { size } = code;
  return { size, isDark: (column, row) => modules[row * size + column] !== 0 };
}
