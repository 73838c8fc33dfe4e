import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import { Calibration } from "../../../hal/meters/calibration/calibration.js";
import { KFactor, WATER } from "../../../hal/meters/flow/k-factor.js";
import { VolumeMeter } from "../../../hal/meters/flow/volume-meter.js";
import {
  Burst,
  CountMeter,
  LeakWatch,
  LevelMeter,
  MassMeter,
  SamplingPlan,
  StuckWatch,
} from "../../../hal/meters/index.js";

/* The meters as a program for an engine that has nothing of Node: an event is a command as JSON, answered by a hash of all that was said. */

export type ProgramCommand = "nothing" | "sample" | "count" | "lives";

const GRAM = 0.001;
const MINUTE = 60_000;

let hash = 0;
let seed = 1;
/** Only what a device would do is done, so that its steps can be counted. */
let isBare = false;
const view = new DataView(new ArrayBuffer(8));

function say(...values: readonly (number | string | undefined)[]): void {
  if (isBare) return;
  for (const value of values) {
    const number =
      typeof value === "string" ? value.length + value.charCodeAt(0) : value === undefined ? -1 : value;
    view.setFloat64(0, number);
    for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x01000193) >>> 0;
  }
}

function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

/** About normal, of +, - and * alone. */
function normal(): number {
  if (isBare) return random() - 0.5;
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random();
  return sum;
}

class Scale {
  readonly meter = new MassMeter({ massPerStep: 0.00283495, noise: GRAM, level: 317, capacity: 400 });
  readonly burst = new Burst({ noise: GRAM });
  readonly plan = new SamplingPlan({ latency: 15 * MINUTE, awake: 500 });
  readonly leaks = new LeakWatch({ most: 250 });
  readonly stuck = new StuckWatch({ same: 40, idle: 30 * 1440 * MINUTE });
  content = 0.9;
  time = 0;

  /** One sample, as the firmware does it. */
  sample(shaking: number): void {
    const begin = this.time;
    let sample = this.burst.add(this.content + GRAM * normal() + shaking * (random() - 0.5));
    while (!sample) {
      this.time += 100;
      sample = this.burst.add(this.content + GRAM * normal() + shaking * (random() - 0.5));
    }
    const reading = this.meter.update({ mass: sample.value, faults: sample.faults }, 0.5);
    const leak = this.leaks.update(reading.consumed, begin);
    const fault = this.stuck.update(sample, reading, begin);
    this.time += this.plan.next(this.meter.pending);
    say(sample.value, sample.error, reading.consumed, reading.refilled, reading.condition, leak, fault);
    say(this.meter.offset, this.plan.share, this.time);
  }
}

const scale = new Scale();
const counter = new CountMeter({ stepsPerCount: 0.29, modulus: 2 ** 16 });
let count = 0;

function lives(): void {
  const home = new Scale();
  while (home.time < 20 * 1440 * MINUTE) {
    if (random() < 0.1) home.content = home.content < 0.2 ? home.content + 0.7 : home.content - 0.035;
    if (random() < 0.002) home.meter.rebase();
    if (random() < 0.01) home.stuck.expectUse();
    home.sample(random() < 0.1 ? 0.1 : 0);
  }
  const level = new LevelMeter({ full: 0.05, empty: 0.25, capacity: 200, level: 200 });
  const calibration = new Calibration(
    { raw: 84_000, value: 0, error: 300 },
    { raw: 1_084_321, value: 1, error: 300, uncertainty: 0.001 },
  );
  const points = [
    { rate: 5, pulsesPerLitre: 400 },
    { rate: 60, pulsesPerLitre: 450 },
  ];
  const factor = new KFactor({ points, viscosity: WATER, temperatureCoefficient: 0.0001 });
  const volume = new VolumeMeter({ stepsPerLitre: 100, factor, modulus: 2 ** 16 });
  const counts = new CountMeter({ stepsPerCount: 0.4, most: 100 });
  let pulses = 0;
  for (let i = 0; i < 2000; i++) {
    const { consumed, refilled, condition } = level.update({
      distance: 0.05 + 0.0001 * i + 0.3 * (i % 400 > 390 ? 1 : 0),
    });
    say(consumed, refilled, condition, level.offset);
    pulses += Math.floor(60 * random());
    say(volume.update({ count: pulses % 2 ** 16 }, 1, 60 * random()).consumed);
    const said = counts.update({ count: i % 500 < 10 ? i * 77 : i });
    say(said.consumed, said.condition);
    say(calibration.at(i * 1000), calibration.uncertainty(i / 1000));
  }
}

/** As the XS worker calls it. */
(globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer }).handleCommand = (event) => {
  const command = JSON.parse(fromText(new Uint8Array(event))) as ProgramCommand;
  isBare = command !== "lives";
  if (command === "sample") scale.sample(0);
  else if (command === "count") {
    count += 3;
    counter.update({ count });
  } else if (command === "lives") lives();
  return toText(JSON.stringify(hash)).buffer as ArrayBuffer;
};
