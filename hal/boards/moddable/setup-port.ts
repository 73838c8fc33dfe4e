import Serial from "embedded:io/serial";
import { SetupLines } from "../setup/lines.js";
import type { Setup } from "../setup/setup.js";

/** What the SDK has; its typing lacks Linux. */
interface Port {
  read(): ArrayBuffer | undefined;
  write(data: ArrayBuffer): void;
  close(): void;
}

/** Options of the platform's serial port: `port`, `transmit` and `receive` on a chip, `device` on Linux. */
export interface PortOptions {
  readonly baud?: number;
  readonly port?: number;
  readonly transmit?: number;
  readonly receive?: number;
  readonly device?: string;
}

const SerialPort = Serial as unknown as new (
  options: PortOptions & {
    readonly baud: number;
    readonly format: "buffer";
    onReadable(count: number): void;
    onWritable(count: number): void;
  },
) => Port;

const BAUD = 115_200;
const MOST_ANSWERS = 8;

/** The line protocol at a serial port. */
export class SetupPort {
  readonly #port: Port;
  /** Answers that are not written yet, from the first on. */
  readonly #answers: Uint8Array[] = [];
  #writable = 0;

  /** @throws what the platform throws: the port is in use, as in a debug build the debugger's is */
  constructor(setup: Setup, options: PortOptions) {
    const lines = new SetupLines(setup);
    this.#port = new SerialPort({
      ...options,
      baud: options.baud ?? BAUD,
      format: "buffer",
      onReadable: () => {
        const bytes = this.#port.read();
        if (!bytes) return;
        // Short lines come faster than their answers go: what nobody waits for is not kept.
        this.#answers.push(
          ...lines.receive(new Uint8Array(bytes)).slice(0, Math.max(0, MOST_ANSWERS - this.#answers.length)),
        );
        this.#write();
      },
      onWritable: (count) => {
        this.#writable = count;
        this.#write();
      },
    });
  }

  close(): void {
    this.#port.close();
  }

  #write(): void {
    while (this.#writable > 0 && this.#answers.length > 0) {
      const [answer] = this.#answers as [Uint8Array];
      const part = answer.slice(0, this.#writable);
      if (part.length === answer.length) this.#answers.shift();
      else this.#answers[0] = answer.subarray(part.length);
      this.#writable -= part.length;
      this.#port.write(part.buffer as ArrayBuffer);
    }
  }
}
