import test from "ava";
import fc from "fast-check";
import { CountMeter, SensorError } from "../../../hal/index.js";
import {
  PageCounter,
  type PageCounterOptions,
  type PageCounterSample,
} from "../../../hal/sensors/serial/page-counter.js";
import { VirtualTime } from "./virtual-time.js";

const UEL = "\x1b%-12345X";

/** A printer at the other end of a serial line. It knows PJL as far as the reference demands it, and nothing that is not in it. */
class Printer {
  readonly clock = new VirtualTime();
  pages = 0;
  /** what it was sent, as text */
  received = "";
  questions = 0;
  closed = 0;
  writeError: Error | undefined;
  /** bytes that the line's buffer takes before it is emptied */
  buffer = 128;
  options: {
    onReadable(count: number): void;
    onWritable(count: number): void;
    onError(e?: unknown): void;
  } & Record<string, unknown> = undefined as never;
  answer: (printer: Printer) => string = ({ pages }) => `@PJL INFO PAGECOUNT\r\nPAGECOUNT=${pages}\r\n\f`;
  #incoming: number[] = [];
  #free = 0;
  #inPjl = false;
  #unread = "";

  open(more: Partial<PageCounterOptions> = {}): PageCounter {
    const printer = this;
    class Serial {
      constructor(options: Printer["options"]) {
        printer.options = options;
      }
      read(): ArrayBuffer | undefined {
        return printer.#incoming.length === 0
          ? undefined
          : (new Uint8Array(printer.#incoming.splice(0)).buffer as ArrayBuffer);
      }
      write(bytes: Uint8Array): void {
        if (printer.writeError) throw printer.writeError;
        if (bytes.length > printer.#free) throw new Error("output full");
        printer.#free -= bytes.length;
        for (const byte of bytes) printer.#take(String.fromCharCode(byte));
      }
      close(): void {
        printer.closed++;
      }
    }
    const sensor = new PageCounter({ sensor: { io: Serial, baud: 9600 }, clock: this.clock, ...more });
    this.writable();
    return sensor;
  }

  /** The line's buffer is empty again. */
  writable(): void {
    this.#free = this.buffer;
    this.options.onWritable(this.#free);
  }

  /** Bytes for the sensor, in one piece, or in pieces of these lengths. */
  say(text: string, lengths: readonly number[] = []): void {
    let at = 0;
    for (const length of [...lengths, text.length]) {
      const piece = text.slice(at, at + length);
      at += piece.length;
      if (piece === "") continue;
      for (let i = 0; i < piece.length; i++) this.#incoming.push(piece.charCodeAt(i) & 255);
      this.options.onReadable(piece.length);
    }
  }

  #take(character: string): void {
    this.received += character;
    this.#unread += character;
    // Until a job language is entered, everything is a page to print; UEL is found anywhere.
    if (this.#unread.endsWith(UEL)) {
      this.#unread = "";
      this.#inPjl = false;
    } else if (!this.#inPjl && this.#unread === "@PJL") this.#inPjl = true;
    else if (this.#inPjl && character === "\n") {
      const command = this.#unread.replace(/\r?\n$/, "");
      this.#unread = "";
      if (command === "@PJL INFO PAGECOUNT") {
        this.questions++;
        const text = this.answer(this);
        this.clock.schedule(30, () => this.say(text));
      }
    }
  }
}

type Result = { error: Error | null; sample?: PageCounterSample };

function ask(printer: Printer, sensor: PageCounter, within = 10_000): Result | undefined {
  let result: Result | undefined;
  sensor.sample((error, sample) => {
    if (result) throw new Error("called back twice");
    result = sample ? { error, sample } : { error };
  });
  printer.clock.advance(within);
  printer.writable();
  return result;
}

const code = (result: Result | undefined) => (result?.error as SensorError | null)?.code;

test("the question is framed by UEL, enters PJL at once and ends in UEL", (t) => {
  const printer = new Printer();
  printer.pages = 1234;
  t.deepEqual(ask(printer, printer.open()), { error: null, sample: { count: 0, pages: 1234 } });
  t.is(printer.received, `${UEL}@PJL\r\n@PJL INFO PAGECOUNT\r\n${UEL}`);
  t.is(printer.questions, 1);
});

test("the line is opened with its own options, in buffer format", (t) => {
  const printer = new Printer();
  printer.open();
  t.is(printer.options.baud, 9600);
  t.is(printer.options.format, "buffer");
});

test("answers as printers give them", (t) => {
  for (const answer of [
    "@PJL INFO PAGECOUNT\r\n1234\r\n\f",
    "@PJL INFO PAGECOUNT \r\nPAGECOUNT=1234\r\n\f",
    "@PJL INFO PAGECOUNT\nPAGECOUNT= 1234\n\f",
    "@PJL INFO PAGECOUNT\r\n1234\f",
    "@PJL INFO PAGECOUNT\r\n\r\n1234\r\n",
    "@PJL USTATUS DEVICE\r\nCODE=10001\r\n\f@PJL INFO PAGECOUNT\r\n1234\r\n\f",
    "7\r\n\f@PJL INFO PAGECOUNT\r\n1234\r\n\f",
    "\0\xff@PJL INFO PAGE\n@PJL INFO PAGECOUNT\r\n1234\r\n\f",
  ]) {
    const printer = new Printer();
    printer.answer = () => answer;
    t.is(ask(printer, printer.open())!.sample?.pages, 1234, JSON.stringify(answer));
  }
});

test("answers without a page count are garbled", (t) => {
  for (const answer of [
    '@PJL INFO PAGECOUNT\r\n"?"\r\n\f',
    "@PJL INFO PAGECOUNT\r\nPAGECOUNT=\r\n\f",
    "@PJL INFO PAGECOUNT\r\nPAGECOUNT=-5\r\n\f",
    "@PJL INFO PAGECOUNT\r\nPAGECOUNT=12.5\r\n\f",
    "@PJL INFO PAGECOUNT\r\n12345678901\r\n\f",
    "@PJL INFO PAGECOUNT\r\n12\x8034\r\n\f",
    "@PJL INFO PAGECOUNT\r\n\f1234\r\n\f",
    `@PJL INFO PAGECOUNT\r\n12${" ".repeat(100)}34\r\n\f`,
    `@PJL INFO PAGECOUNT${" ".repeat(100)}OF\r\n1234\r\n\f`,
    `@PJL INFO PAGECOUNT\r\n${"0".repeat(100)}1234\r\n\f`,
    "1234\r\n\f",
    "@PJL INFO STATUS\r\nCODE=10001\r\n\f",
    // The line's own echo, as with the two wires joined.
    `${UEL}@PJL\r\n@PJL INFO PAGECOUNT\r\n${UEL}`,
    "@PJL INFO PAGECOUNT\r\n1234",
  ]) {
    const printer = new Printer();
    printer.answer = () => answer;
    t.is(code(ask(printer, printer.open())), "protocol", JSON.stringify(answer));
  }
});

test("a printer that is off or not wired is silent, after the time-out and not before", (t) => {
  const printer = new Printer();
  printer.answer = () => "";
  const sensor = printer.open();
  sensor.configure({ timeout: 1000 });
  t.is(ask(printer, sensor, 999), undefined);
  printer.clock.advance(1);
  printer.answer = ({ pages }) => `@PJL INFO PAGECOUNT\r\n${pages}\r\n\f`;
  t.is(ask(printer, sensor)!.error, null);
  printer.answer = () => "";
  t.is(code(ask(printer, sensor, 1000)), "bus");
});

test("an answer that comes too late belongs to no question", (t) => {
  const printer = new Printer();
  printer.answer = () => "";
  const sensor = printer.open();
  t.is(code(ask(printer, sensor)), "bus");
  printer.say("@PJL INFO PAGECOUNT\r\n999\r\n\f@PJL INFO PAGECOUNT\r\n");
  printer.answer = () => "5\r\n\f@PJL INFO PAGECOUNT\r\n7\r\n\f";
  t.is(ask(printer, sensor)!.sample?.pages, 7);
});

test("what is left of an answer that broke off does not join the next", (t) => {
  const printer = new Printer();
  const sensor = printer.open();
  printer.answer = () => "@PJL INFO PAGECOUNT\r\n12";
  t.is(code(ask(printer, sensor)), "protocol");
  printer.answer = () => "5\r\n\f@PJL INFO PAGECOUNT\r\n7\r\n\f";
  t.is(ask(printer, sensor)!.sample?.pages, 7);
});

test("a line with a small buffer is sent the question in pieces", (t) => {
  const printer = new Printer();
  printer.buffer = 7;
  const sensor = printer.open();
  let pages: number | undefined;
  sensor.sample((_, sample) => {
    pages = sample?.pages;
  });
  t.is(printer.received.length, 7);
  for (let i = 0; i < 20; i++) printer.writable();
  printer.clock.advance(100);
  t.is(printer.received, `${UEL}@PJL\r\n@PJL INFO PAGECOUNT\r\n${UEL}`);
  t.is(pages, 0);
});

test("an answer in any pieces is the same answer", (t) => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 31),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 80 }),
      (pages, named, lengths) => {
        const printer = new Printer();
        printer.answer = () => "";
        const sensor = printer.open();
        const answers: Result[] = [];
        sensor.sample((error, sample) => answers.push(sample ? { error, sample } : { error }));
        printer.say(
          `@PJL USTATUS JOB\r\nEND\r\n\f@PJL INFO PAGECOUNT\r\n${named ? "PAGECOUNT=" : ""}${pages}\r\n\f`,
          lengths,
        );
        t.deepEqual(answers, [{ error: null, sample: { count: 0, pages } }]);
      },
    ),
  );
});

test("garbage before an answer spoils nothing once a line has ended; garbage alone is never a page count", (t) => {
  const noise = fc
    .array(fc.integer({ min: 0, max: 255 }), { maxLength: 300 })
    .map((bytes) => String.fromCharCode(...bytes));
  fc.assert(
    fc.property(
      noise,
      fc.array(fc.integer({ min: 1, max: 30 })),
      fc.boolean(),
      (garbage, lengths, answered) => {
        const printer = new Printer();
        printer.answer = () => "";
        const sensor = printer.open();
        const answers: Result[] = [];
        sensor.sample((error, sample) => answers.push(sample ? { error, sample } : { error }));
        printer.say(answered ? `${garbage}\n@PJL INFO PAGECOUNT\r\n42\r\n\f` : garbage, lengths);
        printer.clock.advance(10_000);
        t.is(answers.length, 1);
        if (answered) t.is(answers[0]!.sample?.pages, 42);
        else t.is(code(answers[0]), garbage === "" ? "bus" : "protocol");
      },
    ),
  );
});

test("a line without an end does not grow the device's memory, and the answer after it is read", (t) => {
  const printer = new Printer();
  printer.answer = () => "";
  const sensor = printer.open();
  let pages: number | undefined;
  sensor.sample((_, sample) => {
    pages = sample?.pages;
  });
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 400; i++) printer.say("x".repeat(10_000));
  t.true(process.memoryUsage().heapUsed - before < 60e6);
  printer.say("\n@PJL INFO PAGECOUNT\r\n9\r\n\f");
  t.is(pages, 9);
});

test("what comes unasked is read away", (t) => {
  const printer = new Printer();
  printer.open();
  printer.say("@PJL USTATUS DEVICE\r\nCODE=10001\r\n\f");
  // The line's buffer is empty: the next bytes are all that comes.
  printer.pages = 3;
  t.notThrows(() => printer.say("x"));
});

test("an answer that nobody asked for changes nothing, not even what is reported of an exchanged formatter", (t) => {
  const printer = new Printer();
  printer.pages = 5000;
  const sensor = printer.open();
  ask(printer, sensor);
  printer.say("@PJL INFO PAGECOUNT\r\n12\r\n\f");
  printer.pages = 15;
  t.deepEqual(ask(printer, sensor)!.sample, { count: 0, pages: 15, faults: { restarted: true } });
});

test("pages since the sensor was opened, or since a start that was kept", (t) => {
  const printer = new Printer();
  printer.pages = 500;
  const sensor = printer.open();
  const seen = [ask(printer, sensor)!.sample!.count];
  printer.pages = 503;
  seen.push(ask(printer, sensor)!.sample!.count, ask(printer, sensor)!.sample!.count);
  t.deepEqual(seen, [0, 3, 3]);
  const kept = new Printer();
  kept.pages = 510;
  t.deepEqual(ask(kept, kept.open({ start: 503 }))!.sample, { count: 7, pages: 510 });
});

test("a formatter that was exchanged neither gives nor takes pages, and is reported once", (t) => {
  const printer = new Printer();
  printer.pages = 50_000;
  const sensor = printer.open();
  ask(printer, sensor);
  for (const pages of [12_000, 900_000]) {
    printer.pages = pages;
    t.deepEqual(ask(printer, sensor)!.sample, { count: 0, pages, faults: { restarted: true } });
  }
  printer.pages += 4;
  t.deepEqual(ask(printer, sensor)!.sample, { count: 4, pages: 900_004 });
});

test("a counter that passes its end counts on", (t) => {
  const printer = new Printer();
  printer.pages = 999_990;
  const sensor = printer.open();
  sensor.configure({ limit: 1_000_000 });
  ask(printer, sensor);
  printer.pages = 5;
  t.deepEqual(ask(printer, sensor)!.sample, { count: 15, pages: 5 });
});

test("whatever is printed, exchanged and passes its end, the count is the true pages, or says that it may not be", (t) => {
  const LIMIT = 10_000;
  const MOST = 500;
  fc.assert(
    fc.property(
      fc.nat(LIMIT - 1),
      fc.array(
        fc.record({ printed: fc.nat(MOST), exchanged: fc.option(fc.nat(LIMIT - 1)), lost: fc.boolean() }),
        {
          maxLength: 40,
        },
      ),
      (start, history) => {
        const printer = new Printer();
        printer.pages = start;
        const sensor = printer.open();
        sensor.configure({ limit: LIMIT, maximumPages: MOST });
        ask(printer, sensor);
        let truth = 0;
        let uncertain = 0;
        let unseen = 0;
        let shown = 0;
        for (const { printed, exchanged, lost } of history) {
          // No more than the most between two samples, lost answers included.
          if (unseen + printed > MOST) continue;
          const before = (printer.pages - unseen + LIMIT) % LIMIT;
          truth += printed;
          unseen += printed;
          printer.pages = (printer.pages + printed) % LIMIT;
          // Exchanged, to a count that cannot be taken for printing.
          const jump = exchanged !== null && (exchanged - before + LIMIT) % LIMIT > MOST;
          if (jump && !lost) {
            printer.pages = exchanged;
            uncertain += unseen;
          }
          const answer = printer.answer;
          if (lost) printer.answer = () => "";
          const result = ask(printer, sensor)!;
          printer.answer = answer;
          if (lost) {
            t.is(code(result), "bus");
            continue;
          }
          unseen = 0;
          const { count, faults } = result.sample!;
          t.is(count, truth - uncertain);
          t.is(faults?.restarted, jump ? true : undefined);
          t.true(count >= shown);
          shown = count;
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("samples go into a count meter as they are", (t) => {
  const printer = new Printer();
  printer.pages = 70_000;
  const sensor = printer.open();
  const meter = new CountMeter({ stepsPerCount: 0.5 });
  t.is(meter.update(ask(printer, sensor)!.sample!).consumed, 0);
  printer.pages += 10;
  t.is(meter.update(ask(printer, sensor)!.sample!).consumed, 5);
});

test("one question at a time, and the callback may ask the next", (t) => {
  const printer = new Printer();
  const sensor = printer.open();
  let answers = 0;
  sensor.sample(() => {
    answers++;
    printer.writable();
    sensor.sample(() => answers++);
  });
  t.is(t.throws(() => sensor.sample(() => {}), { instanceOf: SensorError }).code, "busy");
  printer.clock.advance(10_000);
  t.is(answers, 2);
  t.is(printer.questions, 2);
});

test("a line that cannot be written is an error of the sample, and the next is tried", (t) => {
  const printer = new Printer();
  const sensor = printer.open();
  printer.writeError = new Error("bus");
  t.throws(() => sensor.sample(() => t.fail()), { message: "bus" });
  printer.writeError = undefined;
  t.is(ask(printer, sensor)!.error, null);
  printer.buffer = 10;
  printer.writable();
  let seen: unknown;
  sensor.sample((error) => {
    seen = error;
  });
  printer.writeError = new Error("bus");
  printer.writable();
  t.is(seen, printer.writeError);
  t.is(printer.clock.pending, 0);
});

test("an io that fails ends the question and calls onError; then only close is possible", (t) => {
  const printer = new Printer();
  const failures: unknown[] = [];
  const sensor: PageCounter = printer.open({
    onError(this: unknown, error: unknown) {
      failures.push(this, error);
    },
  });
  let seen: Error | null | undefined;
  sensor.sample((error) => {
    seen = error;
  });
  printer.options.onError("gone");
  t.deepEqual(failures, [sensor, "gone"]);
  t.is((seen as SensorError).code, "failed");
  t.is(printer.clock.pending, 1, "the printer's own answer only");
  t.is(t.throws(() => sensor.sample(() => {}), { instanceOf: SensorError }).code, "failed");
  sensor.close();
  t.is(printer.closed, 1);
});

test("close ends a question without a word", (t) => {
  const printer = new Printer();
  const sensor = printer.open({ onError: () => t.fail() });
  sensor.sample(() => t.fail());
  sensor.close();
  sensor.close();
  printer.clock.advance(10_000);
  printer.writable();
  printer.options.onError();
  t.is(printer.closed, 1);
  t.is(printer.clock.pending, 0);
  for (const use of [
    () => sensor.sample(() => {}),
    () => sensor.configure({}),
    () => sensor.configuration,
    () => sensor.identification,
  ])
    t.is(t.throws(use, { instanceOf: SensorError }).code, "closed");
});

test("closing in the callback is fine", (t) => {
  const printer = new Printer();
  const sensor = printer.open();
  sensor.sample(() => sensor.close());
  t.notThrows(() => printer.clock.advance(10_000));
  t.is(printer.closed, 1);
});

test("bad options and configurations are refused", (t) => {
  const printer = new Printer();
  const sensor = printer.open();
  class Serial {
    constructor() {
      t.fail();
    }
    read(): undefined {}
    write(): void {}
    close(): void {}
  }
  const good = { sensor: { io: Serial }, clock: printer.clock };
  for (const options of [
    undefined,
    {},
    { ...good, sensor: { io: 3 } },
    { ...good, clock: undefined },
    { ...good, start: -1 },
    { ...good, start: "7" },
    { ...good, onError: 1 },
  ])
    t.is(t.throws(() => new PageCounter(options as never), { instanceOf: SensorError }).code, "options");
  sensor.configure(Object.freeze({ timeout: 2000, limit: 1_000_000, maximumPages: 300 }));
  for (const configuration of [
    { timeout: 0 },
    { limit: 1.5 },
    { maximumPages: "many" },
    { timeout: 70_000 },
    null,
  ])
    t.is(
      t.throws(() => sensor.configure(configuration as never), { instanceOf: SensorError }).code,
      "configuration",
    );
  t.deepEqual(sensor.configuration, { timeout: 2000, limit: 1_000_000, maximumPages: 300 });
  t.is(t.throws(() => sensor.sample(3 as never), { instanceOf: SensorError }).code, "options");
});
