import test from "ava";
import fc from "fast-check";
import { CountMeter, SensorError } from "../../../hal/index.js";
import { DIGITAL_MAXIMUM_RATE, DigitalPulse } from "../../../hal/sensors/pulse/digital-pulse.js";
import { FlowMeter, type FlowMeterConfiguration } from "../../../hal/sensors/pulse/flow-meter.js";
import { fakeIO } from "./fake-io.js";
import { QuadratureHardware } from "./quadrature-hardware.js";
import { VirtualTime } from "./virtual-time.js";

function wired(configuration: FlowMeterConfiguration = {}, clock?: VirtualTime) {
  const { IO, opened } = QuadratureHardware.fresh();
  const sensor = new FlowMeter({
    sensor: { io: IO, signal: 4, control: 5 },
    ...(clock ? { clock } : {}),
  });
  sensor.configure(configuration);
  return { sensor, hardware: opened[0]! };
}

function reading(configuration: FlowMeterConfiguration = {}, start = 0, clock?: VirtualTime) {
  const { IO, opened } = fakeIO(start);
  const sensor = new FlowMeter({ sensor: { io: IO }, ...(clock ? { clock } : {}) });
  sensor.configure(configuration);
  return { sensor, io: opened[0]! };
}

test("one wire at the signal pin, or at both pins at once, nets to nothing", (t) => {
  const { sensor, hardware } = wired();
  for (let i = 0; i < 100; i++) {
    hardware.signal = 1;
    hardware.signal = 0;
  }
  t.is(sensor.sample()!.count, 0);
  for (let i = 0; i < 100; i++) {
    // Both edges at the same time, in either order of evaluation.
    hardware.signal = 1;
    hardware.control = 1;
    hardware.control = 0;
    hardware.signal = 0;
  }
  t.is(sensor.sample()!.count, 0);
});

test("a delayed copy of the line at the control pin counts each pulse once", (t) => {
  const { sensor, hardware } = wired({ pulsesPerLitre: 450 });
  hardware.pulses(450);
  const sample = sensor.sample()!;
  t.is(sample.count, 450);
  t.true(Math.abs(sample.volume! - 0.001) < 1e-15);
  t.is(sample.direction, 1);
  t.is(sample.faults, undefined);
});

test("a pulse counts when its fourth edge has come", (t) => {
  const { sensor, hardware } = wired();
  const counts: number[] = [];
  for (const [line, level] of [
    ["signal", 1],
    ["control", 1],
    ["signal", 0],
    ["control", 0],
  ] as const) {
    hardware[line] = level;
    counts.push(sensor.sample()!.count);
  }
  t.deepEqual(counts, [0, 0, 0, 1]);
});

test("a part of a pulse does not outlive a change of the wiring", (t) => {
  const { sensor, io } = reading();
  io.value = 7;
  sensor.configure({ wiring: "single" });
  t.is(sensor.sample()!.count, 1);
  io.value = 8;
  t.is(sensor.sample()!.count, 2);
});

test("a line that rings moves the count back and forth and adds nothing", (t) => {
  const { sensor, hardware } = wired();
  hardware.pulses(3);
  sensor.sample();
  for (let i = 0; i < 9; i++) {
    hardware.signal = 1;
    sensor.sample();
    hardware.signal = 0;
    t.is(sensor.sample()!.count, 3);
  }
  hardware.pulses(1);
  t.is(sensor.sample()!.count, 4);
  t.is(sensor.sample()!.behind, 0);
});

test("a meter with two channels tells the direction; what ran back is made up before it counts", (t) => {
  const { sensor, hardware } = wired({ wiring: "quadrature" });
  hardware.pulses(10);
  const seen = [sensor.sample()!];
  hardware.pulses(4, "control");
  seen.push(sensor.sample()!);
  seen.push(sensor.sample()!);
  hardware.pulses(3);
  seen.push(sensor.sample()!);
  hardware.pulses(2);
  seen.push(sensor.sample()!);
  t.deepEqual(
    seen.map(({ count, behind, direction }) => [count, behind, direction]),
    [
      [10, 0, 1],
      [10, 4, -1],
      [10, 4, 0],
      [10, 1, 1],
      [11, 0, 1],
    ],
  );
});

test("the count starts where the hardware stands", (t) => {
  const { sensor, io } = reading({ wiring: "single" }, 1234);
  t.is(sensor.sample()!.count, 0);
  io.value = 1239;
  t.is(sensor.sample()!.count, 5);
});

test("without a k-factor the volume is not known; the first k-factor holds for what came before", (t) => {
  const { sensor, io } = reading({ wiring: "single" });
  io.value = 100;
  t.deepEqual(sensor.sample(), { count: 100, behind: 0, direction: 1 });
  sensor.configure({ pulsesPerLitre: 100 });
  t.is(sensor.sample()!.volume, 0.001);
});

test("a new k-factor or temperature measures only what flows from then on", (t) => {
  const { sensor, io } = reading({ wiring: "single", pulsesPerLitre: 100, temperatureCoefficient: 0.001 });
  io.value = 100;
  sensor.configure({ temperature: 70 });
  io.value = 205;
  // 5 % more pulses for a litre at 70 degrees.
  t.true(Math.abs(sensor.sample()!.volume! - 0.002) < 1e-12);
  sensor.configure({ pulsesPerLitre: 1000, temperature: 20 });
  io.value = 1205;
  t.true(Math.abs(sensor.sample()!.volume! - 0.003) < 1e-12);
});

test("flow is in cubic metres a second since the sample before", (t) => {
  const clock = new VirtualTime();
  const { sensor, hardware } = wired({ pulsesPerLitre: 100, wiring: "quadrature" }, clock);
  clock.advance(1000);
  hardware.pulses(100);
  t.true(Math.abs(sensor.sample()!.flow! - 0.001) < 1e-12);
  clock.advance(500);
  hardware.pulses(50, "control");
  t.true(Math.abs(sensor.sample()!.flow! + 0.001) < 1e-12);
  t.is(sensor.sample()!.flow, undefined, "no time has passed");
});

test("a counter of 16 bits that wraps loses nothing", (t) => {
  const { sensor, io } = reading({ wiring: "single", counterBits: 16 }, 32_760);
  io.value = -32_760; // 16 counts on
  t.is(sensor.sample()!.count, 16);
  const unsigned = reading({ wiring: "single", counterBits: 16 }, 65_530);
  unsigned.io.value = 4;
  t.is(unsigned.sensor.sample()!.count, 10);
});

test("the platform's count of 32 bits may wrap too", (t) => {
  const { sensor, io } = reading({}, 2 ** 31 - 8);
  io.value = -(2 ** 31) + 32;
  t.is(sensor.sample()!.count, 10);
});

test("a counter that restarted is counted from 0 again and says so once", (t) => {
  const { sensor, hardware } = wired({ pulsesPerLitre: 1 });
  hardware.pulses(1000);
  t.is(sensor.sample()!.count, 1000);
  hardware.restart();
  hardware.pulses(7);
  const sample = sensor.sample()!;
  t.is(sample.count, 1007);
  t.deepEqual(sample.faults, { restarted: true });
  t.is(sensor.sample()!.faults, undefined);
});

test("with a clock a restart shows in a two-channel meter as well: it cannot have run back so fast", (t) => {
  const clock = new VirtualTime();
  const { sensor, hardware } = wired({ wiring: "quadrature", pulsesPerLitre: 1, maximumRate: 100 }, clock);
  clock.advance(10_000);
  hardware.pulses(1000);
  t.is(sensor.sample()!.count, 1000);
  hardware.restart();
  hardware.pulses(5);
  clock.advance(50);
  const sample = sensor.sample()!;
  t.is(sample.count, 1005);
  t.is(sample.behind, 0);
  t.deepEqual(sample.faults, { restarted: true });
});

test("pins the wrong way round show as a counter that restarts all the time", (t) => {
  const { sensor, hardware } = wired({ pulsesPerLitre: 1 });
  for (let i = 0; i < 3; i++) {
    hardware.pulses(5, "control");
    const { count, faults } = sensor.sample()!;
    t.is(count, 0);
    t.deepEqual(faults, { restarted: true });
  }
});

test("with a clock the counter is read in time by itself, so that its end is never passed", (t) => {
  const clock = new VirtualTime();
  const { sensor, hardware } = wired({ maximumRate: 400, pulsesPerLitre: 450 }, clock);
  t.true(sensor.samplePeriod * 0.4 * 4 <= 32767 / 2);
  for (let second = 0; second < 120; second++) {
    hardware.pulses(400);
    clock.advance(1000);
  }
  const sample = sensor.sample()!;
  t.is(sample.count, 48_000);
  t.is(sample.faults, undefined);
});

test("without a clock a counter that is read too late loses pulses: samplePeriod is the limit", (t) => {
  const { sensor, hardware } = wired({ maximumRate: 400 });
  hardware.pulses(48_000);
  t.true(sensor.sample()!.count < 48_000);
});

test("a counter that was read late says that pulses may be missing", (t) => {
  const clock = new VirtualTime();
  const { sensor } = wired({ maximumRate: 400, pulsesPerLitre: 450 }, clock);
  // A loop that was blocked: time has passed and no timer ran.
  clock.now += 60_000;
  t.deepEqual(sensor.sample()!.faults, { late: true });
});

test("a bus error of the own reading is met by the next sample, and the reading goes on", (t) => {
  const clock = new VirtualTime();
  const { sensor, hardware } = wired({ pulsesPerLitre: 1 }, clock);
  const read = hardware.read.bind(hardware);
  hardware.read = () => {
    throw new Error("bus");
  };
  clock.advance(sensor.samplePeriod);
  t.throws(() => sensor.sample(), { message: "bus" });
  hardware.read = read;
  hardware.pulses(3);
  clock.advance(sensor.samplePeriod);
  t.is(sensor.sample()!.count, 3);
  t.is(clock.pending, 1);
});

test("close stops the own reading", (t) => {
  const clock = new VirtualTime();
  const { sensor, hardware } = wired({}, clock);
  sensor.close();
  t.is(clock.pending, 0);
  t.is(hardware.closed, 1);
});

test("a clock that is none is refused before the io is opened", (t) => {
  const { IO, opened } = fakeIO(0);
  const error = t.throws(() => new FlowMeter({ sensor: { io: IO }, clock: {} as never }), {
    instanceOf: SensorError,
  });
  t.is(error.code, "options");
  t.is(opened.length, 0);
});

test("a missing pulse counter's error comes through", (t) => {
  const { IO } = fakeIO(0, () => {
    throw new Error("no hardware");
  });
  t.throws(() => new FlowMeter({ sensor: { io: IO } }), { message: "no hardware" });
});

test("an io that fails at its first read is closed, and no timer stays", (t) => {
  const { IO, opened } = fakeIO(0);
  class Broken extends IO {
    override read(): number {
      throw new Error("bus");
    }
  }
  const clock = new VirtualTime();
  t.throws(() => new FlowMeter({ sensor: { io: Broken }, clock }), { message: "bus" });
  t.is(opened[0]!.closed, 1);
  t.is(clock.pending, 0);
});

test("whatever flows, wraps and restarts, the count is the true pulses", (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(8, 12, 16, 24, 32),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.array(fc.record({ edges: fc.nat(100), restart: fc.boolean() }), { maxLength: 60 }),
      (counterBits, start, history) => {
        const unused = 32 - counterBits;
        const wrap = (value: number) => (value << unused) >> unused;
        let at = wrap(start);
        const { sensor, io } = reading({ counterBits }, at);
        let truth = 0;
        let shown = 0;
        for (const { edges, restart } of history) {
          // A restart shows when the counter has come far, and has not come as far again.
          const visible = restart && at > edges + 3 && at - edges < 2 ** (counterBits - 1);
          at = visible ? edges : wrap(at + edges);
          truth += edges;
          io.value = at;
          const sample = sensor.sample()!;
          t.is(sample.count, Math.floor(truth / 4));
          t.is(sample.faults?.restarted, visible ? true : undefined);
          t.true(sample.count >= shown);
          shown = sample.count;
        }
      },
    ),
  );
});

test("a two-channel meter's count is a quarter of the farthest that it has run", (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -40, max: 60 })), (moves) => {
      const { sensor, io } = reading({ wiring: "quadrature" });
      let at = 0;
      let farthest = 0;
      for (const move of moves) {
        at += move;
        farthest = Math.max(farthest, at);
        io.value = at;
        const { count, behind } = sensor.sample()!;
        t.is(count, Math.floor(farthest / 4));
        t.is(behind, Math.floor((farthest - at) / 4));
      }
    }),
  );
});

test("bad configurations are refused with the field, and nothing changes", (t) => {
  const { sensor } = reading({ pulsesPerLitre: 450 });
  const before = sensor.configuration;
  for (const [field, value] of [
    ["wiring", "one wire"],
    ["pulsesPerLitre", 0],
    ["temperatureCoefficient", 0.1],
    ["temperature", -300],
    ["maximumRate", Infinity],
    ["counterBits", 33],
  ] as const) {
    const error = t.throws(() => sensor.configure({ pulsesPerLitre: 3, [field]: value }), {
      instanceOf: SensorError,
    });
    t.is(error.code, "configuration");
    t.true(error.message.includes(field), error.message);
    t.deepEqual(sensor.configuration, before);
  }
});

test("samples go into a count meter as they are", (t) => {
  const { sensor, hardware } = wired({ pulsesPerLitre: 450 });
  // Steps of 10 millilitres: 4.5 pulses.
  const meter = new CountMeter({ stepsPerCount: 1 / 4.5 });
  let consumed = 0;
  for (let i = 0; i < 90; i++) {
    hardware.pulses(5);
    consumed += meter.update(sensor.sample()!).consumed;
  }
  t.is(consumed, 100);
});

/** A loop that is busy now and then: edges of a digital input reach their callback when it is free, merged into one. */
function throughLoop(edges: readonly number[], blocks: readonly { from: number; to: number }[]) {
  const clock = new VirtualTime();
  let deliver = () => {};
  const { IO: Digital, opened } = fakeIO(0, (io) => {
    deliver = io.options.onReadable as () => void;
  });
  const sensor = new FlowMeter({
    sensor: { io: DigitalPulse, digital: { io: Digital, pin: 4, edge: 1 }, clock },
  });
  sensor.configure({ wiring: "single", pulsesPerLitre: 1 });
  let triggered = -1;
  for (const at of edges) {
    if (at <= triggered) continue;
    const block = blocks.find(({ from, to }) => at >= from && at < to);
    triggered = block ? block.to : at;
    clock.now = triggered;
    deliver();
  }
  return { sensor, digital: opened[0]! };
}

const blocksOf = (lengths: readonly number[]) => {
  let at = 0;
  return lengths.map((length, i) => {
    const from = at + (i % 2) * length;
    at = from + length;
    return { from, to: at };
  });
};

test("a digital input up to its highest rate counts every pulse, however the loop is busy", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1000 / DIGITAL_MAXIMUM_RATE, max: 400 }), { minLength: 1, maxLength: 50 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 300 }),
      (gaps, lengths) => {
        let at = 0;
        const edges = gaps.map((gap) => {
          at += gap;
          return at;
        });
        const sample = throughLoop(edges, blocksOf(lengths)).sensor.sample()!;
        t.is(sample.count, edges.length);
        t.is(sample.faults, undefined);
      },
    ),
  );
});

test("pulses that come too fast for a digital input are reported", (t) => {
  const edges = Array.from({ length: 100 }, (_, i) => 10 + i * 20);
  const blocks = Array.from({ length: 30 }, (_, i) => ({ from: i * 80, to: i * 80 + 50 }));
  const { sensor } = throughLoop(edges, blocks);
  const sample = sensor.sample()!;
  t.true(sample.count < edges.length, "the loop merged some");
  t.deepEqual(sample.faults, { overrun: true });
  t.is(sensor.sample()!.faults, undefined, "said once");
});

test("pulses that were only delivered late are not taken for too fast, and those that may have merged are", (t) => {
  const fault = (edges: number[], blocks: { from: number; to: number }[]) =>
    throughLoop(edges, blocks).sensor.sample()!.faults;
  t.is(fault([125, 250], [{ from: 125, to: 175 }]), undefined);
  t.deepEqual(fault([125, 175], []), { overrun: true });
});

test("a digital counter counts nothing after close", (t) => {
  const { IO, opened } = fakeIO(0);
  const counter = new DigitalPulse({ digital: { io: IO }, clock: new VirtualTime() });
  const pulse = opened[0]!.options.onReadable as () => void;
  pulse();
  counter.close();
  counter.close();
  pulse();
  t.is(counter.read(), 1);
  t.is(opened[0]!.closed, 1);
});

test("the digital input is opened with its own options, and closed", (t) => {
  const { sensor, digital } = throughLoop([10], []);
  t.is(digital.options.pin, 4);
  t.is(digital.options.edge, 1);
  t.is(typeof digital.options.onError, "function");
  sensor.close();
  t.is(digital.closed, 1);
});

test("a digital counter without an input or a clock is refused", (t) => {
  const { IO } = fakeIO(0);
  for (const options of [{}, { digital: { io: IO } }, { digital: {}, clock: new VirtualTime() }])
    t.is(t.throws(() => new DigitalPulse(options as never), { instanceOf: SensorError }).code, "options");
});
