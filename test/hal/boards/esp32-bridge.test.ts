import { register } from "node:module";
import test from "ava";
import type { IOClass } from "../../../hal/boards/board.js";
import { LoadCell, SensorError } from "../../../hal/index.js";
import { BenchClock, HX711Model, hx711Bench } from "../sensors/hx711-model.js";

/** Constructors of the platform's IO, for the modules below, which stand for the SDK's. */
const platform: Record<string, unknown> = {};
(globalThis as Record<string, unknown>).platformIO = platform;
const hooks = `
export async function resolve(specifier, context, next) {
  return specifier.startsWith("embedded:io/") ? { url: specifier, shortCircuit: true } : next(specifier, context);
}
export async function load(url, context, next) {
  if (!url.startsWith("embedded:io/")) return next(url, context);
  const name = JSON.stringify(url.slice("embedded:io/".length));
  const source = "export default class { constructor(options) { return new globalThis.platformIO[" + name + "](options); } static Output = 'output'; };";
  return { format: "module", shortCircuit: true, source };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

interface Module {
  bridge(amplifiers: object, ticks: () => number): IOClass;
}
const { bridge } = (await import("../../../hal/boards/esp32/io.js" as string)) as Module;

function board(amplifiers: object) {
  const clock = new BenchClock();
  const model = new HX711Model({ clock, counts: (input) => (input === "A64" ? 42 : 1) });
  const { Spi, Hold, opened } = hx711Bench(clock, model);
  const options: { io: string; options: object }[] = [];
  platform.spi = class extends Spi {
    constructor(given: { hz: number; mode: unknown }) {
      super(given);
      options.push({ io: "spi", options: given });
    }
  };
  platform.digital = class extends Hold {
    constructor(given: object) {
      super();
      options.push({ io: "digital", options: given });
    }
  };
  const Bridge = bridge(amplifiers, clock.ticks);
  const read = (io: { read(): number | undefined }) => {
    for (let i = 0; i < 6; i++) {
      const counts = io.read();
      if (counts !== undefined) return counts;
      clock.pass(900);
    }
    return undefined;
  };
  return { Bridge, read, opened, options, clock, model };
}

test("the amplifier at a pin is opened on the pins of its wiring, and sleeps between samples", (t) => {
  const wiring = { clock: 16, spare: 17, input: "A64" };
  const { Bridge, read, options, clock, model } = board(Object.freeze({ "4": Object.freeze(wiring) }));
  const io = new Bridge({ pin: 4 });
  t.is(read(io), 42);
  clock.pass(1);
  t.true(model.isDown(clock.now));
  t.is(read(io), 42);
  t.deepEqual(options.slice(0, 2), [
    { io: "spi", options: { port: 1, out: 16, in: 4, clock: 17, hz: 1_000_000, mode: 0 } },
    { io: "digital", options: { pin: 16, mode: "output", initialValue: 1 } },
  ]);
  t.deepEqual(model.violations, []);
});

test("kept awake it gives a reading with every conversion, and sleeps when it may", (t) => {
  const { Bridge, options, clock, model } = board({ "4": { clock: 16, spare: 17 } });
  const cell = new LoadCell({ sensor: { io: Bridge, pin: 4 } });
  cell.configure({ scale: 1e-6 });
  cell.stayAwake(true);
  t.is(cell.sample(), undefined);
  clock.pass(900);
  for (let reading = 0; reading < 3; reading++) {
    t.is(cell.sample()?.raw, 1);
    t.false(model.isDown(clock.now));
    clock.pass(120);
  }
  t.is(options.length, 1);
  cell.stayAwake(false);
  clock.pass(1);
  t.true(model.isDown(clock.now));
  cell.stayAwake(false);
  t.is(options.length, 2);
  // The next burst wakes it.
  cell.stayAwake(true);
  t.is(cell.sample(), undefined);
  clock.pass(900);
  t.is(cell.sample()?.raw, 1);
  t.false(model.isDown(clock.now));
  cell.close();
  t.deepEqual(model.violations, []);
});

test("without sleep it stays on the bus", (t) => {
  const { Bridge, read, options } = board({ "4": { clock: 16, spare: 17, input: "A64", sleep: false } });
  const io = new Bridge({ pin: 4 });
  t.is(read(io), 42);
  t.is(read(io), 42);
  t.is(options.length, 1);
});

test("an amplifier that is not wired, a second one, and a wiring that cannot be are refused", (t) => {
  const { Bridge, opened } = board({
    "4": { clock: 16, spare: 17 },
    "5": { clock: 18, spare: 19 },
    "7": { clock: 18 },
    "6": { clock: 20, spare: 21, rate: 11 },
  });
  for (const pin of [7, 9])
    t.like(
      t.throws(() => new Bridge({ pin })),
      { code: "options" },
    );
  t.is(t.throws(() => new Bridge({ pin: 6 }), { instanceOf: SensorError }).code, "options");
  const io = new Bridge({ pin: 4 });
  t.like(
    t.throws(() => new Bridge({ pin: 5 })),
    { code: "unsupported" },
  );
  io.close();
  io.close();
  t.is(opened.size, 0);
  new Bridge({ pin: 5 }).close();
});
