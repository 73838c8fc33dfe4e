import { qrCode } from "everfull/firmware/qr-code";
import { type Html, html } from "../../web/html.js";

/** Light modules around a code, without which phones do not find it. */
const MARGIN = 4;
/** Side of a module on the page, in pixels. */
const MODULE = 4;

/** The QR code of a link, as a picture without a name: what is beside it says the same. */
export function codePicture(link: string): Html {
  const { size, isDark } = qrCode(link);
  let dark = "";
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++)
      if (isDark(column, row)) dark += `M${column} ${row}h1v1h-1z`;
  const side = size + 2 * MARGIN;
  return html`<svg aria-hidden="true" width="${side * MODULE}" height="${side * MODULE}" viewBox="${-MARGIN} ${-MARGIN} ${side} ${side}" shape-rendering="crispEdges"><rect x="${-MARGIN}" y="${-MARGIN}" width="${side}" height="${side}" fill="#fff"/><path d="${dark}" fill="#000"/></svg>`;
}
