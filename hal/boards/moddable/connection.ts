import TCP from "embedded:io/socket/tcp";
import MQTTClient from "embedded:network/mqtt/client";
import Timer from "timer";
import type { MqttClient, MqttOptions, MqttWriteOptions } from "../../../sdk/index.js";
import { BoardError } from "../errors.js";
import { type DnsRequest, type DnsResolver, lookUp } from "./dns.js";
import { TlsSocket } from "./tls-socket.js";

/** What the client does; its typing has another `onControl`, an `onError` with an argument and no control packets. */
type ClientClass = new (
  options: MqttOptions & {
    readonly dns: { readonly io: new () => DnsResolver };
    readonly socket: { readonly io: unknown; readonly certificate?: ArrayBuffer; log?(text: string): void };
  },
) => MqttClient;

const Client = MQTTClient as unknown as ClientClass;

export interface ConnectionOptions {
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
  /** With it, the connection is TLS: the authority that has signed for the broker, in DER. */
  readonly certificate?: ArrayBuffer;
  log(text: string): void;
}

/**
 * Moddable's MQTT client with two rough edges taken off: it may be closed at any time, from within its own callbacks too, and nothing is called afterwards.
 */
export class Connection implements MqttClient {
  #client: MqttClient | undefined;

  /** @throws what the client throws */
  constructor(options: MqttOptions, { servers, certificate, log }: ConnectionOptions) {
    const isOpen = () => this.#client !== undefined;
    this.#client = new Client({
      host: options.host,
      port: options.port,
      id: options.id,
      clean: options.clean,
      keepAlive: options.keepAlive,
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
      socket: certificate ? { io: TlsSocket, certificate, log } : { io: TCP },
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
        options.onError();
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
