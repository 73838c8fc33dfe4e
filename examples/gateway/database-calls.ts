import type { Sql } from "./connection.js";
import type { OrderRow, TaskRow } from "./database.js";

/**
 * Whether a task may be called at a time. New ones may at once, except those that are set for a time; their own time is when somebody else
 * takes them up.
 */
export const DUE = (time: string) =>
  `(due_at <= ${time} or (attempts = 0 and kind not in ('orderInfo', 'poll', 'subscriptions')))`;

export const CALLS_SCHEMA = `
  alter table tasks
    add due_at bigint not null default 0,
    add attempts integer not null default 0;
  create index tasks_by_due on tasks (due_at);
  alter table orders
    add asked_at bigint,
    add accepted_at bigint;
  update orders set asked_at = received_at where state = 'intended' and attempts > 0;
  alter table statuses add reported bigint not null default 0;
`;

/** UTC milliseconds: those of a parameter, or the server's where that is null. */
export const NOW = (parameter: string) =>
  `coalesce(${parameter}::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint)`;

/** Whether the lease on a device with this token is still held. */
export const HELD = (serial: string, token: string) =>
  `exists (select 1 from devices where serial = ${serial} and lease_token = ${token} and lease_until is not null)`;

/** Statements about when calls are due, and what is known of those that were made. Times are UTC milliseconds. */
export class CallQueries {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async #all<Row>(text: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.#sql.query<Row>(text, values)).rows;
  }

  /** What may be called now: first what a customer waits for, then orders, which must not be late. */
  due(serial: string, now: number): Promise<TaskRow[]> {
    return this.#all(
      `select id, kind, slot, cycle, attempts from tasks where serial = $1 and ${DUE("$2")}
       order by kind <> 'authorize', kind <> 'replenish', id`,
      serial,
      now,
    );
  }

  /** When the next task of any device but those is due; undefined: none is owed. */
  async nextDue(except: readonly string[]): Promise<number | undefined> {
    const [row] = await this.#all<{ at: number | null }>(
      "select min(due_at) as at from tasks where serial <> all($1::text[])",
      except,
    );
    return row?.at ?? undefined;
  }

  /**
   * Devices with due tasks which no other gateway is at, those that have waited longest first.
   *
   * @param now what is due by then, UTC milliseconds of this gateway
   * @param at what leases are measured by: UTC milliseconds; null: the server's clock
   */
  async devicesDue(
    now: number,
    most: number,
    except: readonly string[],
    owner: string,
    at: number | null,
  ): Promise<string[]> {
    const rows = await this.#all<{ serial: string }>(
      `select serial from tasks join devices using (serial)
       where due_at <= $1 and serial <> all($3::text[])
         and (lease_until is null or lease_until < ${NOW("$5")} or lease_owner = $4)
       group by serial order by min(due_at), serial limit $2`,
      now,
      most,
      except,
      owner,
      at,
    );
    return rows.map(({ serial }) => serial);
  }

  /** Whether the lease with this token is still held. */
  async isHeld(serial: string, token: number): Promise<boolean> {
    const [row] = await this.#all<{ held: boolean }>(`select ${HELD("$1", "$2")} as held`, serial, token);
    return row!.held;
  }

  /** The task was tried in vain. */
  async postpone(id: number, due: number): Promise<void> {
    await this.#all("update tasks set due_at = $2, attempts = attempts + 1 where id = $1", id, due);
  }

  /** No task of a device before that time: they would all fail alike. */
  async postponeAll(serial: string, due: number): Promise<void> {
    await this.#all(
      "update tasks set due_at = greatest(due_at, $2), attempts = greatest(attempts, 1) where serial = $1",
      serial,
      due,
    );
  }

  /** The task is to be run again at that time, whatever became of it before. */
  async again(id: number, due: number): Promise<void> {
    await this.#all("update tasks set due_at = $2, attempts = 0 where id = $1", id, due);
  }

  /** Which slots are subscribed is to be asked at that time, or before. */
  async poll(serial: string, due: number): Promise<void> {
    await this.#all(
      `insert into tasks (serial, kind, slot, cycle, due_at) values ($1, 'subscriptions', 0, 0, $2)
       on conflict (serial, kind, slot, cycle) do update
       set due_at = least(tasks.due_at, excluded.due_at), attempts = 0`,
      serial,
      due,
    );
  }

  /** Drops what is owed for a device, except that it is to be deregistered. */
  async drop(serial: string): Promise<void> {
    await this.#all("delete from tasks where serial = $1 and kind <> 'deregister'", serial);
  }

  async dropDeregistration(serial: string): Promise<void> {
    await this.#all("delete from tasks where serial = $1 and kind = 'deregister'", serial);
  }

  // Orders

  /**
   * Writes down that a Replenish call is made, before it is, and returns how many that makes. Undefined: the lease under which it is
   * to be made is over, or one was made that may have reached DRS.
   */
  async ask(order: OrderRow, token: number, now: number): Promise<number | undefined> {
    const [row] = await this.#all<{ attempts: number }>(
      `update orders set attempts = attempts + 1, asked_at = $5
       where serial = $1 and slot = $2 and cycle = $3 and asked_at is null and ${HELD("$1", "$4")}
       returning attempts`,
      order.serial,
      order.slot,
      order.cycle,
      token,
      now,
    );
    return row?.attempts;
  }

  /** It is certain that the Replenish call for the order was not heard; nothing changes when the lease is over. */
  async unask(order: OrderRow, token: number): Promise<void> {
    await this.#all(
      `update orders set asked_at = null where serial = $1 and slot = $2 and cycle = $3 and ${HELD("$1", "$4")}`,
      order.serial,
      order.slot,
      order.cycle,
      token,
    );
  }

  async accepted(order: OrderRow, now: number): Promise<void> {
    await this.#all(
      `update orders set accepted_at = coalesce(accepted_at, $4)
       where serial = $1 and slot = $2 and cycle = $3`,
      order.serial,
      order.slot,
      order.cycle,
      now,
    );
  }

  /** Number of the newest cycle of the order's slot. */
  async newestCycle(order: OrderRow): Promise<number> {
    const [row] = await this.#all<{ cycle: number }>(
      "select max(cycle) as cycle from orders where serial = $1 and slot = $2",
      order.serial,
      order.slot,
    );
    return row!.cycle;
  }

  // Statuses

  /** Sequence of the newest status of a slot that DRS was told. */
  async reported(serial: string, slot: number): Promise<number> {
    const [row] = await this.#all<{ reported: number }>(
      "select reported from statuses where serial = $1 and slot = $2",
      serial,
      slot,
    );
    return row?.reported ?? 0;
  }

  /** @returns whether a newer status has come meanwhile */
  async report(serial: string, slot: number, sequence: number): Promise<boolean> {
    const [row] = await this.#all<{ newer: boolean }>(
      `update statuses set reported = greatest(reported, $3) where serial = $1 and slot = $2
       returning sequence > $3 as newer`,
      serial,
      slot,
      sequence,
    );
    return row?.newer ?? false;
  }
}
