import type { Database, Queries } from "../gateway/database.js";
import type { Faults } from "./faults.js";
import { type DatabasePort, MemoryQueries, MemoryTables } from "./memory-database.js";
import { DatabaseFault, type Process } from "./process.js";
import type { Timeline } from "./timeline.js";

/** Longest way to the database and back, milliseconds. */
const WAY_MS = 5;
/** Statements around a Replenish call, where a kill costs most. */
const TENDER: readonly string[] = ["addOrder", "ask", "unask", "answerOrder", "report", "plan", "told"];

export interface ServerOptions {
  readonly timeline: Timeline;
  readonly faults: Faults;
  /** Acknowledges a transaction that is not committed yet. For tests of this simulation. */
  readonly isHasty?: boolean;
  /** Forgets that an order was asked for. For tests of this simulation. */
  readonly isForgetful?: boolean;
}

/** What a process has read and asked last: links a call to DRS with the order or status that it is made for. */
export interface Doings {
  readonly asked: Map<string, number>;
  readonly read: Map<string, number>;
}

/**
 * The database that gateways have in common. A transaction happens in one moment, as the strictest isolation shows it to others; what can fail are each of its
 * statements, the commit, and the way of its answer.
 */
export class DatabaseServer {
  readonly tables: MemoryTables;
  /** Of the committed state. */
  readonly queries: MemoryQueries;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.tables = new MemoryTables(() => options.timeline.now);
    this.queries = new MemoryQueries(this.tables);
  }

  /** A connection of a process. */
  connect(process: Process, doings: Doings): Database {
    const port: DatabasePort = {
      shared: true,
      direct: this.#wrapped((name, run, args) => this.#direct(process, doings, name, run, args)),
      transaction: (body) =>
        this.#options.isHasty ? this.#hasty(process, body) : this.#transaction(process, body),
    };
    // The class has private members, which no other can have.
    return port as Database;
  }

  /** The database fails at this moment, or does not. */
  #fail(what: string): void {
    const { faults, timeline } = this.#options;
    if (faults.happens(faults.rates.databaseFails, timeline.now)) throw new DatabaseFault(what);
  }

  async #direct<Result>(
    process: Process,
    doings: Doings,
    name: string,
    run: (args: unknown[]) => Promise<Result>,
    args: unknown[],
  ): Promise<Result> {
    await process.pause(WAY_MS);
    this.#fail(`${name}: not done`);
    const weight = TENDER.includes(name) ? 10 : 1;
    if (process.endsAt(`before ${name}`, weight)) await process.never;
    const result = await run(args);
    this.tables.commit();
    note(doings, name, args, result);
    if (process.endsAt(`after ${name}`, weight)) await process.never;
    this.#fail(`${name}: done, and the answer lost`);
    return result;
  }

  async #transaction<Result>(process: Process, body: (queries: Queries) => Promise<Result>): Promise<Result> {
    await process.pause(WAY_MS);
    let result: Result;
    try {
      result = await body(this.#within(process));
      this.#fail("commit: rolled back");
    } catch (error) {
      this.tables.rollback();
      throw error;
    }
    if (process.endsAt("before the commit", 3)) {
      this.tables.rollback();
      await process.never;
    }
    this.tables.commit();
    if (process.endsAt("after the commit", 3)) await process.never;
    this.#fail("commit: done, and the answer lost");
    return result;
  }

  /** As a gateway that acknowledges before it commits. */
  async #hasty<Result>(process: Process, body: (queries: Queries) => Promise<Result>): Promise<Result> {
    await process.pause(WAY_MS);
    const result = await body(this.#within(process));
    this.tables.rollback();
    void process
      .pause(200)
      .then(() => this.#transaction(process, body))
      .catch(() => {});
    return result;
  }

  #within(process: Process): Queries {
    return this.#wrapped(async (name, run, args) => {
      this.#fail(name);
      if (process.endsAt(`in a transaction, before ${name}`, TENDER.includes(name) ? 10 : 0.3)) {
        this.tables.rollback();
        await process.never;
      }
      return run(args);
    });
  }

  /** All statements, each run by `run`. */
  #wrapped(
    run: (
      name: string,
      statement: (args: unknown[]) => Promise<unknown>,
      args: unknown[],
    ) => Promise<unknown>,
  ): Queries {
    const wrap = <Group extends object>(group: Group): Group =>
      new Proxy(group, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function")
            return typeof member === "object" && member !== null ? wrap(member) : member;
          const statement = (args: unknown[]): Promise<unknown> => member.apply(target, args);
          return (...args: unknown[]) =>
            run(
              String(name),
              this.#options.isForgetful && name === "ask"
                ? (given) => this.#forget(statement, given)
                : statement,
              args,
            );
        },
      });
    return wrap(this.queries) as unknown as Queries;
  }

  async #forget(ask: (args: unknown[]) => Promise<unknown>, args: unknown[]): Promise<unknown> {
    const attempts = await ask(args);
    if (attempts !== undefined) this.tables.rollback();
    return attempts;
  }
}

function note({ asked, read }: Doings, name: string, args: unknown[], result: unknown): void {
  if (name === "ask" && result !== undefined) {
    const { serial, slot, cycle } = args[0] as { serial: string; slot: number; cycle: number };
    asked.set(`${serial} ${slot}`, cycle);
  } else if (name === "status" && result !== undefined) {
    const { serial, slot, sequence } = result as { serial: string; slot: number; sequence: number };
    read.set(`${serial} ${slot}`, sequence);
  }
}
