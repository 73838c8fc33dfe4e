import type { Sql } from "./connection.js";
import { HELD } from "./database-calls.js";

/** One inventory report of a slot: made once, and the same in every repetition. Quantities in steps. */
export interface InventoryReport {
  readonly messageId: string;
  /** Sequence of the status that it tells. */
  readonly sequence: number;
  /** Everything ever consumed from the slot, by that status. */
  readonly consumed: number;
  readonly remaining: number;
  /** UTC milliseconds. */
  readonly sampledAt: number;
  /** Milliseconds that the sample may be older than that. */
  readonly uncertainty: number;
}

/** What the service was told of a slot. */
export interface InventoryRow {
  /** Of everything ever consumed, what the service knows of, in steps. */
  readonly told: number;
  /** Sequence of the newest status that was told. */
  readonly reported: number;
  /** When, UTC milliseconds; null: never. */
  readonly reportedAt: number | null;
  /** Made, and not known to have arrived. */
  readonly pending: InventoryReport | null;
}

export const INVENTORY_SCHEMA = `
  create table inventory (
    serial text not null references devices,
    slot smallint not null,
    told bigint not null,
    reported bigint not null default 0,
    reported_at bigint,
    message_id text,
    sequence bigint,
    consumed bigint,
    remaining integer,
    sampled_at bigint,
    uncertainty bigint,
    primary key (serial, slot)
  );
`;

type Columns = Omit<InventoryRow, "pending"> & {
  readonly [Name in keyof InventoryReport]: InventoryReport[Name] | null;
};

/** Statements about inventory reports. */
export class InventoryQueries {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async #did(text: string, ...values: unknown[]): Promise<boolean> {
    return (await this.#sql.query(text, values)).affectedRows > 0;
  }

  async of(serial: string, slot: number): Promise<InventoryRow | undefined> {
    const { rows } = await this.#sql.query<Columns>(
      `select told, reported, reported_at as "reportedAt", message_id as "messageId", sequence, consumed, remaining,
         sampled_at as "sampledAt", uncertainty
       from inventory where serial = $1 and slot = $2`,
      [serial, slot],
    );
    if (!rows[0]) return undefined;
    const { told, reported, reportedAt, messageId, ...report } = rows[0];
    const pending = messageId === null ? null : ({ messageId, ...report } as InventoryReport);
    return { told, reported, reportedAt, pending };
  }

  /**
   * Writes a report down before it is sent, in place of any that is pending. False: the lease under which it is to be sent is over, and
   * another gateway may be sending one.
   *
   * @param told what the service knows of without it, in steps
   */
  plan(serial: string, slot: number, told: number, report: InventoryReport, token: number): Promise<boolean> {
    return this.#did(
      `insert into inventory (serial, slot, told, message_id, sequence, consumed, remaining, sampled_at, uncertainty)
       select $1::text, $2::smallint, $3::bigint, $5::text, $6::bigint, $7::bigint, $8::integer, $9::bigint, $10::bigint
       where ${HELD("$1", "$4")}
       on conflict (serial, slot) do update set told = excluded.told, message_id = excluded.message_id,
         sequence = excluded.sequence, consumed = excluded.consumed, remaining = excluded.remaining,
         sampled_at = excluded.sampled_at, uncertainty = excluded.uncertainty`,
      serial,
      slot,
      told,
      token,
      report.messageId,
      report.sequence,
      report.consumed,
      report.remaining,
      report.sampledAt,
      report.uncertainty,
    );
  }

  /** The service has the pending report, if it is this one; whoever has learnt it. @param now UTC milliseconds */
  async told(serial: string, slot: number, messageId: string, now: number): Promise<void> {
    await this.#did(
      `update inventory set told = consumed, reported = sequence, reported_at = $4, message_id = null
       where serial = $1 and slot = $2 and message_id = $3`,
      serial,
      slot,
      messageId,
      now,
    );
  }

  /** The service does not take the pending report: what it told goes into the next one. */
  async untold(serial: string, slot: number, messageId: string): Promise<void> {
    await this.#did(
      "update inventory set message_id = null where serial = $1 and slot = $2 and message_id = $3",
      serial,
      slot,
      messageId,
    );
  }

  /** The device is another customer's: what was consumed up to now is not told. */
  async begin(serial: string): Promise<void> {
    await this.#did(
      `insert into inventory (serial, slot, told)
       select serial, slot, consumed from statuses where serial = $1
       on conflict (serial, slot) do update set told = excluded.told, reported_at = null, message_id = null`,
      serial,
    );
  }

  /** Has the slot reported at that time, UTC milliseconds, and not at the time that was set before. */
  async schedule(serial: string, slot: number, due: number): Promise<void> {
    await this.#did(
      `insert into tasks (serial, kind, slot, cycle, due_at) values ($1, 'poll', $2, 0, $3)
       on conflict (serial, kind, slot, cycle) do update set due_at = excluded.due_at, attempts = 0`,
      serial,
      slot,
      due,
    );
  }
}
