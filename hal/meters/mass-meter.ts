import { checkOption, isPositive, isWhole } from "./errors.js";
import type { MeterReading } from "./meter-reading.js";
import { insert, middle } from "./sorted.js";

export interface MassMeterOptions {
  /** kilograms in one step of the slot */
  massPerStep: number;
  /** standard deviation of one sample, kg */
  noise: number;
  /** steps in the container by the ledger when the meter starts */
  level: number;
  /** smallest rise that is a refill, steps; default 24 times the noise, at least 2 steps; not below 12 times the noise */
  refillThreshold?: number;
  /** samples in the median filter and samples that have to agree before anything is counted, odd, 3 to 99, default 5 */
  window?: number;
  /** mass at which the container is empty, kg: `offset` of the previous run if the product kept it, default 0 */
  offset?: number;
  /**
   * most the zero is expected to move in one interval, kg: between two samples, unless `update` is told otherwise.
   * Default a twentieth of the noise, which suits 15 minutes; for other intervals give it in proportion.
   */
  drift?: number;
  /**
   * most that the zero moves in the life of the scale, kg, default 30 times the noise. What the books are off by beyond that
   * is an error of the books, made up with the uses that follow. An `offset` of more than twice that is an exchanged scale's.
   */
  zeroRange?: number;
  /** smallest loss while the device was off that counts as use, kg; default 6 times the noise, at least one step */
  tolerance?: number;
  /**
   * steps that the container holds; default any number. A tenth and the refill threshold above is more than it can hold:
   * something on top of it, or at the start, a scale that was exchanged.
   */
  capacity?: number;
}

/** A fall this many times faster than drift was use all along. */
const FASTER = 3;
/** A sample this far from its plateau starts a new one, in standard deviations. */
const AGREEMENT = 5;
/** A plateau this far below the last one is use, in standard deviations: no window of noise reaches it. */
const USE = 6;
/** Default refill threshold in standard deviations: above a daily temperature error that was not followed. */
const REFILL = 24;
/** Default range of the zero in standard deviations. */
const ZERO_RANGE = 30;
/** Share of a use that an error of the books may change it by. */
const MAKE_UP = 0.25;
/** Samples that a plateau needs at least: one alone may be a hand on the container. */
const PLATEAU = 2;
/** No container holds more; beyond 2^53 whole steps would no longer be exact. */
const MOST_STEPS = 2 ** 32;
/** Times the capacity: what is above is a heap. */
const HEAP = 1.1;
/** Windows to wait for the first one in which all samples agree. */
const PATIENCE = 3;

/**
 * Turns the mass of a container into whole steps used and put in.
 *
 * The samples are cut into plateaus: runs in which each agrees with the median of those before it. A plateau lower
 * than the one before is use, one higher by the refill threshold is a refill, and smaller rises are nothing: they
 * are made up by the next use. What a plateau changed is counted when a whole window has confirmed it, so what goes
 * back before (a hand on the container, a container lifted) is never counted; use shortly before or after a refill
 * is kept apart from it. While nothing happens the books follow the scale, at most by `drift` a sample, which takes
 * up the drift of its zero; but not for ever: a zero stays within a range, so that errors of the books do not add up
 * over the years. Use in sips smaller than the noise looks like drift, but faster: what the books followed
 * by while it lasted is given back when it is counted.
 *
 * A mass below empty by more than the refill threshold is a container that was taken off; such samples are ignored.
 * So are, with a `capacity`, those of more than the container holds.
 */
export class MassMeter {
  #massPerStep: number;
  /** kg */
  #agreement: number;
  /** kg */
  #useThreshold: number;
  /** kg */
  #refillThreshold: number;
  /** kg */
  #tolerance: number;
  /** kg per interval */
  #drift: number;
  /** kg */
  #driftBand: number;
  /** kg */
  #most: number;
  /** kg */
  #zeroRange: number;
  /** where the zero was when the scale was new, kg */
  #zero: number;

  /** last samples, a ring, and the place to sort them */
  #samples: Float64Array;
  #sorted: Float64Array;
  #next = 0;
  /** samples taken into the ring until the meter starts */
  #taken = 0;
  /** newest samples that form the present plateau, at most a window */
  #run = 0;
  #started = false;
  /** the scale was exchanged: the first window says where its zero is */
  #rebasing = false;

  #level: number;
  /** what the books hold beyond whole steps, kg; may be negative */
  #rest = 0;
  /** mass on the scale that the books stand for, kg */
  #booked: number;
  /** seen since, not confirmed yet, in this order, kg: use, then a refill, then use again */
  #before = 0;
  #refill = 0;
  #after = 0;
  /** error of the last sample that was taken for drift, kg */
  #error = 0;
  /** intervals for which that error has been a fall beyond the drift band, and what was taken up meanwhile, kg */
  #falling = 0;
  #absorbed = 0;
  /** the present plateau began with this and its mass is not final yet */
  #refining: "nothing" | "use" | "refill" = "nothing";

  /** @throws MeterError `options` */
  constructor(options: MassMeterOptions) {
    const { massPerStep, noise, level, window = 5, offset = 0 } = options;
    const check = (field: string, value: unknown, accepted: string, accepts: (value: number) => boolean) =>
      checkOption("MassMeter", field, value, accepted, accepts);
    check("massPerStep", massPerStep, "a positive mass in kg", isPositive);
    check("noise", noise, "a positive mass in kg", isPositive);
    check("level", level, "a whole number of steps, 0 or more", isWhole);
    check(
      "window",
      window,
      "an odd number of samples from 3 to 99",
      (value) => Number.isInteger(value) && value % 2 === 1 && value >= 3 && value <= 99,
    );
    check("offset", offset, "a mass in kg", Number.isFinite);
    const lowest = (2 * USE * noise) / massPerStep;
    const refillThreshold = options.refillThreshold ?? Math.max(2, (REFILL * noise) / massPerStep);
    check(
      "refillThreshold",
      refillThreshold,
      `a positive number of steps, at least ${lowest} with this noise`,
      (value) => isPositive(value) && value >= lowest,
    );
    const drift = options.drift ?? noise / 20;
    check(
      "drift",
      drift,
      "a mass in kg per sample, 0 or more",
      (value) => Number.isFinite(value) && value >= 0,
    );
    const tolerance = options.tolerance ?? Math.max(USE * noise, massPerStep);
    check("tolerance", tolerance, "a positive mass in kg", isPositive);
    const zeroRange = options.zeroRange ?? ZERO_RANGE * noise;
    check("zeroRange", zeroRange, "a positive mass in kg", (value) => value > 0);
    const capacity = options.capacity ?? Infinity;
    check(
      "capacity",
      capacity,
      "a positive number of steps, at least level",
      (value) => value > 0 && value >= level,
    );

    this.#massPerStep = massPerStep;
    this.#agreement = AGREEMENT * noise;
    this.#useThreshold = USE * noise;
    this.#refillThreshold = refillThreshold * massPerStep;
    this.#tolerance = tolerance;
    this.#drift = drift;
    this.#driftBand = 1.5 * noise;
    this.#most = (HEAP * capacity + refillThreshold) * massPerStep;
    this.#zeroRange = zeroRange;
    this.#zero = Math.abs(offset) > 2 * zeroRange ? offset : 0;
    this.#level = level;
    this.#booked = offset + level * massPerStep;
    this.#samples = new Float64Array(window);
    this.#sorted = new Float64Array(window);
  }

  /** Steps it believes are in the container: the level at the start less all consumed plus all refilled, exactly. */
  get level(): number {
    return this.#level;
  }

  /** Mass at which the container is empty by the books, kg. Kept by the product, drift survives a restart. */
  get offset(): number {
    return this.#booked - this.#content;
  }

  /** Something is being confirmed, or the meter has not started: the next samples should come soon. */
  get pending(): boolean {
    return !this.#started || this.#run < this.#samples.length || this.#before !== 0 || this.#refill !== 0;
  }

  /**
   * The scale was exchanged or calibrated anew: the next window of samples says where its zero is, and is neither use
   * nor a refill. What was not confirmed yet is lost.
   */
  rebase(): void {
    this.#started = false;
    this.#rebasing = true;
    this.#run = this.#taken = 0;
    this.#before = this.#refill = this.#after = 0;
    this.#error = this.#falling = this.#absorbed = 0;
    this.#refining = "nothing";
  }

  /**
   * Samples with faults or without a plausible mass change nothing. The first reading that is not all zeros may be what
   * happened while the device was off: the difference between the mass and the ledger's level.
   *
   * @param intervals time since the sample before, in those for which `drift` was given
   */
  update(sample: { mass: number; faults?: object | undefined }, intervals = 1): MeterReading {
    const reading: MeterReading = { consumed: 0, refilled: 0 };
    const { mass, faults } = sample;
    // Also false for NaN.
    const plausible = Math.abs(mass) <= MOST_STEPS * this.#massPerStep;
    if (faults !== undefined || !plausible) return reading;
    if (!this.#rebasing) {
      if (mass < this.offset - this.#refillThreshold) reading.condition = "away";
      else if (this.#started && mass > this.offset + this.#most) reading.condition = "overfull";
      if (reading.condition) return reading;
    }
    if (!(intervals >= 0 && intervals < Infinity)) intervals = 1;
    this.#take(mass);
    if (this.#started) {
      if (this.#run >= PLATEAU) this.#follow(this.#median());
      else this.#refining = "nothing";
      this.#confirm(reading, intervals);
    } else if (this.#run === this.#samples.length || this.#taken >= PATIENCE * this.#samples.length) {
      this.#reconcile(reading);
    }
    return reading;
  }

  get #content(): number {
    return this.#level * this.#massPerStep + this.#rest;
  }

  #take(mass: number): void {
    const window = this.#samples.length;
    const agrees = this.#run > 0 && Math.abs(mass - this.#median()) <= this.#agreement;
    this.#samples[this.#next] = mass;
    this.#next = (this.#next + 1) % window;
    this.#run = agrees ? Math.min(this.#run + 1, window) : 1;
    if (!this.#started) this.#taken++;
  }

  /** Median of the present plateau. */
  #median(): number {
    const window = this.#samples.length;
    const sorted = this.#sorted;
    const run = this.#run;
    for (let i = 0; i < run; i++) {
      insert(sorted, i, this.#samples[(this.#next - 1 - i + window) % window]!);
    }
    return middle(sorted, run);
  }

  #lowest(): number {
    let lowest = this.#samples[0]!;
    for (let i = 1; i < this.#samples.length; i++) if (this.#samples[i]! < lowest) lowest = this.#samples[i]!;
    return lowest;
  }

  #highest(): number {
    let highest = this.#samples[0]!;
    for (let i = 1; i < this.#samples.length; i++)
      if (this.#samples[i]! > highest) highest = this.#samples[i]!;
    return highest;
  }

  #reconcile(reading: MeterReading): void {
    this.#started = true;
    this.#run = this.#samples.length;
    const mass = this.#median();
    const difference = mass - this.#booked;
    this.#booked = mass;
    if (this.#rebasing || this.#content + difference > this.#most) {
      this.#rebasing = false;
      this.#zero = this.offset;
      reading.condition = "exchanged";
    } else if (difference <= -this.#tolerance) this.#bookUse(-difference, reading);
    else if (difference >= this.#refillThreshold) this.#bookRefill(difference, reading);
  }

  /** Compares the present plateau with what is booked and pending. */
  #follow(mass: number): void {
    const full = this.#run === this.#samples.length;
    const change = mass - (this.#booked - this.#before + this.#refill - this.#after);
    if (this.#refining !== "nothing") {
      if (this.#refining === "refill") this.#refill += change;
      else this.#fall(-change);
      if (full) this.#refining = "nothing";
    } else if (change <= -this.#useThreshold) {
      this.#giveBack(full ? change : this.#error);
      this.#fall(-change);
      if (!full) this.#refining = "use";
    } else if (change >= this.#refillThreshold) {
      const fallen = this.#booked - mass;
      if (this.#refill === 0 && this.#before > 0 && fallen > -this.#refillThreshold) {
        // Back to where it was before, more or less: the fall was no use, or not all of it.
        this.#before = fallen >= this.#useThreshold ? fallen : 0;
      } else {
        this.#refill += change;
        if (!full) this.#refining = "refill";
      }
    }
    if (this.#refill !== 0 && mass < this.#refillFloor) {
      this.#refill = 0;
      this.#after = 0;
      this.#refining = "nothing";
    }
    // Less than the threshold is left over from use that was counted in part, and stays.
    if (
      this.#refill === 0 &&
      this.#before >= this.#useThreshold &&
      mass > this.#booked - this.#useThreshold / 2
    ) {
      this.#before = 0;
      this.#refining = "nothing";
    }
  }

  #fall(mass: number): void {
    if (this.#refill === 0) this.#before += mass;
    else this.#after += mass;
  }

  /** A pending refill is over when the mass falls below this; it is confirmed when a whole window stayed above. */
  get #refillFloor(): number {
    return this.#booked - this.#before + this.#refillThreshold - this.#useThreshold;
  }

  #confirm(reading: MeterReading, intervals: number): void {
    const full = this.#run === this.#samples.length;
    if (this.#refill !== 0) {
      if (this.#lowest() < this.#refillFloor) return;
      const used = this.#madeUp(this.#before);
      const put = this.#refill;
      this.#booked += put - this.#before;
      this.#before = this.#after;
      this.#refill = 0;
      this.#after = 0;
      if (this.#refining === "refill") this.#refining = "nothing";
      this.#bookUse(used, reading);
      this.#bookRefill(put, reading);
    } else if (this.#before !== 0) {
      // In a busy hour no window is quiet: then what all its samples agree on is counted.
      const agreed = this.#booked - this.#highest();
      if (!full && agreed < this.#useThreshold) return;
      const fallen = full ? this.#before : Math.min(agreed, this.#before);
      const used = this.#madeUp(fallen);
      this.#booked -= fallen;
      this.#before = full ? 0 : this.#before - fallen;
      this.#bookUse(used, reading);
    } else if (full) {
      this.#absorb(this.#median() - this.#booked, intervals);
    }
  }

  /** Moves the books' place on the scale, not the books. */
  #absorb(error: number, intervals: number): void {
    const distance = Math.abs(error);
    const step = Math.min(this.#drift * intervals * Math.min(1, distance / this.#driftBand), distance);
    this.#booked += error < 0 ? -step : step;
    this.#error = error;
    if (error < -this.#driftBand) {
      this.#falling += intervals;
      this.#absorbed += step;
    } else {
      this.#falling = 0;
      this.#absorbed = 0;
    }
  }

  /** Makes use of what was taken for drift, if the fall was too fast to be drift. */
  #giveBack(error: number): void {
    if (-error >= FASTER * this.#drift * this.#falling && this.#refill === 0) {
      this.#booked += this.#absorbed;
      this.#before += this.#absorbed;
    }
    this.#falling = 0;
    this.#absorbed = 0;
  }

  /** Use, less what the books are too low by, or more. */
  #madeUp(fallen: number): number {
    const off = this.offset - this.#zero;
    const error = Math.min(Math.abs(off) - this.#zeroRange, MAKE_UP * fallen);
    if (!(error > 0)) return fallen;
    return off > 0 ? fallen - error : fallen + error;
  }

  #bookUse(mass: number, reading: MeterReading): void {
    this.#rest -= mass;
    const steps = Math.min(Math.floor(0.5 - this.#rest / this.#massPerStep), this.#level);
    if (steps > 0) {
      this.#level -= steps;
      this.#rest += steps * this.#massPerStep;
      reading.consumed += steps;
    }
    // Empty is empty: what the scale shows below it is an error of its zero.
    if (this.#level === 0 && this.#rest < 0) this.#rest = 0;
  }

  #bookRefill(mass: number, reading: MeterReading): void {
    this.#rest += mass;
    const steps = Math.floor(this.#rest / this.#massPerStep + 0.5);
    if (steps <= 0) return;
    this.#level += steps;
    this.#rest -= steps * this.#massPerStep;
    reading.refilled += steps;
  }
}
