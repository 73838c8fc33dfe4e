import { createHash } from "node:crypto";
import pg from "pg";
import { type Connection, type Scripts, whereOf } from "./connection.js";

/** Longest wait for a connection, in milliseconds. */
const CONNECT_MS = 10_000;
/** Longest run of one statement, a wait for a lock included, in milliseconds. */
const STATEMENT_MS = 15_000;
/** Beyond the server's own limit: the server itself may be gone without a word, in milliseconds. */
const QUERY_MS = STATEMENT_MS + 5_000;
/** The server gives up a transaction whose gateway has stopped in the middle: its locks hold up the others. In milliseconds. */
const ABANDONED_MS = 15_000;

export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text);
}

/**
 * A PostgreSQL server. Passwords that are not in the URL come from where libpq takes them: PGPASSWORD, PGPASSFILE, ~/.pgpass.
 *
 * @param onError hears of connections that are lost while idle; the next use opens others
 */
export async function openPostgres(
  url: string,
  most: number,
  onError: (error: Error) => void,
): Promise<Connection> {
  const pool = new pg.Pool({
    connectionString: url,
    max: most,
    application_name: "everfull-gateway",
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: QUERY_MS,
    idle_in_transaction_session_timeout: ABANDONED_MS,
    keepAlive: true,
    types: {
      getTypeParser: (type, format) => (type === INT8 ? Number : pg.types.getTypeParser(type, format)),
    },
  });
  pool.on("error", onError);
  try {
    await pool.query("select 1");
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    query: scripts(pool).query,
    transaction: async (body) => {
      const client = await pool.connect();
      // Without a listener, a connection that is lost between two statements would end the process.
      let broken: Error | undefined;
      const lost = (error: Error) => {
        broken = error;
      };
      client.on("error", lost);
      try {
        await client.query("begin");
        const result = await body(scripts(client));
        await client.query("commit");
        return result;
      } catch (error) {
        // What cannot be rolled back is closed, which rolls back too.
        await client.query("rollback").catch((failure: Error) => {
          broken ??= failure;
        });
        throw error;
      } finally {
        client.off("error", lost);
        client.release(broken);
      }
    },
    exclusive: false,
    where: whereOf(url),
    close: () => pool.end(),
  };
}

/** Type of bigint columns. All of ours hold numbers that are exact in JavaScript. */
const INT8 = pg.types.builtins.INT8;

function scripts(client: pg.Pool | pg.PoolClient): Scripts {
  return {
    query: async <Row>(text: string, values: unknown[] = []) => {
      const { rows, rowCount } = await client.query({ name: nameOf(text), text, values });
      return { rows: rows as Row[], affectedRows: rowCount ?? 0 };
    },
    exec: (script) => client.query(script),
  };
}

const names = new Map<string, string>();

/** Statements with a name are parsed and planned once per connection. There are only as many as the program text has. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash("sha256").update(text).digest("hex").slice(0, 32);
    names.set(text, name);
  }
  return name;
}
