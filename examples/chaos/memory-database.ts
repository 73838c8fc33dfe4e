import {
  type HealthRecord,
  type Intent,
  type Offered,
  type OrderEvent,
  type OrderState,
  RESET_CAUSES,
  type Settings,
  type Settled,
  type SlotSettings,
  type Status,
} from "everfull";
import type {
  Database,
  DeviceRow,
  HealthRow,
  NotificationRow,
  OrderRow,
  Queries,
  SettingsRow,
  StatusRow,
  TaskRow,
} from "../gateway/database.js";
import type { CallQueries } from "../gateway/database-calls.js";
import type { GrantQueries, GrantRow } from "../gateway/database-grants.js";
import { AGAIN_AFTER, type ImageQueries, type ImageRow } from "../gateway/database-images.js";
import type { InventoryRow } from "../gateway/database-inventory.js";
import {
  LAST_NUMBER,
  type RegistrationQueries,
  type RegistrationRow,
} from "../gateway/database-registrations.js";
import type { Seen } from "../gateway/sequences.js";
import { MemoryInventory } from "./memory-inventory.js";

interface DeviceRecord extends DeviceRow {
  readonly downlink: number;
  readonly lastSeen: number | null;
  readonly registeredAt: number | null;
  readonly leaseOwner: string | null;
  readonly leaseToken: number;
  readonly leaseUntil: number | null;
}

interface StatusRecord extends StatusRow {
  readonly reported: number;
  readonly full: number;
}

interface EventRecord extends OrderEvent {
  readonly confirmed: boolean;
}

interface ImageRecord extends Omit<ImageRow, "state"> {
  readonly description: Uint8Array;
}

interface TaskRecord extends TaskRow {
  readonly serial: string;
  readonly dueAt: number;
}

/** Rows by key, in the order of their insertion. Rows are never changed, only replaced. */
class Table<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #undo: (() => void)[];

  /** @param undo takes what brings back how it was */
  constructor(undo: (() => void)[]) {
    this.#undo = undo;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  put(key: string, row: Row): void {
    const before = this.#rows.get(key);
    this.#undo.push(before === undefined ? () => this.#rows.delete(key) : () => this.#rows.set(key, before));
    this.#rows.set(key, row);
  }

  /** Adds a row unless there is one under the key. */
  add(key: string, row: Row): boolean {
    if (this.#rows.has(key)) return false;
    this.put(key, row);
    return true;
  }

  change(key: string, change: Partial<Row>): boolean {
    const row = this.#rows.get(key);
    if (row === undefined) return false;
    this.put(key, { ...row, ...change });
    return true;
  }

  delete(key: string): void {
    const before = this.#rows.get(key);
    if (before === undefined) return;
    this.#undo.push(() => this.#rows.set(key, before));
    this.#rows.delete(key);
  }

  filter(accepts: (row: Row) => boolean): Row[] {
    const found: Row[] = [];
    for (const row of this.#rows.values()) if (accepts(row)) found.push(row);
    return found;
  }
}

/** The gateway's tables in memory: the same statements with the same effects, thousands of times as fast as a database. */
export class MemoryTables {
  readonly undo: (() => void)[] = [];
  readonly devices = new Table<DeviceRecord>(this.undo);
  readonly statuses = new Table<StatusRecord>(this.undo);
  readonly statusDays = new Table<StatusRow>(this.undo);
  readonly orders = new Table<OrderRow>(this.undo);
  readonly events = new Table<EventRecord & { readonly serial: string }>(this.undo);
  readonly tasks = new Table<TaskRecord>(this.undo);
  readonly notifications = new Table<NotificationRow & { readonly number: number }>(this.undo);
  readonly health = new Table<HealthRow>(this.undo);
  readonly settings = new Table<Omit<SettingsRow, "state"> & { readonly outcome: string | null }>(this.undo);
  readonly grants = new Table<GrantRow>(this.undo);
  readonly images = new Table<ImageRecord>(this.undo);
  readonly registrations = new Table<RegistrationRow>(this.undo);
  readonly inventory = new Table<InventoryRow>(this.undo);
  /** The server's clock, UTC milliseconds. */
  readonly now: () => number;
  /** Identities are given once, also when the transaction is rolled back. */
  #identity = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  nextIdentity(): number {
    return ++this.#identity;
  }

  commit(): void {
    this.undo.length = 0;
  }

  rollback(): void {
    for (let step = this.undo.pop(); step; step = this.undo.pop()) step();
    this.undo.length = 0;
  }
}

type QueriesPort = Omit<Queries, "calls" | "grants" | "images" | "registrations" | "inventory">;

const byKey =
  <Row>(...keys: ((row: Row) => number | string)[]) =>
  (a: Row, b: Row) => {
    for (const key of keys) {
      const [left, right] = [key(a), key(b)];
      if (left !== right) return left < right ? -1 : 1;
    }
    return 0;
  };

const isNew = ({ attempts, kind }: TaskRecord) =>
  attempts === 0 && kind !== "orderInfo" && kind !== "poll" && kind !== "subscriptions";
const isDue = (task: TaskRecord, now: number) => task.dueAt <= now || isNew(task);

const taskRow = ({ id, kind, slot, cycle, attempts }: TaskRecord): TaskRow => ({
  id,
  kind,
  slot,
  cycle,
  attempts,
});

/** Statements on {@link MemoryTables}, as {@link Queries} has them on a database. */
export class MemoryQueries implements QueriesPort {
  readonly #tables: MemoryTables;
  readonly calls: MemoryCalls;
  readonly grants: MemoryGrants;
  readonly images: MemoryImages;
  readonly registrations: MemoryRegistrations;
  readonly inventory: MemoryInventory;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
    this.calls = new MemoryCalls(tables);
    this.grants = new MemoryGrants(tables);
    this.images = new MemoryImages(tables);
    this.registrations = new MemoryRegistrations(tables);
    this.inventory = new MemoryInventory(tables);
  }

  async addDevices(serials: readonly string[]): Promise<void> {
    for (const serial of serials)
      this.#tables.devices.add(serial, {
        serial,
        highWater: 0,
        recent: 0,
        newestEvent: 0,
        reportedDay: null,
        ended: null,
        settled: 0,
        utcOffset: null,
        downlink: 0,
        lastSeen: null,
        registeredAt: null,
        leaseOwner: null,
        leaseToken: 0,
        leaseUntil: null,
      });
  }

  #device(serial: string): DeviceRecord {
    const row = this.#tables.devices.get(serial);
    if (!row) throw new Error(`device "${serial}" has no row`);
    return row;
  }

  async lockDevice(serial: string): Promise<DeviceRow> {
    const { highWater, recent, newestEvent, reportedDay, ended, settled, utcOffset } = this.#device(serial);
    return { serial, highWater, recent, newestEvent, reportedDay, ended, settled, utcOffset };
  }

  async seen(serial: string, { highWater, recent }: Seen, now: number): Promise<void> {
    this.#tables.devices.change(serial, { highWater, recent, lastSeen: now });
  }

  async lastSeen(serial: string): Promise<number | null> {
    return this.#tables.devices.get(serial)?.lastSeen ?? null;
  }

  async nextDownlink(serial: string, least: number): Promise<number> {
    const downlink = Math.max(this.#device(serial).downlink + 1, least);
    this.#tables.devices.change(serial, { downlink });
    return downlink;
  }

  async reported(serial: string, day: number): Promise<void> {
    this.#tables.devices.change(serial, { reportedDay: day });
  }

  async told(serial: string, settled: number, utcOffset: number | null): Promise<void> {
    this.#tables.devices.change(serial, { settled, ...(utcOffset !== null && { utcOffset }) });
  }

  async utcOffset(serial: string): Promise<number | null> {
    return this.#tables.devices.get(serial)?.utcOffset ?? null;
  }

  async putHealth(serial: string, sequence: number, record: HealthRecord, now: number): Promise<void> {
    const { resets, ...rest } = record;
    this.#tables.health.put(`${serial} ${record.day}`, {
      serial,
      day: rest.day,
      sequence,
      version: rest.version.join("."),
      resets: Object.fromEntries(
        RESET_CAUSES.map((cause, index) => [cause, resets[index]]),
      ) as HealthRow["resets"],
      leastFree: rest.leastFree === 0 ? null : rest.leastFree,
      mostErases: rest.mostErases,
      worn: rest.worn,
      damaged: rest.damaged,
      dropped: rest.dropped,
      clock: rest.clock,
      utcOffsetMinutes: rest.utcOffset,
      settings: rest.settings,
      receivedAt: now,
    });
  }

  async health(serial?: string): Promise<HealthRow[]> {
    const newest = new Map<string, HealthRow>();
    for (const row of this.#tables.health.filter((each) => serial === undefined || each.serial === serial))
      if (row.sequence > (newest.get(row.serial)?.sequence ?? -1)) newest.set(row.serial, row);
    return [...newest.values()].sort(byKey((row) => row.serial));
  }

  async healthDays(serial: string): Promise<HealthRow[]> {
    return this.#tables.health.filter((row) => row.serial === serial).sort(byKey((row) => row.day));
  }

  async addSettings(
    serial: string,
    number: number,
    utcOffset: number | null,
    slots: readonly SlotSettings[],
    now: number,
  ): Promise<void> {
    const row = {
      serial,
      number,
      utcOffsetMinutes: utcOffset,
      slots: [...slots],
      outcome: null,
      refusal: null,
      refusedSlot: null,
      enteredAt: now,
      sentAt: null,
      answeredAt: null,
    };
    if (!this.#tables.settings.add(`${serial} ${number}`, row))
      throw new Error("settings: the number is taken");
  }

  async settings(serial?: string): Promise<SettingsRow[]> {
    const rows = this.#tables.settings.filter((row) => serial === undefined || row.serial === serial);
    return rows
      .map(({ outcome, ...row }): SettingsRow => {
        const isSuperseded = rows.some((other) => other.serial === row.serial && other.number > row.number);
        const state =
          outcome === "applied"
            ? "applied"
            : outcome !== null
              ? "refused"
              : isSuperseded
                ? "superseded"
                : "waiting";
        return { ...row, state };
      })
      .sort(
        byKey(
          (row) => row.serial,
          (row) => row.number,
        ),
      );
  }

  async heldSettings(serial: string): Promise<SettingsRow | undefined> {
    return (await this.settings(serial)).filter(({ state }) => state !== "refused").at(-1);
  }

  async owedSettings(serial: string, settled: number, now: number): Promise<Settings | undefined> {
    const newest = (await this.settings(serial)).at(-1);
    if (!newest || newest.number <= settled) return undefined;
    const { number, utcOffsetMinutes, slots, sentAt } = newest;
    this.#tables.settings.change(`${serial} ${number}`, { sentAt: sentAt ?? now });
    const utcOffset = utcOffsetMinutes;
    return { kind: "settings", number, ...(utcOffset !== null && { utcOffset }), slots };
  }

  async answerSettings(
    serial: string,
    { number, outcome, slot }: Settled,
    now: number,
  ): Promise<number | null> {
    const key = `${serial} ${number}`;
    const row = this.#tables.settings.get(key);
    const isOfSlot = outcome !== "applied" && outcome !== "utcOffset";
    this.#tables.settings.change(key, {
      outcome,
      refusal: outcome === "applied" ? null : outcome,
      refusedSlot: isOfSlot ? (slot ?? null) : null,
      answeredAt: now,
    });
    return outcome === "applied" ? (row?.utcOffsetMinutes ?? null) : null;
  }

  async putStatus(serial: string, sequence: number, status: Status, now: number): Promise<void> {
    const { slot, day, consumed, remaining, onHand, runOut, early, late, idle } = status;
    const figures = { day, consumed, remaining, onHand, runOut, early, late, idle };
    const row: StatusRow = { serial, slot, sequence, ...figures, receivedAt: now };
    const { statuses, statusDays } = this.#tables;
    const key = `${serial} ${slot}`;
    const before = statuses.get(key);
    if (!before) statuses.put(key, { ...row, reported: 0, full: 0 });
    else if (sequence > before.sequence) statuses.put(key, { ...before, ...row });
    const ofDay = statusDays.get(`${key} ${day}`);
    if (!ofDay || sequence > ofDay.sequence) statusDays.put(`${key} ${day}`, row);
  }

  async putFull(serial: string, slot: number, sequence: number): Promise<void> {
    const row = this.#tables.statuses.get(`${serial} ${slot}`);
    if (row) this.#tables.statuses.change(`${serial} ${slot}`, { full: Math.max(row.full, sequence) });
  }

  async full(serial: string): Promise<Map<number, number>> {
    const rows = this.#tables.statuses.filter((row) => row.serial === serial).sort(byKey((row) => row.slot));
    return new Map(rows.map(({ slot, full }) => [slot, full]));
  }

  async status(serial: string, slot: number): Promise<StatusRow | undefined> {
    const row = this.#tables.statuses.get(`${serial} ${slot}`);
    if (!row) return undefined;
    const { reported: _, full: __, ...status } = row;
    return status;
  }

  async statuses(serial?: string): Promise<StatusRow[]> {
    return this.#tables.statuses
      .filter((row) => serial === undefined || row.serial === serial)
      .map(({ reported: _, full: __, ...status }) => status)
      .sort(
        byKey(
          (row) => row.serial,
          (row) => row.slot,
        ),
      );
  }

  async history(serial: string, slot: number): Promise<StatusRow[]> {
    return this.#tables.statusDays
      .filter((row) => row.serial === serial && row.slot === slot)
      .sort(byKey((row) => row.day));
  }

  async addOrder(serial: string, sequence: number, intent: Intent, now: number): Promise<boolean> {
    const { slot, cycle, day, quantity, remaining, runOut } = intent;
    return this.#tables.orders.add(orderKey({ serial, slot, cycle }), {
      serial,
      slot,
      cycle,
      sequence,
      day,
      quantity,
      remaining,
      runOut,
      receivedAt: now,
      state: "intended",
      attempts: 0,
      askedAt: null,
      acceptedAt: null,
      instanceId: null,
      detail: null,
      message: null,
      deliveryDay: null,
    });
  }

  async order(serial: string, slot: number, cycle: number): Promise<OrderRow | undefined> {
    const row = this.#tables.orders.get(orderKey({ serial, slot, cycle }));
    // A copy of its own, as a database gives: the caller changes it.
    return row && { ...row };
  }

  async orders(serial?: string): Promise<OrderRow[]> {
    return this.#orders((row) => serial === undefined || row.serial === serial);
  }

  async ordersOfInstance(serial: string, instanceId: string): Promise<OrderRow[]> {
    return this.#orders((row) => row.serial === serial && row.instanceId === instanceId);
  }

  #orders(accepts: (row: OrderRow) => boolean): OrderRow[] {
    return this.#tables.orders
      .filter(accepts)
      .map((row) => ({ ...row }))
      .sort(
        byKey(
          (row) => row.serial,
          (row) => row.slot,
          (row) => row.cycle,
        ),
      );
  }

  async unnamedOrder(serial: string, slot: number): Promise<OrderRow | undefined> {
    return this.#orders(
      (row) =>
        row.serial === serial &&
        row.slot === slot &&
        row.instanceId === null &&
        (["accepted", "resolution", "unknown"].includes(row.state) ||
          (row.state === "intended" && row.askedAt !== null)),
    ).at(-1);
  }

  async answerOrder(
    order: OrderRow,
    answer: { instanceId?: string | undefined; detail?: string | undefined; message?: string | undefined },
  ): Promise<void> {
    const { instanceId, detail, message } = answer;
    this.#tables.orders.change(orderKey(order), {
      ...(instanceId !== undefined && { instanceId }),
      ...(detail !== undefined && { detail }),
      ...(message !== undefined && { message }),
    });
  }

  async moveOrder(order: OrderRow, state: OrderState, deliveryDay: number): Promise<void> {
    this.#tables.orders.change(orderKey(order), { state, ...(deliveryDay !== 0 && { deliveryDay }) });
  }

  async addEvent(order: OrderRow, state: OrderState, day: number): Promise<void> {
    const { serial, slot, cycle } = order;
    const number = this.#device(serial).newestEvent + 1;
    this.#tables.devices.change(serial, { newestEvent: number });
    const row = { serial, number, slot, cycle, state, day, confirmed: false };
    this.#tables.events.put(`${serial} ${number}`, row);
  }

  async confirmEvents(serial: string, applied: number): Promise<void> {
    const { newestEvent } = this.#tables.devices.get(serial) ?? { newestEvent: applied };
    if (newestEvent < applied) this.#tables.devices.change(serial, { newestEvent: applied });
    const isConfirmed = (row: EventRecord & { serial: string }) =>
      row.serial === serial && row.number <= applied && !row.confirmed;
    for (const { number } of this.#tables.events.filter(isConfirmed))
      this.#tables.events.change(`${serial} ${number}`, { confirmed: true });
  }

  async unconfirmedEvents(serial: string, most: number): Promise<OrderEvent[]> {
    return this.#tables.events
      .filter((row) => row.serial === serial && !row.confirmed)
      .sort(byKey((row) => row.number))
      .slice(0, most)
      .map(({ number, slot, cycle, state, day }) => ({ number, slot, cycle, state, day }));
  }

  async addTask(serial: string, kind: TaskRow["kind"], due: number, slot = 0, cycle = 0): Promise<void> {
    const isThere = (row: TaskRecord) =>
      row.serial === serial && row.kind === kind && row.slot === slot && row.cycle === cycle;
    if (this.#tables.tasks.filter(isThere).length > 0) return;
    const id = this.#tables.nextIdentity();
    this.#tables.tasks.put(String(id), { id, serial, kind, slot, cycle, attempts: 0, dueAt: due });
  }

  async removeTask(id: number): Promise<void> {
    this.#tables.tasks.delete(String(id));
  }

  async takeLease(
    serial: string,
    owner: string,
    duration: number,
    due: number | null,
    now: number | null,
  ): Promise<number | undefined> {
    const row = this.#device(serial);
    const time = now ?? this.#tables.now();
    if (row.leaseUntil !== null && row.leaseUntil >= time) return undefined;
    const isOwed =
      due === null ||
      this.#tables.tasks.filter((task) => task.serial === serial && isDue(task, due)).length > 0;
    if (!isOwed) return undefined;
    const leaseToken = row.leaseToken + 1;
    this.#tables.devices.change(serial, { leaseOwner: owner, leaseToken, leaseUntil: time + duration });
    return leaseToken;
  }

  async renewLease(serial: string, token: number, duration: number, now: number | null): Promise<boolean> {
    if (!isHeld(this.#tables, serial, token)) return false;
    return this.#tables.devices.change(serial, { leaseUntil: (now ?? this.#tables.now()) + duration });
  }

  async endLease(serial: string, token: number): Promise<void> {
    if (this.#device(serial).leaseToken === token) this.#tables.devices.change(serial, { leaseUntil: null });
  }

  async endLeases(): Promise<void> {
    for (const { serial } of this.#tables.devices.filter(() => true))
      this.#tables.devices.change(serial, { leaseUntil: null });
  }

  async hasNotification(messageId: string): Promise<boolean> {
    return this.#tables.notifications.get(messageId) !== undefined;
  }

  async addNotification(row: NotificationRow): Promise<boolean> {
    if (this.#tables.notifications.get(row.messageId)) return false;
    const { messageId, type, serial, slotId, instanceId, deliveryAt, receivedAt } = row;
    const kept = { messageId, type, serial, slotId, instanceId, deliveryAt, receivedAt };
    return this.#tables.notifications.add(messageId, { ...kept, number: this.#tables.nextIdentity() });
  }

  async notificationsOfInstance(serial: string, instanceId: string): Promise<NotificationRow[]> {
    return this.#tables.notifications
      .filter((row) => row.serial === serial && row.instanceId === instanceId)
      .sort(byKey((row) => row.number))
      .map(({ number: _, ...row }) => row);
  }

  async orphanInstance(order: OrderRow, slotId: string): Promise<string | undefined> {
    const named = new Set(
      this.#tables.orders.filter((row) => row.serial === order.serial).map(({ instanceId }) => instanceId),
    );
    const newest = this.#tables.notifications
      .filter(
        (row) =>
          row.serial === order.serial &&
          row.slotId === slotId &&
          row.instanceId !== null &&
          row.receivedAt >= order.receivedAt &&
          !named.has(row.instanceId),
      )
      .sort(byKey((row) => row.number))
      .at(-1);
    return newest?.instanceId ?? undefined;
  }
}

function orderKey({ serial, slot, cycle }: Pick<OrderRow, "serial" | "slot" | "cycle">): string {
  return `${serial} ${slot} ${cycle}`;
}

export function isHeld(tables: MemoryTables, serial: string, token: number): boolean {
  const row = tables.devices.get(serial);
  return row !== undefined && row.leaseToken === token && row.leaseUntil !== null;
}

/** As {@link CallQueries}. */
export class MemoryCalls implements Pick<CallQueries, keyof CallQueries> {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async due(serial: string, now: number): Promise<TaskRow[]> {
    return this.#tables.tasks
      .filter((task) => task.serial === serial && isDue(task, now))
      .sort(
        byKey(
          (task) => (task.kind === "authorize" ? 0 : task.kind === "replenish" ? 1 : 2),
          (task) => task.id,
        ),
      )
      .map(taskRow);
  }

  async nextDue(except: readonly string[]): Promise<number | undefined> {
    const times = this.#tables.tasks
      .filter(({ serial }) => !except.includes(serial))
      .map(({ dueAt }) => dueAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  async devicesDue(
    now: number,
    most: number,
    except: readonly string[],
    owner: string,
    at: number,
  ): Promise<string[]> {
    const isFree = (serial: string) => {
      const row = this.#tables.devices.get(serial);
      return (
        row !== undefined && (row.leaseUntil === null || row.leaseUntil < at || row.leaseOwner === owner)
      );
    };
    const first = new Map<string, number>();
    const due = this.#tables.tasks.filter((task) => task.dueAt <= now && !except.includes(task.serial));
    for (const { serial, dueAt } of due)
      if (isFree(serial)) first.set(serial, Math.min(dueAt, first.get(serial) ?? Number.POSITIVE_INFINITY));
    return [...first]
      .sort(
        byKey(
          ([, at]) => at,
          ([serial]) => serial,
        ),
      )
      .slice(0, most)
      .map(([serial]) => serial);
  }

  async isHeld(serial: string, token: number): Promise<boolean> {
    return isHeld(this.#tables, serial, token);
  }

  async postpone(id: number, due: number): Promise<void> {
    const task = this.#tables.tasks.get(String(id));
    if (task) this.#tables.tasks.put(String(id), { ...task, dueAt: due, attempts: task.attempts + 1 });
  }

  async postponeAll(serial: string, due: number): Promise<void> {
    for (const task of this.#tables.tasks.filter((each) => each.serial === serial))
      this.#tables.tasks.put(String(task.id), {
        ...task,
        dueAt: Math.max(task.dueAt, due),
        attempts: Math.max(task.attempts, 1),
      });
  }

  async again(id: number, due: number): Promise<void> {
    this.#tables.tasks.change(String(id), { dueAt: due, attempts: 0 });
  }

  async poll(serial: string, due: number): Promise<void> {
    const key = { kind: "subscriptions", slot: 0, cycle: 0 } as const;
    const [task] = this.#tables.tasks.filter(
      (each) => each.serial === serial && each.kind === key.kind && each.slot === 0 && each.cycle === 0,
    );
    // An identity is used up even where the row is there already, as in a database.
    const id = this.#tables.nextIdentity();
    if (!task) this.#tables.tasks.put(String(id), { id, serial, ...key, attempts: 0, dueAt: due });
    else this.#tables.tasks.change(String(task.id), { dueAt: Math.min(task.dueAt, due), attempts: 0 });
  }

  async drop(serial: string): Promise<void> {
    this.#delete((task) => task.serial === serial && task.kind !== "deregister");
  }

  async dropDeregistration(serial: string): Promise<void> {
    this.#delete((task) => task.serial === serial && task.kind === "deregister");
  }

  #delete(accepts: (task: TaskRecord) => boolean): void {
    for (const { id } of this.#tables.tasks.filter(accepts)) this.#tables.tasks.delete(String(id));
  }

  async ask(order: OrderRow, token: number, now: number): Promise<number | undefined> {
    const row = this.#tables.orders.get(orderKey(order));
    if (!row || row.askedAt !== null || !isHeld(this.#tables, order.serial, token)) return undefined;
    const attempts = row.attempts + 1;
    this.#tables.orders.change(orderKey(order), { attempts, askedAt: now });
    return attempts;
  }

  async unask(order: OrderRow, token: number): Promise<void> {
    if (isHeld(this.#tables, order.serial, token))
      this.#tables.orders.change(orderKey(order), { askedAt: null });
  }

  async accepted(order: OrderRow, now: number): Promise<void> {
    const acceptedAt = this.#tables.orders.get(orderKey(order))?.acceptedAt ?? now;
    this.#tables.orders.change(orderKey(order), { acceptedAt });
  }

  async newestCycle(order: OrderRow): Promise<number> {
    const { serial, slot } = order;
    const rows = this.#tables.orders.filter((row) => row.serial === serial && row.slot === slot);
    return Math.max(...rows.map(({ cycle }) => cycle));
  }

  async reported(serial: string, slot: number): Promise<number> {
    return this.#tables.statuses.get(`${serial} ${slot}`)?.reported ?? 0;
  }

  async report(serial: string, slot: number, sequence: number): Promise<boolean> {
    const row = this.#tables.statuses.get(`${serial} ${slot}`);
    if (!row) return false;
    this.#tables.statuses.change(`${serial} ${slot}`, { reported: Math.max(row.reported, sequence) });
    return row.sequence > sequence;
  }
}

/** As {@link GrantQueries}. */
export class MemoryGrants implements Pick<GrantQueries, keyof GrantQueries> {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async of(serial: string): Promise<GrantRow & { readonly known: boolean; readonly ended: string | null }> {
    const device = this.#tables.devices.get(serial);
    if (!device) throw new Error(`device "${serial}" has no row`);
    const grant = this.#tables.grants.get(serial);
    return {
      refreshToken: grant?.refreshToken ?? null,
      accessToken: grant?.accessToken ?? null,
      expiresAt: grant?.expiresAt ?? null,
      clientId: grant?.clientId ?? null,
      ended: device.ended,
      known: grant !== undefined,
    };
  }

  async begin(grants: readonly { readonly serial: string; readonly refreshToken: string }[]): Promise<void> {
    for (const { serial, refreshToken } of grants)
      this.#tables.grants.add(serial, { refreshToken, accessToken: null, expiresAt: null, clientId: null });
  }

  async put(serial: string, grant: GrantRow, now: number): Promise<void> {
    await this.store(serial, grant);
    this.#tables.devices.change(serial, { ended: null });
    await this.registered(serial, now);
  }

  async store(serial: string, grant: GrantRow): Promise<void> {
    this.#tables.grants.put(serial, { ...grant });
  }

  async refreshed(
    serial: string,
    before: string,
    { refreshToken, accessToken, expiresAt }: Omit<GrantRow, "clientId">,
  ): Promise<void> {
    if (this.#tables.grants.get(serial)?.refreshToken === before)
      this.#tables.grants.change(serial, { refreshToken, accessToken, expiresAt });
  }

  async forget(serial: string): Promise<void> {
    const clientId = this.#tables.grants.get(serial)?.clientId ?? null;
    this.#tables.grants.put(serial, { refreshToken: null, accessToken: null, expiresAt: null, clientId });
  }

  async end(serial: string, why: string): Promise<void> {
    if (this.#tables.devices.get(serial)?.ended === null) this.#tables.devices.change(serial, { ended: why });
  }

  async ended(serial: string): Promise<string | null> {
    return this.#tables.devices.get(serial)?.ended ?? null;
  }

  async registeredAt(serial: string): Promise<number | null> {
    return this.#tables.devices.get(serial)?.registeredAt ?? null;
  }

  async registered(serial: string, at: number): Promise<void> {
    const before = this.#tables.devices.get(serial)?.registeredAt ?? null;
    this.#tables.devices.change(serial, { registeredAt: before === null ? at : Math.max(before, at) });
  }
}

/** As {@link RegistrationQueries}. */
export class MemoryRegistrations implements Pick<RegistrationQueries, keyof RegistrationQueries> {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async of(serial: string): Promise<RegistrationRow | undefined> {
    return this.#tables.registrations.get(serial);
  }

  async put(
    serial: string,
    state: "registered" | "unregistered",
    subscribed: number,
    failure: RegistrationRow["failure"],
  ): Promise<void> {
    const before = this.#tables.registrations.get(serial);
    const word = { state, subscribed, failure, code: null, askedAt: null };
    const isNews =
      !before ||
      before.number === 0 ||
      before.state !== state ||
      before.subscribed !== subscribed ||
      before.failure !== failure;
    const number = Math.min(LAST_NUMBER, (before?.number ?? 0) + (isNews ? 1 : 0));
    this.#tables.registrations.put(serial, { ...word, number, told: before?.told ?? 0 });
  }

  async pend(serial: string, code: string, now: number): Promise<void> {
    const none = { number: 0, subscribed: 0, failure: "none", told: 0 } as const;
    const before = this.#tables.registrations.get(serial) ?? none;
    this.#tables.registrations.put(serial, { ...before, state: "pending", code, askedAt: now });
  }

  async keepCode(serial: string, code: string, askedAt: number): Promise<void> {
    this.#tables.registrations.change(serial, { code, askedAt });
  }

  async told(serial: string, told: number): Promise<void> {
    const before = this.#tables.registrations.get(serial);
    if (!before) return;
    const number = told > before.number ? Math.min(LAST_NUMBER, told + 1) : before.number;
    this.#tables.registrations.put(serial, { ...before, told, number });
  }
}

/** As {@link ImageQueries}. */
export class MemoryImages implements Pick<ImageQueries, keyof ImageQueries> {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  /** Of one device, oldest first. */
  #of(serial: string): ImageRecord[] {
    return this.#tables.images.filter((row) => row.serial === serial).sort(byKey((row) => row.number));
  }

  async add(
    serial: string,
    version: number,
    image: number,
    description: Uint8Array,
    now: number,
  ): Promise<number> {
    const number = (this.#of(serial).at(-1)?.number ?? 0) + 1;
    const told = { outcome: null, enteredAt: now, sentAt: null, answeredAt: null };
    this.#tables.images.add(`${serial} ${number}`, { serial, number, version, image, description, ...told });
    return number;
  }

  async list(serial?: string): Promise<ImageRow[]> {
    return this.#tables.images
      .filter((row) => serial === undefined || row.serial === serial)
      .sort(
        byKey(
          (row) => row.serial,
          (row) => row.number,
        ),
      )
      .map(({ description: _, ...row }) => {
        const { outcome } = row;
        const isNewest = this.#of(row.serial).at(-1)?.number === row.number;
        if (outcome === null) return { ...row, state: isNewest ? "waiting" : "superseded" };
        return { ...row, state: outcome === "taken" || outcome === "known" ? "taken" : "refused" };
      });
  }

  async owed(serial: string, now: number): Promise<Uint8Array | undefined> {
    const newest = this.#of(serial).at(-1);
    if (!newest) return undefined;
    const { number, outcome, answeredAt, sentAt, description } = newest;
    const isForNow = (outcome === "busy" || outcome === "storage") && answeredAt! + AGAIN_AFTER <= now;
    if (outcome !== null && !isForNow) return undefined;
    this.#tables.images.change(`${serial} ${number}`, { sentAt: sentAt ?? now });
    return description;
  }

  async answer(serial: string, { image, outcome }: Offered, now: number): Promise<number | undefined> {
    const row = this.#of(serial).findLast((each) => each.image === image);
    if (row) this.#tables.images.change(`${serial} ${row.number}`, { outcome, answeredAt: now });
    return row?.number;
  }
}

/** A {@link Database} as far as the parts of the gateway use it. */
export type DatabasePort = Pick<Database, "transaction" | "direct" | "shared">;
