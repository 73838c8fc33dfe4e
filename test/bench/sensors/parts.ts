import { PrinterLine } from "../../../hal/boards/models/printer-line.js";
import { encodeIdentity, encodeTag } from "../../../hal/sensors/i2c/encode-identity.js";
import { Random } from "../../../hal/simulator/models/random.js";
import { BenchClock, HX711Model, hx711Bench } from "../../hal/sensors/hx711-model.js";
import { Fake24C } from "../../hal/sensors/i2c/fake-24c.js";
import { type Part as BusPart, FakeBus } from "../../hal/sensors/i2c/fake-bus.js";
import { FakePN532 } from "../../hal/sensors/i2c/fake-pn532.js";
import { FakeVL6180X } from "../../hal/sensors/i2c/fake-vl6180x.js";
import { QuadratureHardware } from "../../hal/sensors/quadrature-hardware.js";
import { VirtualTime } from "../../hal/sensors/virtual-time.js";
import type { IOName } from "./conversation.js";
import { Recorder } from "./recorder.js";
import { FULL, GRAM, SCALE, ZERO } from "./subjects.js";

/** The hardware of a subject, played by the parts that its tests have. */
export interface Part {
  readonly recorder: Recorder;
  /** What is used before the sample of that number. */
  use(sample: number): void;
  /** Sets a sample off where it is not the product that asks. */
  readonly begin?: () => void;
  /** Milliseconds until it is asked again, for the nth time in a row; undefined where it calls back. */
  readonly again?: (tries: number) => number;
  pass(milliseconds: number): void;
  /** What the data sheets forbid, and was done. */
  readonly violations: readonly string[];
}

const IDENTITY = { consumable: "FILTER-7", quantity: 90, serial: "00000000000000aa" };
const PULSES = 3;
/** A dose in every so many samples: the others see nothing. */
const DOSE_EVERY = 12;
const DOSE = 0.035;
/** Metres that a dose takes off the level. */
const DROP = 0.01;
/** Milliseconds of a conversion at 10 a second, of a VL6180X's measurement and of a PN532's answers, as the firmware waits for them. */
const CONVERSION = 100;
const MEASURING = 100;
const ANSWERING = 10;
/** From the trigger until the echo has come. */
const ECHO = 3;
const SPEED_OF_SOUND = 343.21;

function timed(
  io: { readonly [name in IOName]?: unknown },
  clock: VirtualTime,
  more: Pick<Part, "use"> & Partial<Part>,
): Part {
  return {
    recorder: new Recorder(io, clock),
    violations: [],
    pass: (milliseconds) => clock.advance(milliseconds),
    ...more,
  };
}

function counted(): Part {
  const { IO, opened } = QuadratureHardware.fresh();
  return timed({ counter: IO }, new VirtualTime(), {
    use: () => opened[0]!.pulses(PULSES),
    again: () => 1,
  });
}

function scale(): Part {
  const clock = new BenchClock();
  const random = new Random("scale");
  let content = 0.9;
  const counts = () => Math.round(ZERO + (content + GRAM * random.normal()) / SCALE);
  const model = new HX711Model({ clock, counts });
  const { Spi, Hold } = hx711Bench(clock, model);
  const never = () => {
    throw new Error("nothing of a scale is scheduled");
  };
  return {
    recorder: new Recorder({ spi: Spi, hold: Hold }, { ticks: clock.ticks, schedule: never }),
    violations: model.violations,
    use: (sample) => {
      if (sample % DOSE_EVERY === 0) content -= DOSE;
    },
    again: (tries) => CONVERSION + tries,
    pass: (milliseconds) => clock.pass(milliseconds),
  };
}

/** The asleep one is asked again as late as the firmware does it. */
function sleepyScale(): Part {
  return { ...scale(), again: (tries) => 700 + 90 * tries };
}

/** A line that is closed and opened by hand. */
function pulsed(isOne: boolean): Part {
  const clock = new VirtualTime();
  let readable: (() => void) | undefined;
  class Digital {
    constructor(options: { onReadable(): void }) {
      readable = options.onReadable;
    }
    close(): void {}
  }
  const use = isOne ? { use: () => {}, begin: () => readable!() } : { use: () => readable!() };
  return timed({ digital: Digital }, clock, { ...use, again: () => 1 });
}

function ranger(): Part {
  const clock = new VirtualTime();
  let distance = FULL;
  let pulse: number | undefined;
  let readable: (() => void) | undefined;
  class Echo {
    constructor(options: { onReadable(): void }) {
      readable = options.onReadable;
    }
    read(): number | undefined {
      const last = pulse;
      pulse = undefined;
      return last;
    }
    close(): void {}
  }
  class Trigger {
    write(level: 0 | 1): void {
      if (level === 1) return;
      clock.schedule(ECHO, () => {
        pulse = (2e6 * distance) / SPEED_OF_SOUND;
        readable!();
      });
    }
    close(): void {}
  }
  return timed({ echo: Echo, trigger: Trigger }, clock, {
    use: (sample) => {
      // Not at the very end of its range.
      distance = FULL + 0.005 + DROP * Math.floor(sample / DOSE_EVERY);
    },
  });
}

function printer(): Part {
  const clock = new VirtualTime();
  let pages = 1000;
  let options: { onReadable(count: number): void; onWritable(count: number): void } | undefined;
  const line = new PrinterLine(() => pages);
  const incoming: number[] = [];
  class Serial {
    constructor(given: NonNullable<typeof options>) {
      options = given;
      clock.schedule(0, () => options!.onWritable(128));
    }
    read(): ArrayBuffer | undefined {
      return incoming.length === 0 ? undefined : Uint8Array.from(incoming.splice(0)).buffer;
    }
    write(bytes: Uint8Array): void {
      const answer = line.take(bytes);
      clock.schedule(1, () => options!.onWritable(128));
      clock.schedule(30, () => {
        incoming.push(...answer);
        options!.onReadable(answer.length);
      });
    }
    close(): void {}
  }
  return timed({ serial: Serial }, clock, {
    use: () => {
      pages += PULSES;
    },
  });
}

/** A part at an address of an I2C bus. */
function onBus<P extends BusPart>(
  address: number,
  make: (violations: string[]) => P,
  more: (part: P) => Pick<Part, "use" | "again">,
): Part {
  const bus = new FakeBus();
  const part = make(bus.violations);
  bus.parts.set(address, part);
  return timed({ i2c: bus.IO }, new VirtualTime(), { violations: bus.violations, ...more(part) });
}

function timeOfFlight(): Part {
  return onBus(
    0x29,
    (violations) => new FakeVL6180X(violations),
    (part) => {
      // Done before it is asked for, as after 100 ms.
      part.duration = 0;
      return {
        use: (sample) => {
          part.millimetres = 1000 * FULL + 5 + 1000 * DROP * Math.floor(sample / DOSE_EVERY);
        },
        again: () => MEASURING,
      };
    },
  );
}

function memory(): Part {
  return onBus(
    0x50,
    (violations) => new Fake24C(violations, 256),
    (part) => {
      part.memory.set(encodeIdentity(IDENTITY));
      return { use: () => {}, again: () => 1 };
    },
  );
}

function tagReader(): Part {
  return onBus(
    0x24,
    (violations) => new FakePN532(violations),
    (part) => {
      // Every answer is there when it is asked for the second time, 10 ms later.
      part.busy = 1;
      const content = new Uint8Array(180);
      content.set([0xe1, 0x10, 0x12, 0x00], 12);
      content.set(encodeTag(IDENTITY), 16);
      part.tag = { sak: 0, id: [4, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0x80], memory: [...content] };
      return { use: () => {}, again: () => ANSWERING };
    },
  );
}

/** By the names of the subjects. */
export const PARTS: Readonly<Record<string, () => Part>> = Object.freeze({
  DoseCounter: counted,
  "LoadCell, HX711": scale,
  "LoadCell, HX711 asleep between samples": sleepyScale,
  FlowMeter: counted,
  "DigitalPulse: one pulse": () => pulsed(true),
  "FlowMeter, DigitalPulse": () => pulsed(false),
  "Ultrasonic, 5 pings": ranger,
  VL6180X: timeOfFlight,
  PageCounter: printer,
  CartridgeMemory: memory,
  PN532: tagReader,
});
