import type { DrsOperation, GatewayCounts } from "./counts.js";
import { reason } from "./errors.js";
import { type HttpCall, httpCall } from "./http-call.js";
import { member, parse, text } from "./json.js";
import type { CallAnswer } from "./service.js";

/** Waiting longer than this for an answer counts as none, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** Of an error's text, this many characters are kept. */
const MESSAGE_LENGTH = 300;

const VERSIONS: Readonly<Record<DrsOperation, readonly [input: string, result: string]>> = Object.freeze({
  slotStatus: ["DrsSlotStatusInput@1.0", "DrsSlotStatusResult@1.0"],
  deviceStatus: ["DrsDeviceStatusInput@1.0", "DrsDeviceStatusResult@1.0"],
  subscriptionInfo: ["DrsSubscriptionInfoInput@1.0", "DrsSubscriptionInfoResult@2.0"],
  replenish: ["DrsReplenishInput@1.0", "DrsReplenishResult@1.0"],
  orderInfo: ["DrsOrderInfoInput@1.0", "DrsOrderInfoResult@1.0"],
  deregister: ["DrsDeregisterInput@2.0", "DrsDeregisterResult@1.0"],
});

export interface SlotStatusReport {
  /** ISO 8601. */
  readonly expectedReplenishmentDate: string;
  /** Quantities in the slot's unit. */
  readonly remainingQuantityInUnit: number;
  readonly originalQuantityInUnit: number;
  readonly totalQuantityOnHand: number;
  /** ISO 8601. */
  readonly lastUseDate: string;
}

export interface ReplenishResult {
  /** `STANDARD_ORDER_PLACED`, `TEST_ORDER_PLACED`, `ORDER_INPROGRESS` or something newer. */
  readonly detailCode: string;
  /** Promised for accepted orders only. */
  readonly instanceId: string | undefined;
}

/** What DRS says of an order: where it is, or that it knows no more than before (`open`). */
export interface OrderInfo {
  readonly state: "open" | "resolution" | "placed" | "shipped" | "cancelled" | "unknown";
  /** Expected delivery, UTC milliseconds. */
  readonly deliveryAt: number | null;
}

export interface DrsClientOptions {
  /** Base URL of the service. */
  readonly base: string;
  /** Its `drs` is counted up. */
  readonly counts: Pick<GatewayCounts, "drs">;
  /** Longest wait for an answer, in milliseconds; default 10 s. */
  readonly timeout?: number;
  /** Makes the requests; default: over the network. */
  readonly http?: HttpCall;
}

/** Calls the Dash Replenishment Service. Never throws: an answer says what came of the call. */
export class DrsClient {
  readonly #base: string;
  readonly #counts: Pick<GatewayCounts, "drs">;
  readonly #timeout: number;
  readonly #http: HttpCall;

  constructor(options: DrsClientOptions) {
    this.#base = options.base.replace(/\/+$/, "");
    this.#counts = options.counts;
    this.#timeout = options.timeout ?? TIMEOUT_MS;
    this.#http = options.http ?? httpCall;
  }

  slotStatus(token: string, slotId: string, report: SlotStatusReport): Promise<CallAnswer<undefined>> {
    return this.#call(
      "slotStatus",
      token,
      "POST",
      `/slotStatus/${encodeURIComponent(slotId)}`,
      report,
      nothing,
    );
  }

  /** @param mostRecentlyActiveDate ISO 8601 */
  deviceStatus(token: string, mostRecentlyActiveDate: string): Promise<CallAnswer<undefined>> {
    return this.#call("deviceStatus", token, "POST", "/deviceStatus", { mostRecentlyActiveDate }, nothing);
  }

  /** The ids of the slots that are subscribed. */
  subscriptionInfo(token: string): Promise<CallAnswer<readonly string[]>> {
    return this.#call("subscriptionInfo", token, "GET", "/subscriptionInfo", undefined, subscribedSlots);
  }

  replenish(token: string, slotId: string): Promise<CallAnswer<ReplenishResult>> {
    const path = `/replenish/${encodeURIComponent(slotId)}`;
    return this.#call("replenish", token, "POST", path, undefined, replenishResult);
  }

  orderInfo(token: string, instanceId: string): Promise<CallAnswer<OrderInfo>> {
    const path = `/getOrderInfo/${encodeURIComponent(instanceId)}`;
    return this.#call("orderInfo", token, "GET", path, undefined, orderInfo);
  }

  /** Unties the device from the customer's account; its tokens are void after it. */
  deregister(token: string): Promise<CallAnswer<undefined>> {
    return this.#call("deregister", token, "DELETE", "/registration", undefined, nothing);
  }

  async #call<Value>(
    operation: DrsOperation,
    token: string,
    method: string,
    path: string,
    body: object | undefined,
    read: (body: string) => Value,
  ): Promise<CallAnswer<Value>> {
    this.#counts.drs[operation]++;
    const [input, result] = VERSIONS[operation];
    const request = {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json",
        "x-amzn-type-version": `com.amazon.dash.replenishment.${input}`,
        "x-amzn-accept-type": `com.amazon.dash.replenishment.${result}`,
        ...(body && { "content-type": "application/json" }),
      },
      body: body ? JSON.stringify(body) : null,
    };
    const answer = await this.#http(this.#base + path, request, this.#timeout);
    if (!answer.answered)
      return { kind: "unanswered", inDoubt: answer.sent, reachable: false, message: answer.message };
    const { status } = answer;
    const message = errorMessage(answer.text);
    if (isTokenProblem(status, answer.headers, message)) return { kind: "unauthorized", message };
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      return { kind: "refused", status, message };
    // By what these say, the request was not looked at; a 503 may come from a proxy which has lost the answer.
    const inDoubt = status !== 408 && status !== 429;
    const unanswered = { kind: "unanswered", inDoubt, reachable: true } as const;
    if (status < 200 || status > 299) return { ...unanswered, message: `status ${status}: ${message}` };
    try {
      return { kind: "done", value: read(answer.text) };
    } catch (error) {
      return { ...unanswered, message: `unreadable answer: ${reason(error)}` };
    }
  }
}

/** Success without a body, or with one that does not matter. */
function nothing(): undefined {
  return undefined;
}

function subscribedSlots(body: string): readonly string[] {
  const slots = member(JSON.parse(body), "slotsSubscriptionStatus");
  if (typeof slots !== "object" || slots === null) throw new Error("slotsSubscriptionStatus is missing");
  return Object.entries(slots)
    .filter(([, slot]) => member(slot, "subscribed") === true)
    .map(([id]) => id);
}

function replenishResult(body: string): ReplenishResult {
  const answer: unknown = JSON.parse(body);
  const detailCode = member(answer, "detailCode");
  const instanceId = member(answer, "eventInstanceId");
  if (typeof detailCode !== "string") throw new Error("detailCode is missing");
  return {
    detailCode,
    instanceId: typeof instanceId === "string" && instanceId !== "" ? instanceId : undefined,
  };
}

/**
 * The page of GetOrderInfo has been published with two sets of states, and one of them in two spellings. An order
 * without a date is in the resolution flow: the customer has to act.
 */
function orderInfo(body: string): OrderInfo {
  const items = member(member(JSON.parse(body), "orderInfoData"), "orderItems");
  // Usually exactly one: an order of DRS is of one product.
  const item = Array.isArray(items) ? items[0] : undefined;
  const status = text(item, "status");
  if (status === null) throw new Error("orderItems has no status");
  const expected = Date.parse(text(item, "expectedDeliveryDate") ?? "");
  const deliveryAt = Number.isNaN(expected) ? null : expected;
  switch (status.toLowerCase()) {
    case "pending":
    case "processing":
      return { state: deliveryAt === null ? "resolution" : "placed", deliveryAt };
    case "authorized":
      return { state: "placed", deliveryAt };
    case "shipped":
    case "closed":
      return { state: "shipped", deliveryAt };
    case "canceled":
    case "cancelled":
      return { state: "cancelled", deliveryAt: null };
    case "unknown":
      return { state: "unknown", deliveryAt: null };
    default:
      return { state: "open", deliveryAt };
  }
}

/** An invalid or expired token is a 400, told from other client errors by exception name or text; 401 is lenience. */
function isTokenProblem(status: number, headers: Headers, message: string): boolean {
  if (status === 401) return true;
  return (
    status === 400 &&
    (/^InvalidTokenException\b/.test(headers.get("x-amzn-errortype") ?? "") ||
      message.toLowerCase() === "invalid token")
  );
}

/** DRS explains errors "on a best-effort basis", as `{"message": ...}`. */
function errorMessage(body: string): string {
  return (text(parse(body), "message") ?? body.replaceAll("\0", "")).slice(0, MESSAGE_LENGTH);
}
