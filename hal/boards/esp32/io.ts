import Digital from "embedded:io/digital";
import PulseCount from "embedded:io/pulsecount";
import type { IOClass, OpenIO } from "../board.js";
import { BoardError } from "../errors.js";

/** Edges that a quadrature counter sees of one pulse whose delayed copy is at the other pin. */
const EDGES_PER_PULSE = 4;

/** What the SDK has; its typings of both versions lack an option or `close`. */
interface PulseCountIO extends OpenIO {
  read(): number;
}

const Counter = PulseCount as unknown as new (options: {
  readonly signal: number;
  readonly control: number;
  onReadable?(): void;
}) => PulseCountIO;
const Input = Digital as unknown as (new (options: {
  readonly pin: number;
  readonly mode: unknown;
  readonly edge?: number;
  onReadable?(): void;
}) => OpenIO) & { readonly InputPullUp: unknown; readonly Rising: number; readonly Falling: number };

/**
 * Counts the pulses at a pin with the chip's counter, which goes on while JavaScript is busy.
 *
 * Moddable's PulseCount is a quadrature counter: every edge of `signal` counts up or down by the level of `control`, and the other way round. With one wire, rising and
 * falling edge cancel and nothing is ever counted. The wire therefore goes to two pins: to the signal pin, and delayed to the control pin by a resistor and a
 * capacitor (10 kΩ and 100 nF: 1 ms, for pulses of 5 ms and longer). Then each pulse is four edges, all of them up.
 *
 * @param controls pin with the delayed copy, for each pin that pulses come in at
 */
export function pulseCounter(controls: Readonly<Record<string, number>>): IOClass {
  return class implements OpenIO {
    readonly #counter: PulseCountIO;

    /** @throws {BoardError} `options`: no control pin is known for this pin */
    constructor(options: { readonly pin: number; onReadable?(): void }) {
      const { pin, onReadable } = options;
      const control = controls[String(pin)];
      if (control === undefined)
        throw new BoardError(
          "options",
          `pin ${pin}: the pulse counter needs a second pin with a delayed copy of the line: controls["${pin}"] must be a pin`,
        );
      this.#counter = new Counter({
        signal: pin,
        control,
        ...(onReadable ? { onReadable: () => onReadable.call(this) } : {}),
      });
    }

    read(): number {
      return Math.floor(this.#counter.read() / EDGES_PER_PULSE);
    }

    close(): void {
      this.#counter.close();
    }
  };
}

/** A button between a pin and ground: 1 while it is pressed. */
export class Button implements OpenIO {
  readonly #input: OpenIO;

  constructor(options: { readonly pin: number; onReadable?(): void }) {
    const { pin, onReadable } = options;
    this.#input = new Input({
      pin,
      mode: Input.InputPullUp,
      ...(onReadable ? { edge: Input.Rising | Input.Falling, onReadable: () => onReadable.call(this) } : {}),
    });
  }

  read(): number {
    return this.#input.read() === 0 ? 1 : 0;
  }

  close(): void {
    this.#input.close();
  }
}

/** The place of a bridge amplifier's driver, which this board does not have yet. */
export class Bridge implements OpenIO {
  /** @throws {BoardError} `unsupported`, always */
  constructor(options: { readonly pin: number }) {
    throw new BoardError(
      "unsupported",
      `pin ${options.pin}: the ESP32 board has no driver for a bridge amplifier`,
    );
  }

  read(): undefined {}

  close(): void {}
}
