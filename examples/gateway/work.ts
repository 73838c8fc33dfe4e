/** Everything the gateway is doing at the moment: one line of work per device, several devices at a time. */
export class Work {
  readonly #lines = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<void>>();

  /** Starts `job` when all earlier jobs of the same line have ended. A job handles its own errors. */
  enqueue(line: string, job: () => Promise<void>): void {
    const before = this.#lines.get(line) ?? Promise.resolve();
    const done = before.then(job);
    this.#lines.set(line, done);
    this.track(
      done.finally(() => {
        if (this.#lines.get(line) === done) this.#lines.delete(line);
      }),
    );
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
}
