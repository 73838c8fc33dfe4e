import Timer from "timer";
import { encodeIdentity } from "../../sensors/i2c/encode-identity.js";
import type { I2CIO } from "../../sensors/i2c/i2c-io.js";
import type { SerialIO } from "../../sensors/serial/page-counter.js";
import type { I2CClass, SerialClass } from "../board.js";
import { BoardError } from "../errors.js";
import { MemoryChip } from "../models/memory-chip.js";
import { PrinterLine } from "../models/printer-line.js";

/** The four cartridges of the simulated printer, at the addresses 80 to 83; each is replaced after so many pages, one a quarter of them after the other. */
export interface SimulatedCartridges {
  /** Default 400. */
  readonly pages?: number;
  /** Steps that a new one has; default 1000. */
  readonly quantity?: number;
  /** What they are, in the order of their addresses. */
  readonly consumables?: readonly string[];
}

const FIRST_ADDRESS = 80;
const CONSUMABLES = Object.freeze(["INK-100-K", "INK-100-C", "INK-100-M", "INK-100-Y"]);
/** Bytes that a line takes at once. */
const WRITABLE = 128;
/** A printer does not count further. */
const MOST_PAGES = 1_000_000_000;

/** Pages that a printer has printed by now, which prints one every `interval` milliseconds, whether somebody looks or not. */
function pagesNow(interval: number): number {
  return interval === 0 ? 0 : Math.floor(Date.now() / interval) % MOST_PAGES;
}

/** A serial line with a printer at its other end. */
export function printerLine(interval: number): SerialClass {
  return class implements SerialIO {
    readonly #printer = new PrinterLine(() => pagesNow(interval));
    readonly #onReadable: (count: number) => void;
    readonly #onWritable: () => void;
    #input: Uint8Array | undefined;
    #isOpen = true;

    constructor(options: { onReadable?(count: number): void; onWritable?(count: number): void }) {
      this.#onReadable = (count) => {
        if (this.#isOpen) options.onReadable?.call(this, count);
      };
      this.#onWritable = () => {
        if (this.#isOpen) options.onWritable?.call(this, WRITABLE);
      };
      Timer.set(this.#onWritable);
    }

    read(): Uint8Array | undefined {
      const input = this.#input;
      this.#input = undefined;
      return input;
    }

    write(bytes: Uint8Array): void {
      if (!this.#isOpen) throw new BoardError("closed", "serial: it was closed");
      const answer = this.#printer.take(bytes);
      Timer.set(() => {
        this.#onWritable();
        if (answer.length === 0) return;
        this.#input = answer;
        this.#onReadable(answer.length);
      });
    }

    close(): void {
      this.#isOpen = false;
    }
  };
}

/** An I2C bus with the memories of four cartridges; without `cartridges` nothing is there. */
export function cartridgeBus(interval: number, cartridges?: SimulatedCartridges): I2CClass {
  const { pages = 400, quantity = 1000, consumables = CONSUMABLES } = cartridges ?? {};
  if (!(Number.isInteger(pages) && pages > 0))
    throw new BoardError("options", `use.cartridges.pages must be a whole number above 0 (got ${pages})`);
  return class implements I2CIO {
    readonly #number: number;
    readonly #chip = new MemoryChip();
    #isOpen = true;

    constructor(options: { readonly address: number }) {
      this.#number = options.address - FIRST_ADDRESS;
    }

    read(byteLength: number): ArrayBuffer {
      return this.writeRead(new Uint8Array(0), byteLength);
    }

    write(bytes: Uint8Array): void {
      this.writeRead(bytes, 0);
    }

    writeRead(bytes: Uint8Array, byteLength: number): ArrayBuffer {
      if (!this.#isOpen) throw new BoardError("closed", "i2c: it was closed");
      const consumable = cartridges && consumables[this.#number];
      if (consumable === undefined) throw new Error("i2c: not acknowledged");
      const replaced = Math.floor((pagesNow(interval) + (this.#number * pages) / 4) / pages);
      const serial = (this.#number + 1).toString(16) + replaced.toString(16).padStart(15, "0");
      this.#chip.load(encodeIdentity({ consumable, quantity, serial }));
      return this.#chip.transfer(bytes, byteLength).slice().buffer as ArrayBuffer;
    }

    close(): void {
      this.#isOpen = false;
    }
  };
}
