/** A local stand-in for Amazon's side of the classic Dash Replenishment Service; see README.md. */
export { SandboxError, type SandboxErrorCode } from "./errors.js";
export { startSandbox } from "./sandbox.js";
export type { OperationName } from "./service/operations.js";
export { TOPIC_ARN } from "./sns/topic.js";
export { AdjustableClock, type AdjustableClockOptions } from "./state/clock.js";
export type {
  DeliveredType,
  DeliveryPlan,
  DetailCode,
  NotificationCounts,
  NotificationFault,
  NotificationType,
  NotificationVersion,
  OrderProblem,
  OrderState,
  RefusalReason,
  RequestFault,
  Sandbox,
  SandboxClock,
  SandboxCounts,
  SandboxCustomer,
  SandboxDevice,
  SandboxFault,
  SandboxLogEntry,
  SandboxLwa,
  SandboxModel,
  SandboxModelSlot,
  SandboxOptions,
  SandboxOrder,
  SandboxPayment,
  SandboxProduct,
  SandboxSlot,
  SandboxStatus,
  SlotStatusBody,
  TokenCounts,
} from "./types.js";
