import type { Connect, FlashPartition, RegistrationOptions, Scheduled } from "../../sdk/index.js";
import type { CreateDigest, FetchImage, UpdatePort } from "../../sdk/update/ports.js";
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
 * Why the board started:
 * - `power-on`; `brown-out`: the supply fell too low, which is a power cut like any other
 * - `watchdog`: the loop, or what runs under it, did not come round in time; `panic`: the platform gave up
 * - `software`: asked to, by the firmware, an update, or the engine after an error that nobody caught
 * - `external`: a reset pin or a debugger; `other`: what this board cannot tell
 */
export type ResetReason = "power-on" | "brown-out" | "watchdog" | "panic" | "software" | "external" | "other";

/**
 * What people may see at the device, from the most urgent:
 * - `trouble`: something has to be looked at, such as a journal that refuses
 * - `setup`: it waits for somebody to set it up
 * - `offline`: it works, and has no network; boards that know show this by themselves
 * - `ready`: nothing has to be done
 */
export type BoardStatus = "trouble" | "setup" | "offline" | "ready";

/** What a board has for updates over the air, see `sdk/update`. */
export interface UpdateBoard {
  /** The partition that is the update's own ledger. */
  readonly flash: FlashPartition;
  readonly port: UpdatePort;
  readonly fetch: FetchImage;
  readonly digest: CreateDigest;
  /** Starts the device anew: it does not return. */
  restart(): never;
}

/**
 * What a board gives to the firmware. A new board is a folder beside this file with one module that makes one of these, see `README.md`.
 */
export interface Board {
  readonly name: string;
  /** The partition that is the journal's alone. */
  readonly flash: FlashPartition;
  readonly io: {
    /** Counts the pulses at a pin: each once, in whole numbers that only go up, from any start. */
    readonly PulseCount: IOClass;
    /**
     * Signed counts of the bridge amplifier at a pin. `read` is undefined while it has nothing new: one that sleeps
     * between samples is woken by it and asked again about a second later; such a one may have `stayAwake`, see `BridgeIO` of the load cell. What it
     * throws is over with the next `read`.
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
  /** For what the platform connects by itself: addresses of DNS servers, and whether there is a network now. */
  readonly network?: { readonly servers: readonly string[]; isConnected(): boolean };
  /** Only of boards that play it: a board of the platform leaves it out, so that only images of products with updates link it, see `firmware/update`. */
  readonly update?: UpdateBoard;
  /** What a device needs to offer its registration; absent: it cannot. */
  readonly registration?: RegistrationOptions;
  /** Milliseconds since the start; never goes back. */
  ticks(): number;
  /** Runs a task once, after so many milliseconds, never before returning. */
  schedule(delay: number, task: () => void): Scheduled;
  /** 0 up to but not 1. */
  random(): number;
  /** UTC in milliseconds, when the board has a clock that is set. It may be wrong: the gateway overrides it, see `sdk/clock/README.md`. */
  wallClock?(): number | undefined;
  /** Asks the network for the time from now on, as long as the board runs; `onTime` gets each answer, UTC in milliseconds. Called once. */
  startTime?(onTime: (utc: number) => void): void;
  /** Why the board runs: the same at every call. */
  resetReason?(): ResetReason;
  /** Bytes that are free beside the engine's own heap, now; undefined where this build does not measure it. */
  freeMemory?(): number | undefined;
  /** Shows this, on whatever the board has to show it with. */
  setStatus?(status: BoardStatus): void;
  log(text: string): void;
}
