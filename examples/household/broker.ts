import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes } from "aedes";

export interface Broker {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** An MQTT broker in this process, on a free port of the loopback interface. */
export async function startBroker(): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const host = "127.0.0.1";
  // Small packets, one after the other: with Nagle's algorithm each waits for the acknowledgement of the one before.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    async close() {
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
