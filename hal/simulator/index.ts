export { MemoryChip } from "../boards/models/memory-chip.js";
export { PrinterLine } from "../boards/models/printer-line.js";
export { DeviceCrash, type Engine } from "./engine.js";
export { findXsWorker, xsFix } from "./engine-xs.js";
export { LoadCellModel } from "./models/load-cell-model.js";
export { Random } from "./models/random.js";
export { type LinkEvents, type LinkOptions, MqttLink } from "./mqtt-link.js";
export { NorFlash, type NorFlashOptions } from "./nor-flash.js";
export {
  type Inspection,
  SimulatedDevice,
  type SimulatedDeviceOptions,
  type SimulatedUpdate,
} from "./simulated-device.js";
export { Activity, VirtualClock, type VirtualClockOptions } from "./virtual-clock.js";
