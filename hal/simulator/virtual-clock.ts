/** What is under way in a simulation: time stands still while there is anything. */
export class Activity {
  readonly #open = new Map<symbol, string>();
  #waiting: (() => void)[] = [];

  /** Something begins. The returned function ends it; calling it again does nothing. */
  begin(what: string): () => void {
    const token = Symbol(what);
    this.#open.set(token, what);
    return () => {
      if (!this.#open.delete(token) || this.#open.size > 0) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const proceed of waiting) proceed();
    };
  }

  /** What is under way. */
  get pending(): readonly string[] {
    return [...this.#open.values()];
  }

  /**
   * Resolves when nothing is under way.
   *
   * @param patience real milliseconds after which waiting is given up with an error that lists what did not end
   */
  async idle(patience: number): Promise<void> {
    while (this.#open.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => this.#waiting.push(resolve)),
        new Promise<never>((_, reject) => {
          timer = setTimeout(
            () =>
              reject(
                new Error(`simulation: did not end within ${patience / 1000} s: ${this.pending.join("; ")}`),
              ),
            patience,
          );
        }),
      ]).finally(() => clearTimeout(timer));
    }
  }
}

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly task: () => Promise<void> | void;
  cancelled: boolean;
}

/** Only a fault takes longer. */
const PATIENCE = 60_000;

export interface VirtualClockOptions {
  /** Real milliseconds that something under way may take before the clock gives up with an error; default 60 000. */
  readonly patience?: number;
}

/**
 * The one clock of a simulation. It moves from one scheduled task to the next, and only when nothing is under way, so a run over real
 * sockets is repeatable.
 */
export class VirtualClock {
  readonly activity = new Activity();
  /** Binary heap by time, then by order of scheduling. */
  readonly #heap: Entry[] = [];
  readonly #patience: number;
  #now: number;
  #order = 0;

  /** @param start UTC in milliseconds */
  constructor(start: number, options: VirtualClockOptions = {}) {
    this.#now = start;
    this.#patience = options.patience ?? PATIENCE;
  }

  /** UTC in milliseconds. */
  now(): number {
    return this.#now;
  }

  /**
   * Runs a task at a time, or as soon as possible when that has passed. Time stands still until what it returns is settled.
   *
   * @throws {Error} when the time is not a finite number
   */
  at(time: number, task: () => Promise<void> | void): { cancel(): void } {
    if (!Number.isFinite(time))
      throw new Error(`clock: a finite time in milliseconds is accepted (got ${time})`);
    const entry: Entry = { time: Math.max(time, this.#now), order: this.#order++, task, cancelled: false };
    this.#push(entry);
    return {
      cancel() {
        entry.cancelled = true;
      },
    };
  }

  /**
   * Runs everything that is scheduled up to and including a time, and sets the clock to it.
   *
   * @throws {Error} what a task threw, or a list of what did not end
   */
  async runUntil(end: number): Promise<void> {
    await this.activity.idle(this.#patience);
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.time > end) break;
      this.#pop();
      if (next.cancelled) continue;
      this.#now = next.time;
      await this.#run(next);
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Runs one task, and waits for it and for what it began. */
  async #run({ time, task }: Entry): Promise<void> {
    const done = this.activity.begin(`the task of ${new Date(time).toISOString()}`);
    let failure: { readonly error: unknown } | undefined;
    const ended = (async () => task())().catch((error) => {
      failure = { error };
    });
    ended.finally(done);
    await this.activity.idle(this.#patience).catch((unended) => {
      failure ??= { error: unended };
    });
    if (failure) throw failure.error;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
