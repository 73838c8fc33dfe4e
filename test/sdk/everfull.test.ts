import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { NorFlash } from "../../hal/simulator/nor-flash.js";
import { Clock } from "../../sdk/clock/clock.js";
import { Forecast } from "../../sdk/forecast/index.js";
import {
  Codec,
  Cycles,
  Everfull,
  EverfullError,
  type EverfullOptions,
  Ledger,
  Mailbox,
  ORDER_STATES,
  type OrderState,
  PACKET,
  type SlotOptions,
  Stock,
  weekday,
} from "../../sdk/index.js";
import { checkedSlots } from "../../sdk/slot.js";
import { fnv1a } from "../../sdk/uplink/spread.js";
import { DAY, FIRST, HOUR, KEY, MINUTE, PAPER, SERIAL, SOAP, START, type Tear, World } from "./world.js";

const SECOND = 1000;
/** When the device meets the gateway, within a day. */
const VISIT = (fnv1a(SERIAL) % 1440) * MINUTE;
/** Soap for so few days that it is ordered on the first occasion. */
const LOW: SlotOptions = { ...SOAP, opening: 200 };

/** What holds after every test: no rule of the platform was broken, and the gateway saw nothing impossible. */
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

/** The outcome of the order is told, and the device has asked for it. */
function told(world: World, ...outcomes: [state: OrderState, day?: number, cycle?: number][]): World {
  for (const [state, day, cycle = 1] of outcomes)
    world.gateway.order(state, cycle, day === undefined ? 0 : FIRST + day);
  world.advance(16 * MINUTE);
  return world;
}

test("use is kept in RAM until 1 % of the capacity has gathered", (t) => {
  const world = new World([SOAP, PAPER]).start();
  const { device } = world;
  const { commits } = device.figures;
  device.consume("soap", 9);
  device.consume("soap", 0);
  device.consume("paper", 499);
  t.is(device.figures.commits, commits);
  t.is(device.account("soap").consumed, 0);
  t.like(device.slot("soap"), { consumed: 9, remaining: 991 });
  device.consume("soap", 1);
  t.is(device.figures.commits, commits + 1);
  // Together: what the other slot has gathered costs nothing more.
  t.like(device.account("soap"), { consumed: 10, remaining: 990 });
  t.like(device.account("paper"), { consumed: 499 });
  t.like(device.slot("soap"), { consumed: 10, remaining: 990 });
  end(t, world);
});

test("use is kept in RAM for 10 minutes at most, from its first step on", (t) => {
  const world = new World().start();
  world.device.consume("soap", 1);
  world.advance(6 * MINUTE);
  world.device.consume("soap", 1);
  world.advance(4 * MINUTE - 1);
  t.is(world.device.account("soap").consumed, 0);
  world.advance(1);
  t.is(world.device.account("soap").consumed, 2);
  world.device.consume("soap", 1);
  world.advance(10 * MINUTE);
  t.is(world.device.account("soap").consumed, 3);
  end(t, world);
});

test("use is committed when the day closes, and belongs to that day", (t) => {
  const world = new World().start();
  world.advance(DAY - 5 * MINUTE);
  world.device.consume("soap", 5);
  t.is(world.device.account("soap").consumed, 0);
  world.advanceTo(1);
  t.like(world.device.account("soap"), { consumed: 5, today: 0, lastUse: FIRST });
  world.advanceTo(1, VISIT);
  t.like(world.gateway.statuses[0], { day: FIRST + 1, consumed: 5, idle: 1 });
  end(t, world);
});

test("a cut loses what was in RAM and nothing else; closing loses nothing", (t) => {
  const world = new World().start();
  world.device.consume("soap", 20);
  world.device.consume("soap", 9);
  world.restart();
  t.is(world.device.account("soap").consumed, 20);
  world.device.consume("soap", 9);
  world.device.close();
  world.start();
  t.is(world.device.account("soap").consumed, 29);
  end(t, world);
});

test("more than was known to be there is used: nothing remains, and no use is lost", (t) => {
  const world = new World([{ ...SOAP, opening: 30 }]).start();
  world.device.consume("soap", 50);
  t.like(world.device.account("soap"), { consumed: 50, remaining: 0, corrections: 20 });
  t.like(world.device.slot("soap"), { remaining: 0, runOut: { low: 0, median: 0, high: 0 } });
  world.device.consume("soap", 9);
  t.is(world.device.slot("soap").remaining, 0);
  end(t, world);
});

test("every slot is reported once a day with what is true at its begin, and not on the day of the first start", (t) => {
  const world = new World([SOAP, PAPER]).start();
  world.advance(DAY - 1);
  t.deepEqual(world.gateway.statuses, []);
  world.advance(1);
  // With the health record.
  t.is(world.device.figures.queued, 3);
  for (let day = 1; day <= 5; day++) {
    world.device.consume("soap", 30);
    world.device.refill("paper", 100);
    world.advanceTo(day + 1);
  }
  world.advance(DAY - 1);
  t.deepEqual(
    world.gateway.statuses.map(({ slot, day, consumed, remaining, idle }) => [
      slot,
      day - FIRST,
      consumed,
      remaining,
      idle,
    ]),
    [1, 2, 3, 4, 5, 6].flatMap((day) => [
      [0, day, 30 * (day - 1), 1000 - 30 * (day - 1), day === 1 ? 255 : 1],
      [1, day, 0, 50_000 + 100 * (day - 1), 255],
    ]),
  );
  t.deepEqual(
    world.events,
    [0, 1, 2, 3, 4, 5].map((day) => ({ kind: "dayClosed", day: FIRST + day })),
  );
  end(t, world);
});

test("a status says the run-out as it is forecast", (t) => {
  const world = new World().start();
  world.spendDay(35);
  const { runOut } = world.device.slot("soap");
  world.advanceTo(2);
  t.like(world.gateway.statuses[0], {
    runOut: runOut.median,
    early: runOut.median - runOut.low,
    late: runOut.high - runOut.median,
  });
  t.true(runOut.median > 20 && runOut.median < 40);
  end(t, world);
});

test("dates are as of now: what was used today is not expected once more", (t) => {
  const world = new World().start();
  const forecast = new Forecast({ priorRate: 1000 / 30, unit: 0 });
  for (let day = 0; day < 10; day++) {
    world.spendDay(30);
    forecast.learn(weekday(FIRST + day), 30, 1);
  }
  world.advanceTo(10, 18 * HOUR);
  world.device.consume("soap", 24);
  const today = weekday(FIRST + 10);
  t.deepEqual(world.device.slot("soap").runOut, forecast.runOut(676, today, undefined, 0.75));
  // At midnight 700 were left, enough until the same day.
  t.is(world.device.slot("soap").runOut.median, forecast.runOut(700, today).median);
  t.true(forecast.runOut(676, today).median < world.device.slot("soap").runOut.median);
  end(t, world);
});

test("what the product knows of its use counts at once, and over restarts to the bit", (t) => {
  const world = new World().start();
  for (let day = 0; day < 12; day++) world.spendDay(20 + (day % 3) * 10);
  const before = world.device.slot("soap").runOut;
  t.true(world.device.rescale("soap", 2.0004));
  const after = world.device.slot("soap");
  t.true(Math.abs(after.runOut.median - before.median / 2) <= 1, `${after.runOut.median}`);
  const state = () => {
    const bytes = new Uint8Array(Forecast.BYTES);
    durable(world.nor, world.slots).stock.forecast(0).save(bytes);
    return bytes;
  };
  const saved = state();
  t.is(durable(world.nor, world.slots).stock.forecast(0).rate, 2 * rateOf(12), "to the thousandth");
  world.cutPower();
  world.start();
  t.deepEqual(world.device.slot("soap").runOut, after.runOut);
  // The start wrote a checkpoint; the next reads it.
  world.restart();
  t.deepEqual(state(), saved);
  t.deepEqual(world.device.slot("soap"), after);
  for (const bad of [0, 0.0099, 100.1, -1, Number.NaN])
    t.throws(() => world.device.rescale("soap", bad), {
      instanceOf: EverfullError,
      code: "argument",
      message: `rescale: a factor from 0.01 to 100 is accepted (got ${bad})`,
    });
  t.throws(() => world.device.rescale("tea", 2), { instanceOf: EverfullError, code: "argument" });
  world.flash.refuses.add("write");
  t.false(world.device.rescale("soap", 2));
  t.deepEqual(world.device.slot("soap").runOut, after.runOut);
  world.flash.refuses.clear();
  end(t, world);
});

/** Use per day after so many days of 20, 30 and 40 steps in turn. */
function rateOf(days: number): number {
  return taught(
    Array.from({ length: days }, (_, day): [number, number, number] => [FIRST + day, 20 + (day % 3) * 10, 1]),
  ).rate;
}

test("all slots, the backlog and the answers take one visit, at the moment of the day that the serial gives", (t) => {
  const world = new World([SOAP, PAPER]).start();
  world.advanceTo(1, VISIT - 1);
  const before = world.connections.length;
  t.is(world.gateway.statuses.length, 0);
  world.advance(10 * SECOND);
  t.is(world.gateway.statuses.length, 2);
  t.is(world.device.figures.queued, 0);
  world.advanceTo(2, VISIT - 1);
  t.is(world.connections.length, before + 1);
  end(t, world);
});

test("the day begins at midnight of the customer's place", (t) => {
  const world = new World();
  world.more = { utcOffsetMinutes: 330 };
  world.start();
  // 05:30 there; the day ends in 18.5 hours.
  world.advance(18.5 * HOUR - 1);
  t.deepEqual(world.events, []);
  world.advance(1);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  end(t, world);
});

test("a day with nothing to say ends in a visit all the same: the gateway hears from the device", (t) => {
  const world = new World().start();
  world.advanceTo(0, VISIT + MINUTE);
  t.deepEqual(world.gateway.polls, [0]);
  world.advanceTo(3);
  t.is(world.gateway.statuses.length, 2);
  end(t, world);
});

for (const epsilon of [0.03, 0.2])
  test(`an order is intended on the first day on which the probability of running out reaches ${epsilon}`, (t) => {
    const world = new World([{ ...SOAP, policy: { epsilon } }]).start();
    // The same days, learned apart from the device.
    const forecast = new Forecast({ priorRate: 1000 / 30, unit: 0 });
    const uses = [31, 40, 22, 37, 35, 60, 12];
    let left = 1000;
    let first: number | undefined;
    for (let day = 0; first === undefined; day++) {
      t.deepEqual(world.gateway.intents, []);
      const use = uses[day % 7]!;
      world.spendDay(use);
      left -= use;
      forecast.learn(weekday(FIRST + day), use, 1);
      const today = FIRST + day + 1;
      const probability = forecast.runOutProbability(left, 8, weekday(today));
      if (probability >= epsilon) first = today;
      t.like(world.device.slot("soap"), {
        cycle: first === undefined ? 0 : 1,
        state: first === undefined ? "idle" : "intended",
      });
    }
    t.true(left > 200 && left < 500, `${left} left`);
    t.like(world.events.at(-1), { kind: "intended", slot: "soap", cycle: 1, day: first });
    end(t, world);
  });

test("an order does not wait for the moment of the day", (t) => {
  const world = new World([LOW]).start();
  world.advanceTo(1, SECOND);
  t.deepEqual(world.gateway.intents, [
    {
      kind: "intent",
      slot: 0,
      cycle: 1,
      day: FIRST + 1,
      quantity: 1000,
      remaining: 200,
      runOut: world.gateway.statuses[0]!.runOut,
      applied: 0,
    },
  ]);
  t.is(world.device.figures.queued, 0);
  end(t, world);
});

test("the outcome of an order is asked for after a quarter of an hour, once, and then with the day's visit", (t) => {
  const world = ordered();
  const polls = world.gateway.polls.length;
  world.advanceTo(1, 14 * MINUTE);
  t.is(world.gateway.polls.length, polls);
  world.advance(2 * MINUTE);
  t.is(world.gateway.polls.length, polls + 1);
  t.is(world.device.slot("soap").state, "intended");
  const visits = world.connections.length;
  const untilVisit = START + DAY + VISIT - world.clock.now;
  t.true(untilVisit > HOUR);
  world.advance(untilVisit - SECOND);
  t.is(world.connections.length, visits);
  world.advance(MINUTE);
  t.is(world.connections.length, visits + 1);
  end(t, world);
});

test("the outcome of every order is asked for", (t) => {
  const world = told(ordered(), ["placed", 3]);
  world.device.refill("soap", 1000);
  world.device.consume("soap", 1000);
  world.advanceTo(2, MINUTE);
  t.is(world.device.slot("soap").cycle, 2);
  world.gateway.order("placed", 2, FIRST + 6);
  world.advance(16 * MINUTE);
  t.is(world.device.slot("soap").state, "placed");
  end(t, world);
});

test("the outcome that was not known at a restart is asked for again", (t) => {
  const world = ordered();
  world.gateway.order("placed", 1, FIRST + 4);
  world.restart();
  world.advance(16 * MINUTE);
  t.is(world.device.slot("soap").state, "placed");
  end(t, world);
});

test("an order on its way is not ordered again, and day after day there is one intent", (t) => {
  const world = ordered();
  told(world, ["accepted"], ["placed", 6]);
  for (let day = 1; day < 7; day++) world.spendDay(30);
  t.is(world.gateway.intents.length, 1);
  t.is(world.gateway.statuses.length, 6);
  end(t, world);
});

test("a refill while an order is on its way is its delivery, and the next cycle may begin", (t) => {
  const world = told(ordered(), ["accepted"], ["placed", 4]);
  world.device.refill("soap", 1000);
  t.like(world.device.slot("soap"), { state: "idle", cycle: 1, remaining: 1200, onHand: 0 });
  t.deepEqual(world.events.at(-1), { kind: "delivered", slot: "soap", cycle: 1, seen: true, day: FIRST + 1 });
  world.device.consume("soap", 1000);
  world.advanceTo(2, MINUTE);
  t.deepEqual(
    world.gateway.intents.map(({ cycle }) => cycle),
    [1, 2],
  );
  end(t, world);
});

test("what was delivered but not put in is on hand, and the next refills come from there", (t) => {
  const world = told(ordered(), ["placed", 5], ["shipped", 4]);
  world.device.refill("soap", 600);
  t.like(world.device.slot("soap"), { state: "idle", remaining: 800, onHand: 400 });
  world.device.refill("soap", 150);
  t.like(world.device.slot("soap"), { remaining: 950, onHand: 250 });
  world.device.refill("soap", 500);
  t.like(world.device.slot("soap"), { remaining: 1450, onHand: 0 });
  t.is(world.events.filter(({ kind }) => kind === "delivered").length, 1);
  end(t, world);
});

test("a delivery that was weighed a step short leaves nothing behind that keeps orders from being placed", (t) => {
  const world = told(ordered(), ["placed", 4]);
  world.device.refill("soap", 999);
  t.like(world.device.slot("soap"), { state: "idle", onHand: 0, remaining: 1199 });
  world.device.consume("soap", 1000);
  world.advanceTo(2, MINUTE);
  t.is(world.gateway.intents.length, 2);
  told(world, ["placed", 5, 2]);
  world.device.refill("soap", 1000);
  t.like(world.device.slot("soap"), { state: "idle", cycle: 2, onHand: 0 });
  end(t, world);
});

test("a refill that what is on hand does not explain is the delivery, and what is left of both is on hand", (t) => {
  const world = told(ordered(), ["placed", 4]);
  world.device.refill("soap", 700);
  t.like(world.device.slot("soap"), { state: "idle", onHand: 300 });
  world.device.consume("soap", 900);
  world.advanceTo(2, MINUTE);
  told(world, ["placed", 5, 2]);
  world.device.refill("soap", 300);
  t.like(world.device.slot("soap"), { state: "placed", onHand: 0 });
  world.device.refill("soap", 50);
  t.like(world.device.slot("soap"), { state: "placed", onHand: 0 }, "too little for a delivery");
  world.device.refill("soap", 800);
  t.like(world.device.slot("soap"), { state: "idle", onHand: 200 });
  end(t, world);
});

test("a refill that is said to be on hand while the slot stays empty is written off, and ordered again", (t) => {
  const world = told(ordered(), ["placed", 1]);
  world.advanceTo(5);
  t.like(world.device.slot("soap"), { state: "delivered", onHand: 1000 });
  // Not to the last gram: what is left serves no use.
  world.device.consume("soap", 195);
  world.advanceTo(11, MINUTE);
  t.like(world.device.slot("soap"), { remaining: 5, onHand: 1000 });
  t.is(world.gateway.intents.length, 1);
  world.advanceTo(12, MINUTE);
  t.like(world.device.slot("soap"), { remaining: 5, onHand: 0, state: "intended", cycle: 2 });
  t.true(world.warnings.includes('slot "soap": 1000 steps on hand are written off, the slot stays empty'));
  world.advanceTo(13);
  t.like(world.gateway.statuses.at(-1), { onHand: 0 });
  end(t, world);
});

test("where nobody is at home an empty slot is ordered for once more, not again and again", (t) => {
  const world = told(ordered(), ["placed", 1]);
  world.advanceTo(5);
  world.device.consume("soap", 200);
  for (let day = 6; day < 120; day++) {
    world.advanceTo(day, MINUTE);
    const { state, cycle } = world.device.slot("soap");
    if (state === "intended") told(world, ["placed", day + 2, cycle]);
  }
  t.is(world.gateway.intents.length, 2);
  t.like(world.device.slot("soap"), { state: "delivered", onHand: 1000, remaining: 0 });
  end(t, world);
});

test("a refill that no order explains is only a refill", (t) => {
  for (const world of [new World([LOW]).start(), ordered()]) {
    const before = world.device.slot("soap");
    const heard = world.events.length;
    world.device.refill("soap", 700);
    t.like(world.device.slot("soap"), {
      remaining: 900,
      onHand: 0,
      state: before.state,
      cycle: before.cycle,
    });
    t.is(world.events.length, heard);
    end(t, world);
  }
});

test("use that came before a refill is booked before it", (t) => {
  const world = new World([{ ...SOAP, opening: 5 }]).start();
  world.device.consume("soap", 9);
  world.device.refill("soap", 100);
  t.like(world.device.account("soap"), { remaining: 100, consumed: 9, corrections: 4, refills: 100 });
  end(t, world);
});

test("an overdue delivery is booked as on hand after the grace period, and stands for itself until it is put in", (t) => {
  const world = told(ordered(), ["placed", 3]);
  world.advanceTo(5, HOUR);
  t.like(world.device.slot("soap"), { state: "placed", onHand: 0 });
  world.advanceTo(6);
  t.like(world.device.slot("soap"), { state: "delivered", onHand: 1000, remaining: 200 });
  t.deepEqual(world.events.at(-1), {
    kind: "delivered",
    slot: "soap",
    cycle: 1,
    seen: false,
    day: FIRST + 6,
  });
  world.advanceTo(8);
  t.like(world.gateway.statuses.at(-2), { day: FIRST + 6, onHand: 1000 });
  t.like(world.gateway.statuses.at(-1), { day: FIRST + 7, onHand: 1000 });
  t.is(world.gateway.intents.length, 1);
  world.device.refill("soap", 400);
  t.like(world.device.slot("soap"), { state: "delivered", onHand: 600, remaining: 600 });
  world.device.refill("soap", 700);
  t.like(world.device.slot("soap"), { state: "idle", onHand: 0, remaining: 1300 });
  t.is(world.events.filter(({ kind }) => kind === "delivered").length, 1);
  end(t, world);
});

test("an order whose delivery day was never told is taken to come within the lead", (t) => {
  const world = told(ordered(), ["placed"]);
  world.advanceTo(10);
  t.like(world.device.slot("soap"), { state: "placed", onHand: 0, inbound: 1000 });
  world.advanceTo(11);
  t.like(world.device.slot("soap"), { state: "delivered", onHand: 1000, inbound: 0 });
  end(t, world);
});

test("order events are applied in order, once each, and told after they are committed", (t) => {
  const world = ordered();
  const told: string[] = [];
  /** Of the slot, when the event is told. */
  const states: string[] = [];
  world.more = {
    onEvent: (event) => {
      if (event.kind !== "order") return;
      told.push(event.state);
      states.push(world.device.slot("soap").state);
      t.is(event.slot, "soap");
      t.is(event.cycle, 1);
    },
  };
  world.restart();
  world.twice = true;
  world.gateway.order("accepted");
  world.gateway.order("placed", 1, FIRST + 4);
  world.advance(16 * MINUTE);
  world.gateway.order("shipped", 1, FIRST + 3);
  world.advance(DAY);
  t.deepEqual(told, ["accepted", "placed", "shipped"]);
  t.deepEqual(states, ["placed", "placed", "shipped"]);
  t.is(world.device.slot("soap").state, "shipped");
  world.advance(DAY);
  t.is(world.gateway.confirmed, 3);
  end(t, world);
});

test("an answer that is delivered again later changes nothing", (t) => {
  const world = ordered();
  world.gateway.order("accepted");
  const old = world.gateway.say();
  told(world, ["placed", 4]);
  const events = world.events.length;
  world.gateway.answer = () => undefined;
  world.advanceTo(1, VISIT + SECOND);
  t.true(world.connections.at(-1)!.alive);
  const { commits } = world.device.figures;
  world.push(old);
  t.is(world.device.figures.commits, commits);
  t.is(world.events.length, events);
  t.is(world.device.slot("soap").state, "placed");
  end(t, world);
});

test("events behind a gap are not applied, and asked for once in a visit and again in the next", (t) => {
  const world = ordered();
  world.gateway.order("accepted");
  world.gateway.order("placed", 1, FIRST + 4);
  world.gateway.order("shipped", 1, FIRST + 4);
  // Number 2 is numbered as the second of the list, but the first is none that is due.
  world.gateway.answer = (answer) => ({
    ...answer,
    events: answer.events.slice(2).concat(answer.events.slice(1, 2)),
  });
  const polls = world.gateway.polls.length;
  world.advance(16 * MINUTE);
  t.is(world.device.slot("soap").state, "intended");
  t.false(world.events.some(({ kind }) => kind === "order"));
  t.deepEqual(world.gateway.polls.slice(polls), [0, 0]);
  t.regex(world.warnings.at(-1)!, /order event 1 did not come down/);
  t.false(world.connections.at(-1)!.alive);
  const next = world.gateway.polls.length;
  world.advanceTo(1, VISIT + MINUTE);
  // The visit's own poll, and one more for what its answer did not bring.
  t.is(world.gateway.polls.length, next + 2);
  t.is(world.device.slot("soap").state, "intended");
  world.gateway.answer = (same) => same;
  world.advance(DAY);
  t.is(world.device.slot("soap").state, "shipped");
  end(t, world);
});

test("of a list that begins with events that are applied already, the rest is applied", (t) => {
  const world = told(ordered(), ["accepted"], ["placed", 4]);
  world.gateway.order("shipped", 1, FIRST + 4);
  world.gateway.answer = (answer) => ({ ...answer, events: world.gateway.events });
  world.advanceTo(1, VISIT + MINUTE);
  t.is(world.device.slot("soap").state, "shipped");
  t.deepEqual(
    world.events.flatMap((event) => (event.kind === "order" ? [event.state] : [])),
    ["accepted", "placed", "shipped"],
  );
  end(t, world);
});

test("a device asks until it has applied the newest event, in one visit", (t) => {
  const world = ordered();
  const before = world.gateway.polls.length;
  const connections = world.connections.length;
  for (let i = 0; i < 20; i++)
    world.gateway.order(i === 0 ? "accepted" : i === 19 ? "shipped" : "placed", 1, FIRST + 9);
  world.advance(16 * MINUTE);
  t.is(world.events.filter(({ kind }) => kind === "order").length, 20);
  t.is(world.device.slot("soap").state, "shipped");
  t.deepEqual(world.gateway.polls.slice(before), [0, 8, 16]);
  t.is(world.connections.length, connections + 1);
  t.is(world.device.figures.queued, 0);
  end(t, world);
});

test("an event of an earlier cycle or of a slot that there is not counts as applied and changes nothing", (t) => {
  const world = told(ordered(), ["cancelled"]);
  world.advanceTo(6, MINUTE);
  t.deepEqual(
    world.gateway.intents.map(({ cycle, day }) => [cycle, day - FIRST]),
    [
      [1, 1],
      [2, 6],
    ],
  );
  const heard = world.events.length;
  world.gateway.order("placed", 1, FIRST + 9);
  world.gateway.order("placed", 2, FIRST + 9, 5);
  world.gateway.order("shipped", 3, FIRST + 9);
  world.advance(16 * MINUTE);
  t.like(world.device.slot("soap"), { state: "intended", cycle: 2 });
  t.is(world.events.length, heard);
  world.advance(2 * DAY);
  t.is(world.gateway.confirmed, 4);
  end(t, world);
});

test("with an unknown time a device meters, asks for the time, and opens the day when it is told", (t) => {
  const world = new World([LOW]);
  world.wallClock = undefined;
  world.mood = "silent";
  world.start();
  t.is(world.device.clockQuality, "unknown");
  t.is(world.connections.length, 1);
  world.device.consume("soap", 25);
  world.advance(2 * DAY);
  t.deepEqual(world.events, []);
  t.is(world.device.account("soap").lastUse, undefined);
  world.mood = "up";
  world.advance(2 * HOUR);
  t.is(world.device.clockQuality, "trusted");
  t.deepEqual(world.gateway.polls, [0]);
  // It was used on the first of the two days of metering.
  t.like(world.device.account("soap"), { consumed: 25, today: 0, lastUse: FIRST });
  world.advanceTo(3, MINUTE);
  t.deepEqual(
    world.events.map(({ kind, day }) => [kind, day - FIRST]),
    [
      ["dayClosed", 2],
      ["intended", 3],
    ],
  );
  t.like(world.gateway.statuses[0], { day: FIRST + 3, consumed: 25 });
  end(t, world);
});

test("a gateway that does not know the time itself is asked again", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.gateway.answer = (answer) => ({ ...answer, time: 86_400 });
  world.start();
  world.advance(MINUTE);
  t.is(world.device.clockQuality, "unknown");
  t.regex(world.warnings[0]!, /refused: time: .* \(got 86400\)$/);
  world.gateway.answer = (same) => same;
  world.advance(2 * HOUR);
  t.is(world.device.clockQuality, "trusted");
  // The gateway's time is in whole seconds.
  world.advanceTo(1, SECOND);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  end(t, world);
});

for (const mood of ["refusing", "silent", "throwing"] as const)
  test(`with a broker that is ${mood} at the start a device meters, closes days, and delivers when it is back`, (t) => {
    const world = new World([LOW, PAPER]);
    world.mood = mood;
    world.start();
    for (let day = 0; day < 5; day++) world.spendDay(10);
    t.is(world.device.slot("soap").consumed, 50);
    t.deepEqual(
      world.events.filter(({ kind }) => kind === "dayClosed").map(({ day }) => day - FIRST),
      [0, 1, 2, 3, 4],
    );
    // The poll of the first day, one status of each slot, the order and the health record; older ones were replaced.
    t.like(world.device.figures, { queued: 5, dropped: 12, visits: 0 });
    t.is(world.warnings.length, 1);
    world.mood = "up";
    world.advance(2 * HOUR);
    t.is(world.device.figures.queued, 0);
    t.deepEqual(
      world.gateway.stored
        .slice(0, 5)
        .map(({ message }) =>
          "slot" in message && "day" in message
            ? [message.kind, message.slot, message.day - FIRST]
            : message.kind,
        ),
      ["poll", ["intent", 0, 1], ["status", 0, 5], "health", ["status", 1, 5]],
    );
    t.like(world.gateway.statuses[0], { consumed: 50, remaining: 150 });
    end(t, world);
  });

test("an order whose answer was lost is sent again, byte for byte, and nothing overtakes it", (t) => {
  const world = new World([LOW, { ...PAPER, opening: 0 }]).start();
  world.advanceTo(1, -SECOND);
  world.gateway.arrived = [];
  world.gateway.answer = () => undefined;
  world.advanceTo(1, 30 * MINUTE);
  t.true(world.gateway.arrived.filter(({ kind }) => kind === "intent").length > 1);
  t.deepEqual(
    [...new Set(world.gateway.arrived.map(({ kind }) => kind))],
    ["status", "health", "intent"],
    "the reports first, then the order, alone",
  );
  t.is(world.gateway.intents.length, 1);
  world.gateway.answer = (same) => same;
  world.advance(2 * HOUR);
  t.deepEqual(
    world.gateway.intents.map(({ slot, cycle }) => [slot, cycle]),
    [
      [0, 1],
      [1, 1],
    ],
  );
  end(t, world);
});

test("a board clock that was set back is doubted at the start, and days go on", (t) => {
  const world = new World().start();
  for (let day = 0; day < 4; day++) world.spendDay(20);
  world.advance(HOUR);
  world.mood = "silent";
  world.wallClock = () => world.clock.now - 3 * DAY;
  world.restart();
  t.is(world.device.clockQuality, "drifting");
  t.true(world.warnings.some((text) => /^clock: the board says \d+, which is not believed yet$/.test(text)));
  world.device.consume("soap", 20);
  world.advanceTo(6, HOUR);
  t.deepEqual(
    world.events.map(({ day }) => day - FIRST),
    [0, 1, 2, 3, 4, 5],
  );
  end(t, world);
});

test("a clock that goes back by less than a day never opens a closed day again: the open one goes on", (t) => {
  const world = new World().start();
  for (let day = 0; day < 4; day++) world.spendDay(20);
  world.advance(HOUR);
  const { statuses } = world.gateway;
  world.mood = "silent";
  t.is(world.device.setTime(world.clock.now - 20 * HOUR), "taken");
  world.device.consume("soap", 20);
  world.wallClock = undefined;
  world.restart();
  world.advance(40 * HOUR);
  // Kept as it was set: at one o'clock of day 4 it is five o'clock of day 3.
  t.is(world.events.length, 4);
  t.like(world.device.account("soap"), { consumed: 100, today: 20, lastUse: FIRST + 4 });
  t.is(world.gateway.statuses.length, statuses.length);
  world.advance(8 * HOUR);
  t.deepEqual(world.events.at(-1), { kind: "dayClosed", day: FIRST + 4 });
  end(t, world);
});

test("a gateway whose time goes back is not believed once it was", (t) => {
  const world = new World().start();
  world.advanceTo(1);
  world.gateway.answer = (answer) => ({ ...answer, time: answer.time - (3 * DAY) / SECOND });
  for (let day = 1; day < 8; day++) world.spendDay(20);
  t.deepEqual(
    world.events.map(({ day }) => day - FIRST),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  t.deepEqual(
    world.gateway.statuses.map(({ day }) => day - FIRST),
    [1, 2, 3, 4, 5, 6, 7],
  );
  t.true(world.warnings.some((text) => text.startsWith("clock: the gateway says")));
  t.is(world.device.slot("soap").consumed, 140);
  end(t, world);
});

/** What a day of soap is expected to have taught, from a full slot on. */
function taught(
  days: readonly (readonly [day: number | undefined, used: number, observed: number])[],
): Forecast {
  const forecast = new Forecast({ priorRate: 1000 / 30, unit: 0 });
  for (const [day, used, observed] of days)
    forecast.learn(day === undefined ? undefined : weekday(day), used, observed);
  return forecast;
}

test("without a clock for weeks, booted and not, each day of metering teaches its use; nothing is sent of it", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.mood = "refusing";
  world.start();
  const days: [undefined, number, number][] = [];
  for (let day = 0; day < 21; day++) {
    world.device.consume("soap", 20 + day);
    world.advance(12 * HOUR);
    world.device.consume("soap", 10);
    // The time in which it is off is not metered.
    if (day % 3 === 1) {
      world.cutPower();
      world.advance((1 + day) * HOUR);
      world.start();
    }
    world.advance(12 * HOUR);
    days.push([undefined, 30 + day, 1]);
    t.is(durable(world.nor, world.slots).stock.relativeDay, day + 2);
  }
  t.is(world.device.clockQuality, "unknown");
  const { remaining } = world.device.account("soap");
  t.deepEqual(world.device.slot("soap").runOut, taught(days).runOut(remaining, 0));
  t.deepEqual(world.events, []);
  t.is(world.gateway.arrived.length, 0);
  // The time is told: six hours of a day of metering end, and the calendar day has begun before.
  world.advance(4 * HOUR);
  world.device.consume("soap", 8);
  world.mood = "up";
  world.advance(2 * HOUR);
  t.is(world.device.clockQuality, "trusted");
  const { stock } = durable(world.nor, world.slots);
  t.like(world.device.account("soap"), { today: 0, lastUse: stock.openDay });
  t.deepEqual(world.gateway.statuses, [], "the first day with a calendar is as on a first start");
  world.advance(DAY);
  t.deepEqual(
    world.gateway.stored.flatMap(({ message }) => (message.kind === "status" ? [message.day] : [])),
    world.events.map(({ day }) => day + 1).slice(0, world.gateway.statuses.length),
  );
  end(t, world);
});

test("when the time is told, the day of metering ends as a part of a day, and the calendar day begins with that missed", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.mood = "silent";
  world.start();
  world.device.consume("soap", 25);
  world.advance(30 * HOUR);
  world.device.consume("soap", 15);
  world.advance(MINUTE);
  t.is(world.device.setTime(world.clock.now), "taken");
  t.like(world.device.account("soap"), { today: 0, lastUse: FIRST + 1 });
  world.device.consume("soap", 12);
  world.advanceTo(2);
  const minutes = 6 * 60 + 1;
  const forecast = taught([
    [undefined, 25, 1],
    [undefined, 15, minutes / 1440],
    [FIRST + 1, 12, 1 - minutes / 1440],
  ]);
  t.deepEqual(world.device.slot("soap").runOut, forecast.runOut(948, weekday(FIRST + 2)));
  end(t, world);
});

test("a board whose clock ran years ahead or behind is put right by the gateway, and days, statuses and orders go on", (t) => {
  for (const years of [10, -10])
    for (const days of [0, 1, 5]) {
      const wrong = years * 365 * DAY;
      const world = new World([{ ...SOAP, opening: 900 }, PAPER]);
      world.wallClock = () => world.clock.now + wrong;
      world.mood = "silent";
      world.start();
      for (let day = 0; day < days; day++) world.spendDay(30);
      world.device.consume("soap", 11);
      world.advanceTo(days, 6 * HOUR);
      const { runOut } = world.device.slot("soap");
      const wrongEvents = world.events.length;
      t.is(wrongEvents, days);
      world.mood = "up";
      world.advanceTo(days, VISIT + MINUTE);
      world.advanceTo(days, DAY - MINUTE);
      const where = `${years} years, after ${days} days`;
      t.true(
        world.warnings.includes(
          `clock: it was wrong; day ${FIRST + days + years * 365} becomes day ${FIRST + days}`,
        ),
        where,
      );
      t.is(world.events.length, wrongEvents, where);
      t.like(world.device.account("soap"), { today: 11, lastUse: FIRST + days }, where);
      // Told by another weekday; of what was learned nothing has changed.
      t.true(Math.abs(world.device.slot("soap").runOut.median - runOut.median) <= 1, where);
      // The board is wrong still; every restart would be doubted by now.
      world.restart();
      t.true(
        world.warnings.some((text) => text.startsWith("clock: the board says")),
        where,
      );
      const sent = world.gateway.statuses.length;
      for (let day = 0; day < 24; day++) {
        world.spendDay(30);
        if (world.gateway.intents.length === 1 && world.gateway.events.length === 0)
          world.gateway.order("placed", 1, FIRST + 60);
      }
      t.deepEqual(
        world.events
          .slice(wrongEvents)
          .flatMap((event) => (event.kind === "dayClosed" ? [event.day - FIRST] : [])),
        Array.from({ length: 24 }, (_, day) => days + day),
        where,
      );
      t.true(world.gateway.statuses.slice(sent).length >= 44, where);
      t.true(
        world.gateway.statuses.slice(sent).every(({ day }) => day > FIRST + days && day <= FIRST + days + 24),
      );
      t.is(world.gateway.intents.length, 1, where);
      t.true(world.gateway.intents[0]!.day > FIRST && world.gateway.intents[0]!.day < FIRST + 30);
      end(t, world);
    }
});

test("a day that is re-dated was metered for as long as it was", (t) => {
  const world = new World();
  world.wallClock = () => world.clock.now + 3650 * DAY + 5 * HOUR;
  world.mood = "silent";
  world.start();
  world.device.consume("soap", 40);
  world.advance(2 * HOUR);
  world.mood = "up";
  world.advanceTo(1, SECOND);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  // By the wrong clock it had begun five hours before the device was there.
  t.is(durable(world.nor, world.slots).stock.forecast(0).rate, taught([[FIRST, 40, 1]]).rate);
  end(t, world);
});

test("a day of metering that the journal has closed, but whose end it has not timed, is not metered twice", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.mood = "silent";
  world.start();
  world.advance(DAY - 5 * MINUTE);
  world.device.consume("soap", 30);
  world.advance(6 * MINUTE);
  world.device.consume("soap", 10);
  world.restart();
  const { clock, stock } = durable(world.nor, world.slots);
  t.deepEqual([clock.relativeDay, stock.relativeDay], [1, 2]);
  world.device.setTime(world.clock.now);
  t.like(world.device.account("soap"), { today: 10, lastUse: FIRST + 1 });
  const expected = taught([[undefined, 30, 1]]);
  t.deepEqual(world.device.slot("soap").runOut, expected.runOut(960, weekday(FIRST + 1)));
  end(t, world);
});

test("a cancellation that a wrong clock has dated is waited for five days, not ten years", (t) => {
  const world = new World([LOW]);
  const wrong = 3650 * DAY;
  world.wallClock = () => world.clock.now + wrong;
  world.gateway.answer = (answer) => ({ ...answer, time: answer.time + wrong / SECOND });
  world.start();
  world.advanceTo(1, MINUTE);
  told(world, ["cancelled"]);
  t.like(world.device.slot("soap"), { state: "cancelled" });
  world.advanceTo(2, HOUR);
  // Gateway and board were wrong alike, and are put right alike.
  world.gateway.answer = (same) => same;
  t.is(world.device.setTime(world.clock.now), "doubted");
  world.advanceTo(2, VISIT + MINUTE);
  t.is(world.gateway.intents.length, 1);
  world.advanceTo(5, HOUR);
  t.is(world.gateway.intents.length, 1);
  world.advanceTo(6, HOUR);
  t.is(world.gateway.intents.length, 2);
  t.is(world.gateway.intents[1]!.day, FIRST + 6);
  end(t, world);
});

test("a far time of the board counts when the gateway says the same", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.start();
  world.advance(HOUR);
  world.mood = "silent";
  t.is(world.device.setTime(world.clock.now + 50 * DAY), "doubted");
  t.is(world.device.setTime(Date.UTC(2000, 0, 1)), "refused");
  world.advanceTo(3);
  t.deepEqual(
    world.events.map(({ day }) => day - FIRST),
    [0, 1, 2],
  );
  world.mood = "up";
  world.gateway.answer = (answer) => ({ ...answer, time: answer.time + (50 * DAY) / SECOND });
  // The gateway's time is in whole seconds.
  world.advanceTo(4, SECOND);
  t.true(world.warnings.includes(`clock: it was wrong; day ${FIRST + 3} becomes day ${FIRST + 53}`));
  t.deepEqual(world.events.at(-1), { kind: "dayClosed", day: FIRST + 53 });
  end(t, world);
});

test("off for longer than can be believed, a device without a clock of the board asks its gateway again an hour later", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.start();
  world.advance(HOUR);
  world.device.consume("soap", 10);
  world.cutPower();
  world.advance(200 * DAY);
  world.start();
  world.advance(MINUTE);
  t.is(world.device.clockQuality, "drifting");
  world.advance(58 * MINUTE);
  t.is(world.device.clockQuality, "drifting");
  world.advance(3 * MINUTE);
  t.is(world.device.clockQuality, "trusted");
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST + 199 }]);
  t.like(world.device.account("soap"), { lastUse: FIRST, today: 0 });
  world.advanceTo(202);
  t.deepEqual(world.gateway.statuses.at(-1)!.day, FIRST + 201);
  end(t, world);
});

test("a day that ends within that hour, by the clock as it is, does not put the question off", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.start();
  world.advanceTo(1, -20 * MINUTE);
  // What is kept with it says when it was.
  world.device.refill("soap", 1);
  world.cutPower();
  world.advance(200 * DAY);
  world.start();
  world.advance(62 * MINUTE);
  t.is(world.device.clockQuality, "trusted");
  end(t, world);
});

test("time by which a clock that was behind is put forward was not metered", (t) => {
  const world = new World().start();
  world.mood = "silent";
  world.advance(HOUR);
  world.device.consume("soap", 10);
  t.is(world.device.setTime(world.clock.now + 20 * HOUR), "taken");
  world.advance(3 * HOUR);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  const forecast = taught([[FIRST, 10, 4 / 24]]);
  t.deepEqual(world.device.slot("soap").runOut, forecast.runOut(990, weekday(FIRST + 1)));
  end(t, world);
});

test("through weeks of boots without a source, days are closed one by one from the time that was kept", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.start();
  world.advance(MINUTE);
  world.mood = "silent";
  for (let boot = 0; boot < 60; boot++) {
    world.restart();
    t.is(world.device.clockQuality, "drifting");
    world.advance(8 * HOUR - MINUTE);
    world.device.consume("soap", 10);
  }
  const closed = world.events.flatMap((event) => (event.kind === "dayClosed" ? [event.day - FIRST] : []));
  // Between two boots a minute at most is lost.
  t.deepEqual(
    closed,
    Array.from({ length: closed.length }, (_, day) => day),
  );
  t.is(closed.length, 19);
  t.is(world.device.account("soap").lastUse, FIRST + 19);
  end(t, world);
});

test("the UTC offset is moved for good, whatever is configured, and does not wear the flash", (t) => {
  const world = new World().start();
  world.advance(20 * HOUR);
  const { commits } = world.device.figures;
  world.device.setUtcOffset(0);
  t.is(world.device.figures.commits, commits + 1, "from now on the configuration does not count");
  world.device.setUtcOffset(120);
  world.device.setUtcOffset(120);
  t.is(world.device.figures.commits, commits + 2);
  world.more = { utcOffsetMinutes: -300 };
  world.restart();
  world.advance(2 * HOUR - 1);
  t.deepEqual(world.events, []);
  world.advance(1);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  // The visit of the day has moved with it.
  world.advanceTo(1, VISIT - 2 * HOUR - SECOND);
  const { visits } = world.device.figures;
  world.advance(2 * SECOND);
  t.is(world.device.figures.visits, visits + 1);
  end(t, world);
});

test("offset moved over midnight: forward the day ends at once, back it goes on and is never opened again", (t) => {
  const world = new World().start();
  world.advance(23 * HOUR);
  world.device.consume("soap", 20);
  world.device.setUtcOffset(60);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  world.device.consume("soap", 30);
  world.device.setUtcOffset(-840);
  // The day that ended ends once more, and nothing is said of it.
  world.advanceTo(1, 14 * HOUR);
  t.is(world.events.length, 1);
  t.like(world.device.account("soap"), { today: 30, lastUse: FIRST + 1 });
  world.restart();
  world.advanceTo(2, 14 * HOUR - 1);
  t.is(world.events.length, 1);
  world.advance(1);
  t.deepEqual(world.events.slice(1), [{ kind: "dayClosed", day: FIRST + 1 }]);
  // From one end of the world to the other, 28 hours at once, which are two days.
  world.advanceTo(3, 11 * HOUR);
  world.device.setUtcOffset(840);
  t.deepEqual(world.events.slice(2), [{ kind: "dayClosed", day: FIRST + 3 }]);
  world.device.setUtcOffset(-840);
  world.restart();
  world.advanceTo(5, 14 * HOUR - 1);
  t.is(world.events.length, 3);
  t.false(world.warnings.some((text) => text.startsWith("clock: it was wrong")));
  world.advance(2 * DAY);
  const reported = world.gateway.statuses.map(({ day }) => day);
  t.deepEqual(
    reported,
    [...new Set(reported)].sort((a, b) => a - b),
  );
  end(t, world);
});

test("a year of a real zone: every local day is closed once, at its midnight, of 23, 24 or 25 hours", (t) => {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: "Europe/Berlin",
    ...{ year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", hourCycle: "h23" },
  });
  const local = (utc: number) => {
    const parts = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, value]));
    const day = Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day)) / DAY;
    return { day, hour: Number(parts.hour) };
  };
  const offsetAt = (utc: number) => local(utc).day * 1440 + local(utc).hour * 60 - Math.floor(utc / MINUTE);
  const world = new World([{ ...PAPER, id: "soap" }]);
  let offset = offsetAt(START);
  const closedAt: [day: number, local: number][] = [];
  const expected: [day: number, local: number][] = [];
  world.more = {
    utcOffsetMinutes: offset,
    onEvent: (event) => event.kind === "dayClosed" && closedAt.push([event.day, world.clock.now]),
  };
  world.start();
  let { day } = local(START);
  for (let hour = 1; hour <= 730 * 24; hour++) {
    world.advance(HOUR);
    const now = local(world.clock.now);
    if (offsetAt(world.clock.now) !== offset) {
      offset = offsetAt(world.clock.now);
      world.device.setUtcOffset(offset);
    }
    if (now.day !== day) expected.push([day, world.clock.now]);
    day = now.day;
  }
  t.deepEqual(closedAt, expected);
  const lengths = closedAt.slice(1).map(([, at], index) => (at - closedAt[index]![1]) / HOUR);
  t.deepEqual(
    [23, 24, 25].map((hours) => lengths.filter((length) => length === hours).length),
    [2, 725, 2],
  );
  end(t, world);
});

test("a device that was never told the time orders only under the share that the product has set, from its second day on", (t) => {
  for (const [opening, unknownClockShare, orders] of [
    [200, 0, 0],
    [200, 0.2, 0],
    [200, 0.21, 1],
    // Under the share, but enough for months.
    [900, 1, 0],
  ] as const) {
    const world = new World([{ ...SOAP, opening, policy: { unknownClockShare } }]);
    world.wallClock = undefined;
    world.mood = "silent";
    world.start();
    world.restart();
    world.advance(DAY - MINUTE);
    t.deepEqual(world.events, []);
    world.advance(2 * DAY);
    t.is(world.device.slot("soap").cycle, orders);
    t.deepEqual(
      world.events.map(({ kind, day }) => [kind, day]),
      orders === 0 ? [] : [["intended", 0]],
    );
    world.restart();
    world.advance(2 * DAY);
    t.is(world.device.slot("soap").cycle, orders);
    world.mood = "up";
    world.advance(2 * HOUR);
    t.is(world.device.clockQuality, "trusted");
    t.deepEqual(
      world.gateway.intents.map(({ cycle, day, remaining }) => [cycle, day, remaining]),
      orders === 0 ? [] : [[1, 0, opening]],
    );
    const { cycles, stock } = durable(world.nor, world.slots);
    t.is(cycles.of(0).since, orders === 0 ? 0 : stock.openDay!, "it counts from the first day that is known");
    end(t, world);
  }
});

test("an order of before the time was known takes its course: five days after its cancellation comes the next", (t) => {
  const world = new World([{ ...LOW, policy: { unknownClockShare: 0.5 } }]);
  world.wallClock = undefined;
  world.mood = "silent";
  world.start();
  world.advance(DAY + MINUTE);
  t.is(world.device.slot("soap").state, "intended");
  world.mood = "up";
  world.advance(2 * HOUR);
  world.gateway.order("cancelled");
  world.advanceTo(1, VISIT + MINUTE);
  t.is(world.device.slot("soap").state, "cancelled");
  world.advanceTo(6, -MINUTE);
  t.is(world.gateway.intents.length, 1);
  world.advanceTo(6, HOUR);
  t.deepEqual(
    world.gateway.intents.map(({ cycle, day }) => [cycle, day === 0 ? 0 : day - FIRST]),
    [
      [1, 0],
      [2, 6],
    ],
  );
  end(t, world);
});

test("a device that was off for days closes them when it is told the time, and use is spread over them", (t) => {
  const world = new World().start();
  world.spendDay(30);
  world.device.consume("soap", 40);
  world.advance(HOUR);
  world.cutPower();
  world.advance(3 * DAY);
  world.start();
  t.deepEqual(world.events, [
    { kind: "dayClosed", day: FIRST },
    { kind: "dayClosed", day: FIRST + 3 },
  ]);
  // One day's status, although four were closed: it carries totals. And how the device is.
  t.like(world.device.figures, { queued: 2 });
  world.advance(MINUTE);
  t.like(world.gateway.statuses.at(-1), { day: FIRST + 4, consumed: 70 });
  // The same, learned apart: of three days an hour was metered, and one more hour is on the open day.
  const forecast = new Forecast({ priorRate: 1000 / 30, unit: 0 });
  forecast.learn(weekday(FIRST), 30, 1);
  for (let day = 1; day <= 3; day++) forecast.learn(weekday(FIRST + day), 40 / 3, 0);
  t.deepEqual(world.device.slot("soap").runOut, forecast.runOut(930, weekday(FIRST + 4)));
  end(t, world);
});

test("time in which a counter was off is no time without use; a level sensor saw the use of that time too", (t) => {
  for (const [sensing, observed] of [
    ["count", 0.5],
    ["level", 1],
  ] as const) {
    const world = new World([{ ...SOAP, capacity: 50_000, ratedLife: 500, sensing }]).start();
    const forecast = new Forecast({ priorRate: 100, unit: 0 });
    for (let day = 0; day < 30; day++) {
      world.device.consume("soap", 500);
      world.advance(12 * HOUR);
      // The commit keeps the time: the device knows when it was last metering.
      world.device.consume("soap", 500);
      world.cutPower();
      world.advance(12 * HOUR);
      world.start();
      forecast.learn(weekday(FIRST + day), 1000, observed);
    }
    t.deepEqual(world.device.slot("soap").runOut, forecast.runOut(20_000, weekday(FIRST + 30)), sensing);
    end(t, world);
  }
});

test("on the first day, the hours before the first start were not metered", (t) => {
  const world = new World();
  world.clock.now = START + 18 * HOUR;
  world.start();
  world.device.consume("soap", 15);
  world.advanceTo(1);
  const forecast = new Forecast({ priorRate: 1000 / 30, unit: 0 });
  forecast.learn(weekday(FIRST), 15, 0.25);
  t.deepEqual(world.device.slot("soap").runOut, forecast.runOut(985, weekday(FIRST + 1)));
  end(t, world);
});

test("without a clock of the board, a restart goes on from the time that was kept, and asks", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.start();
  world.advance(DAY + HOUR);
  t.is(world.device.clockQuality, "trusted");
  world.mood = "silent";
  world.restart();
  t.is(world.device.clockQuality, "drifting");
  // The heartbeat keeps the time at least every six hours: days go on closing.
  world.advance(2 * DAY + 6 * HOUR);
  t.true(world.events.filter(({ kind }) => kind === "dayClosed").length >= 3);
  world.mood = "up";
  world.advance(2 * HOUR);
  t.is(world.device.clockQuality, "trusted");
  end(t, world);
});

test("the time is kept with use that is committed: a restart loses minutes of the day, not hours", (t) => {
  const world = new World();
  world.wallClock = undefined;
  world.start();
  world.advanceTo(1, -10 * MINUTE);
  world.device.consume("soap", 10);
  world.advance(5 * MINUTE);
  world.mood = "silent";
  world.restart();
  world.advance(10 * MINUTE - SECOND);
  t.deepEqual(world.events, []);
  world.advance(2 * SECOND);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  end(t, world);
});

test("the time is kept at least every half hour", (t) => {
  const world = new World().start();
  for (let i = 0; i < 60; i++) {
    const { commits } = world.device.figures;
    world.advance(31 * MINUTE);
    t.true(world.device.figures.commits > commits);
  }
  end(t, world);
});

test("restarts do not bias the run-out: the hours before one were metered", (t) => {
  const medianAfter = (restarts: number) => {
    const world = new World().start();
    for (let day = 0; day < 60; day++)
      for (let hour = 0; hour < 24; hour++) {
        world.advanceTo(day, hour * HOUR);
        if (restarts > 0 && hour % (24 / restarts) === 2) world.restart();
        if (hour % 8 === 3) world.device.consume("soap", 10);
        if (world.device.slot("soap").remaining < 300) world.device.refill("soap", 600);
      }
    const { remaining, runOut } = world.device.slot("soap");
    end(t, world);
    return [remaining, runOut.median] as const;
  };
  const [remaining, undisturbed] = medianAfter(0);
  for (const restarts of [1, 4, 8]) {
    const [left, median] = medianAfter(restarts);
    t.is(left, remaining);
    t.true(Math.abs(median - undisturbed) <= 1, `${restarts} restarts a day: ${median}, ${undisturbed}`);
  }
});

test("a journal of random bytes is formatted with a warning, and works", (t) => {
  const random = (seed: number) => {
    let state = seed;
    return Uint8Array.from({ length: 65_536 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
  };
  for (const seed of [1, 2, 3]) {
    const world = new World([LOW], new NorFlash({ content: random(seed) })).start();
    t.deepEqual(world.warnings, ["journal: the partition holds no ledger; it is formatted"]);
    world.device.consume("soap", 50);
    world.restart();
    t.is(world.warnings.length, 1);
    t.is(world.device.account("soap").consumed, 50);
    world.advanceTo(1, MINUTE);
    t.is(world.gateway.intents.length, 1);
    end(t, world);
  }
});

test("a device whose journal was lost numbers its messages above what the gateway has seen", (t) => {
  const world = new World([LOW]);
  world.gateway.seen = 5000;
  world.start();
  world.advanceTo(1, MINUTE);
  t.is(world.device.figures.queued, 0);
  t.true(world.gateway.stored.every(({ sequence }) => sequence > 5000));
  t.is(world.gateway.statuses.length, 1);
  t.is(world.gateway.intents.length, 1);
  end(t, world);
});

test("a device whose journal was lost orders again, in cycles that the gateway does not know", (t) => {
  const world = told(ordered(), ["accepted"], ["placed", 3], ["shipped", 3]);
  world.device.refill("soap", 1000);
  // The next day's status confirms the events: the gateway does not send them again.
  world.advanceTo(3);
  t.is(world.gateway.confirmed, 3);
  world.cutPower();
  world.nor.bytes.forEach((_, at) => {
    world.nor.bytes[at] = (at * 167) % 251;
  });
  world.slots = [{ ...LOW }];
  world.start();
  world.advanceTo(5, MINUTE);
  t.true(world.warnings.some((text) => text.includes("its journal, which was lost")));
  t.false(world.warnings.some((text) => text.includes("did not come down")));
  const [first, second] = world.gateway.intents;
  t.is(world.gateway.intents.length, 2);
  t.is(first!.cycle, 1);
  t.true(second!.cycle > FIRST, "above every cycle that there can have been");
  world.gateway.order("accepted", second!.cycle);
  world.gateway.order("placed", second!.cycle, FIRST + 10);
  world.advanceTo(7);
  t.like(world.device.slot("soap"), { state: "placed", cycle: second!.cycle });
  // Up to the first acknowledgement the device cannot know better, and the gateway refuses what is under old sequences.
  const { problems } = world.gateway;
  t.deepEqual(
    problems.filter(
      (problem) => !/^(sequence 1 was used for two bodies|event 0 confirmed after 3)$/.test(problem),
    ),
    [],
  );
  problems.length = 0;
  end(t, world);
});

test("what a sensor asks to have kept goes with the next commit, and closing keeps it in any case", (t) => {
  const world = new World([SOAP, PAPER]).start();
  t.is(world.device.calibration("soap"), 0);
  world.device.calibrate("soap", -123_456);
  world.device.calibrate("paper", 2 ** 50);
  t.is(world.device.calibration("soap"), -123_456);
  world.restart();
  t.is(world.device.calibration("soap"), 0, "cut before a commit");
  world.device.calibrate("soap", -123_456);
  world.device.calibrate("paper", 2 ** 50);
  world.device.consume("soap", 10);
  world.restart();
  t.deepEqual([world.device.calibration("soap"), world.device.calibration("paper")], [-123_456, 2 ** 50]);
  world.device.calibrate("soap", 7);
  world.advanceTo(1);
  world.restart();
  t.is(world.device.calibration("soap"), 7, "the day was closed");
  world.device.calibrate("soap", 8);
  world.device.close();
  world.start();
  t.is(world.device.calibration("soap"), 8, "closed");
  const { commits } = world.device.figures;
  world.device.calibrate("soap", 8);
  world.device.close();
  t.is(world.device.figures.commits, commits, "nothing has changed");
  end(t, world);
});

test("garbage that comes down is refused with a warning, and the visit goes on", (t) => {
  const world = ordered();
  world.gateway.answer = () => undefined;
  world.advanceTo(1, VISIT + SECOND);
  const { commits } = world.device.figures;
  world.warnings.length = 0;
  for (const garbage of [new Uint8Array(5), new Uint8Array(60).fill(3)]) world.push(garbage);
  world.gateway.answer = (same) => same;
  const answer = world.gateway.say()!;
  world.push(answer.map((byte, index) => (index === 30 ? byte ^ 1 : byte)));
  t.is(world.device.figures.commits, commits);
  t.deepEqual(
    world.warnings.map((text) => text.replace(/.*refused: /, "")),
    [
      "sealed message: at least 21 bytes are accepted (got 5)",
      "sealed message 50529027: does not open with key 3",
      `sealed message ${world.gateway.down}: does not open with key 3`,
    ],
  );
  world.push(answer);
  t.is(world.device.figures.queued, 0);
  end(t, world);
});

test("wrong use is refused with a typed error that names the value, and changes nothing", (t) => {
  const world = new World([SOAP, PAPER]).start();
  const { device } = world;
  const refused = (code: string, call: () => void, message: RegExp) =>
    t.throws(call, { instanceOf: EverfullError, code, message });
  const unknown = /^slot: one of soap, paper is accepted \(got tea\)$/;
  refused("argument", () => device.slot("tea"), unknown);
  refused("argument", () => device.account("tea"), unknown);
  refused("argument", () => device.consume("tea", 1), unknown);
  refused("argument", () => device.refill("tea", 1), unknown);
  refused("argument", () => device.calibrate("tea", 1), unknown);
  refused("argument", () => device.calibration("tea"), unknown);
  for (const steps of [-1, 0.5, 65_536, Number.NaN, Number.POSITIVE_INFINITY, "1" as never]) {
    const got = new RegExp(`\\(got ${steps}\\)$`);
    refused("argument", () => device.consume("soap", steps), got);
    refused("argument", () => device.refill("soap", steps), got);
  }
  refused(
    "argument",
    () => device.refill("soap", 0),
    /^refill: a whole number of steps from 1 to 65535 .*\(got 0\)$/,
  );
  for (const value of [0.5, 2 ** 50 + 1, -(2 ** 50) - 1, Number.NaN])
    refused("argument", () => device.calibrate("soap", value), /^calibrate: a whole number within/);
  for (const minutes of [841, -841, 0.5, Number.NaN, "60" as never])
    refused("argument", () => device.setUtcOffset(minutes), /^setUtcOffset: a whole number from -840 to 840/);
  t.like(device.account("soap"), { consumed: 0, refills: 0 });
  t.is(device.calibration("soap"), 0);

  device.close();
  device.close();
  const closed = /^everfull: it was closed$/;
  refused("closed", () => device.setTime(START), closed);
  refused("closed", () => device.setUtcOffset(60), closed);
  refused("closed", () => device.slot("soap"), closed);
  refused("closed", () => device.account("soap"), closed);
  refused("closed", () => device.consume("soap", 1), closed);
  refused("closed", () => device.refill("soap", 1), closed);
  refused("closed", () => device.calibrate("soap", 1), closed);
  refused("closed", () => device.calibration("soap"), closed);
  end(t, world);
});

test("after closing nothing runs, is sent or committed", (t) => {
  const world = ordered();
  world.device.consume("soap", 5);
  world.device.close();
  t.is(world.clock.waits.length, 0);
  const { written } = world.nor;
  const connections = world.connections.length;
  world.advance(3 * DAY);
  t.is(world.nor.written, written);
  t.is(world.connections.length, connections);
  t.true(world.connections.every(({ alive }) => !alive));
  end(t, world);
});

for (const kind of ["dayClosed", "intended", "order", "delivered"] as const)
  test(`a product may close in an event (${kind}), also while a message is being taken`, (t) => {
    const world = new World([LOW, { ...PAPER, opening: 0 }]);
    let closedAt: number | undefined;
    world.more = {
      onEvent: (event) => {
        if (event.kind !== kind || closedAt !== undefined) return;
        world.device.close();
        closedAt = world.nor.written;
      },
    };
    world.start();
    world.advanceTo(1, MINUTE);
    world.gateway.order("accepted");
    world.gateway.order("placed", 1, FIRST + 1);
    world.advanceTo(9);
    t.true(closedAt !== undefined);
    t.is(world.nor.written, closedAt!);
    t.deepEqual(world.clock.waits, []);
    t.true(world.connections.every(({ alive }) => !alive));
    end(t, world);
  });

test("what a product throws in an event is told and stops nothing", (t) => {
  const world = new World([LOW]);
  world.more = {
    onEvent: (event) => {
      if (event.kind === "dayClosed" || event.kind === "intended" || event.kind === "order")
        world.events.push(event);
      throw new Error("the product's own");
    },
  };
  world.start();
  world.advanceTo(1, MINUTE);
  world.gateway.order("accepted");
  world.advanceTo(3);
  t.deepEqual(new Set(world.events.map(({ kind }) => kind)), new Set(["dayClosed", "intended", "order"]));
  t.like(world.device.slot("soap"), { state: "accepted", cycle: 1 });
  t.true(world.warnings.includes('onEvent: threw on "order": the product\'s own'));
  t.is(world.gateway.intents.length, 1);
  end(t, world);
});

test("nine full slots fit in blocks of 4 KB, whatever their outbox holds and is set", (t) => {
  const slots = Array.from({ length: 9 }, (_, i) => ({ ...LOW, id: `s${i}` }));
  const world = new World(slots);
  world.wallClock = undefined;
  world.start();
  const set = slots.map((_, slot) => ({ slot, reserveDays: 1, epsilon: 999 }));
  world.gateway.settings = { kind: "settings", number: 65_535, utcOffset: 0, slots: set };
  // The settings arrive, and then no answer does.
  world.gateway.answer = () => undefined;
  world.advanceTo(0, MINUTE);
  t.is(world.settled.length, 1);
  world.device.setTime(world.clock.now);
  world.mood = "refusing";
  world.advanceTo(5);
  // A status and an intent of each, a poll of the first day, the answer to the settings and the health record.
  t.is(world.device.figures.queued, 21);
  world.gateway.answer = (same) => same;
  world.mood = "up";
  world.advanceTo(7);
  t.is(world.gateway.intents.length, 9);
  end(t, world);
});

test("a day that ends because of a message is closed while the message is taken, and its order goes with the same visit", (t) => {
  const world = new World([LOW]);
  world.wallClock = () => world.clock.now - 23 * HOUR;
  world.start();
  // By the board, it starts at one o'clock of the day before.
  world.advanceTo(0, VISIT - HOUR + MINUTE);
  t.deepEqual(
    world.events.map(({ kind, day }) => [kind, day - FIRST]),
    [
      ["dayClosed", -1],
      ["intended", 0],
    ],
  );
  t.is(world.gateway.intents.length, 1);
  t.is(world.device.figures.visits, 1);
  end(t, world);
});

const REFUSED: readonly [name: string, options: Partial<EverfullOptions>, message: RegExp][] = [
  ["an empty serial", { identity: { serial: "", key: KEY } }, /^identity\.serial: .*\(got ""\)$/],
  ["a serial with a topic's wildcard", { identity: { serial: "a+b", key: KEY } }, /\(got "a\+b"\)$/],
  ["a serial of 65 characters", { identity: { serial: "x".repeat(65), key: KEY } }, /^identity\.serial: /],
  [
    "key number 256",
    { identity: { serial: "a", key: { ...KEY, number: 256 } } },
    /^identity\.key\.number: .*\(got 256\)$/,
  ],
  ["key number -1", { identity: { serial: "a", key: { ...KEY, number: -1 } } }, /^identity\.key\.number: /],
  [
    "a secret of 31 bytes",
    { identity: { serial: "a", key: { number: 1, secret: new Uint8Array(31) } } },
    /^identity\.key\.secret: 32 bytes are accepted \(got 31\)$/,
  ],
  ["no host", { broker: { host: "", port: 1883 } }, /^broker\.host: .*\(got ""\)$/],
  ["port 0", { broker: { host: "h", port: 0 } }, /^broker\.port: .*\(got 0\)$/],
  ["port 65536", { broker: { host: "h", port: 65_536 } }, /^broker\.port: .*\(got 65536\)$/],
  ["a UTC offset of 15 hours", { utcOffsetMinutes: 900 }, /^utcOffsetMinutes: .*\(got 900\)$/],
  ["a version of two numbers", { version: [1, 2] as never }, /^version: three .*\(got 1,2\)$/],
  ["a version above 65535", { version: [1, 65_536, 0] }, /^version: .*\(got 1,65536,0\)$/],
  ["a version that is no whole number", { version: [1, 0.5, 0] }, /^version: .*\(got 1,0\.5,0\)$/],
  ["half a minute of UTC offset", { utcOffsetMinutes: 0.5 }, /^utcOffsetMinutes: .*\(got 0\.5\)$/],
  ["no slots", { slots: [] }, /^slots: 1 to 23 are accepted \(got 0\)$/],
  ["24 slots", { slots: Array.from({ length: 24 }, (_, i) => ({ ...SOAP, id: `s${i}` })) }, /\(got 24\)$/],
  [
    "more slots than fit in a block of the partition",
    { slots: Array.from({ length: 10 }, (_, i) => ({ ...SOAP, id: `s${i}` })) },
    /^slots: 10 need flash blocks of at least 4386 bytes \(the partition's have 4096\)$/,
  ],
  ["an id twice", { slots: [SOAP, SOAP] }, /^slot "soap": the id is used twice$/],
  ["a capacity of -3", { slots: [{ ...SOAP, capacity: -3 }] }, /^slot "soap": capacity .*\(got -3\)$/],
];

for (const [name, options, message] of REFUSED)
  test(`${name} is refused before the flash is touched or a connection opened`, (t) => {
    const world = new World();
    world.more = options;
    t.throws(() => world.start(), { instanceOf: EverfullError, code: "options", message });
    t.is(world.nor.written, 0);
    t.is(world.connections.length, 0);
  });

test("23 slots are accepted, and all are reported", (t) => {
  const world = new World(
    Array.from({ length: 23 }, (_, i) => ({ ...SOAP, id: `s${i}` })),
    new NorFlash({ blockLength: 16_384 }),
  );
  world.start();
  t.is(world.device.slotIds.length, 23);
  world.advanceTo(2);
  t.is(world.gateway.statuses.length, 23);
  end(t, world);
});

/** What is durable in a partition, read without the device. */
function durable(nor: NorFlash, slots: readonly SlotOptions[]) {
  const copy = new NorFlash({ ...nor.status(), content: nor.bytes });
  const checked = checkedSlots(slots);
  const codec = new Codec();
  const stock = new Stock(checked);
  const cycles = new Cycles(checked.length);
  const mailbox = new Mailbox(codec);
  const clock = new Clock({ ticks: () => 0, utcOffsetMinutes: 0 });
  new Ledger({ flash: copy, parts: [clock, stock, cycles, mailbox], warn: () => {} }).open();
  return { clock, stock, cycles, queue: mailbox.queue.map(({ body }) => codec.decodeUplink(body)) };
}

/**
 * A device shortly before the midnight on which it orders. `filler` commits before that put the end of the block elsewhere: with some of them a block is
 * erased within the night.
 */
function eve(filler: number, hasClock: boolean): World {
  const world = new World([LOW, PAPER], new NorFlash({ blockLength: 1280, blocks: 3 }));
  if (!hasClock) world.wallClock = undefined;
  world.start();
  world.advance(MINUTE);
  for (let i = 0; i < filler; i++) world.device.refill("paper", 1);
  world.advanceTo(1, -SECOND);
  return world;
}

for (const hasClock of [true, false])
  test(`whatever operation of the night the power is cut in, there is one status a day and one order (${hasClock ? "with" : "without"} a clock of the board)`, (t) => {
    const cutIn = { write: 0, erase: 0 };
    const states = { before: 0, after: 0 };
    let runs = 0;
    for (let filler = 0; filler < 48; filler += 4)
      for (const tear of ["before", "halfway", "after"] as const satisfies Tear[])
        for (let operation = 1; ; operation++) {
          const world = eve(filler, hasClock);
          world.flash.cutAt(operation, tear);
          world.advanceTo(1, 20 * MINUTE);
          const { isCut } = world.flash;
          const where = `filler ${filler}, cut ${tear} at operation ${operation}`;
          if (isCut) {
            runs++;
            cutIn[world.flash.cutIn!]++;
            const { stock, cycles, queue } = durable(world.nor, world.slots);
            const holds = (kind: "status" | "intent") =>
              [...queue, ...world.gateway.stored.map(({ message }) => message)].some(
                (message) => message.kind === kind && message.slot === 0 && message.day === FIRST + 1,
              );
            const reported = stock.reported(0) === FIRST + 1;
            states[reported ? "after" : "before"]++;
            t.is(holds("status"), reported, where);
            t.is(holds("intent"), reported, where);
            t.is(cycles.of(0).number, reported ? 1 : 0, where);
            t.is(stock.account(1).refills, filler, where);
          }
          // Power is back, once more torn away in what the start does, and back again.
          world.cutPower();
          if (isCut) {
            try {
              world.start({ operation: 1 + (operation % 3), tear });
            } catch (error) {
              if (!world.flash.isCut) throw error;
            }
            world.cutPower();
          }
          world.start();
          world.advanceTo(2, HOUR);
          t.deepEqual(
            world.gateway.intents.map(({ slot, cycle }) => [slot, cycle]),
            [[0, 1]],
            where,
          );
          for (const slot of [0, 1])
            t.deepEqual(
              world.gateway.statuses.filter((status) => status.slot === slot).map(({ day }) => day - FIRST),
              world.clock.now >= START + 2 * DAY + VISIT ? [1, 2] : [1],
              where,
            );
          t.is(world.device.account("paper").refills, filler, where);
          end(t, world);
          if (!isCut) break;
        }
    t.true(runs > 200, `${runs} cuts`);
    t.true(cutIn.write > 20 && cutIn.erase > 0, JSON.stringify(cutIn));
    t.true(states.before > 20 && states.after > 20, JSON.stringify(states));
  });

type Step =
  | { readonly kind: "consume"; readonly steps: number }
  | { readonly kind: "refill"; readonly steps: number }
  | { readonly kind: "order"; readonly state: OrderState; readonly days: number }
  | { readonly kind: "restart" }
  | { readonly kind: "cut"; readonly operation: number; readonly tear: Tear }
  | { readonly kind: "mood"; readonly mood: World["mood"] }
  | { readonly kind: "deaf"; readonly deaf: boolean };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.nat(60).map((steps) => ({ kind: "consume" as const, steps })) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 1200 }).map((steps) => ({ kind: "refill" as const, steps })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...ORDER_STATES), fc.nat(8))
      .map(([state, days]) => ({ kind: "order" as const, state, days })),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "restart" as const }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom<Tear>("before", "halfway", "after"))
      .map(([operation, tear]) => ({ kind: "cut" as const, operation, tear })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<World["mood"]>("up", "up", "refusing", "silent", "throwing")
      .map((mood) => ({ kind: "mood" as const, mood })),
  },
  { weight: 1, arbitrary: fc.boolean().map((deaf) => ({ kind: "deaf" as const, deaf })) },
);

test("after any history: no status twice, no cycle twice, none left out, totals that only rise, and nothing committed is lost", (t) => {
  const history = fc.array(fc.tuple(anyStep, fc.integer({ min: 1, max: 14 * 60 })), {
    minLength: 20,
    maxLength: 60,
  });
  fc.assert(
    fc.property(history, fc.boolean(), (steps, hasClock) => {
      const world = new World([LOW], new NorFlash({ blockLength: 1024, blocks: 3 }));
      if (!hasClock) world.wallClock = undefined;
      world.start();
      let known = world.device.account("soap");
      const recover = () => {
        world.restart();
        const account = world.device.account("soap");
        t.true(account.consumed >= known.consumed && account.refills >= known.refills);
      };
      for (const [step, minutes] of steps) {
        try {
          switch (step.kind) {
            case "consume":
              world.device.consume("soap", step.steps);
              break;
            case "refill":
              world.device.refill("soap", step.steps);
              break;
            case "order": {
              const cycle = world.gateway.intents.at(-1)?.cycle;
              const day = Math.floor(world.clock.now / DAY) + step.days;
              if (cycle !== undefined) world.gateway.order(step.state, cycle, step.days === 0 ? 0 : day);
              break;
            }
            case "restart":
              recover();
              break;
            case "cut":
              world.flash.cutAt(step.operation, step.tear);
              break;
            case "mood":
              world.mood = step.mood;
              break;
            case "deaf":
              world.gateway.answer = step.deaf ? () => undefined : (same) => same;
          }
        } catch (error) {
          if (!world.flash.isCut) throw error;
        }
        if (!world.flash.isCut) world.advance(minutes * MINUTE);
        if (world.flash.isCut) recover();
        known = world.device.account("soap");
        const { opening, refills, corrections, consumed, remaining } = known;
        t.is(opening + refills + corrections - consumed, remaining);
        t.true(remaining >= 0);
        known = { ...known, consumed, refills };
      }
      // In the end everything works again, and everything arrives.
      world.mood = "up";
      world.gateway.answer = (same) => same;
      recover();
      world.advance(2 * DAY);
      world.advanceTo(Math.floor((world.clock.now - START) / DAY), VISIT + DAY + HOUR);
      t.is(world.device.figures.queued, 0);
      const { statuses, intents } = world.gateway;
      const days = statuses.map(({ day }) => day);
      t.deepEqual(
        days,
        [...new Set(days)].sort((a, b) => a - b),
      );
      t.deepEqual(
        intents.map(({ cycle }) => cycle),
        intents.map((_, index) => index + 1),
      );
      t.is(intents.length, world.device.slot("soap").cycle);
      for (const [index, { consumed }] of statuses.entries())
        t.true(index === 0 || consumed >= statuses[index - 1]!.consumed);
      end(t, world);
    }),
    { numRuns: 60 },
  );
});

const SCENES: readonly (readonly [name: string, make: () => World, act: (world: World) => void])[] = [
  [
    "the time is told for the first time",
    () => {
      const world = new World([LOW, PAPER], new NorFlash({ blockLength: 1280, blocks: 3 }));
      world.wallClock = undefined;
      world.mood = "silent";
      world.start();
      world.device.consume("soap", 20);
      world.advance(30 * HOUR);
      return world;
    },
    (world) => world.device.setTime(world.clock.now),
  ],
  [
    "a clock ten years ahead is put right",
    () => {
      const world = new World([LOW, PAPER], new NorFlash({ blockLength: 1280, blocks: 3 }));
      world.wallClock = () => world.clock.now + 3650 * DAY;
      world.mood = "silent";
      world.start();
      world.advance(30 * HOUR);
      world.device.consume("soap", 20);
      world.wallClock = undefined;
      world.mood = "up";
      return world;
    },
    (world) => world.advance(2 * HOUR),
  ],
  [
    "the offset is moved over midnight",
    () => {
      const world = new World([LOW, PAPER], new NorFlash({ blockLength: 1280, blocks: 3 })).start();
      world.advance(30 * HOUR);
      world.device.consume("soap", 20);
      return world;
    },
    (world) => world.device.setUtcOffset(840),
  ],
];

for (const [name, make, act] of SCENES)
  test(`whatever operation the power is cut in while ${name}, clock, days and orders agree, and go on`, (t) => {
    let runs = 0;
    let erases = 0;
    for (let filler = 0; filler < 32; filler++)
      for (const tear of ["before", "halfway", "after"] as const satisfies Tear[])
        for (let operation = 1; ; operation++) {
          const world = make();
          for (let i = 0; i < filler; i++) world.device.refill("paper", 1);
          const where = `filler ${filler}, cut ${tear} at operation ${operation}`;
          world.flash.cutAt(operation, tear);
          try {
            act(world);
          } catch (error) {
            if (!world.flash.isCut) throw error;
          }
          const { isCut } = world.flash;
          if (isCut) runs++;
          if (world.flash.cutIn === "erase") erases++;
          const { clock, stock, cycles } = durable(world.nor, world.slots);
          const { day } = clock;
          // The calendar day is open only where the clock knows it, and both are right or wrong together.
          if (stock.openDay !== undefined)
            t.true(day !== undefined && Math.abs(day - stock.openDay) <= 1, where);
          t.true(cycles.of(0).since <= (stock.openDay ?? 0), where);
          t.is(stock.account(0).consumed, 20, where);
          world.cutPower();
          world.mood = "up";
          world.start();
          world.advanceTo(9, HOUR);
          const days = world.events.flatMap((event) =>
            event.kind === "dayClosed" ? [event.day - FIRST] : [],
          );
          const right = days.filter((each) => each < 1000);
          t.deepEqual(
            right,
            Array.from({ length: right.length }, (_, index) => right[0]! + index),
            where,
          );
          t.is(right.at(-1), 8, where);
          t.is(world.gateway.intents.length, 1, where);
          t.is(world.device.account("soap").consumed, 20, where);
          t.is(world.device.account("paper").refills, filler, where);
          if (!isCut) break;
        }
    t.true(runs > 40 && erases > 0, `${runs} cuts, ${erases} of them in an erase`);
  });

const anyTime = fc
  .tuple(
    fc.constantFrom(0, 0, 0, DAY, -DAY, 30 * DAY, -30 * DAY, 400 * DAY, -400 * DAY, 3650 * DAY, -3650 * DAY),
    fc.constantFrom(0, 0, 0, HOUR, -HOUR, 15 * HOUR, -15 * HOUR),
  )
  .map(([far, near]) => far + near);

const clockStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("consume" as const), value: fc.nat(60) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("restart" as const), value: fc.nat(90 * DAY) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("board" as const), value: anyTime }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("noBoard" as const), value: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("gateway" as const), value: anyTime }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("set" as const), value: anyTime }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("move" as const), value: fc.integer({ min: -840, max: 840 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("mood" as const), value: fc.nat(1) }) },
);

test("whatever the sources say, a closed day is opened again only by the stated re-dating, and no device is stuck", (t) => {
  const seen = { wrong: 0, doubted: 0, relative: 0, closed: 0 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(clockStep, fc.integer({ min: 1, max: 40 * 60 })), { minLength: 10, maxLength: 40 }),
      fc.boolean(),
      (steps, hasClock) => {
        const world = new World(
          [{ ...LOW, opening: 1000, policy: { unknownClockShare: 0.9 } }],
          new NorFlash({ blockLength: 1024, blocks: 3 }),
        );
        let offset = 0;
        let gatewayOff = 0;
        let open = 0;
        let doubts = 0;
        world.gateway.answer = (answer) => ({
          ...answer,
          time: Math.max(0, answer.time + Math.floor(gatewayOff / SECOND)),
        });
        world.more = {
          onEvent: (event) => {
            if (event.kind !== "dayClosed") return;
            seen.closed++;
            if (event.day < open) throw new Error(`day ${event.day} was closed after ${open}`);
            open = event.day + 1;
          },
          warn: (text) => {
            if (text.startsWith("onEvent")) t.fail(text);
            if (text.includes("believed")) doubts++;
            const match = /^clock: it was wrong; day (\d+) becomes day (\d+)$/.exec(text);
            if (!match) return;
            seen.wrong++;
            t.true(Number(match[1]) >= open, "it was the open one");
            open = Number(match[2]);
          },
        };
        if (!hasClock) {
          world.wallClock = undefined;
          world.mood = "silent";
        }
        world.start();
        let consumed = 0;
        let started = { metered: 0, relative: 1, at: world.clock.now };
        const restart = (time: number) => {
          world.cutPower();
          world.advance(time);
          const { clock, stock } = durable(world.nor, world.slots);
          world.start();
          started = { metered: clock.metered, relative: stock.relativeDay ?? 0, at: world.clock.now };
        };
        for (const [{ kind, value }, minutes] of steps) {
          switch (kind) {
            case "consume":
              world.device.consume("soap", value);
              break;
            case "restart":
              restart(value);
              break;
            case "board":
              world.wallClock = () => world.clock.now + value;
              break;
            case "noBoard":
              world.wallClock = undefined;
              break;
            case "gateway":
              gatewayOff = value;
              break;
            case "set":
              world.device.setTime(world.clock.now + value);
              break;
            case "move":
              offset = value;
              world.device.setUtcOffset(value);
              break;
            case "mood":
              world.mood = value === 0 ? "up" : "silent";
          }
          world.advance(minutes * MINUTE);
          const account = world.device.account("soap");
          t.is(account.opening + account.refills + account.corrections - account.consumed, account.remaining);
          t.true(account.consumed >= consumed && account.remaining >= 0);
          consumed = account.consumed;
          const { clock, stock, cycles } = durable(world.nor, world.slots);
          if (world.device.clockQuality === "unknown") {
            seen.relative++;
            // Days of metering are those of the position: nothing else moves them.
            const metered = started.metered + world.clock.now - started.at;
            t.is(stock.relativeDay, Math.max(started.relative, 1 + Math.floor(metered / DAY)));
            t.is(account.lastUse, undefined);
          } else {
            t.true(clock.now !== undefined);
            t.true(stock.openDay! >= open);
            t.true((account.lastUse ?? 0) <= stock.openDay!);
            t.true(stock.reported(0) <= stock.openDay! && cycles.of(0).since <= stock.openDay!);
          }
        }
        seen.doubted += doubts;
        // In the end the gateway is right. Without another source, it takes an hour to be believed.
        gatewayOff = 0;
        world.mood = "up";
        world.wallClock = undefined;
        restart(0);
        world.advance(4 * HOUR);
        t.is(world.device.clockQuality, "trusted");
        const closed = seen.closed;
        world.advance(5 * DAY);
        t.true(seen.closed >= closed + 2);
        // At noon, whatever the gateway's whole seconds take from the time.
        const local = () => world.clock.now + offset * MINUTE;
        world.advance(1.5 * DAY - (local() % DAY));
        t.is(open, Math.floor(local() / DAY));
        end(t, world);
      },
    ),
    { numRuns: 150 },
  );
  t.true(seen.wrong > 50 && seen.doubted > 50 && seen.relative > 50, JSON.stringify(seen));
});

test("two devices in one program do not disturb each other", (t) => {
  const worlds = [new World([LOW]).start(), new World([SOAP]).start()];
  for (const world of worlds) world.advanceTo(2);
  t.deepEqual(
    worlds.map(({ gateway }) => gateway.intents.length),
    [1, 0],
  );
  t.true(worlds.every(({ device }) => device instanceof Everfull));
  t.true(worlds[0]!.connections[0]!.packets.includes(PACKET.DISCONNECT));
  for (const world of worlds) end(t, world);
});

test("each slot is reported in a turn of the loop of its own, in order, and nothing waits for them but the visit", (t) => {
  const slots = Array.from({ length: 4 }, (_, i) => ({ ...SOAP, id: `slot-${i}` }));
  const world = new World(slots).start();
  for (const { id } of slots) world.device.consume(id, 20);
  world.advanceTo(1, -1);
  world.gateway.stored.length = 0;
  const before = world.device.figures.commits;
  world.clock.advance(DAY, () => world.events.some(({ kind }) => kind === "dayClosed"));
  // The day's end. With the first report goes the health record.
  t.is(world.device.figures.commits, before + 1);
  t.is(world.device.figures.queued, 0);
  for (let reported = 1; reported <= 4; reported++) {
    world.clock.advance(0, () => true);
    t.is(world.device.figures.queued, reported + 1);
  }
  world.advance(DAY);
  t.deepEqual(
    world.gateway.statuses.slice(0, 4).map(({ slot, day }) => [slot, day]),
    [0, 1, 2, 3].map((slot) => [slot, FIRST + 1]),
  );
});

test("a cut between the reports of two slots: the rest is reported after the restart, and nothing twice", (t) => {
  const slots = Array.from({ length: 3 }, (_, i) => ({ ...SOAP, id: `slot-${i}` }));
  const world = new World(slots).start();
  for (const { id } of slots) world.device.consume(id, 20);
  world.advanceTo(1, -1);
  // Nothing is sent before the cut.
  world.mood = "silent";
  world.clock.advance(DAY, () => world.device.figures.queued > 0);
  // With the health record.
  t.is(world.device.figures.queued, 2);
  world.mood = "up";
  world.gateway.stored.length = 0;
  world.restart();
  world.advance(HOUR);
  t.deepEqual(
    world.gateway.statuses.map(({ slot, day }) => [slot, day]),
    [0, 1, 2].map((slot) => [slot, FIRST + 1]),
  );
  t.deepEqual(world.gateway.problems, []);
});

test("an order of the last slot goes up at once, with the reports of all", (t) => {
  const slots = Array.from({ length: 3 }, (_, i) => ({ ...SOAP, id: `slot-${i}` }));
  const world = new World(slots).start();
  world.advance(HOUR);
  world.device.consume("slot-2", 850);
  world.advanceTo(1, MINUTE);
  t.deepEqual(
    world.gateway.intents.map(({ slot }) => slot),
    [2],
  );
  t.true(world.gateway.statuses.filter(({ day }) => day === FIRST + 1).length === 3);
});

test("the next block is begun in a turn of the loop in which nothing is committed", (t) => {
  const world = new World().start();
  world.advance(HOUR);
  let within = 0;
  let between = 0;
  for (let i = 0; i < 2000; i++) {
    const { erases } = world.device.figures;
    world.device.consume("soap", 10);
    world.device.refill("soap", 10);
    const { erases: committed } = world.device.figures;
    if (committed > erases) within++;
    world.clock.advance(0);
    if (world.device.figures.erases > committed) between++;
  }
  t.is(within, 0);
  t.true(between > 5, `${between}`);
});

test("a journal that makes room is left alone while the store refuses, and when the device is closed", (t) => {
  const world = new World().start();
  world.advance(HOUR);
  const used = () => world.device.figures.erases;
  const before = used();
  // Up to the commit after which there is little room left.
  let waits = world.clock.waits.length;
  for (; world.clock.waits.length <= waits; waits = Math.min(waits, world.clock.waits.length))
    world.device.refill("soap", 10);
  t.is(world.clock.waits[0], 0);
  world.flash.refuses.add("erase");
  world.clock.advance(0);
  t.is(world.device.storage.state, "failing");
  world.flash.refuses.delete("erase");
  world.advance(HOUR);
  t.is(world.device.storage.state, "ok");
  t.true(used() > before);
  world.device.close();
  t.deepEqual(world.clock.waits, []);
});
