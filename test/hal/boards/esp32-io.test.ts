import { register } from "node:module";
import test from "ava";
import type { IOClass, OpenIO, ResetReason } from "../../../hal/boards/board.js";
import { DoseCounter } from "../../../hal/index.js";
import { FlowMeter } from "../../../hal/sensors/pulse/flow-meter.js";
import type { SensorClock } from "../../../hal/sensors/sensor-clock.js";
import { QuadratureHardware } from "../sensors/quadrature-hardware.js";
import { VirtualTime } from "../sensors/virtual-time.js";

/** What stands for the modules of the platform. */
const platform: Record<string, unknown> = {};
(globalThis as Record<string, unknown>).platformModules = platform;
const hooks = `
const isPlatform = (name) => name.startsWith("embedded:io/") || name === "resetReason";
export async function resolve(specifier, context, next) {
  return isPlatform(specifier) ? { url: "platform:" + specifier, shortCircuit: true } : next(specifier, context);
}
export async function load(url, context, next) {
  if (!url.startsWith("platform:")) return next(url, context);
  return { format: "module", shortCircuit: true, source: "export default globalThis.platformModules[" + JSON.stringify(url.slice(9)) + "]" };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

interface DigitalOptions {
  pin: number;
  mode: string;
  edge?: number;
  initialValue?: number;
  onReadable?(): void;
}

class Digital {
  static readonly InputPullUp = "pull-up";
  static readonly Output = "output";
  static readonly Rising = 1;
  static readonly Falling = 2;
  static opened: Digital[] = [];
  readonly options: DigitalOptions;
  level = 1;
  isClosed = false;

  constructor(options: DigitalOptions) {
    this.options = options;
    this.level = options.initialValue ?? 1;
    Digital.opened.push(this);
  }

  /** The line falls and rises again. */
  pulse(): void {
    if (this.options.edge! & Digital.Falling) this.options.onReadable?.();
  }

  read(): number {
    return this.level;
  }

  write(level: number): void {
    this.level = level;
  }

  close(): void {
    this.isClosed = true;
  }
}

const counters: QuadratureHardware[] = [];
let reason = 0;
Object.assign(platform, {
  "embedded:io/digital": Digital,
  "embedded:io/pulsecount": class extends QuadratureHardware {
    constructor(options: { signal: number; control?: number }) {
      super(options);
      counters.push(this);
    }
  },
  "embedded:io/spi": class {},
  resetReason: () => ({ reason, string: "?" }),
});

interface IOModule {
  pulseCounter(controls: Readonly<Record<string, number>>, clock: SensorClock): IOClass;
  openLight(light: { pin: number; activeLow?: boolean }): (isOn: 0 | 1) => void;
}
const load = (name: string) => import(`../../../hal/boards/esp32/${name}.js`);
const { pulseCounter, openLight } = (await load("io")) as IOModule;
const { resetReason } = (await load("reset-reason")) as { resetReason(): ResetReason };

test.beforeEach(() => {
  counters.length = 0;
  Digital.opened.length = 0;
});

test.serial("with a control pin the chip counts, each pulse once", (t) => {
  const PulseCount = pulseCounter({ "4": 16 }, new VirtualTime());
  const io = new PulseCount({ pin: 4 });
  const [counter] = counters as [QuadratureHardware];
  t.like(counter.options, { signal: 4, control: 16 });
  t.is(io.read(), 0);
  counter.pulses(3);
  t.is(io.read(), 3);
  counter.signal = 1;
  counter.control = 1;
  t.is(io.read(), 3, "half a pulse");
  counter.signal = 0;
  counter.control = 0;
  t.is(io.read(), 4);
  io.close();
  t.is(counter.closed, 1);
});

test.serial("a flow meter counts on it as on an IO that counts pulses, past the hardware's end", (t) => {
  const time = new VirtualTime();
  const PulseCount = pulseCounter({ "4": 16 }, time);
  const meter = new FlowMeter({ sensor: { io: PulseCount as never, pin: 4 }, clock: time });
  // 14 bits of pulses are the 16 of the hardware's edges.
  meter.configure({ wiring: "single", counterBits: 14, pulsesPerLitre: 450, maximumRate: 400 });
  const [counter] = counters as [QuadratureHardware];
  for (let second = 0; second < 60; second++) {
    counter.pulses(400);
    time.advance(1_000);
  }
  const { volume, ...sample } = meter.sample()!;
  t.deepEqual(sample, { count: 24_000, behind: 0, direction: 1, flow: 400 / 450 / 1000 });
  t.true(Math.abs(volume! - 24_000 / 450 / 1000) < 1e-12);
  meter.close();
});

test.serial("without one a digital input counts doses, and says when they come too fast", (t) => {
  const time = new VirtualTime();
  const PulseCount = pulseCounter({}, time);
  const counts: number[] = [];
  const sensor = new DoseCounter({
    sensor: {
      io: PulseCount as never,
      pin: 5,
      onReadable: () => counts.push(sensor.sample()!.count),
    } as never,
  });
  const [input] = Digital.opened as [Digital];
  t.like(input.options, { pin: 5, mode: "pull-up", edge: Digital.Falling });
  t.is(counters.length, 0);
  for (let i = 0; i < 3; i++) {
    time.advance(200);
    input.pulse();
  }
  t.deepEqual(counts, [1, 2, 3]);
  sensor.close();
  t.true(input.isClosed);

  const io = new PulseCount({ pin: 6 }) as OpenIO & { overruns: number };
  const [, fast] = Digital.opened as [Digital, Digital];
  time.advance(100);
  fast.pulse();
  time.advance(10);
  fast.pulse();
  t.is(io.read(), 2);
  t.is(io.overruns, 1);
});

test.serial("a light is dark when it is opened, whichever level that is", (t) => {
  for (const activeLow of [false, true]) {
    Digital.opened.length = 0;
    const write = openLight({ pin: 2, activeLow });
    const [output] = Digital.opened as [Digital];
    const dark = activeLow ? 1 : 0;
    t.like(output.options, { pin: 2, mode: "output" });
    t.is(output.level, dark);
    write(1);
    t.is(output.level, 1 - dark);
    write(0);
    t.is(output.level, dark);
  }
});

test.serial("every reason of ESP-IDF is told in the board's words", (t) => {
  const told = Array.from({ length: 17 }, (_, i) => {
    reason = i;
    return resetReason();
  });
  t.deepEqual(told, [
    "other",
    "power-on",
    "external",
    "software",
    "panic",
    "watchdog",
    "watchdog",
    "watchdog",
    "other",
    "brown-out",
    "other",
    "external",
    "external",
    "other",
    "brown-out",
    "panic",
    "other",
  ]);
});
