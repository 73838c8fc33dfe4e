import type { Burst, MassMeter, MeterCondition, SamplingPlan } from "../../../hal/index.js";
import { LoadCellModel } from "../../../hal/simulator/models/load-cell-model.js";
import { Random } from "../../../hal/simulator/models/random.js";
import type { VibrationModel } from "../../../hal/simulator/models/vibration-model.js";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** kg */
export const GRAM = 0.001;
/** Of an HX711 at 10 samples a second, ms. */
export const CONVERSION = 100;

/** What people do with a container on a load cell. Masses in kg. */
export interface Home {
  seed: string;
  /** doses of each day, between 7 and 23 o'clock */
  doses: readonly number[];
  dose: number;
  /** at the start, default 0.9 */
  content?: number;
  /** what is put in within half a day when there is less than 0.25, or from and to how much; 0 for never, default 0.7 */
  refill?: number | readonly [least: number, most: number];
  /** the container is lifted for so long to be refilled, ms, default 0 */
  lifted?: number;
  /** what is gone in an hour without anybody's doing, from the day on */
  leak?: { from: number; perHour: number };
  shaking?: VibrationModel;
}

/** How it is sampled. */
export interface Sampling {
  meter: MassMeter;
  massPerStep: number;
  /** ms between samples, or when the next one is due */
  interval: number | SamplingPlan;
  /** a sample is a burst of readings, not one */
  burst?: Burst;
  onSample?: (
    sample: { value: number; faults?: object | undefined },
    reading: { consumed: number; refilled: number; condition?: MeterCondition },
    time: number,
  ) => void;
}

export interface Outcome {
  /** truth, kg */
  used: number;
  leaked: number;
  filled: number;
  refills: number;
  /** by the meter, kg */
  consumed: number;
  refilled: number;
  refillsSeen: number;
  samples: number;
  readings: number;
  /** samples that were no better than a guess, by their own word */
  unsteady: number;
  /** ms for which a sample kept the board awake */
  awake: number;
}

const TARE = 0.3;
/** A zero is expected to move by so much in so many ms. */
const DRIFT_INTERVAL = 15 * MINUTE;

/** Lives in a home, and meters it. */
export function live(home: Home, sampling: Sampling): Outcome {
  const { seed, dose, refill = 0.7, lifted = 0, leak, shaking } = home;
  const [least, most] = typeof refill === "number" ? [refill, refill] : refill;
  const { meter, massPerStep, interval, burst, onSample } = sampling;
  const random = new Random(`home ${seed}`);
  const scale = 1e-6;
  const zero = 84_000;
  const cell = new LoadCellModel({
    seed,
    zero,
    scale,
    noise: GRAM,
    driftPerDay: 1.5 * GRAM,
    temperatureSwing: 2 * GRAM,
  });
  const doses = home.doses
    .flatMap((count, day) => Array.from({ length: count }, () => (day + (7 + 16 * random.next()) / 24) * DAY))
    .sort((a, b) => a - b);
  const end = home.doses.length * DAY;
  const out: Outcome = {
    used: 0,
    leaked: 0,
    filled: 0,
    refills: 0,
    consumed: 0,
    refilled: 0,
    refillsSeen: 0,
    samples: 0,
    readings: 0,
    unsteady: 0,
    awake: 0,
  };
  let content = home.content ?? 0.9;
  let refillAt = Infinity;
  let back = -1;
  let lived = 0;
  let next = 0;
  const liveUntil = (time: number) => {
    if (leak) {
      const hours = Math.max(0, time - Math.max(lived, leak.from)) / HOUR;
      const lost = Math.min(content, hours * leak.perHour);
      content -= lost;
      out.leaked += lost;
    }
    lived = time;
    while (true) {
      const at = Math.min(doses[next] ?? Infinity, refillAt);
      if (at > time) return;
      if (at === refillAt) {
        const put = least + (most - least) * random.next();
        content += put;
        out.filled += put;
        out.refills++;
        refillAt = Infinity;
        back = at + lifted;
        continue;
      }
      next++;
      if (at < back) continue;
      const taken = Math.min(content, dose * (1 + 0.05 * random.normal()));
      content -= taken;
      out.used += taken;
      // None on the last day, so that every refill can be confirmed.
      if (most > 0 && content < 0.25 && refillAt === Infinity && at < end - DAY)
        refillAt = at + (DAY / 2) * random.next();
    }
  };
  const read = (time: number) => {
    liveUntil(time);
    const shown = time < back ? -TARE : content;
    const mass = shown + (shaking?.massAt(time) ?? 0);
    out.readings++;
    return (cell.raw(mass, time) - zero) * scale;
  };
  let time = 0;
  let last = 0;
  let pause = typeof interval === "number" ? interval : interval.slow;
  while (true) {
    time += pause;
    if (time >= end) return out;
    const begin = time;
    let sample: { value: number; faults?: object | undefined };
    if (burst) {
      let result = burst.add(read(time));
      while (!result) {
        time += CONVERSION;
        result = burst.add(read(time));
      }
      sample = result;
      if (result.faults) out.unsteady++;
    } else sample = { value: read(time) };
    out.awake += time - begin + CONVERSION;
    const intervals = (begin - last) / DRIFT_INTERVAL;
    last = begin;
    const reading = meter.update({ mass: sample.value, faults: sample.faults }, intervals);
    out.samples++;
    out.consumed += reading.consumed * massPerStep;
    out.refilled += reading.refilled * massPerStep;
    if (reading.refilled > 0) out.refillsSeen++;
    onSample?.(sample, reading, begin);
    if (typeof interval !== "number") pause = interval.next(meter.pending);
  }
}
