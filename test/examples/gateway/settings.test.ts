import test from "ava";
import type { HealthRecord, Settled } from "everfull";
import { openConnection } from "../../../examples/gateway/connection.js";
import { MIGRATIONS } from "../../../examples/gateway/database.js";
import { GatewayError, type SettingsEntry } from "../../../examples/gateway/index.js";
import { migrate } from "../../../examples/gateway/migrate.js";
import { lastingDatabase } from "./databases.js";
import { NOON, registered, startWorld, status, TestDevice, TODAY, type World } from "./harness.js";

const SERIALS = ["HEALTHY", "SET", "REFUSED", "MERGED", "EARLY", "LOST", "MOVED", "BAD"] as const;
let world: World;

test.before(async () => {
  world = await startWorld(SERIALS.map((serial) => registered(serial)));
});
test.after.always(() => world.close());

function device(serial: (typeof SERIALS)[number]): TestDevice {
  return new TestDevice(world, registered(serial));
}

function health(fields: Partial<HealthRecord> = {}): HealthRecord {
  return {
    kind: "health",
    day: TODAY,
    version: [1, 4, 12],
    resets: [0, 3, 0, 1, 0, 0, 2],
    leastFree: 18_432,
    mostErases: 57,
    worn: 1,
    damaged: 2,
    dropped: 9,
    clock: "drifting",
    utcOffset: 0,
    settings: 0,
    applied: 0,
    ...fields,
  };
}

function settled(number: number, fields: Partial<Settled> = {}): Settled {
  return { kind: "settled", number, outcome: "applied", slot: 0, applied: 0, ...fields };
}

test.serial(
  "a health record is stored and shown, the newest of a device and the last of each day",
  async (t) => {
    const healthy = device("HEALTHY");
    await healthy.send(health());
    const row = {
      serial: "HEALTHY",
      day: TODAY,
      sequence: 1,
      version: "1.4.12",
      resets: { unknown: 0, power: 3, pin: 0, software: 1, panic: 0, watchdog: 0, brownout: 2 },
      leastFree: 18_432,
      mostErases: 57,
      worn: 1,
      damaged: 2,
      dropped: 9,
      clock: "drifting",
      utcOffsetMinutes: 0,
      settings: 0,
      receivedAt: NOON,
    };
    t.deepEqual(await world.gateway.health("HEALTHY"), [row]);
    const sealed = healthy.sealed(health({ leastFree: 0, mostErases: 0xffffffff, utcOffset: -480 }));
    await healthy.deliver(sealed);
    await healthy.send(health({ day: TODAY + 1, version: [2, 0, 0] }));
    const corrected = {
      ...row,
      sequence: 2,
      leastFree: null,
      mostErases: 0xffffffff,
      utcOffsetMinutes: -480,
    };
    const next = { ...row, day: TODAY + 1, sequence: 3, version: "2.0.0" };
    t.deepEqual(await world.gateway.healthDays("HEALTHY"), [corrected, next]);
    // A repetition changes nothing.
    await healthy.deliver(sealed);
    t.deepEqual(await world.gateway.health("HEALTHY"), [next]);
    t.is(world.gateway.counts.refused.replayed, 1);
    t.deepEqual(await world.gateway.healthDays("SET"), []);
    t.true((await world.gateway.health()).some(({ serial }) => serial === "HEALTHY"));
    t.is(healthy.called("/deviceStatus").length, 1, "it is activity as everything else is");
  },
);

test.serial(
  "settings go down before every answer until the device has told what became of them",
  async (t) => {
    const set = device("SET");
    await set.send(status());
    t.deepEqual(set.settings, []);
    const sent = world.gateway.counts.settings;
    const entry: SettingsEntry = {
      utcOffsetMinutes: -300,
      slots: { towels: { epsilon: 0.05 }, soap: { reserveDays: 0 } },
    };
    t.is(await world.gateway.setSettings("SET", entry), 1);
    const expected = {
      kind: "settings",
      number: 1,
      utcOffset: -300,
      slots: [
        { slot: 0, reserveDays: 0 },
        { slot: 1, epsilon: 50 },
      ],
    };
    const waiting = {
      serial: "SET",
      number: 1,
      utcOffsetMinutes: -300,
      slots: expected.slots,
      state: "waiting",
      refusal: null,
      refusedSlot: null,
      enteredAt: NOON,
      sentAt: null,
      answeredAt: null,
    };
    t.deepEqual(await world.gateway.settings("SET"), [waiting as never]);
    world.clock.time += 60_000;
    const repeated = set.sealed(status({ slot: 1 }));
    for (const payload of [repeated, repeated, set.sealed(status())]) {
      t.truthy(await set.deliver(payload));
      t.deepEqual(set.settings as object[], [expected]);
      world.clock.time += 60_000;
    }
    t.is(world.gateway.counts.settings, sent + 3);
    t.deepEqual(await world.gateway.settings("SET"), [{ ...waiting, sentAt: NOON + 60_000 } as never]);
    t.truthy(await set.send(settled(1)));
    t.deepEqual(set.settings, [], "the answer ends it");
    await set.send(status());
    t.deepEqual(set.settings, []);
    t.deepEqual(await world.gateway.settings("SET"), [
      { ...waiting, state: "applied", sentAt: NOON + 60_000, answeredAt: NOON + 4 * 60_000 } as never,
    ]);
    world.clock.time = NOON;
  },
);

test.serial(
  "what the device refuses is shown with its reason, and the next entry starts from what held",
  async (t) => {
    const refused = device("REFUSED");
    await world.gateway.setSettings("REFUSED", { slots: { soap: { reserveDays: 3 } } });
    await refused.send(settled(1));
    await world.gateway.setSettings("REFUSED", { slots: { soap: { reserveDays: 300, epsilon: 0.9 } } });
    await refused.send(settled(2, { outcome: "epsilon", slot: 0 }));
    t.deepEqual(refused.settings, []);
    t.like((await world.gateway.settings("REFUSED"))[1], {
      state: "refused",
      refusal: "epsilon",
      refusedSlot: 0,
    });
    t.true(
      world.log.some(
        ({ event, level, outcome, number }) =>
          event === "settings-answered" && level === "warn" && outcome === "epsilon" && number === 2,
      ),
    );
    await world.gateway.setSettings("REFUSED", { slots: { towels: { reserveDays: 1 } } });
    await refused.send(status());
    t.deepEqual(refused.settings[0]!.slots, [
      { slot: 0, reserveDays: 3 },
      { slot: 1, reserveDays: 1 },
    ]);
    await refused.send(settled(3, { outcome: "utcOffset" }));
    t.like((await world.gateway.settings("REFUSED"))[2], { refusal: "utcOffset", refusedSlot: null });
  },
);

test.serial(
  "an entry changes what it names, and null gives it back to the device's configuration",
  async (t) => {
    const merged = device("MERGED");
    const entries: SettingsEntry[] = [
      { utcOffsetMinutes: 60, slots: { soap: { reserveDays: 2, epsilon: 0.1 }, towels: { epsilon: 0.999 } } },
      { slots: { soap: { epsilon: 0.001 } } },
      { utcOffsetMinutes: 120 },
      { slots: { soap: { reserveDays: null }, towels: { epsilon: null } } },
    ];
    for (const [index, entry] of entries.entries())
      t.is(await world.gateway.setSettings("MERGED", entry), index + 1);
    const rows = await world.gateway.settings("MERGED");
    t.deepEqual(
      rows.map(({ utcOffsetMinutes, slots, state }) => [utcOffsetMinutes, slots, state] as const),
      [
        [
          60,
          [
            { slot: 0, reserveDays: 2, epsilon: 100 },
            { slot: 1, epsilon: 999 },
          ],
          "superseded",
        ],
        [
          60,
          [
            { slot: 0, reserveDays: 2, epsilon: 1 },
            { slot: 1, epsilon: 999 },
          ],
          "superseded",
        ],
        [
          120,
          [
            { slot: 0, reserveDays: 2, epsilon: 1 },
            { slot: 1, epsilon: 999 },
          ],
          "superseded",
        ],
        [120, [{ slot: 0, epsilon: 1 }], "waiting"],
      ],
    );
    await merged.send(status());
    t.like(
      merged.settings,
      [{ number: 4, utcOffset: 120, slots: [{ slot: 0, epsilon: 1 }] }],
      "only the newest",
    );
    await merged.send(settled(4));
    t.deepEqual(
      (await world.gateway.settings("MERGED")).map(({ state }) => state),
      ["superseded", "superseded", "superseded", "applied"],
    );
  },
);

test.serial("an answer to earlier settings does not end the newer ones", async (t) => {
  const early = device("EARLY");
  await world.gateway.setSettings("EARLY", { utcOffsetMinutes: 0 });
  await early.send(status());
  await world.gateway.setSettings("EARLY", { utcOffsetMinutes: 60 });
  await early.send(settled(1));
  t.like(early.settings, [{ number: 2, utcOffset: 60 }]);
  t.deepEqual(
    (await world.gateway.settings("EARLY")).map(({ state }) => state),
    ["applied", "waiting"],
  );
});

test.serial("a device that tells that it has lost them is sent the newest again", async (t) => {
  const lost = device("LOST");
  await world.gateway.setSettings("LOST", { utcOffsetMinutes: 60 });
  await lost.send(settled(1));
  await lost.send(health({ settings: 1 }));
  t.deepEqual(lost.settings, []);
  await lost.send(health({ settings: 0 }));
  t.like(lost.settings, [{ number: 1, utcOffset: 60 }]);
  await lost.send(settled(1));
  t.deepEqual(lost.settings, []);
  // One that knows of more than the gateway is not left with a number that it takes for old.
  await lost.send(health({ settings: 7 }));
  t.is(await world.gateway.setSettings("LOST", { utcOffsetMinutes: 120 }), 8);
});

test.serial("dates told to DRS begin where the device says that its days do", async (t) => {
  const moved = device("MOVED");
  const told = async () => {
    await moved.send(status());
    return (JSON.parse(moved.called("/slotStatus/").at(-1)!.body) as Record<string, string>)
      .expectedReplenishmentDate;
  };
  t.is(await told(), "2025-12-02T00:00:00Z", "as configured, until it has told");
  await moved.send(health({ utcOffset: 60 }));
  t.is(await told(), "2025-12-01T23:00:00Z");
  await world.gateway.setSettings("MOVED", { utcOffsetMinutes: -480 });
  t.is(await told(), "2025-12-01T23:00:00Z", "not before it is applied");
  await moved.send(settled(1));
  t.is(await told(), "2025-12-02T08:00:00Z");
  await world.gateway.setSettings("MOVED", { utcOffsetMinutes: 600 });
  await moved.send(settled(2, { outcome: "utcOffset" }));
  t.is(await told(), "2025-12-02T08:00:00Z", "nor when it is refused");
});

const BAD: readonly [name: string, serial: string, entry: SettingsEntry, message: RegExp][] = [
  ["an unknown device", "NOBODY", { utcOffsetMinutes: 0 }, /^device "NOBODY" is not registered$/],
  ["nothing", "BAD", {}, /^device "BAD": nothing is set$/],
  ["more than 14 hours", "BAD", { utcOffsetMinutes: 841 }, /utcOffsetMinutes .* \(got 841\)$/],
  ["half a minute", "BAD", { utcOffsetMinutes: 0.5 }, /utcOffsetMinutes .* \(got 0\.5\)$/],
  ["an unknown slot", "BAD", { slots: { tea: {} } }, /^device "BAD", slot "tea": soap, towels are there$/],
  [
    "a reserve of 366 days",
    "BAD",
    { slots: { soap: { reserveDays: 366 } } },
    /slot "soap": reserveDays .*366\)$/,
  ],
  ["a reserve below 0", "BAD", { slots: { soap: { reserveDays: -1 } } }, /reserveDays .*-1\)$/],
  ["a probability of 0", "BAD", { slots: { soap: { epsilon: 0 } } }, /slot "soap": epsilon .*0\)$/],
  ["a probability of 1", "BAD", { slots: { soap: { epsilon: 1 } } }, /epsilon .*1\)$/],
  ["half a thousandth", "BAD", { slots: { soap: { epsilon: 0.0305 } } }, /epsilon .*0\.0305\)$/],
];

for (const [name, serial, entry, message] of BAD)
  test.serial(`${name} is not entered`, async (t) => {
    await t.throwsAsync(() => world.gateway.setSettings(serial, entry), {
      instanceOf: GatewayError,
      code: "settings",
      message,
    });
    t.deepEqual(await world.gateway.settings(serial), []);
  });

test.serial("a database of the version before is taken over, and settings outlast a restart", async (t) => {
  const directory = await lastingDatabase(t);
  const first = await openConnection(directory, 1, () => {});
  await migrate(first, MIGRATIONS.slice(0, 1));
  await first.query("insert into devices (serial, high_water, last_seen) values ('OLD', 4, $1)", [NOON]);
  await first.close();

  const later = await startWorld([registered("OLD")], { database: directory });
  const old = new TestDevice(later, registered("OLD"));
  old.sequence = 4;
  await later.gateway.setSettings("OLD", { utcOffsetMinutes: 60 });
  await old.send(health());
  t.like(old.settings, [{ number: 1 }]);
  await later.restart();
  await old.send(status());
  t.like(old.settings, [{ number: 1 }], "owed until it is answered, whoever asks");
  t.is((await later.gateway.health("OLD"))[0]!.version, "1.4.12");
  await old.send(settled(1));
  await later.restart();
  t.is((await later.gateway.settings("OLD"))[0]!.state, "applied");
  await old.send(status());
  t.deepEqual(old.settings, []);
  await later.close();
});
