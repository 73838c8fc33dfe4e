import type { Board } from "../../hal/boards/board.js";
import { type MeterReading, SamplingPlan } from "../../hal/index.js";
import { fnv1a } from "../../sdk/uplink/spread.js";
import { INTERVAL, type Part, type Rules } from "./kind.js";
import { WATCH_RULES, Watch, type WatchedWiring } from "./watch.js";

/** A description of what weighs a container or looks into it. */
export interface ContainerWiring extends WatchedWiring {
  readonly interval: number;
}

export const CONTAINER_RULES: Rules = Object.freeze({ interval: INTERVAL, ...WATCH_RULES });

/** A zero may move by this share of the noise within {@link DRIFT_INTERVAL} milliseconds. */
export const DRIFT_SHARE = 0.05;
const DRIFT_INTERVAL = 15 * 60 * 1000;

/** Samples that confirm what has changed. */
const WINDOW = 5;
/** Milliseconds between those, where the latency has the time for it, and at least. */
const FAST = 30_000;
const FASTEST = 10;

/** An offset is kept as a whole number of such shares of the noise, with a mark of the calibration that it belongs to. */
const PARTS_OF_NOISE = 64;
const OFFSETS = 2 ** 24;
const MARKS = 2 ** 9;

/** A `MassMeter` or a `LevelMeter`. */
interface ContainerMeter<Sample> {
  readonly offset: number;
  readonly pending: boolean;
  rebase(): void;
  update(sample: Sample, intervals: number): MeterReading;
}

export interface ContainerOptions<Sample> {
  /** Milliseconds that a sample takes at most. */
  readonly awake: number;
  /** Samples of the same value after which the sensor is frozen; default any number. */
  readonly same?: number;
  readonly noise: number;
  /** Numbers by which the sensor's readings are understood: others are another sensor's, or the same one calibrated anew. */
  readonly calibration: readonly number[];
  /** Makes the meter, when the journal is open. */
  open(offset: number, level: number): ContainerMeter<Sample>;
}

/** What load cells and levels have in common: when a container is sampled, the zero over restarts, and what is found. */
export class Container<Sample extends { readonly faults?: object | undefined }> {
  /** Milliseconds to the next sample while something changes, and while nothing does. */
  readonly fast: number;
  readonly slow: number;
  readonly #board: Board;
  readonly #part: Part;
  readonly #options: ContainerOptions<Sample>;
  readonly #plan: SamplingPlan;
  readonly #watch: Watch;
  readonly #mark: number;
  #meter: ContainerMeter<Sample> | undefined;
  #isExchanged = false;
  /** Ticks of the last sample without faults. */
  #last = 0;

  constructor(board: Board, part: Part<ContainerWiring>, options: ContainerOptions<Sample>) {
    const { interval } = part.wiring;
    const { awake, same = Infinity } = options;
    const fast = Math.min(FAST, Math.max(FASTEST, Math.floor(interval / (WINDOW + 1))));
    this.#plan = new SamplingPlan({
      latency: Math.max(interval, (WINDOW + 1) * fast),
      fast,
      window: WINDOW,
      awake: Math.min(awake, fast),
    });
    this.fast = fast;
    this.slow = this.#plan.slow;
    this.#board = board;
    this.#part = part;
    this.#options = options;
    this.#watch = new Watch(part, { same });
    this.#mark = markOf(options);
    part.onRebase = () => {
      this.#isExchanged = true;
    };
  }

  /**
   * Only when the journal is open. What was used and put in is to be booked then, by whoever asks: the stack of a chip is small, and booking needs most of it.
   *
   * @param value as the converter has it
   */
  take(sample: Sample, value: number): MeterReading {
    const now = this.#board.ticks();
    if (!this.#meter) {
      this.#meter = this.#open();
      this.#last = now;
    }
    const meter = this.#meter;
    if (this.#isExchanged) meter.rebase();
    this.#isExchanged = false;
    const reading = meter.update(sample, (now - this.#last) / DRIFT_INTERVAL);
    if (!sample.faults) this.#last = now;
    this.#keep(meter.offset);
    this.#watch.take({ value, faults: sample.faults }, reading, now);
    return reading;
  }

  /** There was no sample. @returns milliseconds until the next */
  miss(): number {
    this.#watch.miss(this.#board.ticks());
    return this.slow;
  }

  /** Milliseconds until the next sample. */
  wait(): number {
    return this.#plan.next(this.#meter?.pending ?? true);
  }

  #open(): ContainerMeter<Sample> {
    const { kept } = this.#part;
    const { noise } = this.#options;
    const isKnown = Math.floor(kept / OFFSETS) === this.#mark;
    // Nothing is kept by a device that is new.
    if (kept !== 0 && !isKnown) this.#isExchanged = true;
    // The zero drifts; without what it was at, a restart would take the drift for use or for a refill.
    const offset = isKnown ? (((kept % OFFSETS) - OFFSETS / 2) * noise) / PARTS_OF_NOISE : 0;
    return this.#options.open(offset, this.#part.remaining);
  }

  #keep(offset: number): void {
    const most = OFFSETS / 2 - 1;
    const parts = Math.round((offset * PARTS_OF_NOISE) / this.#options.noise);
    this.#part.kept = this.#mark * OFFSETS + OFFSETS / 2 + Math.max(-most, Math.min(most, parts));
  }
}

/** 1 to 511: that another calibration has the same happens once in 511 times. */
function markOf({ noise, calibration }: ContainerOptions<never>): number {
  const hash = fnv1a(`${noise} ${calibration.join(" ")}`);
  return (hash ^ (hash >>> 9) ^ (hash >>> 18)) & (MARKS - 1) || 1;
}
