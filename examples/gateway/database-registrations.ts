import type { RegistrationFailure } from "everfull";
import type { Sql } from "./connection.js";

/** What DRS says of a device's registration, and what the device knows of that. */
export interface RegistrationRow {
  /** Of this word, upward from 1 with every change. */
  number: number;
  /** `pending`: what the customer has agreed to is being redeemed; until then the device hears nothing. */
  state: "registered" | "pending" | "unregistered";
  /** Slots that are subscribed, 2 to the power of each. */
  subscribed: number;
  /** Why the last authorization came to nothing. */
  failure: RegistrationFailure;
  /** Number that the device has told to know. */
  told: number;
  /** What is to be redeemed, encrypted; null: nothing. Of a device that is `unregistered`, it is redeemed to end what the log-in began. */
  code: string | null;
  /** When it came, UTC milliseconds. */
  askedAt: number | null;
}

export const REGISTRATIONS_SCHEMA = `
  create table registrations (
    serial text primary key references devices,
    number integer not null default 0,
    state text not null,
    subscribed integer not null default 0,
    failure text not null default 'none',
    told integer not null default 0,
    code text,
    asked_at bigint
  );
  alter table grants add client_id text;
`;

const COLUMNS = `number, state, subscribed, failure, told, code, asked_at as "askedAt"`;
/** Numbers have two bytes in a message. */
export const LAST_NUMBER = 65_535;

/** Statements about what devices are told of their registration. */
export class RegistrationQueries {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Undefined: nothing was ever heard of one. */
  async of(serial: string): Promise<RegistrationRow | undefined> {
    const { rows } = await this.#sql.query<RegistrationRow>(
      `select ${COLUMNS} from registrations where serial = $1`,
      [serial],
    );
    return rows[0];
  }

  /** Writes down how it is. It gets a new number if that is news. */
  async put(
    serial: string,
    state: "registered" | "unregistered",
    subscribed: number,
    failure: RegistrationFailure,
  ): Promise<void> {
    await this.#sql.query(
      `insert into registrations as r (serial, number, state, subscribed, failure) values ($1, 1, $2, $3, $4)
       on conflict (serial) do update set code = null, asked_at = null,
         number = least(${LAST_NUMBER}, r.number + case when r.number = 0 or
           (r.state, r.subscribed, r.failure) is distinct from (excluded.state, excluded.subscribed, excluded.failure)
           then 1 else 0 end),
         state = excluded.state, subscribed = excluded.subscribed, failure = excluded.failure`,
      [serial, state, subscribed, failure],
    );
  }

  /** What the customer has agreed to is to be redeemed. @param now UTC milliseconds */
  async pend(serial: string, code: string, now: number): Promise<void> {
    await this.#sql.query(
      `insert into registrations (serial, state, code, asked_at) values ($1, 'pending', $2, $3)
       on conflict (serial) do update set state = 'pending', code = excluded.code, asked_at = excluded.asked_at`,
      [serial, code, now],
    );
  }

  /** Has a code redeemed although the device is not to be registered. @param askedAt when the code came, UTC milliseconds */
  async keepCode(serial: string, code: string, askedAt: number): Promise<void> {
    await this.#sql.query("update registrations set code = $2, asked_at = $3 where serial = $1", [
      serial,
      code,
      askedAt,
    ]);
  }

  /** The device knows of that number. If it is ahead, this database is older than what the device was told: the next word has to be above it. */
  async told(serial: string, number: number): Promise<void> {
    await this.#sql.query(
      `update registrations set told = $2,
         number = case when $2 > number then least(${LAST_NUMBER}, $2 + 1) else number end
       where serial = $1`,
      [serial, number],
    );
  }
}
