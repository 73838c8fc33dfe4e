import {
  type HealthRecord,
  type Intent,
  type OrderEvent,
  type OrderState,
  RESET_CAUSES,
  type ResetCause,
  type Settings,
  type SettingsOutcome,
  type Settled,
  type SlotSettings,
  type Status,
} from "everfull";
import { type Connection, openConnection, type Sql, whereOf } from "./connection.js";
import { CALLS_SCHEMA, CallQueries, DUE, NOW } from "./database-calls.js";
import { GRANTS_SCHEMA, GrantQueries } from "./database-grants.js";
import { IMAGES_SCHEMA, ImageQueries } from "./database-images.js";
import { INVENTORY_SCHEMA, InventoryQueries } from "./database-inventory.js";
import { REGISTRATIONS_SCHEMA, RegistrationQueries } from "./database-registrations.js";
import { GatewayError, reason } from "./errors.js";
import { migrate } from "./migrate.js";
import { ALL_SEEN, type Seen } from "./sequences.js";

/** The newest status of one slot. Quantities are in the slot's steps. */
export interface StatusRow {
  serial: string;
  slot: number;
  /** Sequence of the message that brought it. */
  sequence: number;
  /** Days since 1970-01-01 at the customer's place. */
  day: number;
  /** Everything ever consumed from the slot. */
  consumed: number;
  remaining: number;
  onHand: number;
  /** Median run-out day minus `day`, in days. */
  runOut: number;
  early: number;
  late: number;
  idle: number;
  /** UTC milliseconds. */
  receivedAt: number;
}

/** What an order can be: not answered by DRS yet, or the newest state that the device was or will be told. */
export type OrderRowState = "intended" | OrderState;

/** One order: (serial, slot, cycle) is its identity. Quantities are in the slot's steps. */
export interface OrderRow {
  serial: string;
  slot: number;
  cycle: number;
  sequence: number;
  /** Day of the intent, days since 1970-01-01 at the customer's place. */
  day: number;
  quantity: number;
  remaining: number;
  runOut: number;
  /** UTC milliseconds. */
  receivedAt: number;
  state: OrderRowState;
  /** Replenish calls made. */
  attempts: number;
  /** Replenish call that may have reached DRS, UTC milliseconds; there is one at the most. */
  askedAt: number | null;
  /** When DRS was first known to have the order, UTC milliseconds. */
  acceptedAt: number | null;
  /** DRS's name for the order. */
  instanceId: string | null;
  /** `detailCode` of the Replenish answer, or `SERVICE_DECIDES` where the service takes no orders. */
  detail: string | null;
  /** Why it was rejected, or why what became of it is not known. */
  message: string | null;
  /** Estimated delivery day, days since 1970-01-01 at the customer's place. */
  deliveryDay: number | null;
}

/** What the gateway remembers of a device beside its slots. */
export interface DeviceRow extends Seen {
  serial: string;
  /** Number of the newest order event. */
  newestEvent: number;
  /** Last calendar day that DeviceStatus was answered for. */
  reportedDay: number | null;
  /** Why it is not registered at DRS any more; null: it is, as far as is known. */
  ended: string | null;
  /** Number of the newest settings that the device is done with, as it told last. */
  settled: number;
  /** Minutes ahead of UTC that the device reckons with, as it told last; null: it never has. */
  utcOffset: number | null;
}

/** The last health record of a device on one day. */
export interface HealthRow {
  serial: string;
  /** Days since 1970-01-01 at the customer's place. */
  day: number;
  /** Sequence of the message that brought it. */
  sequence: number;
  /** Firmware version as `major.minor.patch`; `0.0.0`: not told. */
  version: string;
  /** Starts by their causes. */
  resets: Record<ResetCause, number>;
  /** Least bytes of heap that were ever free since the start; null: not told. */
  leastFree: number | null;
  /** Most erases of a block of the journal. */
  mostErases: number;
  /** Blocks of the journal that are not used any more. */
  worn: number;
  /** Committed records that were damaged in flash. */
  damaged: number;
  /** Messages that newer ones replaced before they were acknowledged. */
  dropped: number;
  clock: HealthRecord["clock"];
  /** Minutes ahead of UTC that the device reckons with. */
  utcOffsetMinutes: number;
  /** Number of the newest settings that the device is done with. */
  settings: number;
  /** UTC milliseconds. */
  receivedAt: number;
}

/**
 * One entry of settings, and what became of it: `waiting` for the device's answer, `applied` or `refused` by it, or `superseded` by
 * a later entry before there was an answer.
 */
export interface SettingsRow {
  serial: string;
  /** Upward from 1, per device. */
  number: number;
  /** Null: the device's offset stays what it is. */
  utcOffsetMinutes: number | null;
  /** What is set of slots, thousandths of a probability for `epsilon`; the rest is as the device is configured. */
  slots: SlotSettings[];
  state: "waiting" | "applied" | "refused" | "superseded";
  /** Why it was refused, and the slot of the value where it is one's. */
  refusal: Exclude<SettingsOutcome, "applied"> | null;
  refusedSlot: number | null;
  /** UTC milliseconds: when it was entered, first sent down, and answered. */
  enteredAt: number;
  sentAt: number | null;
  answeredAt: number | null;
}

/**
 * A call that is owed to the device's service. `slot` and `cycle` are 0 where they mean nothing. `inventory` reports a new status to Alexa,
 * `poll` the newest one once a day.
 */
export interface TaskRow {
  id: number;
  kind:
    | "replenish"
    | "slotStatus"
    | "deviceStatus"
    | "orderInfo"
    | "deregister"
    | "subscriptions"
    | "authorize"
    | "inventory"
    | "poll";
  slot: number;
  cycle: number;
  /** Tries in vain, in a row. */
  attempts: number;
}

/** What is kept of a notification: enough to apply it later; nothing about the customer. */
export interface NotificationRow {
  messageId: string;
  type: string;
  serial: string | null;
  slotId: string | null;
  instanceId: string | null;
  /** Estimated delivery, UTC milliseconds. */
  deliveryAt: number | null;
  /** UTC milliseconds. */
  receivedAt: number;
}

/** Each entry runs once, in order, and is never edited after a release: a change is a new entry. */
export const MIGRATIONS: readonly string[] = [
  `
  create table devices (
    serial text primary key,
    high_water bigint not null default 0,
    downlink bigint not null default 0,
    newest_event integer not null default 0,
    last_seen bigint,
    reported_day integer
  );
  create table statuses (
    serial text not null references devices,
    slot smallint not null,
    sequence bigint not null,
    day integer not null,
    consumed bigint not null,
    remaining integer not null,
    on_hand integer not null,
    run_out integer not null,
    early smallint not null,
    late smallint not null,
    idle smallint not null,
    received_at bigint not null,
    primary key (serial, slot)
  );
  create table status_days (
    like statuses,
    primary key (serial, slot, day)
  );
  create table orders (
    serial text not null references devices,
    slot smallint not null,
    cycle integer not null,
    sequence bigint not null,
    day integer not null,
    quantity integer not null,
    remaining integer not null,
    run_out integer not null,
    received_at bigint not null,
    state text not null default 'intended',
    attempts integer not null default 0,
    instance_id text,
    detail text,
    message text,
    delivery_day integer,
    primary key (serial, slot, cycle)
  );
  create index orders_by_instance on orders (serial, instance_id);
  create table events (
    serial text not null references devices,
    number integer not null,
    slot smallint not null,
    cycle integer not null,
    state text not null,
    day integer not null,
    confirmed boolean not null default false,
    primary key (serial, number)
  );
  create table tasks (
    id bigint generated always as identity primary key,
    serial text not null references devices,
    kind text not null,
    slot smallint not null,
    cycle integer not null,
    unique (serial, kind, slot, cycle)
  );
  create table subscriptions (
    serial text not null references devices,
    slot_id text not null,
    primary key (serial, slot_id)
  );
  create table notifications (
    number bigint generated always as identity,
    message_id text primary key,
    type text not null,
    serial text,
    slot_id text,
    instance_id text,
    delivery_at bigint,
    received_at bigint not null
  );
  create index notifications_by_instance on notifications (serial, instance_id);
  `,
  `
  alter table devices add settled integer not null default 0;
  alter table devices add utc_offset smallint;
  create table health (
    serial text not null references devices,
    day integer not null,
    sequence bigint not null,
    version text not null,
    resets jsonb not null,
    least_free bigint,
    most_erases bigint not null,
    worn integer not null,
    damaged bigint not null,
    dropped bigint not null,
    clock text not null,
    utc_offset smallint not null,
    settings integer not null,
    received_at bigint not null,
    primary key (serial, day)
  );
  create table settings (
    serial text not null references devices,
    number integer not null,
    utc_offset smallint,
    slots jsonb not null,
    outcome text,
    refused_slot smallint,
    entered_at bigint not null,
    sent_at bigint,
    answered_at bigint,
    primary key (serial, number)
  );
  `,
  GRANTS_SCHEMA + CALLS_SCHEMA,
  // Of earlier sequences it is not known which were seen: none is accepted.
  `
  alter table devices
    add recent integer not null default ${ALL_SEEN},
    add lease_owner text,
    add lease_token bigint not null default 0,
    add lease_until bigint;
  alter table devices alter recent set default 0;
  `,
  IMAGES_SCHEMA,
  INVENTORY_SCHEMA,
  REGISTRATIONS_SCHEMA,
  "alter table statuses add full_sequence bigint not null default 0;",
  // DRS is asked before every order.
  "drop table subscriptions;",
];

const STATUS_COLUMNS = `serial, slot, sequence, day, consumed, remaining, on_hand as "onHand", run_out as "runOut",
  early, late, idle, received_at as "receivedAt"`;
const ORDER_COLUMNS = `serial, slot, cycle, sequence, day, quantity, remaining, run_out as "runOut",
  received_at as "receivedAt", state, attempts, asked_at as "askedAt", accepted_at as "acceptedAt", instance_id as "instanceId", detail, message,
  delivery_day as "deliveryDay"`;
const DEVICE_COLUMNS = `serial, high_water as "highWater", recent, newest_event as "newestEvent",
  reported_day as "reportedDay", ended, settled, utc_offset as "utcOffset"`;
const HEALTH_COLUMNS = `serial, day, sequence, version, resets, least_free as "leastFree",
  most_erases as "mostErases", worn, damaged, dropped, clock, utc_offset as "utcOffsetMinutes", settings,
  received_at as "receivedAt"`;
const SETTINGS_COLUMNS = `serial, number, utc_offset as "utcOffsetMinutes", slots,
  case when outcome = 'applied' then outcome
    when outcome is not null then 'refused'
    when exists (select 1 from settings later where later.serial = settings.serial and later.number > settings.number)
      then 'superseded'
    else 'waiting' end as state,
  nullif(outcome, 'applied') as refusal, refused_slot as "refusedSlot", entered_at as "enteredAt",
  sent_at as "sentAt", answered_at as "answeredAt"`;
const NOTIFICATION_COLUMNS = `message_id as "messageId", type, serial, slot_id as "slotId",
  instance_id as "instanceId", delivery_at as "deliveryAt", received_at as "receivedAt"`;

/** Most connections of one gateway to a PostgreSQL server. */
const POOL = 10;

/** The gateway's tables. Everything that belongs together happens in one {@link transaction}. */
export class Database {
  readonly #connection: Connection;
  /** Queries outside a transaction: for single statements. */
  readonly direct: Queries;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.direct = new Queries(connection);
  }

  /**
   * @param database `postgres://...`, or the path of a PGlite data directory; absent: PGlite in memory
   * @param onError hears of connections that are lost while idle; the next use opens others
   * @throws {GatewayError} `database`
   */
  static async open(database?: string, onError: (error: Error) => void = () => {}): Promise<Database> {
    const where = whereOf(database);
    let connection: Connection;
    try {
      connection = await openConnection(database, POOL, onError);
    } catch (error) {
      throw new GatewayError("database", `database ${where}: cannot be opened: ${reason(error)}`, error);
    }
    try {
      await migrate(connection, MIGRATIONS);
      if (connection.exclusive) await new Queries(connection).endLeases();
    } catch (error) {
      await connection.close();
      if (error instanceof GatewayError) throw error;
      throw new GatewayError("database", `database ${where}: cannot be set up: ${reason(error)}`, error);
    }
    return new Database(connection);
  }

  /** Commits when `body` resolves, rolls back when it throws. */
  transaction<Result>(body: (queries: Queries) => Promise<Result>): Promise<Result> {
    return this.#connection.transaction((sql) => body(new Queries(sql)));
  }

  /** Other processes may be at work in it too, and all go by the server's clock. */
  get shared(): boolean {
    return !this.#connection.exclusive;
  }

  /** Resolves when the database answers. */
  async check(): Promise<void> {
    await this.#connection.query("select 1");
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** Every statement the gateway uses, by name. */
export class Queries {
  readonly #sql: Sql;
  readonly calls: CallQueries;
  readonly grants: GrantQueries;
  readonly images: ImageQueries;
  readonly registrations: RegistrationQueries;
  readonly inventory: InventoryQueries;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.calls = new CallQueries(sql);
    this.grants = new GrantQueries(sql);
    this.images = new ImageQueries(sql);
    this.registrations = new RegistrationQueries(sql);
    this.inventory = new InventoryQueries(sql);
  }

  async #all<Row>(text: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.#sql.query<Row>(text, values)).rows;
  }

  async #one<Row>(text: string, ...values: unknown[]): Promise<Row | undefined> {
    return (await this.#all<Row>(text, ...values))[0];
  }

  /** Whether a row was changed or added. */
  async #did(text: string, ...values: unknown[]): Promise<boolean> {
    return (await this.#sql.query(text, values)).affectedRows > 0;
  }

  // Devices

  /** Those that are there already stay as they are. */
  async addDevices(serials: readonly string[]): Promise<void> {
    // In one order: two gateways that add the same ones would else wait for each other in a circle.
    await this.#did(
      "insert into devices (serial) select unnest($1::text[]) order by 1 on conflict do nothing",
      serials,
    );
  }

  /**
   * The device's row, held until the end of the transaction: all changes of one device's state happen one by
   * one.
   */
  async lockDevice(serial: string): Promise<DeviceRow> {
    const row = await this.#one<DeviceRow>(
      `select ${DEVICE_COLUMNS} from devices where serial = $1 for update`,
      serial,
    );
    if (!row) throw new Error(`device "${serial}" has no row`);
    return row;
  }

  async seen(serial: string, { highWater, recent }: Seen, now: number): Promise<void> {
    await this.#did(
      "update devices set high_water = $2, recent = $3, last_seen = $4 where serial = $1",
      serial,
      highWater,
      recent,
      now,
    );
  }

  /** UTC milliseconds; null: nothing is stored of it. */
  async lastSeen(serial: string): Promise<number | null> {
    const row = await this.#one<{ lastSeen: number | null }>(
      `select last_seen as "lastSeen" from devices where serial = $1`,
      serial,
    );
    return row?.lastSeen ?? null;
  }

  /** The sequence after the last one, and no lower than `least`. */
  async nextDownlink(serial: string, least: number): Promise<number> {
    const row = await this.#one<{ downlink: number }>(
      "update devices set downlink = greatest(downlink + 1, $2) where serial = $1 returning downlink",
      serial,
      least,
    );
    return row!.downlink;
  }

  async reported(serial: string, day: number): Promise<void> {
    await this.#did("update devices set reported_day = $2 where serial = $1", serial, day);
  }

  /** The device tells how far it is with settings, and where it is ahead of UTC, if it does. */
  async told(serial: string, settled: number, utcOffset: number | null): Promise<void> {
    await this.#did(
      "update devices set settled = $2, utc_offset = coalesce($3, utc_offset) where serial = $1",
      serial,
      settled,
      utcOffset,
    );
  }

  /** Minutes ahead of UTC that the device reckons with, as it told last; null: it never has. */
  async utcOffset(serial: string): Promise<number | null> {
    const row = await this.#one<{ utcOffset: number | null }>(
      `select utc_offset as "utcOffset" from devices where serial = $1`,
      serial,
    );
    return row?.utcOffset ?? null;
  }

  // Health

  async putHealth(serial: string, sequence: number, record: HealthRecord, now: number): Promise<void> {
    await this.#did(
      `insert into health (serial, day, sequence, version, resets, least_free, most_erases, worn, damaged, dropped,
         clock, utc_offset, settings, received_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
       on conflict (serial, day) do update set sequence = excluded.sequence, version = excluded.version,
         resets = excluded.resets, least_free = excluded.least_free, most_erases = excluded.most_erases,
         worn = excluded.worn, damaged = excluded.damaged, dropped = excluded.dropped, clock = excluded.clock,
         utc_offset = excluded.utc_offset, settings = excluded.settings, received_at = excluded.received_at`,
      serial,
      record.day,
      sequence,
      record.version.join("."),
      JSON.stringify(Object.fromEntries(RESET_CAUSES.map((cause, index) => [cause, record.resets[index]]))),
      record.leastFree === 0 ? null : record.leastFree,
      record.mostErases,
      record.worn,
      record.damaged,
      record.dropped,
      record.clock,
      record.utcOffset,
      record.settings,
      now,
    );
  }

  /** The newest health record of each device. */
  health(serial?: string): Promise<HealthRow[]> {
    return this.#all(
      `select distinct on (serial) ${HEALTH_COLUMNS} from health where $1::text is null or serial = $1
       order by serial, sequence desc`,
      serial ?? null,
    );
  }

  /** The last health record of each day. */
  healthDays(serial: string): Promise<HealthRow[]> {
    return this.#all(`select ${HEALTH_COLUMNS} from health where serial = $1 order by day`, serial);
  }

  // Settings

  async addSettings(
    serial: string,
    number: number,
    utcOffset: number | null,
    slots: readonly SlotSettings[],
    now: number,
  ): Promise<void> {
    await this.#did(
      "insert into settings (serial, number, utc_offset, slots, entered_at) values ($1, $2, $3, $4, $5)",
      serial,
      number,
      utcOffset,
      JSON.stringify(slots),
      now,
    );
  }

  /** All entries, oldest first. */
  settings(serial?: string): Promise<SettingsRow[]> {
    return this.#all(
      `select ${SETTINGS_COLUMNS} from settings where $1::text is null or serial = $1 order by serial, number`,
      serial ?? null,
    );
  }

  /** The newest entry that the device has not refused. */
  heldSettings(serial: string): Promise<SettingsRow | undefined> {
    return this.#one(
      `select ${SETTINGS_COLUMNS} from settings where serial = $1 and coalesce(outcome, 'applied') = 'applied'
       order by number desc limit 1`,
      serial,
    );
  }

  /** The newest entry, if the device is not done with it; it counts as sent. */
  async owedSettings(serial: string, settled: number, now: number): Promise<Settings | undefined> {
    const row = await this.#one<{ number: number; utcOffset: number | null; slots: SlotSettings[] }>(
      `update settings set sent_at = coalesce(sent_at, $3)
       where serial = $1 and number > $2 and number = (select max(number) from settings where serial = $1)
       returning number, utc_offset as "utcOffset", slots`,
      serial,
      settled,
      now,
    );
    if (!row) return undefined;
    const { number, utcOffset, slots } = row;
    return { kind: "settings", number, ...(utcOffset !== null && { utcOffset }), slots };
  }

  /** The device has answered an entry. Returns the minutes ahead of UTC that it has applied; null: none. */
  async answerSettings(
    serial: string,
    { number, outcome, slot }: Settled,
    now: number,
  ): Promise<number | null> {
    const row = await this.#one<{ utcOffset: number | null }>(
      `update settings set outcome = $3, refused_slot = $4, answered_at = $5 where serial = $1 and number = $2
       returning utc_offset as "utcOffset"`,
      serial,
      number,
      outcome,
      outcome === "applied" || outcome === "utcOffset" ? null : slot,
      now,
    );
    return outcome === "applied" ? (row?.utcOffset ?? null) : null;
  }

  // Statuses

  /** One that is older than what is there changes nothing. */
  async putStatus(serial: string, sequence: number, status: Status, now: number): Promise<void> {
    const values = [
      serial,
      status.slot,
      sequence,
      status.day,
      status.consumed,
      status.remaining,
      status.onHand,
      status.runOut,
      status.early,
      status.late,
      status.idle,
      now,
    ];
    for (const [table, key] of [
      ["statuses", "serial, slot"],
      ["status_days", "serial, slot, day"],
    ])
      await this.#did(
        `insert into ${table} (serial, slot, sequence, day, consumed, remaining, on_hand, run_out, early, late, idle,
           received_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (${key}) do update set sequence = excluded.sequence, day = excluded.day,
           consumed = excluded.consumed, remaining = excluded.remaining, on_hand = excluded.on_hand,
           run_out = excluded.run_out, early = excluded.early, late = excluded.late, idle = excluded.idle,
           received_at = excluded.received_at
         where excluded.sequence > ${table}.sequence`,
        ...values,
      );
  }

  /** A status, which is stored or older than what is, has told that the slot is full. */
  async putFull(serial: string, slot: number, sequence: number): Promise<void> {
    await this.#did(
      "update statuses set full_sequence = greatest(full_sequence, $3) where serial = $1 and slot = $2",
      serial,
      slot,
      sequence,
    );
  }

  /** By slot, the sequence of the newest status that told that it is full; 0: none has. */
  async full(serial: string): Promise<Map<number, number>> {
    const rows = await this.#all<{ slot: number; sequence: number }>(
      "select slot, full_sequence as sequence from statuses where serial = $1 order by slot",
      serial,
    );
    return new Map(rows.map(({ slot, sequence }) => [slot, sequence]));
  }

  status(serial: string, slot: number): Promise<StatusRow | undefined> {
    return this.#one(`select ${STATUS_COLUMNS} from statuses where serial = $1 and slot = $2`, serial, slot);
  }

  statuses(serial?: string): Promise<StatusRow[]> {
    return this.#all(
      `select ${STATUS_COLUMNS} from statuses where $1::text is null or serial = $1 order by serial, slot`,
      serial ?? null,
    );
  }

  /** The last status of each day. */
  history(serial: string, slot: number): Promise<StatusRow[]> {
    return this.#all(
      `select ${STATUS_COLUMNS} from status_days where serial = $1 and slot = $2 order by day`,
      serial,
      slot,
    );
  }

  // Orders

  /** False: the order is known already, and nothing changes. */
  addOrder(serial: string, sequence: number, intent: Intent, now: number): Promise<boolean> {
    return this.#did(
      `insert into orders (serial, slot, cycle, sequence, day, quantity, remaining, run_out, received_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
      serial,
      intent.slot,
      intent.cycle,
      sequence,
      intent.day,
      intent.quantity,
      intent.remaining,
      intent.runOut,
      now,
    );
  }

  order(serial: string, slot: number, cycle: number): Promise<OrderRow | undefined> {
    return this.#one(
      `select ${ORDER_COLUMNS} from orders where serial = $1 and slot = $2 and cycle = $3`,
      serial,
      slot,
      cycle,
    );
  }

  orders(serial?: string): Promise<OrderRow[]> {
    return this.#all(
      `select ${ORDER_COLUMNS} from orders where $1::text is null or serial = $1 order by serial, slot, cycle`,
      serial ?? null,
    );
  }

  ordersOfInstance(serial: string, instanceId: string): Promise<OrderRow[]> {
    return this.#all(
      `select ${ORDER_COLUMNS} from orders where serial = $1 and instance_id = $2 order by slot, cycle`,
      serial,
      instanceId,
    );
  }

  /** The newest order of a slot that DRS has, or may have, and has not named. */
  unnamedOrder(serial: string, slot: number): Promise<OrderRow | undefined> {
    return this.#one(
      `select ${ORDER_COLUMNS} from orders
       where serial = $1 and slot = $2 and instance_id is null
         and (state in ('accepted', 'resolution', 'unknown') or (state = 'intended' and asked_at is not null))
       order by cycle desc limit 1`,
      serial,
      slot,
    );
  }

  async answerOrder(
    order: OrderRow,
    answer: { instanceId?: string | undefined; detail?: string | undefined; message?: string | undefined },
  ): Promise<void> {
    await this.#did(
      `update orders set instance_id = coalesce($4, instance_id), detail = coalesce($5, detail),
         message = coalesce($6, message)
       where serial = $1 and slot = $2 and cycle = $3`,
      order.serial,
      order.slot,
      order.cycle,
      answer.instanceId ?? null,
      answer.detail ?? null,
      answer.message ?? null,
    );
  }

  async moveOrder(order: OrderRow, state: OrderState, deliveryDay: number): Promise<void> {
    await this.#did(
      `update orders set state = $4, delivery_day = coalesce(nullif($5, 0), delivery_day)
       where serial = $1 and slot = $2 and cycle = $3`,
      order.serial,
      order.slot,
      order.cycle,
      state,
      deliveryDay,
    );
  }

  // Events

  /** Gives the event the device's next number. */
  async addEvent(order: OrderRow, state: OrderState, day: number): Promise<void> {
    await this.#did(
      `with next as (update devices set newest_event = newest_event + 1 where serial = $1 returning newest_event)
       insert into events (serial, number, slot, cycle, state, day)
       select $1, newest_event, $2::smallint, $3::integer, $4, $5::integer from next`,
      order.serial,
      order.slot,
      order.cycle,
      state,
      day,
    );
  }

  /** The device has applied all up to that number. If it is ahead, this database is older than what the device was told: the next one is above it. */
  async confirmEvents(serial: string, applied: number): Promise<void> {
    await this.#did(
      "update devices set newest_event = $2 where serial = $1 and newest_event < $2",
      serial,
      applied,
    );
    await this.#did(
      "update events set confirmed = true where serial = $1 and number <= $2 and not confirmed",
      serial,
      applied,
    );
  }

  /** Oldest first. */
  unconfirmedEvents(serial: string, most: number): Promise<OrderEvent[]> {
    return this.#all(
      `select number, slot, cycle, state, day from events where serial = $1 and not confirmed
       order by number limit $2`,
      serial,
      most,
    );
  }

  // Tasks

  /** @param due when it is taken up if nothing else does before, UTC milliseconds */
  async addTask(serial: string, kind: TaskRow["kind"], due: number, slot = 0, cycle = 0): Promise<void> {
    await this.#did(
      `insert into tasks (serial, kind, slot, cycle, due_at) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      serial,
      kind,
      slot,
      cycle,
      due,
    );
  }

  async removeTask(id: number): Promise<void> {
    await this.#did("delete from tasks where id = $1", id);
  }

  // Leases

  /**
   * A lease on the device that ends in `duration` milliseconds: its token. Undefined: another has one, or no call is due.
   *
   * @param due what is due by then, UTC milliseconds of this gateway; null: also where nothing is
   * @param now UTC milliseconds; null: by the server's clock
   */
  async takeLease(
    serial: string,
    owner: string,
    duration: number,
    due: number | null,
    now: number | null,
  ): Promise<number | undefined> {
    const row = await this.#one<{ token: number }>(
      `update devices set lease_owner = $2, lease_token = lease_token + 1, lease_until = ${NOW("$5")} + $3::bigint
       where serial = $1 and (lease_until is null or lease_until < ${NOW("$5")})
         and ($4::bigint is null or exists (select 1 from tasks where serial = $1 and ${DUE("$4")}))
       returning lease_token as token`,
      serial,
      owner,
      duration,
      due,
      now,
    );
    return row?.token;
  }

  /** False: it is over, and another may have one. */
  renewLease(serial: string, token: number, duration: number, now: number | null): Promise<boolean> {
    return this.#did(
      `update devices set lease_until = ${NOW("$4")} + $3::bigint
       where serial = $1 and lease_token = $2 and lease_until is not null`,
      serial,
      token,
      duration,
      now,
    );
  }

  async endLease(serial: string, token: number): Promise<void> {
    await this.#did(
      "update devices set lease_owner = null, lease_until = null where serial = $1 and lease_token = $2",
      serial,
      token,
    );
  }

  /** Those of all devices. */
  async endLeases(): Promise<void> {
    await this.#did(
      "update devices set lease_owner = null, lease_until = null where lease_until is not null",
    );
  }

  // Notifications

  async hasNotification(messageId: string): Promise<boolean> {
    return (await this.#one("select 1 from notifications where message_id = $1", messageId)) !== undefined;
  }

  /** False: this MessageId was here before. */
  addNotification(row: NotificationRow): Promise<boolean> {
    return this.#did(
      `insert into notifications (message_id, type, serial, slot_id, instance_id, delivery_at, received_at)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
      row.messageId,
      row.type,
      row.serial,
      row.slotId,
      row.instanceId,
      row.deliveryAt,
      row.receivedAt,
    );
  }

  /** In the order of arrival. */
  notificationsOfInstance(serial: string, instanceId: string): Promise<NotificationRow[]> {
    return this.#all(
      `select ${NOTIFICATION_COLUMNS} from notifications where serial = $1 and instance_id = $2 order by number`,
      serial,
      instanceId,
    );
  }

  /** An order's name that notifications about its slot brought since the intent, and that no order bears. */
  async orphanInstance(order: OrderRow, slotId: string): Promise<string | undefined> {
    const row = await this.#one<{ instanceId: string }>(
      `select instance_id as "instanceId" from notifications n
       where serial = $1 and slot_id = $2 and instance_id is not null and received_at >= $3
         and not exists (select 1 from orders o where o.serial = n.serial and o.instance_id = n.instance_id)
       order by number desc limit 1`,
      order.serial,
      slotId,
      order.receivedAt,
    );
    return row?.instanceId;
  }
}
