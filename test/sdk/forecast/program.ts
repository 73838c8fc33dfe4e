import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import { Forecast, type ForecastOptions } from "../../../sdk/forecast/index.js";

/* The forecast as a program for an engine that has nothing of Node: an event is a command as JSON, answered by a hash of all that was said. */

export type ProgramCommand = "nothing" | "day" | "month" | "lives";

/** Days of each life. */
const DAYS = 240;
const OPTIONS: readonly ForecastOptions[] = [
  { priorRate: 0.2, unit: 1 },
  { priorRate: 3, unit: 1 },
  { priorRate: 3, unit: 0 },
  { priorRate: 35, unit: 0, noise: 6 },
  { priorRate: 700, unit: 10 },
];

let hash = 0;
const bytes = new Uint8Array(Forecast.BYTES);
const view = new DataView(new ArrayBuffer(8));
let seed = 1;
const device = new Forecast(OPTIONS[1]!);
let days = 0;

function add(byte: number): void {
  hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
}

function addNumber(value: number): void {
  view.setFloat64(0, value);
  for (let i = 0; i < 8; i++) add(view.getUint8(i));
}

function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

const said = { low: 0, median: 0, high: 0, probability: 0 };

/** What is learned and said of a day: three dates, one probability. */
function learn(forecast: Forecast, day: number, used: number, observed: number, remaining: number): void {
  forecast.learn(day % 7, used, observed);
  forecast.runOut(remaining, (day + 1) % 7, undefined, undefined, said);
  said.probability = forecast.runOutProbability(remaining, 8, (day + 1) % 7);
}

function live(options: ForecastOptions): void {
  const forecast = new Forecast(options);
  const { priorRate, unit, noise = 0 } = options;
  for (let day = 0; day < DAYS; day++) {
    // Weekends, pauses, a holiday, lumps, a noisy level, a day that was observed in part.
    const mean = priorRate * (day % 7 > 4 ? 1.6 : 0.8);
    const use = day % 100 > 84 || random() < 0.3 ? 0 : mean * 3 * random() * random();
    const used = unit > 0 ? Math.floor(use / unit) * unit : use;
    const observed = random() < 0.05 ? random() : 1;
    if (day === 150) forecast.rescale(1.7);
    const remaining = Math.ceil(priorRate * 40 * random()) + 1;
    learn(forecast, day, used * observed + noise * (random() - 0.5), observed, remaining);
    forecast.save(bytes);
    for (const byte of bytes) add(byte);
    for (const value of [said.low, said.median, said.high, said.probability, forecast.rate]) addNumber(value);
    addNumber(forecast.runOutProbability(remaining, 5, day % 7, 0.4));
  }
}

function next(): void {
  learn(device, days++, (days * days * 7 + days * 3) % 8, 1, 60);
  addNumber(said.median);
}

function run(command: ProgramCommand): number {
  hash = 0x811c9dc5;
  if (command === "lives") {
    seed = 1;
    for (const options of OPTIONS) for (let i = 0; i < 2; i++) live(options);
  } else if (command === "day") {
    next();
    // As in the checkpoint of a block that began.
    device.save(bytes);
  } else if (command === "month") {
    for (let day = 0; day < 30; day++) next();
  }
  return hash;
}

/** As the XS worker calls it. */
(globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer }).handleCommand = (event) => {
  const command = JSON.parse(fromText(new Uint8Array(event))) as ProgramCommand;
  return toText(JSON.stringify(run(command))).buffer as ArrayBuffer;
};
