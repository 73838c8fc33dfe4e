import type { TestClock } from "./harness.js";
import { type Call, enveloped, type Reply } from "./harness.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CODE_LIFE = 5 * MINUTE;
const TOKEN_LIFE = HOUR;
const RESOLUTION = 72 * HOUR;
const CANCELLABLE = 24 * HOUR;

export const SLOTS = ["soap", "towels"] as const;
export type SlotId = (typeof SLOTS)[number];

/** What a notification says, in the order in which DRS has sent them. */
export interface Sent {
  readonly type: string;
  /** The signed SNS message: a delivery that is repeated has the same bytes. */
  readonly envelope: string;
}

/** An order as DRS has it. */
export interface AccountOrder {
  readonly instance: string;
  readonly slot: SlotId;
  readonly registration: Registration;
  /** The device's cycle at the moment of the call. */
  readonly cycle: number;
  readonly at: number;
  placedAt: number | undefined;
  state: "resolution" | "placed" | "shipped" | "delivered" | "cancelled";
}

/** A device tied to a customer, from a log-in to its end. */
export interface Registration {
  readonly customer: string;
  subscribed: ReadonlySet<SlotId>;
  /** The refresh token of the latest exchange; undefined: no code was redeemed. */
  refreshToken: string | undefined;
}

interface Code {
  readonly registration: Registration;
  readonly at: number;
  used: boolean;
}

export type Fault = "none" | "lost" | "failing";

/**
 * What Amazon has of one device: its registration, what is subscribed, its orders; no more than its documentation says, and all at once. It answers
 * DRS's calls and the token endpoint's, and has every notification ready to be delivered, or not.
 */
export class Account {
  readonly serial: string;
  readonly #clock: TestClock;
  /** By which cycle of a slot an order is wanted. */
  readonly #cycleOf: (slot: SlotId) => number;
  registration: Registration | undefined;
  readonly orders: AccountOrder[] = [];
  readonly sent: Sent[] = [];
  /** What becomes of the next call to DRS. */
  fault: Fault = "none";
  /** Whether the next orders have a problem that the customer has to resolve. */
  isTroubled = false;
  /** Calls to Replenish of a slot that was not subscribed. */
  unsubscribed = 0;
  calls = 0;
  readonly #codes = new Map<string, Code>();
  readonly #tokens = new Map<string, { readonly registration: Registration; readonly until: number }>();
  readonly #issued: (token: string) => void;
  #count = 0;

  /** @param issued hears of every access token */
  constructor(
    serial: string,
    clock: TestClock,
    cycleOf: (slot: SlotId) => number,
    issued: (token: string) => void,
  ) {
    this.serial = serial;
    this.#clock = clock;
    this.#cycleOf = cycleOf;
    this.#issued = issued;
  }

  /** A customer goes through the log-in for the device. @returns the code */
  logIn(customer: string, subscribed: readonly SlotId[], version: 1 | 2): string {
    if (this.registration?.customer !== customer) {
      if (this.registration) this.#deregistered();
      this.registration = { customer, subscribed: new Set(subscribed), refreshToken: undefined };
    }
    this.#notify("DeviceRegisteredNotification", this.registration);
    this.#changed(version);
    const code = this.#name("code");
    this.#codes.set(code, { registration: this.registration, at: this.#clock.now(), used: false });
    return code;
  }

  /** The customer chooses on Amazon's page what is subscribed. */
  subscribe(subscribed: readonly SlotId[], version: 1 | 2): void {
    if (!this.registration) return;
    this.registration.subscribed = new Set(subscribed);
    this.#changed(version);
  }

  /** From any side. */
  deregister(): void {
    if (this.registration) this.#deregistered();
  }

  /** What happens to the newest order of a slot. Does nothing where that cannot happen to it. */
  order(slot: SlotId, to: "placed" | "shipped" | "delivered" | "cancelled", version: 1 | 2): void {
    this.#pass();
    const order = this.orders.findLast((each) => each.slot === slot);
    if (!order) return;
    const { state, placedAt } = order;
    const isYoung = placedAt !== undefined && this.#clock.now() < placedAt + CANCELLABLE;
    if (to === "placed" && state === "resolution") this.#place(order, version);
    else if (to === "shipped" && state === "placed") {
      order.state = "shipped";
      this.#tell("ItemShippedNotification", order, version);
    } else if (to === "delivered" && state === "shipped") order.state = "delivered";
    else if (to === "cancelled" && (state === "resolution" || (state === "placed" && isYoung)))
      this.#cancel(order);
  }

  /** An answer of the token endpoint; undefined: the form is not about this device. */
  token(form: URLSearchParams): Reply | undefined {
    const registration = this.#redeemed(form.get("code") ?? "", form.get("refresh_token") ?? "");
    if (registration === undefined) return undefined;
    if (!registration) return { status: 400, body: { error: "invalid_grant" } };
    const access = this.#name("Atza|");
    this.#tokens.set(access, { registration, until: this.#clock.now() + TOKEN_LIFE });
    this.#issued(access);
    const tokens = { access_token: access, refresh_token: registration.refreshToken, token_type: "bearer" };
    return { status: 200, body: { ...tokens, expires_in: TOKEN_LIFE / 1000 } };
  }

  /** An answer of DRS to a call with one of the access tokens. */
  answer(token: string, { method, path }: Call): Reply | "hang up" {
    this.#pass();
    this.calls++;
    const { fault } = this;
    this.fault = "none";
    if (fault === "failing") return { status: 500, body: { message: "Internal Server Error" } };
    const known = this.#tokens.get(token);
    const registration = known?.registration;
    if (!registration || registration !== this.registration || this.#clock.now() >= known.until)
      return { status: 400, body: { message: "Invalid token" } };
    const reply = this.#call(registration, method, path);
    return fault === "lost" ? "hang up" : reply;
  }

  #call(registration: Registration, method: string, path: string): Reply {
    const [, operation, name] = path.split("/").map(decodeURIComponent);
    if (operation === "registration" && method === "DELETE") {
      this.#deregistered();
      return { status: 200 };
    }
    if (operation === "subscriptionInfo")
      return {
        status: 200,
        body: {
          slotsSubscriptionStatus: Object.fromEntries(
            SLOTS.map((id) => [id, { subscribed: registration.subscribed.has(id), productInfoList: [] }]),
          ),
        },
      };
    if (operation === "replenish") return this.#replenish(registration, name as SlotId);
    if (operation === "getOrderInfo") return this.#orderInfo(registration, name);
    return { status: 200 };
  }

  /** An order that is out is in progress whatever has become of the subscription since. */
  #replenish(registration: Registration, slot: SlotId): Reply {
    const open = this.orders.find(
      (each) =>
        each.slot === slot &&
        each.registration === registration &&
        each.state !== "cancelled" &&
        each.state !== "delivered",
    );
    if (open)
      return { status: 200, body: { eventInstanceId: open.instance, detailCode: "ORDER_INPROGRESS" } };
    if (!registration.subscribed.has(slot)) {
      this.unsubscribed++;
      return { status: 400, body: { message: `Unable to place order - slot : <${slot}> is unsubscribed.` } };
    }
    const order: AccountOrder = {
      instance: this.#name("amzn1.dash.v2.o."),
      ...{ slot, registration },
      cycle: this.#cycleOf(slot),
      at: this.#clock.now(),
      placedAt: undefined,
      state: "resolution",
    };
    this.orders.push(order);
    if (!this.isTroubled) this.#place(order, 2);
    return { status: 200, body: { eventInstanceId: order.instance, detailCode: "STANDARD_ORDER_PLACED" } };
  }

  #orderInfo(registration: Registration, instance: string | undefined): Reply {
    const order = this.orders.find((each) => each.instance === instance);
    if (!order || order.registration !== registration)
      return { status: 400, body: { message: "no such order" } };
    const { state, slot } = order;
    const status =
      state === "cancelled"
        ? "Cancelled"
        : state === "shipped" || state === "delivered"
          ? "Shipped"
          : "Processing";
    const expectedDeliveryDate = state === "resolution" ? null : "2025-12-24T07:59:59.000Z";
    const item = { asin: "B000", quantity: 1, slotId: slot, status, expectedDeliveryDate };
    return {
      status: 200,
      body: { orderInfoData: { instanceId: order.instance, orderItems: [item] } },
    };
  }

  /** The registration that a code or a refresh token stands for; false: it is void; undefined: it is none of this device. */
  #redeemed(code: string, refreshToken: string): Registration | false | undefined {
    if (code !== "") {
      const known = this.#codes.get(code);
      if (!known) return undefined;
      const { registration, at } = known;
      if (known.used || this.#clock.now() >= at + CODE_LIFE || registration !== this.registration)
        return false;
      known.used = true;
      registration.refreshToken = this.#name("Atzr|");
      return registration;
    }
    if (!refreshToken.startsWith(`Atzr|${this.serial}.`)) return undefined;
    const { registration } = this;
    return registration?.refreshToken === refreshToken ? registration : false;
  }

  /** What becomes of orders by themselves. */
  #pass(): void {
    for (const order of this.orders)
      if (order.state === "resolution" && this.#clock.now() >= order.at + RESOLUTION) this.#cancel(order);
  }

  #place(order: AccountOrder, version: 1 | 2): void {
    order.state = "placed";
    order.placedAt = this.#clock.now();
    this.#tell("OrderPlacedNotification", order, version);
  }

  #cancel(order: AccountOrder): void {
    order.state = "cancelled";
    this.#notify("OrderCancelledNotification", order.registration, {
      orderInfo: { instanceId: order.instance, slotId: order.slot },
    });
  }

  #deregistered(): void {
    this.#notify("DeviceDeregisteredNotification", this.registration!);
    this.registration = undefined;
  }

  #changed(version: 1 | 2): void {
    const { subscribed } = this.registration!;
    const products = [{ quantity: 1.0, unit: "count", asin: "B000" }];
    const slots = SLOTS.map((id) => {
      const on = subscribed.has(id);
      return [id, version === 1 ? on : { subscribed: on, productInfoList: products }];
    });
    this.#notify("SubscriptionChangedNotification", this.registration!, {
      subscriptionInfo: { slotsSubscriptionStatus: Object.fromEntries(slots) },
    });
  }

  #tell(type: string, { instance, slot, registration }: AccountOrder, version: 1 | 2): void {
    const date = { estimatedDeliveryDate: "2025-12-24T07:59:59Z" };
    const product = { quantity: 1.0, unit: "count" };
    this.#notify(type, registration, {
      orderInfo: {
        instanceId: instance,
        slotId: slot,
        ...(version === 1
          ? { productInfo: [product], ...date }
          : { productInfo: [{ ...product, asin: "B000", ...date }] }),
      },
    });
  }

  #notify(type: string, { customer }: Registration, more: object = {}): void {
    const envelope = enveloped(
      JSON.stringify({
        notificationInfo: {
          notificationType: type,
          notificationTime: new Date(this.#clock.now()).toISOString(),
          notificationId: `amzn1.dash.notification.v1.${++this.#count}`,
          version: "2015-06-05",
        },
        deviceInfo: {
          deviceIdentifier: { serialNumber: this.serial },
          productIdentifier: { modelId: "dispenser-1" },
        },
        customerInfo: { directedCustomerId: `amzn1.account.${customer}` },
        ...more,
      }),
    );
    this.sent.push({ type, envelope });
  }

  #name(kind: string): string {
    return `${kind}${this.serial}.${++this.#count}`;
  }
}
