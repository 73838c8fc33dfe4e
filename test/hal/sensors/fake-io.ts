/** An IO that a test plays: it shows what it was given, and whether it was closed. */
export interface FakeIO {
  options: Record<string, unknown> & { onError(error?: unknown): void };
  closed: number;
  value: number | undefined;
  reads: number;
}

/** A fresh IO class that keeps its instances in `opened`, and starts each with `value`. */
export function fakeIO(value?: number, onOpen?: (io: FakeIO) => void) {
  const opened: FakeIO[] = [];
  class IO implements FakeIO {
    options: FakeIO["options"];
    closed = 0;
    value = value;
    reads = 0;
    constructor(options: FakeIO["options"]) {
      this.options = options;
      opened.push(this);
      onOpen?.(this);
    }
    read(): number | undefined {
      this.reads++;
      return this.value;
    }
    close(): void {
      this.closed++;
    }
  }
  return { IO, opened };
}
