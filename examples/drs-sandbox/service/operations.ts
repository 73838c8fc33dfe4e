import type { IncomingHttpHeaders } from "node:http";

export type OperationName =
  | "Replenish"
  | "SlotStatus"
  | "DeviceStatus"
  | "SubscriptionInfo"
  | "GetOrderInfo"
  | "Deregistration";

/** One call of the service: where it is found and which message versions it speaks. */
export interface Operation {
  readonly name: OperationName;
  readonly method: "GET" | "POST" | "DELETE";
  /** First path segment. */
  readonly path: string;
  /** Whether the id of a slot or an order follows as the second segment. */
  readonly hasArgument: boolean;
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
    hasArgument: true,
    inputs: [`${PREFIX}DrsReplenishInput@1.0`],
    results: [`${PREFIX}DrsReplenishResult@1.0`],
  },
  {
    name: "SlotStatus",
    method: "POST",
    path: "slotStatus",
    hasArgument: true,
    inputs: [`${PREFIX}DrsSlotStatusInput@1.0`],
    results: [`${PREFIX}DrsSlotStatusResult@1.0`],
  },
  {
    name: "DeviceStatus",
    method: "POST",
    path: "deviceStatus",
    hasArgument: false,
    inputs: [`${PREFIX}DrsDeviceStatusInput@1.0`],
    results: [`${PREFIX}DrsDeviceStatusResult@1.0`],
  },
  {
    name: "SubscriptionInfo",
    method: "GET",
    path: "subscriptionInfo",
    hasArgument: false,
    inputs: [`${PREFIX}DrsSubscriptionInfoInput@1.0`],
    results: [SUBSCRIPTION_INFO_V1, SUBSCRIPTION_INFO_V2],
  },
  {
    name: "GetOrderInfo",
    method: "GET",
    path: "getOrderInfo",
    hasArgument: true,
    inputs: [`${PREFIX}DrsOrderInfoInput@1.0`],
    results: [`${PREFIX}DrsOrderInfoResult@1.0`],
  },
  {
    name: "Deregistration",
    method: "DELETE",
    path: "registration",
    hasArgument: false,
    inputs: [`${PREFIX}DrsDeregisterInput@2.0`],
    results: [`${PREFIX}DrsDeregisterResult@1.0`],
  },
] satisfies Operation[]);

export interface Route {
  readonly operation: Operation;
  /** Decoded; "" for operations without one. */
  readonly argument: string;
}

/**
 * The operation a path names, whatever the method. Nothing may follow the documented segments: clients exist
 * that append one to `/deviceStatus`, and they should notice.
 */
export function findRoute(path: string): Route | undefined {
  const [empty, name, argument, ...more] = path.split("/");
  const operation = OPERATIONS.find((each) => each.path === name);
  if (empty !== "" || operation === undefined || more.length > 0) return undefined;
  if (!operation.hasArgument) return argument === undefined ? { operation, argument: "" } : undefined;
  if (argument === undefined || argument === "") return undefined;
  try {
    return { operation, argument: decodeURIComponent(argument) };
  } catch {
    // a stray "%" is in no id either, so let it go on as an unknown one
    return { operation, argument };
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
