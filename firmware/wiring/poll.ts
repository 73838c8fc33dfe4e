import type { Device } from "./kind.js";

/** Logs an error once, until there is another or none: `undefined` or `null`. */
export type Report = (error: unknown) => void;

/**
 * Does something now and then, for the first time after the first interval. Not while the journal cannot be read: what a slot holds is not known then.
 * What is thrown is reported; out of a timer it would end the program.
 *
 * @param name for the log
 * @param interval in milliseconds
 * @param task returns milliseconds to be called again sooner, once
 * @returns what ends it
 */
export function poll(
  { board, everfull }: Device,
  name: string,
  interval: number,
  task: (report: Report) => number | undefined,
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
    timer = board.schedule(interval, run);
    if (!everfull.storage.isOpen) return;
    try {
      const sooner = task(report);
      // The product may have ended it in an event.
      if (isEnded || sooner === undefined || sooner >= interval) return;
      timer.cancel();
      timer = board.schedule(sooner, run);
    } catch (error) {
      report(error);
    }
  };
  let timer = board.schedule(interval, run);
  return () => {
    isEnded = true;
    timer.cancel();
  };
}
