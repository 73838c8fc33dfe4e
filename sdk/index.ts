export type { Anchoring, ClockQuality } from "./clock/clock.js";
export { EverfullError } from "./errors.js";
export {
  Everfull,
  type HandOver,
  type RegistrationOffer,
  type SlotView,
  type StorageView,
} from "./everfull.js";
export { Forecast, ForecastError, type ForecastOptions, type RunOut } from "./forecast/index.js";
export type { BoardFigures } from "./health/health.js";
export * from "./ledger/index.js";
export { type LossBound, lossBound } from "./metering/commit-policy.js";
export type { DeviceEvent, EverfullOptions, Identity, RegistrationOptions } from "./options.js";
export type { Authorization } from "./registration/authorization.js";
export {
  type Permission,
  Registration,
  type RegistrationState,
  type ServiceWord,
} from "./registration/registration.js";
export * from "./reorder/index.js";
export type { ReorderOptions, SlotOptions } from "./slot.js";
export * from "./uplink/index.js";
