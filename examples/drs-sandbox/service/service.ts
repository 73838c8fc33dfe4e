import { BODY_LIMIT, type HttpCall, type HttpReply } from "../http.js";
import type { Agenda } from "../state/agenda.js";
import type { Device, Slot } from "../state/devices.js";
import type { OrderBook } from "../state/orders.js";
import type { Statuses } from "../state/statuses.js";
import type { DetailCode, OrderState, RefusalReason, SandboxLogEntry, SlotStatusBody } from "../types.js";
import { deviceStatusProblem, slotStatusProblem } from "./checks.js";
import {
  findRoute,
  OPERATIONS,
  type OperationName,
  type Route,
  SUBSCRIPTION_INFO_V1,
  versionProblem,
} from "./operations.js";

/** Suffix of X-Amzn-Errortype, as seen on answers of the real service. */
const ERROR_NAMESPACE = "http://internal.amazon.com/coral/com.amazon.parkeraccioservice/";

/**
 * Status and exception name of every refusal. Of the names only InvalidTokenException is known; of the statuses
 * 400 for a bad token and 404 for an unknown slot on Replenish are.
 */
const REFUSALS: Readonly<Record<RefusalReason, { readonly status: number; readonly exception: string }>> =
  Object.freeze({
    "unknown-path": { status: 404, exception: "UnknownOperationException" },
    "wrong-method": { status: 405, exception: "UnknownOperationException" },
    "invalid-token": { status: 400, exception: "InvalidTokenException" },
    "wrong-version": { status: 400, exception: "InvalidVersionException" },
    "body-too-large": { status: 413, exception: "RequestTooLargeException" },
    "bad-request": { status: 400, exception: "ValidationException" },
    "unknown-slot": { status: 404, exception: "SlotNotFoundException" },
    unsubscribed: { status: 400, exception: "SlotUnsubscribedException" },
    "unknown-order": { status: 400, exception: "OrderNotFoundException" },
    "no-test-device": { status: 400, exception: "NotATestDeviceException" },
    internal: { status: 500, exception: "InternalServerException" },
  });

/** As the newer of the two published pages has it. */
const ORDER_STATUS: Readonly<Record<OrderState, string>> = Object.freeze({
  accepted: "Processing",
  placed: "Processing",
  shipped: "Shipped",
  delivered: "Shipped",
  cancelled: "Cancelled",
});

interface Success {
  readonly ok: true;
  readonly json?: unknown;
  readonly phrase?: string;
}

interface Refusal {
  readonly ok: false;
  readonly reason: RefusalReason;
  readonly message: string;
  /** Methods the path does answer, with "wrong-method". */
  readonly allow?: string;
  /** In place of the reason's usual status. */
  readonly status?: number;
}

type Outcome = Success | Refusal;

export interface ServiceOptions {
  agenda: Agenda;
  /** Who a bearer token stands for, as long as it is good. */
  withToken: (token: string) => Device | undefined;
  /** Ends a registration, and tells the maker. */
  deregister: (device: Device) => void;
  /** Ends the open order of a slot of a test device. */
  cancelTest: (slot: Slot) => void;
  orders: OrderBook;
  statuses: Statuses;
  log: (entry: SandboxLogEntry) => void;
}

/** Who is calling, as far as a request got. */
interface Progress {
  route?: Route;
  device?: Device;
}

/** The service side of DRS: turns a request into an answer and counts both. */
export class Service {
  readonly requests: Record<OperationName, number>;
  readonly refusals: Record<RefusalReason, number>;
  readonly replenish: Record<DetailCode, number> = {
    STANDARD_ORDER_PLACED: 0,
    TEST_ORDER_PLACED: 0,
    ORDER_INPROGRESS: 0,
  };
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.requests = zeros(OPERATIONS.map(({ name }) => name));
    this.refusals = zeros(Object.keys(REFUSALS) as RefusalReason[]);
  }

  /** Rejects only if the client went away before its body was there. */
  async answer(call: HttpCall): Promise<HttpReply> {
    const progress: Progress = {};
    const outcome = await this.#outcome(call, progress);
    const reply = outcome.ok ? success(call, outcome) : refusal(outcome);
    if (!outcome.ok) this.refusals[outcome.reason] += 1;
    const { route, device } = progress;
    this.#options.log({
      kind: "request",
      at: this.#options.agenda.now(),
      requestId: call.requestId,
      method: call.method,
      path: call.path,
      ...(route === undefined ? {} : { operation: route.operation.name }),
      ...(device === undefined ? {} : { serial: device.serial }),
      status: reply.status,
      ...(outcome.ok ? {} : { reason: outcome.reason, message: outcome.message }),
    });
    return reply;
  }

  async #outcome(call: HttpCall, progress: Progress): Promise<Outcome> {
    const route = findRoute(call.path);
    if (route === undefined) return refuse("unknown-path", `No operation at ${call.path}`);
    progress.route = route;
    const { operation } = route;
    if (call.method !== operation.method)
      return {
        ...refuse("wrong-method", `${operation.name} takes ${operation.method}, not ${call.method}`),
        allow: operation.method,
      };
    this.requests[operation.name] += 1;

    const device = this.caller(call);
    if (device === undefined) return refuse("invalid-token", "Invalid token");
    progress.device = device;
    const problem = versionProblem(operation, call.headers);
    if (problem !== undefined) return refuse("wrong-version", problem);
    const body = await call.body();
    if (body === undefined)
      return refuse("body-too-large", `The body must not be larger than ${BODY_LIMIT} bytes`);

    const [argument = ""] = route.args;
    // no await from here on: two calls for one slot must not both find it free
    try {
      switch (operation.name) {
        case "Replenish":
          return this.#replenish(device, argument);
        case "SlotStatus":
          return this.#slotStatus(device, argument, body);
        case "DeviceStatus":
          return deviceStatus(body);
        case "SubscriptionInfo":
          return { ok: true, json: subscriptionInfo(device, call.headers["x-amzn-accept-type"]) };
        case "GetOrderInfo":
          return this.#orderInfo(device, argument);
        case "Deregistration":
          return this.#deregister(device, route.args);
        case "CancelTestOrder":
          return this.#cancelTestOrders(device, route.args[0]);
      }
    } catch (error) {
      return refuse("internal", error instanceof Error ? error.message : String(error));
    }
  }

  /** Whose token a call brings, as long as it is good. */
  caller(call: Pick<HttpCall, "headers">): Device | undefined {
    const token = /^Bearer +(\S+)$/i.exec(call.headers.authorization ?? "")?.[1];
    return token === undefined ? undefined : this.#options.withToken(token);
  }

  #replenish(device: Device, slotId: string): Outcome {
    const { orders } = this.#options;
    const slot = device.slots.get(slotId);
    if (slot === undefined) return refuse("unknown-slot", `Slot ${slotId} does not exist`);
    // an order on its way is answered for whatever became of the subscription since
    if (!slot.subscribed && orders.open(slot) === undefined)
      return refuse("unsubscribed", `Unable to place order - slot : <${slotId}> is unsubscribed.`);
    const { order, detailCode } = orders.replenish(device, slot);
    this.replenish[detailCode] += 1;
    // "200 Accepted" is how the endpoint's page prints it
    return { ok: true, phrase: "Accepted", json: { eventInstanceId: order.instanceId, detailCode } };
  }

  /** @param args of version 1: model and serial */
  #deregister(device: Device, args: readonly string[]): Outcome {
    if (args.length > 0 && !(args[0] === device.model && args[1] === device.serial))
      return refuse("bad-request", `Device ${args[1]} of model ${args[0]} is not the token's`);
    this.#options.deregister(device);
    return { ok: true };
  }

  /** @param slotId undefined: of all slots */
  #cancelTestOrders(device: Device, slotId: string | undefined): Outcome {
    if (!device.isTest) return refuse("no-test-device", "The device is not registered as a test device");
    const slot = slotId === undefined ? undefined : device.slots.get(slotId);
    if (slotId !== undefined && slot === undefined)
      // 404 is documented for Replenish only
      return { ...refuse("unknown-slot", `Slot ${slotId} does not exist`), status: 400 };
    const slots = slot === undefined ? [...device.slots.values()] : [slot];
    for (const each of slots) this.#options.cancelTest(each);
    const slotOrderStatuses = slots.map(({ id }) => ({ slotId: id, orderStatus: "NO_ORDER_IN_PROGRESS" }));
    return { ok: true, json: { slotOrderStatuses } };
  }

  #orderInfo(device: Device, instanceId: string): Outcome {
    const { orders } = this.#options;
    const order = orders.withInstance(instanceId);
    if (order?.serial !== device.serial || orders.customerOf(order) !== device.customerId)
      return refuse("unknown-order", `Event instance ${instanceId} does not exist`);
    const isDated = order.state !== "accepted" && order.state !== "cancelled";
    const item = {
      asin: order.asin,
      // not known while the order waits to be resolved
      expectedDeliveryDate: isDated ? new Date(order.estimatedDelivery).toISOString() : null,
      quantity: order.quantity,
      slotId: order.slotId,
      status: ORDER_STATUS[order.state],
    };
    return {
      ok: true,
      phrase: "Accepted",
      json: { orderInfoData: { instanceId, orderItems: [item] } },
    };
  }

  #slotStatus(device: Device, slotId: string, text: string): Outcome {
    const slot = device.slots.get(slotId);
    if (slot === undefined)
      // 404 is documented for Replenish only
      return { ...refuse("unknown-slot", `Slot ${slotId} does not exist`), status: 400 };
    const body = parsed(text);
    if (body === undefined) return refuse("bad-request", "The body must be JSON");
    const problem = slotStatusProblem(body.json);
    if (problem !== undefined) return refuse("bad-request", problem);
    const { statuses, agenda } = this.#options;
    statuses.add(device, slot, agenda.now(), body.json as SlotStatusBody);
    return { ok: true };
  }
}

function deviceStatus(text: string): Outcome {
  const body = parsed(text);
  if (body === undefined) return refuse("bad-request", "The body must be JSON");
  const problem = deviceStatusProblem(body.json);
  return problem === undefined ? { ok: true } : refuse("bad-request", problem);
}

function subscriptionInfo(device: Device, version: unknown): unknown {
  return {
    slotsSubscriptionStatus: Object.fromEntries(
      [...device.slots.values()].map(({ id, subscribed, chosen }) => [
        id,
        version === SUBSCRIPTION_INFO_V1
          ? subscribed
          : {
              subscribed,
              productInfoList: chosen
                ? [{ asin: chosen.asin, quantity: chosen.quantity, unit: chosen.unit }]
                : [],
            },
      ]),
    ),
  };
}

function parsed(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function refuse(reason: RefusalReason, message: string): Refusal {
  return { ok: false, reason, message };
}

function success(call: HttpCall, { json, phrase }: Success): HttpReply {
  return {
    status: 200,
    ...(phrase === undefined ? {} : { phrase }),
    headers: { "x-amzn-type-version": String(call.headers["x-amzn-accept-type"]) },
    ...(json === undefined ? {} : { json }),
  };
}

function refusal({ reason, message, allow, status }: Refusal): HttpReply {
  const known = REFUSALS[reason];
  return {
    status: status ?? known.status,
    headers: {
      "X-Amzn-Errortype": `${known.exception}:${ERROR_NAMESPACE}`,
      ...(allow === undefined ? {} : { Allow: allow }),
    },
    json: { message },
  };
}

/** An answer of a service that is out of order. */
export function outage(status: number): HttpReply {
  return refusal({ ...refuse("internal", "Internal error"), status });
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
