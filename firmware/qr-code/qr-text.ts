import { EverfullError } from "../../sdk/errors.js";

/** A QR code (ISO/IEC 18004). It needs a light margin of four modules around it, which is not in it. */
export interface QrCode {
  /** Modules of a side, 21 to 177. */
  readonly size: number;
  /** Columns and rows count from 0, at the top left. */
  isDark(column: number, row: number): boolean;
}

/** What goes into the largest code at its level. */
const MOST = 2331;

/** @throws {EverfullError} `argument` */
export function checkedText(text: string): string {
  if (text.length === 0 || text.length > MOST || !/^[ -~]+$/.test(text))
    throw new EverfullError(
      "argument",
      `qrCode: 1 to ${MOST} characters of printable ASCII are accepted (got ${text.length} characters)`,
    );
  return text;
}
