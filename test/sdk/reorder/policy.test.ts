import test from "ava";
import fc from "fast-check";
import { Forecast } from "../../../sdk/forecast/index.js";
import { weekday } from "../../../sdk/ledger/index.js";
import {
  CANCELLED_DAYS,
  type Cycle,
  type CycleState,
  decide,
  isOrder,
  REJECTED_DAYS,
  RESOLUTION_DAYS,
  type Situation,
  timeOut,
} from "../../../sdk/reorder/index.js";
import type { ReorderOptions } from "../../../sdk/slot.js";

const POLICY: Required<ReorderOptions> = {
  leadDays: 7,
  reserveDays: 1,
  epsilon: 0.03,
  graceDays: 2,
  unknownClockShare: 0,
};
const DAY = 20_000;
const OPEN: readonly CycleState[] = ["intended", "accepted", "resolution", "placed", "shipped", "unknown"];
const FREE: readonly CycleState[] = ["idle", "delivered", "lapsed"];

function cycle(state: CycleState, since = DAY - 100, changes: Partial<Cycle> = {}): Cycle {
  return { number: 3, state, since, delivery: 0, quantity: 900, cancellations: 0, late: 0, ...changes };
}

/** A forecast that says so, whatever is there. */
function saying(median: number, probability: number): Situation["forecast"] {
  return {
    runOut: () => ({ low: median, median, high: median }),
    runOutProbability: () => probability,
  };
}

const shouldOrder = (at: Situation, policy: Required<ReorderOptions>) => isOrder(decide(at, policy));

/** Learned from these uses, day by day up to the day before `DAY`; 20 steps a day are expected before. */
function forecast(uses: readonly number[]): Forecast {
  const result = new Forecast({ priorRate: 20, unit: 1 });
  uses.forEach((use, index) => {
    result.learn(weekday(DAY - uses.length + index), use, 1);
  });
  return result;
}

function situation(changes: Partial<Situation> = {}): Situation {
  return {
    day: DAY,
    remaining: 0,
    onHand: 0,
    capacity: 1000,
    permission: "unknown",
    cycle: cycle("idle"),
    forecast: forecast([]),
    ...changes,
  };
}

const uses = fc.array(fc.nat(60), { maxLength: 60 });
const policy = fc.record({
  leadDays: fc.integer({ min: 7, max: 30 }),
  reserveDays: fc.nat(10),
  epsilon: fc.double({ min: 0.0001, max: 0.9999, noNaN: true }),
  graceDays: fc.constant(2),
  unknownClockShare: fc.constant(0),
});

test("while an order is under way there is no other, however empty the slot is", (t) => {
  for (const state of OPEN)
    for (const since of [DAY, DAY - 5, DAY - 1000])
      t.is(decide(situation({ cycle: cycle(state, since) }), POLICY), "cycle-open", state);
});

test("a slot without an order under way may order at once", (t) => {
  for (const state of FREE) t.is(decide(situation({ cycle: cycle(state, DAY) }), POLICY), "late");
});

test("after a first cancellation and after a rejection the device waits five days", (t) => {
  t.is(CANCELLED_DAYS, 5);
  t.is(REJECTED_DAYS, 5);
  for (const [state, cancellations] of [
    ["cancelled", 1],
    // The slot was filled meanwhile: the five days hold all the same.
    ["cancelled", 0],
    ["rejected", 0],
    ["rejected", 1],
  ] as const)
    for (const [days, waits] of [
      [0, true],
      [4, true],
      [5, false],
      [6, false],
      [400, false],
    ] as const)
      t.is(
        decide(situation({ day: DAY + days, cycle: cycle(state, DAY, { cancellations }) }), POLICY),
        waits ? `${state}-wait` : "late",
        `${days} days after`,
      );
});

test("after a second cancellation in a row nothing is ordered, for however long", (t) => {
  for (const state of ["cancelled", ...FREE] as const)
    for (const days of [0, 4, 5, 400])
      t.is(
        decide(situation({ day: DAY + days, cycle: cycle(state, DAY, { cancellations: 2 }) }), POLICY),
        "until-full",
      );
});

test("no order without a registration or a subscription, where either is known to be missing", (t) => {
  for (const state of [...OPEN, ...FREE, "cancelled"] as const)
    for (const permission of ["not-registered", "not-subscribed"] as const)
      t.is(decide(situation({ permission, cycle: cycle(state) }), POLICY), permission);
  for (const permission of ["subscribed", "unknown"] as const)
    t.is(decide(situation({ permission }), POLICY), "late");
});

test("without a calendar an order is placed only under the share of the capacity that the product has set", (t) => {
  const at = (remaining: number, unknownClockShare: number) =>
    decide(situation({ day: 0, remaining, forecast: saying(3, 1) }), { ...POLICY, unknownClockShare });
  t.is(at(0, 0), "clock-unknown");
  t.is(at(199, 0.2), "late");
  t.is(at(200, 0.2), "clock-unknown");
  t.is(decide(situation({ day: 0, forecast: saying(90, 0) }), { ...POLICY, unknownClockShare: 1 }), "late");
  t.is(
    decide(situation({ day: 0, remaining: 500, forecast: saying(90, 0) }), {
      ...POLICY,
      unknownClockShare: 1,
    }),
    "covered",
  );
});

test("late is what leaves fewer days than lead and reserve, by the median", (t) => {
  const at = (median: number, probability: number) =>
    decide(situation({ remaining: 100, forecast: saying(median, probability) }), POLICY);
  t.is(at(7, 0), "late");
  t.is(at(8, 0), "due", "the order-by day itself, however small the probability");
  t.is(at(9, 0.029), "covered");
  t.is(at(9, 0.03), "due");
  t.is(at(400, 1), "due");
});

test("an accepted order that is not placed needs somebody on the fourth day, an order that is not heard of is given up", (t) => {
  t.is(RESOLUTION_DAYS, 4);
  const first = (of: Cycle, policy = POLICY, isHeard = true, late = 0) => {
    for (let day = DAY; day < DAY + 100; day++) {
      const passed = timeOut(of, day, policy, isHeard ? day - late : 0);
      if (passed) return [day - DAY, passed];
    }
    return undefined;
  };
  t.deepEqual(first(cycle("accepted", DAY)), [4, "resolution"]);
  for (const state of ["intended", "resolution", "unknown"] as const) {
    t.deepEqual(first(cycle(state, DAY)), [10, "lapsed"]);
    t.deepEqual(first(cycle(state, DAY), { ...POLICY, leadDays: 14, graceDays: 5 }), [20, "lapsed"]);
  }
  t.deepEqual(first(cycle("accepted", DAY), POLICY, false), [4, "resolution"]);
  for (const state of ["intended", "resolution", "unknown", "placed", "shipped"] as const) {
    t.is(first(cycle(state, DAY), POLICY, false), undefined, `${state}, and the gateway is not heard`);
    t.is(first(cycle(state, DAY), POLICY, true, 6)![0], 16, `${state}, and it was heard six days ago`);
  }
  for (const state of ["placed", "shipped"] as const) {
    t.deepEqual(first(cycle(state, DAY, { delivery: DAY + 5 })), [8, "overdue"]);
    t.deepEqual(first(cycle(state, DAY)), [10, "overdue"], "no day was told");
    t.deepEqual(first(cycle(state, DAY, { delivery: 65_535 })), [63, "overdue"], "a day that cannot be");
  }
  for (const state of [...FREE, "cancelled", "rejected"] as const) t.is(first(cycle(state, DAY)), undefined);
});

test("an empty slot with nothing on hand orders, whatever the forecast says", (t) => {
  const idle = forecast(new Array(60).fill(0));
  t.true(shouldOrder(situation({ forecast: idle }), POLICY));
  t.true(shouldOrder(situation({ forecast: idle, remaining: -5 }), POLICY));
  t.false(shouldOrder(situation({ forecast: idle, remaining: 500 }), POLICY));
});

test("the order comes when running out within lead and reserve becomes too likely, not before", (t) => {
  const regular = forecast(new Array(90).fill(20));
  const within = (remaining: number, days: number) =>
    regular.runOutProbability(remaining, days, weekday(DAY));
  for (const leadDays of [7, 10])
    for (const reserveDays of [0, 1, 4]) {
      let first = 2000;
      while (
        first > 0 &&
        !shouldOrder(situation({ forecast: regular, remaining: first }), { ...POLICY, leadDays, reserveDays })
      )
        first--;
      const days = leadDays + reserveDays;
      t.true(within(first, days) >= POLICY.epsilon, `${days} days: at ${first}`);
      t.true(within(first + 1, days) < POLICY.epsilon, `${days} days: at ${first}`);
      // Sooner than the bare need of 20 a day, by less than half of it.
      t.true(first >= 20 * days && first < 1.5 * 20 * days, `${days} days: at ${first}`);
    }
});

test("a more careful product orders no later than a less careful one", (t) => {
  fc.assert(
    fc.property(uses, fc.nat(900), policy, policy, (history, remaining, a, b) => {
      const careful = {
        leadDays: Math.max(a.leadDays, b.leadDays),
        reserveDays: Math.max(a.reserveDays, b.reserveDays),
        epsilon: Math.min(a.epsilon, b.epsilon),
        graceDays: 2,
        unknownClockShare: 0,
      };
      const at = situation({ forecast: forecast(history), remaining });
      return !shouldOrder(at, a) || shouldOrder(at, careful);
    }),
  );
  t.pass();
});

test("no order comes later than the order-by day of the median, whatever the product sets", (t) => {
  let orders = 0;
  fc.assert(
    fc.property(uses, fc.integer({ min: 1, max: 900 }), policy, (history, remaining, product) => {
      const learned = forecast(history);
      const ordered = shouldOrder(situation({ forecast: learned, remaining }), product);
      const runOutDay = DAY + learned.runOut(remaining, weekday(DAY)).median;
      const orderBy = runOutDay - product.reserveDays - product.leadDays;
      if (ordered) orders++;
      return ordered || DAY < orderBy;
    }),
    { numRuns: 300 },
  );
  t.true(orders > 20 && orders < 300);
  // The median decides alone when a product is content with running out.
  const reckless = { ...POLICY, epsilon: 0.9999 };
  const learned = forecast(new Array(60).fill(20));
  t.true(learned.runOutProbability(155, 8, weekday(DAY)) < 0.9999);
  t.true(shouldOrder(situation({ forecast: learned, remaining: 155 }), reckless));
});

test("what is on hand counts as much as what is in the slot", (t) => {
  fc.assert(
    fc.property(uses, fc.nat(900), fc.nat(900), policy, (history, a, b, product) => {
      const learned = forecast(history);
      const decide = (remaining: number, onHand: number) =>
        shouldOrder(situation({ forecast: learned, remaining, onHand }), product);
      return decide(a, b) === decide(a + b, 0) && decide(a, b) === decide(0, a + b);
    }),
  );
  t.pass();
});

test("more stock never brings an order forward", (t) => {
  fc.assert(
    fc.property(uses, fc.nat(900), fc.nat(300), policy, (history, remaining, more, product) => {
      const learned = forecast(history);
      const decide = (stock: number) =>
        shouldOrder(situation({ forecast: learned, remaining: stock }), product);
      return decide(remaining) || !decide(remaining + more);
    }),
  );
  t.pass();
});

test("with a steady habit the order is placed at least seven days before the slot is empty", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(40), { minLength: 7, maxLength: 7 }).filter((week) => week.some((use) => use > 0)),
      fc.integer({ min: 400, max: 2000 }),
      (week, pack) => {
        const use = (day: number) => week[weekday(day)]!;
        const learned = new Forecast({ priorRate: 20, unit: 1 });
        for (let day = DAY - 56; day < DAY; day++) learned.learn(weekday(day), use(day), 1);
        let day = DAY;
        let remaining = pack;
        while (!shouldOrder(situation({ day, remaining, forecast: learned }), POLICY)) {
          if (remaining <= use(day)) return false;
          remaining -= use(day);
          learned.learn(weekday(day), use(day), 1);
          day++;
        }
        const ordered = day;
        while (remaining > use(day)) remaining -= use(day++);
        return ordered === DAY || day - ordered >= 7;
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});
