import type { SensorClock } from "../../../hal/index.js";

/* What a sensor and its hardware said to each other, written down in Node and played to the same sensor in XS. */

/** The IO classes that the sensors of the bench are given. */
export const IO_NAMES = Object.freeze([
  "counter",
  "digital",
  "spi",
  "hold",
  "i2c",
  "echo",
  "trigger",
  "serial",
] as const);
export type IOName = (typeof IO_NAMES)[number];

/** All methods that an IO of the bench may have; each subject uses those of its own. */
export interface AnyIO {
  read(byteLength?: number): unknown;
  write(value: unknown): void;
  writeRead(bytes: Uint8Array, byteLength: number): ArrayBuffer;
  transfer(buffer: Uint8Array): void;
  close(): void;
}

export type AnyIOClass = new (options: never) => never;

/** What a sensor stands on. */
export interface Rig {
  readonly io: { readonly [name in IOName]: AnyIOClass };
  readonly clock: SensorClock;
}

/** A sensor with its meter: asks for a sample, and is told what came of it, at once, later, or not by this call. */
export type Sampler = (done: (result: object) => void) => void;

/** What the hardware answered: a number, bytes, or that there is nothing. */
export type Answer = number | readonly number[] | null;

/** One turn of the loop: what set it off, and what the hardware answered in it, in order. */
export interface Turn {
  readonly on: "open" | "ask" | "timer" | "readable" | "writable";
  /** Of a timer: which one, counted as they were set. Of bytes: how many. */
  readonly argument: number;
  readonly answers: Answer[];
}

export type SensorCommand =
  /** Does nothing, and forgets what was prepared. */
  | { readonly do: "nothing" }
  | { readonly do: "turn"; readonly subject: string; readonly turn: Turn }
  /** -> the last result as JSON, and answers that nobody asked for; at once. */
  | { readonly do: "result" };
