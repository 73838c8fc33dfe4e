import type { Connect, FlashPartition, Scheduled } from "../../sdk/index.js";
import type { I2CClass } from "../sensors/i2c/i2c-io.js";
import type { EchoIO, TriggerIO } from "../sensors/pulse/ultrasonic.js";
import type { SensorIOOptions } from "../sensors/sensor-io.js";
import type { SerialIO } from "../sensors/serial/page-counter.js";

/** An open IO of the board: ECMA-419's IO Class Pattern, as far as every IO has it. */
export interface OpenIO {
  read(): number | undefined;
  close(): void;
}

/** Constructor of an IO; `onReadable` is called when there is something new to read. */
export type IOClass = new (options: { readonly pin: number; onReadable?(): void }) => OpenIO;

export type { I2CClass };
export type SerialClass = SensorIOOptions<SerialIO>["io"];
export type PulseWidthClass = SensorIOOptions<EchoIO>["io"];
export type OutputClass = SensorIOOptions<TriggerIO>["io"];

/**
 * What a board gives to the firmware. A new board is a folder beside this file with one module that makes one of these.
 */
export interface Board {
  readonly name: string;
  /** The partition that is the journal's alone. */
  readonly flash: FlashPartition;
  readonly io: {
    /** Counts the pulses at a pin. */
    readonly PulseCount: IOClass;
    /**
     * Signed counts of the bridge amplifier at a pin. `read` is undefined while it has nothing new: one that sleeps
     * between samples is woken by it and asked again about a second later. What it throws is over with the next `read`.
     */
    readonly Bridge: IOClass;
    /** 1 while the button at a pin is pressed. */
    readonly Button: IOClass;
    /*
     * Only of boards that play them: a board of the platform leaves them out, so that an image has only those that its product's sensors need, see
     * `firmware/wiring/`.
     */
    /** A serial line, in buffer format. */
    readonly Serial?: SerialClass;
    readonly I2C?: I2CClass;
    /** Length of pulses at a pin. */
    readonly PulseWidth?: PulseWidthClass;
    /** A digital output. */
    readonly Output?: OutputClass;
  };
  readonly connect: Connect;
  /** Milliseconds since the start; never goes back. */
  ticks(): number;
  /** Runs a task once, after so many milliseconds, never before returning. */
  schedule(delay: number, task: () => void): Scheduled;
  /** 0 up to but not 1. */
  random(): number;
  /** UTC in milliseconds, when the board has a clock that is set. It may be wrong: the gateway overrides it, see `sdk/clock/README.md`. */
  wallClock?(): number | undefined;
  log(text: string): void;
}
