import type { Scheduled } from "../../../sdk/index.js";
import type { PulseIO } from "../dose-counter.js";
import { SensorError } from "../errors.js";
import type { SensorClock } from "../sensor-clock.js";
import {
  checkConfiguration,
  checkNumber,
  type SensorIdentification,
  SensorIO,
  type SensorIOOptions,
} from "../sensor-io.js";

/**
 * How the meter's line reaches the IO:
 * - `delayed`: one wire, at the counter's signal pin, and through a resistor and a capacitor at its control pin
 * - `quadrature`: a meter with two channels a quarter of a pulse apart, one at each pin; tells forward from backward
 * - `single`: an IO that counts each pulse once, such as `DigitalPulse`
 */
export type FlowWiring = "delayed" | "quadrature" | "single";

/** Counts of a quadrature counter for one pulse: each of two lines rises and falls. */
const EDGES: Readonly<Record<FlowWiring, number>> = Object.freeze({ delayed: 4, quadrature: 4, single: 1 });

/** The ESP32's counter (PCNT, signed 16 bit) starts again at 0 when it gets here; reading it carries it over into 32 bits. */
const HARDWARE_LIMIT = 32767;
/** Counts that a one-way meter may go back: an edge that rings. More is a counter that was restarted. */
const RINGING = 3;
/** The rate may be so many times the configured one before a reading is taken for a restarted counter. */
const MARGIN = 4;
/** The k-factor holds at this temperature, degrees Celsius. */
const REFERENCE = 20;
const LITRES = 1000;
/** A day: the platform's timers take 32 bits of milliseconds. */
const LONGEST_PERIOD = 86_400_000;

/** A PulseCount; one that notices lost pulses, as `DigitalPulse`, says how often in `overruns`. */
export interface FlowIO extends PulseIO {
  readonly overruns?: number;
}

export interface FlowMeterOptions {
  /** `io` and its options, for a PulseCount `{ io, signal, control }` */
  sensor: SensorIOOptions<FlowIO>;
  /** with it the sensor reads the counter in time by itself and gives `flow`; without, `sample` within `samplePeriod` */
  clock?: SensorClock;
  /** the IO failed for good; `this` is the sensor; only `close` is possible afterwards */
  onError?: (this: FlowMeter, error?: unknown) => void;
  /** opaque to the sensor */
  target?: unknown;
}

export interface FlowMeterConfiguration {
  /** default `delayed` */
  wiring?: FlowWiring;
  /** pulses of one litre at 20 degrees Celsius, from the data sheet or a calibration */
  pulsesPerLitre?: number;
  /** relative change of `pulsesPerLitre` for one kelvin, -0.005 to 0.005, default 0 */
  temperatureCoefficient?: number;
  /** of the liquid, degrees Celsius, -40 to 125, default 20; configure it again when it changes */
  temperature?: number;
  /** pulses a second that the meter gives at most, default 400 */
  maximumRate?: number;
  /** bits after which the IO's reading wraps, 8 to 32, default 32 as on the ESP32 */
  counterBits?: number;
}

export interface FlowMeterFaults {
  /** the counter was read so late that it may have passed its end: pulses may be missing */
  late?: true;
  /** the counter started again: pulses since the reading before it may be missing */
  restarted?: true;
  /** pulses came faster than the IO counts safely: some may be missing */
  overrun?: true;
}

export interface FlowMeterSample {
  /** whole pulses since the sensor was opened; never falls */
  count: number;
  /** cubic metres of `count`; absent until `pulsesPerLitre` was configured */
  volume?: number;
  /** whole pulses that ran back and were not made up yet; always 0 for one-way meters */
  behind: number;
  /** since the sample before: 1 forward, -1 backward, 0 none */
  direction: -1 | 0 | 1;
  /** cubic metres a second since the sample before, negative when backward; only with a clock, a k-factor and time passed */
  flow?: number;
  /** present only when something above may be wrong */
  faults?: FlowMeterFaults;
}

/**
 * Counts the pulses of a flow meter: a turbine, a Hall sensor, an oval-gear meter.
 *
 * What runs backwards counts nothing, and neither does making it up again.
 */
export class FlowMeter {
  #port: SensorIO<FlowIO>;
  #clock: SensorClock | undefined;
  #timer: Scheduled | undefined;
  #wiring: FlowWiring = "delayed";
  #pulsesPerLitre: number | undefined;
  #temperatureCoefficient = 0;
  #temperature = REFERENCE;
  #maximumRate = 400;
  #counterBits = 32;
  /** the IO's last reading, and when it was read */
  #last: number | undefined;
  #lastTicks = 0;
  /** counts that do not make up a pulse yet */
  #carried = 0;
  /** counts that ran back */
  #behind = 0;
  #count = 0;
  /** cubic metres of the first `#measured` pulses, by the k-factors of their time */
  #volume = 0;
  #measured = 0;
  /** counts, forward less backward, since the last sample */
  #net = 0;
  #sampled = 0;
  #overruns = 0;
  #faults: FlowMeterFaults = {};
  readonly target: unknown;

  /** @throws SensorError `options`, `failed`; what the IO throws */
  constructor(options: FlowMeterOptions) {
    const clock = options?.clock;
    if (clock !== undefined && (typeof clock?.ticks !== "function" || typeof clock.schedule !== "function"))
      throw new SensorError("options", "FlowMeter: clock must have ticks and schedule");
    this.#port = new SensorIO("FlowMeter", this, options);
    this.target = options.target;
    this.#clock = clock;
    try {
      this.#sampled = clock?.ticks() ?? 0;
      this.#gather();
      this.#plan();
    } catch (error) {
      this.#port.close();
      throw error;
    }
  }

  /**
   * Pulses before the call are measured by the configuration before it, except that the first k-factor holds for all before it.
   * @throws SensorError `configuration`, `closed`, `failed`; what the IO throws
   */
  configure(options: FlowMeterConfiguration): void {
    this.#port.use();
    checkConfiguration("FlowMeter", options);
    const {
      wiring = this.#wiring,
      pulsesPerLitre = this.#pulsesPerLitre,
      temperatureCoefficient = this.#temperatureCoefficient,
      temperature = this.#temperature,
      maximumRate = this.#maximumRate,
      counterBits = this.#counterBits,
    } = options;
    if (wiring !== "delayed" && wiring !== "quadrature" && wiring !== "single")
      throw new SensorError(
        "configuration",
        `FlowMeter: wiring must be delayed, quadrature or single (got ${String(wiring)})`,
      );
    const positive = (value: number) => value > 0 && value < Infinity;
    const check = (field: string, value: unknown, accepted: string, accepts: (value: number) => boolean) =>
      checkNumber("FlowMeter", field, value, accepted, accepts);
    if (pulsesPerLitre !== undefined) check("pulsesPerLitre", pulsesPerLitre, "a positive number", positive);
    check(
      "temperatureCoefficient",
      temperatureCoefficient,
      "-0.005 to 0.005",
      // Within these bounds no temperature takes the k-factor to 0 or below.
      (value) => Math.abs(value) <= 0.005,
    );
    check("temperature", temperature, "-40 to 125", (value) => value >= -40 && value <= 125);
    check("maximumRate", maximumRate, "a positive number", positive);
    check(
      "counterBits",
      counterBits,
      "a whole number, 8 to 32",
      (value) => Number.isInteger(value) && value >= 8 && value <= 32,
    );

    this.#gather();
    if (this.#pulsesPerLitre !== undefined) {
      this.#volume = this.#total();
      this.#measured = this.#count;
    }
    if (wiring !== this.#wiring) this.#carried = this.#behind = this.#net = 0;
    this.#wiring = wiring;
    this.#pulsesPerLitre = pulsesPerLitre;
    this.#temperatureCoefficient = temperatureCoefficient;
    this.#temperature = temperature;
    this.#maximumRate = maximumRate;
    this.#counterBits = counterBits;
    this.#plan();
  }

  /**
   * A fresh object, or undefined when the IO cannot tell now.
   * @throws SensorError `closed`, `failed`; what the IO throws
   */
  sample(): FlowMeterSample | undefined {
    if (!this.#gather()) return undefined;
    const net = this.#net;
    this.#net = 0;
    const edges = EDGES[this.#wiring];
    const calibrated = this.#pulsesPerLitre !== undefined;
    const sample: FlowMeterSample = {
      count: this.#count,
      behind: this.#wiring === "quadrature" ? Math.floor(this.#behind / edges) : 0,
      direction: net > 0 ? 1 : net < 0 ? -1 : 0,
    };
    if (calibrated) sample.volume = this.#total();
    const now = this.#clock?.ticks();
    if (now !== undefined && now > this.#sampled) {
      if (calibrated) sample.flow = ((net / edges) * this.#pulse() * 1000) / (now - this.#sampled);
      this.#sampled = now;
    }
    const faults = this.#faults;
    this.#faults = {};
    if (faults.late || faults.restarted || faults.overrun) sample.faults = faults;
    return sample;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#port.close();
  }

  /** `pulsesPerLitre` is absent until it was configured. */
  get configuration(): FlowMeterConfiguration {
    this.#port.use();
    const configuration: FlowMeterConfiguration = {
      wiring: this.#wiring,
      temperatureCoefficient: this.#temperatureCoefficient,
      temperature: this.#temperature,
      maximumRate: this.#maximumRate,
      counterBits: this.#counterBits,
    };
    if (this.#pulsesPerLitre !== undefined) configuration.pulsesPerLitre = this.#pulsesPerLitre;
    return configuration;
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "pulse flow meter", classification: "FlowMeter" };
  }

  /** Milliseconds within which the counter has to be read again: half of its range at the maximum rate. */
  get samplePeriod(): number {
    const period = Math.floor((this.#range() * 500) / (this.#maximumRate * EDGES[this.#wiring]));
    return Math.max(1, Math.min(period, LONGEST_PERIOD));
  }

  /** Counts after which a reading is ambiguous. Only a quadrature counter is in hardware. */
  #range(): number {
    const range = 2 ** (this.#counterBits - 1) - 1;
    return this.#wiring === "single" ? range : Math.min(HARDWARE_LIMIT, range);
  }

  #plan(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock?.schedule(this.samplePeriod, () => {
      this.#timer = undefined;
      try {
        this.#gather();
      } catch {
        // Nobody is there to catch it; the next sample meets it again if it lasts.
      }
      this.#plan();
    });
  }

  /** Cubic metres of one pulse. */
  #pulse(): number {
    const warmth = 1 + this.#temperatureCoefficient * (this.#temperature - REFERENCE);
    return 1 / ((this.#pulsesPerLitre ?? NaN) * warmth * LITRES);
  }

  /** Cubic metres of all pulses; added up only when the factor changes, so that rounding does not add up over the years. */
  #total(): number {
    return this.#volume + (this.#count - this.#measured) * this.#pulse();
  }

  #gather(): boolean {
    const io = this.#port.use();
    const now = io.read();
    if (typeof now !== "number" || !Number.isInteger(now)) return false;
    const overruns = io.overruns ?? 0;
    if (overruns > this.#overruns) this.#faults.overrun = true;
    this.#overruns = overruns;

    const last = this.#last;
    const ticks = this.#clock?.ticks() ?? 0;
    const elapsed = ticks - this.#lastTicks;
    this.#last = now;
    this.#lastTicks = ticks;
    // The count starts where the hardware stands.
    if (last === undefined) return true;

    const edges = EDGES[this.#wiring];
    const unused = 32 - this.#counterBits;
    // Shifting makes the difference signed and of as many bits as the counter has, so that a wrap falls out.
    let moved = ((now - last) << unused) >> unused;
    let possible = Infinity;
    if (this.#clock) {
      const counts = (elapsed / 1000) * this.#maximumRate * edges;
      if (counts > this.#range()) this.#faults.late = true;
      possible = MARGIN * (counts + edges);
    }
    const oneWay = this.#wiring !== "quadrature";
    if ((oneWay && moved < -RINGING) || Math.abs(moved) > possible) {
      // What it shows was counted since it restarted, if it can have been.
      this.#faults.restarted = true;
      moved = (oneWay && now < 0) || Math.abs(now) > possible ? 0 : now;
    }

    this.#net += moved;
    if (moved < 0) this.#behind -= moved;
    else {
      const made = Math.min(moved, this.#behind);
      this.#behind -= made;
      this.#carried += moved - made;
    }
    const pulses = Math.floor(this.#carried / edges);
    this.#carried -= pulses * edges;
    this.#count += pulses;
    return true;
  }
}
