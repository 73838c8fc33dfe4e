import { type App, startApp } from "../../firmware/app.js";
import type { DeviceConfig } from "../../firmware/config.js";
import type { Product } from "../../firmware/wiring/kind.js";
import type { Board, OpenIO } from "../../hal/boards/board.js";
import { NorFlash } from "../../hal/simulator/nor-flash.js";
import { ManualClock } from "../sdk/uplink/support.js";

const START = Date.UTC(2026, 5, 1);

/** A configuration of a device with these slots, each a slot's sensor, identity and whatever else it needs. */
export function configOf(slots: readonly object[]): DeviceConfig {
  return {
    serial: "EF-1",
    key: { number: 1, secret: "07".repeat(32) },
    broker: { host: "broker.example", port: 1883 },
    utcOffsetMinutes: 0,
    slots: slots.map((slot, index) => ({
      id: `slot-${index}`,
      unit: "count",
      stepsPerUnit: 1,
      capacity: 1000,
      refill: 1000,
      ratedLife: 30,
      ...slot,
    })) as unknown as DeviceConfig["slots"],
  };
}

/** A board without a network whose pins show what a test says. It is switched off and on with its flash and its time kept. */
export class TestBoard {
  readonly clock = new ManualClock(START);
  readonly nor = new NorFlash();
  readonly log: string[] = [];
  /** What is read at a pin. */
  readonly pins = new Map<number, number>();
  /** Pins that are open. */
  readonly open = new Map<number, (() => void) | undefined>();
  io: Partial<Board["io"]> = {};
  isReadable = true;
  app: App | undefined;
  #isOn = false;

  board(): Board {
    const { nor, clock, pins, open, log } = this;
    const started = clock.now;
    class Pin implements OpenIO {
      readonly #pin: number;
      constructor({ pin, onReadable }: { readonly pin: number; onReadable?(): void }) {
        this.#pin = pin;
        open.set(pin, onReadable && (() => onReadable.call(this)));
      }
      read(): number | undefined {
        return pins.get(this.#pin);
      }
      close(): void {
        open.delete(this.#pin);
      }
    }
    let isPowered = true;
    this.#cut = () => {
      isPowered = false;
    };
    return {
      name: "test",
      flash: {
        status: () => nor.status(),
        read: (length, offset) => {
          if (!this.isReadable) throw new Error("read refused");
          return nor.read(length, offset);
        },
        write: (bytes, offset) => nor.write(bytes, offset),
        eraseBlock: (start, end) => nor.eraseBlock(start, end),
        close: () => {},
      },
      io: { PulseCount: Pin, Bridge: Pin, Button: Pin, ...this.io },
      connect: () => {
        throw new Error("no network");
      },
      ticks: () => clock.now - started,
      schedule: (delay, task) =>
        clock.schedule(delay, () => {
          if (isPowered) task();
        }),
      random: () => 0.5,
      wallClock: () => clock.now,
      log: (text) => log.push(text),
    };
  }

  start(product: Product, config: DeviceConfig): App {
    this.#isOn = true;
    this.app = startApp(this.board(), config, product);
    this.settle();
    return this.app;
  }

  /** The turns of the loop that follow at once. */
  settle(): void {
    this.clock.advance(0);
  }

  /** Power off, without a word: what is in RAM is lost. */
  cut(): void {
    if (this.#isOn) this.#cut();
    this.#isOn = false;
    this.open.clear();
  }

  /** Something new is at a pin. */
  set(pin: number, value: number): void {
    this.pins.set(pin, value);
    this.open.get(pin)?.();
  }

  pass(milliseconds: number): void {
    this.clock.advance(milliseconds);
  }

  #cut = () => {};
}
