import type { Scheduled } from "../../../sdk/index.js";
import { SensorError } from "../errors.js";
import type { SensorClock } from "../sensor-clock.js";
import {
  type ClosableIO,
  checkConfiguration,
  checkNumber,
  checkOptions,
  type SensorIdentification,
  SensorIO,
  type SensorIOOptions,
} from "../sensor-io.js";

/** The data sheet asks for a trigger of 10 microseconds at least. */
const TRIGGER_WRITES = 20;
/** Milliseconds between two measurements: data sheet, "over 60 ms", so that the echo of one is not taken for the other's; and a tick of the timer. */
const CYCLE = 65;
/** Cycles to wait for the end of a pulse. Some parts hold the line for 200 ms when nothing comes back. */
const LONGEST_CYCLES = 4;
/** Range of the part, data sheet, in metres. */
const NEAREST = 0.02;
const FARTHEST = 4;

/** Metres a second in dry air; 331.3 at 0 degrees Celsius and with the root of the absolute temperature (ideal gas). */
export function speedOfSound(temperature: number): number {
  return 331.3 * Math.sqrt(1 + temperature / 273.15);
}

/** Moddable's PulseWidth on ESP32: measures with the capture unit of the motor PWM, not with the loop. */
export interface EchoIO extends ClosableIO {
  /** microseconds of the last pulse; undefined when there was none since the last call */
  read(): number | undefined;
}

/** An ECMA-419 Digital that is an output. */
export interface TriggerIO extends ClosableIO {
  write(level: 0 | 1): void;
}

export interface UltrasonicOptions {
  /** the echo line: `{ io: PulseWidth, pin }`; `edges` is set here to `io.RisingToFalling` */
  sensor: SensorIOOptions<EchoIO>;
  /** the trigger line: `{ io: Digital, pin }`; `mode` is set here to `io.Output` */
  trigger: SensorIOOptions<TriggerIO>;
  clock: SensorClock;
  /** an IO failed for good; `this` is the sensor; only `close` is possible afterwards */
  onError?: (this: Ultrasonic, error?: unknown) => void;
  /** opaque to the sensor */
  target?: unknown;
}

export interface UltrasonicConfiguration {
  /** measurements whose median makes a sample, odd, 1 to 15, default 5 */
  pings?: number;
  /** of the air, degrees Celsius, -40 to 85, default 20; 10 degrees too many are 1.7 % too far */
  temperature?: number;
}

export interface UltrasonicFaults {
  /** most measurements had no echo: nothing within 4 m, or a surface that swallows or turns away the sound */
  noEcho?: true;
  /** most measurements were nearer than 2 cm, where the part cannot measure */
  tooNear?: true;
}

export interface UltrasonicSample {
  /** metres from the part to the nearest surface; NaN with a fault */
  distance: number;
  /** metres between the nearest and the farthest measurement in range; large when the surface moves or echoes are many */
  spread: number;
  /** measurements in range */
  echoes: number;
  /** present only when `distance` cannot be told */
  faults?: UltrasonicFaults;
}

export type UltrasonicCallback = (error: Error | null, sample?: UltrasonicSample) => void;

/**
 * Distance by ultrasound: HC-SR04 and its kind. A trigger pulse makes the part send, and the echo line is high for as long as the sound travels.
 *
 * `sample` measures several times and takes the median, so that an echo of another surface, once, does not count.
 */
export class Ultrasonic {
  #port: SensorIO<EchoIO>;
  #trigger: SensorIO<TriggerIO>;
  #clock: SensorClock;
  #pings = 5;
  #temperature = 20;
  /** runs from each trigger until the next is allowed */
  #cycle: Scheduled | undefined;
  #callback: UltrasonicCallback | undefined;
  /** a trigger was sent and its pulse has not come */
  #listening = false;
  #cycles = 0;
  /** microseconds of each measurement; undefined where the part gave no pulse */
  #pulses: (number | undefined)[] = [];
  readonly target: unknown;

  /** @throws SensorError `options`, `failed`; what the IOs throw */
  constructor(options: UltrasonicOptions) {
    checkOptions("Ultrasonic", options);
    const { sensor, trigger, clock, onError } = options;
    if (typeof trigger?.io !== "function")
      throw new SensorError("options", "Ultrasonic: trigger.io must be an IO class");
    if (typeof clock?.schedule !== "function")
      throw new SensorError("options", "Ultrasonic: clock must have schedule");
    this.target = options.target;
    this.#clock = clock;
    const fail = (error?: unknown) => {
      this.#stop();
      this.#settle(new SensorError("failed", "Ultrasonic: the IO has failed"));
      onError?.call(this, error);
    };
    const { RisingToFalling } = sensor.io as unknown as { RisingToFalling?: number };
    this.#port = new SensorIO("Ultrasonic", this, {
      sensor: { edges: RisingToFalling, ...sensor, onReadable: () => this.#heard() },
      onError: fail,
    });
    try {
      const { Output } = trigger.io as unknown as { Output?: unknown };
      this.#trigger = new SensorIO("Ultrasonic", this, {
        sensor: { mode: Output, ...trigger },
        onError: fail,
      });
    } catch (error) {
      this.#port.close();
      throw error;
    }
  }

  /**
   * Holds from the next sample on.
   * @throws SensorError `configuration`, `closed`, `failed`
   */
  configure(options: UltrasonicConfiguration): void {
    this.#port.use();
    checkConfiguration("Ultrasonic", options);
    const { pings = this.#pings, temperature = this.#temperature } = options;
    checkNumber(
      "Ultrasonic",
      "pings",
      pings,
      "odd, 1 to 15",
      (value) => value % 2 === 1 && value > 0 && value <= 15,
    );
    checkNumber(
      "Ultrasonic",
      "temperature",
      temperature,
      "-40 to 85",
      (value) => value >= -40 && value <= 85,
    );
    this.#pings = pings;
    this.#temperature = temperature;
  }

  /**
   * Measures, and calls back once, later: about 65 ms for each of `pings`. Nothing is called after `close`.
   * Errors for the callback: SensorError `bus` (most triggers got no pulse: the part is missing, off or not wired), `failed`; what the IOs throw.
   * @throws SensorError `options`, `busy`, `closed`, `failed`
   */
  sample(callback: UltrasonicCallback): void {
    this.#port.use();
    this.#trigger.use();
    if (typeof callback !== "function")
      throw new SensorError("options", "Ultrasonic: sample needs a callback");
    if (this.#callback) throw new SensorError("busy", "Ultrasonic: still measuring");
    this.#callback = callback;
    this.#pulses = [];
    // Never out of `sample`: a trigger that throws is told later.
    this.#cycle ??= this.#clock.schedule(0, () => this.#next());
  }

  close(): void {
    this.#callback = undefined;
    this.#stop();
    try {
      this.#port.close();
    } finally {
      this.#trigger.close();
    }
  }

  get configuration(): Required<UltrasonicConfiguration> {
    this.#port.use();
    return { pings: this.#pings, temperature: this.#temperature };
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "ultrasonic ranger", classification: "LevelGauge" };
  }

  #stop(): void {
    this.#cycle?.cancel();
    this.#cycle = undefined;
    this.#listening = false;
  }

  /** A cycle has passed since the last trigger. */
  #next(): void {
    this.#cycle = undefined;
    if (!this.#callback) return;
    if (this.#listening) {
      // Triggering again while the line may still be high would measure nothing.
      if (++this.#cycles < LONGEST_CYCLES) {
        this.#wait();
        return;
      }
      this.#listening = false;
      this.#pulses.push(undefined);
      if (this.#finish()) return;
    }
    try {
      const trigger = this.#trigger.use();
      // What came after its time belongs to no trigger.
      this.#port.use().read();
      this.#wait();
      this.#cycles = 0;
      this.#listening = true;
      // A call of a native takes XS more than 240 cycles, a microsecond at 240 MHz: 20 of them are long enough, and no timer is so short.
      for (let i = 0; i < TRIGGER_WRITES; i++) trigger.write(1);
      trigger.write(0);
    } catch (error) {
      this.#listening = false;
      this.#settle(error as Error);
    }
  }

  #wait(): void {
    this.#cycle = this.#clock.schedule(CYCLE, () => this.#next());
  }

  #heard(): void {
    // Only the first pulse after a trigger is its echo; the next trigger discards others.
    if (!this.#listening) return;
    try {
      const pulse = this.#port.use().read();
      if (typeof pulse !== "number" || !(pulse > 0)) return;
      this.#listening = false;
      this.#pulses.push(pulse);
      this.#finish();
    } catch (error) {
      this.#listening = false;
      this.#settle(error as Error);
    }
  }

  #finish(): boolean {
    const pulses = this.#pulses;
    if (pulses.length < this.#pings) return false;
    const metres = speedOfSound(this.#temperature) / 2e6;
    const distances: number[] = [];
    let near = 0;
    let silent = 0;
    for (const pulse of pulses) {
      if (pulse === undefined) silent++;
      else if (pulse * metres < NEAREST) near++;
      else if (pulse * metres <= FARTHEST) distances.push(pulse * metres);
    }
    const echoes = distances.length;
    const most = pulses.length / 2;
    if (silent > most) this.#settle(new SensorError("bus", "Ultrasonic: no pulse from the part"));
    else if (echoes > most) {
      distances.sort((a, b) => a - b);
      const middle = echoes >> 1;
      this.#settle(null, {
        distance: echoes % 2 === 1 ? distances[middle]! : (distances[middle - 1]! + distances[middle]!) / 2,
        spread: distances[echoes - 1]! - distances[0]!,
        echoes,
      });
    } else
      this.#settle(null, {
        distance: NaN,
        spread: NaN,
        echoes,
        faults: near > pulses.length - echoes - near ? { tooNear: true } : { noEcho: true },
      });
    return true;
  }

  #settle(error: Error | null, sample?: UltrasonicSample): void {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.(error, sample);
  }
}
