import type { SensorClock } from "../../../hal/index.js";
import type { Answer, AnyIO, AnyIOClass, IOName, Rig, Turn } from "./conversation.js";

/** What went over a bus: so many bits at so many a second; `isWaitedFor` is whether the loop stands still meanwhile. */
export interface Transfer {
  readonly bits: number;
  readonly hz: number;
  readonly isWaitedFor: boolean;
}

/** A turn that was recorded, with what went over a bus in it. */
export interface Recorded extends Turn {
  readonly transfers: Transfer[];
}

/** Bits of a byte: I2C has an acknowledgement, a serial line a start and a stop bit. */
const I2C_BYTE = 9;
const SERIAL_BYTE = 10;
/** Of a transaction: start and stop, or a repeated start. */
const FRAMING = 2;
const REPEATED = 1;

type Made = new (options: object) => Partial<AnyIO>;

/** Stands between a sensor and the parts of a test, and keeps what the parts answered by the turns of the loop. */
export class Recorder implements Rig {
  readonly turns: Recorded[] = [];
  readonly io: Rig["io"];
  readonly clock: SensorClock;
  #turn: Recorded | undefined;
  #timers = 0;

  /** @param io the parts' IO classes; those that the subject does not use may be missing */
  constructor(io: { readonly [name in IOName]?: unknown }, clock: SensorClock) {
    const watched: Partial<Record<IOName, AnyIOClass>> = {};
    for (const name of Object.keys(io) as IOName[])
      watched[name] = this.#watched(name, io[name] as Made) as unknown as AnyIOClass;
    this.io = watched as Rig["io"];
    this.clock = {
      ticks: () => this.#said(clock.ticks()),
      schedule: (delay, task) => {
        const own = this.#timers++;
        return clock.schedule(delay, () => this.turn("timer", own, task));
      },
    };
  }

  turn(on: Turn["on"], argument: number, what: () => void): void {
    if (this.#turn) throw new Error(`recorder: a turn (${on}) within a turn (${this.#turn.on})`);
    this.#turn = { on, argument, answers: [], transfers: [] };
    this.turns.push(this.#turn);
    try {
      what();
    } finally {
      this.#turn = undefined;
    }
  }

  #said<T extends Answer>(answer: T): T {
    this.#turn!.answers.push(answer);
    return answer;
  }

  #watched(name: IOName, IO: Made): Made {
    const recorder = this;
    const isWaitedFor = name !== "serial";
    return class implements AnyIO {
      readonly #io: Partial<AnyIO>;
      readonly #hz: number;

      constructor(options: Record<string, unknown>) {
        this.#hz = (options.hz ?? options.baud) as number;
        const own: Record<string, unknown> = { ...options };
        for (const [callback, on] of [
          ["onReadable", "readable"],
          ["onWritable", "writable"],
        ] as const) {
          const told = options[callback] as ((count: number) => void) | undefined;
          if (told) own[callback] = (count = 0) => recorder.turn(on, count, () => told(count));
        }
        this.#io = new IO(own);
      }

      read(byteLength?: number): unknown {
        const answer = this.#io.read!(byteLength);
        if (typeof answer === "number") return recorder.#said(answer);
        recorder.#said(answer === undefined ? null : [...new Uint8Array(answer as ArrayBuffer)]);
        const bytes = (answer as ArrayBuffer | undefined)?.byteLength ?? 0;
        if (name === "serial") this.#passed(SERIAL_BYTE * bytes);
        else if (name === "i2c") this.#passed(I2C_BYTE * (1 + bytes) + FRAMING);
        return answer;
      }

      write(value: unknown): void {
        this.#io.write!(value);
        if (name === "serial") this.#passed(SERIAL_BYTE * (value as Uint8Array).length);
        else if (name === "i2c") this.#passed(I2C_BYTE * (1 + (value as Uint8Array).length) + FRAMING);
      }

      writeRead(bytes: Uint8Array, byteLength: number): ArrayBuffer {
        const answer = this.#io.writeRead!(bytes, byteLength);
        recorder.#said([...new Uint8Array(answer)]);
        this.#passed(I2C_BYTE * (2 + bytes.length + byteLength) + REPEATED + FRAMING);
        return answer;
      }

      transfer(buffer: Uint8Array): void {
        this.#io.transfer!(buffer);
        recorder.#said([...buffer]);
        this.#passed(8 * buffer.length);
      }

      close(): void {
        this.#io.close!();
      }

      #passed(bits: number): void {
        recorder.#turn!.transfers.push({ bits, hz: this.#hz, isWaitedFor });
      }
    } as unknown as Made;
  }
}
