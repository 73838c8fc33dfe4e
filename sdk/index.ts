export type { Anchoring, ClockQuality } from "./clock/clock.js";
export { EverfullError } from "./errors.js";
export { Everfull, type SlotView } from "./everfull.js";
export { Forecast, ForecastError, type ForecastOptions, type RunOut } from "./forecast/index.js";
export * from "./ledger/index.js";
export type { DeviceEvent, EverfullOptions, Identity } from "./options.js";
export * from "./reorder/index.js";
export type { ReorderOptions, SlotOptions } from "./slot.js";
export * from "./uplink/index.js";
