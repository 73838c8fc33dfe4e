import test from "ava";
import { MemoryQueries, MemoryTables } from "../../../examples/chaos/memory-database.js";
import { Database, type OrderRow, type Queries } from "../../../examples/gateway/database.js";
import { AGAIN_AFTER } from "../../../examples/gateway/database-images.js";
import { Random } from "../../../hal/simulator/models/random.js";

const SERIALS = ["EF-1", "EF-2"] as const;
const STATEMENTS = 900;
/** Stands for an order where there is none. */
const NO_ORDER = { slot: 0, cycle: 99, receivedAt: 0 };
const STATES = ["accepted", "resolution", "placed", "shipped", "cancelled", "rejected", "unknown"] as const;
const KINDS = [
  "replenish",
  "slotStatus",
  "deviceStatus",
  "orderInfo",
  "deregister",
  "subscriptions",
  "authorize",
  "inventory",
  "poll",
] as const;

interface Choice {
  readonly serial: string;
  readonly slot: number;
  readonly cycle: number;
  readonly time: number;
  /** 0 up to but not `n`. */
  pick(n: number): number;
}

type Ask = (queries: Queries, order: OrderRow, id: number) => Promise<unknown>;

/** Every statement, with arguments of the run's choice. `id` stands for a task that is there. */
function statements({ serial, slot, cycle, time, pick }: Choice): Ask[] {
  const state = STATES[pick(STATES.length)]!;
  const kind = KINDS[pick(KINDS.length)]!;
  const number = pick(12);
  const instance = `order-${pick(4)}`;
  const slotId = `slot-${slot}`;
  const token = pick(8);
  const text = pick(2) === 0 ? undefined : `text ${number}`;
  const applied = { kind: "settled", number, applied: 0, slot, outcome: "applied" } as const;
  const refused = { ...applied, outcome: "reserveDays" } as const;
  const outcome = (["taken", "known", "busy", "storage", "chip"] as const)[pick(5)]!;
  const failure = pick(2) === 0 ? "none" : "refused";
  const offered = { kind: "offered", image: pick(4), outcome, applied: 0 } as const;
  const grant = { refreshToken: `r${number}`, accessToken: null, expiresAt: null, clientId: text ?? null };
  const row = {
    messageId: `message-${pick(30)}`,
    type: "OrderPlacedNotification",
    serial,
    slotId,
    instanceId: pick(4) === 0 ? null : instance,
    deliveryAt: pick(2) === 0 ? null : time,
    receivedAt: time,
  };
  const status = {
    kind: "status",
    slot,
    day: 20_000 + pick(3),
    consumed: time,
    remaining: number,
    onHand: 2,
    runOut: 3,
    early: 4,
    late: 5,
    idle: 6,
    applied: 0,
  } as const;
  const intent = {
    kind: "intent",
    slot,
    cycle,
    day: 20_000,
    quantity: 7,
    remaining: 8,
    runOut: 9,
    applied: 0,
  } as const;
  const report = {
    messageId: `report-${pick(3)}`,
    sequence: number,
    consumed: time,
    remaining: 4,
    sampledAt: time,
    uncertainty: 6,
  };
  const record = {
    kind: "health",
    day: 20_000 + pick(3),
    version: [1, 2, number],
    resets: [1, 2, 3, 4, 5, 6, 7],
    leastFree: number,
    mostErases: 1,
    worn: 2,
    damaged: 3,
    dropped: 4,
    clock: "trusted",
    utcOffset: 60,
    settings: 0,
    applied: 0,
  } as const;
  return [
    (q) => q.addDevices([serial]),
    (q) => q.lockDevice(serial),
    (q) => q.seen(serial, { highWater: number, recent: pick(16) }, time),
    (q) => q.lastSeen(serial),
    (q) => q.nextDownlink(serial, pick(12)),
    (q) => q.reported(serial, number),
    (q) => q.told(serial, number, pick(2) === 0 ? null : 60),
    (q) => q.utcOffset(serial),
    (q) => q.putHealth(serial, time, record, time),
    (q) => q.health(),
    (q) => q.health(serial),
    (q) => q.healthDays(serial),
    async (q) => q.addSettings(serial, ((await q.settings(serial)).at(-1)?.number ?? 0) + 1, null, [], time),
    (q) => q.settings(),
    (q) => q.heldSettings(serial),
    (q) => q.owedSettings(serial, number, time),
    (q) => q.answerSettings(serial, pick(2) === 0 ? applied : refused, time),
    (q) => q.images.add(serial, number, pick(4), Uint8Array.of(number), time),
    (q) => q.images.list(pick(2) === 0 ? serial : undefined),
    async (q) => Array.from((await q.images.owed(serial, time + pick(2) * AGAIN_AFTER)) ?? []),
    (q) => q.images.answer(serial, offered, time),
    (q) => q.registrations.of(serial),
    (q) => q.registrations.put(serial, pick(2) === 0 ? "registered" : "unregistered", pick(3), failure),
    (q) => q.registrations.pend(serial, `code ${number}`, time),
    (q) => q.registrations.keepCode(serial, `code ${number}`, time),
    (q) => q.registrations.told(serial, number),
    (q) => q.grants.store(serial, grant),
    (q) => q.calls.poll(serial, time),
    (q) => q.putStatus(serial, 1 + pick(40), status, time),
    (q) => q.putFull(serial, slot, number),
    async (q) => [...(await q.full(serial))],
    (q) => q.status(serial, slot),
    (q) => q.statuses(),
    (q) => q.history(serial, slot),
    (q) => q.addOrder(serial, number, intent, time),
    (q) => q.order(serial, slot, cycle),
    (q) => q.orders(),
    (q) => q.orders(serial),
    (q) => q.ordersOfInstance(serial, instance),
    (q) => q.unnamedOrder(serial, slot),
    (q, order) => q.answerOrder(order, { instanceId: pick(2) === 0 ? instance : undefined, message: text }),
    (q, order) => q.moveOrder(order, state, pick(2) * 20_001),
    (q, order) => q.addEvent(order, state, number),
    (q) => q.confirmEvents(serial, number),
    (q) => q.unconfirmedEvents(serial, 3),
    (q) => q.addTask(serial, kind, time, slot, cycle),
    (q, _, id) => q.removeTask(id),
    (q) => q.takeLease(serial, "owner", 50, pick(4) === 0 ? null : time, time),
    (q) => q.renewLease(serial, token, 50, time),
    (q) => q.endLease(serial, token),
    (q) => (pick(4) === 0 ? q.endLeases() : Promise.resolve()),
    (q) => q.hasNotification(row.messageId),
    (q) => q.addNotification(row),
    (q) => q.notificationsOfInstance(serial, instance),
    (q, order) => q.orphanInstance(order, slotId),
    (q) => q.calls.due(serial, time),
    (q) => q.calls.nextDue(pick(3) === 0 ? [serial] : []),
    (q) =>
      q.calls.devicesDue(time, 10, pick(3) === 0 ? [serial] : [], pick(2) === 0 ? "owner" : "other", time),
    (q) => q.calls.isHeld(serial, token),
    (q, _, id) => q.calls.postpone(id, time + 20),
    (q) => (pick(4) === 0 ? q.calls.postponeAll(serial, time) : Promise.resolve()),
    (q, _, id) => q.calls.again(id, time + 5),
    (q) => (pick(4) === 0 ? q.calls.drop(serial) : Promise.resolve()),
    (q) => q.calls.dropDeregistration(serial),
    (q, order) => q.calls.ask(order, token, time),
    (q, order) => q.calls.unask(order, token),
    (q, order) => q.calls.accepted(order, time),
    (q, order) => (order.cycle === NO_ORDER.cycle ? Promise.resolve() : q.calls.newestCycle(order)),
    (q) => q.calls.reported(serial, slot),
    (q) => q.calls.report(serial, slot, number),
    (q) => q.inventory.of(serial, slot),
    (q) => q.inventory.plan(serial, slot, number, report, token),
    (q) => q.inventory.told(serial, slot, report.messageId, time),
    (q) => q.inventory.untold(serial, slot, report.messageId),
    (q) => (pick(4) === 0 ? q.inventory.begin(serial) : Promise.resolve()),
    (q) => q.inventory.schedule(serial, slot, time + 5),
    (q) => q.grants.of(serial),
    (q) => q.grants.begin([{ serial, refreshToken: `r${number}` }]),
    (q) => q.grants.put(serial, grant, time),
    (q) => q.grants.refreshed(serial, `r${pick(12)}`, grant),
    (q) => (pick(4) === 0 ? q.grants.forget(serial) : Promise.resolve()),
    (q) => q.grants.end(serial, `why ${number}`),
    (q) => q.grants.ended(serial),
    (q) => q.grants.registeredAt(serial),
    (q) => q.grants.registered(serial, time),
  ];
}

test("the database in memory answers as PostgreSQL does, to any statements", async (t) => {
  const tables = new MemoryTables(() => 0);
  const memory = new MemoryQueries(tables) as unknown as Queries;
  const database = await Database.open();
  t.teardown(() => database.close());
  const random = new Random("statements");
  for (const queries of [memory, database.direct]) await queries.addDevices(SERIALS);
  tables.commit();
  const seen = new Set<number>();
  for (let step = 0; step < STATEMENTS; step++) {
    const pick = (n: number) => random.int(n);
    const serial = SERIALS[pick(2)]!;
    const choice = { serial, slot: pick(2), cycle: 1 + pick(4), time: step };
    const seed = `${step}`;
    // Each side draws the same arguments.
    const of = () => {
      const drawn = new Random(seed);
      return statements({ ...choice, pick: (n) => drawn.int(n) });
    };
    const index = pick(of().length);
    seen.add(index);
    const orders = await memory.orders(serial);
    const order =
      orders[orders.length === 0 ? 0 : pick(orders.length)] ?? ({ ...NO_ORDER, serial } as OrderRow);
    // Identities may differ, and do after a rollback: a task goes by its place.
    const place = pick(6);
    const idOf = async (queries: Queries) => (await queries.calls.due(serial, 1e9))[place]?.id ?? -1;
    const results = [];
    const fails = pick(12) === 0;
    for (const [queries, transaction] of [
      [memory, inMemory(tables, memory)],
      [database.direct, (body: (q: Queries) => Promise<unknown>) => database.transaction(body)],
    ] as const) {
      const id = await idOf(queries);
      try {
        results.push(
          withoutIds(
            await transaction(async (q) => {
              const result = await of()[index]!(q, order, id);
              if (fails) throw new Error("rolled back");
              return result;
            }),
          ),
        );
      } catch (error) {
        results.push(fails ? "rolled back" : `threw ${error instanceof Error}`);
      }
    }
    t.deepEqual(results[0], results[1], `statement ${index} in step ${step}`);
  }
  const all = statements({ serial: "", slot: 0, cycle: 0, time: 0, pick: () => 0 }).length;
  t.is(seen.size, all);
});

function inMemory(tables: MemoryTables, memory: Queries) {
  return async (body: (queries: Queries) => Promise<unknown>): Promise<unknown> => {
    try {
      const result = await body(memory);
      tables.commit();
      return result;
    } catch (error) {
      tables.rollback();
      throw error;
    }
  };
}

function withoutIds(value: unknown): unknown {
  return Array.isArray(value) ? value.map(withoutId) : withoutId(value);
}

function withoutId(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { id: _, ...rest } = value as { id?: number };
  return rest;
}
