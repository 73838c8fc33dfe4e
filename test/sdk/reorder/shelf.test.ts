import test from "ava";
import fc from "fast-check";
import {
  allocate as allocateOn,
  type Cycle,
  type CycleState,
  isDoubtful,
  isFull,
} from "../../../sdk/reorder/index.js";

const REFILL = 1000;
const DELIVERY = 120;
const cycle = (state: CycleState, delivery = DELIVERY): Cycle => ({
  number: 1,
  state,
  since: 0,
  delivery,
  quantity: REFILL,
  cancellations: 0,
  late: 0,
});
/** On the day on which the delivery is expected. */
const allocate = (steps: number, onHand: number, of: Cycle, refill: number) =>
  allocateOn(steps, onHand, of, refill, DELIVERY);

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
    "lapsed",
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

test("an order that is not known to be shipped explains no refill that comes too early for it", (t) => {
  const delivered = (state: CycleState, day: number, delivery?: number) =>
    allocateOn(1000, 0, cycle(state, delivery), REFILL, day).delivered;
  t.false(delivered("placed", DELIVERY - 4));
  t.true(delivered("placed", DELIVERY - 3));
  t.true(delivered("placed", DELIVERY + 9));
  t.true(delivered("shipped", DELIVERY - 4));
  t.true(delivered("placed", DELIVERY - 4, 0), "no day was told");
});

test("a refill of another size: what is left over is on hand, what is too much was not ordered", (t) => {
  t.deepEqual(allocate(250, 0, cycle("shipped"), REFILL), { onHand: 750, delivered: true });
  t.deepEqual(allocate(3000, 0, cycle("shipped"), REFILL), { onHand: 0, delivered: true });
});

test("100 % is within what a pack, a load cell and the noise of the sensor leave open", (t) => {
  t.true(isFull(970, { capacity: 1000, noise: 0 }));
  t.false(isFull(969, { capacity: 1000, noise: 0 }));
  t.true(isFull(1300, { capacity: 1000, noise: 0 }));
  t.true(isFull(940, { capacity: 1000, noise: 20 }));
  t.false(isFull(939, { capacity: 1000, noise: 20 }));
  // However bad a sensor, half is not full.
  t.true(isFull(850, { capacity: 1000, noise: 400 }));
  t.false(isFull(849, { capacity: 1000, noise: 400 }));
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
