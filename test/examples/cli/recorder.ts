import type { Terminal } from "../../../examples/cli/terminal.js";

export interface Recorder extends Terminal {
  outText(): string;
  errText(): string;
}

/** A terminal that keeps what is written to it. */
export function recorder(fields: Partial<Terminal> = {}): Recorder {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    width: 100,
    colour: false,
    unicode: false,
    redraws: false,
    ...fields,
    outText: () => out.join(""),
    errText: () => err.join(""),
  };
}
