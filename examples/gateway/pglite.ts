import { PGlite, type Transaction } from "@electric-sql/pglite";
import { type Connection, type Scripts, whereOf } from "./connection.js";

type Pglite = Pick<Transaction, "query" | "exec">;

/** PostgreSQL within this process. `directory` undefined: in memory. */
export async function openPglite(directory: string | undefined): Promise<Connection> {
  const pglite = await PGlite.create(directory === undefined ? {} : { dataDir: directory });
  return {
    ...scripts(pglite),
    transaction: (body) =>
      pglite.transaction(async (transaction) => {
        // It works within the calling thread: many transactions in a row would keep everything else from running.
        await new Promise((resolve) => setImmediate(resolve));
        return body(scripts(transaction));
      }),
    exclusive: true,
    where: whereOf(directory),
    close: () => pglite.close(),
  };
}

function scripts(pglite: Pglite): Scripts {
  return {
    query: async <Row>(text: string, values: unknown[] = []) => {
      const { rows, affectedRows = 0 } = await pglite.query<Row>(text, values);
      return { rows, affectedRows };
    },
    exec: (script) => pglite.exec(script),
  };
}
