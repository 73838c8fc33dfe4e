import {
  type ClosableIO,
  checkConfiguration,
  checkNumber,
  type SensorIdentification,
  SensorIO,
  type SensorIOOptions,
} from "./sensor-io.js";

/** An ECMA-419 PulseCount, or anything that reads like one. */
export interface PulseIO extends ClosableIO {
  /** pulses counted, in whole numbers from any start; undefined when it cannot tell now */
  read(): number | undefined;
}

export interface DoseCounterOptions {
  /** `io` and its options, for a PulseCount `{ io, signal, control }` */
  sensor: SensorIOOptions<PulseIO>;
  /** the IO failed for good; `this` is the sensor; only `close` is possible afterwards */
  onError?: (this: DoseCounter, error?: unknown) => void;
  /** opaque to the sensor */
  target?: unknown;
}

export interface DoseCounterConfiguration {
  /** pulses the IO counts for one dose, positive whole number, default 1 */
  pulsesPerDose?: number;
}

export interface DoseCounterSample {
  /** whole doses since the sensor was opened; never falls */
  count: number;
}

/**
 * Counts doses: the strokes of a pump, the drops of a coffee grinder, the turns of a feed wheel.
 *
 * A PulseCount counts both ways. Pulses that run backwards (a wheel that settles, a pump handle let go half-way)
 * count nothing, and neither does making them up again.
 */
export class DoseCounter {
  #port: SensorIO<PulseIO>;
  #pulsesPerDose = 1;
  /** highest reading of the IO so far */
  #highest = 0;
  /** pulses that do not make up a dose yet */
  #pulses = 0;
  #count = 0;
  readonly target: unknown;

  /** @throws SensorError `options`, `failed`; what the IO throws */
  constructor(options: DoseCounterOptions) {
    this.#port = new SensorIO("DoseCounter", this, options);
    this.target = options.target;
    try {
      // The count starts where the hardware stands: a PulseCount need not start at 0 and need not have `write`.
      this.#highest = this.#read() ?? 0;
    } catch (error) {
      this.#port.close();
      throw error;
    }
  }

  /**
   * Pulses seen before the call are counted by the old ratio; those that do not make up a dose are carried over.
   * @throws SensorError `configuration`, `closed`, `failed`
   */
  configure(options: DoseCounterConfiguration): void {
    this.#port.use();
    checkConfiguration("DoseCounter", options);
    if (options.pulsesPerDose === undefined) return;
    const pulsesPerDose = checkNumber(
      "DoseCounter",
      "pulsesPerDose",
      options.pulsesPerDose,
      "a positive whole number",
      (value) => Number.isSafeInteger(value) && value > 0,
    );
    this.#gather();
    this.#pulsesPerDose = pulsesPerDose;
  }

  /**
   * A fresh object, or undefined when the IO cannot tell now.
   * @throws SensorError `closed`, `failed`
   */
  sample(): DoseCounterSample | undefined {
    return this.#gather() ? { count: this.#count } : undefined;
  }

  close(): void {
    this.#port.close();
  }

  get configuration(): Required<DoseCounterConfiguration> {
    this.#port.use();
    return { pulsesPerDose: this.#pulsesPerDose };
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "pulse counter", classification: "DoseCounter" };
  }

  #read(): number | undefined {
    const pulses = this.#port.use().read();
    return typeof pulses === "number" && Number.isFinite(pulses) ? Math.floor(pulses) : undefined;
  }

  #gather(): boolean {
    const pulses = this.#read();
    if (pulses === undefined) return false;
    if (pulses > this.#highest) {
      this.#pulses += pulses - this.#highest;
      this.#highest = pulses;
    }
    const doses = Math.floor(this.#pulses / this.#pulsesPerDose);
    this.#pulses -= doses * this.#pulsesPerDose;
    this.#count += doses;
    return true;
  }
}
