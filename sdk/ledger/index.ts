export { ByteReader, ByteWriter } from "./bytes.js";
export { LedgerError, type LedgerErrorCode } from "./errors.js";
export type { FlashPartition } from "./flash.js";
export { Journal, type JournalHealth, type JournalOptions } from "./journal.js";
export { Ledger, type LedgerOptions, type LedgerRecord, type Part, RECORD } from "./ledger.js";
export { type Account, Stock, weekday } from "./stock.js";
