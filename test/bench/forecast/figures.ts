import type { HalfLeft, OrderOutcome, PackOutcome } from "./outcome.js";

/** What a policy is judged by. Undefined where there was nothing to judge. */
export interface Figures {
  /** Orders that were judged. */
  readonly orders: number;
  /** Mean absolute error of the median date on the first evening with at most half left, days. */
  readonly error: number | undefined;
  /** Share of the 80 % intervals of those evenings that held the truth, %. */
  readonly cover: number | undefined;
  /** Orders that came too late, % of orders. */
  readonly stockOuts: number | undefined;
  /** Mean days by which orders were early; a late one counts 0. */
  readonly early: number | undefined;
  /** The same with the threshold moved to exactly 5 % stock-outs; undefined in a closed loop, where every threshold makes other packs. */
  readonly earlyAtFive: number | undefined;
}

/** What a threshold leads to. */
export interface Service {
  readonly threshold: number;
  /** % of orders. */
  readonly stockOuts: number;
  /** Mean days, late counts 0. */
  readonly early: number;
}

/** Share of stock-outs at which policies are compared, %. */
export const EQUAL_SERVICE = 5;

/** @param threshold of urgency, at which the policy orders */
export function figuresOfPacks(outcomes: readonly PackOutcome[], threshold: number): Figures {
  const slacks = outcomes.flatMap(({ wants }) => {
    const want = wants.find(({ urgency }) => urgency >= threshold);
    return want === undefined ? [] : [want.slack];
  });
  return {
    orders: slacks.length,
    ...dates(outcomes),
    stockOuts: percent(slacks.map((slack) => slack < 0)),
    early: mean(slacks.map((slack) => Math.max(0, slack))),
    earlyAtFive: earlyAt(EQUAL_SERVICE, sweep(outcomes)),
  };
}

export function figuresOfOrders(outcomes: readonly OrderOutcome[]): Figures {
  return {
    orders: outcomes.length,
    ...dates(outcomes),
    stockOuts: percent(outcomes.map(({ isOut }) => isOut)),
    early: mean(outcomes.flatMap(({ early }) => early ?? [])),
    earlyAtFive: undefined,
  };
}

function dates(outcomes: readonly { readonly half: HalfLeft | undefined }[]) {
  const halves = outcomes.flatMap(({ half }) => half ?? []);
  return {
    error: mean(halves.map(({ error }) => error)),
    cover: percent(halves.flatMap(({ held }) => held ?? [])),
  };
}

/**
 * What every threshold leads to that makes a difference, from the highest, at which only empty packs are ordered for. With
 * each next one, no more orders are late and none is less early.
 */
export function sweep(outcomes: readonly PackOutcome[]): Service[] {
  const steps: { readonly urgency: number; readonly out: number; readonly early: number }[] = [];
  let orders = 0;
  for (const { wants } of outcomes) {
    if (wants.length > 0) orders += 1;
    let out = 0;
    let early = 0;
    // From the last wish backward: a lower threshold takes an earlier evening.
    for (const { urgency, slack } of wants.toReversed()) {
      const outNow = slack < 0 ? 1 : 0;
      const earlyNow = Math.max(0, slack);
      steps.push({ urgency, out: outNow - out, early: earlyNow - early });
      out = outNow;
      early = earlyNow;
    }
  }
  // Not by their difference: infinity less infinity is no number.
  steps.sort((a, b) => (a.urgency === b.urgency ? 0 : a.urgency > b.urgency ? -1 : 1));
  const found: Service[] = [];
  let out = 0;
  let early = 0;
  steps.forEach((step, at) => {
    out += step.out;
    early += step.early;
    if (steps[at + 1]?.urgency === step.urgency) return;
    found.push({ threshold: step.urgency, stockOuts: (100 * out) / orders, early: early / orders });
  });
  return found;
}

/** Days early at exactly this share of stock-outs, between the two thresholds nearest to it; undefined where it is not reached. */
export function earlyAt(share: number, services: readonly Service[]): number | undefined {
  const at = services.findIndex(({ stockOuts }) => stockOuts <= share);
  const after = services[at];
  const before = services[at - 1];
  if (after === undefined) return undefined;
  if (before === undefined) return after.early;
  const part = (before.stockOuts - share) / (before.stockOuts - after.stockOuts);
  return before.early + part * (after.early - before.early);
}

function mean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(values: readonly boolean[]): number | undefined {
  const share = mean(values.map(Number));
  return share === undefined ? undefined : 100 * share;
}
