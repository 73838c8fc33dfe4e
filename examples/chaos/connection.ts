import { type MqttClient, type MqttOptions, type MqttWriteOptions, PACKET } from "everfull";

/** Bytes that the platform's client takes at a time. */
const ROOM = 1528;
/** Messages come in fragments of this many bytes. */
const FRAGMENT = 80;
const PUBACK = 4;

/** The device's end of one connection, as the platform's client behaves. */
export class Connection implements MqttClient {
  readonly #options: MqttOptions;
  readonly #onWrite: (data: Uint8Array | null, options: MqttWriteOptions) => void;
  #unread = new Uint8Array(0);
  #isClosed = false;

  constructor(options: MqttOptions, onWrite: (data: Uint8Array | null, options: MqttWriteOptions) => void) {
    this.#options = options;
    this.#onWrite = onWrite;
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  write(data: Uint8Array | null, options: MqttWriteOptions): number {
    if (!this.#isClosed) this.#onWrite(data?.slice() ?? null, options);
    return ROOM;
  }

  read(count: number): ArrayBuffer | undefined {
    const part = this.#unread.slice(0, count);
    this.#unread = this.#unread.slice(count);
    return part.buffer;
  }

  close(): void {
    this.#isClosed = true;
  }

  accept(): void {
    this.#options.onWritable(ROOM);
  }

  grant(): void {
    this.#options.onControl({ operation: PACKET.SUBACK, id: 1 });
  }

  acknowledge(id: number): void {
    this.#options.onControl({ operation: PUBACK, id });
  }

  deliver(topic: string, payload: Uint8Array): void {
    for (let at = 0; at < payload.length && !this.#isClosed; at += FRAGMENT) {
      this.#unread = payload.slice(at, at + FRAGMENT);
      const more = at + FRAGMENT < payload.length;
      const first = at === 0 ? { topic, byteLength: payload.length } : {};
      this.#options.onReadable(this.#unread.length, { more, ...first });
    }
  }

  /** The other side, or the network, has ended it. */
  lose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onError();
  }
}
