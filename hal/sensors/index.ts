export {
  DoseCounter,
  type DoseCounterConfiguration,
  type DoseCounterOptions,
  type DoseCounterSample,
  type PulseIO,
} from "./dose-counter.js";
export { SensorError, type SensorErrorCode } from "./errors.js";
export { HX711, type HX711Input, type HX711Options, type SpiIO } from "./hx711.js";
export {
  type BridgeIO,
  LoadCell,
  type LoadCellConfiguration,
  type LoadCellFaults,
  type LoadCellOptions,
  type LoadCellSample,
} from "./load-cell.js";
export type { SensorClock } from "./sensor-clock.js";
export type { ClosableIO, SensorIdentification, SensorIOOptions } from "./sensor-io.js";
