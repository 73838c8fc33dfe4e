import { openPglite } from "./pglite.js";
import { isPostgresUrl, openPostgres } from "./postgres.js";

export interface Sql {
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[]; affectedRows: number }>;
}

/** A PostgreSQL database, wherever it runs. */
export interface Connection extends Sql {
  /** Commits when `body` resolves, rolls back when it throws. */
  transaction<Result>(body: (sql: Scripts) => Promise<Result>): Promise<Result>;
  /**
   * Only this process can be using it: what earlier ones were at the time they ended is over. Otherwise other processes may be at work in it, and
   * times that they all go by are the server's.
   */
  readonly exclusive: boolean;
  /** As it may be shown. */
  readonly where: string;
  close(): Promise<void>;
}

/** Within a transaction; whole scripts too. */
export interface Scripts extends Sql {
  exec(script: string): Promise<unknown>;
}

/**
 * @param database `postgres://...`, or the path of a PGlite data directory; undefined: PGlite in memory
 * @param pool most connections to a server
 * @throws whatever keeps it from being opened
 */
export function openConnection(
  database: string | undefined,
  pool: number,
  onError: (error: Error) => void,
): Promise<Connection> {
  return database !== undefined && isPostgresUrl(database)
    ? openPostgres(database, pool, onError)
    : openPglite(database);
}

/** As it may be shown: without the user and the password of a URL. */
export function whereOf(database: string | undefined): string {
  if (database === undefined) return "in memory";
  return isPostgresUrl(database) ? database.replace(/\/\/[^/]*@/, "//").replace(/\?.*$/, "") : database;
}
