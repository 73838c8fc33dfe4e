import test from "ava";
import fc from "fast-check";
import { allocate, type Cycle, type CycleState, isDoubtful } from "../../../sdk/reorder/index.js";

const REFILL = 1000;
const cycle = (state: CycleState): Cycle => ({ number: 1, state, since: 0, delivery: 0, quantity: REFILL });

test("a refill with nothing on hand and an order on its way is the delivery", (t) => {
  for (const state of ["placed", "shipped"] as const) {
    t.deepEqual(allocate(1000, 0, cycle(state), REFILL), { onHand: 0, delivered: true });
    t.deepEqual(allocate(600, 0, cycle(state), REFILL), { onHand: 400, delivered: true });
  }
});

test("a tenth more or less means nothing", (t) => {
  t.deepEqual(allocate(900, 0, cycle("placed"), REFILL), { onHand: 0, delivered: true });
  t.deepEqual(allocate(899, 0, cycle("placed"), REFILL), { onHand: 101, delivered: true });
  t.deepEqual(allocate(100, 0, cycle("placed"), REFILL), { onHand: 0, delivered: false });
  t.deepEqual(allocate(1050, 1000, cycle("placed"), REFILL), { onHand: 0, delivered: false });
  t.deepEqual(allocate(950, 1000, cycle("delivered"), REFILL), { onHand: 0, delivered: false });
});

test("what is on hand is used before the delivery is believed in, and counts with it after", (t) => {
  t.deepEqual(allocate(300, 500, cycle("shipped"), REFILL), { onHand: 200, delivered: false });
  t.deepEqual(allocate(1000, 500, cycle("shipped"), REFILL), { onHand: 500, delivered: true });
});

test("without an order on its way a refill delivers nothing and leaves nothing below zero", (t) => {
  const states = [
    "idle",
    "intended",
    "accepted",
    "resolution",
    "delivered",
    "cancelled",
    "rejected",
    "unknown",
  ] as const;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 0, max: 5000 }),
      fc.constantFrom(...states),
      (steps, onHand, state) => {
        const after = allocate(steps, onHand, cycle(state), REFILL);
        t.false(after.delivered);
        t.true(after.onHand >= 0 && after.onHand <= onHand);
      },
    ),
  );
});

test("what is on hand is doubted when the slot was too empty to be used for a week, not before", (t) => {
  const shelf = { onHand: 1000, remaining: 0, least: 1, lastUse: 10, since: 10 };
  t.true(isDoubtful(shelf, 17));
  t.false(isDoubtful(shelf, 16));
  t.false(isDoubtful({ ...shelf, onHand: 0 }, 17));
  t.false(isDoubtful({ ...shelf, remaining: 1 }, 17));
  t.true(isDoubtful({ ...shelf, remaining: 34, least: 35 }, 17));
  t.false(isDoubtful({ ...shelf, lastUse: undefined }, 17));
});

test("a delivery since which nothing was used is not doubted", (t) => {
  t.false(isDoubtful({ onHand: 1000, remaining: 0, least: 1, lastUse: 10, since: 11 }, 100));
});
