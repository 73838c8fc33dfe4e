import type { Scheduled } from "../../../sdk/index.js";
import { SensorError } from "../errors.js";
import type { SensorClock } from "../sensor-clock.js";
import {
  type ClosableIO,
  checkConfiguration,
  checkNumber,
  checkOptions,
  type SensorIdentification,
  SensorIO,
  type SensorIOOptions,
} from "../sensor-io.js";

/** Universal Exit Language: ends whatever the printer is at and takes it to PJL. `@PJL` has to follow at once (PJL reference, "UEL command"). */
const UEL = "\x1b%-12345X";
const QUESTION = "@PJL INFO PAGECOUNT";
const REQUEST = `${UEL}@PJL\r\n${QUESTION}\r\n${UEL}`;
const KEY = "PAGECOUNT=";
/** Longer lines are not ours, and are not kept. */
const LONGEST_LINE = 40;
const LONGEST_NUMBER = 10;
const LF = 10;
const FF = 12;
const CR = 13;

/** An ECMA-419 Serial in buffer format. */
export interface SerialIO extends ClosableIO {
  read(): ArrayBuffer | Uint8Array | undefined;
  /** all or nothing */
  write(bytes: Uint8Array): void;
}

export interface PageCounterOptions {
  /** `{ io: Serial, receive, transmit, port, baud }`, or another IO with its callbacks */
  sensor: SensorIOOptions<SerialIO>;
  clock: SensorClock;
  /** the printer's page count at the last sample before a restart of the device: what was printed since is counted */
  start?: number;
  /** the IO failed for good; `this` is the sensor; only `close` is possible afterwards */
  onError?: (this: PageCounter, error?: unknown) => void;
  /** opaque to the sensor */
  target?: unknown;
}

export interface PageCounterConfiguration {
  /** milliseconds that the printer may take to answer, 100 to 60,000, default 5,000: printers wake up slowly */
  timeout?: number;
  /** page count at which the printer starts again at 0, default 2 ** 32 */
  limit?: number;
  /** pages that can be printed between two samples, default 100,000; more is a counter that was exchanged */
  maximumPages?: number;
}

export interface PageCounterFaults {
  /** the printer's count fell or jumped (its formatter was exchanged): pages since the sample before may be missing */
  restarted?: true;
}

export interface PageCounterSample {
  /** pages printed since the sensor was opened, or since `start`; never falls */
  count: number;
  /** pages of the printer's life, as it says */
  pages: number;
  /** present only when `count` may be wrong */
  faults?: PageCounterFaults;
}

export type PageCounterCallback = (error: Error | null, sample?: PageCounterSample) => void;

/** Page count in a line of the answer, `PAGECOUNT=1234` or `1234`; undefined when it is none. */
function pagesIn(line: string): number | undefined {
  const digits = (line.startsWith(KEY) ? line.slice(KEY.length) : line).trim();
  if (digits.length === 0 || digits.length > LONGEST_NUMBER) return undefined;
  let pages = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    pages = pages * 10 + digit;
  }
  return pages;
}

/**
 * A printer's page counter over serial, by PJL (Printer Job Language). Not while a job is sent over the same line.
 */
export class PageCounter {
  #port: SensorIO<SerialIO>;
  #clock: SensorClock;
  #timeout = 5000;
  #limit = 2 ** 32;
  #maximumPages = 100_000;
  #timer: Scheduled | undefined;
  #callback: PageCounterCallback | undefined;
  /** bytes that the line takes now, as far as it told */
  #writable = 0;
  /** characters of the request that were sent */
  #sent = 0;
  #line = "";
  /** in an answer to our question, after its first line */
  #answering = false;
  #heard = false;
  #last: number | undefined;
  #count = 0;
  readonly target: unknown;

  /** @throws SensorError `options`, `failed`; what the IO throws */
  constructor(options: PageCounterOptions) {
    checkOptions("PageCounter", options);
    const { sensor, clock, start, onError } = options;
    if (typeof clock?.schedule !== "function")
      throw new SensorError("options", "PageCounter: clock must have schedule");
    if (start !== undefined && !(Number.isSafeInteger(start) && start >= 0))
      throw new SensorError("options", `PageCounter: start must be a page count (got ${String(start)})`);
    this.target = options.target;
    this.#clock = clock;
    this.#last = start;
    this.#port = new SensorIO("PageCounter", this, {
      sensor: {
        format: "buffer",
        ...sensor,
        onReadable: (count: number) => this.#readable(count),
        onWritable: (count: number) => this.#onWritable(count),
      },
      onError: (error?: unknown) => {
        this.#settle(new SensorError("failed", "PageCounter: the IO has failed"));
        onError?.call(this, error);
      },
    });
  }

  /**
   * Holds from the next answer on, the time-out from the next sample.
   * @throws SensorError `configuration`, `closed`, `failed`
   */
  configure(options: PageCounterConfiguration): void {
    this.#port.use();
    checkConfiguration("PageCounter", options);
    const { timeout = this.#timeout, limit = this.#limit, maximumPages = this.#maximumPages } = options;
    const check = (field: string, value: unknown, least: number, most: number) =>
      checkNumber(
        "PageCounter",
        field,
        value,
        `a whole number, ${least} to ${most}`,
        (number) => Number.isInteger(number) && number >= least && number <= most,
      );
    check("timeout", timeout, 100, 60_000);
    check("limit", limit, 1000, 10 ** LONGEST_NUMBER);
    check("maximumPages", maximumPages, 1, 10 ** LONGEST_NUMBER);
    this.#timeout = timeout;
    this.#limit = limit;
    this.#maximumPages = maximumPages;
  }

  /**
   * Asks the printer, and calls back once, later. Nothing is called after `close`.
   * Errors for the callback: SensorError `bus` (not a byte came), `protocol` (something came, and no page count), `failed`; what the IO throws.
   * @throws SensorError `options`, `busy`, `closed`, `failed`; what the IO throws
   */
  sample(callback: PageCounterCallback): void {
    this.#port.use();
    if (typeof callback !== "function")
      throw new SensorError("options", "PageCounter: sample needs a callback");
    if (this.#callback) throw new SensorError("busy", "PageCounter: still asking");
    this.#sent = 0;
    this.#line = "";
    this.#answering = this.#heard = false;
    this.#send();
    this.#callback = callback;
    this.#timer = this.#clock.schedule(this.#timeout, () => {
      this.#timer = undefined;
      this.#settle(
        this.#heard
          ? new SensorError("protocol", "PageCounter: no page count came")
          : new SensorError("bus", "PageCounter: no answer"),
      );
    });
  }

  close(): void {
    this.#callback = undefined;
    this.#settle(null);
    this.#port.close();
  }

  get configuration(): Required<PageCounterConfiguration> {
    this.#port.use();
    return { timeout: this.#timeout, limit: this.#limit, maximumPages: this.#maximumPages };
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "PJL printer", classification: "PageCounter" };
  }

  /** As much of the request as the line takes. */
  #send(): void {
    const count = Math.min(this.#writable, REQUEST.length - this.#sent);
    if (count <= 0) return;
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = REQUEST.charCodeAt(this.#sent + i);
    this.#port.use().write(bytes);
    this.#sent += count;
    this.#writable -= count;
  }

  #onWritable(count: number): void {
    this.#writable = count;
    if (!this.#callback) return;
    try {
      this.#send();
    } catch (error) {
      this.#settle(error as Error);
    }
  }

  #readable(count: number): void {
    try {
      // No more than was announced, so that a line that never rests does not hold the loop.
      for (let taken = 0; taken < count; ) {
        const bytes = this.#port.use().read();
        if (bytes === undefined || bytes.byteLength === 0) return;
        taken += bytes.byteLength;
        // Read even when nobody asked, or the line's buffer would stay full.
        if (!this.#callback) continue;
        const view = new Uint8Array(bytes);
        for (let i = 0; i < view.length; i++) this.#take(view[i]!);
      }
    } catch (error) {
      this.#settle(error as Error);
    }
  }

  #take(byte: number): void {
    this.#heard = true;
    if (byte !== LF && byte !== FF) {
      // One more than the longest is kept, to tell it from a line that is whole.
      if (byte !== CR && this.#line.length <= LONGEST_LINE) this.#line += String.fromCharCode(byte);
      return;
    }
    const line = this.#line;
    this.#line = "";
    const whole = line.length <= LONGEST_LINE;
    if (line.startsWith("@PJL")) this.#answering = whole && line.trim() === QUESTION;
    else if (this.#answering) {
      const pages = whole ? pagesIn(line) : undefined;
      if (pages !== undefined) {
        this.#answering = false;
        this.#settle(null, this.#counted(pages));
        return;
      }
    }
    if (byte === FF && this.#answering) {
      this.#answering = false;
      this.#settle(new SensorError("protocol", "PageCounter: an answer without a page count"));
    }
  }

  #counted(pages: number): PageCounterSample {
    const last = this.#last;
    this.#last = pages;
    const sample: PageCounterSample = { count: this.#count, pages };
    if (last === undefined) return sample;
    const printed = pages >= last ? pages - last : pages + this.#limit - last;
    if (printed >= 0 && printed <= this.#maximumPages) sample.count = this.#count += printed;
    else sample.faults = { restarted: true };
    return sample;
  }

  #settle(error: Error | null, sample?: PageCounterSample): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.(error, sample);
  }
}
