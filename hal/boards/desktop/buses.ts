import type { Scheduled } from "../../../sdk/index.js";
import type { I2CIO } from "../../sensors/i2c/i2c-io.js";
import type { SerialIO } from "../../sensors/serial/page-counter.js";
import type { I2CClass, SerialClass } from "../board.js";
import { CALL } from "./protocol.js";
import { concat } from "./text.js";

/** As much as the ESP32's UART has. */
const WRITABLE = 128;

/** Takers of what comes in, by receiving pin. */
export type SerialReaders = Map<number, (bytes: Uint8Array) => void>;

interface Host {
  request(request: ArrayBuffer): Uint8Array;
  schedule(delay: number, task: () => void): Scheduled;
}

/** ECMA-419's Serial in buffer format, on lines that the host plays. */
export function serialClass(host: Host, readers: SerialReaders): SerialClass {
  return class implements SerialIO {
    readonly #receive: number;
    readonly #writable: () => void;
    #input: Uint8Array | undefined;
    #isOpen = true;

    constructor(options: {
      readonly receive: number;
      onReadable?(count: number): void;
      onWritable?(count: number): void;
    }) {
      this.#receive = options.receive;
      this.#writable = () => {
        if (this.#isOpen) options.onWritable?.call(this, WRITABLE);
      };
      readers.set(options.receive, (bytes) => {
        this.#input = this.#input ? concat(this.#input, bytes) : bytes;
        options.onReadable?.call(this, this.#input.length);
      });
      host.schedule(0, this.#writable);
    }

    read(): Uint8Array | undefined {
      const input = this.#input;
      this.#input = undefined;
      return input;
    }

    write(bytes: Uint8Array): void {
      if (!this.#isOpen) throw new Error("serial: it was closed");
      if (bytes.length > WRITABLE) throw new Error("serial: output full");
      host.request(concat(Uint8Array.of(CALL.serialWrite, this.#receive), bytes).buffer);
      host.schedule(0, this.#writable);
    }

    close(): void {
      this.#isOpen = false;
      readers.delete(this.#receive);
    }
  };
}

/** ECMA-419's I2C, on a bus that the host plays. */
export function i2cClass(host: Host): I2CClass {
  return class implements I2CIO {
    readonly #data: number;
    readonly #address: number;
    #isOpen = true;

    constructor(options: { readonly data: number; readonly address: number }) {
      this.#data = options.data;
      this.#address = options.address;
    }

    read(byteLength: number): ArrayBuffer {
      return this.writeRead(new Uint8Array(0), byteLength);
    }

    write(bytes: Uint8Array): void {
      this.writeRead(bytes, 0);
    }

    writeRead(bytes: Uint8Array, byteLength: number): ArrayBuffer {
      if (!this.#isOpen) throw new Error("i2c: it was closed");
      const head = Uint8Array.of(
        CALL.i2cTransfer,
        this.#data,
        this.#address,
        byteLength >> 8,
        byteLength & 0xff,
      );
      return host.request(concat(head, bytes).buffer).slice().buffer as ArrayBuffer;
    }

    close(): void {
      this.#isOpen = false;
    }
  };
}
