import type { Device } from "./kind.js";

/** Logs an error once, until there is another or none: `undefined` or `null`. */
export type Report = (error: unknown) => void;

/**
 * Does something now and then, for the first time after an interval. Not while the journal cannot be read: what a slot holds is not known then.
 * What is thrown is reported; out of a timer it would end the program.
 *
 * @param name for the log
 * @param interval in milliseconds
 * @param task returns milliseconds to be called again sooner, once
 * @param first milliseconds until it is called for the first time
 * @returns what ends it
 */
export function poll(
  { board, everfull }: Device,
  name: string,
  interval: number,
  task: (report: Report) => number | undefined,
  first: number = interval,
): () => void {
  let last: string | undefined;
  const report = (error: unknown) => {
    const text =
      error === undefined || error === null
        ? undefined
        : error instanceof Error
          ? error.message
          : String(error);
    if (text !== undefined && text !== last) board.log(`${name}: ${text}`);
    last = text;
  };
  let isEnded = false;
  const run = () => {
    let wait: number | undefined;
    try {
      if (everfull.storage.isOpen) wait = task(report);
    } catch (error) {
      report(error);
    }
    // The product may have ended it in an event.
    if (!isEnded) timer = board.schedule(Math.min(wait ?? interval, interval), run);
  };
  let timer = board.schedule(first, run);
  return () => {
    isEnded = true;
    timer.cancel();
  };
}
