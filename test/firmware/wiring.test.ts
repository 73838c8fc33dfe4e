import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import product from "../../firmware/any/index.js";
import type { DeviceConfig } from "../../firmware/config.js";
import { SlotPart } from "../../firmware/part.js";
import type { Device, Product } from "../../firmware/wiring/kind.js";
import { PrinterLine } from "../../hal/boards/models/printer-line.js";
import { encodeIdentity, encodeTag } from "../../hal/sensors/i2c/encode-identity.js";
import type { Everfull } from "../../sdk/index.js";
import { Fake24C } from "../hal/sensors/i2c/fake-24c.js";
import { FakeBus } from "../hal/sensors/i2c/fake-bus.js";
import { FakePN532 } from "../hal/sensors/i2c/fake-pn532.js";
import { FakeVL6180X } from "../hal/sensors/i2c/fake-vl6180x.js";
import { configOf, TestBoard } from "./test-board.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

function startWith(board: TestBoard, ...slots: readonly object[]) {
  const { everfull, close } = board.start(product, configOf(slots));
  return { everfull, close, slot: (index = 0) => everfull.slot(`slot-${index}`) };
}

test("a dose counter counts doses, in fractions of a step too, and its button is a refill", (t) => {
  const board = new TestBoard();
  board.set(4, 17);
  const { slot, close } = startWith(board, {
    sensor: { kind: "dose-counter", pin: 4, stepsPerDose: 2.5, refillButton: 5 },
  });
  board.set(4, 18);
  t.is(slot().consumed, 2);
  board.set(4, 20);
  t.is(slot().consumed, 7);
  board.set(5, 1);
  board.set(5, 0);
  t.is(slot().remaining, 1993);
  close();
  t.is(board.open.size, 0);
});

test("a flow meter's pulses are litres and steps", (t) => {
  const board = new TestBoard();
  board.set(4, 0);
  const { slot, close } = startWith(board, {
    sensor: { kind: "flow-meter", pin: 4, pulsesPerLitre: 450, litresPerStep: 0.1, refillButton: 5 },
  });
  board.pass(SECOND);
  // 2.5 litres in ten seconds.
  for (let pulses = 225; pulses <= 5 * 225; pulses += 225) {
    board.set(4, pulses);
    board.pass(2 * SECOND);
  }
  t.is(slot().consumed, 25);
  board.set(5, 1);
  t.is(slot().remaining, 1975);
  close();
  t.is(board.open.size, 0);
});

/** A printer at a serial line, which may be off. */
class TestPrinter {
  pages = 0;
  isOn = true;
  questions = 0;
  opened = 0;
  /** The line, for good. */
  fail: (() => void) | undefined;

  constructor(board: TestBoard) {
    const printer = this;
    const line = new PrinterLine(() => this.pages);
    board.io = {
      ...board.io,
      Serial: class {
        #input: Uint8Array | undefined;
        readonly #options: { onReadable(count: number): void; onWritable(count: number): void };
        constructor(options: {
          onReadable(count: number): void;
          onWritable(count: number): void;
          onError(): void;
        }) {
          printer.opened++;
          printer.fail = () => options.onError();
          this.#options = options;
          board.clock.schedule(0, () => options.onWritable(128));
        }
        read() {
          const input = this.#input;
          this.#input = undefined;
          return input;
        }
        write(bytes: Uint8Array) {
          printer.questions++;
          const answer = line.take(bytes);
          board.clock.schedule(20, () => {
            this.#options.onWritable(128);
            if (!printer.isOn) return;
            this.#input = answer;
            this.#options.onReadable(answer.length);
          });
        }
        close() {
          printer.opened--;
        }
      },
    };
  }
}

const INK = (stepsPerPage: number, more: object = {}) => ({
  sensor: {
    kind: "page-counter",
    receive: 16,
    transmit: 17,
    stepsPerPage,
    interval: 10 * SECOND,
    ...more,
  },
});

test("the pages of one printer use up all its inks, by one question", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 5000;
  const { slot, close } = startWith(board, INK(1), INK(0.25), INK(0.5, { refillButton: 6 }), INK(2));
  board.pass(11 * SECOND);
  printer.pages += 10;
  board.pass(10 * SECOND);
  t.deepEqual(
    [0, 1, 2, 3].map((index) => slot(index).consumed),
    [10, 2, 5, 20],
  );
  // The line takes the request in one piece: one write is one question.
  t.is(printer.questions, 2);
  t.is(printer.opened, 1);
  board.set(6, 1);
  t.is(slot(2).remaining, 1995);
  close();
  t.is(printer.opened, 0);
});

test("a printer that is off is missed once in the log, and what it printed meanwhile is counted", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 100;
  // Asked again before the time-out of the question before.
  const { slot } = startWith(board, INK(1, { interval: SECOND }));
  board.pass(MINUTE);
  printer.isOn = false;
  board.pass(10 * MINUTE);
  t.deepEqual(board.log, ["printer at pin 16: PageCounter: no answer"]);
  printer.pages = 140;
  printer.isOn = true;
  board.pass(MINUTE);
  t.is(slot().consumed, 40);
});

test("a printer's line that fails for good is opened anew, and what was printed meanwhile is counted", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 100;
  const { slot, close } = startWith(board, INK(1));
  board.pass(11 * SECOND);
  printer.fail!();
  printer.pages = 107;
  board.pass(MINUTE);
  t.is(slot().consumed, 7);
  t.is(printer.opened, 1);
  t.is(board.log.length, 1);
  close();
  t.is(printer.opened, 0);
});

test("a printer whose formatter was exchanged has printed nothing by that", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 900_000;
  const { slot } = startWith(board, INK(1));
  board.pass(MINUTE);
  printer.pages = 12;
  board.pass(MINUTE);
  printer.pages = 15;
  board.pass(MINUTE);
  t.is(slot().consumed, 3);
  t.deepEqual(board.log, [
    "slot slot-0: doubtful",
    "slot slot-0: doubtful is over",
    "slot slot-0: exchanged",
  ]);
});

test("a count that was misread once is no printer's: nothing is used by it, and what was printed is counted", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 5000;
  const { slot } = startWith(board, INK(1, { most: 500 }), INK(0.5, { most: 500 }));
  board.pass(11 * SECOND);
  for (const misread of [50, 5900, 4_000_000]) {
    const pages = printer.pages;
    printer.pages = misread;
    board.pass(10 * SECOND);
    printer.pages = pages + 10;
    board.pass(10 * SECOND);
  }
  t.is(slot(0).consumed, 30);
  t.is(slot(1).consumed, 15);
  t.is(board.log.filter((text) => text === "slot slot-0: doubtful").length, 3);
  // Nobody prints 501 pages in 10 seconds.
  printer.pages += 501;
  board.pass(20 * SECOND);
  t.is(slot(0).consumed, 30);
  t.is(board.log.at(-1), "slot slot-1: exchanged");
});

test("a printer that the product knows to be another goes on from what it shows, over restarts too", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 5000;
  let device: Device | undefined;
  const inks = [INK(1), INK(0.3)];
  const known: Product = { ...product, onFinding: (_finding, parts) => (device = parts) };
  let app = board.start(known, configOf(inks));
  board.pass(11 * SECOND);
  // A misreading is what brings the product its device here.
  printer.pages = 4_000_000;
  board.pass(10 * SECOND);
  printer.pages = 5010;
  board.pass(10 * SECOND);
  printer.pages = 5400;
  device!.rebase("slot-1");
  board.pass(10 * SECOND);
  t.is(app.everfull.slot("slot-0").consumed, 10);
  t.is(board.log.at(-1), "slot slot-1: exchanged");
  printer.pages = 5500;
  board.pass(11 * MINUTE);
  board.cut();
  printer.pages = 5520;
  app = board.start(known, configOf(inks));
  board.pass(MINUTE);
  t.is(app.everfull.slot("slot-0").consumed, 130);
  t.true(Math.abs(app.everfull.slot("slot-1").consumed - 39) <= 1);
});

test("a printer's count that begins again at its modulus goes on", (t) => {
  const board = new TestBoard();
  const printer = new TestPrinter(board);
  printer.pages = 9990;
  const { slot } = startWith(board, INK(1, { modulus: 10_000 }));
  board.pass(11 * SECOND);
  printer.pages = 15;
  board.pass(10 * SECOND);
  t.is(slot().consumed, 25);
  t.deepEqual(board.log, []);
});

test("over restarts and power cuts every page is counted once, to the fraction of a step", (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          pages: fc.integer({ min: 0, max: 60 }),
          /** Printed while the device is off. */
          off: fc.integer({ min: 0, max: 60 }),
          isCut: fc.boolean(),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      (runs) => {
        const board = new TestBoard();
        const printer = new TestPrinter(board);
        printer.pages = 777;
        const inks = [INK(0.3), INK(0.7), INK(1)];
        let app = startWith(board, ...inks);
        board.pass(30 * SECOND);
        // With the first use of each ink, where its count began is in the journal.
        printer.pages += 4;
        board.pass(11 * MINUTE);
        for (const { pages, off, isCut } of runs) {
          printer.pages += pages;
          // Longer than until what was metered is committed.
          board.pass(11 * MINUTE);
          if (isCut) board.cut();
          else {
            app.close();
            board.cut();
          }
          printer.pages += off;
          app = startWith(board, ...inks);
          board.pass(30 * SECOND);
        }
        const steps = (pages: number, stepsPerPage: number) => Math.floor(pages * stepsPerPage + 1e-9);
        for (const [index, stepsPerPage] of [0.3, 0.7, 1].entries()) {
          const expected = steps(printer.pages, stepsPerPage) - steps(777, stepsPerPage);
          const { consumed } = app.slot(index);
          if (consumed !== expected) throw new Error(`${consumed} steps of ${expected}`);
        }
      },
    ),
    { numRuns: 40 },
  );
  t.pass();
});

/** A slot that counts doses at pin 4 and has a cartridge with a memory. */
const CARTRIDGE = {
  sensor: { kind: "dose-counter", pin: 4, stepsPerDose: 10 },
  identity: {
    kind: "cartridge-memory",
    data: 21,
    clock: 22,
    address: 0x51,
    consumable: "INK-K",
    interval: 5 * SECOND,
  },
};

const serial = (number: number) => number.toString(16).padStart(16, "0");

function cartridgeBench() {
  const board = new TestBoard();
  const bus = new FakeBus();
  board.io = { I2C: bus.IO as never };
  board.set(4, 0);
  const chip = new Fake24C(bus.violations, 256);
  return {
    board,
    bus,
    load(number: number | undefined, { quantity = 800, consumable = "INK-K" } = {}) {
      bus.parts.delete(0x51);
      if (number === undefined) return;
      chip.memory.fill(0xff);
      chip.memory.set(encodeIdentity({ consumable, quantity, serial: serial(number) }));
      bus.parts.set(0x51, chip);
    },
  };
}

test("a new cartridge is a refill, known and not guessed: what the last one had left is gone", (t) => {
  const { board, bus, load } = cartridgeBench();
  load(1);
  const { slot, close, everfull } = startWith(board, CARTRIDGE);
  board.pass(MINUTE);
  // The first is what the slot's opening speaks of.
  t.is(slot().remaining, 1000);
  board.set(4, 90);
  t.is(slot().remaining, 100);
  // Taken out and put in again, it is the same.
  load(undefined);
  board.pass(MINUTE);
  load(1);
  board.pass(MINUTE);
  t.is(slot().remaining, 100);
  load(2);
  board.pass(MINUTE);
  t.is(slot().remaining, 800);
  const { refills, consumed } = everfull.account("slot-0");
  t.deepEqual({ refills, consumed }, { refills: 800, consumed: 1000 });
  t.deepEqual(bus.violations, []);
  close();
  t.deepEqual(
    bus.opened.map(({ closed }) => closed),
    [1],
  );
});

test("a cartridge that is not there, empty, damaged or another's is no refill, and is named once", (t) => {
  const { board, load, bus } = cartridgeBench();
  load(1);
  const { slot } = startWith(board, CARTRIDGE);
  board.pass(MINUTE);
  const cases: readonly (readonly [() => void, RegExp])[] = [
    [() => load(undefined), /^cartridge of slot slot-0: CartridgeMemory: read failed/],
    [() => load(7, { consumable: "SOAP" }), /SOAP with 800 steps does not belong here/],
    [() => load(8, { quantity: 65_536 }), /65536 steps does not belong here/],
    [
      () => {
        load(9);
        (bus.parts.get(0x51) as Fake24C).memory[6]! ^= 1;
      },
      /its memory has no identity: checksum/,
    ],
    [() => (bus.parts.get(0x51) as Fake24C).memory.fill(0xff), /its memory has no identity: blank/],
  ];
  for (const [change, pattern] of cases) {
    board.log.length = 0;
    change();
    board.pass(MINUTE);
    t.is(board.log.filter((text) => pattern.test(text)).length, 1, String(pattern));
    t.is(slot().remaining, 1000);
  }
});

test("the last cartridge is known after a power cut, and one that was exchanged meanwhile is a refill", (t) => {
  const { board, load } = cartridgeBench();
  load(1);
  startWith(board, CARTRIDGE);
  board.pass(MINUTE);
  board.set(4, 50);
  // What was metered is committed, and the cartridge with it.
  board.pass(11 * MINUTE);
  board.cut();
  board.set(4, 0);
  let { slot } = startWith(board, CARTRIDGE);
  board.pass(MINUTE);
  t.is(slot().remaining, 500);
  board.cut();
  load(2);
  ({ slot } = startWith(board, CARTRIDGE));
  board.pass(MINUTE);
  t.is(slot().remaining, 800);
});

test("power cut at any write while a cartridge is booked: it is booked once", (t) => {
  for (let writes = 0; ; writes++) {
    const { board, load } = cartridgeBench();
    load(1);
    startWith(board, CARTRIDGE);
    board.pass(MINUTE);
    board.set(4, 50);
    board.pass(11 * MINUTE);
    load(2);
    let left = writes;
    const write = board.nor.write.bind(board.nor);
    board.nor.write = (bytes, offset) => {
      if (left-- > 0) write(bytes, offset);
      else throw new Error("no power");
    };
    board.pass(6 * SECOND);
    const isOver = left > 0;
    board.nor.write = write;
    board.cut();
    board.set(4, 0);
    const { slot, everfull } = startWith(board, CARTRIDGE);
    board.pass(MINUTE);
    t.is(slot().remaining, 800, `after ${writes} writes`);
    t.is(everfull.account("slot-0").refills, 800, `after ${writes} writes`);
    if (isOver) {
      t.true(writes >= 2);
      return;
    }
  }
});

test("while the journal cannot be read, no cartridge is taken for a new one", (t) => {
  const { board, load } = cartridgeBench();
  load(1);
  startWith(board, CARTRIDGE);
  board.pass(MINUTE);
  board.set(4, 30);
  board.pass(11 * MINUTE);
  board.cut();
  board.isReadable = false;
  board.set(4, 0);
  const { slot } = startWith(board, CARTRIDGE);
  board.pass(5 * MINUTE);
  load(2);
  board.pass(2 * MINUTE);
  board.isReadable = true;
  board.pass(20 * MINUTE);
  t.is(slot().remaining, 800);
});

test("a tag on the pack is a refill by itself", (t) => {
  const board = new TestBoard();
  const bus = new FakeBus();
  board.io = { I2C: bus.IO as never };
  board.set(4, 0);
  const { slot, close } = startWith(board, {
    sensor: CARTRIDGE.sensor,
    identity: { kind: "tag-reader", data: 21, clock: 22, interval: 5 * SECOND },
  });
  board.pass(MINUTE);
  // A reader that comes later is found then.
  t.is(board.log.filter((text) => /^tag of slot slot-0: PN532/.test(text)).length, 1);
  const reader = new FakePN532(bus.violations);
  bus.parts.set(0x24, reader);
  const tagOf = (number: number) => {
    const data = encodeTag({ consumable: "BEANS", quantity: 700, serial: serial(number) });
    const memory = [4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0xe1, 0x10, 0x12, 0, ...data];
    return {
      sak: 0,
      id: [4, 1, 2, 3, 4, 5, 6],
      memory: [...memory, ...Array(180 - memory.length).fill(0)],
    };
  };
  reader.tag = tagOf(1);
  board.pass(MINUTE);
  board.set(4, 40);
  reader.tag = undefined;
  board.pass(MINUTE);
  t.is(slot().remaining, 600);
  reader.tag = tagOf(2);
  board.pass(MINUTE);
  t.is(slot().remaining, 700);
  // Its power fails, and comes back without that anybody is told.
  bus.parts.set(0x24, new FakePN532(bus.violations));
  board.set(4, 50);
  board.pass(MINUTE);
  t.is(slot().remaining, 600);
  const again = new FakePN532(bus.violations);
  again.tag = tagOf(3);
  bus.parts.set(0x24, again);
  board.pass(MINUTE);
  t.is(slot().remaining, 700);
  t.true(again.commands.includes(0x14), "set up anew");
  t.deepEqual(bus.violations, []);
  close();
  t.is(bus.opened.at(-1)!.closed, 1);
});

const LOOKING = { full: 0.02, empty: 0.12, interval: 5 * MINUTE };

test("a level by time of flight is what is left, from when the part answers", (t) => {
  const board = new TestBoard();
  const bus = new FakeBus();
  board.io = { I2C: bus.IO as never };
  const { slot, close } = startWith(board, {
    sensing: "level",
    sensor: { kind: "time-of-flight", data: 21, clock: 22, offset: 0, ...LOOKING },
  });
  board.pass(60 * MINUTE);
  t.is(board.log.length, 2);
  t.regex(board.log[0]!, /^slot slot-0: VL6180X/);
  t.is(board.log[1], "slot slot-0: failing");
  const part = new FakeVL6180X(bus.violations);
  bus.parts.set(0x29, part);
  part.millimetres = 20;
  board.pass(120 * MINUTE);
  t.is(slot().remaining, 1000);
  part.millimetres = 70;
  board.pass(120 * MINUTE);
  t.is(slot().remaining, 500);
  part.millimetres = 30;
  board.pass(120 * MINUTE);
  t.is(slot().remaining, 900);
  const isOpen = () => bus.opened.filter(({ closed }) => closed === 0).length;
  t.is(isOpen(), 1);
  // Gone for a while, then back as it is after power on, also when that was between two looks.
  bus.parts.clear();
  board.pass(60 * MINUTE);
  t.is(isOpen(), 0);
  part.reset();
  bus.parts.set(0x29, part);
  part.millimetres = 70;
  board.pass(120 * MINUTE);
  t.is(slot().remaining, 500);
  part.reset();
  part.millimetres = 110;
  board.pass(120 * MINUTE);
  t.is(slot().remaining, 100);
  t.is(isOpen(), 1);
  t.deepEqual(bus.violations, []);
  close();
  t.is(bus.opened.at(-1)!.closed, 1);
});

test("levels by ultrasound are measured one after the other", (t) => {
  const board = new TestBoard();
  /** Metres by echo pin. */
  const distances = new Map([
    [30, 0.05],
    [31, 0.05],
  ]);
  let listening: number | undefined;
  const overlaps: number[] = [];
  const readers = new Map<number, () => void>();
  const pulses = new Map<number, number>();
  board.io = {
    PulseWidth: class {
      readonly #pin: number;
      constructor({ pin, onReadable }: { pin: number; onReadable(): void }) {
        this.#pin = pin;
        readers.set(pin, onReadable);
      }
      read() {
        const pulse = pulses.get(this.#pin);
        pulses.delete(this.#pin);
        return pulse;
      }
      close() {
        readers.delete(this.#pin);
      }
    } as never,
    Output: class {
      readonly #echo: number;
      #level = 0;
      constructor({ pin }: { pin: number }) {
        // Triggers 40 and 41 belong to echoes 30 and 31.
        this.#echo = pin - 10;
      }
      write(level: 0 | 1) {
        const fell = this.#level === 1 && level === 0;
        this.#level = level;
        if (!fell) return;
        if (listening !== undefined && listening !== this.#echo) overlaps.push(this.#echo);
        listening = this.#echo;
        const echo = this.#echo;
        board.clock.schedule(10, () => {
          pulses.set(echo, (2e6 * distances.get(echo)!) / 343.2);
          readers.get(echo)?.();
        });
        // Until the last of five pings.
        board.clock.schedule(60, () => {
          listening = undefined;
        });
      }
      close() {}
    } as never,
  };
  const sensor = (echo: number) => ({
    sensing: "level",
    sensor: {
      kind: "ultrasonic",
      echo,
      trigger: echo + 10,
      temperature: 20,
      full: 0.05,
      empty: 0.25,
      noise: 0.001,
      interval: 5 * MINUTE,
    },
  });
  const { slot, close } = startWith(board, sensor(30), sensor(31));
  board.pass(60 * MINUTE);
  distances.set(31, 0.15);
  board.pass(60 * MINUTE);
  t.is(slot(0).consumed, 0);
  t.true(Math.abs(slot(1).consumed - 500) <= 5, String(slot(1).consumed));
  t.deepEqual(overlaps, []);
  t.deepEqual(board.log, []);
  close();
  t.is(readers.size, 0);
});

test("what a board does not have is refused by name, and nothing stays open", (t: ExecutionContext) => {
  for (const [slot, named] of [
    [INK(1), "Serial"],
    [CARTRIDGE, "I2C"],
    [
      { sensor: { kind: "ultrasonic", echo: 1, trigger: 2, full: 0, empty: 1, interval: 1000 } },
      "PulseWidth",
    ],
  ] as const) {
    const board = new TestBoard();
    t.throws(() => startWith(board, { sensor: { kind: "dose-counter", pin: 4, stepsPerDose: 1 } }, slot), {
      name: "BoardError",
      message: `board test: there is no ${named}`,
    });
    t.is(board.open.size, 0);
  }
});

test("what a slot's sensor and identity keep does not touch", (t) => {
  const half = 2 ** 33;
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.tuple(fc.constant("sensor" as const), fc.integer({ min: -half, max: half - 1 })),
          fc.tuple(fc.constant("identity" as const), fc.integer({ min: 0, max: 0xffff })),
        ),
      ),
      (changes) => {
        let kept = 0;
        const everfull = {
          calibration: () => kept,
          calibrate: (_id: string, value: number) => {
            if (!Number.isInteger(value) || Math.abs(value) > 2 ** 50) throw new Error(`kept: ${value}`);
            kept = value;
          },
        } as unknown as Everfull;
        const slot = configOf([{}]).slots[0] as DeviceConfig["slots"][number];
        const parts = {
          sensor: new SlotPart(everfull, slot, "sensor", { kind: "a" }, () => {}),
          identity: new SlotPart(everfull, slot, "identity", { kind: "b" }, () => {}),
        };
        const expected = { sensor: 0, identity: 0 };
        for (const [place, value] of changes) {
          parts[place].kept = value;
          expected[place] = value;
          if (parts.sensor.kept !== expected.sensor || parts.identity.kept !== expected.identity)
            throw new Error(`${JSON.stringify(expected)} became ${kept}`);
        }
      },
    ),
  );
  t.pass();
});
