import type { IncomingHttpHeaders } from "node:http";

export type OperationName =
  | "Replenish"
  | "SlotStatus"
  | "DeviceStatus"
  | "SubscriptionInfo"
  | "GetOrderInfo"
  | "Deregistration"
  | "CancelTestOrder";

/** One way to make a call of the service: where it is found and which message versions it speaks. */
export interface Operation {
  readonly name: OperationName;
  readonly method: "GET" | "POST" | "DELETE";
  /** Segments in braces are arguments: ids, percent-encoded. */
  readonly path: string;
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
    path: "/replenish/{slotId}",
    inputs: [`${PREFIX}DrsReplenishInput@1.0`],
    results: [`${PREFIX}DrsReplenishResult@1.0`],
  },
  {
    name: "SlotStatus",
    method: "POST",
    path: "/slotStatus/{slotId}",
    inputs: [`${PREFIX}DrsSlotStatusInput@1.0`],
    results: [`${PREFIX}DrsSlotStatusResult@1.0`],
  },
  {
    name: "DeviceStatus",
    method: "POST",
    path: "/deviceStatus",
    inputs: [`${PREFIX}DrsDeviceStatusInput@1.0`],
    results: [`${PREFIX}DrsDeviceStatusResult@1.0`],
  },
  {
    name: "SubscriptionInfo",
    method: "GET",
    path: "/subscriptionInfo",
    inputs: [`${PREFIX}DrsSubscriptionInfoInput@1.0`],
    results: [SUBSCRIPTION_INFO_V1, SUBSCRIPTION_INFO_V2],
  },
  {
    name: "GetOrderInfo",
    method: "GET",
    path: "/getOrderInfo/{eventInstanceId}",
    inputs: [`${PREFIX}DrsOrderInfoInput@1.0`],
    results: [`${PREFIX}DrsOrderInfoResult@1.0`],
  },
  {
    name: "Deregistration",
    method: "DELETE",
    path: "/registration",
    inputs: [`${PREFIX}DrsDeregisterInput@2.0`],
    results: [`${PREFIX}DrsDeregisterResult@1.0`],
  },
  {
    name: "Deregistration",
    method: "DELETE",
    path: "/deviceModels/{modelId}/devices/{serial}/registration",
    inputs: [`${PREFIX}DrsDeregisterInput@1.0`],
    results: [`${PREFIX}DrsDeregisterResult@1.0`],
  },
  ...["/testOrders/slots/{slotId}", "/testOrders"].map((path) => ({
    name: "CancelTestOrder" as const,
    method: "DELETE" as const,
    path,
    inputs: [`${PREFIX}DrsCancelTestOrdersInput@1.0`],
    results: [`${PREFIX}DrsCancelTestOrdersResult@1.0`],
  })),
] satisfies Operation[]);

export interface Route {
  readonly operation: Operation;
  /** Decoded, in the order of the path. */
  readonly args: readonly string[];
}

const TEMPLATES = Object.freeze(
  OPERATIONS.map((operation) => ({ operation, segments: operation.path.split("/") })),
);

/**
 * The operation a path names, whatever the method. Nothing may follow the documented segments: clients exist
 * that append one to `/deviceStatus`, and they should notice.
 */
export function findRoute(path: string): Route | undefined {
  const given = path.split("/");
  for (const { operation, segments } of TEMPLATES) {
    if (segments.length !== given.length) continue;
    const args: string[] = [];
    const matches = segments.every((segment, index) => {
      const value = given[index]!;
      if (!segment.startsWith("{")) return segment === value;
      args.push(decoded(value));
      return value !== "";
    });
    if (matches) return { operation, args };
  }
  return undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // a stray "%" is in no id either, so let it go on as an unknown one
    return segment;
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
