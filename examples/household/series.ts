import { readFileSync } from "node:fs";

/** What was used up, day after day. */
export interface Series {
  readonly id: string;
  /** First day, YYYY-MM-DD. */
  readonly start: string;
  /** Units used on the first day and every day after it, without gaps. */
  readonly quantities: readonly number[];
}

export type SeriesErrorCode =
  | "file" // the file cannot be read
  | "text" // not text in UTF-8
  | "empty" // nothing in it, or nothing after the header
  | "header" // the first line is another one
  | "quotes" // not quoted as RFC 4180 has it
  | "columns" // a line with more or fewer fields than the header
  | "id"
  | "date"
  | "order" // a date that is not the day after the one before it in its series
  | "quantity";

/** Thrown by `readSeries` and `parseSeries`. The message begins with `FILE:LINE: `. */
export class SeriesError extends Error {
  override name = "SeriesError";
  readonly code: SeriesErrorCode;
  /** Line that it is about, from 1; null where the file could not be read at all. */
  readonly line: number | null;

  constructor(code: SeriesErrorCode, file: string, line: number | null, message: string, cause?: unknown) {
    super(
      `${file}:${line === null ? "" : `${line}:`} ${message}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.line = line;
  }
}

const HEADER = ["series_id", "date", "quantity"];
const DAY_MS = 86_400_000;

/** @throws {SeriesError} the file cannot be read, or is not as `parseSeries` accepts it */
export function readSeries(file: string): Series[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new SeriesError("file", file, null, `a CSV file that can be read is accepted${why}`, error);
  }
  return parseSeries(text, file);
}

/**
 * Series from CSV (RFC 4180, lines ended by LF or CRLF) with the header `series_id,date,quantity`. The dates of a series
 * must be consecutive days; lines of several series may be mixed.
 *
 * @param file its name, for messages
 * @returns at least one series, in the order of their first lines
 * @throws {SeriesError} the first line that is not accepted
 */
export function parseSeries(text: string, file: string): Series[] {
  if (text.startsWith("\uFEFF")) text = text.slice(1);
  checkText(text, file);
  const series = new Map<string, { start: string; quantities: number[]; next: number }>();
  let header = true;
  for (const { line, fields } of records(text, file)) {
    const refuse = (code: SeriesErrorCode, message: string): never => {
      throw new SeriesError(code, file, line, message);
    };
    if (header) {
      if (fields.length !== HEADER.length || fields.some((field, at) => field !== HEADER[at]))
        refuse("header", `header ${shown(fields.join(","))}: ${HEADER.join(",")} is accepted`);
      header = false;
      continue;
    }
    if (fields.length !== HEADER.length)
      refuse("columns", `${fields.length} of ${HEADER.length} columns: ${HEADER.join(",")} is accepted`);
    const [id, date, quantity] = fields as [string, string, string];
    if (id.trim() === "") refuse("id", `series_id ${shown(id)}: a text that is not empty is accepted`);
    const day =
      dayOf(date) ?? refuse("date", `date ${shown(date)}: a calendar day as YYYY-MM-DD is accepted`);
    const used =
      quantityOf(quantity) ??
      refuse("quantity", `quantity ${shown(quantity)}: a finite number of at least 0 is accepted`);
    const known = series.get(id);
    if (known === undefined) {
      series.set(id, { start: date, quantities: [used], next: day + 1 });
      continue;
    }
    if (day !== known.next)
      refuse("order", `date ${date}: ${dateOf(known.next)} is accepted, the next day of series ${shown(id)}`);
    known.quantities.push(used);
    known.next += 1;
  }
  if (series.size === 0)
    throw new SeriesError(
      "empty",
      file,
      1,
      `no series: ${HEADER.join(",")} and at least one line are accepted`,
    );
  return [...series].map(([id, { start, quantities }]) => ({ id, start, quantities }));
}

/** Records of RFC 4180 with the line that each begins on. Blank lines at the end are left out. */
function* records(text: string, file: string): Generator<{ line: number; fields: string[] }> {
  const end = text.replace(/[\r\n]+$/, "").length;
  const plain = /[^",\r\n]*/y;
  let at = 0;
  let line = 1;
  while (at < end) {
    const first = line;
    const fields: string[] = [];
    for (;;) {
      let field = "";
      if (text[at] === '"') {
        const quoted = /"((?:[^"]|"")*)"/y;
        quoted.lastIndex = at;
        const found = quoted.exec(text);
        if (found === null)
          throw new SeriesError(
            "quotes",
            file,
            line,
            `field ${shown(text.slice(at))}: a closing " is missing`,
          );
        field = (found[1] ?? "").replaceAll('""', '"');
        at += found[0].length;
        line += field.split("\n").length - 1;
      } else {
        plain.lastIndex = at;
        field = plain.exec(text)?.[0] ?? "";
        at += field.length;
      }
      fields.push(field);
      if (text[at] !== ",") break;
      at += 1;
    }
    if (at < text.length && text[at] !== "\n" && !text.startsWith("\r\n", at))
      throw new SeriesError(
        "quotes",
        file,
        line,
        `field ${shown(fields.at(-1) ?? "")}: a " in a field is accepted doubled, in a quoted field`,
      );
    at += text[at] === "\r" ? 2 : 1;
    line += 1;
    yield { line: first, fields };
  }
}

/** @throws {SeriesError} `text`: a control character, or bytes that were not UTF-8, which decode to U+FFFD */
function checkText(text: string, file: string): void {
  let line = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0a) line += 1;
    const control =
      code < 0x20 && code !== 0x09 && code !== 0x0a && !(code === 0x0d && text[at + 1] === "\n");
    if (control || code === 0x7f || code === 0xfffd) {
      const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
      throw new SeriesError(
        "text",
        file,
        line,
        `character ${name}: text in UTF-8, lines ended by LF or CRLF, is accepted`,
      );
    }
  }
}

/** Days since 1970-01-01; undefined if it is no day of the calendar. */
function dayOf(date: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) return undefined;
  const instant = Date.parse(`${date}T00:00:00Z`);
  // The engine takes 02-30 for 03-02.
  if (Number.isNaN(instant) || dateOf(instant / DAY_MS) !== date) return undefined;
  return instant / DAY_MS;
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

function quantityOf(text: string): number | undefined {
  // Number() alone takes an empty text for 0, and "0x10" and " 1 " for numbers.
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** A value as messages show it: quoted, and not longer than a line. */
function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
}
