import test from "ava";
import product from "../../firmware/any/index.js";
import { ConfigError } from "../../firmware/check.js";
import type { Device, Finding, Product } from "../../firmware/wiring/kind.js";
import { Random } from "../../hal/simulator/models/random.js";
import { EverfullError } from "../../sdk/index.js";
import { configOf, TestBoard } from "./test-board.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A board with one container on a load cell, whose readings scatter. */
class Scale {
  readonly board = new TestBoard();
  /** The names of what was found, with a minus when it is over. */
  readonly found: string[] = [];
  grams = 1000;
  noise = 1;
  /** Added to every reading. */
  shaking: (time: number) => number = () => 0;
  readings = 0;
  awake: boolean[] = [];
  device: Device | undefined;
  readonly #random = new Random("scale");

  constructor() {
    const scale = this;
    this.board.io = {
      Bridge: class {
        read(): number {
          scale.readings++;
          const { clock } = scale.board;
          const grams = scale.grams + scale.noise * scale.#random.normal() + scale.shaking(clock.now);
          return Math.round(1000 * grams);
        }
        stayAwake(isAwake: boolean): void {
          scale.awake.push(isAwake);
        }
        close(): void {}
      },
    };
  }

  start(more: object = {}, of: Partial<Product> = {}) {
    const sensor = {
      kind: "load-cell",
      pin: 4,
      zero: 0,
      scale: 1e-6,
      massPerStep: 1e-3,
      noise: 1e-3,
      interval: 15 * MINUTE,
      ...more,
    };
    const { everfull, close } = this.board.start(
      {
        ...product,
        onFinding: (finding: Finding, device: Device) => {
          this.device = device;
          this.found.push(`${finding.isOver ? "-" : ""}${finding.what}`);
        },
        ...of,
      },
      configOf([{ noise: 1, sensing: "level", sensor }]),
    );
    return { everfull, close, slot: () => everfull.slot("slot-0") };
  }
}

test("what is used is counted within the interval, by samples that are few while nothing happens", (t) => {
  for (const interval of [1, 3, 15, 60].map((minutes) => minutes * MINUTE)) {
    const scale = new Scale();
    const { slot } = scale.start({ interval });
    scale.board.pass(2 * interval + 10 * MINUTE);
    scale.grams -= 100;
    // And what the bursts take.
    scale.board.pass(interval + 15 * SECOND);
    t.true(Math.abs(slot().consumed - 100) <= 2, `${slot().consumed} g within ${interval} ms`);
    if (interval < 15 * MINUTE) continue;
    scale.board.pass(HOUR);
    scale.readings = 0;
    scale.board.pass(DAY);
    const quiet = DAY / (interval - 150 * SECOND);
    t.true(scale.readings < 5 * quiet, `${scale.readings} readings of ${quiet} samples`);
    t.deepEqual(scale.found, []);
  }
});

test("the amplifier stays awake for a burst, and for nothing else", (t) => {
  const scale = new Scale();
  scale.start();
  scale.board.pass(12 * HOUR);
  t.true(scale.awake.length > 60);
  t.true(scale.awake.every((isAwake, index) => isAwake === (index % 2 === 0)));
  t.true(scale.readings >= (3 * scale.awake.length) / 2);
});

test("an interval too short for bursts has samples of one reading", (t) => {
  const scale = new Scale();
  const { slot } = scale.start({ interval: 50 });
  scale.board.pass(SECOND);
  scale.grams = 700;
  scale.board.pass(SECOND);
  t.true(Math.abs(slot().consumed - 300) <= 3, `${slot().consumed} g`);
  t.is(scale.awake.length, 0);
});

test("a washing machine is waited for: nothing is used by it, and nothing is found", (t) => {
  const scale = new Scale();
  const { slot } = scale.start();
  scale.board.pass(2 * HOUR);
  scale.shaking = (time) => 40 * Math.sin((2 * Math.PI * 0.8 * time) / SECOND);
  scale.grams -= 50;
  scale.board.pass(90 * MINUTE);
  t.true(slot().consumed <= 60, `${slot().consumed} g`);
  scale.shaking = () => 0;
  scale.board.pass(HOUR);
  t.true(Math.abs(slot().consumed - 50) <= 2, `${slot().consumed} g`);
  t.deepEqual(scale.found, []);
  // For ever, it is no washing machine.
  scale.shaking = (time) => 40 * Math.sin((2 * Math.PI * 0.8 * time) / SECOND);
  scale.board.pass(6 * HOUR);
  t.deepEqual(scale.found, ["failing"]);
});

test("each finding is told and logged once, and when it is over", (t) => {
  const scale = new Scale();
  const { slot } = scale.start();
  scale.board.pass(2 * HOUR);
  scale.grams = -300;
  scale.board.pass(30 * HOUR);
  t.deepEqual(scale.found.splice(0), ["away", "absent"]);
  scale.grams = 1000;
  scale.board.pass(HOUR);
  t.deepEqual(scale.found.splice(0), ["-away", "-absent"]);
  scale.grams = 2500;
  scale.board.pass(HOUR);
  scale.grams = 1000;
  scale.board.pass(HOUR);
  t.deepEqual(scale.found.splice(0), ["overfull", "-overfull"]);
  scale.noise = 0;
  scale.board.pass(12 * HOUR);
  t.deepEqual(scale.found.splice(0), ["frozen"]);
  scale.noise = 1;
  scale.board.pass(HOUR);
  t.deepEqual(scale.found.splice(0), ["-frozen"]);
  t.is(slot().consumed, 0);
  t.deepEqual(
    scale.board.log.filter((text) => text.startsWith("slot")),
    [
      "slot slot-0: away",
      "slot slot-0: absent",
      "slot slot-0: away is over",
      "slot slot-0: absent is over",
      "slot slot-0: overfull",
      "slot slot-0: overfull is over",
      "slot slot-0: frozen",
      "slot slot-0: frozen is over",
    ],
  );
});

test("use without a pause is a leak, unless none has to be; more than anybody uses is a spill", (t) => {
  for (const [pause, found] of [
    [undefined, ["leak"]],
    [0, []],
  ] as const) {
    const scale = new Scale();
    const { slot } = scale.start(pause === undefined ? {} : { pause });
    for (let hour = 0; hour < 60; hour++) {
      scale.grams -= 14;
      scale.board.pass(HOUR);
    }
    t.deepEqual(scale.found, found);
    t.true(slot().consumed > 700);
  }
  const scale = new Scale();
  scale.start({ spill: 300 });
  scale.board.pass(2 * HOUR);
  scale.grams -= 600;
  scale.board.pass(HOUR);
  t.deepEqual(scale.found, ["spill"]);
  scale.board.pass(7 * HOUR);
  t.deepEqual(scale.found, ["spill", "-spill"]);
});

test("a sensor that does not see what the product dispenses is blind", (t) => {
  const scale = new Scale();
  scale.start();
  scale.board.pass(2 * HOUR);
  // The first finding brings the device, as a product has it.
  scale.grams = -300;
  scale.board.pass(HOUR);
  scale.grams = 1000;
  scale.board.pass(HOUR);
  scale.found.length = 0;
  const { device } = scale;
  for (let dose = 0; dose < 4; dose++) {
    device!.expectUse("slot-0");
    scale.board.pass(HOUR);
  }
  t.deepEqual(scale.found, ["blind"]);
  scale.grams -= 50;
  scale.board.pass(HOUR);
  t.deepEqual(scale.found, ["blind", "-blind"]);
  for (const name of ["expectUse", "rebase"] as const)
    t.throws(() => device![name]("soap"), { instanceOf: EverfullError, message: /slot soap/ });
});

test("a scale that was exchanged changes nothing in the books: when the product says so, and when its numbers are others", (t) => {
  const scale = new Scale();
  let { slot } = scale.start();
  scale.board.pass(2 * HOUR);
  scale.grams = -300;
  scale.board.pass(HOUR);
  scale.grams = 900;
  scale.board.pass(HOUR);
  const { consumed } = slot();
  t.true(Math.abs(consumed - 100) <= 2);
  scale.found.length = 0;
  // Another one, 60 g off.
  scale.device!.rebase("slot-0");
  scale.grams += 60;
  scale.board.pass(HOUR);
  scale.grams -= 200;
  scale.board.pass(HOUR);
  t.deepEqual(scale.found.splice(0), ["exchanged"]);
  t.like(slot(), { consumed: consumed + 200 });
  // The next start finds it where it was left.
  scale.board.cut();
  ({ slot } = scale.start());
  scale.board.pass(2 * HOUR);
  t.deepEqual(scale.found, []);
  t.like(slot(), { consumed: consumed + 200 });
  // Calibrated anew, with 500 g more on it by its numbers.
  scale.board.cut();
  ({ slot } = scale.start({ zero: -500_000 }));
  scale.board.pass(2 * HOUR);
  t.deepEqual(scale.found.splice(0), ["exchanged"]);
  scale.grams -= 100;
  scale.board.pass(HOUR);
  t.true(Math.abs(slot().consumed - consumed - 300) <= 2, `${slot().consumed} g`);
  t.true(scale.board.log.every((text) => !/error/i.test(text)));
});

test("a product that fails when it is told goes on, and the log has why", (t) => {
  const scale = new Scale();
  const onFinding = () => {
    throw new Error("no display");
  };
  const { slot } = scale.start({}, { onFinding });
  scale.board.pass(2 * HOUR);
  scale.grams = -300;
  scale.board.pass(HOUR);
  scale.grams = 600;
  scale.board.pass(HOUR);
  t.true(Math.abs(slot().consumed - 400) <= 2);
  t.deepEqual(scale.board.log.slice(0, 2), ["slot slot-0: away", "slot slot-0: onFinding: no display"]);
});

const FLOW = { kind: "flow-meter", pin: 4, litresPerStep: 0.01 };
const CURVE = [
  { rate: 5, pulsesPerLitre: 400 },
  { rate: 50, pulsesPerLitre: 480 },
];

function flowing(sensor: object, perSecond: number, seconds: number): number {
  const board = new TestBoard();
  board.set(4, 0);
  const { everfull, close } = board.start(product, configOf([{ sensor }]));
  for (let second = 1; second <= seconds; second++) {
    board.set(4, second * perSecond);
    board.pass(SECOND);
  }
  const { consumed } = everfull.slot("slot-0");
  close();
  return consumed;
}

test("a flow meter with a curve counts each pulse by the flow in which it came, and by how cold it is", (t) => {
  // 4000 pulses are 10 litres at the slow end, and 8.33 at the fast one.
  t.true(Math.abs(flowing({ ...FLOW, curve: CURVE }, 5, 800) - 1000) <= 3);
  t.true(Math.abs(flowing({ ...FLOW, curve: CURVE }, 50, 80) - 4000 / 4.8) <= 3);
  const warm = flowing({ ...FLOW, curve: CURVE }, 25, 160);
  const cold = flowing({ ...FLOW, curve: CURVE, temperature: 2 }, 25, 160);
  t.true(cold > 1.05 * warm - 10, `${cold} and ${warm}`);
  t.is(flowing({ ...FLOW, pulsesPerLitre: 400 }, 50, 80), 1000);
});

test("a tap that drips day and night is a leak, in a line with a flow meter too", (t) => {
  const board = new TestBoard();
  const found: string[] = [];
  board.set(4, 0);
  const onFinding = ({ what }: Finding) => found.push(what);
  const sensor = { ...FLOW, pulsesPerLitre: 400, interval: 10_000, pause: HOUR };
  board.start({ ...product, onFinding }, configOf([{ capacity: 60_000, sensor }]));
  for (let minute = 1; minute <= 49 * 60; minute++) {
    board.set(4, minute);
    board.pass(MINUTE);
  }
  t.deepEqual(found, ["leak"]);
});

test("numbers that do not fit together are refused by name", (t) => {
  const pages = { kind: "page-counter", receive: 1, transmit: 2, stepsPerPage: 1, interval: 1000 };
  for (const [sensor, field, message] of [
    [FLOW, "pulsesPerLitre", /where there is no curve/],
    [{ ...FLOW, pulsesPerLitre: 1, curve: CURVE }, "pulsesPerLitre", /nothing beside a curve/],
    [{ ...FLOW, pulsesPerLitre: 1, temperature: 5 }, "temperature", /nothing without a curve/],
    [{ ...FLOW, curve: [...CURVE].reverse() }, "curve", /rising/],
    [{ ...FLOW, curve: [{ rate: 1 }] }, "curve", /one or more/],
    [{ ...pages, most: 50, modulus: 50 }, "most", /less than modulus/],
    [{ ...pages, most: 50, modulus: 20 }, "most", /less than modulus/],
  ] as const) {
    const error = t.throws(() => new TestBoard().start(product, configOf([{ sensor }])), {
      instanceOf: ConfigError,
      message,
    });
    t.is(error!.path, `slots[0].sensor.${field}`);
  }
});
