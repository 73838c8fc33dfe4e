import test from "ava";
import fc from "fast-check";
import { NOT_BEGUN, NorFlash } from "../../hal/simulator/nor-flash.js";
import { Clock } from "../../sdk/clock/clock.js";
import {
  type ByteWriter,
  EverfullError,
  Ledger,
  LedgerError,
  lossBound,
  RECORD,
  Stock,
} from "../../sdk/index.js";
import { checkedSlots } from "../../sdk/slot.js";
import { DAY, FIRST, MINUTE, PAPER, SOAP, World } from "./world.js";

const RETRY = 10 * MINUTE;

/** Soap that is ordered on the first midnight. */
const LOW = { ...SOAP, opening: 150 };

for (const operation of ["write", "erase"] as const)
  test(`while the flash refuses to ${operation}, metering goes on in RAM, and lasts when it is back`, (t) => {
    const world = new World([SOAP, PAPER], new NorFlash({ blocks: 3, blockLength: 1536 })).start();
    world.advance(MINUTE);
    t.is(world.device.storage.state, "ok");
    world.flash.refuses.add(operation);
    let used = 0;
    const use = (steps: number) => {
      used += steps;
      world.device.consume("soap", steps);
    };
    // A block that has room takes records without an erase.
    for (let i = 0; i < 60 && world.device.storage.state === "ok"; i++) use(10);
    t.is(world.device.storage.state, "failing");
    t.regex(world.device.storage.reason, new RegExp(`${operation} refused`));
    t.true(world.warnings.some((text) => /metering goes on in RAM/.test(text)));
    t.notThrows(() => use(25));
    t.is(world.device.slot("soap").remaining, 1000 - used);
    t.is(world.device.slot("soap").consumed, used);
    world.device.refill("soap", 300);
    use(40);
    t.is(world.device.slot("soap").remaining, 1300 - used);
    t.true(world.device.account("soap").consumed < used, "it is not committed");
    // It is tried now and then, and told once.
    world.advance(5 * RETRY);
    t.deepEqual(world.kinds, ["storage failing"]);
    world.flash.refuses.clear();
    world.advance(RETRY);
    t.deepEqual(world.kinds, ["storage failing", "storage ok"]);
    t.like(world.device.storage, { state: "ok", reason: "", worn: [] });
    t.is(world.device.account("soap").consumed, used);
    t.is(world.device.account("soap").remaining, 1300 - used);
    world.restart();
    t.is(world.device.account("soap").remaining, 1300 - used);
    t.is(world.device.account("soap").corrections, 0);
  });

test("what was used before a refill is booked before it, also when both waited for the store", (t) => {
  const world = new World([{ ...SOAP, opening: 100 }]).start();
  world.advance(MINUTE);
  world.flash.refuses.add("write");
  world.device.consume("soap", 90);
  world.device.refill("soap", 1000);
  world.device.consume("soap", 500);
  world.device.refill("soap", 10);
  t.is(world.device.slot("soap").remaining, 520);
  world.flash.refuses.clear();
  world.advance(RETRY);
  t.like(world.device.account("soap"), { remaining: 520, consumed: 590, refills: 1010, corrections: 0 });
});

test("days that end while the store refuses are closed when it is back, and nothing is sent of them before", (t) => {
  const world = new World([LOW]).start();
  world.advance(MINUTE);
  world.flash.refuses.add("write");
  world.device.consume("soap", 20);
  world.advanceTo(3, 5 * MINUTE);
  t.deepEqual(world.kinds, ["storage failing"]);
  t.deepEqual([world.gateway.statuses, world.gateway.intents], [[], []]);
  world.flash.refuses.clear();
  world.advanceTo(3, 2 * RETRY);
  t.deepEqual(world.kinds.slice(0, 4), ["storage failing", "storage ok", "dayClosed", "intended"]);
  t.is(world.events[0]!.day, FIRST + 2);
  t.deepEqual(
    world.gateway.intents.map(({ day, cycle }) => [day, cycle]),
    [[FIRST + 3, 1]],
  );
  t.deepEqual(world.gateway.problems, []);
});

test("a device whose flash cannot be read meters, sends nothing, and goes on from its journal when it can", (t) => {
  const world = new World([SOAP]).start();
  world.advance(MINUTE);
  world.device.consume("soap", 200);
  world.device.calibrate("soap", 77);
  world.advanceTo(1, DAY - MINUTE);
  const { sequence } = world.gateway.stored.at(-1)!;
  const connections = world.connections.length;
  world.cutPower().start(undefined, ["read"]);
  t.is(world.device.storage.state, "failing");
  t.is(world.device.clockQuality, "unknown");
  world.device.consume("soap", 30);
  world.device.refill("soap", 5);
  t.is(world.device.slot("soap").consumed, 30, "of this run; the rest it does not know");
  world.advance(3 * RETRY);
  t.is(world.connections.length, connections);
  t.deepEqual(world.kinds.slice(-1), ["storage failing"]);
  world.flash.refuses.clear();
  world.advance(RETRY);
  t.like(world.device.account("soap"), { consumed: 230, refills: 5, remaining: 775 });
  t.is(world.device.calibration("soap"), 77);
  t.is(world.device.storage.state, "ok");
  world.advance(DAY);
  t.true(world.gateway.stored.at(-1)!.sequence > sequence);
  t.deepEqual(world.gateway.problems, []);
});

test("a device whose flash cannot be written at the start sends nothing that is not proof against a cut", (t) => {
  const world = new World([LOW]).start();
  world.advance(MINUTE);
  world.cutPower();
  const stored = world.gateway.stored.length;
  world.start(undefined, ["write"]);
  world.advanceTo(2, 0);
  t.is(world.gateway.stored.length, stored);
  world.flash.refuses.clear();
  world.advanceTo(2, 30 * MINUTE);
  t.is(world.gateway.intents.length, 1);
});

test("closing while the store refuses says what is lost", (t) => {
  const world = new World([SOAP]).start();
  world.advance(MINUTE);
  world.flash.refuses.add("write");
  world.device.consume("soap", 20);
  world.device.close();
  t.true(world.warnings.some((text) => /closed while the store refuses/.test(text)));
  world.advance(DAY);
  t.deepEqual(world.kinds, ["storage failing"]);
});

test("a journal of a newer firmware is refused when the device starts, and not tried again", (t) => {
  const world = new World([SOAP]).start();
  const copy = world.nor.bytes.slice();
  // A header of format 9 that is whole.
  copy.set(Buffer.from("4556465209000000000000630000000100000000", "hex"), 4 * 4096);
  new DataView(copy.buffer).setUint32(4 * 4096 + 16, crc(copy.subarray(4 * 4096, 4 * 4096 + 16)));
  const newer = new World([SOAP], new NorFlash({ content: copy }));
  const error = t.throws(() => newer.start(), { instanceOf: LedgerError });
  t.is(error.code, "version");
  t.deepEqual(newer.nor.bytes, copy);
});

function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}

test("whatever the flash refuses and for how long, nothing that was metered is lost while power stays", (t) => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("consume" as const), steps: fc.nat(60) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("refill" as const),
        steps: fc.integer({ min: 1, max: 500 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("refuse" as const),
        what: fc.subarray(["read", "write", "erase"] as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), minutes: fc.nat(2000) }) },
  );
  let failed = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const world = new World([SOAP, PAPER], new NorFlash({ blocks: 3, blockLength: 1536 })).start();
      let remaining = 1000;
      let consumed = 0;
      for (const each of steps) {
        if (each.kind === "consume") {
          world.device.consume("soap", each.steps);
          consumed += each.steps;
          remaining = Math.max(0, remaining - each.steps);
        } else if (each.kind === "refill") {
          world.device.refill("soap", each.steps);
          remaining += each.steps;
        } else if (each.kind === "pass") world.advance(each.minutes * MINUTE);
        else {
          world.flash.refuses.clear();
          for (const what of each.what) world.flash.refuses.add(what);
        }
        const view = world.device.slot("soap");
        if (view.consumed !== consumed || view.remaining !== remaining) return false;
        const account = world.device.account("soap");
        if (account.opening + account.refills + account.corrections - account.consumed !== account.remaining)
          return false;
        if (world.device.storage.state === "failing") failed++;
      }
      world.flash.refuses.clear();
      world.advance(2 * RETRY);
      if (world.device.storage.state !== "ok" || world.gateway.problems.length > 0) return false;
      world.device.refill("soap", 1);
      world.restart();
      const account = world.device.account("soap");
      return account.consumed === consumed && account.remaining === remaining + 1;
    }),
    { numRuns: 200 },
  );
  t.true(failed > 200, `${failed} steps with a store that refuses`);
});

test("the bound of what a cut can lose holds for any capacity, and says nothing of what is committed at once", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 65535 }),
      fc.array(fc.nat(40), { minLength: 1, maxLength: 60 }),
      (capacity, uses) => {
        const world = new World([{ ...SOAP, capacity, refill: 1 }]).start();
        let used = 0;
        for (const steps of uses) {
          world.device.consume("soap", steps);
          used += steps;
          if (used - world.device.account("soap").consumed > world.device.lossBound("soap").steps)
            return false;
        }
        const kept = world.device.account("soap").consumed;
        world.restart();
        return world.device.account("soap").consumed === kept;
      },
    ),
    { numRuns: 60 },
  );
  t.deepEqual(lossBound({ capacity: 1000 }), { steps: 9, age: 10 * MINUTE });
  t.deepEqual(lossBound({ capacity: 100 }), { steps: 0, age: 0 });
  t.deepEqual(lossBound({ capacity: 65535 }), { steps: 655, age: 10 * MINUTE });
  const world = new World([SOAP]).start();
  t.is(t.throws(() => world.device.lossBound("x"), { instanceOf: EverfullError }).code, "argument");
});

/** The flash refuses every write and erase from the nth on. */
function refuseFrom(world: World, nth: number): void {
  let left = nth;
  world.nor.refuse = ({ kind }) => (kind !== "read" && left-- <= 0 ? NOT_BEGUN : undefined);
}

test("from whatever write of its first start on the flash refuses, a device comes to know the time, reports and orders", (t) => {
  for (const hasClock of [true, false])
    for (let nth = 0; nth < 20; nth++) {
      const world = new World([LOW]);
      if (!hasClock) world.wallClock = undefined;
      refuseFrom(world, nth);
      world.start();
      world.advance(25 * MINUTE);
      world.nor.refuse = undefined;
      world.advanceTo(3);
      const where = `${hasClock ? "with" : "without"} a clock, from write ${nth} on`;
      t.is(world.device.storage.state, "ok", where);
      t.is(world.device.clockQuality, "trusted", where);
      t.true(world.gateway.statuses.length >= 1, where);
      t.deepEqual(
        world.gateway.intents.map(({ cycle }) => cycle),
        [1],
        where,
      );
      t.deepEqual(world.gateway.problems, [], where);
    }
});

test("a clock that is put right while the store begins to refuse teaches nothing of the days between", (t) => {
  for (const days of [400, -400])
    for (let nth = 0; nth < 12; nth++) {
      const world = new World();
      world.wallClock = () => world.clock.now - days * DAY;
      world.mood = "silent";
      world.start();
      for (let day = 0; day < 5; day++) world.spendDay(30);
      refuseFrom(world, nth);
      world.mood = "up";
      world.advance(6 * 60 * MINUTE);
      world.nor.refuse = undefined;
      world.advance(DAY);
      const { median } = world.device.slot("soap").runOut;
      t.true(median > 15 && median < 60, `off by ${days} days, from write ${nth} on: ${median} days`);
      t.is(world.device.clockQuality, "trusted");
    }
});

test("time in which a device was off is not forgotten because the store refuses when it is told", (t) => {
  const medians = new Set<number>();
  for (const nth of [99, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    const world = new World();
    world.start();
    for (let day = 0; day < 20; day++) world.spendDay(2);
    world.cutPower();
    world.advance(30 * DAY);
    refuseFrom(world, nth);
    world.start();
    world.advance(5 * MINUTE);
    world.nor.refuse = undefined;
    world.advance(DAY);
    medians.add(world.device.slot("soap").runOut.median);
  }
  t.is(medians.size, 1, `${[...medians]}`);
});

test("a slot that remains below nothing, because a refill was damaged in flash, is put to nothing once", (t) => {
  for (const isLate of [false, true]) {
    const world = new World([SOAP]).start();
    world.advance(MINUTE);
    world.device.close();
    const stock = new Stock(checkedSlots(world.slots));
    const clock = new Clock({ ticks: () => 0, utcOffsetMinutes: 0 });
    const ledger = new Ledger({ flash: world.nor, parts: [clock, stock], warn: () => {} });
    ledger.open();
    const lost = (to: ByteWriter) => {
      to.byte(0);
      to.signed(-1060);
    };
    ledger.commit([{ kind: RECORD.corrected, write: lost }]);
    t.is(stock.account(0).remaining, -60);
    world.cutPower().start(undefined, isLate ? ["read"] : []);
    if (isLate) world.device.consume("soap", 7);
    world.flash.refuses.clear();
    world.advance(2 * RETRY);
    t.like(world.device.account("soap"), { remaining: 0, consumed: isLate ? 7 : 0 });
    t.is(world.device.account("soap").corrections, isLate ? -1060 + 67 : -1000);
  }
});

test("an order that the store does not take is not told of", (t) => {
  const world = new World([{ ...LOW, policy: { unknownClockShare: 0.14 } }]);
  world.wallClock = undefined;
  world.mood = "refusing";
  world.start();
  world.advance(25 * 60 * MINUTE);
  world.device.consume("soap", 20);
  refuseFrom(world, 0);
  world.advance(7 * 60 * MINUTE);
  t.deepEqual(world.events, []);
  world.nor.refuse = undefined;
  world.advance(7 * 60 * MINUTE);
  t.deepEqual(
    world.events.map(({ kind }) => kind),
    ["intended"],
  );
  t.is(world.device.slot("soap").cycle, 1);
});

test("a product may do anything when it is warned or told", (t) => {
  const world = new World([SOAP, PAPER], new NorFlash({ blocks: 3, blockLength: 1536 }));
  let used = 0;
  const use = () => {
    if (!world.device || used > 900) return;
    used += 11;
    world.device.consume("soap", 11);
  };
  world.more = {
    warn: () => {
      use();
      throw new Error("the product's own");
    },
    onEvent: use,
  };
  world.start();
  for (let i = 0; i < 8; i++) {
    refuseFrom(world, i);
    world.device.refill("paper", 5);
    world.advance(3 * RETRY);
    world.nor.refuse = undefined;
    world.advance(2 * RETRY);
  }
  world.device.refill("soap", 1);
  t.true(used > 50);
  t.is(world.device.account("soap").consumed, used);
  world.more = {};
  world.restart();
  t.is(world.device.account("soap").consumed, used);
  t.is(world.device.account("paper").refills, 40);
});

test("an order event that comes down while the store refuses is not told of, and is applied once when it is back", (t) => {
  const world = new World([LOW]).start();
  world.advanceTo(1, MINUTE);
  t.is(world.device.slot("soap").state, "intended");
  world.gateway.order("accepted");
  // The device asks for the outcome after a quarter of an hour, with a poll that is taken; then the store refuses.
  refuseFrom(world, 2);
  world.advanceTo(1, 20 * MINUTE);
  t.is(world.device.storage.state, "failing");
  t.false(world.kinds.includes("order"));
  t.is(world.device.slot("soap").state, "intended");
  world.nor.refuse = undefined;
  world.advanceTo(3);
  t.is(world.kinds.filter((kind) => kind === "order").length, 1);
  t.is(world.device.slot("soap").state, "accepted");
  t.deepEqual(world.gateway.problems, []);
});

test("no time is taken while the journal cannot be read", (t) => {
  const world = new World([SOAP]).start();
  world.advance(MINUTE);
  world.cutPower();
  world.wallClock = undefined;
  world.start(undefined, ["read"]);
  t.is(world.device.setTime(world.clock.now), "doubted");
  t.is(world.device.clockQuality, "unknown");
  t.false(world.device.setUtcOffset(60));
  world.flash.refuses.clear();
  world.advance(RETRY);
  t.is(world.device.setTime(world.clock.now), "taken");
  t.true(world.device.setUtcOffset(60));
});
