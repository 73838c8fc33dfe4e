import anyTest from "ava";
import { Alarm } from "../../../examples/gateway/alarm.js";
import { Database } from "../../../examples/gateway/database.js";
import { Leases } from "../../../examples/gateway/leases.js";
import { emptyDatabase } from "./databases.js";
import { NOON, TestClock } from "./harness.js";

const test = anyTest.serial;
const SECOND = 1000;

let database: Database;
test.beforeEach(async () => {
  database = await Database.open(await emptyDatabase());
});
test.afterEach.always(() => database.close());

const leases = (owner: string, clock: TestClock) =>
  new Leases({ database, clock, owner, duration: 60 * SECOND });

/** An alarm for some devices; draining removes what is owed, unless `isBusy`. */
function alarmFor(serials: readonly string[], clock: TestClock, isBusy = false) {
  const drained: string[] = [];
  const alarm = new Alarm({
    database,
    clock,
    devices: new Map(serials.map((serial) => [serial, {}])),
    leases: leases("this", clock),
    log: () => {},
    look: 10_000,
    drain: async (serial) => {
      drained.push(serial);
      if (isBusy) return;
      for (const { id } of await database.direct.calls.due(serial, clock.now()))
        await database.direct.removeTask(id);
    },
    isBusy: () => isBusy,
  });
  return { alarm, drained };
}

async function owe(serials: readonly string[], due: number): Promise<void> {
  await database.direct.addDevices(serials);
  await database.transaction(async (queries) => {
    for (const serial of serials) await queries.addTask(serial, "deviceStatus", due);
  });
}

const many = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);

test("devices of other gateways do not hold up one's own, and are left as they are", async (t) => {
  const clock = new TestClock();
  const others = many("OTHER", 150);
  await owe(others, NOON);
  await owe(["OWN"], NOON + 1);
  const { alarm, drained } = alarmFor(["OWN"], clock);
  await alarm.start();
  await clock.advance(10 * SECOND);
  t.deepEqual(drained, ["OWN"]);
  for (const serial of ["OTHER-0", "OTHER-149"])
    t.like((await database.direct.calls.due(serial, NOON))[0], { attempts: 0 });
  t.is(await database.direct.calls.nextDue([]), NOON);
  alarm.stop();
});

test("a device that another gateway is at is left to it until its lease is over", async (t) => {
  const clock = new TestClock();
  await owe(["SHARED"], NOON);
  const lease = (await leases("other", clock).take("SHARED", NOON))!;
  const { alarm, drained } = alarmFor(["SHARED"], clock);
  await alarm.start();
  await clock.advance(10 * SECOND);
  t.deepEqual(drained, []);
  await lease.end();
  await clock.advance(10 * SECOND);
  t.deepEqual(drained, ["SHARED"]);
  alarm.stop();
});

test("without room it tries again once a second, not without a pause", async (t) => {
  const clock = new TestClock();
  const own = many("OWN", 100);
  await owe(own, NOON);
  const { alarm, drained } = alarmFor(own, clock, true);
  await alarm.start();
  await clock.advance(3 * SECOND);
  t.true(drained.length >= 2 * own.length && drained.length <= 4 * own.length, `${drained.length} tries`);
  alarm.stop();
});
