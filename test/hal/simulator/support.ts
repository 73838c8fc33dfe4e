import { createServer, type Socket } from "node:net";
import { Aedes, type AedesOptions } from "aedes";
import test, { type ExecutionContext, type Implementation } from "ava";
import { findXsWorker } from "../../../hal/simulator/index.js";
import { findMosquitto, listen } from "./servers.js";

export { findMosquitto, freePort, listen, startMosquitto } from "./servers.js";

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
