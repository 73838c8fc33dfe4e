import TCP from "embedded:io/socket/tcp";
import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";
import MQTTClient from "embedded:network/mqtt/client";
import Timer from "timer";
import type { MqttClient, MqttOptions, MqttWriteOptions } from "../../../sdk/index.js";
import { BoardError } from "../errors.js";

/** What the resolver does; its typing wants callbacks that return null. */
interface DnsResolver {
  resolve(request: DnsRequest): void;
}

interface DnsRequest {
  readonly host: string;
  onResolved(host: string, address: string): void;
  onError(host: string): void;
}

/** What the client does; its typing has another `onControl`, an `onError` with an argument and no control packets. */
type ClientClass = new (
  options: MqttOptions & {
    readonly dns: { readonly io: new () => DnsResolver };
    readonly socket: { readonly io: typeof TCP };
  },
) => MqttClient;

const Client = MQTTClient as unknown as ClientClass;
const UdpResolver = Resolver as unknown as new (options: object) => DnsResolver;

export interface ConnectionOptions {
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
}

/**
 * Moddable's MQTT client with two rough edges taken off: it may be closed at any time, from within its own callbacks too, and nothing is called afterwards.
 */
export class Connection implements MqttClient {
  #client: MqttClient | undefined;

  /** @throws what the client throws */
  constructor(options: MqttOptions, { servers }: ConnectionOptions) {
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
            new UdpResolver({ servers, socket: { io: UDP } }).resolve({
              host: request.host,
              onResolved: (host, address) => {
                if (isOpen()) request.onResolved(host, address);
              },
              onError: (host) => {
                if (isOpen()) request.onError(host);
              },
            });
          }
        },
      },
      socket: { io: TCP },
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
