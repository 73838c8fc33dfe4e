export { CountMeter, type CountMeterOptions } from "./count-meter.js";
export { MeterError, type MeterErrorCode } from "./errors.js";
export { LevelMeter, type LevelMeterOptions } from "./level-meter.js";
export { MassMeter, type MassMeterOptions } from "./mass-meter.js";
export type { MeterReading } from "./meter-reading.js";
