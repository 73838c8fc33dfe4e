import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { findPostgres, startPostgres, type TestServer, WITHOUT_POSTGRES } from "./postgres.js";

/* Which database the tests of a process run on: PGlite, unless onPostgres() was called first. */

let chosen = false;
let server: Promise<TestServer> | undefined;

/**
 * Has the tests that `load` brings run on a PostgreSQL server, or says with a skipped test that there is none.
 *
 * @param load imports one file with tests
 */
export async function onPostgres(load: () => Promise<unknown>): Promise<void> {
  if (findPostgres() === undefined) {
    console.log(`left out: the gateway's tests on PostgreSQL: ${WITHOUT_POSTGRES}`);
    test.skip(`the gateway's tests on PostgreSQL (${WITHOUT_POSTGRES})`, (t) => t.fail());
    return;
  }
  chosen = true;
  // AVA wants all declarations without a pause: what takes time while it is loaded is loaded before the first.
  await import("./harness.js");
  await load();
  test.after.always("the server is stopped", async () => (await server)?.close());
}

/** The server of this process's tests. */
export function theServer(): Promise<TestServer> {
  server ??= startPostgres();
  return server;
}

/** Of an empty database for one gateway after the other: what to give it. Undefined: PGlite in memory. */
export async function emptyDatabase(): Promise<string | undefined> {
  return chosen ? (await theServer()).database() : undefined;
}

/** Of an empty database that outlives the gateway, for the duration of a test. */
export async function lastingDatabase(t: ExecutionContext): Promise<string> {
  const database = await emptyDatabase();
  if (database !== undefined) return database;
  const folder = await mkdtemp(join(tmpdir(), "everfull-gateway-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}
