import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { ByteReader, Ledger, RECORD } from "../../../sdk/ledger/index.js";
import { DeviceSettings } from "../../../sdk/settings/settings.js";
import { checkedSlots, type SlotOptions } from "../../../sdk/slot.js";
import type { Settings, SettingsOutcome, SlotSettings } from "../../../sdk/uplink/index.js";
import { fnv1a } from "../../../sdk/uplink/spread.js";
import { FIRST, HOUR, MINUTE, PAPER, SERIAL, SOAP, type Tear, World } from "../world.js";

/** Reserve and probability that are no defaults. */
const TUNED: SlotOptions = { ...PAPER, id: "tuned", policy: { reserveDays: 4, epsilon: 0.2, graceDays: 5 } };
const SLOTS = checkedSlots([SOAP, TUNED]);

const settings = (number: number, more: Partial<Settings> = {}): Settings => ({
  kind: "settings",
  number,
  slots: [],
  ...more,
});

function end(t: ExecutionContext, world: World): void {
  t.deepEqual(world.violations, []);
  t.deepEqual(world.gateway.problems, []);
}

/** Settings on a journal, which may be opened again at any moment. */
class Durable {
  readonly flash = new NorFlash({ blockLength: 512, blocks: 3 });
  settings!: DeviceSettings;
  #ledger!: Ledger;

  constructor() {
    this.reopen();
  }

  reopen(): void {
    this.settings = new DeviceSettings(SLOTS);
    this.#ledger = new Ledger({ flash: this.flash, parts: [this.settings], warn: () => {} });
    this.#ledger.open();
  }

  settle(message: Settings): SettingsOutcome {
    const { outcome } = this.settings.judge(message);
    this.#ledger.commit([this.settings.settle(message, outcome !== "applied")]);
    return outcome;
  }
}

const REFUSED: readonly [name: string, message: Partial<Settings>, SettingsOutcome, slot: number][] = [
  ["more than 14 hours ahead", { utcOffset: 841 }, "utcOffset", 0],
  ["what two bytes hold", { utcOffset: 64_694 }, "utcOffset", 0],
  ["a slot that is not there", { slots: [{ slot: 2, reserveDays: 1 }] }, "slot", 2],
  ["a slot twice", { slots: [{ slot: 1 }, { slot: 0 }, { slot: 1, epsilon: 30 }] }, "slot", 1],
  ["a reserve of more than a year", { slots: [{ slot: 1, reserveDays: 366 }] }, "reserveDays", 1],
  ["a probability of 0", { slots: [{ slot: 0, epsilon: 0 }] }, "epsilon", 0],
  [
    "a probability of 1",
    {
      slots: [
        { slot: 0, reserveDays: 9 },
        { slot: 1, epsilon: 1000 },
      ],
    },
    "epsilon",
    1,
  ],
];

for (const [name, message, outcome, slot] of REFUSED)
  test(`${name} is refused, and nothing of the settings is applied`, (t) => {
    const durable = new Durable();
    durable.settle(settings(1, { slots: [{ slot: 0, reserveDays: 3 }] }));
    t.deepEqual(durable.settings.judge(settings(2, message)), { outcome, slot });
    t.is(durable.settle(settings(2, message)), outcome);
    for (let i = 0; i < 2; i++) {
      t.is(durable.settings.number, 2, "it is done with");
      t.like(durable.settings.policy(0), { reserveDays: 3, epsilon: 0.03 });
      t.is(durable.settings.policy(1), SLOTS[1]!.policy);
      durable.reopen();
    }
  });

test("every value within its bounds is applied, and what is left out is as configured", (t) => {
  const { policy } = SLOTS[1]!;
  for (const [set, expected] of [
    [{}, policy],
    [{ reserveDays: 0 }, { ...policy, reserveDays: 0 }],
    [{ reserveDays: 365 }, { ...policy, reserveDays: 365 }],
    [{ epsilon: 1 }, { ...policy, epsilon: 0.001 }],
    [
      { epsilon: 999, reserveDays: 2 },
      { ...policy, epsilon: 0.999, reserveDays: 2 },
    ],
  ] as const) {
    const durable = new Durable();
    t.is(durable.settle(settings(1, { slots: [{ slot: 1, ...set }] })), "applied");
    for (let i = 0; i < 2; i++) {
      t.deepEqual(durable.settings.policy(1), expected);
      t.is(durable.settings.policy(0), SLOTS[0]!.policy);
      durable.reopen();
    }
  }
  for (const utcOffset of [-840, 0, 840])
    t.is(new DeviceSettings(SLOTS).judge(settings(1, { utcOffset })).outcome, "applied");
});

test("a firmware that has dropped a slot still reads what was set for it", (t) => {
  const durable = new Durable();
  durable.settle(
    settings(1, {
      slots: [
        { slot: 0, reserveDays: 2 },
        { slot: 1, reserveDays: 3 },
      ],
    }),
  );
  const fewer = new DeviceSettings(SLOTS.slice(0, 1));
  new Ledger({ flash: durable.flash, parts: [fewer], warn: () => {} }).open();
  t.is(fewer.number, 1);
  t.is(fewer.policy(0).reserveDays, 2);
});

test("records of other parts are left to them", (t) => {
  t.false(new DeviceSettings(SLOTS).replay(RECORD.moved, new ByteReader(new Uint8Array(4))));
});

const anySlot: fc.Arbitrary<SlotSettings> = fc.record(
  { slot: fc.nat(2), reserveDays: fc.nat(400), epsilon: fc.nat(1100) },
  { requiredKeys: ["slot"], noNullPrototype: true },
);
const anySettings = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.array(anySlot, { maxLength: 3 }))
  .map(([number, slots]) => settings(number, { slots }));

test("repeated, overtaken and lost settings end in the newest that could be applied, over any restarts", (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anySettings, fc.boolean()), { maxLength: 30 }), (steps) => {
      const durable = new Durable();
      // In the words of the README, and by number only: two bodies never have one.
      let newest = 0;
      let held: readonly SlotSettings[] = [];
      for (const [message, reopens] of steps) {
        const isNew = message.number > newest;
        const isFine =
          new Set(message.slots.map(({ slot }) => slot)).size === message.slots.length &&
          message.slots.every(
            ({ slot, reserveDays = 0, epsilon = 1 }) =>
              slot < 2 && reserveDays <= 365 && epsilon >= 1 && epsilon <= 999,
          );
        t.is(durable.settle(message) === "applied", isFine);
        if (isNew) newest = message.number;
        if (isNew && isFine) held = message.slots;
        if (reopens) durable.reopen();
        t.is(durable.settings.number, newest);
        for (const index of [0, 1]) {
          const set = held.find(({ slot }) => slot === index);
          const { policy } = SLOTS[index]!;
          t.like(durable.settings.policy(index), {
            reserveDays: set?.reserveDays ?? policy.reserveDays,
            epsilon: set?.epsilon === undefined ? policy.epsilon : set.epsilon / 1000,
          });
        }
      }
    }),
    { numRuns: 200 },
  );
});

// --- The whole device.

/** Time of the day at which this device visits the broker. */
const VISIT = (fnv1a(SERIAL) % (24 * 60)) * MINUTE;
/** A fortnight of soap at the rated pace: with the default reserve there is time. */
const LASTING: SlotOptions = { ...SOAP, opening: 600 };

test("settings come down, hold at once and over restarts, and are answered in the same visit", (t) => {
  const world = new World([LASTING, TUNED]).start();
  world.advanceTo(1, MINUTE);
  t.is(world.device.slot("soap").decision, "covered");
  world.gateway.settings = settings(1, {
    utcOffset: 120,
    slots: [
      { slot: 0, reserveDays: 20 },
      { slot: 1, epsilon: 500 },
    ],
  });
  world.advanceTo(1, VISIT + MINUTE);
  t.deepEqual(world.settled, [{ kind: "settings", number: 1, outcome: "applied" }]);
  t.deepEqual(
    world.gateway.answers.map(({ number, outcome, slot }) => [number, outcome, slot]),
    [[1, "applied", 0]],
  );
  t.is(world.device.figures.queued, 0);
  t.is(world.device.slot("soap").decision, "late");
  for (let i = 0; i < 2; i++) {
    t.like(world.device.policy("soap"), { reserveDays: 20, epsilon: 0.03, leadDays: 7 });
    t.like(world.device.policy("tuned"), { reserveDays: 4, epsilon: 0.5, graceDays: 5 });
    t.like(world.device.health, { settings: 1, utcOffset: 120 });
    world.restart();
  }
  // The day ends two hours earlier now, and the order that is due goes with it.
  world.advanceTo(1, 22 * HOUR + MINUTE);
  t.like(world.gateway.statuses.at(-2)!, { day: FIRST + 2 });
  t.like(world.gateway.intents[0]!, { slot: 0, cycle: 1, day: FIRST + 2 });
  t.like(world.gateway.health.at(-1)!, { day: FIRST + 2, settings: 1, utcOffset: 120 });
  end(t, world);
});

test("a shorter reserve and a higher probability hold an order back that was about to be made", (t) => {
  const LOW: SlotOptions = { ...SOAP, opening: 330, policy: { reserveDays: 5 } };
  for (const isSet of [false, true]) {
    const world = new World([LOW]).start();
    if (isSet) world.gateway.settings = settings(1, { slots: [{ slot: 0, reserveDays: 0, epsilon: 999 }] });
    world.advanceTo(1, HOUR);
    t.is(world.gateway.intents.length, isSet ? 0 : 1);
    t.is(world.device.slot("soap").decision, isSet ? "covered" : "cycle-open");
    end(t, world);
  }
});

test("settings that are refused are answered with the reason, and what held before still does", (t) => {
  const world = new World([SOAP]).start();
  world.gateway.settings = settings(1, { utcOffset: 60, slots: [{ slot: 0, reserveDays: 2 }] });
  world.advanceTo(2);
  world.gateway.settings = settings(2, { utcOffset: -60, slots: [{ slot: 0, reserveDays: 500 }] });
  world.advanceTo(3);
  t.deepEqual(
    world.gateway.answers.map(({ number, outcome, slot }) => [number, outcome, slot]),
    [
      [1, "applied", 0],
      [2, "reserveDays", 0],
    ],
  );
  t.deepEqual(world.settled.at(-1), { kind: "settings", number: 2, outcome: "reserveDays" });
  t.is(world.device.policy("soap").reserveDays, 2);
  t.like(world.device.health, { settings: 2, utcOffset: 60 });
  end(t, world);
});

test("the offset of the gateway and that of the product replace each other, the later holds", (t) => {
  const world = new World([SOAP]).start();
  world.gateway.settings = settings(1, { utcOffset: 60 });
  world.advanceTo(1);
  t.is(world.device.health.utcOffset, 60);
  t.true(world.device.setUtcOffset(-30));
  t.is(world.device.health.utcOffset, -30);
  world.gateway.settings = settings(2, { slots: [{ slot: 0, epsilon: 5 }] });
  world.advanceTo(2);
  t.like(world.device.health, { settings: 2, utcOffset: -30 });
  world.gateway.settings = settings(3, { utcOffset: 0 });
  world.advanceTo(3);
  t.like(world.device.health, { settings: 3, utcOffset: 0 });
  end(t, world);
});

test("repeated, old and missing numbers: what is newer is applied, once, and the rest changes nothing", (t) => {
  const world = new World([SOAP]).start();
  world.twice = true;
  const numbers = [2, 1, 2, 5, 4, 5, 3, 9, 9];
  for (const [day, number] of numbers.entries()) {
    world.gateway.settings = settings(number, { slots: [{ slot: 0, reserveDays: 10 + number }] });
    // A gateway that has forgotten the answer sends it with every message.
    world.gateway.settled = 0;
    world.advanceTo(day + 1);
    t.is(world.device.policy("soap").reserveDays, 10 + Math.max(...numbers.slice(0, day + 1)));
  }
  t.deepEqual(
    world.settled.map(({ number }) => number),
    [2, 5, 9],
  );
  t.deepEqual(
    world.gateway.answers.map(({ number }) => number),
    [2, 5, 9],
  );
  end(t, world);
});

test("whatever message is lost or doubled, settings are applied once and the answer arrives", (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          answers: fc.boolean(),
          twice: fc.boolean(),
          mood: fc.constantFrom("up", "silent", "refusing"),
        }),
        {
          minLength: 3,
          maxLength: 8,
        },
      ),
      (days) => {
        const world = new World([SOAP]).start();
        for (const [day, { answers, twice, mood }] of days.entries()) {
          const number = 1 + Math.floor(day / 2);
          world.gateway.settings = settings(number, { slots: [{ slot: 0, reserveDays: number }] });
          world.gateway.answer = (same) => (answers ? same : undefined);
          world.twice = twice;
          world.mood = mood as World["mood"];
          world.advanceTo(day + 1);
          if (day % 3 === 2) world.restart();
        }
        world.mood = "up";
        world.gateway.answer = (same) => same;
        world.advanceTo(days.length + 2);
        const newest = 1 + Math.floor((days.length - 1) / 2);
        t.is(world.device.policy("soap").reserveDays, newest);
        t.is(world.gateway.settled, newest);
        const told = world.settled.map(({ number }) => number);
        t.deepEqual(
          told,
          [...new Set(told)].sort((a, b) => a - b),
        );
        end(t, world);
      },
    ),
    { numRuns: 40 },
  );
});

test("whenever power is cut while settings are applied, all of them hold or none, and they are applied once", (t) => {
  const seen = new Set<string>();
  for (const tear of ["before", "halfway", "after"] as Tear[])
    for (let operation = 1; ; operation++) {
      const world = new World([LASTING]).start();
      world.advanceTo(0, VISIT - MINUTE);
      world.gateway.settings = settings(1, { utcOffset: 60, slots: [{ slot: 0, reserveDays: 20 }] });
      world.flash.cutAt(operation, tear);
      // A poll, the settings, and their answer.
      world.advanceTo(0, VISIT + MINUTE);
      const { isCut } = world.flash;
      world.mood = "silent";
      world.restart();
      const { health } = world.device;
      const { reserveDays } = world.device.policy("soap");
      seen.add(`settings ${health.settings}, offset ${health.utcOffset}, reserve ${reserveDays}`);
      world.mood = "up";
      world.advanceTo(3);
      t.deepEqual(
        [...new Set(world.gateway.answers.map(({ number, outcome }) => `${number} ${outcome}`))],
        ["1 applied"],
      );
      t.true(world.settled.length <= 1, "told once at the most: a cut may come between commit and telling");
      t.like(world.device.health, { settings: 1, utcOffset: 60 });
      t.is(world.device.policy("soap").reserveDays, 20);
      end(t, world);
      if (!isCut) break;
    }
  t.deepEqual([...seen].sort(), ["settings 0, offset 0, reserve 1", "settings 1, offset 60, reserve 20"]);
});

test("a device that has lost its journal says so with its next health record, and is set again", (t) => {
  const world = new World([SOAP]).start();
  world.gateway.settings = settings(4, { utcOffset: 60, slots: [{ slot: 0, reserveDays: 9 }] });
  world.advanceTo(3);
  t.is(world.gateway.settled, 4);
  world.cutPower();
  world.nor.bytes.fill(0xff);
  world.start();
  t.is(world.device.policy("soap").reserveDays, 1);
  world.advanceTo(5);
  t.is(world.device.policy("soap").reserveDays, 9);
  t.like(world.device.health, { settings: 4, utcOffset: 60 });
  t.is(world.gateway.settled, 4);
  end(t, world);
});

test("settings that the store refuses are not answered, and come again", (t) => {
  const world = new World([SOAP]).start();
  world.gateway.settings = settings(1, { slots: [{ slot: 0, reserveDays: 9 }] });
  // The visit has begun with a poll that is committed.
  world.advanceTo(0, HOUR);
  world.flash.refuses.add("write");
  world.advanceTo(1, 2 * HOUR);
  t.is(world.device.policy("soap").reserveDays, 1);
  t.deepEqual(world.settled, []);
  world.flash.refuses.clear();
  world.advanceTo(3);
  t.is(world.device.policy("soap").reserveDays, 9);
  t.is(world.settled.length, 1);
  t.is(world.gateway.settled, 1);
  end(t, world);
});

test("settings that reach a device before it was ever told the time are applied", (t) => {
  const world = new World([SOAP]);
  world.wallClock = undefined;
  world.gateway.settings = settings(1, { utcOffset: 600 });
  world.start();
  world.advance(MINUTE);
  t.is(world.gateway.settled, 1);
  t.is(world.device.health.utcOffset, 600);
  // Ten in the morning there.
  world.advance(14 * HOUR);
  t.deepEqual(world.events, [{ kind: "dayClosed", day: FIRST }]);
  end(t, world);
});
