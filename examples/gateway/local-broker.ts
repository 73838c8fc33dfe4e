import { randomBytes } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes } from "aedes";
import { GatewayError, reason } from "./errors.js";

/** User that the gateway connects as; its password is made anew with each broker. */
const GATEWAY = "gateway";
/** Devices at a time. A fleet has a broker of its own. */
const MOST_CONNECTIONS = 1000;

export interface LocalBrokerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
}

export interface LocalBroker {
  readonly host: string;
  readonly port: number;
  /** What a gateway connects to, with user and password. Devices need neither. */
  readonly gatewayUrl: string;
  close(): Promise<void>;
}

/**
 * An MQTT 3.1.1 broker in this process, without TLS and without passwords for devices: messages are sealed, so that whoever listens learns when a
 * device talks and how much. Everyone but the gateway may publish to `everfull/<serial>/up` and subscribe to one `everfull/<serial>/down`, no more.
 *
 * @throws {GatewayError} `broker`
 */
export async function startBroker(options: LocalBrokerOptions = {}): Promise<LocalBroker> {
  const { host = "127.0.0.1", port = 0 } = options;
  const password = randomBytes(24).toString("hex");
  const gateways = new WeakSet<object>();
  const aedes = await Aedes.createBroker({
    authenticate: (client, user, given, done) => {
      const isGateway = user === GATEWAY && given?.toString() === password;
      if (isGateway) gateways.add(client);
      done(null, isGateway || user !== GATEWAY);
    },
    authorizePublish: (client, { topic, retain }, done) => {
      const allowed =
        client === null || gateways.has(client) || (!retain && /^everfull\/[^/]+\/up$/.test(topic));
      done(allowed ? null : new Error("not authorised"));
    },
    authorizeSubscribe: (client, subscription, done) => {
      const allowed = gateways.has(client) || /^everfull\/[^/+#]+\/down$/.test(subscription.topic);
      done(null, allowed ? subscription : null);
    },
  });
  const sockets = new Set<Socket>();
  // Small packets, one after the other: with Nagle's algorithm each waits for the acknowledgement of the one before.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.maxConnections = MOST_CONNECTIONS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(resolve));
    throw new GatewayError("broker", `broker ${host}:${port}: cannot listen: ${reason(error)}`, error);
  }
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    host,
    port: address.port,
    gatewayUrl: `mqtt://${GATEWAY}:${password}@${name}:${address.port}`,
    async close() {
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
