/** Where a command prints to, and how. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Columns for what goes to `out`. */
  readonly width: number;
  /** Colours in what goes to `out`. */
  readonly colour: boolean;
  readonly unicode: boolean;
  /** `err` goes to a screen, where a line can be drawn over. */
  readonly redraws: boolean;
}

const DEFAULT_COLUMNS = 100;
const LEAST_COLUMNS = 60;
const MOST_COLUMNS = 160;

type Stream = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number };
type Environment = Readonly<Record<string, string | undefined>>;

/** The terminal of this process. */
export function terminalOf(stdout: Stream, stderr: Stream, environment: Environment): Terminal {
  const columns = stdout.isTTY === true && stdout.columns ? stdout.columns : DEFAULT_COLUMNS;
  // NO_COLOR counts when it is not empty: https://no-color.org
  const plain = environment.NO_COLOR ? true : environment.TERM === "dumb";
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    width: Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns)),
    colour: stdout.isTTY === true && !plain,
    unicode: speaksUtf8(environment),
    redraws: stderr.isTTY === true && environment.TERM !== "dumb",
  };
}

/** POSIX: the first of the three that is not empty decides. Windows has none of them; its newer terminal sets its own. */
function speaksUtf8(environment: Environment): boolean {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return /utf-?8/i.test(locale) || (locale === "" && Boolean(environment.WT_SESSION));
}
