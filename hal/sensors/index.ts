export { DIGITAL_MAXIMUM_RATE, DigitalPulse, type DigitalPulseOptions } from "./digital-pulse.js";
export {
  DoseCounter,
  type DoseCounterConfiguration,
  type DoseCounterOptions,
  type DoseCounterSample,
  type PulseIO,
} from "./dose-counter.js";
export { SensorError, type SensorErrorCode } from "./errors.js";
export {
  type FlowIO,
  FlowMeter,
  type FlowMeterConfiguration,
  type FlowMeterFaults,
  type FlowMeterOptions,
  type FlowMeterSample,
  type FlowWiring,
} from "./flow-meter.js";
export { HX711, type HX711Input, type HX711Options, type SpiIO } from "./hx711.js";
export {
  type BridgeIO,
  LoadCell,
  type LoadCellConfiguration,
  type LoadCellFaults,
  type LoadCellOptions,
  type LoadCellSample,
} from "./load-cell.js";
export {
  PageCounter,
  type PageCounterCallback,
  type PageCounterConfiguration,
  type PageCounterFaults,
  type PageCounterOptions,
  type PageCounterSample,
  type SerialIO,
} from "./page-counter.js";
export type { SensorClock } from "./sensor-clock.js";
export type { ClosableIO, SensorIdentification, SensorIOOptions } from "./sensor-io.js";
export {
  type EchoIO,
  speedOfSound,
  type TriggerIO,
  Ultrasonic,
  type UltrasonicCallback,
  type UltrasonicConfiguration,
  type UltrasonicFaults,
  type UltrasonicOptions,
  type UltrasonicSample,
} from "./ultrasonic.js";
