import test from "ava";
import fc from "fast-check";
import { SensorError } from "../../../hal/index.js";
import {
  speedOfSound,
  Ultrasonic,
  type UltrasonicOptions,
  type UltrasonicSample,
} from "../../../hal/sensors/pulse/ultrasonic.js";
import { VirtualTime } from "./virtual-time.js";

/** Milliseconds from the trigger to the echo line's rise: the burst of eight waves and the part's own time. */
const BURST = 0.45;

type Answer = number | "none" | readonly number[];

/** An HC-SR04 between two pins, which holds the sensor to its data sheet. */
class Part {
  readonly violations: string[] = [];
  readonly clock = new VirtualTime();
  triggers = 0;
  echo: { options: Record<string, unknown> & { onReadable(): void; onError(e?: unknown): void } } | undefined;
  trigger: { options: Record<string, unknown> & { onError(e?: unknown): void } } | undefined;
  echoClosed = 0;
  triggerClosed = 0;
  broken: Error | undefined;
  /** microseconds of the echo pulse, or of several one after the other, for each trigger */
  answer: (trigger: number) => Answer;
  #pulse: number | undefined;
  #roseAt: number | undefined;
  #lastTrigger = -Infinity;
  #highUntil = 0;

  constructor(answer: (trigger: number) => Answer) {
    this.answer = answer;
  }

  options(more: object = {}): UltrasonicOptions {
    const part = this;
    class PulseWidth {
      static RisingToFalling = 1;
      readonly options: NonNullable<Part["echo"]>["options"];
      constructor(options: NonNullable<Part["echo"]>["options"]) {
        this.options = options;
        part.echo = this;
      }
      read(): number | undefined {
        const pulse = part.#pulse;
        part.#pulse = undefined;
        return pulse;
      }
      close(): void {
        part.echoClosed++;
      }
    }
    class Digital {
      static Output = 8;
      readonly options: NonNullable<Part["trigger"]>["options"];
      constructor(options: NonNullable<Part["trigger"]>["options"]) {
        this.options = options;
        part.trigger = this;
      }
      write(level: 0 | 1): void {
        if (part.broken) throw part.broken;
        part.#write(level);
      }
      close(): void {
        part.triggerClosed++;
      }
    }
    return {
      sensor: { io: PulseWidth, pin: 12 },
      trigger: { io: Digital, pin: 13 },
      clock: this.clock,
      ...more,
    };
  }

  #write(level: 0 | 1): void {
    // The fastest that a write can be: 1 microsecond.
    this.clock.now += 0.001;
    if (level === 1) {
      this.#roseAt ??= this.clock.now;
      return;
    }
    if (this.#roseAt === undefined) return;
    const high = this.clock.now - this.#roseAt;
    this.#roseAt = undefined;
    if (high < 0.01) this.violations.push(`trigger of ${high * 1000} us`);
    const cycle = this.clock.now - this.#lastTrigger;
    if (cycle <= 60) this.violations.push(`${cycle} ms after the last trigger`);
    if (this.clock.now < this.#highUntil) this.violations.push("triggered while the echo line is high");
    this.#lastTrigger = this.clock.now;
    const answer = this.answer(this.triggers++);
    if (answer === "none") return;
    let at = BURST;
    for (const width of typeof answer === "number" ? [answer] : answer) {
      at += width / 1000;
      this.#highUntil = this.clock.now + at;
      this.clock.schedule(at, () => {
        this.#pulse = width;
        this.echo!.options.onReadable();
      });
      at += 1;
    }
  }

  /** The next sample, after at most so many milliseconds. */
  sample(
    sensor: Ultrasonic,
    within = 10_000,
  ): { error: Error | null; sample?: UltrasonicSample } | undefined {
    let result: { error: Error | null; sample?: UltrasonicSample } | undefined;
    sensor.sample((error, sample) => {
      if (result) throw new Error("called back twice");
      result = sample ? { error, sample } : { error };
    });
    this.clock.advance(within);
    return result;
  }
}

/** Microseconds that sound takes to a surface and back, at 20 degrees. */
const there = (metres: number) => (2e6 * metres) / 343.21;

test("the speed of sound at the temperatures of the tables", (t) => {
  for (const [temperature, speed] of [
    [-20, 318.9],
    [0, 331.3],
    [20, 343.2],
    [40, 354.7],
  ] as const)
    t.true(Math.abs(speedOfSound(temperature) - speed) < 0.3, `${temperature}: ${speedOfSound(temperature)}`);
});

test("the trigger is long enough and the measurements far enough apart, from one sample to the next too", (t) => {
  const part = new Part(() => there(0.3));
  const sensor = new Ultrasonic(part.options());
  const samples = [part.sample(sensor, 265), part.sample(sensor), part.sample(sensor, 330)];
  for (const result of samples) t.true(Math.abs(result!.sample!.distance - 0.3) < 1e-4);
  t.is(part.triggers, 15);
  t.deepEqual(part.violations, []);
});

test("the part itself would notice a trigger that is too short or too soon", (t) => {
  const part = new Part(() => there(0.3));
  const { trigger } = part.options();
  const line = new trigger.io({} as never);
  for (let i = 0; i < 2; i++) {
    line.write(1);
    line.write(0);
  }
  for (const [count, text] of [
    [2, "trigger of"],
    [1, "after the last trigger"],
    [1, "while the echo line is high"],
  ] as const)
    t.is(part.violations.filter((violation) => violation.includes(text)).length, count, text);
});

test("the lines are opened for what they do", (t) => {
  const part = new Part(() => 1);
  new Ultrasonic(part.options());
  t.is(part.echo!.options.edges, 1);
  t.is(part.echo!.options.pin, 12);
  t.is(part.trigger!.options.mode, 8);
  t.is(part.trigger!.options.pin, 13);
});

test("distance follows the air's temperature", (t) => {
  const part = new Part(() => 5000);
  const sensor = new Ultrasonic(part.options());
  sensor.configure({ temperature: 0 });
  t.true(Math.abs(part.sample(sensor)!.sample!.distance - (331.3 * 0.005) / 2) < 1e-9);
  sensor.configure({ temperature: 40 });
  t.true(Math.abs(part.sample(sensor)!.sample!.distance - (354.7 * 0.005) / 2) < 1e-3);
});

test("an echo of another surface, in fewer than half of the measurements, does not count", (t) => {
  const part = new Part((i) => there([0.3, 1.7, 0.301, 0.05, 0.299][i]!));
  const { sample } = part.sample(new Ultrasonic(part.options()))!;
  t.true(Math.abs(sample!.distance - 0.3) < 1e-4);
  t.true(Math.abs(sample!.spread - 1.65) < 1e-3);
  t.is(sample!.echoes, 5);
});

test("of several pulses after one trigger the first is the echo", (t) => {
  const part = new Part(() => [there(0.3), there(0.9), there(1.1)]);
  const { sample } = part.sample(new Ultrasonic(part.options()))!;
  t.true(Math.abs(sample!.distance - 0.3) < 1e-4);
  t.true(sample!.spread < 1e-9);
  t.is(part.triggers, 5);
});

test("nothing in range is a fault, for parts that hold the line for 38 ms and for 200 ms", (t) => {
  for (const width of [38_000, 200_000]) {
    const part = new Part(() => width);
    const { sample } = part.sample(new Ultrasonic(part.options()))!;
    t.deepEqual(sample, { distance: NaN, spread: NaN, echoes: 0, faults: { noEcho: true } });
    t.deepEqual(part.violations, []);
  }
});

test("too near is a fault of its own", (t) => {
  const part = new Part((i) => there(i === 0 ? 0.3 : 0.01));
  const { sample } = part.sample(new Ultrasonic(part.options()))!;
  t.deepEqual(sample!.faults, { tooNear: true });
  t.true(Number.isNaN(sample!.distance));
});

test("a few measurements without echo do not spoil the sample", (t) => {
  const part = new Part((i) => (i < 2 ? 38_000 : there(1)));
  const { sample } = part.sample(new Ultrasonic(part.options()))!;
  t.true(Math.abs(sample!.distance - 1) < 1e-3);
  t.is(sample!.echoes, 3);
});

test("a part that is missing is reported, and one that comes back measures", (t) => {
  const part = new Part(() => "none");
  const sensor = new Ultrasonic(part.options());
  const { error } = part.sample(sensor)!;
  t.true(error instanceof SensorError);
  t.is((error as SensorError).code, "bus");
  part.answer = () => there(0.5);
  t.true(Math.abs(part.sample(sensor)!.sample!.distance - 0.5) < 1e-3);
});

test("a pulse that ends after its time belongs to no measurement", (t) => {
  const part = new Part((i) => (i === 0 ? "none" : there(0.4)));
  const sensor = new Ultrasonic(part.options());
  sensor.configure({ pings: 1 });
  t.is((part.sample(sensor)!.error as SensorError).code, "bus");
  part.clock.schedule(0, () => part.echo!.options.onReadable());
  part.clock.advance(1);
  t.true(Math.abs(part.sample(sensor)!.sample!.distance - 0.4) < 1e-3);
});

test("a pulse that was heard before the trigger is not its echo, however late it is told", (t) => {
  const part = new Part((i) => (i === 0 ? [there(0.3), there(0.9)] : "none"));
  const sensor = new Ultrasonic(part.options());
  sensor.configure({ pings: 1 });
  t.is(part.sample(sensor)!.error, null);
  let result: Error | null | undefined;
  sensor.sample((error) => {
    result = error;
  });
  part.clock.advance(1);
  t.is(part.triggers, 2);
  part.echo!.options.onReadable();
  t.is(result, undefined);
  part.clock.advance(1000);
  t.is((result as SensorError).code, "bus");
});

test("one sample at a time", (t) => {
  const part = new Part(() => there(0.3));
  const sensor = new Ultrasonic(part.options());
  sensor.sample(() => {});
  t.is(t.throws(() => sensor.sample(() => {}), { instanceOf: SensorError }).code, "busy");
  part.clock.advance(1000);
  t.notThrows(() => sensor.sample(() => {}));
});

test("the callback never comes out of sample itself, and may ask for the next", (t) => {
  const part = new Part(() => there(0.3));
  const sensor = new Ultrasonic(part.options());
  let samples = 0;
  const again = () => {
    samples++;
    if (samples < 3) sensor.sample(again);
  };
  sensor.sample(again);
  t.is(samples, 0);
  part.clock.advance(2000);
  t.is(samples, 3);
  t.deepEqual(part.violations, []);
});

test("a trigger that cannot be written is the sample's error; the next sample is tried", (t) => {
  const part = new Part(() => there(0.3));
  const sensor = new Ultrasonic(part.options());
  part.broken = new Error("bus");
  t.is(part.sample(sensor)!.error, part.broken);
  part.broken = undefined;
  t.is(part.sample(sensor)!.error, null);
});

test("an io that fails ends the sample and calls onError; then only close is possible", (t) => {
  for (const line of ["echo", "trigger"] as const) {
    const part = new Part(() => there(0.3));
    const failures: unknown[] = [];
    const sensor: Ultrasonic = new Ultrasonic(
      part.options({
        onError(this: unknown, error: unknown) {
          failures.push(this, error);
        },
      }),
    );
    let seen: Error | null | undefined;
    sensor.sample((error) => {
      seen = error;
    });
    part[line]!.options.onError("gone");
    t.deepEqual(failures, [sensor, "gone"]);
    t.is((seen as SensorError).code, "failed");
    t.is(t.throws(() => sensor.sample(() => {}), { instanceOf: SensorError }).code, "failed");
    sensor.close();
    t.deepEqual([part.echoClosed, part.triggerClosed], [1, 1]);
  }
});

test("close ends a sample without a word, and closes both lines once", (t) => {
  const part = new Part(() => there(0.3));
  const sensor = new Ultrasonic(part.options({ onError: () => t.fail() }));
  sensor.sample(() => t.fail());
  part.clock.advance(1);
  sensor.close();
  sensor.close();
  part.clock.advance(1000);
  part.echo!.options.onReadable();
  part.echo!.options.onError();
  t.deepEqual([part.echoClosed, part.triggerClosed], [1, 1]);
  t.is(part.triggers, 1);
  for (const use of [
    () => sensor.sample(() => {}),
    () => sensor.configure({}),
    () => sensor.configuration,
    () => sensor.identification,
  ])
    t.is(t.throws(use, { instanceOf: SensorError }).code, "closed");
});

test("a trigger line that cannot be opened gives the echo line back", (t) => {
  const part = new Part(() => 1);
  const options = part.options();
  class Busy {
    constructor() {
      throw new Error("in use");
    }
    write(): void {}
    close(): void {}
  }
  t.throws(() => new Ultrasonic({ ...options, trigger: { io: Busy } }), { message: "in use" });
  t.is(part.echoClosed, 1);
});

test("bad options and configurations are refused", (t) => {
  const part = new Part(() => 1);
  const good = part.options();
  for (const options of [
    undefined,
    {},
    { ...good, sensor: {} },
    { ...good, trigger: undefined },
    { ...good, clock: {} },
    { ...good, onError: 1 },
  ])
    t.is(t.throws(() => new Ultrasonic(options as never), { instanceOf: SensorError }).code, "options");
  t.is(part.echo, undefined);
  const sensor = new Ultrasonic(good);
  sensor.configure(Object.freeze({ pings: 3, temperature: 4 }));
  for (const configuration of [
    { pings: 2 },
    { pings: 17 },
    { temperature: 200 },
    { temperature: "warm" },
    null,
  ])
    t.is(
      t.throws(() => sensor.configure(configuration as never), { instanceOf: SensorError }).code,
      "configuration",
    );
  t.deepEqual(sensor.configuration, { pings: 3, temperature: 4 });
  t.is(t.throws(() => sensor.sample(undefined as never), { instanceOf: SensorError }).code, "options");
});

test("whatever the part answers, a sample comes in bounded time, and its distance is within the part's range or not told", (t) => {
  const answers = fc.oneof(
    fc.integer({ min: 1, max: 250_000 }),
    fc.constant("none" as const),
    fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 4 }),
  );
  fc.assert(
    fc.property(
      fc.array(answers, { minLength: 15, maxLength: 15 }),
      fc.integer({ min: 0, max: 7 }),
      (given, n) => {
        const part = new Part((i) => given[i % given.length]!);
        const sensor = new Ultrasonic(part.options());
        const pings = 2 * n + 1;
        sensor.configure({ pings });
        const result = part.sample(sensor, pings * 270);
        t.truthy(result);
        const { error, sample } = result!;
        if (sample) t.is(sample.distance >= 0.02 && sample.distance <= 4, sample.faults === undefined);
        else t.is((error as SensorError).code, "bus");
        t.true(part.triggers <= pings);
        t.deepEqual(
          part.violations.filter((text) => !text.includes("high")),
          [],
        );
      },
    ),
  );
});
