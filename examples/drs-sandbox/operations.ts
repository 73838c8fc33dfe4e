import type { IncomingHttpHeaders } from "node:http";

export type OperationName = "Replenish" | "SlotStatus" | "DeviceStatus" | "SubscriptionInfo";

/** One call of the service: where it is found and which message versions it speaks. */
export interface Operation {
  readonly name: OperationName;
  readonly method: "GET" | "POST";
  /** First path segment. */
  readonly path: string;
  /** Whether a slot id follows as the second segment. */
  readonly hasSlot: boolean;
  /** Accepted values of `x-amzn-type-version`. */
  readonly inputs: readonly string[];
  /** Accepted values of `x-amzn-accept-type`. */
  readonly results: readonly string[];
}

const PREFIX = "com.amazon.dash.replenishment.";

export const SUBSCRIPTION_INFO_V1 = `${PREFIX}DrsSubscriptionInfoResult@1.0`;
export const SUBSCRIPTION_INFO_V2 = `${PREFIX}DrsSubscriptionInfoResult@2.0`;

export const OPERATIONS: readonly Operation[] = Object.freeze([
  {
    name: "Replenish",
    method: "POST",
    path: "replenish",
    hasSlot: true,
    inputs: [`${PREFIX}DrsReplenishInput@1.0`],
    results: [`${PREFIX}DrsReplenishResult@1.0`],
  },
  {
    name: "SlotStatus",
    method: "POST",
    path: "slotStatus",
    hasSlot: true,
    inputs: [`${PREFIX}DrsSlotStatusInput@1.0`],
    results: [`${PREFIX}DrsSlotStatusResult@1.0`],
  },
  {
    name: "DeviceStatus",
    method: "POST",
    path: "deviceStatus",
    hasSlot: false,
    inputs: [`${PREFIX}DrsDeviceStatusInput@1.0`],
    results: [`${PREFIX}DrsDeviceStatusResult@1.0`],
  },
  {
    name: "SubscriptionInfo",
    method: "GET",
    path: "subscriptionInfo",
    hasSlot: false,
    inputs: [`${PREFIX}DrsSubscriptionInfoInput@1.0`],
    results: [SUBSCRIPTION_INFO_V1, SUBSCRIPTION_INFO_V2],
  },
] satisfies Operation[]);

export interface Route {
  readonly operation: Operation;
  /** Decoded; "" for operations without a slot. */
  readonly slotId: string;
}

/**
 * The operation a path names, whatever the method. Nothing may follow the documented segments: clients exist
 * that append one to `/deviceStatus`, and they should notice.
 */
export function findRoute(path: string): Route | undefined {
  const [empty, name, slot, ...more] = path.split("/");
  const operation = OPERATIONS.find((each) => each.path === name);
  if (empty !== "" || operation === undefined || more.length > 0) return undefined;
  if (!operation.hasSlot) return slot === undefined ? { operation, slotId: "" } : undefined;
  if (slot === undefined || slot === "") return undefined;
  try {
    return { operation, slotId: decodeURIComponent(slot) };
  } catch {
    // a stray "%" is in no slot id either, so let it go on as an unknown slot
    return { operation, slotId: slot };
  }
}

/** What is wrong with the two version headers, or undefined. */
export function versionProblem(operation: Operation, headers: IncomingHttpHeaders): string | undefined {
  return (
    headerProblem(headers, "x-amzn-type-version", operation.inputs) ??
    headerProblem(headers, "x-amzn-accept-type", operation.results)
  );
}

function headerProblem(
  headers: IncomingHttpHeaders,
  name: string,
  accepted: readonly string[],
): string | undefined {
  const value = headers[name];
  if (typeof value === "string" && accepted.includes(value)) return undefined;
  const got = value === undefined || value === "" ? "is missing" : `has the value "${value}"`;
  return `Header ${name} ${got}; accepted: ${accepted.join(", ")}`;
}
