/** A local stand-in for Amazon's side of the classic Dash Replenishment Service; see README.md. */
export { SandboxError, type SandboxErrorCode } from "./errors.js";
export { UNSIGNED } from "./messages.js";
export type { OperationName } from "./operations.js";
export { startSandbox } from "./sandbox.js";
export type {
  DeliveryPlan,
  DetailCode,
  NotificationCounts,
  NotificationType,
  OrderState,
  RefusalReason,
  Sandbox,
  SandboxClock,
  SandboxCounts,
  SandboxDevice,
  SandboxLogEntry,
  SandboxOptions,
  SandboxOrder,
  SandboxSlot,
  SandboxStatus,
  SlotStatusBody,
} from "./types.js";
