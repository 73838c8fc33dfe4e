import { type Course, Observer } from "./course.js";
import type { HalfLeft, OrderOutcome } from "./outcome.js";
import { endOf, judge } from "./paired.js";
import { LEAD, type PolicyKind } from "./policies/policy.js";

/**
 * Runs a policy on the stock that its own orders make: what arrives adds to what is left, use beyond the stock is lost and never
 * seen, days that start empty teach nothing. One order is under way at most; an empty stock always orders.
 *
 * @returns the orders that arrived within the course
 */
export function runClosed(course: Course, kind: PolicyKind): OrderOutcome[] {
  const { home, use, pack, start, weekday } = course;
  const policy = kind.start(course.setting);
  const observer = new Observer(course, policy);
  for (let day = 0; day < start; day++) observer.close(day, use[day]!);
  const outcomes: OrderOutcome[] = [];
  let stock = pack;
  let isOut = false;
  let half: HalfLeft | undefined;
  let order: { readonly arrives: number; readonly early: number | undefined } | undefined;
  for (let evening = Math.max(0, start - 1); evening < use.length; evening++) {
    if (evening >= start) {
      const used = Math.min(stock, use[evening]!);
      isOut ||= use[evening]! > stock;
      if (stock > 0) observer.close(evening, used);
      stock -= used;
    }
    if (order?.arrives === evening) {
      outcomes.push({ home, half, isOut, early: order.early });
      stock += pack;
      isOut = false;
      half = undefined;
      order = undefined;
    }
    const tomorrow = (weekday + evening + 1) % 7;
    const end = endOf(use, stock, evening);
    if (stock > 0 && stock <= pack / 2 && end < use.length)
      half ??= judge(policy.dates(stock, tomorrow, course.cap), end - evening);
    if (order !== undefined) continue;
    if (stock > 0 && policy.urgency(stock, tomorrow) < kind.threshold) continue;
    const arrives = evening + LEAD;
    order = { arrives, early: end < use.length ? Math.max(0, end - arrives) : undefined };
  }
  return outcomes;
}
