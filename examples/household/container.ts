/** One day as it ended, in steps. */
export interface DayEnd {
  readonly remaining: number;
  readonly onHand: number;
  /** Taken on that day. */
  readonly used: number;
  /** Wanted on that day, and not there. */
  readonly unserved: number;
}

/**
 * What truly is in a slot and on the customer's shelf, in steps, and what the customer does with it. The device sees none of this but through its sensor.
 */
export class Container {
  readonly capacity: number;
  readonly pack: number;
  remaining: number;
  /** Packs on the shelf, in steps. */
  onHand = 0;
  /** Everything ever taken. */
  taken = 0;
  /** Everything ever wanted, served or not. */
  wanted = 0;
  #used = 0;
  #unserved = 0;

  /** @param capacity steps when full, which it is at first @param pack steps of a delivered pack */
  constructor(capacity: number, pack: number) {
    this.capacity = capacity;
    this.pack = pack;
    this.remaining = capacity;
  }

  /** Takes what is wanted, as far as it is there. */
  use(steps: number): number {
    const taken = Math.min(steps, this.remaining);
    this.remaining -= taken;
    this.taken += taken;
    this.wanted += steps;
    this.#used += taken;
    this.#unserved += steps - taken;
    return taken;
  }

  /** A pack is put on the shelf. */
  deliver(): void {
    this.onHand += this.pack;
  }

  /** Whether the customer refills: a pack is on the shelf and fits. */
  get mayRefill(): boolean {
    return this.onHand >= this.pack && this.remaining + this.pack <= this.capacity;
  }

  /** Puts a pack in. */
  refill(): void {
    this.onHand -= this.pack;
    this.remaining += this.pack;
  }

  endDay(): DayEnd {
    const end = {
      remaining: this.remaining,
      onHand: this.onHand,
      used: this.#used,
      unserved: this.#unserved,
    };
    this.#used = 0;
    this.#unserved = 0;
    return end;
  }
}
