import { ByteReader, ByteWriter, type LedgerRecord, type Part } from "../../../sdk/ledger/index.js";

/** Folds records as a ledger does; false when one was not of this part. */
export function fold(part: Part, records: readonly LedgerRecord[]): boolean {
  let known = true;
  for (const record of records) {
    const fields = new ByteWriter();
    record.write(fields);
    known = part.replay(record.kind, new ByteReader(fields.view())) && known;
  }
  return known;
}

/** The state of a part, as its checkpoint holds it. */
export function saved(part: Part): Uint8Array {
  const to = new ByteWriter();
  part.save(to);
  return to.view().slice();
}

/** Gives a new part the state of another. */
export function loaded<P extends Part>(part: P, from: Part): P {
  part.load(new ByteReader(saved(from)));
  return part;
}
