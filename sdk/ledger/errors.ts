export type LedgerErrorCode =
  | "options"
  | "version" // written by a newer firmware: refused, nothing erased
  | "flash" // the partition refused a read, write or erase, or does not hold what was written
  | "full" // the state, or the record beside it, does not fit in one block
  | "closed" // not open, or not yet
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
