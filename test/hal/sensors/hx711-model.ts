import type { HX711Input } from "../../../hal/index.js";

/** Microseconds that a test and its buses let pass. */
export class BenchClock {
  /** us */
  now = 0;

  readonly ticks = (): number => Math.floor(this.now / 1000);

  pass(milliseconds: number): void {
    this.now += 1000 * milliseconds;
  }
}

/** What the part does on demand. `dead`: it has no power, and DOUT is at this level. `unsteady`: a bit changes within its pulse. */
export type Ailment =
  | "none"
  | "never-ready"
  | "stuck-low"
  | "stuck-high"
  | "dead-low"
  | "dead-high"
  | "unsteady";

/** The data sheet's figures, in microseconds: table "T1 to T4" of the serial interface, and power-down control. */
const T1 = 0.1;
const T2 = 0.1;
const T3 = [0.2, 50] as const;
const T4 = 0.2;
const POWER_DOWN = 60;
/** How long an IO takes to open at least, us: it is set up by the platform, in JavaScript and in C. */
const OPENING = 100;
const BITS = 24;
const MOST_PULSES = 27;
const INPUTS: Readonly<Record<number, HX711Input>> = { 25: "A128", 26: "B32", 27: "A64" };
/** Conversions after power-up, reset or another input until data are settled. */
const SETTLING = 4;
/** How wrong data are before, in counts. */
const UNSETTLED = 123_456;
/** Levels are compared in microseconds that were added up. */
const ROUNDING = 1e-6;

export interface HX711ModelOptions {
  readonly clock: BenchClock;
  readonly rate?: 10 | 80;
  /** Share by which its oscillator is slow. */
  readonly slowness?: number;
  /** Settled counts of a conversion that ends at `time`, in microseconds. */
  readonly counts: (input: HX711Input, time: number) => number;
}

/**
 * The part behind its two lines. What the data sheet forbids on PD_SCK is noted in `violations`, and what it says of the
 * consequences happens: held high it powers down and forgets its input, data are unsettled for 4 conversions, a bit is
 * valid only T2 after its pulse.
 */
export class HX711Model {
  readonly violations: string[] = [];
  /** Conversions that were read to the end. */
  conveyed = 0;
  resets = 0;
  ailment: Ailment = "none";
  /** Number of the pulse of the next frame at which it loses power, DOUT then at this level. */
  cut: { readonly pulse: number; readonly level: 0 | 1 } | undefined;
  readonly #options: HX711ModelOptions;
  readonly #period: number;
  #sck: 0 | 1 = 0;
  #rose = -Infinity;
  #fell = -Infinity;
  #input: HX711Input = "A128";
  /** Start of the conversion that is under way, us. */
  #began = 0;
  #unsettled = SETTLING;
  #data: number | undefined;
  #readySince = 0;
  #pulses = 0;
  #isEarly = false;
  /** Input of the next conversion, by the pulses so far. */
  #next: HX711Input = "A128";

  constructor(options: HX711ModelOptions) {
    this.#options = options;
    this.#period = (1e6 / (options.rate ?? 10)) * (1 + (options.slowness ?? 0));
  }

  get input(): HX711Input {
    return this.#input;
  }

  get #isAlive(): boolean {
    return this.ailment === "none" || this.ailment === "unsteady";
  }

  isDown(time: number): boolean {
    return this.#sck === 1 && time - this.#rose > POWER_DOWN;
  }

  /** Power comes back after a cut. */
  powerUp(): void {
    this.ailment = "none";
    this.#reset(this.#options.clock.now);
  }

  /** Sets PD_SCK. */
  drive(level: 0 | 1, time: number): void {
    if (level === this.#sck) return;
    this.#advance(time);
    if (level === 1) {
      if (time - this.#fell < T4 - ROUNDING) this.#violate(`low for ${time - this.#fell} us`);
      this.#rise(time);
    } else {
      const width = time - this.#rose;
      if (width < T3[0] - ROUNDING) this.#violate(`high for ${width} us`);
      // A reset may come at any time, and is no pulse.
      if (width > POWER_DOWN) this.#reset(time);
      else {
        if (width > T3[1] + ROUNDING) this.#violate(`high for ${width} us`);
        if (this.#pulses > MOST_PULSES) this.#violate(`${this.#pulses} pulses`);
        if (this.#isEarly) this.#violate("a pulse before data were ready");
      }
      this.#fell = time;
    }
    this.#sck = level;
  }

  /** Level of DOUT. */
  dout(time: number): 0 | 1 {
    this.#advance(time);
    const { ailment } = this;
    if (ailment === "stuck-low" || ailment === "dead-low") return 0;
    if (!this.#isAlive || this.isDown(time)) return 1;
    if (this.#pulses === 0) return this.#data === undefined ? 1 : 0;
    const level = this.#pulses > BITS ? 1 : ((((this.#data ?? -1) >> (BITS - this.#pulses)) & 1) as 0 | 1);
    // Not valid yet: the worst that it can be.
    return time - this.#rose < T2 || (ailment === "unsteady" && this.#sck === 0 && this.#pulses <= BITS)
      ? ((1 - level) as 0 | 1)
      : level;
  }

  #rise(time: number): void {
    this.#rose = time;
    if (!this.#isAlive) return;
    if (this.#pulses === 0) {
      this.#isEarly = this.#data === undefined || time - this.#readySince < T1;
      if (this.#isEarly) return;
    }
    this.#pulses++;
    if (this.cut?.pulse === this.#pulses) {
      this.ailment = this.cut.level === 1 ? "dead-high" : "dead-low";
      this.cut = undefined;
      return;
    }
    const input = INPUTS[this.#pulses];
    if (input === undefined) return;
    if (this.#pulses === BITS + 1) this.conveyed++;
    this.#next = input;
  }

  #reset(time: number): void {
    this.resets++;
    this.#input = "A128";
    this.#next = "A128";
    this.#began = time;
    this.#unsettled = SETTLING;
    this.#data = undefined;
    this.#pulses = 0;
    this.#isEarly = false;
  }

  /** Conversions that have ended until then. */
  #advance(time: number): void {
    if (!this.#isAlive || this.isDown(time)) return;
    while (this.#began + this.#period <= time) {
      // Never in the middle of a frame.
      if (this.#pulses > 0 && this.#pulses <= BITS) return;
      this.#began += this.#period;
      const wasReady = this.#pulses === 0 && this.#data !== undefined;
      if (this.#pulses > 0) {
        this.#pulses = 0;
        if (this.#next !== this.#input) {
          this.#input = this.#next;
          this.#unsettled = SETTLING;
        }
      }
      const settled = Math.round(this.#options.counts(this.#input, this.#began));
      this.#data = this.#unsettled > 0 ? settled ^ UNSETTLED : settled;
      if (this.#unsettled > 0) this.#unsettled--;
      if (!wasReady) this.#readySince = this.#began;
    }
  }

  #violate(text: string): void {
    this.violations.push(`PD_SCK: ${text}`);
  }
}

/** A board's SPI and Digital with one HX711 at MOSI and MISO. `opened` are the IOs that are open. */
export function hx711Bench(clock: BenchClock, model: HX711Model) {
  const opened = new Set<object>();
  const log: { hz: number; mode: unknown }[] = [];
  /** The next so many transfers fail. */
  const faults = { transfers: 0, holds: 0 };
  const open = (io: object) => {
    // The platform: a pin is in use by one IO.
    if (opened.size > 0) throw new Error("in use");
    opened.add(io);
  };
  class Spi {
    readonly bit: number;
    constructor(options: { hz: number; mode: unknown }) {
      open(this);
      this.bit = 1e6 / options.hz;
      log.push({ hz: options.hz, mode: options.mode });
      model.drive(0, clock.now);
      clock.now += OPENING;
    }
    transfer(buffer: Uint8Array): void {
      if (!opened.has(this)) throw new Error("closed");
      if (buffer.length % 4 !== 0) throw new Error("DMA: whole words only");
      if (faults.transfers > 0) {
        faults.transfers--;
        throw new Error("bus");
      }
      for (let i = 0; i < buffer.length; i++) {
        const out = buffer[i]!;
        let read = 0;
        for (let bit = 7; bit >= 0; bit--) {
          // Mode 0: MOSI changes half a bit before the rising edge of the clock, which samples MISO.
          model.drive(((out >> bit) & 1) as 0 | 1, clock.now);
          read = (read << 1) | model.dout(clock.now + this.bit / 2);
          clock.now += this.bit;
        }
        buffer[i] = read;
      }
      // MOSI rests low.
      model.drive(0, clock.now);
    }
    close(): void {
      opened.delete(this);
    }
  }
  class Hold {
    constructor() {
      if (faults.holds > 0) {
        faults.holds--;
        throw new Error("no pin");
      }
      open(this);
      model.drive(1, clock.now);
      clock.now += OPENING;
    }
    close(): void {
      opened.delete(this);
    }
  }
  return { Spi, Hold, opened, log, faults };
}
