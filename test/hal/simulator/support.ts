import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Aedes, type AedesOptions } from "aedes";
import test, { type ExecutionContext, type Implementation } from "ava";
import { findXsWorker } from "../../../hal/simulator/index.js";

const HOST = "127.0.0.1";

/** A test in a file whose tests run one at a time, or one that is shown as skipped, with the reason printed. */
function testWhere(possible: boolean, reason: string) {
  return (title: string, run: Implementation<[]>) => {
    if (possible) test.serial(title, run);
    else {
      console.log(`left out: ${title}: ${reason}`);
      test.skip(`${title} (${reason})`, run);
    }
  };
}

export const testOnXs = testWhere(
  findXsWorker() !== undefined,
  "XS is not built here: `npm rebuild @agoric/xsnap`",
);
export const testWithMosquitto = testWhere(findMosquitto() !== undefined, "there is no mosquitto on PATH");

/** Runs a test with each engine. */
export function testOnEngines(
  title: string,
  run: (t: ExecutionContext, engine: "node" | "xs") => Promise<void>,
): void {
  test(`${title}, in Node`, (t) => run(t, "node"));
  testOnXs(`${title}, in XS`, (t) => run(t, "xs"));
}

/** The mosquitto broker on PATH, if there is one. */
export function findMosquitto(): string | undefined {
  // Where system daemons lie is often not on the PATH of users.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders
    .map((folder) => join(folder, "mosquitto"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, HOST);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface TestBroker {
  readonly host: string;
  readonly port: number;
  /** Breaks all connections, without a word. */
  drop(): void;
  close(): Promise<void>;
}

export async function startAedes(options: AedesOptions & { port?: number } = {}): Promise<TestBroker> {
  const { port: wanted = 0, ...rest } = options;
  const aedes = await Aedes.createBroker(rest);
  const server = await startTcp((socket) => void aedes.handle(socket), wanted);
  return {
    ...server,
    async close() {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await server.close();
    },
  };
}

/** A TCP server whose connections can be broken. */
export async function startTcp(handle: (socket: Socket) => void, wanted = 0): Promise<TestBroker> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    handle(socket);
  });
  const port = await listen(server, wanted);
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: HOST,
    port,
    drop,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      drop();
      await closed;
    },
  };
}

/** A mosquitto of the test's own, gone when the test ends. @param tls files of its certificates and its key: then it speaks TLS */
export async function startMosquitto(
  t: ExecutionContext,
  tls?: { readonly chain: string; readonly key: string },
): Promise<{ readonly host: string; readonly port: number }> {
  const file = findMosquitto()!;
  const folder = await mkdtemp(join(tmpdir(), "everfull-mosquitto-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  const secure = tls ? `certfile ${tls.chain}\nkeyfile ${tls.key}\n` : "";
  await writeFile(config, `listener ${port} ${HOST}\n${secure}allow_anonymous true\npersistence false\n`);
  const broker = spawn(file, ["-c", config], { stdio: "ignore" });
  const ended = once(broker, "exit");
  t.teardown(async () => {
    broker.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  });
  while (!(await accepts(port))) {
    if (broker.exitCode !== null) throw new Error(`mosquitto ended with exit code ${broker.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { host: HOST, port };
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
