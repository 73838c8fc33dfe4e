export { Burst, type BurstOptions, type BurstSample } from "./burst.js";
export { CountMeter, type CountMeterOptions } from "./count-meter.js";
export { MeterError, type MeterErrorCode } from "./errors.js";
export { type LeakFinding, LeakWatch, type LeakWatchOptions } from "./leak-watch.js";
export { LevelMeter, type LevelMeterOptions } from "./level-meter.js";
export { MassMeter, type MassMeterOptions } from "./mass-meter.js";
export type { MeterCondition, MeterReading } from "./meter-reading.js";
export { SamplingPlan, type SamplingPlanOptions } from "./sampling-plan.js";
export { type StuckFinding, StuckWatch, type StuckWatchOptions } from "./stuck-watch.js";
