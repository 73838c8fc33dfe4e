import test from "ava";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../sdk/ledger/index.js";
import {
  type CycleEvent,
  type CycleState,
  Cycles,
  inboundOf,
  nextState,
} from "../../../sdk/reorder/index.js";
import { fold, loaded, saved } from "../ledger/fold.js";

const STATES: readonly CycleState[] = [
  "idle",
  "intended",
  "accepted",
  "resolution",
  "placed",
  "shipped",
  "delivered",
  "cancelled",
  "rejected",
  "unknown",
  "lapsed",
];
const EVENTS: readonly CycleEvent[] = [
  "intend",
  "accepted",
  "resolution",
  "placed",
  "shipped",
  "cancelled",
  "rejected",
  "unknown",
  "refilled",
  "overdue",
  "lapsed",
  "filled",
  "subscribed",
  "late",
  "waiting",
];

/** All there is: whatever is not here changes nothing. */
const CHANGES: readonly (readonly [CycleState, CycleEvent, CycleState])[] = [
  ["idle", "intend", "intended"],
  ["idle", "cancelled", "cancelled"],
  ["intended", "accepted", "accepted"],
  ["intended", "resolution", "resolution"],
  ["intended", "placed", "placed"],
  ["intended", "shipped", "shipped"],
  ["intended", "cancelled", "cancelled"],
  ["intended", "rejected", "rejected"],
  ["intended", "unknown", "unknown"],
  ["intended", "lapsed", "lapsed"],
  ["intended", "waiting", "intended"],
  ["accepted", "resolution", "resolution"],
  ["accepted", "placed", "placed"],
  ["accepted", "shipped", "shipped"],
  ["accepted", "cancelled", "cancelled"],
  ["accepted", "rejected", "rejected"],
  ["accepted", "unknown", "unknown"],
  ["resolution", "placed", "placed"],
  ["resolution", "shipped", "shipped"],
  ["resolution", "cancelled", "cancelled"],
  ["resolution", "rejected", "rejected"],
  ["resolution", "unknown", "unknown"],
  ["resolution", "lapsed", "lapsed"],
  ["placed", "shipped", "shipped"],
  ["placed", "refilled", "idle"],
  ["placed", "overdue", "delivered"],
  ["placed", "cancelled", "cancelled"],
  ["placed", "rejected", "rejected"],
  ["shipped", "refilled", "idle"],
  ["shipped", "overdue", "delivered"],
  ["delivered", "intend", "intended"],
  ["delivered", "refilled", "idle"],
  ["delivered", "cancelled", "cancelled"],
  ["cancelled", "intend", "intended"],
  ["rejected", "intend", "intended"],
  ["rejected", "subscribed", "idle"],
  ["unknown", "accepted", "accepted"],
  ["unknown", "resolution", "resolution"],
  ["unknown", "placed", "placed"],
  ["unknown", "shipped", "shipped"],
  ["unknown", "cancelled", "cancelled"],
  ["unknown", "rejected", "rejected"],
  ["unknown", "lapsed", "lapsed"],
  ["lapsed", "intend", "intended"],
  ["lapsed", "accepted", "accepted"],
  ["lapsed", "resolution", "resolution"],
  ["lapsed", "placed", "placed"],
  ["lapsed", "shipped", "shipped"],
  ["lapsed", "cancelled", "cancelled"],
  ["lapsed", "rejected", "rejected"],
];

/** How far an order has come. `resolution` is waiting between `accepted` and `placed`; `unknown` and `lapsed` say nothing. */
const STAGE: { readonly [state in CycleState]: number | undefined } = {
  idle: 6,
  intended: 1,
  accepted: 2,
  resolution: 2,
  placed: 3,
  shipped: 4,
  delivered: 5,
  cancelled: 6,
  rejected: 6,
  unknown: undefined,
  lapsed: undefined,
};
/** No order is under way. */
const CLOSED: readonly CycleState[] = ["idle", "delivered", "cancelled", "rejected", "lapsed"];

test("each state changes on the events it lists and on no others", (t) => {
  for (const state of STATES)
    for (const event of EVENTS) {
      const change = CHANGES.find(([from, on]) => from === state && on === event);
      t.is(nextState(state, event), change?.[2], `${state} on ${event}`);
    }
});

test("an event that comes twice does what it did the first time", (t) => {
  for (const [, event, to] of CHANGES)
    t.is(nextState(to, event), event === "waiting" ? to : undefined, `${event} again in ${to}`);
});

test("an order is open in at most one cycle, never moves backwards, and its number only rises", (t) => {
  const step = fc.record({
    slot: fc.nat(1),
    event: fc.constantFrom(...EVENTS),
    value: fc.nat(30_000),
    repeats: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const cycles = new Cycles(2);
      let stage = [0, 0];
      steps.forEach(({ slot, event, value, repeats }, day) => {
        for (let i = 0; i < repeats; i++) {
          const before = cycles.of(slot);
          const other = cycles.of(1 - slot);
          fold(cycles, [cycles.event(slot, event, day, value)]);
          const after = cycles.of(slot);
          if (cycles.of(1 - slot) !== other) throw new Error("another slot has changed");
          if (after === before) continue;
          if (event === "waiting") {
            t.deepEqual([before.state, after], ["intended", { ...before, since: day }]);
            continue;
          }
          // Said beside the state: it changes counts and no more.
          if (after.state === before.state) {
            if (!["filled", "subscribed", "late"].includes(event)) throw new Error("nothing has changed");
            const { cancellations, late } = after;
            t.deepEqual(after, { ...before, cancellations, late });
            continue;
          }
          if (i > 0) throw new Error("a repeated event changed something");
          if (after.since !== day) throw new Error("the day of the change is wrong");
          if (after.number !== before.number) {
            if (after.number !== before.number + 1) throw new Error("the number jumped");
            if (!CLOSED.includes(before.state)) throw new Error("a second cycle was opened");
            if (after.state !== "intended" || after.quantity !== value || after.delivery !== 0)
              throw new Error("the new cycle is not new");
            stage = stage.with(slot, 0);
          } else if (after.quantity !== before.quantity) throw new Error("the quantity changed");
          const reached = STAGE[after.state];
          if (reached === undefined) {
            if (stage[slot]! >= 3) throw new Error(`an order that was placed became ${after.state}`);
            continue;
          }
          if (reached < stage[slot]!) throw new Error(`backwards: ${before.state} to ${after.state}`);
          stage = stage.with(slot, reached);
        }
      });
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test("the usual life of an order", (t) => {
  const cycles = new Cycles(1);
  t.deepEqual(cycles.of(0), {
    ...{ number: 0, state: "idle", since: 0, delivery: 0, quantity: 0 },
    ...{ cancellations: 0, late: 0 },
  });
  const seen: unknown[] = [];
  const on = (event: CycleEvent, day: number, value?: number) => {
    fold(cycles, [cycles.event(0, event, day, value)]);
    const { number, state, since, delivery, quantity } = cycles.of(0);
    seen.push([number, state, since, delivery, quantity]);
  };
  on("intend", 100, 900);
  on("accepted", 101);
  on("resolution", 102);
  on("placed", 103, 110);
  on("shipped", 105, 109);
  on("refilled", 109);
  on("intend", 130, 900);
  on("placed", 131, 140);
  on("overdue", 143);
  on("refilled", 150);
  t.deepEqual(seen, [
    [1, "intended", 100, 0, 900],
    [1, "accepted", 101, 0, 900],
    [1, "resolution", 102, 0, 900],
    [1, "placed", 103, 110, 900],
    [1, "shipped", 105, 109, 900],
    [1, "idle", 109, 109, 900],
    [2, "intended", 130, 0, 900],
    [2, "placed", 131, 140, 900],
    [2, "delivered", 143, 140, 900],
    [2, "idle", 150, 140, 900],
  ]);
});

test("a shipment that names no day keeps the one that the order was placed with", (t) => {
  const cycles = new Cycles(1);
  fold(cycles, [
    cycles.event(0, "intend", 1, 10),
    cycles.event(0, "placed", 2, 9),
    cycles.event(0, "shipped", 3),
  ]);
  t.is(cycles.of(0).delivery, 9);
});

test("an order that nothing was heard of, or that was given up, goes on wherever it is heard of next", (t) => {
  for (const heard of ["accepted", "resolution", "placed", "shipped", "cancelled", "rejected"] as const) {
    const given = new Cycles(1);
    fold(given, [given.event(0, "intend", 1, 10), given.event(0, "lapsed", 12), given.event(0, heard, 13)]);
    t.deepEqual([given.of(0).state, given.of(0).number], [heard, 1]);
    const cycles = new Cycles(1);
    fold(cycles, [cycles.event(0, "intend", 1, 10), cycles.event(0, "unknown", 2)]);
    t.is(cycles.of(0).state, "unknown");
    fold(cycles, [cycles.event(0, "intend", 3, 10), cycles.event(0, "refilled", 4)]);
    t.is(cycles.of(0).state, "unknown");
    fold(cycles, [cycles.event(0, heard, 5)]);
    t.deepEqual([cycles.of(0).state, cycles.of(0).number], [heard, 1]);
  }
});

test("a placed order stays placed when it is told to be unknown, so that it can be delivered", (t) => {
  const cycles = new Cycles(1);
  fold(cycles, [
    cycles.event(0, "intend", 1, 10),
    cycles.event(0, "placed", 2, 9),
    cycles.event(0, "unknown", 3),
    cycles.event(0, "accepted", 4),
  ]);
  t.deepEqual([cycles.of(0).state, cycles.of(0).since, cycles.of(0).delivery], ["placed", 2, 9]);
  fold(cycles, [
    cycles.event(0, "shipped", 5),
    cycles.event(0, "unknown", 6),
    cycles.event(0, "overdue", 12),
  ]);
  t.is(cycles.of(0).state, "delivered");
});

test("the state of all slots survives a checkpoint, from whatever state", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ slot: fc.nat(2), event: fc.constantFrom(...EVENTS), value: fc.nat(70_000) })),
      (steps) => {
        const cycles = new Cycles(3);
        steps.forEach(({ slot, event, value }, day) => {
          fold(cycles, [cycles.event(slot, event, day, value)]);
        });
        const again = loaded(new Cycles(3), cycles);
        t.deepEqual(saved(again), saved(cycles));
        for (let slot = 0; slot < 3; slot++) t.deepEqual(again.of(slot), cycles.of(slot));
      },
    ),
  );
});

test("a firmware that adds a slot starts it idle, one that drops a slot passes over its orders", (t) => {
  const cycles = new Cycles(2);
  fold(cycles, [cycles.event(0, "intend", 5, 10), cycles.event(1, "intend", 6, 20)]);
  const more = loaded(new Cycles(3), cycles);
  t.deepEqual([more.of(0), more.of(1)], [cycles.of(0), cycles.of(1)]);
  t.is(more.of(2).state, "idle");
  const fewer = loaded(new Cycles(1), cycles);
  t.true(fold(fewer, [cycles.event(1, "accepted", 7), cycles.event(0, "accepted", 7)]));
  t.is(fewer.of(0).state, "accepted");
});

test("the numbers of a slot that a firmware drops go on when a later one has it again", (t) => {
  const two = new Cycles(2);
  fold(two, [two.event(1, "intend", 5, 10), two.event(1, "cancelled", 6)]);
  const again = loaded(new Cycles(2), loaded(new Cycles(1), two));
  t.like(again.of(1), { number: 1, state: "cancelled", cancellations: 1 });
  // Recorded since the checkpoint, which knew of one slot.
  const one = new Cycles(1);
  fold(one, [one.event(1, "intend", 5, 10), one.renumber(20_000), one.redate(5, 6)]);
  t.like(loaded(new Cycles(2), one).of(1), { number: 20_000, state: "idle", since: 6 });
  const gap = new Cycles(1);
  fold(gap, [gap.event(2, "intend", 5, 10)]);
  t.deepEqual(
    [0, 1, 2].map((slot) => loaded(new Cycles(3), gap).of(slot).number),
    [0, 0, 1],
  );
});

test("an event that a newer firmware recorded changes nothing", (t) => {
  const cycles = new Cycles(1);
  fold(cycles, [cycles.event(0, "intend", 5, 10)]);
  const newer = {
    kind: 8,
    write: (to: { byte(value: number): void; count(value: number): void }) => {
      to.byte(0);
      to.byte(EVENTS.length);
      to.count(6);
      to.count(0);
    },
  };
  t.true(fold(cycles, [newer]));
  t.is(cycles.of(0).state, "intended");
  t.false(fold(cycles, [{ ...newer, kind: 3 }]));
});

test("cycles that are numbered anew go on above, and an order that was not acknowledged is forgotten", (t) => {
  const cycles = new Cycles(3);
  const events = (slot: number, ...names: CycleEvent[]) =>
    names.map((name) => cycles.event(slot, name, 5, 10));
  fold(cycles, [...events(0, "intend"), ...events(1, "intend", "accepted")]);
  fold(cycles, [cycles.renumber(20_000)]);
  t.deepEqual(
    [0, 1, 2].map((slot) => [cycles.of(slot).number, cycles.of(slot).state]),
    [
      [20_000, "idle"],
      [20_000, "accepted"],
      [20_000, "idle"],
    ],
  );
  fold(cycles, [cycles.renumber(7), ...events(0, "intend")]);
  t.is(cycles.of(0).number, 20_001);
});

test("what happened when no day was known counts from the first calendar day", (t) => {
  const cycles = new Cycles(3);
  fold(cycles, [cycles.event(1, "intend", 0, 900), cycles.redate(20_000, 20_000)]);
  t.deepEqual(
    [0, 1, 2].map((slot) => cycles.of(slot).since),
    [0, 20_000, 0],
  );
  t.like(cycles.of(1), { number: 1, state: "intended", quantity: 900 });
});

test("what a wrong clock has dated moves with the day that is re-dated, deliveries of the service do not", (t) => {
  const cycles = new Cycles(2);
  fold(cycles, [
    ...[cycles.event(0, "intend", 19_990, 900), cycles.event(0, "rejected", 19_991)],
    ...[cycles.event(1, "intend", 23_650, 900), cycles.event(1, "placed", 23_651, 20_008)],
    cycles.redate(23_653, 20_003),
  ]);
  t.is(cycles.of(0).since, 19_991);
  t.like(cycles.of(1), { since: 20_001, delivery: 20_008 });
  fold(cycles, [cycles.redate(20_003, 20_103)]);
  t.deepEqual([cycles.of(0).since, cycles.of(1).since], [20_091, 20_101]);
});

test("cancellations are counted in a row: a delivery, a full slot and a new subscription begin anew", (t) => {
  const cycles = new Cycles(1);
  const on = (...events: CycleEvent[]) => {
    fold(
      cycles,
      events.map((event) => cycles.event(0, event, 9, 10)),
    );
    return cycles.of(0).cancellations;
  };
  t.is(on("intend", "cancelled"), 1);
  t.is(on("cancelled"), 1, "heard twice");
  t.is(on("intend", "rejected", "intend", "unknown", "lapsed", "intend", "accepted"), 1, "not delivered");
  t.is(on("cancelled"), 2);
  t.is(on("intend", "cancelled"), 2, "no further");
  t.is(on("filled"), 0);
  t.is(cycles.of(0).state, "cancelled", "the five days hold");
  t.is(on("intend", "cancelled"), 1);
  t.is(on("subscribed"), 0);
  t.is(on("intend", "cancelled", "intend", "placed", "refilled"), 0);
  t.is(on("intend", "cancelled", "intend", "shipped"), 1);
  t.is(on("overdue"), 0);
});

test("a new subscription ends the wait after a rejection, not that after a cancellation", (t) => {
  for (const [failure, state] of [
    ["rejected", "idle"],
    ["cancelled", "cancelled"],
  ] as const) {
    const cycles = new Cycles(1);
    fold(cycles, [
      cycles.event(0, "intend", 5, 10),
      cycles.event(0, failure, 6),
      cycles.event(0, "subscribed", 7),
    ]);
    t.is(cycles.of(0).state, state);
    t.is(cycles.of(0).since, state === "idle" ? 7 : 6);
  }
});

test("late orders are counted for the life of the device", (t) => {
  const cycles = new Cycles(1);
  const order = (isLate: boolean) =>
    fold(cycles, [
      ...cycles.intend(0, 5, 10, isLate),
      cycles.event(0, "shipped", 6),
      cycles.event(0, "refilled", 7),
    ]);
  order(true);
  order(false);
  order(true);
  fold(cycles, [cycles.renumber(20_000), cycles.redate(20, 30)]);
  t.is(cycles.of(0).late, 2);
  t.is(loaded(new Cycles(1), cycles).of(0).late, 2);
});

test("a checkpoint of earlier firmware has no counts: they begin at 0", (t) => {
  const cycles = new Cycles(2);
  const earlier = new ByteWriter();
  earlier.count(3);
  for (const slot of [0, 1, 2]) {
    earlier.count(7 + slot);
    earlier.byte(STATES.indexOf("cancelled"));
    earlier.count(20_000);
    earlier.count(20_009);
    earlier.count(900);
  }
  cycles.load(new ByteReader(earlier.view()));
  for (const slot of [0, 1])
    t.deepEqual(cycles.of(slot), {
      ...{ number: 7 + slot, state: "cancelled", since: 20_000, delivery: 20_009, quantity: 900 },
      ...{ cancellations: 0, late: 0 },
    });
});

test("what is bought and has not come is inbound", (t) => {
  for (const state of STATES) {
    const inbound = inboundOf({
      ...{ number: 1, state, since: 1, delivery: 0, quantity: 900, cancellations: 0, late: 0 },
    });
    t.is(inbound, state === "placed" || state === "shipped" ? 900 : 0, state);
  }
});
