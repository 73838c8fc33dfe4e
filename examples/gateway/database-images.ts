import type { ImageOutcome, Offered } from "everfull";
import type { Sql } from "./connection.js";

/** An image that was offered to a device. */
export interface ImageRow {
  serial: string;
  /** Upward from 1, per device; the newest is the one that is offered. */
  number: number;
  /** Of the firmware that the image brings. */
  version: number;
  /** CRC-32 of its description, by which the device names it. */
  image: number;
  /**
   * - `waiting`: the device has not answered
   * - `taken`: it has it; whether it stays is told by the version in its health records
   * - `refused`: for `outcome`; after `busy` and `storage` it is offered again
   * - `superseded`: another was offered before it had answered
   */
  state: "waiting" | "taken" | "refused" | "superseded";
  /** What the device said last; null: nothing yet. */
  outcome: ImageOutcome | null;
  /** UTC milliseconds. */
  enteredAt: number;
  /** When it first went down; null: not yet. */
  sentAt: number | null;
  answeredAt: number | null;
}

export const IMAGES_SCHEMA = `
  create table images (
    serial text not null references devices,
    number integer not null,
    version bigint not null,
    image bigint not null,
    description bytea not null,
    outcome text,
    entered_at bigint not null,
    sent_at bigint,
    answered_at bigint,
    primary key (serial, number)
  );
`;

const COLUMNS = `serial, number, version, image, outcome, entered_at as "enteredAt", sent_at as "sentAt",
  answered_at as "answeredAt",
  case when outcome in ('taken', 'known') then 'taken'
    when outcome is not null then 'refused'
    when exists (select 1 from images later where later.serial = images.serial and later.number > images.number)
      then 'superseded'
    else 'waiting' end as state`;
/** The newest entry of a device. */
const NEWEST = "number = (select max(number) from images where serial = $1)";
/** After these the device may take it later. */
const FOR_NOW = "('busy', 'storage')";
/** Milliseconds until it is offered again then. */
export const AGAIN_AFTER = 20 * 60 * 60 * 1000;

/** Statements about images of firmware. Times are UTC milliseconds. */
export class ImageQueries {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async #all<Row>(text: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.#sql.query<Row>(text, values)).rows;
  }

  /** @returns the entry's number */
  async add(
    serial: string,
    version: number,
    image: number,
    description: Uint8Array,
    now: number,
  ): Promise<number> {
    const [row] = await this.#all<{ number: number }>(
      `insert into images (serial, number, version, image, description, entered_at)
       select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5 from images where serial = $1
       returning number`,
      serial,
      version,
      image,
      description,
      now,
    );
    return row!.number;
  }

  /** All entries, oldest first. */
  list(serial?: string): Promise<ImageRow[]> {
    return this.#all(
      `select ${COLUMNS} from images where $1::text is null or serial = $1 order by serial, number`,
      serial ?? null,
    );
  }

  /** The description of the newest image, if the device has it to answer; it counts as sent. */
  async owed(serial: string, now: number): Promise<Uint8Array | undefined> {
    const [row] = await this.#all<{ description: Uint8Array }>(
      `update images set sent_at = coalesce(sent_at, $2)
       where serial = $1 and ${NEWEST}
         and (outcome is null or (outcome in ${FOR_NOW} and answered_at + ${AGAIN_AFTER} <= $2))
       returning description`,
      serial,
      now,
    );
    return row && new Uint8Array(row.description);
  }

  /** The device has answered an image. @returns its entry's number; undefined: none was offered */
  async answer(serial: string, { image, outcome }: Offered, now: number): Promise<number | undefined> {
    const [row] = await this.#all<{ number: number }>(
      `update images set outcome = $3, answered_at = $4
       where serial = $1 and number = (select max(number) from images where serial = $1 and image = $2)
       returning number`,
      serial,
      image,
      outcome,
      now,
    );
    return row?.number;
  }
}
