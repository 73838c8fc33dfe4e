import type { UplinkMessage } from "../../../../sdk/uplink/index.js";
import { type Action, type Commit, isLate } from "./actions.js";

/*
 * What a device must know, with nothing of the parts' code: plain numbers, a plain queue, the order cycle as ranks.
 */

export interface ReferenceSlot {
  readonly opening: number;
  readonly refillSize: number;
  readonly capacity: number;
  refills: number;
  corrections: number;
  consumed: number;
  onHand: number;
  today: number;
  lastUse: number;
  reported: number;
  calibration: number;
  cycle: number;
  state: string;
  since: number;
  delivery: number;
  quantity: number;
  cancellations: number;
  lateOrders: number;
}

export interface ReferenceMessage {
  readonly sequence: number;
  readonly message: UplinkMessage;
}

/** Orders move along these, never back. */
const FORWARD = Object.freeze(["intended", "accepted", "resolution", "placed", "shipped"]);
const ENDED = Object.freeze(["idle", "delivered", "cancelled", "rejected", "lapsed"]);

export class Reference {
  readonly slots: ReferenceSlot[];
  queue: ReferenceMessage[] = [];
  lastSequence = 0;
  dropped = 0;
  received = 0;
  applied = 0;
  openDay = 0;
  recorded = 0;

  constructor(slots: readonly { opening: number; refill: number; capacity: number }[]) {
    this.slots = slots.map(({ opening, refill, capacity }) => ({
      opening,
      refillSize: refill,
      capacity,
      refills: 0,
      corrections: 0,
      consumed: 0,
      onHand: 0,
      today: 0,
      lastUse: 0,
      reported: 0,
      calibration: 0,
      cycle: 0,
      state: "idle",
      since: 0,
      delivery: 0,
      quantity: 0,
      cancellations: 0,
      lateOrders: 0,
    }));
  }

  clone(): Reference {
    const copy = new Reference([]);
    for (const slot of this.slots) copy.slots.push({ ...slot });
    copy.queue = this.queue.slice();
    copy.lastSequence = this.lastSequence;
    copy.dropped = this.dropped;
    copy.received = this.received;
    copy.applied = this.applied;
    copy.openDay = this.openDay;
    copy.recorded = this.recorded;
    return copy;
  }

  /** What is in a slot. */
  remaining(slot: number): number {
    const { opening, refills, corrections, consumed } = this.slots[slot]!;
    return opening + refills + corrections - consumed;
  }

  apply(commit: Commit): void {
    // What is told is what was before.
    const messages = commit.flatMap((action) => this.#messages(action));
    for (const action of commit) this.#apply(action);
    for (const message of messages) this.#enqueue(message);
  }

  #messages(action: Action): UplinkMessage[] {
    switch (action.kind) {
      case "report": {
        const { consumed, onHand } = this.slots[action.slot]!;
        const { slot, day, outlook } = action;
        const remaining = this.remaining(slot);
        return [
          { kind: "status", slot, day, consumed, remaining, onHand, ...outlook, applied: this.applied },
        ];
      }
      case "order":
        return [
          {
            kind: "intent",
            slot: action.slot,
            cycle: this.slots[action.slot]!.cycle + 1,
            day: action.day,
            quantity: action.quantity,
            remaining: this.remaining(action.slot),
            runOut: action.outlook.runOut,
            applied: this.applied,
          },
        ];
      case "poll":
        return [{ kind: "poll", applied: this.applied }];
      default:
        return [];
    }
  }

  #apply(action: Action): void {
    switch (action.kind) {
      case "consume": {
        const slot = this.slots[action.slot]!;
        if (action.steps === 0) return;
        slot.corrections += Math.max(0, action.steps - this.remaining(action.slot));
        slot.consumed += action.steps;
        slot.today += action.steps;
        if (this.openDay > 0) slot.lastUse = this.openDay;
        return;
      }
      case "refill":
        this.#refill(action.slot, action.steps, action.day);
        return;
      case "close":
        if (this.openDay === 0)
          for (const slot of this.slots) {
            slot.reported = action.day;
            // Use of before belongs to the first day that is known.
            if (slot.consumed > 0) slot.lastUse = action.day;
          }
        else if (action.day > this.openDay) for (const slot of this.slots) slot.today = 0;
        this.openDay = Math.max(this.openDay, action.day);
        return;
      case "report":
        this.slots[action.slot]!.reported = action.day;
        return;
      case "order": {
        const slot = this.slots[action.slot]!;
        if (!ENDED.includes(slot.state)) return;
        slot.cycle++;
        slot.state = "intended";
        slot.since = action.day;
        slot.delivery = 0;
        slot.quantity = action.quantity;
        if (isLate(action.outlook.runOut)) slot.lateOrders++;
        return;
      }
      case "overdue": {
        const slot = this.slots[action.slot]!;
        slot.onHand += slot.quantity;
        slot.cancellations = 0;
        if (slot.state !== "placed" && slot.state !== "shipped") return;
        slot.state = "delivered";
        slot.since = action.day;
        return;
      }
      case "withdraw": {
        const slot = this.slots[action.slot]!;
        const kept = this.queue.filter(
          ({ message }) => message.kind !== "intent" || message.slot !== action.slot,
        );
        if (kept.length === this.queue.length) return;
        this.queue = kept;
        if (slot.state !== "intended" && slot.state !== "resolution" && slot.state !== "unknown") return;
        slot.state = "lapsed";
        slot.since = action.day;
        return;
      }
      case "subscribe": {
        const slot = this.slots[action.slot]!;
        slot.cancellations = 0;
        if (slot.state !== "rejected") return;
        slot.state = "idle";
        slot.since = action.day;
        return;
      }
      case "poll":
        return;
      case "acknowledge":
        this.#acknowledge(action.seen);
        return;
      case "receive":
        this.received = action.sequence;
        this.applied = action.applied;
        return;
      case "renumber":
        for (const slot of this.slots) {
          if (slot.cycle < action.above) slot.cycle = action.above;
          if (slot.state === "intended") slot.state = "idle";
        }
        return;
      case "event":
        this.#event(action.slot, action.state, action.day, action.value);
        return;
      case "calibrate":
        this.slots[action.slot]!.calibration = action.value;
        return;
      case "anchor":
        this.recorded = action.seconds;
        return;
      case "miss":
      case "rescale":
      // Told to the forecast only.
    }
  }

  #refill(index: number, steps: number, day: number): void {
    const slot = this.slots[index]!;
    const tolerance = slot.refillSize / 10;
    const awaited = slot.state === "shipped" || (slot.state === "placed" && day + 3 >= slot.delivery);
    const delivered = awaited && steps > slot.onHand + tolerance;
    const rest = slot.onHand + (delivered ? slot.quantity : 0) - steps;
    slot.refills += steps;
    slot.onHand = rest > tolerance ? rest : 0;
    if (delivered || (slot.state === "delivered" && slot.onHand === 0)) {
      slot.state = "idle";
      slot.since = day;
      slot.cancellations = 0;
    }
    if (slot.capacity - this.remaining(index) <= 0.03 * slot.capacity) slot.cancellations = 0;
  }

  #event(index: number, event: string, day: number, value: number): void {
    const slot = this.slots[index]!;
    const from = FORWARD.indexOf(slot.state);
    const to = FORWARD.indexOf(event);
    const open = from >= 0 && slot.state !== "shipped";
    const failed = event === "cancelled" || event === "rejected";
    const moves =
      slot.state === "unknown" || slot.state === "lapsed"
        ? failed || to > 0
        : failed
          ? open || (event === "cancelled" && (slot.state === "idle" || slot.state === "delivered"))
          : event === "unknown"
            ? open && slot.state !== "placed"
            : open && to > from;
    if (!moves) return;
    slot.state = event;
    slot.since = day;
    if (event === "cancelled") slot.cancellations = Math.min(2, slot.cancellations + 1);
    if ((event === "placed" || event === "shipped") && value > 0) slot.delivery = value;
  }

  #enqueue(message: UplinkMessage): void {
    if (message.kind !== "intent") {
      const kept = this.queue.filter(
        ({ message: other }) =>
          other.kind !== message.kind ||
          (other.kind === "status" && message.kind === "status" && other.slot !== message.slot),
      );
      this.dropped += this.queue.length - kept.length;
      this.queue = kept;
    }
    this.lastSequence++;
    this.queue.push({ sequence: this.lastSequence, message });
  }

  #acknowledge(seen: number): void {
    if (seen <= this.lastSequence) {
      this.queue = this.queue.filter(({ sequence }) => sequence > seen);
      return;
    }
    this.lastSequence = seen;
    this.queue = this.queue
      .filter(({ message }) => message.kind !== "intent")
      .map(({ message }) => ({ sequence: ++this.lastSequence, message }));
  }
}
