import test from "ava";
import { SensorError, type SensorIdentification } from "../../../../hal/index.js";
import { CartridgeMemory } from "../../../../hal/sensors/i2c/cartridge-memory.js";
import type { I2CSensorOptions } from "../../../../hal/sensors/i2c/i2c-io.js";
import { PN532 } from "../../../../hal/sensors/i2c/pn532.js";
import { VL6180X } from "../../../../hal/sensors/i2c/vl6180x.js";
import { Fake24C } from "./fake-24c.js";
import { FakeBus } from "./fake-bus.js";
import { FakePN532 } from "./fake-pn532.js";
import { FakeVL6180X } from "./fake-vl6180x.js";

type Options = Omit<I2CSensorOptions<object>, "onError"> & {
  onError?: (this: unknown, error?: unknown) => void;
};
interface Sensor {
  configure(options: object): void;
  sample(): object | undefined;
  close(): void;
  readonly configuration: object;
  readonly identification: SensorIdentification;
  readonly target: unknown;
}

const sensors: { name: string; open: (options: Options) => Sensor; address: number; wrong: unknown[] }[] = [
  {
    name: "VL6180X",
    open: (options) => new VL6180X(options),
    address: 0x29,
    wrong: [7, 0x78, "41", 41.5, null],
  },
  {
    name: "CartridgeMemory",
    open: (options) => new CartridgeMemory(options),
    address: 0x50,
    wrong: [0x4f, 0x58, "80", 80.5, NaN],
  },
  {
    name: "PN532",
    open: (options) => new PN532(options),
    address: 0x24,
    wrong: [0x48, 0x25, "36", undefined],
  },
];

function board() {
  const bus = new FakeBus();
  bus.parts.set(0x29, new FakeVL6180X(bus.violations));
  bus.parts.set(0x50, new Fake24C(bus.violations, 256));
  bus.parts.set(0x24, new FakePN532(bus.violations));
  return bus;
}

for (const { name, open, address, wrong } of sensors) {
  test(`${name}: the io is opened with its own options, which may be frozen, and the part's address`, (t) => {
    const bus = board();
    const target = {};
    const options = Object.freeze({ sensor: Object.freeze({ io: bus.IO, data: 1, unknown: true }), target });
    const sensor = open(options);
    t.is(bus.opened.length, 1);
    const { onError, hz, ...rest } = bus.opened[0]!.options;
    t.deepEqual(rest, { data: 1, unknown: true, address });
    t.is(typeof onError, "function");
    t.is(sensor.target, target);
    t.deepEqual(bus.violations, []);
  });

  test(`${name}: bad options are refused before the io is opened`, (t) => {
    const bus = board();
    const refused: unknown[] = [
      undefined,
      null,
      3,
      {},
      { sensor: 3 },
      { sensor: {} },
      { sensor: { io: {} } },
      { sensor: { io: bus.IO }, onError: 1 },
      ...wrong.map((at) => ({ sensor: { io: bus.IO, address: at } })),
    ];
    for (const options of refused) {
      const error = t.throws(() => open(options as never), { instanceOf: SensorError });
      t.is(error.code, "options");
      t.true(error.message.startsWith(`${name}: `), error.message);
    }
    t.is(bus.opened.length, 0);
  });

  test(`${name}: close closes the io once, and only close may be called afterwards`, (t) => {
    const bus = board();
    const sensor = open({ sensor: { io: bus.IO } });
    sensor.close();
    sensor.close();
    t.is(bus.opened[0]!.closed, 1);
    const before = bus.transactions.length;
    for (const use of [
      () => sensor.sample(),
      () => sensor.configure({}),
      () => sensor.configuration,
      () => sensor.identification,
    ])
      t.is(t.throws(use, { instanceOf: SensorError }).code, "closed");
    t.is(bus.transactions.length, before);
    t.deepEqual(bus.violations, []);
  });

  test(`${name}: configure takes objects, leaves what it does not know and gives fresh configurations`, (t) => {
    const bus = board();
    const sensor = open({ sensor: { io: bus.IO } });
    const before = sensor.configuration;
    sensor.configure(Object.freeze({ unknown: 1 }));
    t.deepEqual(sensor.configuration, before);
    t.not(sensor.configuration, sensor.configuration);
    for (const options of [null, undefined, 3])
      t.is(
        t.throws(() => sensor.configure(options as never), { instanceOf: SensorError }).code,
        "configuration",
      );
  });

  test(`${name}: a failing io calls onError once with the sensor as this, then only close works`, (t) => {
    const bus = board();
    const calls: unknown[][] = [];
    const sensor = open({
      sensor: { io: bus.IO },
      onError(this: unknown, error?: unknown) {
        calls.push([this, error]);
      },
    });
    const failure = new Error("gone");
    (bus.opened[0]!.options.onError as (error: unknown) => void)(failure);
    t.deepEqual(calls, [[sensor, failure]]);
    t.is(t.throws(() => sensor.sample(), { instanceOf: SensorError }).code, "failed");
    sensor.close();
    t.is(bus.opened[0]!.closed, 1);
  });

  test(`${name}: what the io's constructor throws comes through`, (t) => {
    const bus = board();
    const busy = new Error("in use");
    class Busy extends bus.IO {
      constructor(options: Record<string, unknown>) {
        super(options);
        throw busy;
      }
    }
    t.is(
      t.throws(() => open({ sensor: { io: Busy } })),
      busy,
    );
  });
}
