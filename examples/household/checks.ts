import type { Check, DeviceReport } from "./report.js";
import { count } from "./text.js";

/** Least days between order and need (DRS customer-experience guidelines). */
const LEAD_DAYS = 7;
/** What a load cell may be off by over a whole run, as a share. */
const LEVEL_TOLERANCE = 0.03;
/** Steps that it may be off by however little was used: noise, and a day's drift of its zero. */
const LEVEL_FLOOR = 10;

export interface CheckInput {
  readonly days: number;
  readonly devices: readonly DeviceReport[];
  readonly refused: Readonly<Record<string, number>>;
  /** Orders as the service has them. */
  readonly orders: readonly { readonly serial: string }[];
  readonly books: readonly {
    readonly serial: string;
    readonly account:
      | Readonly<Record<"opening" | "refills" | "corrections" | "consumed" | "remaining" | "onHand", number>>
      | undefined;
    /** Newest order cycle that the device knows of. */
    readonly cycle: number;
    /** Counted piece by piece, so exact but for what was lost; else weighed. */
    readonly counted: boolean;
    /** Steps that power cuts may have lost, because they were in RAM. */
    readonly mayBeLost: number;
    readonly statusesReceived: number;
    /** Total consumption as of the newest status, in steps. */
    readonly reportedConsumed: number | undefined;
    /** What was truly taken by then. */
    readonly trulyConsumed: number;
  }[];
}

/** What a run must show. */
export function checksOf(input: CheckInput): Check[] {
  const { days, devices, books } = input;
  const slots = devices.flatMap((device) => device.slots);
  const leads = slots.flatMap(({ orders }) => orders.flatMap(({ lead }) => (lead === null ? [] : [lead])));
  const open = slots.flatMap(({ orders }) => orders).length - leads.length;
  const stockOuts = slots.flatMap((slot) => slot.stockOuts);
  const refused = Object.values(input.refused).reduce((a, b) => a + b, 0);
  const missing = books.filter(({ statusesReceived }) => statusesReceived !== days - 1);
  const unequal = books.filter(
    ({ account }) =>
      !account ||
      account.opening + account.refills + account.corrections - account.consumed !== account.remaining,
  );
  const doubled = books.filter(
    ({ serial, cycle }) => input.orders.filter((order) => order.serial === serial).length !== cycle,
  );
  const wrong = books.filter(({ counted, mayBeLost, reportedConsumed, trulyConsumed }) => {
    const error = Math.abs((reportedConsumed ?? 0) - trulyConsumed);
    return error > (counted ? mayBeLost : Math.max(LEVEL_FLOOR, LEVEL_TOLERANCE * trulyConsumed));
  });
  const names = (list: readonly { readonly serial: string }[]) => list.map(({ serial }) => serial).join(", ");
  return [
    {
      name: `every order at least ${LEAD_DAYS} days before it was needed`,
      passed: leads.every((lead) => lead >= LEAD_DAYS),
      found:
        leads.length === 0
          ? `${count(open, "order")}, none needed yet`
          : `least lead ${Math.min(...leads)} days of ${count(leads.length, "order")}${open > 0 ? `, ${open} not needed yet` : ""}`,
    },
    {
      name: "nothing ran out",
      passed: stockOuts.length === 0,
      found: stockOuts.length === 0 ? "no stock-out" : `${count(stockOuts.length, "day")} with a stock-out`,
    },
    {
      name: "one order at the service for each order cycle",
      passed: doubled.length === 0,
      found: doubled.length === 0 ? count(input.orders.length, "order") : `not so for ${names(doubled)}`,
    },
    {
      name: "a status every day",
      passed: missing.length === 0,
      found: books.map(({ statusesReceived }) => `${statusesReceived} of ${days - 1}`).join(", "),
    },
    {
      name: "opening + refills + corrections - consumed = remaining",
      passed: unequal.length === 0,
      found: unequal.length === 0 ? "to the step" : `not so for ${names(unequal)}`,
    },
    {
      name: "what the gateway knows was used was used",
      passed: wrong.length === 0,
      found: books
        .map(({ reportedConsumed, trulyConsumed }) => `${reportedConsumed ?? 0} of ${trulyConsumed} steps`)
        .join(", "),
    },
    {
      name: "no message refused",
      passed: refused === 0,
      found: refused === 0 ? "none" : `${refused} refused`,
    },
  ];
}
