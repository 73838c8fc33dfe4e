import { SandboxError } from "../errors.js";
import type { DeliveryPlan, DetailCode, OrderProblem, SandboxOrder } from "../types.js";
import type { Agenda } from "./agenda.js";
import type { Device, Slot } from "./devices.js";
import { orderInstanceId } from "./identifiers.js";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** How long the customer can cancel an order that is placed. */
export const CANCEL_WINDOW = 24 * HOUR;
/** How long the customer has to solve a problem. */
export const RESOLUTION_WINDOW = 72 * HOUR;

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
  /** Of the customer's account, at the time of an order. */
  problemOf: (device: Device) => OrderProblem | undefined;
  /**
   * Called on every state an order enters, "accepted" included. What it returns is handed to the clock.
   * @param number which order of its slot, from 1
   */
  onState: (order: SandboxOrder, number: number) => Promise<void> | void;
}

interface SlotOrders {
  /** Orders so far. */
  count: number;
  /** The one that is neither delivered nor cancelled yet. */
  open: SandboxOrder | undefined;
}

interface OpenOrder {
  readonly order: Mutable<SandboxOrder>;
  readonly orders: SlotOrders;
  readonly number: number;
  readonly plan: DeliveryPlan;
  readonly customerId: string;
  /** Ms that a problem has put the plan off. */
  delay: number;
}

/** All orders. A slot has at most one open order, from acceptance to delivery. */
export class OrderBook {
  readonly all: readonly SandboxOrder[];
  readonly #all: SandboxOrder[] = [];
  readonly #byInstance = new Map<string, OpenOrder>();
  readonly #slots = new Map<Slot, SlotOrders>();
  readonly #options: OrderBookOptions;

  constructor(options: OrderBookOptions) {
    this.#options = options;
    this.all = this.#all;
  }

  /** The order of this slot that is on its way. */
  open(slot: Slot): SandboxOrder | undefined {
    return this.#slots.get(slot)?.open;
  }

  /** Real orders of a customer, oldest first. */
  of(customerId: string): SandboxOrder[] {
    return this.#all.filter((order) => !order.isTest && this.customerOf(order) === customerId);
  }

  /**
   * Orders what was chosen for a slot, or names the open order if there is one.
   * @throws SandboxError BAD_OPTION when the plan is not usable; nothing is ordered then
   */
  replenish(device: Device, slot: Slot): { order: SandboxOrder; detailCode: DetailCode } {
    const orders = this.#slots.get(slot) ?? { count: 0, open: undefined };
    if (orders.open !== undefined) return { order: orders.open, detailCode: "ORDER_INPROGRESS" };
    if (slot.chosen === undefined) throw new Error(`slot "${slot.id}" has no product`);

    const { agenda, plan: planOf, run, problemOf, onState } = this.#options;
    const number = orders.count + 1;
    const plan = planOf({ serial: device.serial, slotId: slot.id, number });
    checkPlan(device.serial, slot.id, plan);

    const acceptedAt = agenda.now();
    const { isTest, customerId } = device;
    // nobody pays for a test
    const problem = isTest ? undefined : (plan.problem ?? problemOf(device));
    const order: Mutable<SandboxOrder> = {
      instanceId: orderInstanceId(run, device.serial, slot.id, number),
      serial: device.serial,
      slotId: slot.id,
      asin: slot.chosen.asin,
      quantity: slot.chosen.quantity,
      unit: slot.chosen.unit,
      state: "accepted",
      isTest,
      ...(problem === undefined ? {} : { problem }),
      acceptedAt,
      estimatedDelivery: endOfDay(acceptedAt + plan.deliveredAfter),
    };
    orders.count = number;
    orders.open = order;
    this.#slots.set(slot, orders);
    this.#all.push(order);
    const open = { order, orders, number, plan: { ...plan }, customerId, delay: 0 };
    this.#byInstance.set(order.instanceId, open);
    onState(order, number);
    if (problem === undefined) this.#schedule(open, 0);
    else
      agenda.at(acceptedAt + RESOLUTION_WINDOW, () =>
        order.problem === undefined ? undefined : this.#cancel(open),
      );
    return { order, detailCode: isTest ? "TEST_ORDER_PLACED" : "STANDARD_ORDER_PLACED" };
  }

  withInstance(instanceId: string): SandboxOrder | undefined {
    return this.#byInstance.get(instanceId)?.order;
  }

  /** Who had the device when it ordered. */
  customerOf({ instanceId }: SandboxOrder): string | undefined {
    return this.#byInstance.get(instanceId)?.customerId;
  }

  /** Frees a slot for another customer; what is on its way still gets there. */
  release(slot: Slot): void {
    const orders = this.#slots.get(slot);
    if (orders) orders.open = undefined;
  }

  /** Places an order that waits for that. False: it does not. */
  async resolve(instanceId: string): Promise<boolean> {
    const open = this.#byInstance.get(instanceId);
    if (open?.order.problem === undefined) return false;
    const { order, plan } = open;
    delete order.problem;
    open.delay = this.#options.agenda.now() - order.acceptedAt - plan.placedAfter;
    order.estimatedDelivery = endOfDay(order.acceptedAt + plan.deliveredAfter + open.delay);
    await this.#enter(open, 0);
    return true;
  }

  /** Whether the customer still can. */
  isCancellable({ state, placedAt = 0 }: SandboxOrder): boolean {
    return (
      state === "accepted" || (state === "placed" && this.#options.agenda.now() < placedAt + CANCEL_WINDOW)
    );
  }

  /** Cancels an order for its customer. False: it is too late, or there is none. */
  async cancel(instanceId: string): Promise<boolean> {
    const open = this.#byInstance.get(instanceId);
    if (open === undefined || !this.isCancellable(open.order)) return false;
    await this.#cancel(open);
    return true;
  }

  /** Ends the open order of a slot, whatever its state. */
  async cancelTest(slot: Slot): Promise<void> {
    const order = this.open(slot);
    if (order !== undefined) await this.#cancel(this.#byInstance.get(order.instanceId)!);
  }

  async #cancel({ order, orders, number }: OpenOrder): Promise<void> {
    order.state = "cancelled";
    delete order.problem;
    order.cancelledAt = this.#options.agenda.now();
    if (orders.open === order) orders.open = undefined;
    await this.#options.onState(order, number);
  }

  // one step at a time: two steps planned for the same moment then keep their order on any clock
  #schedule(open: OpenOrder, index: number): void {
    const step = COURSE[index];
    if (step === undefined) return;
    const { agenda } = this.#options;
    const { order, plan, delay } = open;
    if (plan.cancelledAfter !== undefined && plan.cancelledAfter <= plan[step.after]) {
      agenda.at(order.acceptedAt + plan.cancelledAfter + delay, () =>
        order.state === "cancelled" ? undefined : this.#cancel(open),
      );
      return;
    }
    agenda.at(order.acceptedAt + plan[step.after] + delay, () => this.#enter(open, index));
  }

  #enter(open: OpenOrder, index: number): Promise<void> | void {
    const { order, orders, number } = open;
    if (order.state === "cancelled") return undefined;
    const { state, stamp } = COURSE[index]!;
    order.state = state;
    order[stamp] = this.#options.agenda.now();
    if (state === "delivered" && orders.open === order) orders.open = undefined;
    this.#schedule(open, index + 1);
    return this.#options.onState(order, number);
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
