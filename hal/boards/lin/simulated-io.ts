import Timer from "timer";
import type { Board, IOClass, OpenIO } from "../board.js";
import { BoardError } from "../errors.js";
import { cartridgeBus, printerLine, type SimulatedCartridges } from "./simulated-buses.js";

/** What people do with the device: one use after the other, at a steady pace. */
export interface SimulatedUse {
  /** Milliseconds between two uses; 0 (default): nobody uses it. */
  readonly interval?: number;
  /** After so many uses somebody refills it and presses the button; 0 (default): never. */
  readonly usesPerRefill?: number;
  /** What a bridge amplifier shows with a full container, in counts; default 1 000 000. */
  readonly full?: number;
  /** What one use takes off that, in counts; default 10 000. */
  readonly countsPerUse?: number;
  /** What is in the cartridges of a printer; default: there are none. */
  readonly cartridges?: SimulatedCartridges;
}

/**
 * Pins of a board that has none, all played by one {@link SimulatedUse}: a pulse counter at any pin counts the uses, a bridge at any pin weighs what they
 * leave, and a button at any pin is pressed at a refill. As on hardware, counting starts at 0 when an IO is opened. At any serial line there is a printer
 * whose every page is a use, and at any I2C bus there are its cartridges: they go on while the device is off.
 */
export function simulatedIO(use: SimulatedUse = {}): Board["io"] {
  const { interval = 0, usesPerRefill = 0, full = 1_000_000, countsPerUse = 10_000 } = use;
  for (const [field, value] of [
    ["interval", interval],
    ["usesPerRefill", usesPerRefill],
  ] as const)
    if (!(Number.isInteger(value) && value >= 0))
      throw new BoardError("options", `use.${field} must be a whole number of 0 or more (got ${value})`);
  for (const [field, value] of [
    ["full", full],
    ["countsPerUse", countsPerUse],
  ] as const)
    if (!Number.isFinite(value))
      throw new BoardError("options", `use.${field} must be a number (got ${value})`);

  /** An IO that shows `value(uses since it was opened, reads before)`, and tells when `changes(uses)`. */
  const playing = (
    value: (uses: number, reads: number) => number,
    changes: (uses: number) => boolean,
  ): IOClass =>
    class implements OpenIO {
      #uses = 0;
      #reads = 0;
      #timer: Timer | undefined;
      #open = true;

      constructor(options: { readonly pin: number; onReadable?(): void }) {
        const { onReadable } = options;
        if (interval === 0) return;
        this.#timer = Timer.repeat(() => {
          this.#uses++;
          if (changes(this.#uses)) onReadable?.call(this);
        }, interval);
      }

      read(): number {
        if (!this.#open) throw new BoardError("closed", "io: it was closed");
        return value(this.#uses, this.#reads++);
      }

      close(): void {
        this.#open = false;
        if (this.#timer !== undefined) Timer.clear(this.#timer);
        this.#timer = undefined;
      }
    };

  const isRefill = (uses: number) => usesPerRefill > 0 && uses > 0 && uses % usesPerRefill === 0;
  const sinceRefill = (uses: number) => (usesPerRefill > 0 ? uses % usesPerRefill : uses);
  return {
    PulseCount: playing(
      (uses) => uses,
      () => true,
    ),
    Bridge: playing(
      // Its last bit never stands still, as a converter's: one that does is dead.
      (uses, reads) => Math.max(0, full - sinceRefill(uses) * countsPerUse) + (reads & 1),
      () => true,
    ),
    Button: playing((uses) => (isRefill(uses) ? 1 : 0), isRefill),
    Serial: printerLine(interval),
    I2C: cartridgeBus(interval, use.cartridges),
  };
}
