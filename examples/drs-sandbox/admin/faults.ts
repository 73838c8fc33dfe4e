import { SandboxError } from "../errors.js";
import { OPERATIONS } from "../service/operations.js";
import type { NotificationFault, NotificationType, RequestFault, SandboxFault } from "../types.js";

const KINDS = Object.freeze({
  request: ["expired-token", "error", "lost-answer", "slow"],
  notification: ["lost-notification", "duplicate-notification", "late-notification"],
});
const TYPES: readonly NotificationType[] = Object.freeze([
  "DeviceRegisteredNotification",
  "DeviceDeregisteredNotification",
  "SubscriptionChangedNotification",
  "OrderPlacedNotification",
  "OrderCancelledNotification",
  "ItemShippedNotification",
]);
const OPERATION_NAMES: readonly string[] = Object.freeze([
  ...new Set(OPERATIONS.map(({ name }) => name)),
  "Token",
]);
/** Longest of a slow answer, in ms. */
const LONGEST_DELAY = 600_000;
const LONGEST_LATE = 2_592_000;
const MOST_TIMES = 1_000_000;

type Counted = SandboxFault & { times: number };

/** What is to go wrong. The first that fits is taken. */
export class Faults {
  #faults: Counted[] = [];

  /** Those that are not over, with how often they are still to come. */
  get all(): readonly SandboxFault[] {
    return this.#faults.map((fault) => ({ ...fault }));
  }

  /** All of them or none. @throws SandboxError BAD_OPTION */
  add(faults: readonly SandboxFault[]): void {
    const checked = faults.map((fault, index) => checkFault(`faults[${index}]`, fault));
    this.#faults.push(...checked);
  }

  clear(): void {
    this.#faults = [];
  }

  /** @param serial undefined: the call has no good token */
  ofRequest(operation: string, serial: string | undefined): RequestFault | undefined {
    if (this.#faults.length === 0) return undefined;
    return this.#take(
      (fault): fault is RequestFault & Counted =>
        isRequestFault(fault) &&
        // it says nothing of the token endpoint: tokens expire where they are used
        !(operation === "Token" && fault.kind === "expired-token") &&
        (fault.operation === undefined || fault.operation === operation) &&
        (fault.serial === undefined || fault.serial === serial),
    );
  }

  ofNotification(type: NotificationType, serial: string): NotificationFault | undefined {
    if (this.#faults.length === 0) return undefined;
    return this.#take(
      (fault): fault is NotificationFault & Counted =>
        !isRequestFault(fault) &&
        (fault.type === undefined || fault.type === type) &&
        (fault.serial === undefined || fault.serial === serial),
    );
  }

  #take<Fault extends Counted>(fits: (fault: Counted) => fault is Fault): Fault | undefined {
    const fault = this.#faults.find(fits);
    if (fault === undefined) return undefined;
    fault.times -= 1;
    if (fault.times === 0) this.#faults = this.#faults.filter((each) => each !== fault);
    return fault as Fault;
  }
}

function isRequestFault(fault: SandboxFault): fault is RequestFault {
  return KINDS.request.includes(fault.kind);
}

/** @throws SandboxError BAD_OPTION */
function checkFault(where: string, fault: SandboxFault): Counted {
  if (typeof fault !== "object" || fault === null) throw bad(`${where} must be an object`);
  const kinds = [...KINDS.request, ...KINDS.notification];
  among(`${where}.kind`, fault.kind, kinds);
  const fields = isRequestFault(fault)
    ? ["kind", "operation", "serial", "status", "delay", "times"]
    : ["kind", "type", "serial", "seconds", "times"];
  for (const name of Object.keys(fault))
    if (!fields.includes(name)) throw bad(`${where}.${name}: accepted are ${fields.join(", ")}`);
  if (fault.serial !== undefined && typeof fault.serial !== "string")
    throw bad(`${where}.serial must be a text`);
  if (isRequestFault(fault)) {
    if (fault.operation !== undefined) among(`${where}.operation`, fault.operation, OPERATION_NAMES);
    if (fault.operation === "Token" && (fault.kind === "expired-token" || fault.serial !== undefined))
      throw bad(`${where}: "Token" goes neither with "expired-token" nor with a serial`);
    whole(`${where}.status`, fault.status ?? 500, 400, 599);
    whole(`${where}.delay`, fault.delay ?? 0, 0, LONGEST_DELAY);
  } else {
    if (fault.type !== undefined) among(`${where}.type`, fault.type, TYPES);
    whole(`${where}.seconds`, fault.seconds ?? 0, 0, LONGEST_LATE);
  }
  const { times = 1 } = fault;
  whole(`${where}.times`, times, 1, MOST_TIMES);
  return { ...fault, times };
}

function among(where: string, value: unknown, accepted: readonly string[]): void {
  if (!accepted.includes(value as string))
    throw bad(`${where} must be one of ${accepted.join(", ")} (got ${JSON.stringify(value)})`);
}

function whole(where: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw bad(`${where} must be a whole number from ${least} to ${most} (got ${JSON.stringify(value)})`);
}

function bad(message: string): SandboxError {
  return new SandboxError("BAD_OPTION", message);
}
