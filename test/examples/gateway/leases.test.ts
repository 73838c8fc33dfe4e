import anyTest from "ava";
import { Database } from "../../../examples/gateway/database.js";
import { callTimeout, Leases } from "../../../examples/gateway/leases.js";
import { emptyDatabase, lastingDatabase } from "./databases.js";
import { intent, NOON } from "./harness.js";

const test = anyTest.serial;
/** Long enough for a slow machine to make a statement in half of it. */
const DURATION = 4000;

let database: Database;
let one: Leases;
let two: Leases;
/** UTC milliseconds for PGlite; a server has its own. */
const clock = { time: NOON, now: () => clock.time };
/** The watch of each gateway. */
const watch = { time: 0 };

test.before(async () => {
  database = await Database.open(await emptyDatabase());
  [one, two] = [leases("one"), leases("two")];
});
test.after.always(() => database.close());

function leases(owner: string): Leases {
  return new Leases({ database, clock, owner, duration: DURATION, monotonic: () => watch.time });
}

/** Lets so many milliseconds pass on every clock there is. */
async function pass(milliseconds: number): Promise<void> {
  clock.time += milliseconds;
  watch.time += milliseconds;
  if (database.shared) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function device(serial: string): Promise<string> {
  await database.direct.addDevices([serial]);
  await database.direct.addTask(serial, "slotStatus", 0);
  return serial;
}

test("a device has one holder at a time, and the next when he is done", async (t) => {
  const serial = await device("SHARED");
  const first = await one.take(serial, clock.time);
  t.truthy(first);
  t.is(await two.take(serial, clock.time), undefined);
  t.is(await one.take(serial, clock.time), undefined, "nor has the same gateway another");
  await first!.end();
  const second = await two.take(serial, clock.time);
  t.true(second!.token > first!.token);
  await first!.end();
  t.is(await one.take(serial, clock.time), undefined, "an earlier holder cannot end it");
  await second!.end();
});

test("there is no lease where nothing is due", async (t) => {
  const serial = await device("IDLE");
  const [task] = await database.direct.calls.due(serial, clock.time);
  await database.direct.calls.postpone(task!.id, clock.time + 10);
  t.is(await one.take(serial, clock.time), undefined);
  clock.time += 10;
  const lease = await one.take(serial, clock.time);
  t.truthy(lease);
  await lease!.end();
  await database.direct.removeTask(task!.id);
  t.is(await one.take(serial, clock.time), undefined);
});

test("of any number that ask at once, one gets it", async (t) => {
  const serial = await device("WANTED");
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, n) => leases(`${n}`).take(serial, clock.time)),
  );
  const got = all.filter((lease) => lease !== undefined);
  t.is(got.length, 1);
  await got[0]!.end();
});

test("a holder that was stopped knows that it is late, and can do nothing more in its name", async (t) => {
  const serial = await device("LATE");
  await database.direct.addOrder(serial, 1, intent() as Parameters<typeof database.direct.addOrder>[2], NOON);
  const order = (await database.direct.order(serial, 0, 1))!;
  const late = (await one.take(serial, clock.time))!;
  t.true(late.isSafe);
  const asked = clock.time;
  t.is(await database.direct.calls.ask(order, late.token, clock.time), 1);

  await pass(DURATION + 300);
  t.false(late.isSafe);
  const successor = (await two.take(serial, clock.time))!;
  t.truthy(successor);
  t.false(await late.secure());
  t.is(await database.direct.calls.ask(order, late.token, clock.time), undefined, "it cannot call Replenish");
  t.is(
    await database.direct.calls.ask(order, successor.token, clock.time),
    undefined,
    "nor can its successor: DRS may have heard the call",
  );
  await database.direct.calls.unask(order, late.token);
  t.is((await database.direct.order(serial, 0, 1))!.askedAt, asked, "nor say that none was made");
  await late.end();
  t.is(await one.take(serial, clock.time), undefined);
  await successor.end();
});

test("one that goes on renews it in time", async (t) => {
  const serial = await device("BUSY");
  const lease = (await one.take(serial, clock.time))!;
  for (let i = 0; i < 2; i++) {
    await pass(DURATION * 0.6);
    t.false(lease.isSafe);
    t.true(await lease.secure());
    t.true(lease.isSafe);
  }
  t.is(await two.take(serial, clock.time), undefined);
  await lease.end();
});

test("in a directory, leases of an earlier process are over", async (t) => {
  const where = await lastingDatabase(t);
  const before = await Database.open(where);
  await before.direct.addDevices(["LEFT"]);
  await before.direct.addTask("LEFT", "deviceStatus", 0);
  const options = { clock, owner: "x", duration: 3_600_000 };
  t.truthy(await new Leases({ ...options, database: before }).take("LEFT", clock.time));
  await before.close();
  const after = await Database.open(where);
  const again = await new Leases({ ...options, database: after }).take("LEFT", clock.time);
  // A server may have other gateways, whose leases go on.
  t.is(again === undefined, after.shared);
  await after.close();
});

test("a lease is given where nothing is due to whoever wants the device's turn, and to one at a time", async (t) => {
  await database.direct.addDevices(["TURN"]);
  const lease = await one.take("TURN", null);
  t.truthy(lease);
  t.is(await two.take("TURN", null), undefined);
  await lease!.end();
});

test("a call that a lease lets begin ends before the lease does, however short that is", async (t) => {
  t.is(callTimeout(60_000), 10_000);
  const lease = (await one.take(await device("SHORT"), clock.time))!;
  watch.time += DURATION / 2 - 1;
  t.true(lease.isSafe);
  t.true(watch.time + callTimeout(DURATION) < lease.until);
  await lease.end();
});
