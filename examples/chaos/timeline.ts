/** Cancels what was scheduled; nothing when it has run. */
export interface Entry {
  cancel(): void;
}

interface Task {
  readonly time: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * The time of one run: it passes from task to task, and stands still while one is worked off with everything that it has set off. Tasks of one moment run in
 * the order in which they were scheduled, so that a run has only one course.
 */
export class Timeline {
  /** UTC milliseconds. */
  now: number;
  readonly #heap: Task[] = [];
  #order = 0;
  #isBusy = false;

  constructor(now: number) {
    this.now = now;
  }

  at(time: number, run: () => void): Entry {
    const task: Task = { time: Math.max(time, this.now), order: this.#order++, run };
    this.#push(task);
    return {
      cancel: () => {
        task.run = undefined;
      },
    };
  }

  after(delay: number, run: () => void): Entry {
    return this.at(this.now + Math.max(0, delay), run);
  }

  /** Resolves after so many milliseconds of this time. */
  sleep(delay: number): Promise<void> {
    return new Promise((resolve) =>
      this.after(delay, () => {
        this.busy();
        resolve();
      }),
    );
  }

  /** To be called in a task that sets off promises: time passes only when they have come to rest. */
  busy(): void {
    this.#isBusy = true;
  }

  /** Runs everything until then. `goesOn` is asked after each task. */
  async runUntil(end: number, goesOn: () => boolean = () => true): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.time > end) break;
      this.#pop();
      if (!next.run) continue;
      this.now = next.time;
      next.run();
      if (this.#isBusy) {
        this.#isBusy = false;
        // What it has set off comes to rest: a tick comes when no promise has anything left to do. Nothing of it waits for the host.
        await new Promise<void>((resolve) => process.nextTick(resolve));
      }
      if (!goesOn()) return;
    }
    this.now = end;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let at = heap.push(task) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(task, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
