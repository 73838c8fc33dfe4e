import type { Connect, MqttClient, MqttOptions, MqttWriteOptions } from "everfull";
import { type LinkEvents, type LinkOptions, MqttLink } from "everfull/simulator";

/** The network of a device whose program runs in this process: ECMA-419's MQTT client on the link of the simulator. */
export class Network {
  readonly #link: MqttLink;
  readonly #open = new Map<number, Connection>();
  #count = 0;

  constructor(options: Omit<LinkOptions, "events">) {
    const tell = async (number: number, what: (connection: Connection) => void): Promise<boolean> => {
      const connection = this.#open.get(number);
      if (connection) what(connection);
      return connection !== undefined;
    };
    const events: LinkEvents = {
      control: (number, operation, id) => tell(number, ({ options }) => options.onControl({ operation, id })),
      message: (number, topic, payload) => tell(number, (connection) => connection.receive(topic, payload)),
      writable: (number, bytes) => tell(number, ({ options }) => options.onWritable(bytes)),
      error: (number, code) =>
        tell(number, ({ options }) => {
          // As on the platform: it has closed itself when it reports an error.
          this.#open.delete(number);
          options.onError(code);
        }),
    };
    this.#link = new MqttLink({ ...options, events });
  }

  readonly connect: Connect = (options) => {
    const number = ++this.#count;
    const connection = new Connection(options, this.#link, number, () => this.#open.delete(number));
    this.#open.set(number, connection);
    this.#link.open(number, options);
    return connection;
  };

  /** Whether a message on this topic would reach the device now. */
  listensTo(topic: string): boolean {
    return this.#link.listensTo(topic);
  }

  /** Cuts everything, as a loss of power does. */
  cut(): void {
    this.#open.clear();
    this.#link.cut();
  }
}

class Connection implements MqttClient {
  readonly options: MqttOptions;
  readonly #link: MqttLink;
  readonly #number: number;
  readonly #release: () => boolean;
  #message = new Uint8Array(0);

  constructor(options: MqttOptions, link: MqttLink, number: number, release: () => boolean) {
    this.options = options;
    this.#link = link;
    this.#number = number;
    this.#release = release;
  }

  write(data: Uint8Array | null, options: MqttWriteOptions): number {
    return this.#link.write(this.#number, options, data ?? new Uint8Array(0));
  }

  read(count: number): ArrayBuffer {
    const part = this.#message.slice(0, count);
    this.#message = this.#message.subarray(part.length);
    return part.buffer;
  }

  close(): void {
    if (this.#release()) this.#link.close(this.#number);
  }

  receive(topic: string, payload: Uint8Array): void {
    this.#message = Uint8Array.from(payload);
    const { length } = payload;
    this.options.onReadable(length, { more: false, topic, byteLength: length });
  }
}
