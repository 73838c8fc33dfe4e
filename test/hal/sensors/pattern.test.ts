import test from "ava";
import {
  DoseCounter,
  type DoseCounterOptions,
  LoadCell,
  type LoadCellOptions,
  SensorError,
} from "../../../hal/index.js";
import { FlowMeter, type FlowMeterOptions } from "../../../hal/sensors/pulse/flow-meter.js";
import { fakeIO } from "./fake-io.js";

// Both options have one shape; the pattern is tested against it.
type Options = DoseCounterOptions & FlowMeterOptions & LoadCellOptions;
type Sensor = Pick<
  DoseCounter | FlowMeter | LoadCell,
  "close" | "configuration" | "identification" | "target"
> & {
  configure(options: object): void;
  sample(): object | undefined;
};

const sensors: {
  name: string;
  open: (options: Options) => Sensor;
  good: object;
  bad: object[];
}[] = [
  {
    name: "DoseCounter",
    open: (options) => new DoseCounter(options),
    good: { pulsesPerDose: 3 },
    bad: [{ pulsesPerDose: 0 }, { pulsesPerDose: 1.5 }, { pulsesPerDose: "3" }],
  },
  {
    name: "FlowMeter",
    open: (options) => new FlowMeter(options),
    good: {
      wiring: "single",
      pulsesPerLitre: 450,
      temperatureCoefficient: 0.001,
      temperature: 15,
      maximumRate: 200,
      counterBits: 16,
    },
    bad: [{ wiring: "loose" }, { pulsesPerLitre: 0 }, { temperature: NaN }, { counterBits: 64 }],
  },
  {
    name: "LoadCell",
    open: (options) => new LoadCell(options),
    good: { zero: 1000, scale: 1e-6 },
    bad: [
      { zero: 5, scale: 0 },
      { zero: 2 ** 23, scale: 1 },
      { zero: NaN, scale: 1 },
      { zero: 5, scale: null },
    ],
  },
];

for (const { name, open, good, bad } of sensors) {
  test(`${name}: the io is opened with its own options, which may be frozen`, (t) => {
    const { IO, opened } = fakeIO(7);
    const target = {};
    const options = Object.freeze({ sensor: Object.freeze({ io: IO, signal: 5, unknown: true }), target });
    const sensor = open(options);
    t.is(opened.length, 1);
    const { onError, ...rest } = opened[0]!.options;
    t.deepEqual(rest, { signal: 5, unknown: true });
    t.is(typeof onError, "function");
    t.is(sensor.target, target);
  });

  test(`${name}: bad options are refused before the io is opened`, (t) => {
    const { IO, opened } = fakeIO(7);
    const refused: unknown[] = [
      undefined,
      null,
      {},
      { sensor: {} },
      { sensor: { io: {} } },
      { sensor: { io: IO }, onError: 1 },
    ];
    for (const options of refused) {
      const error = t.throws(() => open(options as never), { instanceOf: SensorError });
      t.is(error.code, "options");
      t.true(error.message.startsWith(`${name}: `), error.message);
    }
    t.is(opened.length, 0);
  });

  test(`${name}: samples are fresh objects that the caller may change`, (t) => {
    const { IO } = fakeIO(7);
    const sensor = open({ sensor: { io: IO } });
    sensor.configure(good);
    const first = sensor.sample();
    const copy = { ...first };
    for (const key of Object.keys(first!)) (first as Record<string, unknown>)[key] = "changed";
    const second = sensor.sample();
    t.not(first, second);
    t.deepEqual(second, copy);
  });

  test(`${name}: sample is undefined when the io has nothing to tell`, (t) => {
    const { IO } = fakeIO(undefined);
    const sensor = open({ sensor: { io: IO } });
    sensor.configure(good);
    t.is(sensor.sample(), undefined);
  });

  test(`${name}: close closes the io once, and only close may be called afterwards`, (t) => {
    const { IO, opened } = fakeIO(7);
    const sensor = open({ sensor: { io: IO } });
    const reads = opened[0]!.reads;
    sensor.close();
    sensor.close();
    t.is(opened[0]!.closed, 1);
    for (const use of [
      () => sensor.sample(),
      () => sensor.configure(good),
      () => sensor.configuration,
      () => sensor.identification,
    ])
      t.is(t.throws(use, { instanceOf: SensorError }).code, "closed");
    t.is(opened[0]!.reads, reads);
  });

  test(`${name}: configure takes what it knows, leaves the rest and does not change its argument`, (t) => {
    const { IO } = fakeIO(7);
    const sensor = open({ sensor: { io: IO } });
    sensor.configure(Object.freeze({ ...good, unknown: 1 }));
    sensor.configure({});
    t.deepEqual(sensor.configuration as object, good);
    t.not(sensor.configuration, sensor.configuration);
  });

  test(`${name}: a refused configuration changes nothing`, (t) => {
    const { IO } = fakeIO(7);
    const sensor = open({ sensor: { io: IO } });
    sensor.configure(good);
    for (const options of [...bad, null, 3]) {
      const error = t.throws(() => sensor.configure(options as never), { instanceOf: SensorError });
      t.is(error.code, "configuration");
      t.deepEqual(sensor.configuration as object, good);
    }
  });

  test(`${name}: it says what it is`, (t) => {
    const { IO } = fakeIO(7);
    const { model, classification } = open({ sensor: { io: IO } }).identification;
    t.true(model.length > 0 && classification.length > 0);
  });

  test(`${name}: a failing io calls onError once with the sensor as this, then only close works`, (t) => {
    const { IO, opened } = fakeIO(7);
    const calls: unknown[][] = [];
    const sensor = open({
      sensor: { io: IO },
      onError(this: unknown, error?: unknown) {
        calls.push([this, error]);
      },
    });
    const failure = new Error("gone");
    opened[0]!.options.onError(failure);
    opened[0]!.options.onError(failure);
    t.is(calls.length, 1);
    t.is(calls[0]![0], sensor);
    t.is(calls[0]![1], failure);
    t.is(t.throws(() => sensor.sample(), { instanceOf: SensorError }).code, "failed");
    sensor.close();
    t.is(opened[0]!.closed, 1);
  });

  test(`${name}: an io that fails without onError still stops the sensor`, (t) => {
    const { IO, opened } = fakeIO(7);
    const sensor = open({ sensor: { io: IO } });
    opened[0]!.options.onError();
    t.is(t.throws(() => sensor.sample(), { instanceOf: SensorError }).code, "failed");
  });

  test(`${name}: nothing is called after close`, (t) => {
    const { IO, opened } = fakeIO(7);
    const sensor = open({ sensor: { io: IO }, onError: () => t.fail() });
    sensor.close();
    opened[0]!.options.onError();
    t.is(t.throws(() => sensor.sample(), { instanceOf: SensorError }).code, "closed");
  });

  test(`${name}: an io that fails while it opens makes the constructor throw and is closed`, (t) => {
    const { IO, opened } = fakeIO(7, (io) => io.options.onError(new Error("no such pin")));
    const open_ = () => open({ sensor: { io: IO }, onError: () => t.fail() });
    t.is(t.throws(open_, { instanceOf: SensorError }).code, "failed");
    t.is(opened[0]!.closed, 1);
  });

  test(`${name}: what the io's constructor throws comes through`, (t) => {
    const busy = new Error("in use");
    const { IO } = fakeIO(7, () => {
      throw busy;
    });
    t.is(
      t.throws(() => open({ sensor: { io: IO } })),
      busy,
    );
  });
}
