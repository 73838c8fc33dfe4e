/** A local stand-in for Amazon's side of the classic Dash Replenishment Service; see README.md. */
export { SandboxError, type SandboxErrorCode } from "./errors.js";
export { startSandbox } from "./sandbox.js";
export type { OperationName } from "./service/operations.js";
export { TOPIC_ARN } from "./sns/topic.js";
export type {
  DeliveredType,
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
  SandboxLwa,
  SandboxOptions,
  SandboxOrder,
  SandboxSlot,
  SandboxStatus,
  SlotStatusBody,
  TokenCounts,
} from "./types.js";
