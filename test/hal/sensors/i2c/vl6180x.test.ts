import test, { type ExecutionContext } from "ava";
import { SensorError } from "../../../../hal/index.js";
import { VL6180X, type VL6180XSample } from "../../../../hal/sensors/i2c/vl6180x.js";
import { FakeBus } from "./fake-bus.js";
import { FakeVL6180X } from "./fake-vl6180x.js";

function board() {
  const bus = new FakeBus();
  const part = new FakeVL6180X(bus.violations);
  bus.parts.set(0x29, part);
  const open = () => new VL6180X({ sensor: { io: bus.IO, data: 21, clock: 22 } });
  return { bus, part, open };
}

/** Calls sample until it gives something. */
function measured(sensor: VL6180X, calls = 20): VL6180XSample {
  for (let i = 0; i < calls; i++) {
    const sample = sensor.sample();
    if (sample) return sample;
  }
  throw new Error("no sample");
}

const code = (t: ExecutionContext, call: () => unknown) =>
  t.throws(call, { instanceOf: SensorError, message: /^VL6180X: / }).code;

test("the part is set up as ST's application note has it, then measures", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  t.is(part.registers.get(0x016), 0);
  t.deepEqual(sensor.identification, { model: "VL6180X", classification: "LevelGauge" });
  t.deepEqual(measured(sensor), { distance: 0.05 });
  const { options } = bus.opened[0]!;
  t.like(options, { address: 0x29, hz: 400_000, data: 21, clock: 22 });
  t.deepEqual(bus.violations, []);
});

test("the fake refuses a set-up in another order, with one register less, or none", (t) => {
  const { bus, part, open } = board();
  open();
  const writes = bus.transactions.filter(({ kind }) => kind === "write").map(({ bytes }) => bytes);
  t.is(writes.length, 36);
  const spoilt = [
    [writes[1]!, writes[0]!, ...writes.slice(2)],
    writes.filter((_, i) => i !== 7),
    writes.slice(-1),
  ];
  for (const sequence of spoilt) {
    part.reset();
    bus.violations.length = 0;
    for (const bytes of sequence) part.write(bytes);
    t.true(bus.violations.length > 0);
  }
});

test("a measurement is started by one call and told by a later one, once", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  t.is(part.measurements, 0);
  t.is(sensor.sample(), undefined);
  t.is(part.measurements, 1);
  part.millimetres = 42;
  t.is(sensor.sample(), undefined);
  t.is(sensor.sample(), undefined);
  t.deepEqual(sensor.sample(), { distance: 0.042 });
  t.is(part.measurements, 1, "the next is not started before it is asked for");
  part.millimetres = 43;
  t.deepEqual(measured(sensor), { distance: 0.043 });
  t.is(part.measurements, 2);
  t.deepEqual(bus.violations, []);
});

test("a part that is not ready is not started", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  part.isReady = false;
  t.is(sensor.sample(), undefined);
  t.is(sensor.sample(), undefined);
  t.is(part.measurements, 0);
  part.isReady = true;
  t.deepEqual(measured(sensor), { distance: 0.05 });
  t.deepEqual(bus.violations, []);
});

test("a part that was without power alone is set up anew, also when that was during a measurement", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  sensor.configure({ convergence: 20 });
  t.deepEqual(measured(sensor), { distance: 0.05 });
  part.reset();
  t.deepEqual(measured(sensor), { distance: 0.05 });
  t.is(part.registers.get(0x01c), 20);
  t.is(sensor.sample(), undefined);
  part.reset();
  t.is(
    code(t, () => measured(sensor)),
    "bus",
  );
  part.millimetres = 60;
  t.deepEqual(measured(sensor), { distance: 0.06 });
  t.deepEqual(bus.violations, []);
});

test("a part that gives nothing ten times is an error, and so are the next ten", (t) => {
  const { part, open } = board();
  const sensor = open();
  for (const change of [{ isReady: false }, { isReady: false }, { isReady: true, duration: 100 }]) {
    Object.assign(part, change);
    for (let call = 0; call < 9; call++) t.is(sensor.sample(), undefined);
    t.is(
      code(t, () => sensor.sample()),
      "bus",
    );
  }
});

test("every error code is a fault with no distance", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  const expected: [range: string, ...codes: number[]][] = [
    ["part", 1, 2, 3, 4, 5, 9, 10],
    ["far", 6, 7, 8, 13, 15],
    ["noise", 11],
    ["near", 12, 14],
  ];
  let count = 0;
  for (const [range, ...codes] of expected)
    for (const code of codes) {
      part.code = code;
      part.millimetres = 255;
      t.deepEqual(measured(sensor), { distance: NaN, faults: { range, code } } as VL6180XSample);
      count++;
    }
  t.is(count, 15);
  part.code = 0;
  t.deepEqual(measured(sensor), { distance: 0.255 });
  t.deepEqual(bus.violations, []);
});

test("the offset is added, the convergence time goes to the part", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  t.deepEqual(sensor.configuration, { offset: 0, convergence: 49 });
  sensor.configure(Object.freeze({ offset: -0.01, convergence: 20 }));
  t.is(part.registers.get(0x01c), 20);
  t.is(measured(sensor).distance, 0.05 - 0.01);
  sensor.configure({});
  t.deepEqual(sensor.configuration, { offset: -0.01, convergence: 20 });
  for (const bad of [
    { offset: 0.2001 },
    { offset: -0.2001 },
    { offset: "0" },
    { offset: NaN },
    { offset: 0.1, convergence: 0 },
    { offset: 0.1, convergence: 64 },
    { convergence: 1.5 },
    null,
  ])
    t.is(
      code(t, () => sensor.configure(bad as never)),
      "configuration",
    );
  t.deepEqual(sensor.configuration, { offset: -0.01, convergence: 20 });
  t.is(part.registers.get(0x01c), 20);
  for (const good of [
    { offset: 0.2, convergence: 1 },
    { offset: -0.2, convergence: 63 },
  ]) {
    sensor.configure(good);
    t.deepEqual(sensor.configuration, good);
  }
  t.deepEqual(bus.violations, []);
});

test("a configuration that the bus loses changes nothing", (t) => {
  const { bus, open } = board();
  const sensor = open();
  bus.failAt = bus.transactions.length;
  t.is(
    code(t, () => sensor.configure({ offset: 0.1, convergence: 20 })),
    "bus",
  );
  t.deepEqual(sensor.configuration, { offset: 0, convergence: 49 });
});

test("no part, another part: the constructor says which, and nothing stays open", (t) => {
  const { bus, part, open } = board();
  part.registers.set(0, 0xee);
  const error = t.throws(open, { instanceOf: SensorError });
  t.is(error.code, "identity");
  t.regex(error.message, /MODEL_ID.*238/);
  t.is(bus.transactions.length, 1, "nothing is written to a stranger");
  bus.parts.clear();
  t.is(code(t, open), "bus");
  t.deepEqual(
    bus.opened.map(({ closed }) => closed),
    [1, 1],
  );
  t.deepEqual(bus.violations, []);
});

test("a bus that fails anywhere in the set-up: typed, closed, and the next try is sound", (t) => {
  const length = (() => {
    const { bus, open } = board();
    open();
    return bus.transactions.length;
  })();
  for (let at = 0; at < length; at++) {
    const { bus, open } = board();
    bus.failAt = at;
    t.is(code(t, open), "bus");
    t.is(bus.opened[0]!.closed, 1);
    t.deepEqual(measured(open()), { distance: 0.05 });
    t.deepEqual(bus.violations, [], `${at}`);
  }
});

test("a bus that fails anywhere in a sample: typed, and the sensor stays usable", (t) => {
  for (let at = 0; ; at++) {
    const { bus, part, open } = board();
    const sensor = open();
    part.code = 7;
    bus.failAt = bus.transactions.length + at;
    const before = bus.transactions.length;
    let failure: unknown;
    try {
      measured(sensor);
    } catch (error) {
      failure = error;
    }
    if (bus.transactions.length - before <= at) {
      t.true(at > 5, "every transaction had its turn");
      break;
    }
    t.true(failure instanceof SensorError && failure.code === "bus");
    part.code = 0;
    part.millimetres = 77;
    // What was under way when the bus failed may not be told as what is there now: only a new measurement may.
    const { measurements } = part;
    t.deepEqual(measured(sensor), { distance: 0.077 });
    t.is(part.measurements, measurements + 1);
    t.deepEqual(bus.violations, [], `${at}`);
  }
});

test("a read that comes short is an error of the bus", (t) => {
  const { bus, open } = board();
  const sensor = open();
  bus.lose = 1;
  t.is(
    code(t, () => sensor.sample()),
    "bus",
  );
  bus.lose = 0;
  t.deepEqual(measured(sensor), { distance: 0.05 });
});

/** A board whose pin 4 is connected to the part's GPIO1. */
function wired() {
  const { bus, part } = board();
  const lines: { options: Record<string, unknown>; isOpen: boolean }[] = [];
  class Digital {
    readonly #line;
    constructor(options: Record<string, unknown> & { onReadable(): void }) {
      this.#line = { options, isOpen: true };
      lines.push(this.#line);
      part.onFall = () => options.onReadable();
    }
    close() {
      this.#line.isOpen = false;
    }
  }
  const alert = { io: Digital, pin: 4, mode: "InputPullUp", edge: 2 };
  const open = (more: object = {}) =>
    new VL6180X({ sensor: { io: bus.IO, data: 21, clock: 22 }, alert, ...more } as never);
  return { bus, part, lines, open };
}

test("with an alert line, the end of each measurement is told once, and sample has it at once", (t) => {
  const { bus, part, lines, open } = wired();
  const told: unknown[] = [];
  const sensor: VL6180X = open({
    onAlert(this: VL6180X) {
      told.push(this === sensor, this.sample());
    },
  });
  t.like(lines[0]!.options, { pin: 4, mode: "InputPullUp", edge: 2 });
  t.is(part.registers.get(0x011), 0x10);
  part.onFall();
  t.deepEqual(told, [], "nothing was started");
  for (const millimetres of [50, 72]) {
    part.millimetres = millimetres;
    t.is(sensor.sample(), undefined);
    part.finish();
  }
  t.deepEqual(told, [true, { distance: 0.05 }, true, { distance: 0.072 }]);
  sensor.sample();
  sensor.close();
  t.false(lines[0]!.isOpen);
  part.finish();
  t.is(told.length, 4);
  t.deepEqual(bus.violations, []);
});

test("a part that lost its power alone has its line set up again", (t) => {
  const { part, open } = wired();
  let told = 0;
  const sensor = open({ onAlert: () => told++ });
  part.reset();
  sensor.sample();
  part.finish();
  t.is(told, 1);
});

test("an alert line without onAlert, and onAlert without a line, are refused, and nothing is left open", (t) => {
  const { bus, lines, open } = wired();
  for (const more of [{}, { alert: undefined, onAlert: () => {} }, { alert: { pin: 4 }, onAlert: () => {} }])
    t.is(
      code(t, () => open(more)),
      "options",
    );
  t.is(lines.length, 0);
  t.true(bus.opened.every(({ closed }) => closed));
});

test("without an alert line nothing is written to GPIO1", (t) => {
  const { bus, part, open } = board();
  measured(open());
  t.is(part.registers.get(0x011), undefined);
  t.deepEqual(bus.violations, []);
});
