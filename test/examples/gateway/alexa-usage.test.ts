import anyTest from "ava";
import type { Intent, Status } from "everfull";
import fc from "fast-check";
import { type DatabasePort, MemoryQueries, MemoryTables } from "../../../examples/chaos/memory-database.js";
import { AlexaClient } from "../../../examples/gateway/alexa-client.js";
import { discoveryEndpoint } from "../../../examples/gateway/alexa-messages.js";
import { AlexaService } from "../../../examples/gateway/alexa-service.js";
import { noCounts } from "../../../examples/gateway/counts.js";
import { Database, type Queries } from "../../../examples/gateway/database.js";
import type { HttpAnswer } from "../../../examples/gateway/http-call.js";
import { type Lease, Leases } from "../../../examples/gateway/leases.js";
import { SERVICE_DECIDES } from "../../../examples/gateway/service.js";
import { Tokens } from "../../../examples/gateway/tokens.js";
import { Vault } from "../../../examples/gateway/vault.js";
import { Worker } from "../../../examples/gateway/worker.js";
import { MODEL, MODELS, successor } from "./alexa-model.js";
import { emptyDatabase } from "./databases.js";
import { Ledger } from "./event-gateway.js";
import { intent, NOON, status } from "./harness.js";

const test = anyTest.serial;
const DAY = 86_400_000;
const STEPS_PER_OUNCE = 10;

let database: Database;
test.before(async () => {
  database = await Database.open(await emptyDatabase());
});
test.after.always(() => database.close());

/** What becomes of one event on its way. */
const FATES = [
  "taken",
  "lost on the way",
  "taken, answer lost",
  "busy",
  "refused",
  "token refused",
  "gateway dies before",
  "gateway dies after",
  "other gateway, taken before",
  "other gateway, taken after",
  "other gateway, refused here",
] as const;
type Fate = (typeof FATES)[number];

type Step =
  | { readonly kind: "status"; readonly use: number }
  | { readonly kind: "late status"; readonly use: number }
  | { readonly kind: "calls"; readonly fates: readonly Fate[] }
  | { readonly kind: "day"; readonly fates: readonly Fate[] };

const fates = fc.array(fc.constantFrom(...FATES), { maxLength: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("status" as const), use: fc.nat(400) }),
  fc.record({ kind: fc.constant("late status" as const), use: fc.nat(400) }),
  fc.record({ kind: fc.constant("calls" as const), fates }),
  fc.record({ kind: fc.constant("day" as const), fates }),
);
const steps = fc.array(step, { minLength: 1, maxLength: 25 });

/** A device's usage sensor, Alexa, and gateways that come and go. */
class Household {
  readonly device: ReturnType<typeof successor>;
  readonly ledger: Ledger;
  consumed = 0;
  sequence = 0;
  #time = NOON;
  #fates: Fate[] = [];
  #died: () => void = () => {};
  /** Of messages that were refused: the same would be refused again. */
  readonly #refused = new Set<string>();
  readonly #leases: Leases;
  readonly #worker: Worker;
  readonly #database: Database;

  constructor(serial: string, database: Database) {
    this.#database = database;
    this.device = successor(serial);
    this.ledger = new Ledger([discoveryEndpoint(this.device, MODEL)]);
    const clock = { now: () => this.#time };
    const counts = noCounts();
    const log = () => {};
    const random = () => 0;
    const tokens = new Tokens({ database, vault: new Vault([]), lwa: undefined, clock, log });
    const client = new AlexaClient({ counts, http: (_, init) => this.#http(JSON.parse(String(init.body))) });
    const common = { database, clock, random, log };
    const service = new AlexaService({ ...common, client, models: MODELS, tokens, counts });
    this.#worker = new Worker({ ...common, serviceOf: () => service });
    this.#leases = new Leases({ database, clock, owner: "any", duration: 60_000, monotonic: () => 0 });
  }

  async run(list: readonly Step[]): Promise<void> {
    await this.#database.direct.addDevices([this.device.serial]);
    for (const each of list) {
      if (each.kind === "status") await this.#use(each.use, ++this.sequence);
      else if (each.kind === "late status") {
        // Overtaken by one that says more.
        await this.#use(each.use, this.sequence + 2);
        await this.#put(this.sequence + 1, this.consumed - each.use);
        this.sequence += 2;
      } else {
        if (each.kind === "day") this.#time += DAY;
        this.#fates = [...each.fates];
        await this.#drain();
      }
    }
    // In the end everything arrives.
    this.#fates = [];
    for (let n = 0; n < 3; n++) {
      this.#time += DAY;
      await this.#drain();
    }
  }

  /** What Alexa was told of usage, in steps. */
  get told(): number {
    const told = this.ledger.of(this.device.serial, "Sensor.Soap");
    return told.reduce((sum, { value }) => sum + Math.round(value * STEPS_PER_OUNCE), 0);
  }

  async #use(steps: number, sequence: number): Promise<void> {
    this.consumed += steps;
    await this.#put(sequence, this.consumed);
  }

  async #put(sequence: number, consumed: number): Promise<void> {
    const { serial } = this.device;
    const message = status({ consumed, day: Math.floor(this.#time / DAY) });
    if (message.kind !== "status") throw new Error("a status was asked for");
    await this.#database.transaction(async (queries) => {
      await queries.seen(serial, { highWater: sequence, recent: 0 }, this.#time);
      await queries.putStatus(serial, sequence, message, this.#time);
      await queries.addTask(serial, "inventory", this.#time);
    });
  }

  /** As a gateway does it that may die on the way, and is started again. */
  async #drain(): Promise<void> {
    for (let goesOn = true; goesOn; ) {
      const lease = await this.#leases.take(this.device.serial, this.#time);
      if (!lease) return;
      const died = new Promise<"died">((resolve) => {
        this.#died = () => resolve("died");
      });
      this.#lease = lease;
      const ended = await Promise.race([this.#worker.drain(this.device, lease, this.#time), died]);
      if (ended === "died") await this.#database.direct.endLeases();
      else await lease.end();
      goesOn = ended === "died" || ended;
    }
  }

  #lease: Lease | undefined;

  /** The lease is over, and another gateway makes the calls. */
  async #takeOver(): Promise<void> {
    const [died, lease] = [this.#died, this.#lease];
    await lease?.end();
    await this.#drain();
    [this.#died, this.#lease] = [died, lease];
  }

  // biome-ignore lint/suspicious/noExplicitAny: the ledger checks it
  async #http(message: any): Promise<HttpAnswer> {
    const fate = this.#fates.shift() ?? "taken";
    const id: string = message.event.header.messageId;
    const answer = (code: number): HttpAnswer => ({
      answered: true,
      status: code,
      headers: new Headers(),
      text: "{}",
    });
    const take = (): HttpAnswer => {
      if (this.#refused.has(id)) return answer(400);
      this.ledger.take(message);
      return answer(202);
    };
    const lost: HttpAnswer = { answered: false, sent: true, message: "timeout" };
    switch (fate) {
      case "taken":
        return take();
      case "lost on the way":
        return lost;
      case "taken, answer lost":
        take();
        return lost;
      case "busy":
        return answer(503);
      case "token refused":
        return answer(401);
      case "refused": {
        if (this.ledger.told.some(({ messageId }) => messageId === id)) return take();
        this.#refused.add(id);
        return answer(400);
      }
      case "gateway dies before":
        this.#died();
        return new Promise(() => {});
      case "gateway dies after":
        take();
        this.#died();
        return new Promise(() => {});
      case "other gateway, taken before": {
        const came = take();
        await this.#takeOver();
        return came;
      }
      case "other gateway, taken after":
        await this.#takeOver();
        return take();
      case "other gateway, refused here":
        await this.#takeOver();
        return answer(400);
    }
  }
}

/** A database in memory, as a database. */
function inMemory(): Database {
  const tables = new MemoryTables(() => NOON);
  const direct = new MemoryQueries(tables) as unknown as Queries;
  const port: DatabasePort = {
    direct,
    shared: false,
    transaction: async (body) => {
      tables.commit();
      try {
        const result = await body(direct);
        tables.commit();
        return result;
      } catch (error) {
        tables.rollback();
        throw error;
      }
    },
  };
  return port as Database;
}

test("usage that Alexa was told adds up to what was consumed, whatever is lost, repeated or refused", async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const household = new Household("USAGE", inMemory());
      await household.run(list);
      if (household.told !== household.consumed)
        throw new Error(`told ${household.told}, consumed ${household.consumed}`);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test("so it does on a database", async (t) => {
  for (const [n, list] of fc.sample(steps, { numRuns: 5, seed: 7 }).entries()) {
    const household = new Household(`USAGE-${n}`, database);
    await household.run(list);
    t.is(household.told, household.consumed, JSON.stringify(list));
  }
});

test("usage of a device that comes from DRS counts from there, and what it owes DRS is dropped", async (t) => {
  const { direct } = database;
  const serial = "MOVED";
  await direct.addDevices([serial]);
  await direct.putStatus(serial, 1, status({ consumed: 500 }) as Status, NOON);
  await direct.calls.report(serial, 0, 1);
  for (const cycle of [1, 2]) await direct.addOrder(serial, 1, intent({ cycle }) as Intent, NOON);
  for (const kind of ["slotStatus", "deviceStatus"] as const) await direct.addTask(serial, kind, NOON);
  await direct.addTask(serial, "replenish", NOON, 0, 1);
  await direct.addTask(serial, "orderInfo", NOON, 0, 2);
  const [, second] = await direct.orders(serial);
  await direct.moveOrder(second!, "accepted", 0);
  const lease = (await new Leases({
    database,
    clock: { now: () => NOON },
    owner: "drs",
    duration: 60_000,
  }).take(serial, NOON))!;
  await direct.calls.ask(second!, lease.token, NOON);
  await lease.end();

  const household = new Household(serial, database);
  household.consumed = 500;
  household.sequence = 1;
  await household.run([
    { kind: "status", use: 30 },
    { kind: "calls", fates: [] },
    { kind: "status", use: 20 },
  ]);
  t.is(household.told, 20);
  t.deepEqual(
    (await direct.orders(serial)).map(({ state, detail }) => [state, detail]),
    [
      ["rejected", SERVICE_DECIDES],
      ["unknown", SERVICE_DECIDES],
    ],
  );
  t.deepEqual(await direct.calls.due(serial, NOON + 100 * DAY), []);
});

test("no report is made under a lease that is over", async (t) => {
  await database.direct.addDevices(["LEASED"]);
  await database.direct.addTask("LEASED", "inventory", NOON);
  const { inventory } = database.direct;
  const leases = new Leases({ database, clock: { now: () => NOON }, owner: "any", duration: 60_000 });
  const report = { messageId: "m", sequence: 9, consumed: 99, remaining: 1, sampledAt: NOON, uncertainty: 0 };
  const lease = (await leases.take("LEASED", NOON))!;
  t.true(await inventory.plan("LEASED", 0, 7, report, lease.token));
  await lease.end();
  t.false(await inventory.plan("LEASED", 0, 8, { ...report, messageId: "n" }, lease.token));
  const kept = { told: 7, reported: 0, reportedAt: null, pending: report };
  t.deepEqual(await inventory.of("LEASED", 0), kept);
  await inventory.told("LEASED", 0, "n", NOON);
  t.deepEqual(await inventory.of("LEASED", 0), kept, "another report has arrived, which is not pending");
  await inventory.told("LEASED", 0, "m", NOON);
  t.deepEqual(await inventory.of("LEASED", 0), { told: 99, reported: 9, reportedAt: NOON, pending: null });
});
