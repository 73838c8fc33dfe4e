import { qrCode } from "../../../firmware/qr-code/qr-code.js";
import { fromText, toText } from "../../../hal/boards/desktop/text.js";

/* Codes in an engine that has nothing of Node: an event is a text, answered by the rows of its code. */

(globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer }).handleCommand = (event) => {
  const { size, isDark } = qrCode(fromText(new Uint8Array(event)));
  let rows = "";
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) rows += isDark(column, row) ? "1" : "0";
  return toText(rows).buffer as ArrayBuffer;
};
