import { Inventory } from "./alexa.js";
import type { Faults } from "./faults.js";
import type { Timeline } from "./timeline.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface ServiceAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What the service was asked for. */
export interface ServiceCall {
  readonly method: string;
  /** `replenish`, `slotStatus`, ... */
  readonly operation: string;
  /** Slot or order; empty where it is about the device. */
  readonly subject: string;
  readonly body: string;
}

export interface ServiceOrder {
  readonly instanceId: string;
  readonly slotId: string;
  readonly createdAt: number;
  readonly deliversAt: number;
  state: "resolution" | "accepted" | "placed" | "shipped" | "delivered" | "cancelled";
  /** When it was cancelled. */
  cancelledAt?: number;
}

export interface ServiceOptions {
  readonly serial: string;
  readonly token: string;
  readonly slotIds: readonly string[];
  readonly timeline: Timeline;
  readonly faults: Faults;
  /** A notification leaves. */
  readonly notify: (messageId: string, message: object) => void;
  /** An order is taken. */
  readonly ordered: (order: ServiceOrder) => void;
  /** What was told of the inventory cannot be. */
  readonly wrong: (what: string) => void;
  /** A pack is at the customer's door. */
  readonly delivered: (slotId: string) => void;
}

/** DRS, and its successor, for one device, as far as it is documented: one open order per slot, no key by which an order could be told from its repetition. */
export class Service {
  readonly orders: ServiceOrder[] = [];
  readonly inventory = new Inventory();
  isRegistered = true;
  readonly #options: ServiceOptions;
  readonly #open = new Map<string, ServiceOrder>();
  #messages = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  answer(token: string | undefined, call: ServiceCall): ServiceAnswer {
    if (call.operation === "event") return this.#event(call.body);
    if (token !== this.#options.token || !this.isRegistered)
      return { status: 400, body: { message: "Invalid token" } };
    const { operation, subject } = call;
    if (operation === "subscriptionInfo") {
      const slots = this.#options.slotIds.map((id) => [id, { subscribed: true, productInfoList: [] }]);
      return { status: 200, body: { slotsSubscriptionStatus: Object.fromEntries(slots) } };
    }
    if (operation === "replenish") return this.#replenish(subject);
    if (operation === "getOrderInfo") return this.#orderInfo(subject);
    if (operation === "registration" && call.method === "DELETE") this.deregister();
    return { status: 200, body: {} };
  }

  #event(body: string): ServiceAnswer {
    // The customer has disabled the skill.
    if (!this.isRegistered) return { status: 403, body: { payload: { code: "SKILL_DISABLED_EXCEPTION" } } };
    const wrong = this.inventory.take(body);
    if (wrong !== undefined) this.#options.wrong(wrong);
    return { status: 202, body: {} };
  }

  /** By the device, or by the customer. */
  deregister(): void {
    if (!this.isRegistered) return;
    this.isRegistered = false;
    this.#notify("DeviceDeregisteredNotification");
  }

  #replenish(slotId: string): ServiceAnswer {
    const { faults, ordered, slotIds, timeline } = this.#options;
    if (!slotIds.includes(slotId)) return { status: 404, body: { message: "no such slot" } };
    const open = this.#open.get(slotId);
    // Of an order in progress, its name is not promised.
    if (open) {
      const named = faults.random.next() < 0.7 ? { eventInstanceId: open.instanceId } : {};
      return { status: 200, body: { detailCode: "ORDER_INPROGRESS", ...named } };
    }
    const order: ServiceOrder = {
      instanceId: `order-${this.orders.length + 1}`,
      slotId,
      createdAt: timeline.now,
      // Some on the same day.
      deliversAt: timeline.now + faults.between(6 * HOUR, 7 * DAY),
      state: "accepted",
    };
    this.orders.push(order);
    this.#open.set(slotId, order);
    ordered(order);
    if (faults.happens(faults.rates.unresolved, timeline.now)) this.#resolve(order);
    else timeline.after(faults.between(1000, 2 * MINUTE), () => this.#place(order));
    return {
      status: 200,
      body: { detailCode: "STANDARD_ORDER_PLACED", eventInstanceId: order.instanceId },
    };
  }

  /** The customer has 72 hours to put something right. */
  #resolve(order: ServiceOrder): void {
    const { faults, timeline } = this.#options;
    order.state = "resolution";
    if (faults.random.next() < 0.5) timeline.after(faults.between(HOUR, 71 * HOUR), () => this.#place(order));
    else timeline.after(72 * HOUR, () => this.#cancel(order));
  }

  #place(order: ServiceOrder): void {
    const { faults, timeline, delivered } = this.#options;
    if (order.state === "cancelled") return;
    order.state = "placed";
    this.#notify("OrderPlacedNotification", order);
    if (faults.happens(faults.rates.cancelled, timeline.now))
      timeline.after(faults.between(MINUTE, DAY), () => this.#cancel(order));
    const shippedAt = timeline.now + faults.between(2 * HOUR, 35 * HOUR);
    timeline.at(shippedAt, () => {
      if (order.state === "cancelled") return;
      order.state = "shipped";
      this.#notify("ItemShippedNotification", order);
      timeline.at(Math.max(shippedAt + HOUR, order.deliversAt), () => {
        order.state = "delivered";
        this.#open.delete(order.slotId);
        delivered(order.slotId);
      });
    });
  }

  #cancel(order: ServiceOrder): void {
    if (order.state !== "placed" && order.state !== "resolution") return;
    order.state = "cancelled";
    order.cancelledAt = this.#options.timeline.now;
    this.#open.delete(order.slotId);
    this.#notify("OrderCancelledNotification", order);
  }

  #orderInfo(instanceId: string): ServiceAnswer {
    const order = this.orders.find((each) => each.instanceId === instanceId);
    if (!order) return { status: 404, body: { message: "no such order" } };
    const status = {
      resolution: "Processing",
      accepted: "Processing",
      placed: "Processing",
      shipped: "Shipped",
      delivered: "Closed",
      cancelled: "Cancelled",
    }[order.state];
    const isDated = order.state === "placed" || order.state === "shipped" || order.state === "delivered";
    const expectedDeliveryDate = isDated ? new Date(order.deliversAt).toISOString() : null;
    const item = { slotId: order.slotId, status, expectedDeliveryDate };
    return { status: 200, body: { orderInfoData: { orderItems: [item] } } };
  }

  #notify(notificationType: string, order?: ServiceOrder): void {
    const { notify, serial, timeline } = this.#options;
    notify(`message-${++this.#messages}`, {
      notificationInfo: { notificationType, notificationTime: new Date(timeline.now).toISOString() },
      deviceInfo: { deviceIdentifier: { serialNumber: serial } },
      ...(order && {
        orderInfo: {
          slotId: order.slotId,
          instanceId: order.instanceId,
          productInfo: [{ estimatedDeliveryDate: new Date(order.deliversAt).toISOString() }],
        },
      }),
    });
  }
}
