import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { NorFlash } from "../../../../hal/simulator/nor-flash.js";

/*
 * How many bytes a recovery holds at once. Only Node tells it: the garbage is collected before every read and write, so that what is left of the buffers is
 * what the program still has.
 */

setFlagsFromString("--expose-gc");
// Else buffers are freed some time after they were found to be garbage.
setFlagsFromString("--no-concurrent-array-buffer-sweeping");
const collectGarbage = runInNewContext("gc") as () => void;

function held(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** What is held when nothing of what was done before is freed any more: a function that has returned may seem to hold its buffers until the stack is empty. */
async function atRest(): Promise<number> {
  let least = held();
  for (let unchanged = 0; unchanged < 4; ) {
    await setImmediate();
    const now = held();
    unchanged = now < least ? 0 : unchanged + 1;
    least = Math.min(least, now);
  }
  return least;
}

/** Bytes of buffers that `work` holds at its accesses to the flash, at most, with what the access itself is about to take. */
export async function mostHeld(flash: NorFlash, work: () => void): Promise<number> {
  let most = 0;
  const before = await atRest();
  flash.refuse = (access) => {
    most = Math.max(most, held() - before + (access.kind === "read" ? access.length : 0));
    return undefined;
  };
  try {
    work();
  } finally {
    flash.refuse = undefined;
  }
  return most;
}
