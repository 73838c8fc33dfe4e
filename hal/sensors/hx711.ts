import { SensorError } from "./errors.js";
import type { BridgeIO } from "./load-cell.js";
import type { ClosableIO } from "./sensor-io.js";

/** An SPI bus with one device: sends the bytes and puts what was received meanwhile in their place. */
export interface SpiIO extends ClosableIO {
  transfer(buffer: Uint8Array): void;
}

/** Channel and gain. A full scale is 20 mV at A128, 40 mV at A64 and 80 mV at B32, with 5 V of excitation. */
export type HX711Input = "A128" | "A64" | "B32";

/** The IO class and, beside it, that class's own options. */
interface Injected<IO extends ClosableIO> {
  readonly io: new (options: never) => IO;
  readonly [option: string]: unknown;
}

export interface HX711Options {
  /** mode 0; the bus's output is wired to PD_SCK, its input to DOUT, its clock to nothing */
  readonly spi: Injected<SpiIO> & {
    /** bits per second, 500 000 to 2 000 000; a clock pulse is one bit high and one bit low; default 1 000 000 */
    readonly hz?: number;
  };
  /** an output that is high once it is open, at the pin of the bus's output: powers the part down between samples */
  readonly hold?: Injected<ClosableIO>;
  /** default A128 */
  readonly input?: HX711Input;
  /** conversions per second, as the RATE pin is wired; default 10 */
  readonly rate?: 10 | 80;
  /** milliseconds that never go back */
  readonly ticks: () => number;
}

/** What is sent after the 24 data bits: 1, 2 or 3 more pulses choose the next input (data sheet, table 3). */
const PULSES: Readonly<Record<string, number>> = Object.freeze({ A128: 0x80, B32: 0xa0, A64: 0xa8 });
/** Four clock pulses. The last bit is low: a bus that pauses between bytes, or rests after them, leaves PD_SCK low. */
const CLOCK = 0xaa;
/** Of those eight bits, the second of each pulse. */
const SECONDS = 0x55;
/** Seconds that PD_SCK is held high to reset the part; it needs more than 60 microseconds. */
const RESET = 100e-6;
/** Conversions to wait for settled data: 4 by the data sheet, 1 for what was under way, 1 for a slow oscillator. */
const SETTLING = 6;
/** Conversions to wait for one that does not come. */
const PATIENCE = 10;
/** Frames in a row that are an error when they cannot be; one may have met the end of the next conversion. */
const WRONG = 3;

const isHz = (hz: unknown) => typeof hz === "number" && hz >= 500_000 && hz <= 2_000_000;

/**
 * HX711, the amplifier and 24-bit converter of a load cell: the IO behind a `LoadCell`.
 *
 * The part is clocked with 25 to 27 pulses, which no bus sends, and goes to sleep when PD_SCK is high for more than 60
 * microseconds, which JavaScript that toggles a pin cannot rule out. So the output of an SPI bus is its clock: bits 1
 * and 0 are one pulse, each as wide as a bit, whatever the processor does. DOUT is sampled in the middle of both: half
 * a bit after the rising edge, when it must be valid (T2, 0.1 us), and just before the next. Both must agree.
 *
 * A frame is 8 bytes: zeros, in which DOUT must be low (T1); six times four pulses, for 24 bits; 1 to 3 pulses, in which
 * DOUT must be high. Whether a conversion is ready is asked by sending zeros: PD_SCK stays low and DOUT is sampled.
 *
 * The part cannot be asked which input is selected nor whether it has lost power. It is reset when it is opened, after
 * every failure and, with `hold`, for every sample; after that it is at A128.
 *
 * Source: data sheet of Avia Semiconductor, "Serial interface" (figure 2, tables 3 and T1 to T4), "Reset and power-down".
 */
export class HX711 implements BridgeIO {
  readonly #options: HX711Options;
  readonly #frame = new Uint8Array(8);
  /** Four bytes and not one: DMA of the ESP32 writes whole words. */
  readonly #probe = new Uint8Array(4);
  readonly #hz: number;
  readonly #pulses: number;
  /** ms */
  readonly #period: number;
  /** Undefined while the part is powered down, or to be reset. */
  #spi: SpiIO | undefined;
  #held: ClosableIO | undefined;
  #isOpen = true;
  #isAwake = false;
  #isSelected = false;
  /** Ticks from which on data are settled. */
  #settled = 0;
  /** Ticks at which the wait for a conversion ends; undefined while there is none. */
  #limit: number | undefined;
  /** Doubtful frames in a row. */
  #doubts = 0;

  /** @throws SensorError `options`; what the IO throws */
  constructor(options: HX711Options) {
    const { spi, hold, input = "A128", rate = 10, ticks } = options;
    const refuse = (field: string, accepted: string) => {
      throw new SensorError("options", `HX711: ${field} must be ${accepted}`);
    };
    if (typeof spi?.io !== "function") refuse("spi.io", "an IO class");
    const hz = spi.hz ?? 1_000_000;
    if (!isHz(hz)) refuse("spi.hz", `500000 to 2000000 (got ${hz})`);
    if (hold !== undefined && typeof hold?.io !== "function") refuse("hold.io", "an IO class");
    const pulses = PULSES[input];
    if (typeof pulses !== "number") refuse("input", `A128, A64 or B32 (got ${input})`);
    if (rate !== 10 && rate !== 80) refuse("rate", `10 or 80 (got ${rate})`);
    if (typeof ticks !== "function") refuse("ticks", "a function");
    this.#options = options;
    this.#hz = hz;
    this.#pulses = pulses!;
    this.#period = 1000 / rate;
    this.#start();
  }

  /**
   * Signed counts of one settled conversion, -2^23 to 2^23 - 1, each conversion once.
   *
   * Undefined while there is none: ask again after a second, and not always after the same time, or a slow oscillator
   * could put the end of a conversion into every frame. With `hold` the first call after a sample wakes the part; an
   * input other than A128 takes one call more. What is doubtful is read again after a reset, and is an error when it is
   * wrong three times.
   *
   * A part that loses power shows it by bits that cannot be, or by data that end in eight ones, which are doubtful. Not
   * noticed are less than eight, up to 127 counts, and power that was lost and came back between two calls: the part is
   * then at A128 and not settled.
   *
   * The part is reset after an error, and the next sample is as good as any.
   * @throws SensorError `bus`: never ready, or DOUT stays low; `protocol`: bits that no HX711 sends; `closed`; what
   *   the IO throws
   */
  read(): number | undefined {
    if (!this.#isOpen) throw new SensorError("closed", "HX711: used after close");
    if (this.#spi === undefined) {
      this.#start();
      return undefined;
    }
    const now = this.#options.ticks();
    if (now < this.#settled) return undefined;
    if (!this.#isReady()) {
      this.#limit ??= now + PATIENCE * this.#period;
      if (now >= this.#limit) this.#fail("bus", "never ready, DOUT stays high");
      return undefined;
    }
    this.#limit = undefined;
    const counts = this.#convey();
    if (counts === undefined) {
      this.#stop();
      return undefined;
    }
    if (!this.#isSelected) {
      this.#isSelected = true;
      this.#settled = now + SETTLING * this.#period;
      return undefined;
    }
    this.#doubts = 0;
    if (this.#options.hold && !this.#isAwake) this.#stop();
    return counts;
  }

  /**
   * With `hold`: true, and the part is not powered down after a sample, so that the next is there after one conversion; false, and it is, at once.
   * @throws SensorError `closed`; what the IO throws
   */
  stayAwake(isAwake: boolean): void {
    if (!this.#isOpen) throw new SensorError("closed", "HX711: used after close");
    const { hold } = this.#options;
    this.#isAwake = isAwake;
    if (!isAwake && hold && this.#spi) this.#stop();
  }

  close(): void {
    this.#isOpen = false;
    this.#drop();
    this.#held?.close();
    this.#held = undefined;
  }

  /** Wakes or resets the part: both leave it at A128, and unsettled. */
  #start(): void {
    this.#held?.close();
    this.#held = undefined;
    const { io: IO, ...options } = this.#options.spi;
    this.#spi = new IO({ ...options, hz: this.#hz, mode: 0 } as never);
    const ones = Math.ceil((this.#hz * RESET) / 8);
    this.#transfer(new Uint8Array(4 * Math.ceil((ones + 1) / 4)).fill(0xff, 0, ones));
    this.#isSelected = this.#pulses === PULSES.A128;
    this.#settled = this.#options.ticks() + (this.#isSelected ? SETTLING * this.#period : 0);
    this.#limit = undefined;
  }

  /** The next read starts the part again. */
  #stop(): void {
    this.#drop();
    const { hold } = this.#options;
    if (hold === undefined) return;
    const { io: IO, ...options } = hold;
    this.#held = new IO(options as never);
  }

  #drop(): void {
    const spi = this.#spi;
    this.#spi = undefined;
    spi?.close();
  }

  #transfer(bytes: Uint8Array): void {
    try {
      this.#spi!.transfer(bytes);
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  #isReady(): boolean {
    const probe = this.#probe.fill(0);
    this.#transfer(probe);
    return probe[3] === 0;
  }

  /**
   * The conversion that is ready; chooses the input of the next. Undefined when it is doubtful: bits that cannot be, or
   * data that are ones to the end and were not so before the reset.
   */
  #convey(): number | undefined {
    const frame = this.#frame.fill(CLOCK);
    frame[0] = 0;
    frame[7] = this.#pulses;
    this.#transfer(frame);
    let disagreement = frame[0]!;
    let bits = 0;
    for (let i = 1; i < 7; i++) {
      const four = frame[i]!;
      disagreement |= (four ^ (four >> 1)) & SECONDS;
      bits = (bits << 4) | ((four & 0x40) >> 3) | ((four & 0x10) >> 2) | ((four & 4) >> 1) | (four & 1);
    }
    // Both samples of each pulse and no more: the next conversion may be ready any time.
    const ends = this.#pulses | (this.#pulses >> 1);
    const isWrong = disagreement !== 0 || (frame[7]! & ends) !== ends;
    const mayBeCut = this.#isSelected && this.#doubts === 0 && (bits & 0xff) === 0xff;
    if (isWrong ? this.#doubts + 1 < WRONG : mayBeCut) {
      this.#doubts++;
      return undefined;
    }
    if (isWrong) {
      if (bits === 0) this.#fail("bus", "DOUT stays low");
      this.#fail("protocol", "bits that cannot be");
    }
    return (bits << 8) >> 8;
  }

  #fail(code: "bus" | "protocol", text: string): never {
    this.#doubts = 0;
    this.#stop();
    throw new SensorError(code, `HX711: ${text}`);
  }
}
