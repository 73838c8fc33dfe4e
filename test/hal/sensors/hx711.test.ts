import test from "ava";
import fc from "fast-check";
import {
  HX711,
  type HX711Input,
  type HX711Options,
  LoadCell,
  MassMeter,
  SensorError,
} from "../../../hal/index.js";
import { LoadCellModel } from "../../../hal/simulator/models/load-cell-model.js";
import { type Ailment, BenchClock, HX711Model, hx711Bench } from "./hx711-model.js";

const INPUTS: readonly HX711Input[] = ["A128", "A64", "B32"];
const LOWEST = -(2 ** 23);
const HIGHEST = 2 ** 23 - 1;
/** Reads until there is a sample: with a reset, another input and data that are read again. */
const TRIES = 12;
const SECOND = 1000;

interface Set {
  readonly input?: HX711Input;
  readonly rate?: 10 | 80;
  readonly hz?: number;
  readonly hold?: boolean;
  readonly slowness?: number;
}

function bench(counts: (input: HX711Input, time: number) => number, set: Set = {}) {
  const { hold = false, hz, slowness = 0, ...options } = set;
  const clock = new BenchClock();
  const model = new HX711Model({ clock, counts, slowness, ...(set.rate ? { rate: set.rate } : {}) });
  const board = hx711Bench(clock, model);
  const chosen: HX711Options = {
    spi: { io: board.Spi, out: 16, in: 4, clock: 17, ...(hz ? { hz } : {}) },
    ...(hold ? { hold: { io: board.Hold } } : {}),
    ...options,
    ticks: clock.ticks,
  };
  return { clock, model, board, options: chosen, open: () => new HX711(chosen) };
}

/** Never the same twice in a row, as the firmware does it; and a timer is never exact. */
function wait(clock: BenchClock, tries: number): void {
  clock.pass(700 + 90 * (tries % TRIES) + Math.sin(clock.now));
}

/** Asks every second, as the firmware does. */
function next(clock: BenchClock, read: () => number | undefined): number | undefined {
  for (let i = 0; i < TRIES; i++) {
    const counts = read();
    if (counts !== undefined) return counts;
    wait(clock, i);
  }
  return undefined;
}

const anySet = fc.record({
  input: fc.constantFrom(...INPUTS),
  rate: fc.constantFrom(10 as const, 80 as const),
  hz: fc.integer({ min: 500_000, max: 2_000_000 }),
  hold: fc.boolean(),
  slowness: fc.double({ min: -0.15, max: 0.15, noNaN: true }),
});
const anyCounts = fc.oneof(
  fc.integer({ min: LOWEST, max: HIGHEST }),
  fc.constantFrom(LOWEST, HIGHEST, 0, -1, 0xff, 0x5555ff, -256),
);

test("any counts come back exactly at any input, rate and speed, and PD_SCK keeps the data sheet's times", (t) => {
  fc.assert(
    fc.property(anySet, fc.array(anyCounts, { minLength: 1, maxLength: 4 }), (set, values) => {
      let at = 0;
      // Another input shows something else.
      const { clock, model, open } = bench((input) => (input === set.input ? values[at]! : 4711), set);
      const io = open();
      for (at = 0; at < values.length; at++) {
        t.is(
          next(clock, () => io.read()),
          values[at],
        );
        clock.pass(15 * 60 * SECOND);
      }
      t.deepEqual(model.violations, []);
    }),
  );
});

test("a frame is seven bytes of pulses after one of zeros, in mode 0", (t) => {
  const { clock, board, options } = bench(() => 0);
  const sent: string[] = [];
  class Recording extends board.Spi {
    override transfer(buffer: Uint8Array): void {
      sent.push(Buffer.from(buffer).toString("hex"));
      super.transfer(buffer);
    }
  }
  const io = new HX711({ ...options, spi: { ...options.spi, io: Recording }, input: "B32" });
  t.is(
    next(clock, () => io.read()),
    0,
  );
  const reset = "ffffffffffffffffffffffffff000000";
  t.deepEqual(sent.slice(0, 2), [reset, "00000000"]);
  t.deepEqual(new Set(sent.slice(2)), new Set(["00000000", "00aaaaaaaaaaaaa0"]));
  t.deepEqual(board.log, [{ hz: 1_000_000, mode: 0 }]);
});

test("the model refuses what the data sheet forbids", (t) => {
  const play = (hz: number, ...bytes: number[]) => {
    const clock = new BenchClock();
    const model = new HX711Model({ clock, counts: () => 5 });
    const { Spi } = hx711Bench(clock, model);
    clock.pass(SECOND);
    new Spi({ hz, mode: 0 }).transfer(new Uint8Array(bytes));
    return { ...model, violations: model.violations };
  };
  const frame = [0, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0x80];
  t.deepEqual(play(1e6, ...frame).violations, []);
  t.regex(play(10e6, ...frame).violations[0]!, /high for 0\.(1|09)/);
  t.regex(play(18_000, ...frame).violations[0]!, /high for 55/);
  t.is(play(10_000, ...frame).resets, 25);
  t.regex(play(1e6, ...frame.slice(0, 7), 0xaa).violations[0]!, /28 pulses/);
});

test("data are not given out before they are settled", (t) => {
  for (const input of INPUTS)
    for (const rate of [10, 80] as const)
      for (const hold of [false, true]) {
        const { clock, open } = bench(() => 1000, { input, rate, hold, slowness: 0.15 });
        const io = open();
        const started = clock.now;
        for (let i = 0; i < 200; i++) {
          const counts = io.read();
          if (counts !== undefined) {
            t.is(counts, 1000);
            t.true(clock.now - started >= 4 * (1e6 / rate));
          }
          clock.pass(10);
        }
      }
});

test("each conversion is given out once", (t) => {
  const { clock, open, model } = bench(() => 7);
  const io = open();
  clock.pass(SECOND);
  let given = 0;
  for (let i = 0; i < 1000; i++) {
    if (io.read() !== undefined) given++;
    clock.pass(10);
  }
  t.true(given >= 99 && given <= 101, `${given}`);
  t.is(model.conveyed, given);
  t.is(io.read(), undefined);
});

test("with a hold the part is powered down between samples, and the pins are one IO's at a time", (t) => {
  const { clock, model, board, open } = bench((input) => (input === "A64" ? 9 : 1), {
    hold: true,
    input: "A64",
  });
  const io = open();
  for (let i = 0; i < 5; i++) {
    t.is(
      next(clock, () => io.read()),
      9,
    );
    clock.pass(1);
    t.true(model.isDown(clock.now));
    t.is(board.opened.size, 1);
    clock.pass(60 * SECOND);
  }
  io.close();
  io.close();
  t.is(board.opened.size, 0);
  t.is(t.throws(() => io.read(), { instanceOf: SensorError }).code, "closed");
  t.deepEqual(model.violations, []);
});

const AILMENTS: readonly Ailment[] = [
  "never-ready",
  "stuck-low",
  "stuck-high",
  "dead-low",
  "dead-high",
  "unsteady",
];

for (const ailment of AILMENTS)
  for (const hold of [false, true])
    test(`${ailment}${hold ? ", with a hold" : ""}: a typed error within seconds, then the next sample is right`, (t) => {
      const { clock, model, open } = bench(() => -5, { hold, input: "B32" });
      const io = open();
      t.is(
        next(clock, () => io.read()),
        -5,
      );
      for (let i = 0; i < 3; i++) {
        model.ailment = ailment;
        const error = t.throws(() => next(clock, () => io.read()), { instanceOf: SensorError });
        t.is(error.code, ailment === "unsteady" ? "protocol" : "bus");
        model.powerUp();
        clock.pass(SECOND);
        t.is(
          next(clock, () => io.read()),
          -5,
        );
      }
      t.deepEqual(model.violations, []);
    });

test("a part that is missing from the start is found out by the first reads", (t) => {
  const { clock, model, open } = bench(() => 0);
  model.ailment = "stuck-high";
  const io = open();
  t.is(t.throws(() => next(clock, () => io.read()), { instanceOf: SensorError }).code, "bus");
});

test("power lost at any pulse: an error, or data read again, but never data that are wrong by more than 127 counts", (t) => {
  fc.assert(
    fc.property(
      // At another input it would come back at A128, which nobody can see.
      anySet.map((set) => ({ ...set, input: "A128" as const })),
      anyCounts,
      fc.integer({ min: 1, max: 25 }),
      fc.constantFrom(0 as const, 1 as const),
      fc.integer({ min: 0, max: 5 }),
      (set, counts, pulse, level, seconds) => {
        const { clock, model, open } = bench((input) => (input === set.input ? counts : 4711), set);
        const io = open();
        t.is(
          next(clock, () => io.read()),
          counts,
        );
        clock.pass(5 * SECOND);
        model.cut = { pulse, level };
        let outage = seconds;
        let first: number | undefined;
        for (let i = 0; i < 3 * TRIES && first === undefined; i++) {
          try {
            first = io.read();
          } catch (error) {
            t.true(error instanceof SensorError && /^(bus|protocol)$/.test(error.code), `${error}`);
          }
          if (model.ailment !== "none" && outage-- === 0) model.powerUp();
          wait(clock, i);
        }
        t.true(Math.abs(first! - counts) <= 127, `${first} for ${counts}`);
        if (model.ailment !== "none") {
          model.powerUp();
          io.close();
          const again = open();
          t.is(
            next(clock, () => again.read()),
            counts,
          );
        }
      },
    ),
  );
});

test("a bus or a pin that fails: its own error, then the next sample is right", (t) => {
  const { clock, board, open } = bench(() => 77, { hold: true });
  board.faults.transfers = 1;
  t.throws(open, { message: "bus" });
  t.is(board.opened.size, 0);
  const io = open();
  for (const fault of ["transfers", "holds"] as const)
    for (let after = 0; after < 3; after++) {
      for (let i = 0; i < after; i++) {
        io.read();
        clock.pass(SECOND);
      }
      board.faults[fault] = 1;
      t.throws(() => next(clock, () => io.read()), { message: /bus|no pin/ });
      t.is(
        next(clock, () => io.read()),
        77,
      );
    }
});

test("options that cannot be are refused before anything is opened", (t) => {
  const { options, board } = bench(() => 0);
  const refused: object[] = [
    { spi: {} },
    { spi: { io: board.Spi, hz: 400_000 } },
    { spi: { io: board.Spi, hz: 5e6 } },
    { spi: { io: board.Spi, hz: "fast" } },
    { hold: {} },
    { input: "B128" },
    { input: "constructor" },
    { rate: 40 },
    { ticks: undefined },
  ];
  for (const wrong of refused) {
    const error = t.throws(() => new HX711({ ...options, ...wrong } as never), { instanceOf: SensorError });
    t.is(error.code, "options");
  }
  t.is(board.log.length, 0);
});

test("behind a load cell: an end of the range is a fault, and errors come through the sample", (t) => {
  let counts = 0;
  const { clock, model, options } = bench(() => counts, { hold: true });
  const sensor = new LoadCell({ sensor: { io: HX711, ...options } });
  sensor.configure({ zero: 100, scale: 0.5 });
  const sample = () => {
    for (let i = 0; i < TRIES; i++) {
      const found = sensor.sample();
      if (found) return found;
      wait(clock, i);
    }
    return undefined;
  };
  for (counts of [HIGHEST, LOWEST]) t.deepEqual(sample()?.faults, { saturated: true });
  counts = 300;
  t.deepEqual(sample(), { mass: 100, raw: 300 });
  model.ailment = "stuck-low";
  t.is(t.throws(sample, { instanceOf: SensorError }).code, "bus");
  model.powerUp();
  t.deepEqual(sample(), { mass: 100, raw: 300 });
  sensor.close();
});

test("a month of weighing through the amplifier: what was used and put in is counted within 2.5 %, failures included", (t) => {
  const DAY = 86_400_000;
  const INTERVAL = 15 * 60 * SECOND;
  const STEP = 0.00283495;
  const scale = 2e-7;
  const zero = 84_000;
  let used = 0;
  let counted = 0;
  let refills = 0;
  for (let home = 0; home < 4; home++) {
    const bridge = new LoadCellModel({
      seed: `hx711-${home}`,
      zero,
      scale,
      noise: 0.001,
      driftPerDay: 0.0015,
      temperatureSwing: 0.002,
    });
    let mass = 1;
    const input: HX711Input = home % 2 === 0 ? "A128" : "A64";
    const { clock, model, options } = bench(
      (shown, time) => (shown === input ? bridge.raw(mass, time / 1000) : 1_000_000),
      { hold: home < 2, input, slowness: 0.0123 * (home + 1) },
    );
    const sensor = new LoadCell({ sensor: { io: HX711, ...options } });
    sensor.configure({ zero, scale });
    const level = Math.round(mass / STEP);
    const meter = new MassMeter({ massPerStep: STEP, noise: 0.001, level });
    let errors = 0;
    for (let slot = 0; slot < 30 * 96; slot++) {
      const hour = (slot % 96) / 4;
      if (slot > 20 && [7, 12, 16, 19].includes(hour)) {
        mass -= 0.035;
        used += 0.035;
      }
      if (hour === 22 && mass < 0.2) {
        mass += 0.7;
        refills++;
        counted += 0.7;
      }
      // Now and then it has no power for a while.
      if (slot % 500 === 499) model.ailment = slot % 1000 === 999 ? "dead-low" : "dead-high";
      if (slot % 500 === 3) model.powerUp();
      const due = clock.now + INTERVAL * 1000;
      for (let i = 0; i < TRIES; i++) {
        try {
          const sample = sensor.sample();
          if (sample) {
            const { consumed, refilled } = meter.update(sample);
            counted += consumed * STEP - refilled * STEP;
            break;
          }
        } catch (error) {
          t.true(error instanceof SensorError);
          errors++;
          break;
        }
        wait(clock, i);
      }
      clock.now = due;
    }
    t.true(clock.now / 1000 >= 30 * DAY);
    t.true(errors >= 5, `${errors} errors`);
    t.deepEqual(model.violations, []);
    sensor.close();
  }
  t.true(refills > 10);
  t.true(Math.abs(counted / used - 1) < 0.025, `${counted} of ${used} kg`);
});
