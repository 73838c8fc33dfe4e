import type { Terminal } from "./terminal.js";

/** How far a run is. */
export interface DayDone {
  /** Days simulated. */
  readonly day: number;
  readonly days: number;
  /** Date of the day, YYYY-MM-DD. */
  readonly date: string;
  /** What is worth saying about it. */
  readonly note?: string;
}

const BAR_COLUMNS = 30;
/** Days from one line to the next where a line cannot be drawn over. */
const LINE_DAYS = 30;

/** Shows how far a run is, on stderr. */
export interface Progress {
  show(done: DayDone): void;
  /** Leaves an empty line to go on from. */
  end(): void;
}

export function startProgress(terminal: Terminal): Progress {
  return terminal.redraws ? drawnOver(terminal) : lines(terminal);
}

function drawnOver(terminal: Terminal): Progress {
  return {
    show({ day, days, date, note }) {
      const full = Math.min(BAR_COLUMNS, Math.round((BAR_COLUMNS * day) / days));
      const [done, left] = terminal.unicode ? ["█", "░"] : ["#", "."];
      const bar = (done as string).repeat(full) + (left as string).repeat(BAR_COLUMNS - full);
      const text = `${bar} ${date}, day ${day} of ${days}${note === undefined ? "" : `: ${note}`}`;
      // One column is left free: a full line would wrap, and be drawn over by half.
      terminal.err(`\r${text.slice(0, terminal.width - 1)}\u001b[K`);
    },
    end: () => terminal.err("\r\u001b[K"),
  };
}

function lines(terminal: Terminal): Progress {
  let shown = 0;
  return {
    show({ day, days, date, note }) {
      if (Math.floor(day / LINE_DAYS) <= shown) return;
      shown = Math.floor(day / LINE_DAYS);
      terminal.err(`${date}, day ${day} of ${days}${note === undefined ? "" : `: ${note}`}\n`);
    },
    end: () => undefined,
  };
}
