/**
 * The ESP32's counter as Moddable's PulseCount sets it up. Channel A counts edges of `signal` down when they rise and up when they fall, channel B those of
 * `control` up and down; each the other way round while the other line is low. The hardware starts at 0 again when it reaches the end of
 * 16 bits; a reading adds it to a number of 32 bits.
 */
export class QuadratureHardware {
  /** A fresh class that keeps its instances in `opened`. */
  static fresh(): { IO: typeof QuadratureHardware; opened: QuadratureHardware[] } {
    const opened: QuadratureHardware[] = [];
    class IO extends QuadratureHardware {
      constructor(options: { signal: number; control?: number }) {
        super(options);
        opened.push(this);
      }
    }
    return { IO, opened };
  }

  readonly options: { signal: number; control?: number };
  base = 0;
  closed = 0;
  #hardware = 0;
  #signal = 0;
  #control = 0;

  constructor(options: { signal: number; control?: number }) {
    this.options = options;
  }

  set signal(level: 0 | 1) {
    if (level === this.#signal) return;
    this.#signal = level;
    this.#move((level === 1 ? -1 : 1) * (this.#control === 1 ? 1 : -1));
  }

  set control(level: 0 | 1) {
    if (level === this.#control) return;
    this.#control = level;
    this.#move((level === 1 ? 1 : -1) * (this.#signal === 1 ? 1 : -1));
  }

  /** Two lines a quarter of a pulse apart; `first` is the line that leads. */
  pulses(count: number, first: "signal" | "control" = "signal"): void {
    const second = first === "signal" ? "control" : "signal";
    for (let i = 0; i < count; i++) {
      this[first] = 1;
      this[second] = 1;
      this[first] = 0;
      this[second] = 0;
    }
  }

  read(): number {
    this.base = (this.base + this.#hardware) | 0;
    this.#hardware = 0;
    return this.base;
  }

  /** As after a reset of the chip. */
  restart(): void {
    this.base = this.#hardware = 0;
  }

  close(): void {
    this.closed++;
  }

  #move(by: number): void {
    this.#hardware += by;
    if (this.#hardware >= 32767 || this.#hardware <= -32768) this.#hardware = 0;
  }
}
