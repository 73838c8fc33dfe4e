import { Random } from "./random.js";

/** One thing that shakes, for as long as it runs. */
export interface Shaking {
  /** hertz */
  frequency: number;
  /** of the apparent mass, kg */
  amplitude: number;
  /** ms from one start to the next */
  every: number;
  /** ms for which it runs each time; `every` for always */
  runs: number;
  /** ms of the first start, default 0 */
  from?: number;
}

/**
 * What shakes a load cell: a compressor in the same cabinet, a washing machine beside it.
 *
 * A converter integrates over its conversion, which takes out what is fast: half a second of 50 Hz is nothing, the swing of a
 * drum is not. Frequencies wander by one per cent and start at any phase, repeatably from a seed.
 */
export class VibrationModel {
  #random: Random;
  #shakings: readonly Shaking[];
  #conversion: number;
  #starts: number[];
  #frequencies: number[];
  #phases: number[];

  /**
   * @param conversion ms over which a reading integrates: 100 for an HX711 at 10 samples a second
   * @throws RangeError
   */
  constructor(seed: string | number, shakings: readonly Shaking[], conversion: number) {
    if (!(conversion > 0 && conversion < Infinity))
      throw new RangeError(`conversion must be positive milliseconds (got ${conversion})`);
    for (const { frequency, amplitude, every, runs } of shakings)
      if (!(frequency > 0 && amplitude >= 0 && every > 0 && runs >= 0 && runs <= every))
        throw new RangeError(
          `frequency, every must be positive, amplitude 0 or more, runs 0 to every (got ${frequency}, ${every}, ${amplitude}, ${runs})`,
        );
    this.#random = new Random(seed);
    this.#shakings = shakings;
    this.#conversion = conversion;
    this.#starts = shakings.map(() => -1);
    this.#frequencies = shakings.map(() => 0);
    this.#phases = shakings.map(() => 0);
  }

  /** Something shakes at this time, ms. */
  isShaking(timeMs: number): boolean {
    return this.#shakings.some((shaking) => runsAt(shaking, timeMs));
  }

  /** What it adds to a reading whose conversion ends at this time, kg. Times do not go back. */
  massAt(timeMs: number): number {
    let mass = 0;
    for (const [i, shaking] of this.#shakings.entries()) {
      if (!runsAt(shaking, timeMs)) continue;
      const start = Math.floor((timeMs - (shaking.from ?? 0)) / shaking.every);
      if (start !== this.#starts[i]) {
        this.#starts[i] = start;
        this.#frequencies[i] = shaking.frequency * (1 + 0.01 * this.#random.normal());
        this.#phases[i] = 2 * Math.PI * this.#random.next();
      }
      const angle = (2 * Math.PI * this.#frequencies[i]!) / 1000;
      const phase = this.#phases[i]!;
      const begin = Math.cos(angle * (timeMs - this.#conversion) + phase);
      const end = Math.cos(angle * timeMs + phase);
      mass += (shaking.amplitude * (begin - end)) / (angle * this.#conversion);
    }
    return mass;
  }
}

function runsAt({ every, runs, from = 0 }: Shaking, timeMs: number): boolean {
  return timeMs >= from && (timeMs - from) % every < runs;
}
