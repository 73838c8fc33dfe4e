import TCP from "embedded:io/socket/tcp";
import MQTTClient from "embedded:network/mqtt/client";
import Timer from "timer";
import type { MqttClient, MqttOptions, MqttWriteOptions } from "../../../sdk/index.js";
import { BoardError } from "../errors.js";
import { type DnsRequest, type DnsResolver, lookUp } from "./dns.js";
import { TlsSocket } from "./tls-socket.js";

/** What the client does; its typing has another `onControl`, an `onError` with an argument and no control packets. */
type ClientClass = new (
  options: Omit<MqttOptions, "onError"> & {
    onError(): void;
    readonly dns: { readonly io: new () => DnsResolver };
    readonly socket: { readonly io: unknown; readonly certificate?: ArrayBuffer; log?(text: string): void };
  },
) => MqttClient;

const Client = MQTTClient as unknown as ClientClass;

type SocketClass = new (
  options: never,
) => { read(count?: number | Uint8Array): ArrayBuffer | number | undefined };

/** A CONNACK: packet type, remaining length. The return code is its fourth byte. */
const CONNACK = 0x2002;

/** First bytes that came down on a connection, as one number, until there are four. */
interface Head {
  bytes: number;
}

/**
 * The socket class, with an eye on what is read: the client says that the broker has refused it, and keeps the code to itself. It reads the head of a packet byte by
 * byte.
 */
function watched(io: unknown, head: Head): unknown {
  return class extends (io as SocketClass) {
    override read(count?: number | Uint8Array): ArrayBuffer | number | undefined {
      // The platform counts arguments.
      const value = count === undefined ? super.read() : super.read(count);
      if (typeof value === "number" && head.bytes < 0x1000000) head.bytes = head.bytes * 256 + value;
      return value;
    }
  };
}

export interface ConnectionOptions {
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
  /** With it, the connection is TLS: the authority that has signed for the broker, in DER. */
  readonly certificate?: ArrayBuffer;
  log(text: string): void;
}

/**
 * Moddable's MQTT client with three rough edges taken off: it may be closed at any time, from within its own callbacks too, nothing is called afterwards, and
 * why the broker has refused it is told.
 */
export class Connection implements MqttClient {
  #client: MqttClient | undefined;

  /** @throws what the client throws */
  constructor(options: MqttOptions, { servers, certificate, log }: ConnectionOptions) {
    const isOpen = () => this.#client !== undefined;
    const head: Head = { bytes: 0 };
    this.#client = new Client({
      host: options.host,
      port: options.port,
      id: options.id,
      clean: options.clean,
      keepAlive: options.keepAlive,
      ...(options.user === undefined ? {} : { user: options.user }),
      ...(options.password === undefined ? {} : { password: options.password }),
      dns: {
        // A client that was closed while its host was looked up fails on the answer, out of reach of everyone: the answer stops here.
        io: class implements DnsResolver {
          resolve(request: DnsRequest): void {
            const { host } = request;
            lookUp(servers, host, (address) => {
              if (!isOpen()) return;
              if (address === undefined) request.onError(host);
              else request.onResolved(host, address);
            });
          }
        },
      },
      socket: certificate ? { io: watched(TlsSocket, head), certificate, log } : { io: watched(TCP, head) },
      onControl: (message) => {
        if (isOpen()) options.onControl(message);
      },
      onReadable: (count, message) => {
        // The client goes on only when all of a message was read.
        if (isOpen()) options.onReadable(count, message);
      },
      onWritable: (count) => {
        if (isOpen()) options.onWritable(count);
      },
      onError: () => {
        if (!isOpen()) return;
        // The client closes itself after this.
        this.#client = undefined;
        options.onError(head.bytes >>> 16 === CONNACK ? head.bytes & 0xff : 0);
      },
    });
  }

  write(data: Uint8Array | null, options: MqttWriteOptions): number {
    return this.#open().write(data, options);
  }

  read(count: number): ArrayBuffer | undefined {
    return this.#open().read(count);
  }

  close(): void {
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    // Closed from within one of its callbacks, the client goes on with what is no longer there, which ends the program.
    Timer.set(() => client.close());
  }

  #open(): MqttClient {
    if (!this.#client) throw new BoardError("closed", "mqtt: it was closed");
    return this.#client;
  }
}
