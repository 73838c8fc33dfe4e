import { CountMeter, DoseCounter, HX711, LevelMeter, LoadCell, MassMeter } from "../../../hal/index.js";
import { CartridgeMemory } from "../../../hal/sensors/i2c/cartridge-memory.js";
import { PN532 } from "../../../hal/sensors/i2c/pn532.js";
import { VL6180X } from "../../../hal/sensors/i2c/vl6180x.js";
import { DigitalPulse } from "../../../hal/sensors/pulse/digital-pulse.js";
import { FlowMeter } from "../../../hal/sensors/pulse/flow-meter.js";
import { Ultrasonic } from "../../../hal/sensors/pulse/ultrasonic.js";
import { PageCounter } from "../../../hal/sensors/serial/page-counter.js";
import type { Rig, Sampler } from "./conversation.js";

/* Every sensor with the meter that the firmware gives it, as a device has them. Nothing here is of Node. */

/** Counts and kilograms of the scale. */
export const ZERO = 84_000;
export const SCALE = 2e-6;
export const GRAM = 0.001;
const TENTH_OUNCE = 0.00283495;
/** Metres down to a full container, and to the ground of an empty one. */
export const FULL = 0.02;
export const EMPTY = 0.1;
const PULSES_PER_LITRE = 450;

function loadCell(rig: Rig, hold: object): Sampler {
  const sensor = new LoadCell({
    sensor: { io: HX711, spi: { io: rig.io.spi }, ticks: () => rig.clock.ticks(), ...hold },
  });
  sensor.configure({ zero: ZERO, scale: SCALE });
  const meter = new MassMeter({ massPerStep: TENTH_OUNCE, noise: GRAM, level: 317 });
  return (done) => {
    const sample = sensor.sample();
    if (sample) done(meter.update(sample));
  };
}

function levelMeter(): LevelMeter {
  return new LevelMeter({ full: FULL, empty: EMPTY, capacity: 1000, level: 1000, noise: GRAM });
}

/** By the names that the tables have. */
export const SUBJECTS: Readonly<Record<string, (rig: Rig) => Sampler>> = Object.freeze({
  DoseCounter(rig: Rig): Sampler {
    const sensor = new DoseCounter({ sensor: { io: rig.io.counter } });
    const meter = new CountMeter({ stepsPerCount: 0.29 });
    return (done) => done(meter.update(sensor.sample()!));
  },
  "LoadCell, HX711": (rig: Rig) => loadCell(rig, {}),
  "LoadCell, HX711 asleep between samples": (rig: Rig) => loadCell(rig, { hold: { io: rig.io.hold } }),
  FlowMeter(rig: Rig): Sampler {
    const sensor = new FlowMeter({ sensor: { io: rig.io.counter }, clock: rig.clock });
    sensor.configure({ pulsesPerLitre: PULSES_PER_LITRE });
    const meter = new CountMeter({ stepsPerCount: 100 / PULSES_PER_LITRE });
    return (done) => done(meter.update(sensor.sample()!));
  },
  "DigitalPulse: one pulse"(rig: Rig): Sampler {
    const counter = new DigitalPulse({ digital: { io: rig.io.digital }, clock: rig.clock });
    return (done) => done({ count: counter.read() });
  },
  "FlowMeter, DigitalPulse"(rig: Rig): Sampler {
    const digital = { io: rig.io.digital };
    const sensor = new FlowMeter({
      sensor: { io: DigitalPulse, digital, clock: rig.clock },
      clock: rig.clock,
    });
    sensor.configure({ wiring: "single", pulsesPerLitre: PULSES_PER_LITRE });
    const meter = new CountMeter({ stepsPerCount: 100 / PULSES_PER_LITRE });
    return (done) => done(meter.update(sensor.sample()!));
  },
  "Ultrasonic, 5 pings"(rig: Rig): Sampler {
    const sensor = new Ultrasonic({
      sensor: { io: rig.io.echo },
      trigger: { io: rig.io.trigger },
      clock: rig.clock,
    });
    sensor.configure({ temperature: 20 });
    const meter = levelMeter();
    return (done) =>
      sensor.sample((error, sample) => {
        if (error) throw error;
        done(meter.update(sample!));
      });
  },
  VL6180X(rig: Rig): Sampler {
    const sensor = new VL6180X({ sensor: { io: rig.io.i2c } });
    const meter = levelMeter();
    return (done) => {
      const sample = sensor.sample();
      if (sample) done(meter.update(sample));
    };
  },
  PageCounter(rig: Rig): Sampler {
    const sensor = new PageCounter({ sensor: { io: rig.io.serial, baud: 9600 }, clock: rig.clock });
    const meter = new CountMeter({ stepsPerCount: 0.625 });
    return (done) =>
      sensor.sample((error, sample) => {
        if (error) throw error;
        done(meter.update(sample!));
      });
  },
  CartridgeMemory(rig: Rig): Sampler {
    const sensor = new CartridgeMemory({ sensor: { io: rig.io.i2c } });
    return (done) => done(sensor.sample().identity!);
  },
  PN532(rig: Rig): Sampler {
    const sensor = new PN532({ sensor: { io: rig.io.i2c } });
    return (done) => {
      const sample = sensor.sample();
      if (sample) done(sample.identity!);
    };
  },
});
