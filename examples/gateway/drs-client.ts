import type { DrsOperation, GatewayCounts } from "./counts.js";
import { reason } from "./errors.js";

/** Waiting longer than this for an answer counts as none, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** Of an error's text, this many characters are kept. */
const MESSAGE_LENGTH = 300;

const VERSIONS: Readonly<Record<DrsOperation, readonly [input: string, result: string]>> = Object.freeze({
  slotStatus: ["DrsSlotStatusInput@1.0", "DrsSlotStatusResult@1.0"],
  deviceStatus: ["DrsDeviceStatusInput@1.0", "DrsDeviceStatusResult@1.0"],
  subscriptionInfo: ["DrsSubscriptionInfoInput@1.0", "DrsSubscriptionInfoResult@2.0"],
  replenish: ["DrsReplenishInput@1.0", "DrsReplenishResult@1.0"],
});

/** What came of one call. */
export type DrsAnswer<Value> =
  | { readonly kind: "done"; readonly value: Value }
  /** The same call would be refused again. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** Whether DRS has acted is not known. `reachable`: there was an answer of some kind. */
  | { readonly kind: "unanswered"; readonly reachable: boolean; readonly message: string };

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

export interface DrsClientOptions {
  /** Base URL of the service. */
  readonly base: string;
  /** Its `drs` is counted up. */
  readonly counts: Pick<GatewayCounts, "drs">;
  /** Longest wait for an answer, in milliseconds; default 10 s. */
  readonly timeout?: number;
}

/** Calls the Dash Replenishment Service. Never throws: an answer says what came of the call. */
export class DrsClient {
  readonly #base: string;
  readonly #counts: Pick<GatewayCounts, "drs">;
  readonly #timeout: number;

  constructor(options: DrsClientOptions) {
    this.#base = options.base.replace(/\/+$/, "");
    this.#counts = options.counts;
    this.#timeout = options.timeout ?? TIMEOUT_MS;
  }

  slotStatus(token: string, slotId: string, report: SlotStatusReport): Promise<DrsAnswer<undefined>> {
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
  deviceStatus(token: string, mostRecentlyActiveDate: string): Promise<DrsAnswer<undefined>> {
    return this.#call("deviceStatus", token, "POST", "/deviceStatus", { mostRecentlyActiveDate }, nothing);
  }

  /** The ids of the slots that are subscribed. */
  subscriptionInfo(token: string): Promise<DrsAnswer<readonly string[]>> {
    return this.#call("subscriptionInfo", token, "GET", "/subscriptionInfo", undefined, subscribedSlots);
  }

  replenish(token: string, slotId: string): Promise<DrsAnswer<ReplenishResult>> {
    const path = `/replenish/${encodeURIComponent(slotId)}`;
    return this.#call("replenish", token, "POST", path, undefined, replenishResult);
  }

  async #call<Value>(
    operation: DrsOperation,
    token: string,
    method: string,
    path: string,
    body: object | undefined,
    read: (text: string) => Value,
  ): Promise<DrsAnswer<Value>> {
    this.#counts.drs[operation]++;
    const [input, result] = VERSIONS[operation];
    let status: number;
    let text: string;
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          accept: "application/json",
          "x-amzn-type-version": `com.amazon.dash.replenishment.${input}`,
          "x-amzn-accept-type": `com.amazon.dash.replenishment.${result}`,
          ...(body && { "content-type": "application/json" }),
        },
        body: body ? JSON.stringify(body) : null,
        // Following one would send the token elsewhere.
        redirect: "manual",
        signal: AbortSignal.timeout(this.#timeout),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      return { kind: "unanswered", reachable: false, message: causeOf(error) };
    }
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      return { kind: "refused", status, message: errorMessage(text) };
    if (status < 200 || status > 299)
      return { kind: "unanswered", reachable: true, message: `status ${status}: ${errorMessage(text)}` };
    try {
      return { kind: "done", value: read(text) };
    } catch (error) {
      return { kind: "unanswered", reachable: true, message: `unreadable answer: ${reason(error)}` };
    }
  }
}

/** Success without a body, or with one that does not matter. */
function nothing(): undefined {
  return undefined;
}

function subscribedSlots(text: string): readonly string[] {
  const slots = field(JSON.parse(text), "slotsSubscriptionStatus");
  if (typeof slots !== "object" || slots === null) throw new Error("slotsSubscriptionStatus is missing");
  return Object.entries(slots)
    .filter(([, slot]) => field(slot, "subscribed") === true)
    .map(([id]) => id);
}

function replenishResult(text: string): ReplenishResult {
  const answer: unknown = JSON.parse(text);
  const detailCode = field(answer, "detailCode");
  const instanceId = field(answer, "eventInstanceId");
  if (typeof detailCode !== "string") throw new Error("detailCode is missing");
  return {
    detailCode,
    instanceId: typeof instanceId === "string" && instanceId !== "" ? instanceId : undefined,
  };
}

/** DRS explains errors "on a best-effort basis", as `{"message": ...}`. */
function errorMessage(text: string): string {
  let message: unknown;
  try {
    message = field(JSON.parse(text), "message");
  } catch {
    message = undefined;
  }
  return (typeof message === "string" ? message : text).slice(0, MESSAGE_LENGTH);
}

/** A member of what may or may not be an object. */
function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** fetch says "fetch failed" and hides why in the cause. */
function causeOf(error: unknown): string {
  return reason(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
