import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { Clock } from "../../../sdk/clock/clock.js";
import {
  Codec,
  Cycles,
  EverfullError,
  Ledger,
  Mailbox,
  ORDER_STATES,
  type OrderState,
  type Part,
  Registration,
  type SlotOptions,
  Stock,
} from "../../../sdk/index.js";
import { checkedSlots } from "../../../sdk/slot.js";
import { fnv1a } from "../../../sdk/uplink/spread.js";
import { DAY, FIRST, HOUR, MINUTE, PAPER, SERIAL, SOAP, START, type Tear, World } from "../world.js";

/** When the device meets the gateway, within a day. */
const VISIT = (fnv1a(SERIAL) % 1440) * MINUTE;
/** Soap for so few days that it is ordered on the first occasion. */
const LOW: SlotOptions = { ...SOAP, opening: 100 };

function end(t: ExecutionContext, world: World): void {
  t.deepEqual(world.violations, []);
  t.deepEqual(world.gateway.problems, []);
}

/** On day 1, a minute past midnight: soap is ordered, and the gateway knows. */
function ordered(slots: readonly SlotOptions[] = [LOW]): World {
  const world = new World(slots).start();
  world.advanceTo(1, MINUTE);
  return world;
}

/** What has become of the newest order is told, on the present day. */
function told(world: World, state: OrderState, delivery?: number): void {
  const { cycle } = world.device.slot("soap");
  world.gateway.order(state, cycle, delivery === undefined ? 0 : FIRST + delivery);
  const day = Math.floor((world.clock.now - START) / DAY);
  // The offset of these is 0: the visit of the day, unless it is over; then the next one.
  world.advanceTo(world.clock.now < START + day * DAY + VISIT ? day : day + 1, VISIT + MINUTE);
}

/** Days of all orders, the start being day 0. */
function orderDays(world: World): number[] {
  return world.events.flatMap((event) => (event.kind === "intended" ? [event.day - FIRST] : []));
}

/** The product is given time to order; it does not before `day`, and then it does. */
function ordersNextOn(t: ExecutionContext, world: World, day: number): void {
  const orders = orderDays(world).length;
  world.advanceTo(day, -MINUTE);
  t.is(orderDays(world).length, orders, `not before day ${day}`);
  world.advanceTo(day, MINUTE);
  t.is(orderDays(world).at(-1), day);
  t.is(orderDays(world).length, orders + 1);
}

test("five days after a cancellation comes the next order; after a second in a row, none before the slot is full", (t) => {
  const world = ordered();
  told(world, "cancelled");
  t.like(world.device.slot("soap"), { cancellations: 1, decision: "cancelled-wait" });
  world.restart();
  t.like(world.device.slot("soap"), { cancellations: 1, decision: "cancelled-wait" });
  ordersNextOn(t, world, 6);
  told(world, "accepted");
  told(world, "cancelled");
  const since = Math.floor((world.clock.now - START) / DAY);
  t.is(since, 7);
  t.like(world.device.slot("soap"), { cancellations: 2, decision: "until-full" });
  world.advanceTo(60);
  world.restart();
  world.device.consume("soap", 100);
  world.device.refill("soap", 969);
  t.like(world.device.slot("soap"), { remaining: 969, cancellations: 2, decision: "until-full" });
  world.device.consume("soap", 200);
  world.advanceTo(61);
  world.device.refill("soap", 201);
  t.like(world.device.slot("soap"), { remaining: 970, cancellations: 0, decision: "covered" });
  world.device.consume("soap", 970);
  ordersNextOn(t, world, 62);
  end(t, world);
});

test("what was used before a refill and is not committed yet counts when a slot is full or not", (t) => {
  const world = ordered();
  told(world, "cancelled");
  const { device } = world;
  device.consume("soap", 9);
  t.is(device.account("soap").consumed, 0);
  device.refill("soap", 878);
  t.like(device.slot("soap"), { remaining: 969, cancellations: 1 });
  end(t, world);
});

test("a slot that is filled within five days of a cancellation waits for the rest of them, and counts anew", (t) => {
  const world = ordered();
  told(world, "cancelled");
  world.device.refill("soap", 1000);
  t.like(world.device.slot("soap"), { cancellations: 0, decision: "cancelled-wait" });
  world.device.consume("soap", 1090);
  ordersNextOn(t, world, 6);
  told(world, "cancelled");
  t.is(world.device.slot("soap").cancellations, 1);
  ordersNextOn(t, world, 11);
  end(t, world);
});

for (const [what, ends] of [
  [
    "a delivery that the sensor sees",
    (world: World) => {
      told(world, "shipped", 8);
      world.device.refill("soap", 1000);
      world.device.consume("soap", 1000);
    },
  ],
  ["a delivery that is booked", (world: World) => told(world, "shipped", 8)],
] as const)
  test(`${what} ends a row of cancellations`, (t) => {
    const world = ordered([{ ...LOW, refill: 100 }]);
    told(world, "cancelled");
    ordersNextOn(t, world, 6);
    ends(world);
    // What was booked is too little to last.
    world.advanceTo(12, MINUTE);
    t.like(world.device.slot("soap"), { cycle: 3, cancellations: 0 });
    told(world, "cancelled");
    t.is(world.device.slot("soap").cancellations, 1);
    end(t, world);
  });

test("a new subscription ends a row of cancellations, but not the five days", (t) => {
  const world = ordered();
  const { device } = world;
  t.true(device.setRegistration("registered", ["soap"]));
  told(world, "cancelled");
  ordersNextOn(t, world, 6);
  told(world, "cancelled");
  world.advanceTo(8);
  t.true(device.setRegistration("registered"));
  t.like(device.slot("soap"), { cancellations: 2, decision: "not-subscribed" });
  t.true(device.setRegistration("registered", ["soap"]));
  t.like(device.slot("soap"), { cancellations: 0, decision: "cancelled-wait" });
  // Said again it is no new one.
  ordersNextOn(t, world, 11);
  told(world, "cancelled");
  t.true(device.setRegistration("registered", ["soap"]));
  t.is(device.slot("soap").cancellations, 1);
  end(t, world);
});

test("an accepted order that is not placed needs somebody on the fourth day, and is given up after lead and grace", (t) => {
  const world = ordered();
  told(world, "accepted");
  world.advanceTo(5, -MINUTE);
  t.is(world.device.slot("soap").state, "accepted");
  world.advanceTo(5, MINUTE);
  t.is(world.device.slot("soap").state, "resolution");
  t.deepEqual(world.events.at(-1), { kind: "order", slot: "soap", cycle: 1, state: "resolution", day: 0 });
  world.advanceTo(15, -MINUTE);
  t.like(world.device.slot("soap"), { state: "resolution", decision: "cycle-open" });
  world.advanceTo(15, MINUTE);
  t.deepEqual(
    world.events.slice(-2).map((event) => ({ ...event, late: undefined })),
    [
      { kind: "order", slot: "soap", cycle: 1, state: "lapsed", day: 0, late: undefined },
      { kind: "intended", slot: "soap", cycle: 2, day: FIRST + 15, late: undefined },
    ],
  );
  // What is still heard of the first is not news of the second.
  world.gateway.order("placed", 1, FIRST + 20);
  world.advanceTo(16);
  t.like(world.device.slot("soap"), { cycle: 2, state: "intended" });
  end(t, world);
});

test("an order that is placed in the end is not given up", (t) => {
  const world = ordered();
  told(world, "accepted");
  world.advanceTo(14);
  told(world, "placed", 20);
  t.like(world.device.slot("soap"), { state: "placed", inbound: 1000, cycle: 1 });
  world.advanceTo(22);
  t.is(world.gateway.intents.length, 1);
  end(t, world);
});

test("an order of which nobody knows is given up after lead and grace, and goes on if it is heard of after all", (t) => {
  // With enough on hand, nothing is ordered in its place.
  const world = ordered();
  told(world, "unknown");
  world.device.refill("soap", 900);
  world.advanceTo(11, -MINUTE);
  t.is(world.device.slot("soap").state, "unknown");
  world.advanceTo(11, MINUTE);
  t.like(world.device.slot("soap"), { state: "lapsed", decision: "covered" });
  told(world, "placed", 14);
  t.like(world.device.slot("soap"), { state: "placed", decision: "cycle-open" });
  world.device.consume("soap", 1000);
  world.advanceTo(14);
  t.is(world.gateway.intents.length, 1);
  end(t, world);
});

test("an order that the gateway has not acknowledged is not given up, however long it takes", (t) => {
  const world = new World([LOW]).start();
  world.mood = "silent";
  world.advanceTo(40);
  t.like(world.device.slot("soap"), { state: "intended", cycle: 1 });
  world.mood = "up";
  world.advanceTo(40, 2 * HOUR);
  t.deepEqual(
    world.gateway.intents.map(({ cycle }) => cycle),
    [1],
  );
  end(t, world);
});

for (const [state, delivery] of [
  ["accepted", undefined],
  ["unknown", undefined],
  ["placed", 8],
] as const)
  test(`what is ${state} stays under way while the gateway cannot be heard, which may have other news`, (t) => {
    const world = ordered();
    told(world, state, delivery);
    world.mood = "silent";
    world.gateway.order("cancelled");
    world.advanceTo(25);
    // Only that nothing was heard for so long is known without it.
    const still = state === "accepted" ? "resolution" : state;
    t.like(world.device.slot("soap"), { cycle: 1, state: still, decision: "cycle-open", onHand: 0 });
    world.mood = "up";
    world.advanceTo(25, 2 * HOUR);
    t.like(world.device.slot("soap"), { cycle: 1, cancellations: 1, decision: "cancelled-wait" });
    ordersNextOn(t, world, 30);
    end(t, world);
  });

test("a device that was off for weeks hears the news before it draws conclusions", (t) => {
  const world = ordered();
  told(world, "placed", 8);
  world.cutPower();
  world.gateway.order("cancelled");
  world.advanceTo(25);
  world.start();
  t.like(world.device.slot("soap"), { state: "placed", onHand: 0 });
  world.advanceTo(25, MINUTE);
  t.like(world.device.slot("soap"), { state: "cancelled", cancellations: 1, onHand: 0 });
  end(t, world);
});

for (const [state, delivery, becomes] of [
  ["accepted", undefined, "resolution"],
  ["placed", 8, "delivered"],
] as const)
  test(`what is ${state} is ${becomes} in time for a device that is switched on for an hour a week`, (t) => {
    const world = ordered();
    told(world, state, delivery);
    const states = [];
    for (let day = 7; day <= 35; day += 7) {
      world.cutPower();
      world.advanceTo(day, VISIT - MINUTE);
      world.start();
      states.push(`${world.device.slot("soap").cycle} ${world.device.slot("soap").state}`);
      world.advance(HOUR);
    }
    // Heard of on day 14, after the delivery day; and no more from then on.
    t.deepEqual(
      states,
      state === "placed"
        ? ["1 placed", "1 placed", "1 delivered", "1 delivered", "1 delivered"]
        : ["1 resolution", "1 resolution", "1 resolution", "2 intended", "2 intended"],
    );
    end(t, world);
  });

test("an order that nobody has heard of is given up on the day after the gateway is heard again", (t) => {
  const world = ordered();
  told(world, "accepted");
  world.mood = "silent";
  world.advanceTo(25);
  world.mood = "up";
  ordersNextOn(t, world, 26);
  end(t, world);
});

test("an order that has waited in the outbox is given up lead and grace after it has left", (t) => {
  const world = new World([LOW]).start();
  world.mood = "silent";
  world.advanceTo(13);
  world.restart();
  world.mood = "up";
  world.advanceTo(13, 2 * HOUR);
  t.deepEqual(
    world.gateway.intents.map(({ cycle }) => cycle),
    [1],
  );
  ordersNextOn(t, world, 23);
  t.is(world.device.slot("soap").cycle, 2);
  end(t, world);
});

test("an order that the gateway has forgotten is given up", (t) => {
  const world = ordered();
  ordersNextOn(t, world, 11);
  t.is(world.device.slot("soap").cycle, 2);
  end(t, world);
});

test("what is known not to be subscribed is not ordered; what was never told may be", (t) => {
  const slots = [LOW, { ...PAPER, opening: 0 }];
  const world = new World(slots).start();
  t.is(world.device.registration, "new");
  t.is(world.device.slot("soap").decision, world.device.slot("paper").decision);
  t.true(world.device.setRegistration("registered", ["paper"]));
  world.restart();
  t.is(world.device.registration, "registered");
  world.advanceTo(3);
  t.deepEqual(
    world.gateway.intents.map(({ slot }) => slot),
    [1],
  );
  t.is(world.device.slot("soap").decision, "not-subscribed");
  t.true(world.device.setRegistration("deregistered"));
  t.is(world.device.slot("soap").decision, "not-registered");
  world.advanceTo(6);
  t.is(world.gateway.intents.length, 1);
  t.true(world.device.setRegistration("registered", ["soap"]));
  ordersNextOn(t, world, 7);
  t.is(world.device.slot("paper").decision, "not-subscribed");
  end(t, world);
});

test("a cancellation of what was placed is told apart from one of what never was, also when both came together", (t) => {
  const unplaced = (...states: readonly OrderState[]) => {
    const world = ordered();
    for (const state of states) world.gateway.order(state);
    world.advance(DAY);
    const event = world.events.find((each) => each.kind === "order" && each.state === "cancelled");
    end(t, world);
    return event?.kind === "order" && event.unplaced;
  };
  for (const states of [[], ["accepted"], ["accepted", "resolution"], ["unknown"]] as const)
    t.true(unplaced(...states, "cancelled"), `${states}`);
  for (const states of [["placed"], ["resolution", "placed"], ["accepted", "placed"]] as const)
    t.is(unplaced(...states, "cancelled"), undefined, `${states}`);
});

test("a rejected slot orders as soon as it is subscribed", (t) => {
  const world = ordered();
  told(world, "rejected");
  t.is(world.device.slot("soap").decision, "rejected-wait");
  t.true(world.device.setRegistration("registered", ["soap"]));
  ordersNextOn(t, world, 2);
  end(t, world);
});

for (const restarts of [false, true])
  test(`deregistration takes back what the gateway has not acknowledged${restarts ? ", over restarts" : ""}, and stops nothing else`, (t) => {
    const world = new World([LOW, { ...PAPER, opening: 0 }]).start();
    t.true(world.device.setRegistration("registered", ["soap", "paper"]));
    world.mood = "silent";
    world.advanceTo(1, MINUTE);
    t.is(world.device.slot("soap").state, "intended");
    t.true(world.device.setRegistration("registered", ["paper"]));
    t.deepEqual(world.events.at(-1), { kind: "order", slot: "soap", cycle: 1, state: "lapsed", day: 0 });
    t.is(world.device.slot("paper").state, "intended");
    t.true(world.device.setRegistration("deregistered"));
    t.like(world.device.slot("soap"), { state: "lapsed", decision: "not-registered" });
    t.like(world.device.slot("paper"), { state: "lapsed", decision: "not-registered" });
    if (restarts) world.restart();
    world.mood = "up";
    world.advanceTo(9, MINUTE);
    t.deepEqual(world.gateway.intents, []);
    t.true(world.gateway.statuses.length >= 14, "the gateway hears of it all the same");
    t.true(world.device.setRegistration("registered", ["soap"]));
    ordersNextOn(t, world, 10);
    t.deepEqual(
      world.gateway.intents.map(({ slot, cycle }) => [slot, cycle]),
      [[0, 2]],
    );
    end(t, world);
  });

test("a registration that is begun anew takes nothing back", (t) => {
  const world = new World([LOW]).start();
  t.true(world.device.setRegistration("registered", ["soap"]));
  world.mood = "silent";
  world.advanceTo(1, MINUTE);
  t.true(world.device.setRegistration("new"));
  t.like(world.device.slot("soap"), { state: "intended", decision: "cycle-open" });
  world.mood = "up";
  world.advanceTo(2);
  t.is(world.gateway.intents.length, 1);
  end(t, world);
});

test("an order that was taken back after it had left goes on when it is heard of, and no other begins meanwhile", (t) => {
  const world = new World([LOW]).start();
  t.true(world.device.setRegistration("registered", ["soap"]));
  world.gateway.answer = () => undefined;
  world.advanceTo(1, MINUTE);
  t.is(world.gateway.intents.length, 1);
  t.true(world.device.setRegistration("deregistered"));
  t.is(world.device.slot("soap").state, "lapsed");
  world.gateway.order("placed", 1, FIRST + 9);
  world.gateway.answer = (same) => same;
  world.advanceTo(1, 2 * HOUR);
  t.like(world.device.slot("soap"), { state: "placed", inbound: 1000, decision: "not-registered" });
  t.true(world.device.setRegistration("registered", ["soap"]));
  t.is(world.device.slot("soap").decision, "cycle-open");
  world.advanceTo(9);
  t.is(world.gateway.intents.length, 1);
  end(t, world);
});

test("an order that the gateway has goes on after a deregistration", (t) => {
  const world = ordered();
  t.true(world.device.setRegistration("deregistered"));
  t.is(world.device.slot("soap").state, "intended");
  told(world, "shipped", 3);
  world.device.refill("soap", 1000);
  t.like(world.device.slot("soap"), { state: "idle", remaining: 1100 });
  end(t, world);
});

test("power that is cut in a deregistration leaves all of it or nothing", (t) => {
  const seen = new Set<string>();
  for (let filler = 0; filler < 12; filler++)
    for (const tear of ["before", "halfway", "after"] as const satisfies Tear[])
      for (let operation = 1; ; operation++) {
        const world = new World([LOW, PAPER], new NorFlash({ blockLength: 1280, blocks: 3 })).start();
        t.true(world.device.setRegistration("registered", ["soap"]));
        world.mood = "silent";
        world.advanceTo(1, MINUTE);
        for (let i = 0; i < filler; i++) world.device.refill("paper", 1);
        world.flash.cutAt(operation, tear);
        try {
          world.device.setRegistration("deregistered");
        } catch (error) {
          if (!world.flash.isCut) throw error;
        }
        const { isCut } = world.flash;
        world.restart();
        const { registration, figures } = world.device;
        const { state } = world.device.slot("soap");
        // Two statuses, the health record and the poll of the start, and the intent or not.
        seen.add(`${registration}, ${state}, ${figures.queued} queued`);
        if (!isCut) break;
      }
  t.deepEqual([...seen].sort(), ["deregistered, lapsed, 4 queued", "registered, intended, 5 queued"]);
});

test("a registration that the store refuses, or that is none, changes nothing", (t) => {
  const world = ordered();
  // The last four are for the customer to answer.
  for (const state of ["sold", "offered", "authorized", "declined", "abandoned"])
    t.throws(() => world.device.setRegistration(state as "new"), {
      instanceOf: EverfullError,
      code: "argument",
      message: new RegExp(`^setRegistration: one of new, registered, deregistered is .* \\(got ${state}\\)$`),
    });
  t.throws(() => world.device.setRegistration("deregistered", ["soap"]), { code: "argument" });
  t.throws(() => world.device.setRegistration("registered", ["tea"]), { code: "argument" });
  world.flash.refuses.add("write");
  world.flash.refuses.add("erase");
  t.false(world.device.setRegistration("deregistered"));
  t.is(world.device.registration, "new");
  world.device.close();
  t.throws(() => world.device.setRegistration("new"), { code: "closed" });
});

test("an order after the order-by day is late: the event says so, and the slot counts it for good", (t) => {
  const world = ordered();
  t.like(world.events.at(-1), { kind: "intended", late: true });
  t.is(world.device.slot("soap").lateOrders, 1);
  told(world, "shipped", 4);
  world.device.refill("soap", 1000);
  world.restart();
  let day = 2;
  while (world.device.slot("soap").cycle === 1) {
    world.device.consume("soap", 30);
    world.advanceTo(++day, MINUTE);
  }
  t.like(world.events.at(-1), { kind: "intended", cycle: 2, late: false });
  t.is(world.device.slot("soap").lateOrders, 1);
  end(t, world);
});

test("an order of a device that was never told the time is late or not as any other", (t) => {
  const seen = new Set<string>();
  for (let opening = 100; opening <= 400; opening += 20) {
    const world = new World([{ ...SOAP, opening, policy: { unknownClockShare: 1 } }]);
    world.wallClock = undefined;
    world.mood = "silent";
    world.start();
    world.advance(DAY - MINUTE);
    world.device.consume("soap", 30);
    world.advance(2 * MINUTE);
    const order = world.events.at(-1);
    const { decision, lateOrders, runOut } = world.device.slot("soap");
    if (order?.kind !== "intended") {
      t.is(decision, "covered");
      continue;
    }
    t.like(order, { day: 0, late: runOut.median < 8 });
    t.is(lateOrders, order.late ? 1 : 0);
    seen.add(`${order.late}`);
    end(t, world);
  }
  t.deepEqual([...seen], ["true", "false"]);
});

test("what the customer buys elsewhere while an order is under way does not lose the order", (t) => {
  for (const state of ["accepted", "resolution", "unknown", "placed"] as const) {
    const world = ordered();
    told(world, state, state === "placed" ? 9 : undefined);
    world.device.refill("soap", 900);
    t.like(world.device.slot("soap"), { state, remaining: 1000, onHand: 0 }, state);
    told(world, "shipped", 9);
    world.advanceTo(9);
    // The parcel is put in when there is room.
    world.device.consume("soap", 800);
    world.device.refill("soap", 1000);
    t.like(world.device.slot("soap"), { state: "idle", remaining: 1200, onHand: 0, cycle: 1 }, state);
    end(t, world);
  }
});

test("a delivery that nobody has put in, because the slot was full of what was bought elsewhere, is on hand", (t) => {
  const world = ordered();
  told(world, "placed", 9);
  world.device.refill("soap", 900);
  world.advanceTo(12, MINUTE);
  t.like(world.device.slot("soap"), { state: "delivered", remaining: 1000, onHand: 1000 });
  world.device.consume("soap", 300);
  world.advanceTo(14);
  t.is(world.gateway.intents.length, 1, "what is on hand counts");
  end(t, world);
});

test("a slot that an update takes away and another gives back orders under a new number", (t) => {
  const tea: SlotOptions = { ...LOW, id: "tea" };
  const world = ordered([PAPER, tea]);
  world.gateway.order("rejected", 1, 0, 1);
  world.advanceTo(2);
  world.slots = [PAPER];
  // Each start writes the state to a block of its own.
  world.restart();
  world.advanceTo(4);
  world.restart();
  world.slots = [PAPER, tea];
  world.restart();
  world.advanceTo(8);
  t.deepEqual(
    world.gateway.intents.map(({ slot, cycle }) => [slot, cycle]),
    [
      [1, 1],
      [1, 2],
    ],
  );
  end(t, world);
});

test("a cancellation says that what was taken for the delivery was none, and that nothing of it is on hand", (t) => {
  const seen = ordered();
  told(seen, "placed", 4);
  // Bought elsewhere, and therefore cancelled.
  seen.device.refill("soap", 300);
  t.like(seen.device.slot("soap"), { state: "idle", remaining: 400, onHand: 700 });
  told(seen, "cancelled");
  t.like(seen.device.slot("soap"), { state: "cancelled", cancellations: 1, remaining: 400, onHand: 0 });
  seen.device.consume("soap", 350);
  ordersNextOn(t, seen, 7);
  end(t, seen);

  const booked = ordered();
  told(booked, "placed", 2);
  booked.advanceTo(5, MINUTE);
  t.like(booked.device.slot("soap"), { state: "delivered", onHand: 1000 });
  told(booked, "cancelled");
  t.like(booked.device.slot("soap"), { state: "cancelled", cancellations: 1, onHand: 0 });
  ordersNextOn(t, booked, 10);
  end(t, booked);
});

test("a slot that is emptied at once is ordered for once, and goes on when it is filled", (t) => {
  const world = new World().start();
  world.advanceTo(3);
  world.device.consume("soap", 1000);
  world.advanceTo(4, MINUTE);
  t.deepEqual(orderDays(world), [4]);
  t.like(world.device.slot("soap"), { lateOrders: 1, decision: "cycle-open" });
  told(world, "placed", 9);
  world.advanceTo(9);
  t.is(world.gateway.intents.length, 1);
  world.device.refill("soap", 1000);
  t.like(world.device.slot("soap"), { state: "idle", remaining: 1000 });
  end(t, world);
});

test("a container that is taken off and put back, which a sensor takes for use and refill, orders nothing twice", (t) => {
  for (const state of ["accepted", "placed"] as const) {
    const world = ordered([{ ...LOW, opening: 200 }]);
    told(world, state, state === "placed" ? 9 : undefined);
    for (let i = 0; i < 5; i++) {
      world.device.consume("soap", 200);
      world.advance(HOUR);
      world.device.refill("soap", 200);
      t.like(world.device.slot("soap"), { state, remaining: 200 });
    }
    t.is(world.gateway.intents.length, 1);
    end(t, world);
  }
});

test("what is booked as delivered and does not last is followed by an order on the same day", (t) => {
  const world = ordered([{ ...LOW, refill: 60 }]);
  told(world, "placed", 3);
  world.advanceTo(6, MINUTE);
  t.deepEqual(orderDays(world), [1, 6]);
  t.deepEqual(
    world.events.slice(-2).map((event) => event.kind !== "dayClosed" && [event.kind, event.cycle]),
    [
      ["delivered", 1],
      ["intended", 2],
    ],
  );
  end(t, world);
});

for (const [what, begin, cancelled, next, moves] of [
  ["over the end of a year", "2026-12-28", "2026-12-29", "2027-01-03", []],
  ["over a leap day", "2028-02-25", "2028-02-26", "2028-03-02", []],
  ["over the end of a February without", "2027-02-25", "2027-02-26", "2027-03-03", []],
  [
    "into summer time, a day of 23 hours",
    "2027-03-25",
    "2027-03-26",
    "2027-03-31",
    [["2027-03-28T01:00Z", 120]],
  ],
  [
    "out of summer time, a day of 25 hours",
    "2026-10-22",
    "2026-10-23",
    "2026-10-28",
    [["2026-10-25T01:00Z", 0]],
  ],
  [
    "around half the world and back",
    "2026-10-22",
    "2026-10-23",
    "2026-10-28",
    [
      ["2026-10-24T09:00Z", 840],
      ["2026-10-26T15:00Z", -720],
      ["2026-10-27T06:00Z", 60],
    ],
  ],
] as const)
  test(`five days are five days of the calendar, ${what}`, (t) => {
    const world = new World([LOW]);
    world.clock.advance(Date.parse(`${begin}T12:00Z`) - world.clock.now);
    world.more = { utcOffsetMinutes: 60 };
    world.start();
    const until = (time: string) => world.advance(Date.parse(time) - world.clock.now);
    const dates = () =>
      world.gateway.intents.map(({ day }) => new Date(day * DAY).toISOString().slice(0, 10));
    until(`${cancelled}T08:00Z`);
    t.deepEqual(dates(), [cancelled]);
    world.gateway.order("cancelled");
    world.restart();
    until(`${cancelled}T22:00Z`);
    t.is(world.device.slot("soap").state, "cancelled");
    for (const [time, offset] of moves) {
      until(time);
      t.true(world.device.setUtcOffset(offset));
    }
    until(`${next}T12:00Z`);
    t.deepEqual(dates(), [cancelled, next]);
    end(t, world);
  });

test("a journal of earlier firmware, without the counts, is taken up", (t) => {
  const world = new World([LOW]);
  const slots = checkedSlots(world.slots);
  const cycles = new Cycles(1);
  const mailbox = new Mailbox(new Codec());
  /** As it was: five fields for each slot, and nothing behind. */
  const earlier: Part = {
    replay: (kind, record) => cycles.replay(kind, record),
    load: (from) => cycles.load(from),
    save: (to) => {
      const { number, since, delivery, quantity } = cycles.of(0);
      to.count(1);
      to.count(number);
      // Accepted.
      to.byte(number === 0 ? 0 : 2);
      to.count(since);
      to.count(delivery);
      to.count(quantity);
    },
  };
  const parts = [
    new Clock({ ticks: () => 0, utcOffsetMinutes: 0 }),
    new Stock(slots),
    earlier,
    mailbox,
    new Registration(1),
  ];
  const open = () => {
    const ledger = new Ledger({ flash: world.nor, parts, warn: () => {} });
    ledger.open();
    return ledger;
  };
  open().commit([cycles.event(0, "intend", FIRST, 1000), cycles.event(0, "accepted", FIRST)]);
  // The state is written to a block of its own.
  open();
  world.start();
  t.deepEqual(world.warnings, []);
  t.like(world.device.slot("soap"), { cycle: 1, state: "accepted", cancellations: 0, lateOrders: 0 });
  world.advanceTo(4, MINUTE);
  t.is(world.device.slot("soap").state, "resolution");
  end(t, world);
});

/**
 * What the rules ask for, told apart from the code: it hears what the device has told, and says each day what must have happened.
 */
class Rules {
  state = "idle";
  since = 0;
  delivery = 0;
  orders = 0;
  /** Days of the cancellations in a row, and of all. */
  cancelled: number[] = [];
  readonly cancelledOn: number[] = [];
  rejectedOn = Number.NEGATIVE_INFINITY;
  permitted = true;

  get isOpen(): boolean {
    return ["intended", "accepted", "resolution", "placed", "shipped", "unknown"].includes(this.state);
  }

  mayOrder(day: number): boolean {
    return (
      this.permitted &&
      !this.isOpen &&
      this.cancelled.length < 2 &&
      this.cancelledOn.every((on) => day - on >= 5) &&
      day - this.rejectedOn >= 5
    );
  }

  clear(): void {
    this.cancelled = [];
  }

  enter(state: string, day: number): void {
    this.state = state;
    this.since = day;
  }

  /** An event of the gateway about the newest order. */
  hear(event: OrderState, day: number, delivery: number): void {
    const progress = ["intended", "accepted", "resolution", "placed", "shipped"];
    const isLost = this.state === "unknown" || this.state === "lapsed";
    const at = progress.indexOf(this.state);
    const to = progress.indexOf(event);
    if (event === "cancelled" || event === "rejected") {
      const seemsDelivered = this.state === "idle" || this.state === "delivered";
      if (!isLost && !(event === "cancelled" && seemsDelivered) && (at < 0 || this.state === "shipped"))
        return;
      if (event === "cancelled") {
        this.cancelled.push(day);
        this.cancelledOn.push(day);
      } else this.rejectedOn = day;
    } else if (event === "unknown") {
      if (at < 0 || at > 2) return;
    } else if (!isLost && (at < 0 || to <= at)) return;
    this.enter(event, day);
    if ((event === "placed" || event === "shipped") && delivery > 0) this.delivery = delivery;
  }

  /** What time alone does, when `day` begins. */
  begin(day: number, heard: number): string | undefined {
    if (this.state === "accepted" && day - this.since >= 4) return "resolution";
    const waited = heard - this.since;
    if (["intended", "resolution", "unknown"].includes(this.state) && waited > 9) return "lapsed";
    if (this.state === "placed" || this.state === "shipped")
      if (heard - (this.delivery > 0 ? this.delivery : this.since + 7) > 2) return "delivered";
    return undefined;
  }
}

type Step =
  | { readonly kind: "consume"; readonly steps: number }
  | { readonly kind: "refill"; readonly steps: number }
  | { readonly kind: "fill" }
  | { readonly kind: "empty" }
  | { readonly kind: "order"; readonly state: OrderState; readonly days: number; readonly back: number }
  | { readonly kind: "register"; readonly how: number }
  | { readonly kind: "restart" }
  | { readonly kind: "off"; readonly days: number }
  | { readonly kind: "mood"; readonly up: boolean }
  | { readonly kind: "twice"; readonly twice: boolean }
  | { readonly kind: "days"; readonly days: number; readonly use: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.nat(200).map((steps) => ({ kind: "consume" as const, steps })) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 1200 }).map((steps) => ({ kind: "refill" as const, steps })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "fill" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "empty" as const }) },
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.constantFrom(...ORDER_STATES, "cancelled" as const), fc.nat(9), fc.constantFrom(0, 0, 0, 1))
      .map(([state, days, back]) => ({ kind: "order" as const, state, days, back })),
  },
  { weight: 1, arbitrary: fc.nat(3).map((how) => ({ kind: "register" as const, how })) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 20 }).map((days) => ({ kind: "off" as const, days })),
  },
  { weight: 2, arbitrary: fc.boolean().map((up) => ({ kind: "mood" as const, up })) },
  { weight: 1, arbitrary: fc.boolean().map((twice) => ({ kind: "twice" as const, twice })) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.nat(40))
      .map(([days, use]) => ({ kind: "days" as const, days, use })),
  },
);

test("after any history of orders, refills, subscriptions and restarts a device has done what the rules say, on the day they say", (t) => {
  const seen: Record<string, number> = {};
  const count = (what: string) => {
    seen[what] = (seen[what] ?? 0) + 1;
  };
  fc.assert(
    fc.property(
      fc.array(anyStep, { minLength: 20, maxLength: 70 }),
      fc.constantFrom(100, 600),
      (steps, opening) => {
        // By the median alone, so that what is due can be told from what the device says of itself.
        const world = new World([{ ...SOAP, opening, policy: { epsilon: 0.999_999 } }]).start();
        const rules = new Rules();
        let heard = 0;
        const today = () => Math.floor(world.clock.now / DAY);
        const where = () => `day ${today() - FIRST}, ${rules.state} since ${rules.since - FIRST}`;
        const check = (right: boolean, what: string) => {
          if (!right)
            throw new Error(`${what}: ${where()}, device ${JSON.stringify(world.device.slot("soap"))}`);
        };
        /** What the gateway has told since, during the present day. */
        const listen = () => {
          for (const event of world.events.slice(heard))
            if (event.kind === "order" && event.state !== "lapsed") {
              if (event.cycle === rules.orders) rules.hear(event.state, today(), event.day);
            } else check(event.kind === "dayClosed", `${event.kind} within a day`);
          heard = world.events.length;
        };
        const nextDay = (off = 0) => {
          const { now } = world.clock;
          if (off === 0) world.advance(DAY - (now % DAY) - 1);
          listen();
          const heardUntil = world.device.figures.queued === 0 ? today() + 1 : 0;
          const isSent = world.gateway.intents.some(({ cycle }) => cycle === rules.orders);
          if (off === 0) world.advance(1 + 1000);
          else {
            world.cutPower();
            world.advance(off * DAY);
            world.start();
          }
          const day = today();
          const events = world.events.slice(heard).filter(({ kind }) => kind !== "dayClosed");
          heard = world.events.length;
          const passed = rules.begin(day, heardUntil);
          // What has not left has not begun to be silent.
          if (rules.state === "intended" && !isSent) rules.since = day;
          if (passed) {
            const event = events.shift();
            check(event !== undefined, `nothing is told of ${passed}`);
            if (passed === "delivered") {
              check(event!.kind === "delivered" && !event!.seen, "it should have come unseen");
              rules.clear();
            } else check(event!.kind === "order" && event!.state === passed, `it should be ${passed}`);
            rules.enter(passed, day);
            count(passed);
          }
          const mayOrder = rules.mayOrder(day);
          const { runOut, remaining, onHand } = world.device.slot("soap");
          const isDue = remaining + onHand <= 0 || runOut.median <= 8;
          const order = events.shift();
          check(events.length === 0, "more than one thing");
          check((order?.kind === "intended") === (mayOrder && isDue), `may ${mayOrder}, due ${isDue}`);
          if (!mayOrder && isDue) {
            count(`held back in ${rules.state}`);
            if (rules.cancelled.length >= 2) count("held back until full");
            else if (rules.permitted && rules.state === "cancelled") count("held back for five days");
            if (!rules.permitted) count("held back without permission");
          }
          if (order?.kind !== "intended") return;
          check(order.late === runOut.median < 8, "late is wrong");
          rules.orders++;
          rules.delivery = 0;
          rules.enter("intended", day);
          count(order.late ? "late" : "due");
        };
        const refill = (amount: number) => {
          const { onHand, remaining } = world.device.slot("soap");
          const comes =
            rules.state === "shipped" || (rules.state === "placed" && today() + 3 >= rules.delivery);
          world.device.refill("soap", amount);
          const event = world.events.at(-1);
          const seenIt = world.events.length > heard && event?.kind === "delivered" && event.seen;
          check(seenIt === (comes && amount > onHand + 100), "delivered or not");
          heard = world.events.length;
          if (seenIt || (rules.state === "delivered" && world.device.slot("soap").onHand === 0)) {
            if (seenIt) count("delivered, seen");
            rules.enter("idle", today());
            rules.clear();
          }
          if (remaining + amount >= 970) rules.clear();
        };
        for (const step of steps) {
          listen();
          const { remaining } = world.device.slot("soap");
          switch (step.kind) {
            case "consume":
              world.device.consume("soap", Math.min(remaining, step.steps));
              break;
            case "empty":
              world.device.consume("soap", remaining);
              break;
            case "refill":
              refill(step.steps);
              break;
            case "fill":
              if (remaining < 1000) refill(1000 - remaining);
              break;
            case "order": {
              const cycle = rules.orders - step.back;
              if (cycle < 1) break;
              // Known to have been ordered by the gateway too.
              if (!world.gateway.intents.some((intent) => intent.cycle === cycle)) break;
              world.gateway.order(step.state, cycle, step.days === 0 ? 0 : today() + step.days);
              break;
            }
            case "register": {
              const how = (["new", "deregistered", "registered", "registered"] as const)[step.how]!;
              const subscribed = step.how === 3 ? ["soap"] : [];
              const before = world.device.registration === "registered" && world.device.slot("soap").decision;
              t.true(world.device.setRegistration(how, subscribed));
              listenToWithdrawal();
              rules.permitted = step.how === 0 || step.how === 3;
              if (step.how === 3 && (before === false || before === "not-subscribed")) {
                rules.clear();
                rules.rejectedOn = Number.NEGATIVE_INFINITY;
                if (rules.state === "rejected") rules.enter("idle", today());
              }
              break;
            }
            case "restart":
              world.restart();
              listen();
              break;
            case "off":
              nextDay(step.days);
              break;
            case "mood":
              world.mood = step.up ? "up" : "silent";
              break;
            case "twice":
              world.twice = step.twice;
              break;
            case "days":
              for (let i = 0; i < step.days; i++) {
                world.device.consume("soap", Math.min(world.device.slot("soap").remaining, step.use));
                nextDay();
              }
          }
          const { state, cycle, cancellations } = world.device.slot("soap");
          listen();
          check(state === rules.state && cycle === rules.orders, "the state");
          check(cancellations === Math.min(2, rules.cancelled.length), "cancellations");
        }
        function listenToWithdrawal(): void {
          const event = world.events[heard];
          if (event?.kind !== "order" || event.state !== "lapsed") return;
          check(rules.state === "intended", "only what is intended is taken back");
          rules.enter("lapsed", today());
          heard++;
          count("withdrawn");
        }
        const cycles = world.gateway.intents.map(({ cycle }) => cycle);
        t.deepEqual(
          cycles,
          [...new Set(cycles)].sort((a, b) => a - b),
        );
        end(t, world);
      },
    ),
    { numRuns: 400 },
  );
  t.log(JSON.stringify(seen));
  for (const what of [
    ...["resolution", "lapsed", "withdrawn", "delivered", "delivered, seen", "due", "late"],
    ...["held back until full", "held back for five days", "held back without permission"],
  ])
    t.true((seen[what] ?? 0) > 0, what);
});
