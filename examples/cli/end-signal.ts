import type { Signals } from "./gateway.js";

/** A command runs until this signal: SIGTERM or SIGINT. To be ended by who has called it. */
export function endSignal(signals: Signals) {
  let resolve = () => {};
  const signal = new Promise<void>((done) => {
    resolve = done;
  });
  const names = ["SIGTERM", "SIGINT"] as const;
  const listener = () => resolve();
  for (const name of names) signals.on(name, listener);
  return {
    signal,
    end: () => {
      for (const name of names) signals.off(name, listener);
    },
  };
}
