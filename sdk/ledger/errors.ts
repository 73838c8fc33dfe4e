export type LedgerErrorCode =
  | "options"
  | "version" // written by a newer firmware: refused, nothing erased
  | "flash" // the partition refused a read, write or erase
  | "full" // the state no longer fits in one block
  | "record"; // a record that cannot be folded: a fault of the program, never of the power

/** Thrown by everything in `sdk/ledger`. */
export class LedgerError extends Error {
  override name = "LedgerError";
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
