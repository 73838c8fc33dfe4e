import test from "ava";
import { seal, upTopic } from "everfull";
import fc from "fast-check";
import {
  type Call,
  intent,
  key,
  NOON,
  registered,
  startWorld,
  status,
  TestDevice,
  TODAY,
  type World,
} from "./harness.js";

const SERIALS = [
  "DAILY",
  "WEST",
  "REFUSED",
  "REPLAYED",
  "WRONG",
  "BUSY-1",
  "BUSY-2",
  "LAZY",
  "OWED",
  "GIVEN-UP",
  "HISTORY",
  "CORRECTED",
  "BROKEN",
  "NOISE",
  "ROTATED",
] as const;
/** Those whose day begins at 08:00 UTC. */
const WEST: readonly string[] = ["WEST", "LAZY"];
const OLD_KEY = key(200);
let world: World;

test.before(async () => {
  world = await startWorld(
    SERIALS.map((serial) =>
      registered(serial, {
        ...(WEST.includes(serial) ? { utcOffsetMinutes: -480 } : {}),
        ...(serial === "ROTATED" ? { oldKey: OLD_KEY } : {}),
      }),
    ),
  );
});
test.after.always(() => world.close());

function device(serial: (typeof SERIALS)[number]): TestDevice {
  return new TestDevice(world, registered(serial, WEST.includes(serial) ? { utcOffsetMinutes: -480 } : {}));
}

function json(call: Call | undefined): unknown {
  return JSON.parse(call!.body);
}

test.serial("a status is stored, acknowledged with the gateway's time, and reported to DRS", async (t) => {
  const daily = device("DAILY");
  t.deepEqual(await daily.send(status()), {
    kind: "acknowledgement",
    seen: 1,
    time: NOON / 1000,
    newest: 0,
    events: [],
  });
  t.deepEqual(await world.gateway.statuses("DAILY"), [
    {
      serial: "DAILY",
      slot: 0,
      sequence: 1,
      day: TODAY,
      consumed: 1200,
      remaining: 125,
      onHand: 350,
      runOut: 12,
      early: 2,
      late: 3,
      idle: 1,
      receivedAt: NOON,
    },
  ]);
  const [slot, alive, ...rest] = daily.calls;
  t.is(rest.length, 0);
  t.like(slot, { method: "POST", path: "/slotStatus/soap" });
  t.like(slot!.headers, {
    authorization: "Bearer token-of-DAILY",
    "content-type": "application/json",
    "x-amzn-type-version": "com.amazon.dash.replenishment.DrsSlotStatusInput@1.0",
    "x-amzn-accept-type": "com.amazon.dash.replenishment.DrsSlotStatusResult@1.0",
  });
  t.deepEqual(json(slot), {
    expectedReplenishmentDate: "2025-12-02T00:00:00Z",
    remainingQuantityInUnit: 12.5,
    originalQuantityInUnit: 35,
    totalQuantityOnHand: 35,
    lastUseDate: "2025-11-19T00:00:00Z",
  });
  t.like(alive, { method: "POST", path: "/deviceStatus" });
  t.deepEqual(json(alive), { mostRecentlyActiveDate: "2025-11-20T12:00:00Z" });
});

test.serial("dates are those of the calendar at the customer's place", async (t) => {
  const west = device("WEST");
  await west.send(status());
  t.like(json(west.called("/slotStatus/")[0]), {
    expectedReplenishmentDate: "2025-12-02T08:00:00Z",
    lastUseDate: "2025-11-19T08:00:00Z",
  });
});

test.serial(
  "DeviceStatus is sent once a calendar day at the customer's place, whatever arrives",
  async (t) => {
    const lazy = device("LAZY");
    for (const hours of [0, 12, 19, 20, 25]) {
      world.clock.time = NOON + hours * 3_600_000;
      await lazy.send({ kind: "poll", applied: 0 });
    }
    world.clock.time = NOON;
    t.deepEqual(lazy.calls.map(json), [
      { mostRecentlyActiveDate: "2025-11-20T12:00:00Z" },
      { mostRecentlyActiveDate: "2025-11-21T08:00:00Z" },
    ]);
  },
);

test.serial("only the newest status of a slot counts, and every day keeps its last", async (t) => {
  const history = device("HISTORY");
  await history.send(status({ remaining: 300, consumed: 50 }));
  await history.send(status({ remaining: 290, consumed: 60 }));
  await history.send(status({ remaining: 280, consumed: 70, day: TODAY + 1 }));
  await history.send(status({ slot: 1, remaining: 400 }));
  const rows = await world.gateway.statuses("HISTORY");
  t.deepEqual(
    rows.map((row) => [row.slot, row.sequence, row.day, row.remaining]),
    [
      [0, 3, TODAY + 1, 280],
      [1, 4, TODAY, 400],
    ],
  );
});

test.serial(
  "a status of an earlier day, from a clock that was put right, is the newest all the same",
  async (t) => {
    const corrected = device("CORRECTED");
    await corrected.send(status({ day: TODAY + 3650, consumed: 1000 }));
    await corrected.send(status({ day: TODAY, consumed: 1010 }));
    t.like((await world.gateway.statuses("CORRECTED"))[0], { sequence: 2, day: TODAY, consumed: 1010 });
    t.like(json(corrected.called("/slotStatus/").at(-1)), {
      expectedReplenishmentDate: "2025-12-02T00:00:00Z",
    });
  },
);

test.serial("every answer goes down under a sequence of its own", async (t) => {
  const busy = device("BUSY-1");
  const used = new Set<number>();
  for (let i = 0; i < 5; i++) {
    await busy.send(status());
    used.add(busy.downlink);
  }
  await busy.deliver(busy.sealed(status(), busy.sequence));
  used.add(busy.downlink);
  t.is(used.size, 6);
});

test.serial("messages of one device are handled in order, also when they arrive at once", async (t) => {
  const [one, two] = [device("BUSY-2"), device("OWED")];
  const answers = await Promise.all(
    [one, two].flatMap((each) =>
      [1, 2, 3, 4, 5].map((n) =>
        world.send(upTopic(each.registered.serial), each.sealed(status({ remaining: 100 + n }))),
      ),
    ),
  );
  t.is(answers.length, 10);
  for (const each of [one, two]) {
    const rows = await world.gateway.statuses(each.registered.serial);
    t.like(rows, { length: 1, 0: { sequence: 5, remaining: 105 } });
    t.deepEqual(
      each
        .called("/slotStatus/")
        .map((call) => (json(call) as Record<string, number>).remainingQuantityInUnit),
      [10.1, 10.2, 10.3, 10.4, 10.5],
    );
  }
});

test.serial(
  "while a key is replaced, messages under both are stored, and each is answered under its own",
  async (t) => {
    const after = device("ROTATED");
    const before = new TestDevice(world, { ...after.registered, key: OLD_KEY });
    const { counts } = world.gateway;
    // The new key is taken up in the middle of traffic: two messages and an answer are lost, and go again under it.
    t.is((await before.send(status({ remaining: 109 }))).seen, 1);
    before.sealed(intent());
    await before.send(status({ remaining: 108, slot: 1 }));
    after.sequence = 1;
    after.downlink = before.downlink;
    t.is((await after.send(intent())).seen, 3);
    const repeated = await after.deliver(after.sealed(status({ remaining: 108, slot: 1 })));
    t.is(repeated?.seen, 3, "it was there under the old key");
    t.is((await after.send(status({ remaining: 107 }))).seen, 4);
    // One that was on its way all the time, and what somebody recorded.
    before.downlink = after.downlink;
    t.is((await before.deliver(before.sealed(status(), 1)))?.seen, 4);
    const rows = await world.gateway.statuses("ROTATED");
    t.deepEqual(
      rows.map(({ slot, remaining }) => [slot, remaining]),
      [
        [0, 107],
        [1, 108],
      ],
    );
    t.is((await world.gateway.orders("ROTATED")).length, 1);
    t.is(world.gateway.counts.stored, counts.stored + 4);
    t.is(world.gateway.counts.refused.key, counts.refused.key);
    t.is(world.gateway.counts.refused.replayed, counts.refused.replayed + 2);
  },
);

test.serial("a key is refused when it is the old one of no device, or of another", async (t) => {
  const noise = device("NOISE");
  const old = new TestDevice(world, { ...noise.registered, key: OLD_KEY });
  const before = world.gateway.counts.refused;
  t.is(await old.deliver(old.sealed(status(), 1)), undefined);
  t.is(world.gateway.counts.refused.key, before.key + 1);
  // The number of the old key is no way around the new one.
  const rotated = device("ROTATED");
  const forged = seal({ ...rotated.registered.key, number: OLD_KEY.number }, "up", 90, body(0x82, 0, 0));
  t.deepEqual(await world.send(up(rotated), forged), []);
  t.is(world.gateway.counts.refused.forged, before.forged + 1);
});

const REFUSALS: [reason: string, make: (device: TestDevice) => [topic: string, payload: Uint8Array]][] = [
  ["unknown device", (d) => ["everfull/STRANGER/up", d.sealed(status(), 90)]],
  ["unknown slot", (d) => [up(d), d.sealed(status({ slot: 2 }), 90)]],
  ["unknown slot", (d) => [up(d), d.sealed(intent({ slot: 22 }), 91)]],
  ["key", (d) => [up(d), Uint8Array.from(d.sealed(status(), 90), (byte, at) => (at === 0 ? 99 : byte))]],
  ["forged", (d) => [up(d), seal({ ...key(99), number: d.registered.key.number }, "up", 90, body(1, 2))]],
  ["forged", (d) => [up(d), d.sealed(status(), 90).with(4, 91)]],
  ["forged", (d) => [up(d), seal(d.registered.key, "down", 90, body(0x82, 0, 0))]],
  ["malformed", (d) => [up(d), sealedBody(d, 0x82, 0, 0xf6)]],
  ["malformed", (d) => [up(d), sealedBody(d, 0x82, 0, 0, 0)]],
  ["truncated", (d) => [up(d), sealedBody(d, 0x8a, 1, 0)]],
  ["truncated", (d) => [up(d), d.sealed(status(), 90).subarray(0, 20)]],
  ["truncated", (d) => [up(d), new Uint8Array(0)]],
  ["shape", (d) => [up(d), sealedBody(d, 0x82, 7, 0)]],
  ["range", (d) => [up(d), sealedBody(d, 0x82, 0, 0x1a, 0, 1, 0, 0)]],
  ["oversized", (d) => [up(d), new Uint8Array(1_500).fill(d.registered.key.number)]],
  ["oversized", (d) => [up(d), new Uint8Array(100_000)]],
];

function up(device: TestDevice): string {
  return upTopic(device.registered.serial);
}

function body(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

function sealedBody(device: TestDevice, ...bytes: number[]): Uint8Array {
  return seal(device.registered.key, "up", 90, body(...bytes));
}

test.serial("what cannot be accepted is counted, logged once, not stored and not answered", async (t) => {
  const refused = device("REFUSED");
  await refused.send(status());
  const stored = async () => [await world.gateway.statuses(), await world.gateway.orders()];
  const before = await stored();
  const calls = refused.calls.length;
  for (const [reason, make] of REFUSALS) {
    const counts = world.gateway.counts;
    const [topic, payload] = make(refused);
    for (let i = 0; i < 3; i++) t.deepEqual(await world.send(topic, payload), [], reason);
    const expected = counts.refused[reason as keyof typeof counts.refused] + 3;
    t.deepEqual(
      world.gateway.counts,
      {
        ...counts,
        received: counts.received + 3,
        refused: { ...counts.refused, [reason]: expected },
      },
      reason,
    );
    t.deepEqual(await stored(), before, reason);
    const serial = topic.split("/")[1];
    const logged = world.log.filter((entry) => entry.serial === serial && entry.reason === reason);
    t.is(logged.length, 1, reason);
    t.like(logged[0], { level: "warn", event: "refused" });
    const good = await refused.send(status());
    t.is(good.seen, refused.sequence, `the next good message after ${reason}`);
    before[0] = await world.gateway.statuses();
  }
  t.is(refused.called("/slotStatus/").length, calls - 1 + REFUSALS.length);
});

test.serial("a message that was here before changes nothing, but is answered again", async (t) => {
  const replayed = device("REPLAYED");
  const old = replayed.sealed(status({ remaining: 200 }));
  const order = replayed.sealed(intent());
  const latest = replayed.sealed(status({ remaining: 100, applied: 0 }));
  await replayed.deliver(old);
  await replayed.deliver(order);
  const answer = await replayed.deliver(latest);
  const stored = async () => [
    await world.gateway.statuses("REPLAYED"),
    await world.gateway.orders("REPLAYED"),
  ];
  const before = await stored();
  const counts = world.gateway.counts;
  const calls = replayed.calls.length;
  for (const message of [latest, old, order]) t.deepEqual(await replayed.deliver(message), answer);
  // Another message under a sequence that was used: it opens, and it is late all the same.
  t.deepEqual(await replayed.deliver(replayed.sealed(intent({ cycle: 2, applied: 1 }), 2)), answer);
  t.deepEqual(await stored(), before);
  t.is(replayed.calls.length, calls);
  t.is(world.gateway.counts.refused.replayed, counts.refused.replayed + 4);
  t.is(world.gateway.counts.stored, counts.stored);
  t.is(world.log.filter((entry) => entry.serial === "REPLAYED" && entry.reason === "replayed").length, 1);
});

test.serial(
  "a status that DRS could not take is reported with the next message, as it is then",
  async (t) => {
    const wrong = device("WRONG");
    world.drs.answer("token-of-WRONG", () => ({ status: 500, body: { message: "later" } }));
    await wrong.send(status({ remaining: 200 }));
    await wrong.send(status({ remaining: 190 }));
    t.is(wrong.called("/slotStatus/").length, 2);
    world.drs.answer("token-of-WRONG", () => undefined);
    await wrong.send({ kind: "poll", applied: 0 });
    t.is(wrong.called("/slotStatus/").length, 3);
    t.like(json(wrong.called("/slotStatus/").at(-1)), { remainingQuantityInUnit: 19 });
    await wrong.send({ kind: "poll", applied: 0 });
    t.is(wrong.called("/slotStatus/").length, 3);
    t.is(wrong.called("/deviceStatus").length, 3);
  },
);

test.serial("a status that DRS refuses is not repeated", async (t) => {
  const given = device("GIVEN-UP");
  world.drs.answer("token-of-GIVEN-UP", () => ({ status: 400, body: { message: "lastUseDate is missing" } }));
  const refused = world.gateway.counts.drsRefused;
  await given.send(status());
  await given.send({ kind: "poll", applied: 0 });
  t.is(given.calls.length, 2);
  t.is(world.gateway.counts.drsRefused, refused + 2);
  t.true(
    world.log.some((entry) => entry.event === "drs-refused" && entry.message === "lastUseDate is missing"),
  );
});

test.serial("a message that the gateway fails on is counted, not answered, and welcome again", async (t) => {
  const broken = device("BROKEN");
  const sealed = broken.sealed(status());
  const counts = world.gateway.counts;
  world.clock.time = Number.NaN;
  t.is(await broken.deliver(sealed), undefined);
  world.clock.time = NOON;
  t.is(world.gateway.counts.failed, counts.failed + 1);
  t.is(world.gateway.counts.stored, counts.stored);
  t.deepEqual(await world.gateway.statuses("BROKEN"), []);
  t.true(world.log.some((entry) => entry.event === "message-failed" && entry.level === "error"));
  t.like(await broken.deliver(sealed), { seen: 1 });
});

test.serial("whatever bytes arrive, the gateway refuses them and goes on", async (t) => {
  const noise = device("NOISE");
  const { number } = noise.registered.key;
  await noise.send(status());
  const counts = world.gateway.counts;
  let sent = 0;
  const bytes = fc.uint8Array({ maxLength: 700 });
  const sealedBytes = fc
    .uint8Array({ maxLength: 60 })
    .map((content) => seal({ number, secret: key(number).secret }, "up", 1000, content));
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytes, sealedBytes), async (payload) => {
      sent++;
      return (await world.send(up(noise), payload)).length === 0;
    }),
    { numRuns: 150 },
  );
  const after = world.gateway.counts;
  const refusals = (of: typeof counts) => Object.values(of.refused).reduce((sum, n) => sum + n, 0);
  t.is(refusals(after), refusals(counts) + sent);
  t.is(after.stored, counts.stored);
  t.is(after.failed, counts.failed);
  t.like(await noise.send(status()), { seen: 2 });
});

test.serial("the log tells no secrets", (t) => {
  const text = JSON.stringify(world.log);
  t.true(world.log.length > 20);
  t.false(text.includes("token-of-"));
  for (const serial of SERIALS) {
    const { secret } = registered(serial).key;
    t.false(text.includes(Buffer.from(secret).toString("base64")));
    t.false(text.includes([...secret.subarray(0, 8)].join(",")));
  }
});
