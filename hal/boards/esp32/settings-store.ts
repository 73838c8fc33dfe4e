import keyValue from "embedded:storage/key-value";
import type { SettingsStore } from "../setup/setup.js";

/** Namespace and keys of NVS, of 15 characters at most. */
const SPACE = "everfull";
const SETTINGS = "settings";
const ASKED = "asked";

/**
 * What was set up, in the partition `nvs`: one entry, so that it is there as a whole or as it was before. It is in clear, unless the product encrypts its flash.
 */
export class NvsStore implements SettingsStore {
  read(): string | undefined {
    return use((space) => space.read(SETTINGS) as string | undefined);
  }

  write(text: string): void {
    use((space) => space.write(SETTINGS, text));
  }

  /** Has the next start wait for somebody to set it up. */
  ask(): void {
    use((space) => space.write(ASKED, "1"));
  }

  /** Whether the start before has asked, once. */
  takeAsked(): boolean {
    return use((space) => {
      const isAsked = space.read(ASKED) !== undefined;
      if (isAsked) space.delete(ASKED);
      return isAsked;
    });
  }
}

function use<Result>(task: (space: ReturnType<typeof keyValue.open>) => Result): Result {
  const space = keyValue.open({ path: SPACE, mode: "r+", format: "string" });
  try {
    return task(space);
  } finally {
    space.close();
  }
}
