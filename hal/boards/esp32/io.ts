import Digital from "embedded:io/digital";
import PulseCount from "embedded:io/pulsecount";
import Spi from "embedded:io/spi";
import { HX711, type HX711Input, type HX711Options } from "../../sensors/hx711.js";
import { DigitalPulse } from "../../sensors/pulse/digital-pulse.js";
import type { SensorClock } from "../../sensors/sensor-clock.js";
import type { IOClass, OpenIO } from "../board.js";
import { BoardError } from "../errors.js";

/** Edges that a quadrature counter sees of one pulse whose delayed copy is at the other pin. */
const EDGES_PER_PULSE = 4;

/** What the SDK has; its typings of both versions lack an option or a method. */
const Counter = PulseCount as unknown as new (options: {
  readonly signal: number;
  readonly control: number;
  onReadable?(): void;
}) => OpenIO;
const Output = Digital as unknown as new (options: {
  readonly pin: number;
  readonly mode: unknown;
  readonly initialValue: number;
}) => { write(value: number): void };
const Input = Digital as unknown as (new (options: {
  readonly pin: number;
  readonly mode: unknown;
  readonly edge?: number;
  onReadable?(): void;
}) => OpenIO) & { readonly InputPullUp: unknown; readonly Rising: number; readonly Falling: number };

/**
 * Counts the pulses at a pin.
 *
 * With a control pin the chip's counter does, which goes on while JavaScript is busy. Moddable's PulseCount is a quadrature counter: every
 * edge of `signal` counts up or down by the level of `control`, and the other way round. With one wire, rising and falling edge cancel and nothing is
 * ever counted. The wire therefore goes to two pins: to the signal pin, and delayed to the control pin by a resistor and a capacitor. Then each
 * pulse is four edges, all of them up. The delay must be longer than edges bounce and shorter than half a pulse: 10 kΩ and 100 nF (1 ms) for
 * doses, 10 kΩ and 1 nF (10 µs) for a flow meter.
 *
 * Without one the pin is a digital input with a pull-up, for up to {@link DIGITAL_MAXIMUM_RATE} pulses a second. An ESP32-C3 has only this.
 *
 * @param controls pin with the delayed copy, for each pin that pulses come in at
 */
export function pulseCounter(controls: Readonly<Record<string, number>>, clock: SensorClock): IOClass {
  return class implements OpenIO {
    readonly #counter: OpenIO & { readonly overruns?: number };
    readonly #edges: number;

    /** @throws what the platform throws: on a chip without a counter, when the pin has a control pin */
    constructor(options: { readonly pin: number; onReadable?(): void }) {
      const { pin, onReadable } = options;
      const tell = onReadable && (() => onReadable.call(this));
      const control = controls[String(pin)];
      this.#edges = control === undefined ? 1 : EDGES_PER_PULSE;
      this.#counter =
        control === undefined
          ? new DigitalPulse({ digital: { io: telling(tell), ...FALLING, pin } as never, clock })
          : new Counter({ signal: pin, control, ...(tell ? { onReadable: tell } : {}) });
    }

    read(): number {
      return Math.floor(this.#counter.read()! / this.#edges);
    }

    /** How often pulses came so fast that some may not have been counted. */
    get overruns(): number {
      return this.#counter.overruns ?? 0;
    }

    close(): void {
      this.#counter.close();
    }
  };
}

const FALLING = Object.freeze({ mode: Digital.InputPullUp, edge: Digital.Falling });

/** A digital input that tells somebody else too, after its owner. */
function telling(tell: (() => void) | undefined): unknown {
  return class {
    constructor(options: {
      readonly pin: number;
      readonly mode: unknown;
      readonly edge: number;
      onReadable(): void;
    }) {
      const { onReadable } = options;
      // biome-ignore lint/correctness/noConstructorReturn: it is the platform's
      return new Input({
        ...options,
        onReadable: () => {
          onReadable();
          tell?.();
        },
      });
    }
  };
}

/** Where a light is wired. */
export interface Light {
  readonly pin: number;
  /** Default false: high is on. */
  readonly activeLow?: boolean;
}

/** Opens the pin of a light. @returns what switches it */
export function openLight({ pin, activeLow = false }: Light): (isOn: 0 | 1) => void {
  const off = activeLow ? 1 : 0;
  const output = new Output({ pin, mode: Digital.Output, initialValue: off });
  return (isOn) => output.write(isOn === 1 ? 1 - off : off);
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

/** How an HX711 is wired, beside its DOUT. */
export interface Amplifier {
  /** Pin that PD_SCK is wired to. */
  readonly clock: number;
  /** Pin that the bus puts its own clock on: nothing is wired to it. */
  readonly spare: number;
  /** Channel and gain; default A128. */
  readonly input?: HX711Input;
  /** Conversions per second, as the RATE pin is wired; default 10. */
  readonly rate?: 10 | 80;
  /** Default true: it is powered down between samples, each of which may be a burst of readings. */
  readonly sleep?: boolean;
}

/** SPI2: the only one that every chip of the family has for its users. */
const PORT = 1;

/**
 * An HX711 at the SPI. Moddable's SPI sets its pins up once, for whoever opens it first, so there is one at a time.
 *
 * @param amplifiers how it is wired, by the pin of its DOUT
 */
export function bridge(amplifiers: Readonly<Record<string, Amplifier>>, ticks: () => number): IOClass {
  let isTaken = false;
  return class implements OpenIO {
    readonly #amplifier: HX711;
    #isOpen = true;

    /**
     * @throws {BoardError} `options`: no amplifier with its pins is known at this pin; `unsupported`: there is one already
     * @throws {SensorError} `options`
     */
    constructor(options: { readonly pin: number }) {
      const { pin } = options;
      const wiring = amplifiers[String(pin)];
      if (wiring === undefined || !Number.isInteger(wiring.clock) || !Number.isInteger(wiring.spare))
        throw new BoardError(
          "options",
          `pin ${pin}: it is not known how the bridge amplifier is wired: bridges["${pin}"] must have clock and spare pins`,
        );
      if (isTaken)
        throw new BoardError("unsupported", `pin ${pin}: the board has one bridge amplifier at most`);
      const { clock, spare, sleep = true, ...own } = wiring;
      this.#amplifier = new HX711({
        ...own,
        spi: {
          io: Spi as unknown as HX711Options["spi"]["io"],
          port: PORT,
          out: clock,
          in: pin,
          clock: spare,
        },
        ...(sleep ? { hold: { io: Input, pin: clock, mode: Digital.Output, initialValue: 1 } } : {}),
        ticks,
      });
      isTaken = true;
    }

    /** @throws {SensorError} `bus`, `protocol`: the next one may be good; `closed` */
    read(): number | undefined {
      return this.#amplifier.read();
    }

    /** @throws {SensorError} `closed` */
    stayAwake(isAwake: boolean): void {
      this.#amplifier.stayAwake(isAwake);
    }

    close(): void {
      this.#amplifier.close();
      if (this.#isOpen) isTaken = false;
      this.#isOpen = false;
    }
  };
}
