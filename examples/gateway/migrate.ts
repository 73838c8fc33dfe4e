import type { Connection } from "./connection.js";
import { GatewayError } from "./errors.js";

/** Of the lock that gateways take while they migrate: "everfull" in the letters of a telephone. */
const LOCK = 38_373_855;

/**
 * Brings the schema up to date: the scripts that have not run yet, all or none. Gateways that start at the same time wait for each other.
 *
 * @throws {GatewayError} `database`: the schema is newer than these scripts
 */
export async function migrate(connection: Connection, scripts: readonly string[]): Promise<void> {
  await connection.transaction(async (sql) => {
    await sql.query("select pg_advisory_xact_lock($1)", [LOCK]);
    // Under the lock: "if not exists" alone fails when two do it at once.
    await sql.exec("create table if not exists migrations (version integer primary key)");
    const { rows } = await sql.query<{ version: number }>(
      "select coalesce(max(version), 0) as version from migrations",
    );
    const done = rows[0]!.version;
    if (done > scripts.length)
      throw new GatewayError(
        "database",
        `database ${connection.where}: version ${scripts.length} and below are accepted (got ${done})`,
      );
    for (let version = done + 1; version <= scripts.length; version++) {
      await sql.exec(scripts[version - 1]!);
      await sql.query("insert into migrations values ($1)", [version]);
    }
  });
}
