import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import type { JournalHealth } from "../ledger/journal.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";
import { type HealthRecord, RESET_CAUSES, type ResetCause } from "../uplink/messages.js";

const MOST_WORD = 0xffff;
const MOST_LONG = 0xffffffff;

/** What the board knows of itself; what it does not know is left out. */
export interface BoardFigures {
  /** Why the device has started; asked at the start. */
  readonly resetCause?: ResetCause;
  /** Least bytes of heap that were ever free since the start. */
  readonly leastFree?: number;
}

/** Where the figures of a health record come from that are not durable here. */
export interface HealthOptions {
  readonly version?: readonly [major: number, minor: number, patch: number];
  health?(): BoardFigures;
}

/** What the rest of the device tells of itself. */
export type DeviceFigures = Pick<
  HealthRecord,
  "day" | "dropped" | "clock" | "utcOffset" | "settings" | "applied"
>;

/** Starts by their causes, and the day of the newest health record, as they last. */
export class Health implements Part {
  readonly #options: HealthOptions;
  #resets: number[] = RESET_CAUSES.map(() => 0);
  /** Day of the newest health record; 0 before the first. */
  #day = 0;
  /** Whether this start is counted. What is replayed before it was asked for is of earlier runs. */
  #start: "uncounted" | "asked" | "counted" = "uncounted";

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** The record that counts this start; none when it is counted. */
  start(): LedgerRecord[] {
    if (this.#start === "counted") return [];
    this.#start = "asked";
    const cause = Math.max(0, RESET_CAUSES.indexOf(boardFigures(this.#options).resetCause ?? "unknown"));
    return [{ kind: RECORD.started, write: (to) => to.byte(cause) }];
  }

  /** Whether no health record was queued on this day. */
  isDue(day: number): boolean {
    return this.#day !== day;
  }

  /** The record that the health record of a day is queued. */
  report(day: number): LedgerRecord {
    return { kind: RECORD.healthReported, write: (to) => to.count(day) };
  }

  message(device: DeviceFigures, { mostErases, worn, damaged }: JournalHealth): HealthRecord {
    return {
      kind: "health",
      ...device,
      dropped: clipped(device.dropped),
      version: this.#options.version ?? [0, 0, 0],
      resets: [...this.#resets],
      leastFree: clipped(boardFigures(this.#options).leastFree ?? 0),
      mostErases: clipped(mostErases),
      worn: worn.length,
      damaged: clipped(damaged),
    };
  }

  replay(kind: number, record: ByteReader): boolean {
    if (kind === RECORD.started) {
      const cause = record.byte();
      // One that a later firmware knows counts as unknown.
      const index = cause < RESET_CAUSES.length ? cause : 0;
      this.#resets[index] = Math.min(this.#resets[index]! + 1, MOST_WORD);
      if (this.#start === "asked") this.#start = "counted";
    } else if (kind === RECORD.healthReported) this.#day = record.count();
    else return false;
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.#day);
    to.count(this.#resets.length);
    for (const count of this.#resets) to.count(count);
  }

  load(from: ByteReader): void {
    this.#day = from.count();
    const saved = Array.from({ length: from.count() }, () => from.count());
    this.#resets = RESET_CAUSES.map((_, cause) => saved[cause] ?? 0);
  }
}

/** A board that fails to say how it is must not keep the days from going on. */
function boardFigures(options: HealthOptions): BoardFigures {
  try {
    return options.health?.() ?? {};
  } catch {
    return {};
  }
}

function clipped(value: number): number {
  return value > 0 ? Math.min(Math.floor(value), MOST_LONG) : 0;
}
