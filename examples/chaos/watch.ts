import { type DeviceEvent, peek, type SlotOptions } from "everfull";
import type { OrderRow, StatusRow } from "../gateway/database.js";
import type { Inventory } from "./alexa.js";
import { CLOCK_MS } from "./board.js";
import type { ServiceOrder } from "./service.js";

const DAY = 86_400_000;
/** DRS gives a cancelled customer so many days. */
const CANCELLED_DAYS = 5;
/** A call that was under way when the registration ended may still arrive, in milliseconds. */
const UNDER_WAY_MS = 11_000;
/** Of a gateway's clock, in milliseconds: the device takes the time from it. */
const GATEWAY_CLOCK_MS = 10 * 60_000;

/** What must hold, and did not. */
export interface Violation {
  readonly invariant: string;
  readonly detail: string;
  /** UTC milliseconds. */
  readonly at: number;
}

interface Cancellations {
  /** In a row, as the device was told. */
  count: number;
  /** When it was told of the last one, UTC milliseconds. */
  at: number;
}

/** Sees everything that happens, knows what must not. */
export class Watch {
  readonly violations: Violation[] = [];
  readonly #now: () => number;
  readonly #slots: readonly SlotOptions[];
  readonly #sealed = new Map<string, string>();
  /** Orders at DRS by slot and cycle. */
  readonly #placed = new Map<string, ServiceOrder[]>();
  readonly #told: number[];
  readonly #intents = new Map<string, "open" | "lapsed">();
  readonly #cancellations: Cancellations[];
  readonly #filledAt: number[];
  #wrongClockAt = 0;
  #endedAt: number | undefined;
  #deviceEndedAt: number | undefined;

  constructor(now: () => number, slots: readonly SlotOptions[]) {
    this.#now = now;
    this.#slots = slots;
    this.#told = slots.map(() => 0);
    this.#filledAt = slots.map(() => 0);
    this.#cancellations = slots.map(() => ({ count: 0, at: 0 }));
  }

  violate(invariant: string, detail: string): void {
    this.violations.push({ invariant, detail, at: this.#now() });
  }

  /** A sealed message is on the network: its sequence is its nonce, and never carries anything else. */
  sealed(direction: "up" | "down", payload: Uint8Array): void {
    const { keyNumber, sequence } = peek(payload);
    const key = `${direction} ${keyNumber} ${sequence}`;
    const text = Buffer.from(payload).toString("latin1");
    const before = this.#sealed.get(key);
    if (before === undefined) this.#sealed.set(key, text);
    else if (before !== text) this.violate("nonce", `${key} was used for two messages`);
  }

  /** The gateway has stored that the device is not registered any more. */
  ended(): void {
    this.#endedAt ??= this.#now();
  }

  /** The product has told the device so. */
  deviceEnded(): void {
    this.#deviceEndedAt ??= this.#now();
  }

  /** A call has reached DRS. */
  called(operation: string, slot: number, link: number | undefined): void {
    const since = this.#endedAt === undefined ? 0 : this.#now() - this.#endedAt;
    if (operation !== "registration" && since > UNDER_WAY_MS)
      this.violate("deregistered", `${operation} ${since} ms after the registration has ended`);
    if (operation !== "slotStatus" || link === undefined) return;
    if (link < this.#told[slot]!)
      this.violate("status order", `slot ${slot}: status ${link} after ${this.#told[slot]}`);
    this.#told[slot] = Math.max(this.#told[slot]!, link);
  }

  /** The device starts with a clock that is wrong by far: it cannot tell this from having been off for so long, and may count days too many. */
  clockIsWrong(): void {
    this.#wrongClockAt = this.#now();
  }

  /** DRS has taken an order. */
  ordered(order: ServiceOrder, slot: number, cycle: number | undefined): void {
    if (cycle === undefined) {
      this.violate("one order", `slot ${slot}: ${order.instanceId} is no cycle's`);
      return;
    }
    const key = `${slot} ${cycle}`;
    const before = this.#placed.get(key) ?? [];
    for (const other of before)
      this.violate(
        "one order",
        `slot ${slot}, cycle ${cycle}: ${order.instanceId} beside ${other.instanceId}`,
      );
    this.#placed.set(key, [...before, order]);
    this.#checkWait(order, slot);
  }

  /** Also after a cancellation that nobody has heard of, unless what the household has filled in passes for the delivery. */
  #checkWait(order: ServiceOrder, slot: number): void {
    for (const other of [...this.#placed.values()].flat()) {
      const { cancelledAt, createdAt, slotId } = other;
      if (slotId !== order.slotId || cancelledAt === undefined || createdAt < this.#filledAt[slot]!) continue;
      const days = this.#daysSince(cancelledAt);
      if (days < CANCELLED_DAYS && this.#wrongClockAt < cancelledAt)
        this.violate("five days", `${order.instanceId} ${days} days after ${other.instanceId} was cancelled`);
    }
  }

  /** Calendar days, as far as the device's clock may be off. */
  #daysSince(at: number): number {
    const off = CLOCK_MS + GATEWAY_CLOCK_MS;
    return Math.floor((this.#now() + off) / DAY) - Math.floor((at - off) / DAY);
  }

  /** The device has committed something. */
  event(event: DeviceEvent): void {
    if (event.kind !== "intended" && event.kind !== "order" && event.kind !== "delivered") return;
    const slot = this.#slots.findIndex(({ id }) => id === event.slot);
    const key = `${slot} ${event.cycle}`;
    const cancellations = this.#cancellations[slot]!;
    if (event.kind === "intended") {
      if (this.#intents.has(key)) this.violate("one cycle", `slot ${slot}: cycle ${event.cycle} began twice`);
      this.#intents.set(key, "open");
      this.#checkIntent(slot, event.cycle, cancellations);
    } else if (event.kind === "delivered") cancellations.count = 0;
    else if (event.state === "cancelled") {
      cancellations.count++;
      cancellations.at = this.#now();
    } else if (event.state === "lapsed") this.#intents.set(key, "lapsed");
  }

  #checkIntent(slot: number, cycle: number, { count, at }: Cancellations): void {
    if (this.#deviceEndedAt !== undefined)
      this.violate("deregistered", `slot ${slot}: cycle ${cycle} began after the device was told`);
    if (count >= 2) this.violate("until full", `slot ${slot}: cycle ${cycle} after ${count} cancellations`);
    const days = this.#daysSince(at);
    if (count > 0 && days < CANCELLED_DAYS && this.#wrongClockAt < at)
      this.violate("five days", `slot ${slot}: cycle ${cycle} ${days} days after a cancellation`);
  }

  /** A slot was filled to 100 %. */
  filled(slot: number): void {
    this.#cancellations[slot]!.count = 0;
    this.#filledAt[slot] = this.#now();
  }

  /** Everything has come to rest. @param truth per slot, what was metered and what a power cut may have lost of it */
  atRest(end: {
    readonly orders: readonly OrderRow[];
    readonly statuses: readonly StatusRow[];
    readonly truth: readonly { readonly metered: number; readonly lost: number }[];
    readonly device: readonly { readonly consumed: number; readonly cycle: number; readonly state: string }[];
    readonly queued: number;
    readonly reported: readonly number[];
    readonly tasks: readonly string[];
    /** What DRS's successor was told; absent: the device is with DRS. */
    readonly inventory: Inventory | undefined;
  }): void {
    const isEnded = this.#endedAt !== undefined;
    for (const order of end.orders) {
      const name = `slot ${order.slot}, cycle ${order.cycle}: ${order.state}`;
      if (order.state === "intended") this.violate("intent", `${name} at rest`);
      if ((order.state === "unknown" || order.state === "rejected") && order.message === null)
        this.violate("intent", `${name} without a reason`);
    }
    for (const [key, state] of this.#intents) {
      const [slot, cycle] = key.split(" ").map(Number);
      const isKnown = end.orders.some((order) => order.slot === slot && order.cycle === cycle);
      if (!isKnown && state === "open") this.violate("intent", `slot ${slot}, cycle ${cycle}: silently gone`);
    }
    if (end.queued > 0) this.violate("outbox", `${end.queued} messages wait at rest`);
    for (const [slot, { metered, lost }] of end.truth.entries()) {
      const { consumed } = end.device[slot]!;
      const status = end.statuses.find((each) => each.slot === slot);
      if (consumed > metered || consumed < metered - lost)
        this.violate("metered", `slot ${slot}: ${consumed} of ${metered}, of which cuts can lose ${lost}`);
      if (status?.consumed !== consumed)
        this.violate("totals", `slot ${slot}: ${status?.consumed} at the gateway, ${consumed} at the device`);
      if (!isEnded && status && end.reported[slot] !== status.sequence)
        this.violate(
          "totals",
          `slot ${slot}: DRS was told status ${end.reported[slot]} of ${status.sequence}`,
        );
    }
    if (end.inventory) this.#checkInventory(end.inventory, end.statuses, end.orders, isEnded);
    if (isEnded && end.tasks.length > 0)
      this.violate("deregistered", `owed at rest: ${end.tasks.join(", ")}`);
  }

  /** The successor orders by itself, and knows of each use once. */
  #checkInventory(
    { level, used }: Inventory,
    statuses: readonly StatusRow[],
    orders: readonly OrderRow[],
    isEnded: boolean,
  ): void {
    for (const { cycle, slot, state } of orders)
      if (state !== "rejected")
        this.violate("told once", `slot ${slot}, cycle ${cycle}: ${state}, not rejected`);
    for (const { consumed, remaining, slot } of statuses) {
      const { id } = this.#slots[slot]!;
      const [usage, left] = [used.get(id), level.get(id)];
      if (usage !== undefined && (isEnded ? usage > consumed : usage !== consumed))
        this.violate("told once", `slot ${slot}: ${usage} told as used of ${consumed}`);
      if (!isEnded && usage === undefined && left !== remaining)
        this.violate("told once", `slot ${slot}: ${left} told as left of ${remaining}`);
    }
  }
}
