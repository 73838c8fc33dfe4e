import type { Everfull } from "../sdk/index.js";
import type { SlotConfig } from "./config.js";
import type { Described, Finding, Kind, Part } from "./wiring/kind.js";

/** The SDK takes so many steps at once. */
const MOST_STEPS = 0xffff;
/** Of the one whole number that the journal keeps for a slot, the sensor has what is below, and the identity what is above. */
const IDENTITY = 2 ** 34;

/** A slot for one of its kinds. */
export class SlotPart implements Part {
  readonly wiring: Described;
  readonly place: Kind["place"];
  readonly #everfull: Everfull;
  readonly #config: SlotConfig;
  readonly #tell: (finding: Finding) => void;
  readonly #found: { [about: string]: Finding["what"] | undefined } = {};
  onRebase?: () => void;
  onExpectUse?: () => void;

  /** @param tell told of what is found, whenever that changes */
  constructor(
    everfull: Everfull,
    config: SlotConfig,
    place: Kind["place"],
    wiring: Described,
    tell: (finding: Finding) => void,
  ) {
    this.#everfull = everfull;
    this.#config = config;
    this.place = place;
    this.#tell = tell;
    this.wiring = wiring;
  }

  get slot(): string {
    return this.#config.id;
  }

  get capacity(): number {
    return this.#config.capacity;
  }

  get remaining(): number {
    return this.#everfull.slot(this.slot).remaining;
  }

  get kept(): number {
    const all = this.#everfull.calibration(this.slot);
    const identity = Math.floor((all + IDENTITY / 2) / IDENTITY);
    return this.place === "identity" ? identity : all - identity * IDENTITY;
  }

  set kept(value: number) {
    const change = value - this.kept;
    if (change === 0) return;
    const all = this.#everfull.calibration(this.slot);
    this.#everfull.calibrate(this.slot, all + change * (this.place === "identity" ? IDENTITY : 1));
  }

  use(steps: number): void {
    for (let left = steps; left > 0; left -= MOST_STEPS)
      this.#everfull.consume(this.slot, Math.min(left, MOST_STEPS));
  }

  refill(steps: number = this.#config.refill): void {
    for (let left = steps; left > 0; left -= MOST_STEPS)
      this.#everfull.refill(this.slot, Math.min(left, MOST_STEPS));
  }

  find(about: "use" | "sensor" | "sample", what: Finding["what"] | undefined): void {
    const last = this.#found[about];
    if (what === last) return;
    // These happen and do not last: the next one is another.
    const lasts = what !== "exchanged" && what !== "restarted";
    this.#found[about] = lasts ? what : undefined;
    const { slot } = this;
    if (last !== undefined) this.#tell({ slot, what: last, isOver: true });
    if (what !== undefined) this.#tell({ slot, what, isOver: false });
  }
}
