import test from "ava";
import { SensorError } from "../../../../hal/index.js";
import { CartridgeMemory } from "../../../../hal/sensors/i2c/cartridge-memory.js";
import { encodeIdentity } from "../../../../hal/sensors/i2c/encode-identity.js";
import type { Identity } from "../../../../hal/sensors/i2c/identity-record.js";
import { Fake24C } from "./fake-24c.js";
import { FakeBus } from "./fake-bus.js";

const coffee: Identity = { consumable: "B000COFFEE", quantity: 2500, serial: "0123456789abcdef" };
const longest: Identity = { consumable: "x".repeat(32), quantity: 0xffff_ffff, serial: "f".repeat(16) };

function board(size: number, address = 0x50) {
  const bus = new FakeBus();
  const part = new Fake24C(bus.violations, size);
  bus.parts.set(address, part);
  // One byte is what is taken for granted.
  const addressBytes = size > 2048 ? { addressBytes: 2 as const } : {};
  const sensor = new CartridgeMemory({ sensor: { io: bus.IO, address }, ...addressBytes });
  return { bus, part, sensor };
}

for (const [size, last] of [
  [128, 128 - 52],
  [256, 128 - 52],
  [2048, 128 - 52],
  [4096, 4096 - 52],
  [65536, 4096 - 52],
] as const)
  test(`the identity in a memory of ${size} bytes, from the first place to the last`, (t) => {
    const { bus, part, sensor } = board(size, 0x57);
    for (const [offset, identity] of [
      [0, coffee],
      [last, longest],
    ] as const) {
      part.memory.fill(0xff).set(encodeIdentity(identity), offset);
      sensor.configure({ offset });
      const before = bus.transactions.length;
      t.deepEqual(sensor.sample(), { identity });
      t.is(bus.transactions.length, before + 1);
    }
    t.deepEqual(sensor.configuration, { offset: last });
    t.like(bus.opened[0]!.options, { address: 0x57, hz: 100_000 });
    t.deepEqual(bus.violations, []);
    for (const offset of [last + 1, -1, 0.5, NaN, "0", null])
      t.is(
        t.throws(() => sensor.configure({ offset } as never), { instanceOf: SensorError }).code,
        "configuration",
      );
    t.deepEqual(sensor.configuration, { offset: last });
  });

test("nothing is read before it is asked for, and the cartridge may come, go and be another", (t) => {
  const { bus, part, sensor } = board(256);
  t.is(bus.transactions.length, 0);
  bus.parts.clear();
  const error = t.throws(() => sensor.sample(), { instanceOf: SensorError });
  t.is(error.code, "bus");
  t.is(error.message, "CartridgeMemory: read failed (writeRead failed)");
  bus.parts.set(0x50, part);
  t.deepEqual(sensor.sample(), { faults: { record: "blank" } });
  part.memory.set(encodeIdentity(coffee));
  t.deepEqual(sensor.sample(), { identity: coffee });
  t.not(sensor.sample(), sensor.sample());
  bus.parts.clear();
  t.is(t.throws(() => sensor.sample(), { instanceOf: SensorError }).code, "bus");
  part.memory.set(encodeIdentity({ ...coffee, serial: "00000000deadbeef" }));
  bus.parts.set(0x50, part);
  t.is(sensor.sample().identity?.serial, "00000000deadbeef");
  t.deepEqual(bus.violations, []);
});

test("a damaged record, a later version and something else are faults", (t) => {
  const { part, sensor } = board(256);
  part.memory.set(encodeIdentity(coffee));
  part.memory[5]! ^= 1;
  t.deepEqual(sensor.sample(), { faults: { record: "checksum" } });
  part.memory[2] = 2;
  t.deepEqual(sensor.sample(), { faults: { record: "version" } });
  part.memory[0] = 0;
  t.deepEqual(sensor.sample(), { faults: { record: "format" } });
});

test("the wrong number of address bytes gives no identity and writes nothing", (t) => {
  for (const [size, addressBytes] of [
    [256, 2],
    [4096, 1],
  ] as const) {
    const { bus, part } = board(size);
    part.memory.set(encodeIdentity(coffee), 1);
    const before = [...part.memory];
    const sensor = new CartridgeMemory({ sensor: { io: bus.IO }, addressBytes });
    t.truthy(sensor.sample().faults);
    t.deepEqual([...part.memory], before);
    t.false(bus.violations.includes("the memory was written"));
  }
});

test("the fake writes what comes with a stop", (t) => {
  const { bus, part } = board(256);
  part.write([0, 0]);
  t.is(part.memory[0], 0);
  t.deepEqual(bus.violations, ["the memory was written"]);
});

test("addressBytes that no memory has are refused", (t) => {
  const { bus } = board(256);
  for (const addressBytes of [0, 3, "1"]) {
    const open = () => new CartridgeMemory({ sensor: { io: bus.IO }, addressBytes } as never);
    const error = t.throws(open, { instanceOf: SensorError });
    t.is(error.code, "options");
    t.regex(error.message, /addressBytes .*got [013]/);
  }
  t.is(bus.opened.length, 1);
});
