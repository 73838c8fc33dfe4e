import files, { type Directory } from "embedded:storage/files";
import { fromText, toText } from "../desktop/text.js";
import type { SettingsStore } from "../setup/setup.js";

/** What was set up, in a file below the platform's root directory. */
export class FileStore implements SettingsStore {
  readonly #path: string;
  // The SDK's typing knows no default export.
  readonly #root = files as unknown as Directory;

  constructor(path: string) {
    this.#path = path;
  }

  read(): string | undefined {
    const { size } = this.#root.status(this.#path);
    if (size === undefined) return undefined;
    const file = this.#root.openFile({ path: this.#path, mode: "r" });
    const text = fromText(new Uint8Array(file.read(size, 0)));
    file.close();
    return text;
  }

  write(text: string): void {
    // Under another name first: the old one stands until the new one is whole.
    const unfinished = `${this.#path}.new`;
    const file = this.#root.openFile({ path: unfinished, mode: "w+" });
    file.write(toText(text), 0);
    file.flush();
    file.close();
    this.#root.move(unfinished, this.#path);
  }
}
