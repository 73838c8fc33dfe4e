/** Refills that are kept apart while the store refuses; further ones are added to the last of their slot. */
const MOST_REFILLS = 32;

/** What was metered in one go: use, then possibly a refill. Whole steps. */
export interface Stretch {
  /** Steps used of each slot. */
  readonly use: readonly number[];
  /** What was put in after that. */
  readonly refill: { readonly slot: number; readonly steps: number } | undefined;
}

/**
 * What was metered and is not committed. In order: use before a refill and use after it are not the same when the slot was nearly empty.
 *
 * For a few minutes at most while the store takes commits; for as long as it takes while it refuses.
 */
export class Metered {
  readonly #slots: number;
  #done: Stretch[] = [];
  #use: number[];

  constructor(slots: number) {
    this.#slots = slots;
    this.#use = new Array(slots).fill(0);
  }

  get isEmpty(): boolean {
    return this.#done.length === 0 && this.#use.every((steps) => steps === 0);
  }

  /** Steps used of a slot since the last refill of any. */
  used(slot: number): number {
    return this.#use[slot]!;
  }

  consume(slot: number, steps: number): void {
    this.#use[slot]! += steps;
  }

  refill(slot: number, steps: number): void {
    const isFull = this.#done.length >= MOST_REFILLS;
    const at = isFull ? this.#done.map(({ refill }) => refill?.slot).lastIndexOf(slot) : -1;
    const before = this.#done[at];
    if (before?.refill) {
      // The use since then stays behind it: what was put in later can only have been there earlier.
      this.#done[at] = { use: before.use, refill: { slot, steps: before.refill.steps + steps } };
      return;
    }
    this.#done.push({ use: this.#use, refill: { slot, steps } });
    this.#use = new Array(this.#slots).fill(0);
  }

  /** The oldest stretch; the last one has no refill. */
  get first(): Stretch {
    return this.#done[0] ?? { use: this.#use, refill: undefined };
  }

  /** The oldest stretch is committed. */
  shift(): void {
    if (!this.#done.shift()) this.#use.fill(0);
  }

  /** What would remain, and what would have been consumed more, were it all committed. */
  applied(slot: number, remaining: number): { readonly remaining: number; readonly consumed: number } {
    let consumed = 0;
    for (const { use, refill } of [...this.#done, { use: this.#use, refill: undefined }]) {
      consumed += use[slot]!;
      remaining = Math.max(0, remaining - use[slot]!) + (refill?.slot === slot ? refill.steps : 0);
    }
    return { remaining, consumed };
  }
}
