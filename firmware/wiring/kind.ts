import type { Board } from "../../hal/boards/board.js";
import type { LeakFinding, MeterCondition, StuckFinding } from "../../hal/index.js";
import type { DeviceEvent, Everfull, ImageOutcome } from "../../sdk/index.js";

/** What a field of a description accepts. */
export interface Rule {
  /** For people: "a whole number from 0 to 99". */
  readonly accepted: string;
  readonly isOptional?: true;
  accepts(value: unknown): boolean;
}

export type Rules = Readonly<Record<string, Rule>>;

/** A description in the configuration: which kind it is, and what that kind wants to know. */
export interface Described {
  readonly kind: string;
}

/** What all kinds work with. */
export interface Device {
  readonly board: Board;
  readonly everfull: Everfull;
  /**
   * The slot's sensor was exchanged or calibrated anew, which a product may know: the books go on from what it shows next. For a load cell or a level whose
   * description has other numbers than at the last start, it is done without.
   * @throws {EverfullError} `argument`: there is no such slot
   */
  rebase(slot: string): void;
  /** The product dispenses from the slot: a use will have to show, or the sensor is found `blind`. @throws {EverfullError} `argument` */
  expectUse(slot: string): void;
}

/** What is found of a slot's use, its sensor or its container; `hal/meters/README.md` says what each means and when it is. */
export interface Finding {
  readonly slot: string;
  readonly what: LeakFinding | StuckFinding | MeterCondition;
  /** What was found is over. `exchanged` and `restarted` only happen. */
  readonly isOver: boolean;
}

/** A slot, as one of its kinds has it. Steps are the slot's. */
export interface Part<Wiring extends Described = Described> {
  /** The slot's id. */
  readonly slot: string;
  readonly capacity: number;
  readonly wiring: Wiring;
  /** Steps in the slot by the books. Only when the journal is open. */
  readonly remaining: number;
  /**
   * A whole number that is there again after a restart; 0 at first. What is set goes into the journal with the next `use` or `refill` of the slot as one,
   * at the latest when the day closes: set it before. From -2^33 up to below 2^33 for a sensor, from 0 to 65535 for an identity.
   */
  kept: number;
  /** Steps were used, 0 or more. */
  use(steps: number): void;
  /** Steps were put in, 0 or more; without a number, those of one ordered refill. */
  refill(steps?: number): void;
  /** What is found now, if anything; the product is told when it changes. @param about what is looked at: there is one finding of each at a time */
  find(about: "use" | "sensor" | "sample", what: Finding["what"] | undefined): void;
  /** Set by kinds that care: what `rebase` and `expectUse` of the device call. */
  onRebase?: () => void;
  onExpectUse?: () => void;
}

/** One way to see what happens in a slot. A product links the modules of the kinds that it has, and no others. */
export interface Kind<Wiring extends Described = Described> {
  /** Its name in the configuration. */
  readonly kind: Wiring["kind"];
  /** Where it stands in a slot's configuration. */
  readonly place: "sensor" | "identity";
  /** Its samples show a refill: a slot of such a sensor has no identity. */
  readonly seesRefills?: true;
  /** Fields of its description but `kind`. */
  readonly rules: Rules;
  /** What no single field shows: the field that is wrong with the others, and what it accepts. */
  conflict?(wiring: Wiring): readonly [field: string, accepted: string] | undefined;
  /**
   * Opens what is needed for all slots of this kind and goes on by itself. @returns what closes it
   *
   * @throws what the board or a sensor refuses
   */
  wire(device: Device, parts: readonly Part<Wiring>[]): () => void;
}

/** Updates over the air. `everfull/firmware/image-update` makes one; a product without it takes no images. */
export interface ProductUpdate {
  /**
   * Goes on with what an earlier run has begun. It is called before anything else that could fail, and does not throw: a device that cannot be updated
   * meters all the same.
   *
   * @param close closes everything, before the device starts anew
   */
  open(board: Board, close: () => void): OpenUpdate;
}

export interface OpenUpdate {
  /** Takes the description of an image. */
  offer(description: Uint8Array): ImageOutcome;
  /** A day was closed, and the next has not been reported yet. It may start the device anew. */
  endDay(everfull: Everfull): void;
  close(): void;
}

/** What makes a product of the firmware: the default export of its module `product/index`. */
export interface Product {
  readonly kinds: readonly Kind[];
  /** Of the product's firmware, for the health record: three whole numbers up to 65535; 0, 0, 0 where it is left out. */
  readonly version?: readonly [major: number, minor: number, patch: number];
  readonly update?: ProductUpdate;
  /** Told what has happened, after it was committed. */
  onEvent?(event: DeviceEvent, device: Device): void;
  /** Told what is found of a slot, once, and when it is over. It is in the log already, and so is what is thrown here. */
  onFinding?(finding: Finding, device: Device): void;
}

/** Wires slots one by one. @returns what closes all of them */
export function each<Wiring extends Described>(
  parts: readonly Part<Wiring>[],
  wire: (part: Part<Wiring>) => readonly (() => void)[],
): () => void {
  const closers = parts.flatMap(wire);
  return () => {
    for (const close of closers) close();
  };
}

export function whole(least: number, most: number): Rule {
  return {
    accepted: `a whole number from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

export function number(least: number, most: number): Rule {
  return {
    accepted: `a number from ${least} to ${most}`,
    accepts: (value) => typeof value === "number" && value >= least && value <= most,
  };
}

export function optional(rule: Rule): Rule {
  return { accepted: rule.accepted, isOptional: true, accepts: rule.accepts };
}

export const POSITIVE: Rule = Object.freeze({
  accepted: "a positive number",
  accepts: (value: unknown) => typeof value === "number" && value > 0 && value < Infinity,
});

export const PIN: Rule = Object.freeze(whole(0, 255));

/** Milliseconds between two samples, up to a day. */
export const INTERVAL: Rule = Object.freeze(whole(10, 86_400_000));
