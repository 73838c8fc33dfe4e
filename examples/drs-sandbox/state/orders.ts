import { SandboxError } from "../errors.js";
import type { DeliveryPlan, DetailCode, SandboxOrder, SandboxSlot } from "../types.js";
import type { Agenda } from "./agenda.js";
import type { Device } from "./devices.js";
import { orderInstanceId } from "./identifiers.js";

const MINUTE = 60_000;
const DAY = 86_400_000;

export const DEFAULT_PLAN: DeliveryPlan = Object.freeze({
  placedAfter: MINUTE,
  shippedAfter: 2 * DAY,
  deliveredAfter: 6 * DAY,
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The course of an order: the state entered, when the plan has it, and which time it leaves on the order. */
const COURSE = Object.freeze([
  { state: "placed", after: "placedAfter", stamp: "placedAt" },
  { state: "shipped", after: "shippedAfter", stamp: "shippedAt" },
  { state: "delivered", after: "deliveredAfter", stamp: "deliveredAt" },
] as const);

export interface OrderBookOptions {
  agenda: Agenda;
  plan: (order: { serial: string; slotId: string; number: number }) => DeliveryPlan;
  /** Goes into every id, see SandboxOptions.run. */
  run: string;
  /** Called on every state an order enters, "accepted" included. What it returns is handed to the clock. */
  onState: (order: SandboxOrder, number: number) => Promise<void> | void;
}

interface SlotOrders {
  /** Orders so far. */
  count: number;
  /** The one that is neither delivered nor cancelled yet. */
  open: SandboxOrder | undefined;
}

/** States in which the customer, or the end of the resolution flow, can cancel an order. */
const CANCELLABLE: readonly string[] = Object.freeze(["accepted", "placed"]);

interface OpenOrder {
  readonly order: Mutable<SandboxOrder>;
  readonly orders: SlotOrders;
  readonly number: number;
  readonly plan: DeliveryPlan;
}

/** All orders. A slot has at most one open order, from acceptance to delivery. */
export class OrderBook {
  readonly all: readonly SandboxOrder[];
  readonly #all: SandboxOrder[] = [];
  readonly #byInstance = new Map<string, OpenOrder>();
  readonly #slots = new Map<SandboxSlot, SlotOrders>();
  readonly #options: OrderBookOptions;

  constructor(options: OrderBookOptions) {
    this.#options = options;
    this.all = this.#all;
  }

  /** The order of this slot that is on its way. */
  open(slot: SandboxSlot): SandboxOrder | undefined {
    return this.#slots.get(slot)?.open;
  }

  /**
   * Orders for a slot, or names the open order if there is one.
   * @throws SandboxError BAD_OPTION when the plan is not usable; nothing is ordered then
   */
  replenish(device: Device, slot: SandboxSlot): { order: SandboxOrder; detailCode: DetailCode } {
    const orders = this.#slots.get(slot) ?? { count: 0, open: undefined };
    if (orders.open !== undefined) return { order: orders.open, detailCode: "ORDER_INPROGRESS" };

    const { agenda, plan: planOf, run, onState } = this.#options;
    const number = orders.count + 1;
    const plan = planOf({ serial: device.serial, slotId: slot.id, number });
    checkPlan(device.serial, slot.id, plan);

    const acceptedAt = agenda.now();
    const order: Mutable<SandboxOrder> = {
      instanceId: orderInstanceId(run, device.serial, slot.id, number),
      serial: device.serial,
      slotId: slot.id,
      asin: slot.asin,
      quantity: slot.quantity,
      unit: slot.unit,
      state: "accepted",
      acceptedAt,
      estimatedDelivery: endOfDay(acceptedAt + plan.deliveredAfter),
    };
    orders.count = number;
    orders.open = order;
    this.#slots.set(slot, orders);
    this.#all.push(order);
    const open = { order, orders, number, plan: { ...plan } };
    this.#byInstance.set(order.instanceId, open);
    onState(order, number);
    this.#schedule(open, 0);
    return { order, detailCode: "STANDARD_ORDER_PLACED" };
  }

  withInstance(instanceId: string): SandboxOrder | undefined {
    return this.#byInstance.get(instanceId)?.order;
  }

  /** Cancels an order that is not shipped yet. False: it is, or there is none. */
  async cancel(instanceId: string): Promise<boolean> {
    const open = this.#byInstance.get(instanceId);
    if (open === undefined || !CANCELLABLE.includes(open.order.state)) return false;
    const { order, orders, number } = open;
    order.state = "cancelled";
    order.cancelledAt = this.#options.agenda.now();
    orders.open = undefined;
    await this.#options.onState(order, number);
    return true;
  }

  // one step at a time: two steps planned for the same moment then keep their order on any clock
  #schedule(open: OpenOrder, index: number): void {
    const step = COURSE[index];
    if (step === undefined) return;
    const { agenda, onState } = this.#options;
    const { order, orders, number, plan } = open;
    if (plan.cancelledAfter !== undefined && plan.cancelledAfter <= plan[step.after]) {
      agenda.at(order.acceptedAt + plan.cancelledAfter, async () => {
        await this.cancel(order.instanceId);
      });
      return;
    }
    agenda.at(order.acceptedAt + plan[step.after], () => {
      if (order.state === "cancelled") return undefined;
      order.state = step.state;
      order[step.stamp] = agenda.now();
      if (step.state === "delivered") orders.open = undefined;
      this.#schedule(open, index + 1);
      return onState(order, number);
    });
  }
}

function checkPlan(serial: string, slotId: string, plan: DeliveryPlan): void {
  let earliest = 0;
  for (const { after } of COURSE) {
    const value = plan[after];
    if (!(Number.isFinite(value) && value >= earliest))
      throw new SandboxError(
        "BAD_OPTION",
        `plan for device "${serial}", slot "${slotId}": ${after} must be a number of ms ` +
          `not below ${earliest} (got ${value})`,
      );
    earliest = value;
  }
  const { cancelledAfter } = plan;
  if (cancelledAfter !== undefined && !(cancelledAfter >= 0 && cancelledAfter <= plan.shippedAfter))
    throw new SandboxError(
      "BAD_OPTION",
      `plan for device "${serial}", slot "${slotId}": cancelledAfter must be a number of ms from 0 to ` +
        `shippedAfter (got ${cancelledAfter})`,
    );
}

/** 23:59:59Z of the UTC day a time falls on. */
function endOfDay(time: number): number {
  return Math.floor(time / DAY) * DAY + DAY - 1000;
}
