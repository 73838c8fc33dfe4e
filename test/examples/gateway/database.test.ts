import anyTest from "ava";
import { openConnection } from "../../../examples/gateway/connection.js";
import { MIGRATIONS, type OrderRow, Queries, type StatusRow } from "../../../examples/gateway/database.js";
import { Database, GatewayError } from "../../../examples/gateway/index.js";
import { migrate } from "../../../examples/gateway/migrate.js";
import { see } from "../../../examples/gateway/sequences.js";
import { emptyDatabase, lastingDatabase } from "./databases.js";

const test = anyTest.serial;

test("gateways that start at once set the database up once", async (t) => {
  const where = await emptyDatabase();
  if (where === undefined) return t.pass("a directory is one process's own");
  const all = await Promise.all(Array.from({ length: 5 }, () => Database.open(where)));
  await Promise.all(all.map((database, n) => database.direct.addDevices([`D${n}`, "SAME", `D${n + 1}`])));
  t.is(await all[0]!.direct.lastSeen("SAME"), null);
  await Promise.all(all.map((database) => database.close()));
});

test("a transaction is all or nothing, and leaves the connection as it was", async (t) => {
  const database = await Database.open(await emptyDatabase());
  await database.direct.addDevices(["KEPT"]);
  for (let i = 0; i < 15; i++)
    await t.throwsAsync(
      database.transaction(async (queries) => {
        await queries.addTask("KEPT", "slotStatus", 0, i);
        throw new Error("no");
      }),
      { message: "no" },
    );
  await t.throwsAsync(database.transaction((queries) => queries.lockDevice("NOBODY")));
  await t.throwsAsync(database.transaction((queries) => queries.addTask("NOBODY", "slotStatus", 0)));
  t.deepEqual(await database.direct.calls.due("KEPT", 0), []);
  await database.transaction((queries) => queries.addTask("KEPT", "slotStatus", 0, 3));
  const [task, ...rest] = await database.direct.calls.due("KEPT", 0);
  t.is(rest.length, 0);
  t.like(task, { kind: "slotStatus", slot: 3 });
  t.is(typeof task!.id, "number", "whatever the client makes of 64-bit numbers");
  await database.close();
});

/** A device with a status, its day, orders in several states, an event, a subscription and a notification, in the schema of version 1. */
const OLD = `
  insert into devices (serial, high_water, last_seen, newest_event) values ('OLD', 7, 1000, 1), ('OTHER', 0, null, 0);
  insert into statuses values ('OLD', 0, 7, 20411, 1234, 100, 350, 12, 10, 15, 1, 1000);
  insert into status_days values
    ('OLD', 0, 5, 20410, 1200, 134, 350, 13, 11, 16, 0, 500), ('OLD', 0, 7, 20411, 1234, 100, 350, 12, 10, 15, 1, 1000);
  insert into orders (serial, slot, cycle, sequence, day, quantity, remaining, run_out, received_at, state, attempts,
      instance_id, detail, delivery_day) values
    ('OLD', 0, 1, 2, 20400, 350, 60, 9, 100, 'shipped', 1, 'order-1', 'STANDARD_ORDER_PLACED', 20408),
    ('OLD', 0, 2, 6, 20411, 350, 50, 8, 900, 'intended', 2, null, null, null),
    ('OLD', 1, 1, 7, 20411, 500, 50, 8, 950, 'intended', 0, null, null, null);
  insert into events values ('OLD', 1, 0, 1, 'shipped', 20408, false);
  insert into subscriptions values ('OLD', 'soap');
  insert into notifications (message_id, type, serial, slot_id, instance_id, delivery_at, received_at)
    values ('m1', 'ItemShippedNotification', 'OLD', 'soap', 'order-1', 5000, 600);
  insert into tasks (serial, kind, slot, cycle) values ('OLD', 'deviceStatus', 0, 0);
`;
const OLD_STATUS = {
  serial: "OLD",
  slot: 0,
  sequence: 7,
  day: 20_411,
  consumed: 1234,
  remaining: 100,
  onHand: 350,
  runOut: 12,
  early: 10,
  late: 15,
  idle: 1,
  receivedAt: 1000,
};
const OLD_ORDER = {
  serial: "OLD",
  slot: 0,
  cycle: 1,
  sequence: 2,
  day: 20_400,
  quantity: 350,
  remaining: 60,
  runOut: 9,
  receivedAt: 100,
  state: "shipped",
  attempts: 1,
  askedAt: null,
  acceptedAt: null,
  instanceId: "order-1",
  detail: "STANDARD_ORDER_PLACED",
  message: null,
  deliveryDay: 20_408,
};

for (const version of MIGRATIONS.slice(1).keys())
  test(`a database of version ${version + 1} is taken over with what is in it`, async (t) => {
    const connection = await openConnection(await emptyDatabase(), 1, () => {});
    await migrate(connection, MIGRATIONS.slice(0, version + 1));
    await connection.transaction((sql) => sql.exec(OLD));
    const hasGrants = version >= 2;
    if (hasGrants) await connection.query("insert into grants values ('OLD', 'refresh', 'access', 2000)");
    await migrate(connection, MIGRATIONS);
    const queries = new Queries(connection);
    const device = await queries.lockDevice("OLD");
    t.like(device, { highWater: 7, newestEvent: 1, reportedDay: null, ended: null, settled: 0 });
    // Since version 4 it is.
    if (version < 3) t.is(see(device, 6), undefined, "what was seen below the high-water mark is not known");
    t.deepEqual(await queries.statuses(), [OLD_STATUS as StatusRow]);
    t.deepEqual(
      (await queries.history("OLD", 0)).map(({ day, consumed }) => [day, consumed]),
      [
        [20_410, 1200],
        [20_411, 1234],
      ],
    );
    const [shipped, asked, waiting, ...rest] = await queries.orders();
    t.deepEqual(rest, []);
    t.deepEqual(shipped, OLD_ORDER as OrderRow);
    // What was asked for in a version that did not write down when may be at the service.
    t.like(asked, { cycle: 2, state: "intended", attempts: 2, askedAt: hasGrants ? null : 900 });
    t.like(waiting, { slot: 1, cycle: 1, state: "intended", attempts: 0, askedAt: null });
    t.deepEqual(await queries.unconfirmedEvents("OLD", 8), [
      { number: 1, slot: 0, cycle: 1, state: "shipped", day: 20_408 },
    ]);
    t.like(await queries.notificationsOfInstance("OLD", "order-1"), { 0: { messageId: "m1" }, length: 1 });
    t.deepEqual(await queries.grants.of("OLD"), {
      refreshToken: hasGrants ? "refresh" : null,
      accessToken: hasGrants ? "access" : null,
      expiresAt: hasGrants ? 2000 : null,
      clientId: null,
      ended: null,
      known: hasGrants,
    });
    t.is((await queries.calls.due("OLD", 0)).length, 1);
    t.is(await queries.calls.nextDue([]), 0);
    t.deepEqual(await queries.settings("OLD"), []);
    await connection.close();
  });

test("a schema that is newer than the gateway is left alone", async (t) => {
  const where = await lastingDatabase(t);
  await (await Database.open(where)).close();
  const connection = await openConnection(where, 1, () => {});
  await connection.query("insert into migrations values (999)");
  await connection.close();
  await t.throwsAsync(Database.open(where), {
    instanceOf: GatewayError,
    code: "database",
    message: /and below are accepted \(got 999\)/,
  });
});

test("a server that is not there is named, without user and password", async (t) => {
  const error = await t.throwsAsync(
    Database.open("postgres://me:swordfish@127.0.0.1:1/fleet?password=swordfish"),
    {
      instanceOf: GatewayError,
      code: "database",
      message: /postgres:\/\/127\.0\.0\.1:1\/fleet: cannot be opened/,
    },
  );
  t.notRegex(error!.message, /swordfish|me:/);
});
