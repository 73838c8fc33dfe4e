import type { I2CIO } from "../../../../hal/sensors/i2c/i2c-io.js";

/** A part on the bus. Each method may throw {@link Nack}; what the data sheet forbids goes to `violation`. */
export interface Part {
  write(bytes: readonly number[]): void;
  read(byteLength: number): number[];
  /** The master did not let go of the bus between the write and the read. */
  writeRead(bytes: readonly number[], byteLength: number): number[];
}

export class Nack extends Error {}

export interface Transaction {
  readonly kind: "write" | "read" | "writeRead";
  readonly address: number;
  readonly bytes: readonly number[];
  readonly byteLength: number;
}

/** No master of the platforms is asked for more at once: the ESP8266's has a buffer of this size. */
const LONGEST = 128;

/**
 * An I2C bus with parts at addresses. It keeps what was done on it and what must not have been; `failAt` is the number
 * of a transaction that fails, counted from 0 over the life of the bus, as Moddable's I2C does: with a plain Error.
 */
export class FakeBus {
  readonly parts = new Map<number, Part>();
  readonly transactions: Transaction[] = [];
  readonly violations: string[] = [];
  readonly opened: { readonly options: Record<string, unknown>; closed: number }[] = [];
  failAt: number | undefined;
  /** Bytes that a read loses at its end: a master that was cut off and does not say so. */
  lose = 0;

  readonly IO: new (
    options: Record<string, unknown>,
  ) => I2CIO;

  constructor() {
    const bus = this;
    this.IO = class implements I2CIO {
      readonly #address: number;
      readonly #entry: { readonly options: Record<string, unknown>; closed: number };

      constructor(options: Record<string, unknown>) {
        this.#entry = { options, closed: 0 };
        bus.opened.push(this.#entry);
        const { address, hz } = options;
        if (typeof address !== "number" || address < 8 || address > 0x77) throw new RangeError("address");
        if (typeof hz !== "number" || hz <= 0 || hz > 400_000) throw new RangeError("hz");
        this.#address = address;
      }

      read(byteLength: number): ArrayBuffer {
        return this.#run({ kind: "read", bytes: [], byteLength });
      }

      write(bytes: Uint8Array): void {
        this.#run({ kind: "write", bytes: [...bytes], byteLength: 0 });
      }

      writeRead(bytes: Uint8Array, byteLength: number): ArrayBuffer {
        return this.#run({ kind: "writeRead", bytes: [...bytes], byteLength });
      }

      close(): void {
        this.#entry.closed++;
      }

      #run(step: Omit<Transaction, "address">): ArrayBuffer {
        const { kind, bytes, byteLength } = step;
        if (this.#entry.closed) bus.violations.push(`${kind} after close`);
        if (kind !== "write" && !(Number.isInteger(byteLength) && byteLength > 0))
          bus.violations.push(`${kind} of ${byteLength} bytes`);
        if (kind !== "read" && bytes.length === 0) bus.violations.push(`${kind} of nothing`);
        if (bytes.length > LONGEST || byteLength > LONGEST)
          bus.violations.push(`${kind} of more than ${LONGEST} bytes`);
        const number = bus.transactions.push({ ...step, address: this.#address }) - 1;
        const part = bus.parts.get(this.#address);
        if (number === bus.failAt || part === undefined) throw new Error(`${kind} failed`);
        let answer: number[] = [];
        try {
          if (kind === "read") answer = part.read(byteLength);
          else if (kind === "write") part.write(bytes);
          else answer = part.writeRead(bytes, byteLength);
        } catch (error) {
          if (!(error instanceof Nack)) throw error;
          throw new Error(`${kind} failed`);
        }
        if (kind !== "write" && answer.length !== byteLength) bus.violations.push("the fake answered short");
        return Uint8Array.from(answer.slice(0, answer.length - bus.lose)).buffer;
      }
    };
  }
}
