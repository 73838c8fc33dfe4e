import type { Scheduled } from "../../sdk/index.js";
import type { IOClass, OpenIO } from "./board.js";

export interface HoldOptions {
  readonly io: IOClass;
  readonly pin: number;
  /** Milliseconds that the button has to be held. */
  readonly time: number;
  schedule(delay: number, task: () => void): Scheduled;
  /** Once for each time that it is held. */
  onHeld(): void;
}

/** Waits for somebody to hold a button. */
export function onHeld({ io, pin, time, schedule, onHeld }: HoldOptions): OpenIO {
  let timer: Scheduled | undefined;
  const button = new io({
    pin,
    onReadable() {
      timer?.cancel();
      // Asked again in the end: an edge may have been missed.
      timer = button.read() === 1 ? schedule(time, () => button.read() === 1 && onHeld()) : undefined;
    },
  });
  return {
    read: () => button.read(),
    close() {
      timer?.cancel();
      button.close();
    },
  };
}
