/**
 * A client that is written from the public documentation alone: paths, headers and bodies are spelled out here, and nothing of the
 * sandbox is used.
 */
export interface ReferenceAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly error: string | null;
  /** Undefined: the body is empty. */
  readonly json: unknown;
}

export class ReferenceClient {
  readonly #base: string;
  accessToken: string;

  constructor(base: string, accessToken: string) {
    this.#base = base;
    this.accessToken = accessToken;
  }

  replenish(slot: string): Promise<ReferenceAnswer> {
    return this.#call(
      "POST",
      `/replenish/${slot}`,
      "com.amazon.dash.replenishment.DrsReplenishInput@1.0",
      "com.amazon.dash.replenishment.DrsReplenishResult@1.0",
    );
  }

  slotStatus(slot: string): Promise<ReferenceAnswer> {
    return this.#call(
      "POST",
      `/slotStatus/${slot}`,
      "com.amazon.dash.replenishment.DrsSlotStatusInput@1.0",
      "com.amazon.dash.replenishment.DrsSlotStatusResult@1.0",
      '{"expectedReplenishmentDate":"2017-01-20T08:00:00Z","remainingQuantityInUnit":3.5,"originalQuantityInUnit":10,"totalQuantityOnHand":20,"lastUseDate":"2017-01-02T22:00:00Z"}',
    );
  }

  deviceStatus(): Promise<ReferenceAnswer> {
    return this.#call(
      "POST",
      "/deviceStatus",
      "com.amazon.dash.replenishment.DrsDeviceStatusInput@1.0",
      "com.amazon.dash.replenishment.DrsDeviceStatusResult@1.0",
      '{"mostRecentlyActiveDate":"2017-01-02T22:00:00Z"}',
    );
  }

  subscriptionInfo(version: "1.0" | "2.0"): Promise<ReferenceAnswer> {
    return this.#call(
      "GET",
      "/subscriptionInfo",
      "com.amazon.dash.replenishment.DrsSubscriptionInfoInput@1.0",
      `com.amazon.dash.replenishment.DrsSubscriptionInfoResult@${version}`,
    );
  }

  getOrderInfo(eventInstanceId: string): Promise<ReferenceAnswer> {
    return this.#call(
      "GET",
      `/getOrderInfo/${eventInstanceId}`,
      "com.amazon.dash.replenishment.DrsOrderInfoInput@1.0",
      "com.amazon.dash.replenishment.DrsOrderInfoResult@1.0",
    );
  }

  deregister(): Promise<ReferenceAnswer> {
    return this.#call(
      "DELETE",
      "/registration",
      "com.amazon.dash.replenishment.DrsDeregisterInput@2.0",
      "com.amazon.dash.replenishment.DrsDeregisterResult@1.0",
    );
  }

  deregisterV1(model: string, serial: string): Promise<ReferenceAnswer> {
    return this.#call(
      "DELETE",
      `/deviceModels/${model}/devices/${serial}/registration`,
      "com.amazon.dash.replenishment.DrsDeregisterInput@1.0",
      "com.amazon.dash.replenishment.DrsDeregisterResult@1.0",
    );
  }

  /** @param slot undefined: all */
  cancelTestOrders(slot?: string): Promise<ReferenceAnswer> {
    return this.#call(
      "DELETE",
      slot === undefined ? "/testOrders" : `/testOrders/slots/${slot}`,
      "com.amazon.dash.replenishment.DrsCancelTestOrdersInput@1.0",
      "com.amazon.dash.replenishment.DrsCancelTestOrdersResult@1.0",
    );
  }

  async #call(
    method: string,
    path: string,
    input: string,
    result: string,
    body?: string,
  ): Promise<ReferenceAnswer> {
    const response = await fetch(this.#base + path, {
      method,
      headers: {
        Authorization: `Bearer ${this.accessToken}`,
        "x-amzn-type-version": input,
        "x-amzn-accept-type": result,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      type: response.headers.get("x-amzn-type-version"),
      error: response.headers.get("x-amzn-errortype"),
      json: text === "" ? undefined : JSON.parse(text),
    };
  }
}
