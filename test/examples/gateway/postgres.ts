import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";
import { freePort } from "../../hal/simulator/servers.js";

const HOST = "127.0.0.1";
/** Where Debian keeps the server's programs: not on PATH. */
const DEBIAN = "/usr/lib/postgresql";
/** Who the server runs as when the tests run as root, which it refuses to. */
const ACCOUNTS = ["postgres", "nobody"];

/** A PostgreSQL server of the tests' own, without anything in it, on a free port. */
export interface TestServer {
  /** Of the server, which is the parent of those of its connections. */
  readonly pid: number;
  /** A new, empty database. */
  database(): Promise<string>;
  /** SIGKILL to the server, and another one on the same data and port. */
  restart(): Promise<void>;
  /** Freezes and thaws it: connections stay, and get no answer. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

export const WITHOUT_POSTGRES = "there is no PostgreSQL server here";

/** The folder of the server's programs, if there is one. */
export function findPostgres(): string | undefined {
  const debian = readable(DEBIAN)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, "bin"));
  return [...debian, ...(process.env.PATH ?? "").split(delimiter)].find((folder) => {
    try {
      for (const program of ["initdb", "postgres"]) accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function readable(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** @param durable whether it waits for the disk as in service, for measurements */
export async function startPostgres({ durable = false } = {}): Promise<TestServer> {
  const programs = findPostgres();
  if (programs === undefined) throw new Error(WITHOUT_POSTGRES);
  const folder = mkdtempSync(join(tmpdir(), "everfull-postgres-"));
  const data = join(folder, "data");
  const account = process.getuid?.() === 0 ? accountOf() : undefined;
  if (account) chownSync(folder, account.uid, account.gid);
  const run = { cwd: folder, ...account };
  const made = spawnSync(
    join(programs, "initdb"),
    ["-D", data, "-U", "everfull", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
    { ...run, encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const settings = {
    listen_addresses: HOST,
    port,
    unix_socket_directories: folder,
    max_connections: 60,
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const url = (database: string) => `postgres://everfull@${HOST}:${port}/${database}`;

  const start = async () => {
    // The shell ends the server when its input ends: also when the test is killed.
    const shell = spawn(
      "/bin/sh",
      [
        "-c",
        '"$@" & server=$!; echo $server; read _; kill -INT $server; wait $server',
        "sh",
        join(programs, "postgres"),
        ...args,
      ],
      { ...run, stdio: ["pipe", "pipe", "ignore"] },
    );
    shell.stdin!.on("error", () => {});
    const [line] = (await once(shell.stdout!, "data")) as [Buffer];
    const pid = Number(line.toString());
    while (!(await answers(url("postgres")))) {
      if (shell.exitCode !== null) throw new Error("the PostgreSQL server ended");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { shell, pid };
  };
  const stop = async (shell: ChildProcess) => {
    const ended = once(shell, "exit");
    shell.stdin!.end();
    await ended;
  };

  let server = await start();
  let databases = 0;
  return {
    get pid() {
      return server.pid;
    },
    async database() {
      const name = `test_${++databases}`;
      await within(url("postgres"), (client) => client.query(`create database ${name}`));
      return url(name);
    },
    async restart() {
      process.kill(server.pid, "SIGKILL");
      await stop(server.shell);
      server = await start();
    },
    freeze: () => signalAll(server.pid, "SIGSTOP"),
    thaw: () => signalAll(server.pid, "SIGCONT"),
    async close() {
      await stop(server.shell);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** To the server and the processes of its connections. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).stdout;
  for (const each of [pid, ...children.split("\n").filter(Boolean).map(Number)])
    try {
      process.kill(each, signal);
    } catch {
      // It ended in the meantime.
    }
}

function accountOf(): { uid: number; gid: number } {
  for (const name of ACCOUNTS) {
    const id = (flag: string) => spawnSync("id", [flag, name], { encoding: "utf8" });
    const [uid, gid] = [id("-u"), id("-g")];
    if (uid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error(`none of the accounts ${ACCOUNTS.join(", ")} is here for the PostgreSQL server`);
}

async function answers(url: string): Promise<boolean> {
  try {
    await within(url, (client) => client.query("select 1"));
    return true;
  } catch {
    return false;
  }
}

/** Does something over a connection of its own. */
export async function within<Result>(
  url: string,
  body: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}
