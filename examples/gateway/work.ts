/** Messages that are taken in and not yet stored, of all devices. What comes beyond stays with the broker. */
const MOST = 2048;
/** Messages of one device that wait, more than the outbox of a device can hold. */
const MOST_OF_LINE = 32;

/** Everything the gateway is doing at the moment: one line of work per device, several devices at a time. */
export class Work {
  readonly #most: number;
  readonly #mostOfLine: number;
  readonly #lines = new Map<string, { last: Promise<void>; length: number }>();
  readonly #running = new Set<Promise<void>>();
  #held = 0;
  #waiting: (() => void)[] = [];

  constructor(most = MOST, mostOfLine = MOST_OF_LINE) {
    this.#most = most;
    this.#mostOfLine = mostOfLine;
  }

  /**
   * Starts `job` when all earlier jobs of the same line have ended. A job handles its own errors. It counts against the bound until it ends or
   * calls what it is given, whichever comes first.
   *
   * @returns false: the line is full, and nothing becomes of the job
   */
  offer(line: string, job: (release: () => void) => Promise<void>): boolean {
    const queue = this.#lines.get(line) ?? { last: Promise.resolve(), length: 0 };
    if (queue.length >= this.#mostOfLine) return false;
    const release = this.#hold();
    const done = queue.last
      .then(() => job(release))
      .finally(() => {
        release();
        if (--queue.length === 0) this.#lines.delete(line);
      });
    queue.last = done;
    queue.length++;
    this.#lines.set(line, queue);
    this.track(done);
    return true;
  }

  /** Jobs that count against the bound. */
  get held(): number {
    return this.#held;
  }

  /** Resolves when there is room for another job. */
  async room(): Promise<void> {
    while (this.#held >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Counts `job`, which is running already, as work. */
  track(job: Promise<void>): void {
    this.#running.add(job);
    job.finally(() => this.#running.delete(job));
  }

  /** Resolves once nothing is being worked on, work that began meanwhile included. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #hold(): () => void {
    let held = true;
    this.#held++;
    return () => {
      if (!held) return;
      held = false;
      this.#held--;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const proceed of waiting) proceed();
    };
  }
}
