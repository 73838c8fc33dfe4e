import {
  type ClosableIO,
  checkConfiguration,
  checkNumber,
  type SensorIdentification,
  SensorIO,
  type SensorIOOptions,
} from "./sensor-io.js";

/** The end of a 24-bit converter's range, in counts. Converters stop here when the bridge is overloaded or broken. */
const FULL_SCALE = 2 ** 23 - 1;

/** A bridge amplifier that reads like an ECMA-419 Analog, but signed. */
export interface BridgeIO extends ClosableIO {
  /** signed counts, 24 bit; undefined while no conversion has finished since the last call */
  read(): number | undefined;
  /** of one that powers down after each conversion: true keeps it from that, false powers it down now */
  stayAwake?(isAwake: boolean): void;
}

export interface LoadCellOptions {
  /** `io` and its options */
  sensor: SensorIOOptions<BridgeIO>;
  /** the IO failed for good; `this` is the sensor; only `close` is possible afterwards */
  onError?: (this: LoadCell, error?: unknown) => void;
  /** opaque to the sensor */
  target?: unknown;
}

export interface LoadCellConfiguration {
  /** counts with the empty container in place, default 0 */
  zero?: number;
  /** kilograms per count, from a calibration weight; negative when the bridge is wired the other way round */
  scale?: number;
}

export interface LoadCellFaults {
  /** the converter is at the end of its range: overload, or a broken wire */
  saturated?: true;
  /** `scale` was never configured: `raw` is good, `mass` is NaN */
  uncalibrated?: true;
}

export interface LoadCellSample {
  /** kilograms in the container */
  mass: number;
  /** counts as read */
  raw: number;
  /** present only when `mass` cannot be trusted */
  faults?: LoadCellFaults;
}

/** Weighs what is in the container with a strain-gauge bridge behind a 24-bit amplifier. */
export class LoadCell {
  #port: SensorIO<BridgeIO>;
  #zero = 0;
  #scale: number | undefined;
  readonly target: unknown;

  /** @throws SensorError `options`, `failed`; what the IO throws */
  constructor(options: LoadCellOptions) {
    this.#port = new SensorIO("LoadCell", this, options);
    this.target = options.target;
  }

  /**
   * Changes what is present; when one value is refused, none is taken.
   * @throws SensorError `configuration`, `closed`, `failed`
   */
  configure(options: LoadCellConfiguration): void {
    this.#port.use();
    checkConfiguration("LoadCell", options);
    const { zero, scale } = options;
    if (zero !== undefined)
      checkNumber(
        "LoadCell",
        "zero",
        zero,
        "a number of counts inside the 24-bit range",
        (value) => Math.abs(value) < FULL_SCALE,
      );
    if (scale !== undefined)
      checkNumber(
        "LoadCell",
        "scale",
        scale,
        "a finite number of kilograms per count other than 0",
        (value) => Number.isFinite(value) && value !== 0,
      );
    if (zero !== undefined) this.#zero = zero;
    if (scale !== undefined) this.#scale = scale;
  }

  /**
   * A fresh object, or undefined when the amplifier has nothing new.
   * @throws SensorError `closed`, `failed`; what the amplifier throws, `bus` or `protocol`, after which the next may be good
   */
  sample(): LoadCellSample | undefined {
    const raw = this.#port.use().read();
    if (typeof raw !== "number" || !Number.isFinite(raw)) return undefined;
    const scale = this.#scale;
    const sample: LoadCellSample = { mass: scale === undefined ? NaN : (raw - this.#zero) * scale, raw };
    const saturated = Math.abs(raw) >= FULL_SCALE;
    if (saturated || scale === undefined) {
      const faults: LoadCellFaults = {};
      if (saturated) faults.saturated = true;
      if (scale === undefined) faults.uncalibrated = true;
      sample.faults = faults;
    }
    return sample;
  }

  /**
   * An amplifier that sleeps between samples stays awake from now on, for several in quick succession, or sleeps. Nothing with one that does not.
   * @throws SensorError `closed`, `failed`; what the IO throws
   */
  stayAwake(isAwake: boolean): void {
    this.#port.use().stayAwake?.(isAwake);
  }

  close(): void {
    this.#port.close();
  }

  /** `scale` is absent until it was configured. */
  get configuration(): LoadCellConfiguration {
    this.#port.use();
    return this.#scale === undefined ? { zero: this.#zero } : { zero: this.#zero, scale: this.#scale };
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "strain-gauge bridge", classification: "Scale" };
  }
}
