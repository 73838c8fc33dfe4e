import test from "ava";
import { earlyAt, figuresOfOrders, figuresOfPacks, type Service, sweep } from "./figures.js";
import type { PackOutcome } from "./outcome.js";

const END = { urgency: Number.POSITIVE_INFINITY, slack: -7 };

function pack(...wants: (readonly [urgency: number, slack: number])[]): PackOutcome {
  return {
    pack: 0,
    home: "1",
    half: undefined,
    wants: [...wants.map(([urgency, slack]) => ({ urgency, slack })), END],
  };
}

function service(stockOuts: number, early: number): Service {
  return { threshold: 0, stockOuts, early };
}

test("nothing is said of nothing", (t) => {
  const nothing = {
    orders: 0,
    error: undefined,
    cover: undefined,
    stockOuts: undefined,
    early: undefined,
    earlyAtFive: undefined,
  };
  t.deepEqual(figuresOfPacks([], 0), nothing);
  t.deepEqual(figuresOfOrders([]), nothing);
});

test("a policy orders on the first evening that reaches its threshold, and at the latest when the pack is empty", (t) => {
  const packs = [pack([1, 9], [2, 4], [3, -1]), pack([2, 3])];
  const at = (threshold: number) => {
    const { stockOuts, early } = figuresOfPacks(packs, threshold);
    return [stockOuts, early];
  };
  t.deepEqual(at(1), [0, 6]);
  t.deepEqual(at(1.5), [0, 3.5]);
  t.deepEqual(at(3), [100, 0]);
  t.deepEqual(at(9), [100, 0]);
});

test("a sweep goes over the thresholds that make a difference, once each", (t) => {
  t.deepEqual(sweep([pack([1, 9], [2, 4], [3, -1]), pack([2, 3])]), [
    { threshold: Number.POSITIVE_INFINITY, stockOuts: 100, early: 0 },
    { threshold: 3, stockOuts: 100, early: 0 },
    { threshold: 2, stockOuts: 0, early: 3.5 },
    { threshold: 1, stockOuts: 0, early: 6 },
  ]);
});

test("a pack that is too short to be ordered for is in no sweep", (t) => {
  t.deepEqual(sweep([{ ...pack(), wants: [] }]), []);
});

test("days early at a share lie on the line between its neighbours", (t) => {
  t.is(earlyAt(5, [service(100, 0), service(6, 2), service(6, 3), service(2, 7), service(0, 9)]), 4);
  t.is(earlyAt(5, [service(100, 0), service(5, 3), service(5, 4)]), 3);
  t.is(earlyAt(5, [service(4, 1), service(2, 7)]), 1);
  t.is(earlyAt(5, [service(100, 0), service(6, 3)]), undefined);
  t.is(earlyAt(5, []), undefined);
});

test("errors and cover are of the evenings on which they were seen, days early of the orders of which they are known", (t) => {
  const order = { home: "1", isOut: false };
  const { error, cover, stockOuts, early } = figuresOfOrders([
    { ...order, half: { error: 2, held: true }, early: 3 },
    { ...order, half: { error: 5, held: false }, early: undefined },
    { ...order, isOut: true, half: undefined, early: 0 },
    { ...order, half: { error: 2, held: true }, early: 6 },
  ]);
  t.deepEqual({ error, stockOuts, early }, { error: 3, stockOuts: 25, early: 3 });
  t.true(Math.abs(cover! - 200 / 3) < 1e-9);
});
