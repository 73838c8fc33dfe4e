import TCP from "embedded:io/socket/tcp";
import Session, { type SessionSocket } from "ssl/session";
import type { Scheduled } from "../../../sdk/index.js";
import { schedule } from "./time.js";

export interface TlsOptions {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** The only authority that is trusted, in DER. */
  readonly certificate: ArrayBuffer;
  log(text: string): void;
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
}

interface WriteOptions {
  readonly more?: boolean;
  readonly byteLength?: number;
}

const Tcp = TCP as unknown as new (options: {
  readonly address: string;
  readonly port: number;
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
}) => SessionSocket & { close(): void };

const TLS_1_2 = 0x303;
/** What a record adds to its data at most, with what the session has taken off already. In bytes. */
const OVERHEAD = 64;

/**
 * Moddable's TLS as a socket for its MQTT client. Not the SDK's `embedded:io/socket/tcp/tls`: there, a certificate that is not accepted or a
 * record that is damaged is an exception that nobody can catch, which restarts the device, and an alert counts as connected.
 */
export class TlsSocket {
  readonly #options: TlsOptions;
  readonly #session: Session;
  #tcp: (SessionSocket & { close(): void }) | undefined;
  #isReady = false;
  #data: Uint8Array | undefined;
  #position = 0;
  #timer: Scheduled | undefined;
  format: "buffer" | "number" = "buffer";

  /** @throws what the platform throws, also for a certificate that is not valid at this time */
  constructor(options: TlsOptions) {
    this.#options = options;
    this.#session = new Session({
      serverName: options.host,
      certificate: options.certificate,
      protocolVersion: TLS_1_2,
      cache: false,
    });
    this.#session.initiateHandshake();
    const tcp = new Tcp({
      address: options.address,
      port: options.port,
      onReadable: (count) => {
        tcp.readable = count;
        this.#receive();
      },
      onWritable: (count) => {
        tcp.writable = count;
        if (this.#isReady) this.#tellWritable();
        else this.#shakeHands();
      },
      onError: () => this.#fail(undefined),
    });
    tcp.readable = 0;
    tcp.writable = 0;
    this.#tcp = tcp;
  }

  /** As a TCP socket: all there is, so many bytes, into a buffer, or in number format the next byte. */
  read(count?: number | Uint8Array): ArrayBuffer | number | undefined {
    const data = this.#data;
    if (!data) return undefined;
    const available = data.length - this.#position;
    let result: ArrayBuffer | number;
    if (this.format === "number") result = data[this.#position++]!;
    else {
      const wanted = typeof count === "object" ? count.length : (count ?? available);
      const part = data.subarray(this.#position, this.#position + Math.min(wanted, available));
      this.#position += part.length;
      if (typeof count === "object") {
        count.set(part);
        result = part.length;
      } else result = part.slice().buffer as ArrayBuffer;
    }
    if (this.#position === data.length) {
      this.#data = undefined;
      // Not from within this call: the reader is in the middle of something.
      if (this.#tcp?.readable) this.#timer ??= schedule(0, () => this.#receive());
    }
    return result;
  }

  /** @returns bytes that can still be written */
  write(data: Uint8Array | DataView | ArrayBuffer, options?: WriteOptions): number {
    const bytes =
      data instanceof ArrayBuffer
        ? new Uint8Array(data)
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return Math.max(0, this.#session.write(this.#tcp!, bytes, options) - OVERHEAD);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#data = undefined;
    this.#tcp?.close();
    this.#tcp = undefined;
  }

  #tellWritable(): void {
    const writable = (this.#tcp?.writable ?? 0) - OVERHEAD;
    if (writable > 0) this.#options.onWritable(writable);
  }

  #receive(): void {
    this.#timer = undefined;
    if (!this.#isReady && !this.#shakeHands()) return;
    // Without a reader's answer to what it has, there is nothing more for it.
    if (!this.#tcp || this.#data) return;
    let data: Uint8Array | undefined | null;
    try {
      data = this.#session.read(this.#tcp);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (data === null) this.#fail(undefined);
    if (!data || data.length === 0) return;
    this.#data = data;
    this.#position = 0;
    this.#options.onReadable(data.length);
  }

  /** @returns whether it is over, and the socket is open */
  #shakeHands(): boolean {
    const session = this.#session;
    const tcp = this.#tcp;
    if (!tcp) return false;
    try {
      while (!session.handshake(tcp)) if (session.handshakeProcess === -1 && tcp.readable === 0) return false;
      if (session.alert) throw new Error(`alert ${session.alert.description}`);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#isReady = true;
    this.#tellWritable();
    return this.#tcp !== undefined;
  }

  #fail(error: unknown): void {
    if (!this.#tcp) return;
    if (error !== undefined)
      this.#options.log(`tls: ${this.#options.host}: ${error instanceof Error ? error.message : error}`);
    this.close();
    this.#options.onError();
  }
}
