import anyTest from "ava";
import { noCounts } from "../../../examples/gateway/counts.js";
import { Database } from "../../../examples/gateway/database.js";
import { DrsClient } from "../../../examples/gateway/drs-client.js";
import { DrsService } from "../../../examples/gateway/drs-service.js";
import { type Lease, Leases } from "../../../examples/gateway/leases.js";
import { LwaClient } from "../../../examples/gateway/lwa-client.js";
import { Tokens } from "../../../examples/gateway/tokens.js";
import { Vault } from "../../../examples/gateway/vault.js";
import { Worker } from "../../../examples/gateway/worker.js";
import { emptyDatabase } from "./databases.js";
import { DrsStandIn, intent, NOON, type Reply, registered } from "./harness.js";

const test = anyTest.serial;
/** Long enough for a slow machine to make the calls of a test in half of it. */
const DURATION = 10_000;

let database: Database;
let drs: DrsStandIn;
/** UTC milliseconds for PGlite; a server has its own. */
const clock = { time: NOON, now: () => clock.time };
/** The watch of each gateway. */
const watch = { time: 0 };
const log = () => {};

test.before(async () => {
  database = await Database.open(await emptyDatabase());
  drs = await new DrsStandIn().start();
});
test.after.always(async () => {
  await database.close();
  await drs.close();
});

const leases = (owner: string) =>
  new Leases({ database, clock, owner, duration: DURATION, monotonic: () => watch.time });

/** A gateway's worker with a lease on a device that is owed an order, and another gateway that takes over. */
async function late(serial: string) {
  const counts = noCounts();
  const vault = new Vault([{ number: 1, secret: new Uint8Array(32).fill(1) }]);
  const lwa = new LwaClient(
    { clientId: "id", clientSecret: "secret", tokenUrl: `${drs.url}/auth/o2/token` },
    counts,
  );
  const tokens = new Tokens({ database, vault, lwa, clock, log });
  const client = new DrsClient({ base: drs.url, counts });
  const random = () => 0;
  const redeemer = { redeem: async () => true };
  const service = new DrsService({ database, drs: client, tokens, redeemer, clock, random, counts, log });
  const worker = new Worker({ database, serviceOf: () => service, clock, random, log });
  const device = registered(serial);
  await database.direct.addDevices([serial]);
  const order = intent() as Parameters<typeof database.direct.addOrder>[2];
  await database.direct.addOrder(serial, 1, order, NOON);
  await database.direct.addTask(serial, "replenish", NOON, 0, 1);
  const before = await database.direct.calls.due(serial, NOON);
  const lease = (await leases("late").take(serial, NOON))!;
  let successor: Lease | undefined;
  return {
    /** Has it fetch an access token before its first call. */
    forgetToken: () => tokens.begin([{ ...device, refreshToken: "Atzr|1" }]),
    /** The gateway is stopped for so long that another has the lease when it goes on; `reply` comes then. */
    async stopped<Answer extends Reply | undefined>(reply: Answer): Promise<Answer> {
      watch.time += DURATION;
      clock.time += DURATION;
      // A server goes by its own clock: the other gateway gets what it would have got then.
      await lease.end();
      successor = await leases("next").take(serial, NOON);
      return reply;
    },
    drain: () => worker.drain(device, lease, NOON),
    calls: () => drs.calls(device.accessToken).map(({ path }) => path),
    token: device.accessToken,
    before,
    owed: () => database.direct.calls.due(serial, NOON),
    order: async () => (await database.direct.order(serial, 0, 1))!,
    successor: () => successor!,
  };
}

test("a call is made under a good lease or not at all, and what is owed is left to the next", async (t) => {
  const each = await late("STOPPED");
  drs.answer(each.token, ({ path }) =>
    path === "/subscriptionInfo" ? each.stopped(undefined) : Promise.resolve(undefined),
  );
  t.false(await each.drain());
  t.deepEqual(each.calls(), ["/subscriptionInfo"]);
  t.like(await each.order(), { state: "intended", attempts: 0, askedAt: null });
  t.deepEqual(await each.owed(), each.before, "nor put off");
  await each.successor().end();
});

test("a token that was fetched for too long is not used", async (t) => {
  const each = await late("FETCHED");
  await each.forgetToken();
  const granted = { status: 200, body: { access_token: "Atza|late", expires_in: 3600 } };
  drs.answer("", () => each.stopped(granted));
  t.false(await each.drain());
  t.is(drs.calls("").length, 1);
  t.deepEqual(drs.calls("Atza|late"), []);
  t.deepEqual(await each.owed(), each.before);
  await each.successor().end();
});

test("an order that DRS refused a gateway whose lease is over is rejected: nobody else asks for it", async (t) => {
  const each = await late("REFUSED");
  drs.answer(each.token, ({ path }) =>
    path.startsWith("/replenish/")
      ? each.stopped({ status: 400, body: { message: "no" } })
      : Promise.resolve(undefined),
  );
  await each.drain();
  t.deepEqual(each.calls(), ["/subscriptionInfo", "/replenish/soap"]);
  t.like(await each.order(), { state: "rejected", attempts: 1, message: "no" });
  t.deepEqual(await each.owed(), []);
  await each.successor().end();
});

test("an order that DRS took from a gateway whose lease is over is recorded", async (t) => {
  const each = await late("TAKEN");
  drs.answer(each.token, ({ path }) =>
    path.startsWith("/replenish/")
      ? each.stopped({
          status: 200,
          body: { eventInstanceId: "taken", detailCode: "STANDARD_ORDER_PLACED" },
        })
      : Promise.resolve(undefined),
  );
  await each.drain();
  t.like(await each.order(), { state: "accepted", instanceId: "taken" });
  t.deepEqual(await each.owed(), []);
  await each.successor().end();
});
