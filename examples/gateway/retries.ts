import { backoff } from "./backoff.js";
import type { Database, TaskRow } from "./database.js";
import type { GatewayOptions } from "./options.js";

export interface RetriesOptions {
  readonly database: Database;
  readonly clock: Pick<NonNullable<GatewayOptions["clock"]>, "now">;
  /** 0 up to but not 1. */
  readonly random: () => number;
}

/** When what was tried in vain is tried again. */
export class Retries {
  readonly #options: RetriesOptions;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** UTC milliseconds. */
  now(): number {
    return Math.floor(this.#options.clock.now());
  }

  later({ attempts }: TaskRow): number {
    return this.now() + backoff(attempts + 1, this.#options.random());
  }

  /** @param most UTC milliseconds: no later than that */
  postpone(task: TaskRow, most = Number.POSITIVE_INFINITY): Promise<void> {
    return this.#options.database.direct.calls.postpone(task.id, Math.min(this.later(task), most));
  }
}
