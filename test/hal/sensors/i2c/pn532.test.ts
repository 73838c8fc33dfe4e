import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { SensorError } from "../../../../hal/index.js";
import { encodeTag } from "../../../../hal/sensors/i2c/encode-identity.js";
import type { Identity } from "../../../../hal/sensors/i2c/identity-record.js";
import { PN532, type PN532Sample } from "../../../../hal/sensors/i2c/pn532.js";
import { decodeFrame, encodeFrame } from "../../../../hal/sensors/i2c/pn532-frame.js";
import { FakeBus } from "./fake-bus.js";
import { FakePN532, type FakeTag, frameFrom } from "./fake-pn532.js";

const filter: Identity = { consumable: "FILTER-7", quantity: 90, serial: "00000000000000aa" };
const ID = [0x04, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0x80];

/** An NTAG213: 45 pages, the data area from page 4 on. */
function ntag(data: ArrayLike<number>, cc = [0xe1, 0x10, 0x12, 0x00]): FakeTag {
  const memory = new Uint8Array(45 * 4);
  memory.set([...ID.slice(0, 3), 0x98, ...ID.slice(3), 0x48, 0, 0, 0, ...cc]);
  memory.set(data, 16);
  return { sak: 0, id: ID, memory: [...memory] };
}

function board() {
  const bus = new FakeBus();
  const part = new FakePN532(bus.violations);
  bus.parts.set(0x24, part);
  const open = () => new PN532({ sensor: { io: bus.IO } });
  return { bus, part, open };
}

function sampled(sensor: PN532, calls = 200): PN532Sample {
  for (let i = 0; i < calls; i++) {
    const sample = sensor.sample();
    if (sample) return sample;
  }
  throw new Error("no sample");
}

function failure(t: ExecutionContext, call: () => unknown): string {
  return t.throws(call, { instanceOf: SensorError, message: /^PN532: / }).code;
}

// The codec of frames.

test("a command is framed as the manual has it", (t) => {
  // UM0701-02, section 7.2.2: GetFirmwareVersion.
  t.deepEqual([...encodeFrame([0x02])], [0x00, 0x00, 0xff, 0x02, 0xfe, 0xd4, 0x02, 0x2a, 0x00]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 254 }), (data) => {
      t.deepEqual([...encodeFrame(data)], frameFrom(data, 0xd4));
    }),
  );
});

test("a response gives its data, whatever follows the frame", (t) => {
  const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 254 });
  fc.assert(
    fc.property(bytes, fc.uint8Array({ maxLength: 20 }), (data, rest) => {
      t.deepEqual(decodeFrame(Uint8Array.from([...frameFrom(data), ...rest])), Uint8Array.from(data));
    }),
  );
});

test("a frame with bits turned in one byte, or bytes missing, gives no data", (t) => {
  const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (data, at, turn) => {
      const frame = frameFrom(data);
      const cut = frame.slice(0, at % frame.length);
      t.is(typeof decodeFrame(Uint8Array.from(cut)), "string");
      frame[at % frame.length]! ^= turn;
      t.is(typeof decodeFrame(Uint8Array.from(frame)), "string");
    }),
  );
});

test("a frame that is wrong is told by what is wrong", (t) => {
  const wrong = (bytes: number[]) => decodeFrame(Uint8Array.from(bytes));
  t.is(wrong([1, 0, 0xff]), "no start of a frame");
  t.is(wrong([]), "no start of a frame");
  t.is(wrong([0, 0, 0xff, 3, 0xfe, 0xd5, 3, 0x28, 0]), "length checksum");
  t.is(wrong([0, 0, 0xff, 0xff, 0xff, 1, 0, 0xff]), "length checksum", "an extended frame");
  t.is(wrong([0, 0, 0xff, 0, 0, 0]), "length");
  t.is(wrong([0, 0, 0xff, 9, 0xf7, 0xd5, 3]), "length");
  t.is(wrong([0, 0, 0xff, 2, 0xfe, 0xd5, 3, 0x29, 0]), "data checksum");
  t.is(wrong([0, 0, 0xff, 2, 0xfe, 0xd5, 3, 0x28, 1]), "no end of the frame");
  t.is(wrong([0, 0, 0xff, 1, 0xff, 0x7f, 0x81, 0]), "command refused");
  t.is(wrong(frameFrom([2], 0xd4)), "not a response");
  t.is(wrong(frameFrom([])), "not a response");
});

// The sensor.

test("it is woken up, set up in order, and says what it is", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  t.deepEqual(part.commands, [0x14, 0x02, 0x12, 0x32]);
  t.deepEqual(sensor.identification, { model: "PN532", classification: "TagReader" });
  t.like(bus.opened[0]!.options, { address: 0x24, hz: 100_000 });
  t.false(part.isFieldOn);
  t.deepEqual(bus.violations, []);
});

test("a tag's identity is read, and the field is off afterwards", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  part.tag = ntag(encodeTag(filter));
  t.is(sensor.sample(), undefined, "it does not wait");
  t.true(part.isFieldOn);
  const first = sampled(sensor);
  t.deepEqual(first, { tag: Uint8Array.from(ID), identity: filter });
  t.false(part.isFieldOn);
  const second = sampled(sensor);
  t.deepEqual(second, first);
  t.not(second, first);
  t.not(second.tag, first.tag);
  part.tag = undefined;
  t.deepEqual(sampled(sensor), {});
  t.false(part.isFieldOn);
  t.deepEqual(bus.violations, []);
});

test("the longest identity there is, read at once when the PN532 is never busy", (t) => {
  const { bus, part, open } = board();
  part.busy = 0;
  const sensor = open();
  const longest: Identity = { consumable: "x".repeat(32), quantity: 0xffff_ffff, serial: "f".repeat(16) };
  part.tag = ntag([...[1, 3, 0xa0, 0x0c, 0x34], ...encodeTag(longest)]);
  t.deepEqual(sensor.sample(), { tag: Uint8Array.from(ID), identity: longest });
  t.deepEqual(bus.violations, []);
});

test("ids of 4 and of 10 bytes", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  for (const length of [4, 10]) {
    const id = Array.from({ length }, (_, i) => i);
    part.tag = { ...ntag(encodeTag(filter)), id };
    t.deepEqual(sampled(sensor), { tag: Uint8Array.from(id), identity: filter });
  }
  t.deepEqual(bus.violations, []);
});

test("a tag without an identity says why", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  const good = encodeTag(filter);
  const torn = good.slice();
  torn[40]! ^= 1;
  const longer = [...good.slice(0, 4), good[4]! + 1, ...good.slice(5, -1), 0, 0xfe];
  longer[1]!++;
  const later = good.slice();
  later[5 + 22 + 2] = 2;
  const foreign = [3, 8, 0xd1, 1, 4, 0x54, 2, 101, 110, 104, 0xfe];
  const cases: [record: string, tag: FakeTag][] = [
    ["blank", ntag([3, 0, 0xfe])],
    ["format", ntag([], [0, 0, 0, 0])],
    ["format", ntag([3, 200])],
    ["foreign", ntag(foreign)],
    ["foreign", ntag([3, 255, 1, 44], [0xe1, 0x10, 0x3e, 0])],
    ["checksum", ntag(torn)],
    ["version", ntag(later)],
    ["format", ntag(longer)],
    ["type", { ...ntag(good), sak: 0x08 }],
    ["type", { ...ntag(good), sak: 0x20 }],
    ["unreadable", { ...ntag(good), reads: 0 }],
    ["unreadable", { ...ntag(good), reads: 2 }],
  ];
  for (const [record, tag] of cases) {
    part.tag = tag;
    t.deepEqual(
      sampled(sensor),
      { tag: Uint8Array.from(ID), faults: { record } } as PN532Sample,
      `${record} ${tag.memory.slice(16, 24)}`,
    );
    t.false(part.isFieldOn);
  }
  part.tag = ntag(good);
  t.deepEqual(sampled(sensor).identity, filter);
  t.deepEqual(bus.violations, []);
});

test("nothing there, another chip, one that sleeps too deep: typed, and nothing stays open", (t) => {
  const { bus, part, open } = board();
  part.ic = 0x33;
  const error = t.throws(open, { instanceOf: SensorError });
  t.is(error.code, "identity");
  t.regex(error.message, /IC .*51/);
  part.ic = 0x32;
  part.asleep = 3;
  t.is(failure(t, open), "bus");
  part.asleep = 2;
  open().close();
  part.hang();
  t.is(failure(t, open), "bus");
  bus.parts.clear();
  t.is(failure(t, open), "bus");
  t.true(bus.opened.every(({ closed }) => closed === 1));
  t.deepEqual(bus.violations, []);
});

test("a device that was reset in the middle of a sample opens it again", (t) => {
  const { bus, part, open } = board();
  open().sample();
  part.tag = ntag(encodeTag(filter));
  t.deepEqual(sampled(open()).identity, filter);
  t.deepEqual(bus.violations, []);
});

test("close in the middle of a sample ends it and its field", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  sensor.sample();
  t.true(part.isFieldOn);
  sensor.close();
  t.false(part.isFieldOn);
  const other = open();
  const before = bus.transactions.length;
  other.close();
  t.is(bus.transactions.length, before, "nothing was going on");
  const third = open();
  third.sample();
  bus.parts.clear();
  t.notThrows(() => third.close());
  t.deepEqual(
    bus.opened.map(({ closed }) => closed),
    [1, 1, 1],
  );
  t.deepEqual(bus.violations, []);
});

test("a PN532 that stops answering is given up after a while, and asked again", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  part.hang();
  t.is(
    failure(t, () => sampled(sensor)),
    "bus",
  );
  part.busy = 1;
  part.tag = ntag(encodeTag(filter));
  t.deepEqual(sampled(sensor).identity, filter);
  t.deepEqual(bus.violations, []);
});

test("99 times busy before ACK, and 99 before the answer, is patience enough; 100 is not", (t) => {
  const { bus, part, open } = board();
  part.busy = 99;
  const sensor = open();
  part.tag = ntag(encodeTag(filter));
  t.deepEqual(sampled(sensor, 2000).identity, filter);
  part.busy = 100;
  t.is(
    failure(t, () => sampled(sensor)),
    "bus",
  );
  t.is(failure(t, open), "bus");
  t.deepEqual(bus.violations, []);
});

test("a bus that fails anywhere: typed, and the next try is sound", (t) => {
  const tag = ntag(encodeTag(filter));
  const { opening, all } = (() => {
    const { bus, part, open } = board();
    part.tag = tag;
    const sensor = open();
    const opening = bus.transactions.length;
    sampled(sensor);
    return { opening, all: bus.transactions.length };
  })();
  t.true(all - opening > 30);
  // The first is not acknowledged in any case: it wakes the PN532 up.
  for (let at = 2; at < all; at++) {
    const { bus, part, open } = board();
    part.tag = tag;
    bus.failAt = at;
    if (at < opening) {
      t.is(failure(t, open), "bus");
      t.is(bus.opened[0]!.closed, 1);
      t.deepEqual(sampled(open()).identity, filter);
    } else {
      const sensor = open();
      t.is(
        failure(t, () => sampled(sensor)),
        "bus",
      );
      t.deepEqual(sampled(sensor), { tag: Uint8Array.from(ID), identity: filter }, `${at}`);
      t.false(part.isFieldOn);
    }
    t.deepEqual(bus.violations, [], `${at}`);
  }
});

const SPOILS: Record<string, (bytes: number[], kind: string) => number[]> = {
  "torn frame": (bytes, kind) => (kind === "response" ? [...bytes.slice(0, -3)] : bytes),
  "torn ACK": (bytes, kind) => (kind === "ack" ? bytes.slice(0, 4) : bytes),
  "NACK instead of ACK": (bytes, kind) => (kind === "ack" ? [0, 0, 0xff, 0xff, 0, 0] : bytes),
  "response instead of ACK": (bytes, kind) => (kind === "ack" ? frameFrom([3, 0x32]).slice(0, 6) : bytes),
  "length checksum": (bytes, kind) => (kind === "response" ? bytes.with(4, bytes[4]! ^ 0x10) : bytes),
  "data checksum": (bytes, kind) => (kind === "response" ? bytes.with(6, bytes[6]! ^ 1) : bytes),
  "another command's response": (bytes, kind) => (kind === "response" ? frameFrom([0x07]) : bytes),
  "error frame": (bytes, kind) => (kind === "response" ? [0, 0, 0xff, 1, 0xff, 0x7f, 0x81, 0] : bytes),
};

for (const [name, spoil] of Object.entries(SPOILS))
  for (const command of [0x02, 0x14, 0x12, 0x32, 0x4a, 0x40])
    test(`${name}, at command 0x${command.toString(16)}: typed, and the next try is sound`, (t) => {
      const { bus, part, open } = board();
      part.tag = ntag(encodeTag(filter));
      let count = 0;
      part.spoil = (bytes, kind, of) => {
        const isOnce = of === command && count === 0;
        const spoilt = isOnce ? spoil(bytes, kind) : bytes;
        if (spoilt !== bytes) count++;
        return spoilt;
      };
      if (command < 0x40) {
        t.is(failure(t, open), "protocol");
        t.is(bus.opened[0]!.closed, 1);
      }
      const sensor = open();
      if (command >= 0x40)
        t.is(
          failure(t, () => sampled(sensor)),
          "protocol",
        );
      t.deepEqual(sampled(sensor), { tag: Uint8Array.from(ID), identity: filter });
      t.is(count, 1);
      t.deepEqual(bus.violations, []);
    });

test("target data and tag data that no PN532 sends are refused", (t) => {
  const { bus, part, open } = board();
  const sensor = open();
  part.tag = ntag(encodeTag(filter));
  const answers: [command: number, data: number[]][] = [
    [0x4a, []],
    [0x4a, [2, 1, 0, 0x44, 0, 4, 1, 2, 3, 4]],
    [0x4a, [1, 2, 0, 0x44, 0, 4, 1, 2, 3, 4]],
    [0x4a, [1, 1, 0, 0x44, 0, 4, 1, 2, 3]],
    [0x4a, [1, 1, 0, 0x44, 0, 0]],
    [0x40, []],
    [0x40, [0, 1, 2, 3, 4]],
  ];
  for (const [command, data] of answers) {
    part.spoil = (bytes, kind, of) =>
      kind === "response" && of === command ? frameFrom([command + 1, ...data]) : bytes;
    t.is(
      failure(t, () => sampled(sensor)),
      "protocol",
      `${command} ${data}`,
    );
  }
  part.spoil = undefined;
  t.deepEqual(sampled(sensor).identity, filter);
  t.deepEqual(bus.violations, []);
});

test("the fake insists on the protocol", (t) => {
  const woken = () => {
    const { bus, part } = board();
    part.asleep = 0;
    return { bus, part };
  };
  const wrong: ((part: FakePN532) => void)[] = [
    (part) => part.write([2]),
    (part) => part.write(frameFrom([2], 0xd5)),
    (part) => part.write(frameFrom([2], 0xd4)),
    (part) => part.write(frameFrom([0x14, 1, 0, 1], 0xd4).with(9, 7)),
    (part) => part.read(7),
    (part) => part.writeRead([2], 7),
    (part) => {
      part.write(frameFrom([0x14, 1, 0, 1], 0xd4));
      part.write(frameFrom([0x02], 0xd4));
    },
    (part) => {
      part.busy = 0;
      part.write(frameFrom([0x14, 1, 0, 1], 0xd4));
      part.read(6);
    },
    (part) => {
      part.write(frameFrom([0x14, 1, 0, 1], 0xd4));
      part.write([0, 0, 0xff, 0, 0xff, 0]);
      part.write(frameFrom([0x4a, 1, 0], 0xd4));
    },
  ];
  for (const misuse of wrong) {
    const { bus, part } = woken();
    misuse(part);
    t.true(bus.violations.length > 0, String(misuse));
  }
});
