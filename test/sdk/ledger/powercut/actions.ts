import { type LedgerRecord, RECORD } from "../../../../sdk/ledger/index.js";
import { allocate, isFull } from "../../../../sdk/reorder/shelf.js";
import type { OrderState, UplinkMessage } from "../../../../sdk/uplink/index.js";
import type { Parts } from "./parts.js";

/*
 * What happens to a device, as plain data: the parts make records of it (here, the way `Everfull` does), and the reference that knows
 * nothing of the parts does the same with numbers of its own.
 */

/** What the forecast says in a message; the reference has no forecast, so these are given. */
export interface Outlook {
  readonly runOut: number;
  readonly early: number;
  readonly late: number;
  readonly idle: number;
}

export type Action =
  | { readonly kind: "consume"; readonly slot: number; readonly steps: number }
  | { readonly kind: "refill"; readonly slot: number; readonly steps: number; readonly day: number }
  | { readonly kind: "close"; readonly day: number }
  | { readonly kind: "report"; readonly slot: number; readonly day: number; readonly outlook: Outlook }
  | {
      readonly kind: "order";
      readonly slot: number;
      readonly day: number;
      readonly quantity: number;
      readonly outlook: Outlook;
    }
  | { readonly kind: "overdue"; readonly slot: number; readonly day: number }
  /** The order that the gateway has not acknowledged is taken back. */
  | { readonly kind: "withdraw"; readonly slot: number; readonly day: number }
  | { readonly kind: "subscribe"; readonly slot: number; readonly day: number }
  | { readonly kind: "poll" }
  | { readonly kind: "acknowledge"; readonly seen: number }
  | { readonly kind: "receive"; readonly sequence: number; readonly applied: number }
  | { readonly kind: "renumber"; readonly above: number }
  | {
      readonly kind: "event";
      readonly slot: number;
      readonly state: OrderState;
      readonly day: number;
      readonly value: number;
    }
  | { readonly kind: "calibrate"; readonly slot: number; readonly value: number }
  | { readonly kind: "anchor"; readonly seconds: number }
  | { readonly kind: "miss"; readonly minutes: number }
  | { readonly kind: "rescale"; readonly slot: number; readonly factor: number };

/** What is committed as one. Actions on one slot's quantity, and those that queue messages, come once each at the most. */
export type Commit = readonly Action[];

/** Whether an order with so many days left is late. */
export function isLate(runOut: number): boolean {
  return runOut < 8;
}

/** The records of a commit, from the state before it. */
export function recordsOf(parts: Parts, commit: Commit): LedgerRecord[] {
  const records: LedgerRecord[] = [];
  const messages: UplinkMessage[] = [];
  for (const action of commit) addRecords(parts, action, records, messages);
  return [...records, ...parts.mailbox.enqueue(messages)];
}

function addRecords(parts: Parts, action: Action, records: LedgerRecord[], messages: UplinkMessage[]): void {
  const { stock, cycles, mailbox } = parts;
  switch (action.kind) {
    case "consume":
      records.push(...stock.consume(action.slot, action.steps));
      return;
    case "refill": {
      const { onHand, remaining } = stock.account(action.slot);
      const slot = parts.slots[action.slot]!;
      const cycle = cycles.of(action.slot);
      const after = allocate(action.steps, onHand, cycle, slot.refill, action.day);
      records.push(stock.refill(action.slot, action.steps));
      if (after.onHand !== onHand) records.push(stock.book(action.slot, after.onHand - onHand));
      if (after.delivered || (cycle.state === "delivered" && after.onHand === 0))
        records.push(cycles.event(action.slot, "refilled", action.day));
      if (cycle.cancellations > 0 && isFull(remaining + action.steps, slot))
        records.push(cycles.event(action.slot, "filled", action.day));
      return;
    }
    case "close":
      records.push(stock.closeBefore(action.day));
      return;
    case "report":
      records.push(stock.report(action.slot, action.day));
      messages.push({
        kind: "status",
        slot: action.slot,
        day: action.day,
        consumed: stock.account(action.slot).consumed,
        remaining: stock.account(action.slot).remaining,
        onHand: stock.account(action.slot).onHand,
        ...action.outlook,
        applied: mailbox.applied,
      });
      return;
    case "order":
      records.push(...cycles.intend(action.slot, action.day, action.quantity, isLate(action.outlook.runOut)));
      messages.push({
        kind: "intent",
        slot: action.slot,
        cycle: cycles.of(action.slot).number + 1,
        day: action.day,
        quantity: action.quantity,
        remaining: stock.account(action.slot).remaining,
        runOut: action.outlook.runOut,
        applied: mailbox.applied,
      });
      return;
    case "overdue":
      records.push(
        stock.book(action.slot, cycles.of(action.slot).quantity),
        cycles.event(action.slot, "overdue", action.day),
      );
      return;
    case "withdraw": {
      const withdrawn = mailbox.withdraw(action.slot);
      records.push(...withdrawn);
      if (withdrawn.length > 0) records.push(cycles.event(action.slot, "lapsed", action.day));
      return;
    }
    case "subscribe":
      records.push(cycles.event(action.slot, "subscribed", action.day));
      return;
    case "poll":
      messages.push({ kind: "poll", applied: mailbox.applied });
      return;
    case "acknowledge":
      records.push(...mailbox.acknowledge(action.seen));
      return;
    case "receive":
      records.push(mailbox.receive(action.sequence, action.applied));
      return;
    case "renumber":
      records.push(cycles.renumber(action.above));
      return;
    case "event":
      records.push(cycles.event(action.slot, action.state, action.day, action.value));
      return;
    case "calibrate":
      records.push(stock.calibrate(action.slot, action.value));
      return;
    case "rescale":
      records.push(stock.rescale(action.slot, action.factor));
      return;
    case "anchor":
      // The record alone: what a clock believes depends on what it was told before, and is its own tests' matter.
      records.push({
        kind: RECORD.anchored,
        write: (to) => {
          to.count(action.seconds);
          to.byte(1);
        },
      });
      return;
    case "miss":
      records.push(stock.miss(action.minutes));
  }
}
