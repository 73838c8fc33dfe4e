import test from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { Forecast } from "../../../sdk/forecast/index.js";
import {
  ByteReader,
  Ledger,
  LedgerError,
  type LedgerRecord,
  Stock,
  weekday,
} from "../../../sdk/ledger/index.js";
import { checkedSlots, type Slot, type SlotOptions } from "../../../sdk/slot.js";
import { fold, loaded, saved } from "./fold.js";

const SOAP: SlotOptions = {
  id: "soap",
  unit: "milliliters",
  stepsPerUnit: 1,
  capacity: 1000,
  refill: 900,
  ratedLife: 30,
};
const BEANS: SlotOptions = {
  id: "beans",
  unit: "grams",
  stepsPerUnit: 1,
  capacity: 500,
  refill: 250,
  opening: 120,
  ratedLife: 20,
  noise: 4,
  sensing: "level",
};
const SLOTS = checkedSlots([SOAP, BEANS]);

/** The forecast that a slot starts with. */
function newForecast(slot: Slot): Forecast {
  return new Forecast({
    priorRate: slot.capacity / slot.ratedLife,
    unit: slot.smallestUse,
    noise: slot.noise,
  });
}

function stateOf(forecast: Forecast): string {
  const bytes = new Uint8Array(Forecast.BYTES);
  forecast.save(bytes);
  return Buffer.from(bytes).toString("hex");
}

/** What is visible of a slot. */
function view(stock: Stock, slot: number): object {
  const { opening, refills, corrections, consumed, remaining, onHand, today, lastUse } = stock.account(slot);
  return {
    ...{ opening, refills, corrections, consumed, remaining, onHand, today, lastUse },
    calibration: stock.calibration(slot),
    relativeDay: stock.relativeDay,
    reported: stock.reported(slot),
    openDay: stock.openDay,
    forecast: stateOf(stock.forecast(slot)),
  };
}

function views(stock: Stock): object[] {
  return [view(stock, 0), view(stock, 1)];
}

const step = fc.oneof(
  fc.record({ type: fc.constant("consume" as const), slot: fc.nat(1), value: fc.nat(700) }),
  fc.record({
    type: fc.constant("refill" as const),
    slot: fc.nat(1),
    value: fc.integer({ min: 1, max: 900 }),
  }),
  fc.record({ type: fc.constant("deliver" as const), slot: fc.nat(1), value: fc.nat(900) }),
  fc.record({ type: fc.constant("load" as const), slot: fc.nat(1), value: fc.nat(900) }),
  fc.record({ type: fc.constant("calibrate" as const), slot: fc.nat(1), value: fc.integer() }),
  fc.record({ type: fc.constant("close" as const), slot: fc.nat(1), value: fc.nat(4) }),
  fc.record({ type: fc.constant("miss" as const), slot: fc.nat(1), value: fc.nat(5000) }),
  fc.record({ type: fc.constant("report" as const), slot: fc.nat(1), value: fc.nat(3) }),
  fc.record({ type: fc.constant("meter" as const), slot: fc.nat(1), value: fc.nat(3) }),
  fc.record({ type: fc.constant("date" as const), slot: fc.nat(1), value: fc.nat(1439) }),
  fc.record({
    type: fc.constant("redate" as const),
    slot: fc.nat(1),
    value: fc.integer({ min: -9, max: 9 }),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const FIRST_DAY = 19_800;

/** Plain arithmetic beside the stock. */
class Model {
  opening = SLOTS.map((slot) => slot.opening);
  refills = [0, 0];
  corrections = [0, 0];
  consumed = [0, 0];
  onHand = [0, 0];
  day = FIRST_DAY;

  remaining(slot: number): number {
    return this.opening[slot]! + this.refills[slot]! + this.corrections[slot]! - this.consumed[slot]!;
  }

  /** The records of a step, whose effect is taken over here. */
  take(stock: Stock, { type, slot, value }: Step): LedgerRecord[] {
    switch (type) {
      case "consume":
        this.corrections[slot]! += Math.max(0, value - this.remaining(slot));
        this.consumed[slot]! += value;
        return stock.consume(slot, value);
      case "refill":
        this.refills[slot]! += value;
        return [stock.refill(slot, value)];
      case "deliver":
        this.onHand[slot]! += value;
        return [stock.book(slot, value)];
      case "load": {
        const steps = Math.min(value, this.onHand[slot]!);
        this.onHand[slot]! -= steps;
        this.refills[slot]! += steps;
        return [stock.refill(slot, steps), stock.book(slot, -steps)];
      }
      case "calibrate":
        return [stock.calibrate(slot, value)];
      case "close":
        this.day += value;
        return [stock.closeBefore(this.day)];
      case "miss":
        return [stock.miss(value)];
      case "report":
        return [stock.report(slot, this.day + value)];
      case "meter":
        return stock.relativeDay === undefined ? [] : [stock.closeBefore(stock.relativeDay + value)];
      case "date":
        return [stock.date(this.day, value, 1439 - value)];
      case "redate":
        if (stock.openDay === undefined) return [];
        this.day = stock.openDay + value;
        return [stock.redate(this.day, value * 60)];
    }
  }
}

test("opening + refills + corrections - consumed = remaining, exactly, after any history", (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const stock = new Stock(SLOTS);
      const model = new Model();
      for (const each of steps) {
        fold(stock, model.take(stock, each));
        for (let slot = 0; slot < 2; slot++) {
          const { opening, refills, corrections, consumed, remaining, onHand } = stock.account(slot);
          if (opening + refills + corrections - consumed !== remaining || remaining < 0) return false;
          if (
            opening !== model.opening[slot] ||
            refills !== model.refills[slot] ||
            corrections !== model.corrections[slot] ||
            consumed !== model.consumed[slot] ||
            onHand !== model.onHand[slot]
          )
            return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test("the whole state survives checkpoint and replay at any point", (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat(10), (steps, reopenEvery) => {
      const flash = new NorFlash({ blocks: 3, blockLength: 1024 });
      const open = () => {
        const stock = new Stock(SLOTS);
        const ledger = new Ledger({ flash, parts: [stock], warn: () => {} });
        ledger.open();
        return { stock, ledger };
      };
      let { stock, ledger } = open();
      const model = new Model();
      const live = new Stock(SLOTS);
      steps.forEach((each, index) => {
        const records = model.take(stock, each);
        ledger.commit(records);
        fold(live, records);
        if (index % (reopenEvery + 1) === 0) ({ stock, ledger } = open());
      });
      t.deepEqual(views(stock), views(live));
      t.deepEqual(saved(loaded(new Stock(SLOTS), stock)), saved(live));
    }),
    { numRuns: 60 },
  );
});

test("use is learned once: what closed days have taught and what the open one holds is what was consumed", (t) => {
  const { learn } = Forecast.prototype;
  try {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let learned = 0;
        Forecast.prototype.learn = function (this: Forecast, ...day: Parameters<typeof learn>) {
          learned += day[1];
          learn.apply(this, day);
        };
        const stock = new Stock(SLOTS);
        const model = new Model();
        for (const each of steps) {
          fold(stock, model.take(stock, each));
          const accounts = [stock.account(0), stock.account(1)];
          const held = accounts.reduce((sum, { today }) => sum + today, 0);
          const consumed = accounts.reduce((sum, account) => sum + account.consumed, 0);
          if (Math.abs(learned + held - consumed) > 1e-6) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
  } finally {
    Forecast.prototype.learn = learn;
  }
  t.pass();
});

test("a checkpoint that earlier firmware wrote before it knew the time holds the first day of metering", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, stock.consume(0, 7));
  const bytes = saved(stock);
  t.is(bytes[0], 1);
  bytes[0] = 0;
  // It kept no day of use then.
  const used = new Stock(SLOTS);
  used.load(new ByteReader(bytes));
  t.deepEqual([used.relativeDay, used.openDay, used.account(0).today], [1, undefined, 7]);
});

test("use beyond what is there is booked as a correction, so that nothing remains and no use is lost", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, stock.consume(1, 100));
  t.is(stock.account(1).corrections, 0);
  fold(stock, stock.consume(1, 50));
  const { corrections, consumed, remaining } = stock.account(1);
  t.deepEqual({ corrections, consumed, remaining }, { corrections: 30, consumed: 150, remaining: 0 });
  t.deepEqual(stock.consume(1, 0), []);
  t.is(stock.consume(1, 5).length, 2);
  t.is(stock.consume(0, 1000).length, 1);
});

test("a slot starts at its opening, with nothing known of any day", (t) => {
  const stock = new Stock(SLOTS);
  t.deepEqual(view(stock, 1), {
    opening: 120,
    refills: 0,
    corrections: 0,
    consumed: 0,
    remaining: 120,
    onHand: 0,
    today: 0,
    lastUse: undefined,
    calibration: 0,
    relativeDay: 1,
    reported: 0,
    openDay: undefined,
    forecast: stateOf(newForecast(SLOTS[1]!)),
  });
});

test("the first close of a calendar day, as earlier firmware wrote it, opens that, counts it as reported, and teaches nothing", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, stock.consume(0, 40));
  t.is(stock.account(0).lastUse, undefined);
  fold(stock, [stock.closeBefore(FIRST_DAY)]);
  t.is(stock.openDay, FIRST_DAY);
  t.deepEqual([stock.reported(0), stock.reported(1)], [FIRST_DAY, FIRST_DAY]);
  t.is(stateOf(stock.forecast(0)), stateOf(newForecast(SLOTS[0]!)));
  // Use of before the time was known belongs to the day on which it became known.
  t.is(stock.account(0).today, 40);
  fold(stock, stock.consume(0, 2));
  t.is(stock.account(0).lastUse, FIRST_DAY);
});

test("a closed day teaches its use under its weekday, and the next begins at nothing", (t) => {
  const stock = new Stock(SLOTS);
  const expected = newForecast(SLOTS[0]!);
  fold(stock, [stock.closeBefore(FIRST_DAY)]);
  for (let day = FIRST_DAY; day < FIRST_DAY + 10; day++) {
    const use = 20 + 3 * (day % 7);
    fold(stock, [...stock.consume(0, use - 5), ...stock.consume(0, 5), stock.closeBefore(day + 1)]);
    expected.learn(weekday(day), use, 1);
    t.is(stateOf(stock.forecast(0)), stateOf(expected));
    t.deepEqual([stock.account(0).today, stock.account(0).lastUse], [0, day]);
  }
});

test("use that gathered over several days is spread over them", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, [stock.closeBefore(FIRST_DAY), ...stock.consume(0, 100), stock.closeBefore(FIRST_DAY + 4)]);
  const expected = newForecast(SLOTS[0]!);
  for (let day = FIRST_DAY; day < FIRST_DAY + 4; day++) expected.learn(weekday(day), 25, 1);
  t.is(stateOf(stock.forecast(0)), stateOf(expected));
  t.is(stock.openDay, FIRST_DAY + 4);
});

test("minutes without metering shorten what was observed of a counter's day, not of a level's", (t) => {
  const stock = new Stock(SLOTS);
  const counted = newForecast(SLOTS[0]!);
  const leveled = newForecast(SLOTS[1]!);
  fold(stock, [stock.closeBefore(FIRST_DAY)]);
  const day = (minutes: number[], use: number, days: number, observed: number) => {
    const from = stock.openDay!;
    fold(stock, [
      ...minutes.map((each) => stock.miss(each)),
      ...stock.consume(0, use),
      ...stock.consume(1, use),
      stock.closeBefore(from + days),
    ]);
    for (let closed = from; closed < from + days; closed++) {
      counted.learn(weekday(closed), use / days, observed);
      leveled.learn(weekday(closed), use / days, 1);
    }
    t.is(stateOf(stock.forecast(0)), stateOf(counted));
    t.is(stateOf(stock.forecast(1)), stateOf(leveled));
  };
  day([360, 360], 10, 1, 0.5);
  // The next day starts with none missed.
  day([], 12, 1, 1);
  day([1440], 14, 2, 0.5);
  // More than there was of the day: nothing was observed.
  day([5000], 0, 1, 0);
});

test("a day that is closed is never opened again", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, [stock.closeBefore(FIRST_DAY), ...stock.consume(0, 30), stock.miss(60)]);
  const before = saved(stock);
  fold(stock, [stock.closeBefore(FIRST_DAY), stock.closeBefore(FIRST_DAY - 3)]);
  t.deepEqual(saved(stock), before);
});

test("while no calendar day is known, days of metering teach their use, and nothing about weekdays", (t) => {
  const stock = new Stock(SLOTS);
  const expected = newForecast(SLOTS[0]!);
  for (let day = 1; day <= 20; day++) {
    t.deepEqual([stock.relativeDay, stock.openDay], [day, undefined]);
    fold(stock, [...stock.consume(0, 10 + day), stock.closeBefore(day + 1), stock.closeBefore(day)]);
    expected.learn(undefined, 10 + day, 1);
    t.is(stateOf(stock.forecast(0)), stateOf(expected));
    t.deepEqual([stock.account(0).today, stock.account(0).lastUse], [0, undefined]);
  }
  t.is(stock.reported(0), 0);
});

test("the first calendar day ends the day of metering, as the part of a day that was metered of it", (t) => {
  const stock = new Stock(SLOTS);
  const counted = newForecast(SLOTS[0]!);
  const leveled = newForecast(SLOTS[1]!);
  fold(stock, [...stock.consume(0, 30), ...stock.consume(1, 40), stock.date(FIRST_DAY, 600, 360)]);
  counted.learn(undefined, 30, 0.25);
  leveled.learn(undefined, 40, 0.25);
  t.is(stateOf(stock.forecast(0)), stateOf(counted));
  t.is(stateOf(stock.forecast(1)), stateOf(leveled));
  t.deepEqual([stock.openDay, stock.relativeDay, stock.reported(0)], [FIRST_DAY, undefined, FIRST_DAY]);
  t.like(stock.account(0), { today: 0, lastUse: FIRST_DAY });
  // Once.
  const before = saved(stock);
  fold(stock, [...stock.consume(0, 0), stock.date(FIRST_DAY + 5, 600, 360)]);
  t.deepEqual(saved(stock), before);
});

test("use of less than a minute of metering goes to the calendar day", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, [...stock.consume(0, 30), stock.date(FIRST_DAY, 600, 0)]);
  t.is(stateOf(stock.forecast(0)), stateOf(newForecast(SLOTS[0]!)));
  t.like(stock.account(0), { today: 30, lastUse: FIRST_DAY });
});

test("the last use on a day of metering is dated by its position: to the later of the two days it lies in", (t) => {
  fc.assert(
    fc.property(fc.nat(40), fc.nat(40), fc.nat(1439), fc.nat(1439), (used, idle, metered, minute) => {
      const stock = new Stock(SLOTS);
      fold(stock, [
        stock.closeBefore(1 + used),
        ...stock.consume(0, 5),
        stock.closeBefore(1 + used + idle),
        stock.date(FIRST_DAY, minute, metered),
      ]);
      // Minute by minute, back from now to the last one of the day of metering that it was on.
      const ago = idle === 0 ? 0 : metered + (idle - 1) * 1440 + 1;
      return stock.account(0).lastUse === Math.floor((FIRST_DAY * 1440 + minute - ago) / 1440);
    }),
  );
  t.pass();
});

test("re-dating closes nothing and teaches nothing; what the wrong clock has dated moves with the open day", (t) => {
  for (const wrong of [3650, 2, -2, -3650]) {
    const stock = new Stock(SLOTS);
    const day = FIRST_DAY + wrong;
    fold(stock, [
      stock.closeBefore(day),
      ...stock.consume(0, 9),
      stock.closeBefore(day + 1),
      stock.report(0, day + 1),
    ]);
    fold(stock, [...stock.consume(1, 7), stock.miss(90)]);
    const forecasts = [0, 1].map((slot) => stateOf(stock.forecast(slot)));
    const { today } = stock.account(1);
    fold(stock, [stock.redate(FIRST_DAY + 1, -30)]);
    t.deepEqual(
      [0, 1].map((slot) => stateOf(stock.forecast(slot))),
      forecasts,
    );
    t.is(stock.openDay, FIRST_DAY + 1);
    t.is(stock.account(1).today, today);
    t.deepEqual([stock.account(0).lastUse, stock.account(1).lastUse], [FIRST_DAY, FIRST_DAY + 1]);
    t.deepEqual([stock.reported(0), stock.reported(1)], [FIRST_DAY + 1, FIRST_DAY]);
    // The day goes on: an hour of it is missed, and it is closed as any other.
    const expected = new Forecast(
      { priorRate: SOAP.capacity / SOAP.ratedLife, unit: 0, noise: 0 },
      Uint8Array.from(Buffer.from(forecasts[0]!, "hex")),
    );
    expected.learn(weekday(FIRST_DAY + 1), 0, 1 - 60 / 1440);
    fold(stock, [stock.closeBefore(FIRST_DAY + 2)]);
    t.is(stateOf(stock.forecast(0)), stateOf(expected));
  }
});

test("use that is rescaled goes on as told from the next day on, in its own slot", (t) => {
  const stock = new Stock(SLOTS);
  const expected = newForecast(SLOTS[0]!);
  fold(stock, [stock.closeBefore(FIRST_DAY), ...stock.consume(0, 30), stock.rescale(0, 1.5)]);
  expected.rescale(1.5);
  t.is(stateOf(stock.forecast(0)), stateOf(expected));
  t.is(stateOf(stock.forecast(1)), stateOf(newForecast(SLOTS[1]!)));
  expected.learn(weekday(FIRST_DAY), 30, 1);
  fold(stock, [stock.closeBefore(FIRST_DAY + 1)]);
  t.is(stateOf(stock.forecast(0)), stateOf(expected));
  t.deepEqual(views(loaded(new Stock(SLOTS), stock)), views(stock));
});

test("put back, days that were dated before the clock was wrong stay where they are", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, [stock.closeBefore(FIRST_DAY), ...stock.consume(0, 9)]);
  fold(stock, [stock.closeBefore(FIRST_DAY + 3650), ...stock.consume(1, 9), stock.redate(FIRST_DAY + 4, 0)]);
  t.deepEqual([stock.account(0).lastUse, stock.account(1).lastUse], [FIRST_DAY, FIRST_DAY + 4]);
  t.is(stock.reported(0), FIRST_DAY);
});

test("refills at the customer's place are kept apart from what is in the slot", (t) => {
  const stock = new Stock(SLOTS);
  fold(stock, [stock.book(0, 900), stock.refill(0, 300), stock.book(0, -300)]);
  const { onHand, refills, remaining } = stock.account(0);
  t.deepEqual({ onHand, refills, remaining }, { onHand: 600, refills: 300, remaining: 1300 });
});

test("a firmware that adds a slot starts it at its opening and keeps the others", (t) => {
  const before = new Stock(SLOTS);
  fold(before, [before.closeBefore(FIRST_DAY), ...before.consume(0, 77), before.calibrate(1, -12)]);
  const more = checkedSlots([SOAP, BEANS, { ...SOAP, id: "rinse", opening: 333 }]);
  const after = loaded(new Stock(more), before);
  t.deepEqual(views(after), views(before));
  t.is(after.account(2).remaining, 333);
  t.is(stateOf(after.forecast(2)), stateOf(newForecast(more[2]!)));
  fold(after, after.consume(2, 3));
  t.is(loaded(new Stock(more), after).account(2).remaining, 330);
});

test("a firmware that drops a slot passes over its state and its records", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 4096 });
  const before = new Stock(SLOTS);
  const ledger = new Ledger({ flash, parts: [before], warn: () => {} });
  ledger.open();
  const day = [before.closeBefore(FIRST_DAY)];
  ledger.commit([...day, ...before.consume(0, 5), ...before.consume(1, 7), before.refill(1, 3)]);
  ledger.commit([
    before.book(1, 4),
    before.calibrate(1, 4),
    before.report(1, FIRST_DAY),
    before.refill(0, 2),
  ]);
  const after = new Stock(SLOTS.slice(0, 1));
  new Ledger({ flash, parts: [after], warn: () => {} }).open();
  t.deepEqual(view(after, 0), view(before, 0));
  t.deepEqual(view(loaded(new Stock(SLOTS.slice(0, 1)), before), 0), view(before, 0));
});

test("the capacity of the slot may change between firmwares, the opening that was booked stays", (t) => {
  const before = new Stock(SLOTS);
  const after = loaded(new Stock(checkedSlots([{ ...SOAP, capacity: 2000 }, BEANS])), before);
  t.is(after.account(0).opening, 1000);
});

test("a stock takes what is its own and nothing else", (t) => {
  const stock = new Stock(SLOTS);
  const before = saved(stock);
  t.false(fold(stock, [{ kind: 8, write: (to) => to.byte(0) }]));
  t.deepEqual(saved(stock), before);
  t.true(fold(stock, [stock.calibrate(0, -5)]));
  t.is(
    t.throws(() => fold(stock, [{ kind: 1, write: (to) => to.byte(0) }]), { instanceOf: LedgerError }).code,
    "record",
  );
});

test("weekdays are those of the calendar", (t) => {
  const known: readonly (readonly [number, number, number, number])[] = [
    [1969, 12, 31, 2],
    [1970, 1, 1, 3],
    [1970, 1, 5, 0],
    [2000, 1, 1, 5],
    [2000, 2, 29, 1],
    [2024, 2, 29, 3],
    [2026, 7, 5, 6],
  ];
  for (const [year, month, date, day] of known)
    t.is(weekday(Date.UTC(year, month - 1, date) / 86_400_000), day, `${year}-${month}-${date}`);
  for (let day = -1000; day < 30_000; day += 13)
    t.is(weekday(day), (new Date(day * 86_400_000).getUTCDay() + 6) % 7);
});
