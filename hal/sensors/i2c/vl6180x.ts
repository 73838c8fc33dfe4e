import { SensorError } from "../errors.js";
import {
  type ClosableIO,
  checkConfiguration,
  checkNumber,
  type SensorIdentification,
  type SensorIOOptions,
} from "../sensor-io.js";
import { I2CPort, type I2CSensorOptions } from "./i2c-io.js";

// Registers by their names in the data sheet (DocID026171, section 6): 16-bit addresses, 8-bit values.
const IDENTIFICATION__MODEL_ID = 0x000;
const SYSTEM__MODE_GPIO1 = 0x011;
const SYSTEM__INTERRUPT_CONFIG_GPIO = 0x014;
const SYSTEM__INTERRUPT_CLEAR = 0x015;
const SYSTEM__FRESH_OUT_OF_RESET = 0x016;
const SYSRANGE__START = 0x018;
const SYSRANGE__MAX_CONVERGENCE_TIME = 0x01c;
const RESULT__RANGE_STATUS = 0x04d;
const RESULT__INTERRUPT_STATUS_GPIO = 0x04f;
const RESULT__RANGE_VAL = 0x062;

const MODEL_ID = 0xb4;
/** In SYSTEM__INTERRUPT_CONFIG_GPIO and RESULT__INTERRUPT_STATUS_GPIO, bits 2:0: a new range sample is ready. */
const NEW_SAMPLE_READY = 4;
/** In SYSTEM__MODE_GPIO1, bits 4:1 and polarity 0: GPIO1 is low while an interrupt waits to be cleared. */
const INTERRUPT_OUTPUT = 0x10;
/** RESULT__RANGE_STATUS bit 0: ready for the next measurement. */
const DEVICE_READY = 1;
/** Calls of `sample` in a row that may give nothing. */
const PATIENCE = 10;

/**
 * Register * 256 + value: the private registers of ST's application note AN4545, section 9 ("Mandatory: private
 * registers"), in its order, without which the part measures wrongly, and what the section recommends for ranging.
 */
const SETTINGS: readonly number[] = Object.freeze([
  0x020701, 0x020801, 0x009600, 0x0097fd, 0x00e300, 0x00e404, 0x00e502, 0x00e601, 0x00e703, 0x00f502,
  0x00d905, 0x00dbce, 0x00dc03, 0x00ddf8, 0x009f00, 0x00a33c, 0x00b700, 0x00bb3c, 0x00b209, 0x00ca09,
  0x019801, 0x01b017, 0x01ad00, 0x00ff05, 0x010005, 0x019905, 0x01a61b, 0x01ac3e, 0x01a71f, 0x003000,
  // READOUT__AVERAGING_SAMPLE_PERIOD 48, SYSRANGE__VHV_REPEAT_RATE 255, SYSRANGE__VHV_RECALIBRATE
  0x010a30, 0x0031ff, 0x002e01,
]);

/**
 * Why there is no distance:
 * - `far`: nothing within range that reflects enough
 * - `near`: closer than the part can tell from 0
 * - `noise`: too much other light
 * - `part`: the part's own test of its light source or its clock failed
 */
export type RangeFault = "far" | "near" | "noise" | "part";

/**
 * By the error code in RESULT__RANGE_STATUS bits 7:4 (data sheet, "Range error codes"): 1 to 5 VCSEL and PLL tests,
 * 6 early convergence, 7 no convergence, 8 ignored, 11 signal to noise, 12 and 14 underflow, 13 and 15 overflow.
 * 9 and 10 are not used.
 */
const FAULTS: readonly RangeFault[] = Object.freeze([
  "part",
  "part",
  "part",
  "part",
  "part",
  "part",
  "far",
  "far",
  "far",
  "part",
  "part",
  "noise",
  "near",
  "far",
  "near",
  "far",
]);

export interface VL6180XOptions extends I2CSensorOptions<VL6180X> {
  /** ECMA-419 Digital and its options, `{ io, pin, mode, edge }` with the falling edge: where the part's GPIO1 is connected */
  alert?: SensorIOOptions<ClosableIO>;
  /** the measurement that was started is done, and the next `sample` has it; `this` is the sensor; only with `alert` */
  onAlert?: (this: VL6180X) => void;
}

export interface VL6180XConfiguration {
  /** metres that are added to what the part measures (cover glass, where the part sits), -0.2 to 0.2, default 0 */
  offset?: number;
  /** milliseconds that a measurement may take to converge, whole, 1 to 63, default 49 */
  convergence?: number;
}

export interface VL6180XSample {
  /** metres from the part to the surface, in steps of a millimetre; NaN with `faults` */
  distance: number;
  /** present only when there is no distance; `code` is the part's own, 1 to 15 */
  faults?: { range: RangeFault; code: number };
}

/**
 * Measures the distance to a surface below it (liquid, beans, paper) with ST's time-of-flight part VL6180X: 0 to
 * 0.1 m for certain, further where the surface reflects well.
 *
 * VL6180X and not VL53L0X, which reaches further: ST documents every register of the first, and the second only
 * through its own C library.
 *
 * A measurement takes up to 60 ms and nothing here waits: `sample` starts one and has its result when called again,
 * every 10 ms at most. A part that was without power meanwhile is set up anew.
 */
export class VL6180X {
  #port: I2CPort;
  #line: ClosableIO | undefined;
  #offset = 0;
  #convergence = 49;
  #isMeasuring = false;
  #fruitless = 0;
  readonly target: unknown;

  /**
   * Sets the part up: 36 writes, 1 read; one write more with `alert`.
   * @throws SensorError `options`, `failed`; `bus` when nothing answers; `identity` when it is no VL6180X;
   *   what the IO throws
   */
  constructor(options: VL6180XOptions) {
    // 0x29 after reset (data sheet, section 5). Any other was set by who powers several parts up in turn.
    this.#port = new I2CPort("VL6180X", this, options, 0x29, 400_000, (at) => at > 7 && at < 0x78);
    this.target = options.target;
    try {
      const model = this.#read(IDENTIFICATION__MODEL_ID);
      if (model !== MODEL_ID)
        throw new SensorError("identity", `VL6180X: IDENTIFICATION__MODEL_ID must be 0xb4 (got ${model})`);
      const { alert, onAlert } = options;
      if (alert !== undefined || onAlert !== undefined) this.#line = this.#openLine(alert, onAlert);
      // Also when the part was not reset with us: it may have been left half set up, or measuring.
      this.#setUp();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Changes what is present; when one value is refused, none is taken.
   * @throws SensorError `configuration`, `closed`, `failed`; `bus`, after which nothing was changed
   */
  configure(options: VL6180XConfiguration): void {
    this.#port.use();
    checkConfiguration("VL6180X", options);
    const { offset, convergence } = options;
    if (offset !== undefined)
      checkNumber("VL6180X", "offset", offset, "-0.2 to 0.2 metres", (value) => Math.abs(value) <= 0.2);
    if (convergence !== undefined) {
      const accepts = (value: number) => Number.isInteger(value) && value > 0 && value < 64;
      checkNumber("VL6180X", "convergence", convergence, "a whole number of ms, 1 to 63", accepts);
      this.#write(SYSRANGE__MAX_CONVERGENCE_TIME, convergence);
      this.#convergence = convergence;
    }
    if (offset !== undefined) this.#offset = offset;
  }

  /**
   * A fresh object once the measurement that an earlier call started is done, then undefined again: the call starts
   * the next one. Undefined while it goes on.
   * @throws SensorError `closed`, `failed`; `bus`, also when ten calls in a row gave nothing, after which the next call
   *   starts a measurement
   */
  sample(): VL6180XSample | undefined {
    const sample = this.#sample();
    if (sample) this.#fruitless = 0;
    else if (++this.#fruitless >= PATIENCE) {
      this.#fruitless = 0;
      this.#isMeasuring = false;
      throw new SensorError("bus", "VL6180X: no measurement comes to an end");
    }
    return sample;
  }

  #sample(): VL6180XSample | undefined {
    const wasMeasuring = this.#isMeasuring;
    this.#isMeasuring = false;
    if (!wasMeasuring) {
      // Its power may have failed alone: without the set-up it measures, and never says so.
      if (this.#read(SYSTEM__FRESH_OUT_OF_RESET) & 1) this.#setUp();
      if (this.#read(RESULT__RANGE_STATUS) & DEVICE_READY) {
        // What the last measurement left must not pass for the result of this one.
        this.#write(SYSTEM__INTERRUPT_CLEAR, 7);
        this.#write(SYSRANGE__START, 1);
        this.#isMeasuring = true;
      }
      return undefined;
    }
    if ((this.#read(RESULT__INTERRUPT_STATUS_GPIO) & 7) !== NEW_SAMPLE_READY) {
      this.#isMeasuring = true;
      return undefined;
    }
    const code = this.#read(RESULT__RANGE_STATUS) >> 4;
    const millimetres = this.#read(RESULT__RANGE_VAL);
    if (code) return { distance: NaN, faults: { range: FAULTS[code]!, code } };
    return { distance: millimetres / 1000 + this.#offset };
  }

  close(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.close();
    this.#port.close();
  }

  get configuration(): Required<VL6180XConfiguration> {
    this.#port.use();
    return { offset: this.#offset, convergence: this.#convergence };
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "VL6180X", classification: "LevelGauge" };
  }

  #openLine(alert: VL6180XOptions["alert"], onAlert: VL6180XOptions["onAlert"]): ClosableIO {
    if (typeof alert?.io !== "function" || typeof onAlert !== "function")
      throw new SensorError("options", "VL6180X: alert with an io class and onAlert go together");
    const { io: Digital, ...rest } = alert;
    return new Digital({
      ...rest,
      onReadable: () => {
        // An edge that comes late, or from a part that starts, tells nothing.
        if (this.#line !== undefined && this.#isMeasuring) onAlert.call(this);
      },
    } as never);
  }

  #setUp(): void {
    if (this.#line) this.#write(SYSTEM__MODE_GPIO1, INTERRUPT_OUTPUT);
    for (const setting of SETTINGS) this.#write(setting >> 8, setting & 0xff);
    this.#write(SYSRANGE__MAX_CONVERGENCE_TIME, this.#convergence);
    this.#write(SYSTEM__INTERRUPT_CONFIG_GPIO, NEW_SAMPLE_READY);
    this.#write(SYSTEM__FRESH_OUT_OF_RESET, 0);
  }

  #read(register: number): number {
    return this.#port.read(1, Uint8Array.of(register >> 8, register & 0xff))[0]!;
  }

  #write(register: number, value: number): void {
    this.#port.write(Uint8Array.of(register >> 8, register & 0xff, value));
  }
}
