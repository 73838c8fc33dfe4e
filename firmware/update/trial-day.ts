import type { ByteReader, ByteWriter } from "../../sdk/ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../../sdk/ledger/ledger.js";

/** What was counted as the day began, while an image is on trial: a day that is interrupted still knows its crashes. */
export class TrialDay implements Part {
  /** Crashes of the device up to then. */
  crashes = 0;

  begin(crashes: number): LedgerRecord {
    return { kind: RECORD.trialDay, write: (to) => to.count(crashes) };
  }

  replay(kind: number, from: ByteReader): boolean {
    if (kind !== RECORD.trialDay) return false;
    this.crashes = from.count();
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.crashes);
  }

  load(from: ByteReader): void {
    this.crashes = from.count();
  }
}
