import anyTest from "ava";
import { openConnection } from "../../../examples/gateway/connection.js";
import { MIGRATIONS, Queries } from "../../../examples/gateway/database.js";
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

for (const version of MIGRATIONS.slice(1).keys())
  test(`a database of version ${version + 1} is taken over with what is in it`, async (t) => {
    const connection = await openConnection(await emptyDatabase(), 1, () => {});
    await migrate(connection, MIGRATIONS.slice(0, version + 1));
    await connection.query("insert into devices (serial, high_water, last_seen) values ('OLD', 7, 1000)");
    await connection.query(
      "insert into tasks (serial, kind, slot, cycle) values ('OLD', 'deviceStatus', 0, 0)",
    );
    await migrate(connection, MIGRATIONS);
    const queries = new Queries(connection);
    const device = await queries.lockDevice("OLD");
    t.like(device, { highWater: 7, newestEvent: 0, reportedDay: null, ended: null, settled: 0 });
    // Since version 4 it is.
    if (version < 3) t.is(see(device, 6), undefined, "what was seen below the high-water mark is not known");
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
