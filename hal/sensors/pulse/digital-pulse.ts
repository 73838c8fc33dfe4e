import { SensorError } from "../errors.js";
import type { SensorClock } from "../sensor-clock.js";
import type { ClosableIO, SensorIOOptions } from "../sensor-io.js";

/** Longest time, in milliseconds, that the firmware keeps its loop from running a callback. */
const LONGEST_BLOCK = 50;

/**
 * Pulses a second that a digital input counts without loss: two blocks of the loop and a quarter of one apart.
 *
 * The interrupt is not what limits it: counting one edge is about 60 bytecode steps (measured in XS). But the platform delivers edges through the
 * loop and merges those that come while the loop is busy, so that two pulses must never fall into one block: they must be more than
 * 50 ms apart. To tell pulses that are too close from pulses that were delivered late, another 50 ms are needed.
 */
export const DIGITAL_MAXIMUM_RATE = 8;

export interface DigitalPulseOptions {
  /** ECMA-419 Digital and its options: `{ io, pin, mode, edge }` with one edge, rising or falling */
  digital: SensorIOOptions<ClosableIO>;
  clock: SensorClock;
  onError?: (error?: unknown) => void;
}

/**
 * An IO class that counts pulses at a plain digital input, for boards or pins without a pulse counter.
 * Up to {@link DIGITAL_MAXIMUM_RATE} pulses a second are counted exactly. From 20 a second on pulses are lost.
 */
export class DigitalPulse {
  #input: ClosableIO | undefined;
  #count = 0;
  #overruns = 0;

  /** @throws SensorError `options`; what the Digital throws */
  constructor(options: DigitalPulseOptions) {
    const { digital, clock, onError } = options;
    if (typeof digital?.io !== "function" || typeof clock?.ticks !== "function")
      throw new SensorError("options", "DigitalPulse: needs digital.io and clock");
    const { io: Digital, ...rest } = digital;
    let last = -Infinity;
    this.#input = new Digital({
      ...rest,
      onReadable: () => {
        if (this.#input === undefined) return;
        const now = clock.ticks();
        if (now - last <= LONGEST_BLOCK) this.#overruns++;
        last = now;
        this.#count++;
      },
      ...(onError ? { onError } : {}),
    } as never);
  }

  /** Pulses since it was opened. */
  read(): number {
    return this.#count;
  }

  /** Pulses so far that came too soon after the one before: others may have been lost. */
  get overruns(): number {
    return this.#overruns;
  }

  close(): void {
    const input = this.#input;
    this.#input = undefined;
    input?.close();
  }
}
