import type { BrokerLink } from "./broker-link.js";
import type { Database } from "./database.js";
import { reason } from "./errors.js";
import type { Log } from "./log.js";

/** Longest wait for the database to answer, in milliseconds. */
const ANSWER_MS = 3_000;
/** Pause before it is asked again, in milliseconds. */
const AGAIN_MS = 1_000;

export interface ReadinessOptions {
  readonly database: Pick<Database, "check">;
  readonly link: Pick<BrokerLink, "isUp" | "join" | "leave">;
  readonly log: Log;
}

export interface Readiness {
  readonly ready: boolean;
  /** What is up. */
  readonly parts: { readonly database: boolean; readonly broker: boolean; readonly running: boolean };
}

/**
 * Knows whether the gateway can do its work. Without its database it leaves the subscription: messages go to other gateways, or stay with their
 * devices, instead of being taken in and lost.
 */
export class Watchman {
  readonly #options: ReadinessOptions;
  #database = true;
  #closing = false;
  #checking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Asks the database, and acts on its answer. */
  async check(): Promise<Readiness> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    await this.#checking;
    const parts = {
      database: this.#database,
      broker: this.#options.link.isUp,
      running: !this.#closing,
    };
    return { ready: parts.database && parts.broker && parts.running, parts };
  }

  /** Not ready from now on. */
  close(): void {
    this.#closing = true;
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    const { database, link, log } = this.#options;
    const before = this.#database;
    try {
      await answered(database.check());
      this.#database = true;
    } catch (error) {
      this.#database = false;
      if (before) log({ level: "error", event: "database-lost", message: reason(error) });
    }
    if (this.#closing) return;
    try {
      if (before && !this.#database) await link.leave();
      else if (!before && this.#database) {
        log({ level: "info", event: "database-back" });
        await link.join();
      }
    } catch (error) {
      // The link subscribes by itself when its connection is back.
      log({ level: "warn", event: "broker-error", message: reason(error) });
    }
    if (this.#database || this.#closing) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.check(), AGAIN_MS);
  }
}

async function answered(answer: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
