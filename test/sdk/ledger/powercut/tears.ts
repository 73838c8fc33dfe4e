import type { FlashOperation, Readings, Tear } from "../../../../hal/simulator/nor-flash.js";
import type { Geometry } from "./geometry.js";

/*
 * One operation can be torn in more ways than can be tried. Tried are: not begun; done, but power went off before it returned; after every
 * byte, the byte or the write unit at the tear in several bit patterns; any bits of the whole write, because chips do not program in order;
 * erases by bytes from either end, by scattered bytes and bits, and after the chip has programmed all bits; and all of these with bits that read anew each time.
 */

/** A cut: the operation of a run that it hits, how that is torn, and what its unstable bits read as in the starts after it. */
export interface Cut {
  /** Counted from 0 at the start of power. */
  readonly operation: number;
  readonly tear: Tear;
  /** One for each start after the cut, over and over. */
  readonly readings: readonly Readings[];
  /** Of random readings. */
  readonly seed: number;
  /** An operation of the same life that is refused before it, and what of that is in the flash. */
  readonly refusal?: Refusal;
}

export interface Refusal {
  readonly operation: number;
  readonly effect: Tear;
}

/** How many torn variants of an operation are tried: after `every` byte, at the ends of write `units`, or a `few`. */
export type Detail = "every" | "units" | "few";

export type Variant = Omit<Cut, "operation" | "refusal">;

const STABLE: readonly Readings[] = Object.freeze(["settled"]);
/** Readings of a start and of those after it, chosen against a journal that believes what it reads. */
const ADVERSE: readonly (readonly Readings[])[] = Object.freeze([
  ["new", "old", "random"],
  ["old", "new", "random"],
  ["random", "random", "alternating"],
  ["alternating", "settled", "new"],
  ["settled", "new", "old"],
] as Readings[][]);

/** The torn variants of one operation. */
export function variantsOf(operation: FlashOperation, shape: Geometry, detail: Detail): Variant[] {
  const variants = new Variants();
  if (operation.kind === "write") writeVariants(variants, operation.bytes.length, shape.writeAlign, detail);
  else eraseVariants(variants, shape.blockLength, detail);
  return variants.list;
}

class Variants {
  readonly list: Variant[] = [];

  stable(tear: Partial<Tear>): void {
    this.list.push({ tear: filled(tear, this.list.length), readings: STABLE, seed: 0 });
  }

  /** With `readings` sets of readings, others from one call to the next. */
  unstable(tear: Partial<Tear>, readings: number): void {
    for (let i = 0; i < readings; i++) {
      const seed = this.list.length;
      const adverse = ADVERSE[(readings === ADVERSE.length ? i : seed) % ADVERSE.length]!;
      this.list.push({ tear: filled({ ...tear, unstable: true }, seed), readings: adverse, seed });
    }
  }
}

function filled(tear: Partial<Tear>, seed: number): Tear {
  return { done: 0, reach: 0, share: 128, seed, ...tear };
}

function writeVariants(variants: Variants, length: number, unit: number, detail: Detail): void {
  variants.stable({ share: 0 });
  variants.stable({ done: length });
  const all = detail === "every";
  const step = all ? 1 : detail === "units" ? unit : Math.max(unit, Math.ceil(length / 4 / unit) * unit);
  for (let done = 0; done < length; done += step) {
    if (done > 0) variants.stable({ done });
    const rest = Math.min(unit - (done % unit), length - done);
    if (all) {
      // The byte at the tear: part of its bits, two patterns.
      variants.stable({ done, reach: 1, share: 96 });
      variants.stable({ done, reach: 1, share: 176 });
    }
    if (!all || unit > 1) variants.stable({ done, reach: rest });
    if (done % unit === 0) variants.unstable({ done, reach: rest }, all ? 2 : 1);
  }
  const whole = { reach: length };
  for (const share of all ? [32, 96, 160, 224, 250] : [128]) variants.stable({ ...whole, share });
  variants.stable({ ...whole, share: 128, bytewise: true });
  if (all) variants.stable({ done: length >> 1, backwards: true });
  variants.unstable({ ...whole, share: 128 }, detail === "few" ? 2 : ADVERSE.length);
  if (all) variants.unstable({ ...whole, share: 250 }, ADVERSE.length);
}

function eraseVariants(variants: Variants, length: number, detail: Detail): void {
  const half = length >> 1;
  variants.stable({ share: 0 });
  variants.stable({ done: length });
  const ends = {
    every: [1, 4, 16, 20, 32, 64, half, length - 16, length - 1],
    units: [20, half],
    few: [half],
  };
  for (const done of ends[detail]) {
    variants.stable({ done });
    variants.stable({ done, backwards: true });
  }
  const whole = { reach: length };
  const shares = { every: [2, 16, 64, 128, 192, 240, 254], units: [16, 128, 254], few: [128] };
  for (const share of shares[detail]) {
    variants.stable({ ...whole, share });
    if (detail !== "few") variants.stable({ ...whole, share, programmed: true });
  }
  variants.stable({ ...whole, bytewise: true });
  variants.stable({ share: 0, programmed: true });
  variants.unstable(whole, detail === "few" ? 2 : ADVERSE.length);
  if (detail === "few") return;
  variants.unstable({ ...whole, share: 250 }, 2);
  variants.unstable({ done: half, reach: half }, 2);
  variants.unstable({ ...whole, programmed: true }, 2);
}

const READING_LETTERS = "sonar";
const READINGS: readonly Readings[] = Object.freeze(["settled", "old", "new", "alternating", "random"]);

/** A tear as text: `d12r4s128x7u`. */
export function tearId(tear: Tear): string {
  const flags = [
    tear.unstable && "u",
    tear.backwards && "b",
    tear.bytewise && "y",
    tear.programmed && "p",
  ].filter(Boolean);
  return `d${tear.done}r${tear.reach}s${tear.share}x${tear.seed}${flags.join("")}`;
}

/** @throws {RangeError} */
export function tearOf(id: string): Tear {
  const [, done, reach, share, seed, flags] = /^d(\d+)r(\d+)s(\d+)x(\d+)([ubyp]*)$/.exec(id) ?? [];
  if (flags === undefined) throw new RangeError(`tear: one such as d12r4s128x7u is accepted (got "${id}")`);
  return {
    done: Number(done),
    reach: Number(reach),
    share: Number(share),
    seed: Number(seed),
    ...(flags.includes("u") && { unstable: true }),
    ...(flags.includes("b") && { backwards: true }),
    ...(flags.includes("y") && { bytewise: true }),
    ...(flags.includes("p") && { programmed: true }),
  };
}

/** A cut as text: operation, tear, readings and their seed: `12.d5r4s128x7u.no7`; after it what was refused before: `.r3.d0r0s0x0`. */
export function cutId({ operation, tear, readings, seed, refusal }: Cut): string {
  const letters = readings.map((each) => READING_LETTERS[READINGS.indexOf(each)]).join("");
  const refused = refusal ? `.r${refusal.operation}.${tearId(refusal.effect)}` : "";
  return `${operation}.${tearId(tear)}.${letters}${seed}${refused}`;
}

/** @throws {RangeError} */
export function cutOf(id: string): Cut {
  const [, operation, tear, letters, seed, refused, effect] =
    /^(\d+)\.(\w+)\.([sonar]+)(\d+)(?:\.r(\d+)\.(\w+))?$/.exec(id) ?? [];
  if (!tear) throw new RangeError(`cut: one such as 12.d5r4s128x7u.no7 is accepted (got "${id}")`);
  return {
    operation: Number(operation),
    tear: tearOf(tear),
    readings: [...letters!].map((letter) => READINGS[READING_LETTERS.indexOf(letter)]!),
    seed: Number(seed),
    ...(effect && { refusal: { operation: Number(refused), effect: tearOf(effect) } }),
  };
}
