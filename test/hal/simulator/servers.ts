import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/* Servers for tests and benchmarks; nothing here needs AVA. */

const HOST = "127.0.0.1";

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

/**
 * A mosquitto of the test's own, gone when the test ends. Restarting it is SIGKILL, and another one on the same port.
 *
 * @param tls files of its certificates and its key: then it speaks TLS
 */
export async function startMosquitto(
  t: { teardown(close: () => Promise<void>): void },
  tls?: { readonly chain: string; readonly key: string },
): Promise<{ readonly host: string; readonly port: number; restart(): Promise<void> }> {
  const file = findMosquitto()!;
  const folder = await mkdtemp(join(tmpdir(), "everfull-mosquitto-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  const secure = tls ? `certfile ${tls.chain}\nkeyfile ${tls.key}\n` : "";
  await writeFile(config, `listener ${port} ${HOST}\n${secure}allow_anonymous true\npersistence false\n`);
  const start = async () => {
    const broker = spawn(file, ["-c", config], { stdio: "ignore" });
    const ended = once(broker, "exit");
    while (!(await accepts(port))) {
      if (broker.exitCode !== null) throw new Error(`mosquitto ended with exit code ${broker.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return async () => {
      broker.kill("SIGKILL");
      await ended;
    };
  };
  let stop = await start();
  t.teardown(async () => {
    await stop();
    await rm(folder, { recursive: true });
  });
  return {
    host: HOST,
    port,
    restart: async () => {
      await stop();
      stop = await start();
    },
  };
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
