import type { Sql } from "./connection.js";

/** What the customer has given this device: tokens are encrypted, see `vault.ts`. */
export interface GrantRow {
  refreshToken: string | null;
  accessToken: string | null;
  /** UTC milliseconds. */
  expiresAt: number | null;
  /** Whom the refresh token was given to, without a secret; null: the gateway's own client. */
  clientId: string | null;
}

export const GRANTS_SCHEMA = `
  alter table devices
    add ended text,
    add registered_at bigint;
  create table grants (
    serial text primary key references devices,
    refresh_token text,
    access_token text,
    expires_at bigint
  );
`;

const COLUMNS = `refresh_token as "refreshToken", access_token as "accessToken", expires_at as "expiresAt",
  client_id as "clientId"`;

/** Statements about tokens, and about whether a device is registered at all. */
export class GrantQueries {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** `known` is false where there has never been a grant. */
  async of(serial: string): Promise<GrantRow & { readonly known: boolean; readonly ended: string | null }> {
    const { rows } = await this.#sql.query<GrantRow & { known: boolean; ended: string | null }>(
      `select ${COLUMNS}, ended, grants.serial is not null as known
       from devices left join grants using (serial) where serial = $1`,
      [serial],
    );
    if (!rows[0]) throw new Error(`device "${serial}" has no row`);
    return rows[0];
  }

  /** Takes grants of devices that have not had one. */
  async begin(grants: readonly { readonly serial: string; readonly refreshToken: string }[]): Promise<void> {
    // In one order: two gateways that begin with the same ones would else wait for each other in a circle.
    await this.#sql.query(
      `insert into grants (serial, refresh_token)
       select * from unnest($1::text[], $2::text[]) order by 1 on conflict do nothing`,
      [grants.map(({ serial }) => serial), grants.map(({ refreshToken }) => refreshToken)],
    );
  }

  /** Takes a new grant in place of any other: the device is registered from now on. @param now UTC milliseconds */
  async put(serial: string, grant: GrantRow, now: number): Promise<void> {
    await this.store(serial, grant);
    await this.#sql.query(
      "update devices set ended = null, registered_at = greatest(registered_at, $2) where serial = $1",
      [serial, now],
    );
  }

  /** Takes a new grant in place of any other, and leaves it open whether the device is registered. */
  async store(serial: string, grant: GrantRow): Promise<void> {
    await this.#sql.query(
      `insert into grants (serial, refresh_token, access_token, expires_at, client_id) values ($1, $2, $3, $4, $5)
       on conflict (serial) do update set refresh_token = excluded.refresh_token,
         access_token = excluded.access_token, expires_at = excluded.expires_at, client_id = excluded.client_id`,
      [serial, grant.refreshToken, grant.accessToken, grant.expiresAt, grant.clientId],
    );
  }

  /** Takes what a refresh brought, unless the grant has changed meanwhile. */
  async refreshed(serial: string, before: string, grant: Omit<GrantRow, "clientId">): Promise<void> {
    await this.#sql.query(
      `update grants set refresh_token = $3, access_token = $4, expires_at = $5
       where serial = $1 and refresh_token = $2`,
      [serial, before, grant.refreshToken, grant.accessToken, grant.expiresAt],
    );
  }

  /** Drops the tokens; that there was a grant is remembered. */
  async forget(serial: string): Promise<void> {
    await this.#sql.query(
      `insert into grants (serial) values ($1) on conflict (serial) do update
       set refresh_token = null, access_token = null, expires_at = null`,
      [serial],
    );
  }

  async end(serial: string, why: string): Promise<void> {
    await this.#sql.query("update devices set ended = $2 where serial = $1 and ended is null", [serial, why]);
  }

  /** Why the device is not registered any more; null: it is, as far as is known. */
  async ended(serial: string): Promise<string | null> {
    const { rows } = await this.#sql.query<{ ended: string | null }>(
      "select ended from devices where serial = $1",
      [serial],
    );
    return rows[0]?.ended ?? null;
  }

  /** When the device was last registered, UTC milliseconds; null: not known. */
  async registeredAt(serial: string): Promise<number | null> {
    const { rows } = await this.#sql.query<{ at: number | null }>(
      "select registered_at as at from devices where serial = $1",
      [serial],
    );
    return rows[0]?.at ?? null;
  }

  /** A registration was heard of. @param at UTC milliseconds */
  async registered(serial: string, at: number): Promise<void> {
    await this.#sql.query(
      "update devices set registered_at = greatest(registered_at, $2) where serial = $1",
      [serial, at],
    );
  }
}
