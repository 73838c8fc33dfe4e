import {
  type Connect,
  type DeviceEvent,
  Everfull,
  type EverfullOptions,
  type Identity,
  type SlotOptions,
} from "everfull";
import { NorFlash } from "everfull/simulator";
import type { Faults } from "./faults.js";
import type { Timeline } from "./timeline.js";

const MINUTE = 60_000;
const DAY = 86_400_000;
/** So much a clock of the board is off at the most when it is right, milliseconds. */
export const CLOCK_MS = 2 * MINUTE;

export interface BoardOptions {
  readonly timeline: Timeline;
  readonly faults: Faults;
  /** As it is set up when it starts. */
  readonly identity: () => Identity;
  readonly slots: readonly SlotOptions[];
  readonly connect: Connect;
  /** Told what the device has committed. */
  readonly onEvent: (event: DeviceEvent) => void;
  /** The device has started, or the power has gone. */
  readonly onPower: (isOn: boolean) => void;
  /** The device starts with a clock of the board that is wrong by far. */
  readonly onWrongClock: () => void;
  /** Brings back an older content of the flash after a power cut. For tests of this simulation. */
  readonly isForgetful?: boolean;
}

/** The device: the SDK itself, on flash that outlasts its power. */
export class Board {
  readonly #options: BoardOptions;
  #flash = new NorFlash();
  #older: NorFlash | undefined;
  #device: Everfull | undefined;
  /** Goes up with every start: what earlier ones have scheduled does not run any more. */
  #run = 0;
  /** Flash operations until the power goes; undefined: it stays. */
  #left: number | undefined;
  /** When the power is back. */
  #backAt = 0;
  /** Power cuts so far. */
  cuts = 0;

  constructor(options: BoardOptions) {
    this.#options = options;
    this.#watch();
  }

  /** Undefined: it has no power. */
  get device(): Everfull | undefined {
    return this.#device;
  }

  start(): void {
    if (this.#device) return;
    const { connect, faults, identity, onEvent, onPower, slots, timeline } = this.#options;
    const run = ++this.#run;
    const startedAt = timeline.now;
    const speed = 1 + faults.drift / 1e6;
    this.#flash.powerOn(
      (["settled", "old", "new", "alternating", "random"] as const)[faults.random.int(5)]!,
      run,
    );
    const wallClock = this.#wallClock();
    const options: EverfullOptions = {
      identity: identity(),
      slots,
      broker: { host: "broker.example", port: 1883 },
      flash: this.#flash,
      connect: (given) => {
        if (run !== this.#run || this.#flash.isOff) throw new Error("no power");
        return connect(given);
      },
      ticks: () => Math.floor((timeline.now - startedAt) * speed),
      schedule: (delay, task) =>
        timeline.after(Math.ceil(delay / speed), () => {
          if (run === this.#run) this.does(task);
        }),
      random: () => faults.random.next(),
      ...(wallClock !== undefined && { wallClock: () => wallClock }),
      // A program without power tells nothing, though here it runs on to the end of its task.
      onEvent: (event) => {
        if (!this.#flash.isOff) onEvent(event);
      },
    };
    this.does(() => {
      this.#device = new Everfull(options);
    });
    if (this.#device) onPower(true);
  }

  /** Cuts the power now, or within one of the next operations of the flash. @param backAt UTC milliseconds */
  cut(within: number | undefined, backAt: number): void {
    this.#backAt = backAt;
    if (!this.#device) return;
    if (within === undefined) {
      this.#flash.cutPower();
      this.#off();
    } else this.#left = within;
  }

  /** No power cut is pending any more, and the power is there. */
  calm(): void {
    this.#left = undefined;
    this.start();
  }

  /** Lets the device do something; its power may go meanwhile. */
  does(task: () => void): void {
    if (this.#flash.isOff) return;
    try {
      task();
    } catch (error) {
      if (!this.#flash.isOff) throw error;
    }
    if (this.#flash.isOff) this.#off();
  }

  #off(): void {
    this.#run++;
    this.#left = undefined;
    this.cuts++;
    this.#device = undefined;
    const { isForgetful, onPower, timeline } = this.#options;
    if (isForgetful) {
      const older = this.#older;
      this.#older = undefined;
      if (older) {
        this.#flash = older;
        this.#watch();
      }
    }
    onPower(false);
    timeline.at(Math.max(this.#backAt, timeline.now + 1000), () => this.start());
  }

  #watch(): void {
    const { faults, isForgetful } = this.#options;
    let operations = 0;
    this.#flash.onOperation = (operation) => {
      if (isForgetful && ++operations % 150 === 0) this.#older = this.#flash.clone();
      if (this.#left === undefined || --this.#left > 0) return;
      const length = operation.kind === "write" ? operation.bytes.length : this.#flash.status().blockLength;
      const done = faults.random.int(length + 1);
      this.#flash.interrupt(operation, {
        done,
        reach: faults.random.int(length - done + 1),
        share: faults.random.int(257),
        seed: faults.random.int(2 ** 31),
        unstable: faults.random.next() < 0.3,
        backwards: faults.random.next() < 0.2,
        bytewise: faults.random.next() < 0.2,
        programmed: faults.random.next() < 0.2,
      });
      this.#flash.cutPower();
    };
  }

  /** What the board's clock shows at the start; undefined: there is none, or it is not set. */
  #wallClock(): number | undefined {
    const { faults, timeline } = this.#options;
    if (faults.happens(faults.rates.wrongClock, timeline.now)) {
      this.#options.onWrongClock();
      return timeline.now + faults.between(-400, 400) * DAY;
    }
    if (faults.random.next() < 0.5) return undefined;
    return timeline.now + faults.between(-CLOCK_MS, CLOCK_MS);
  }
}
