/**
 * Checks of request bodies. Each returns what is wrong, naming field and value, or undefined.
 */

type Fields = Readonly<Record<string, unknown>>;

/** Longest piece of a client's own value that a message repeats, in characters. */
const SHOWN = 80;

export function slotStatusProblem(body: unknown): string | undefined {
  return (
    objectProblem(body) ??
    dateProblem(body as Fields, "expectedReplenishmentDate") ??
    quantityProblem(body as Fields, "remainingQuantityInUnit") ??
    quantityProblem(body as Fields, "originalQuantityInUnit") ??
    // the page calls it required, yet "if known", and clients in production leave it out
    ((body as Fields).totalQuantityOnHand === undefined
      ? undefined
      : quantityProblem(body as Fields, "totalQuantityOnHand")) ??
    dateProblem(body as Fields, "lastUseDate")
  );
}

export function deviceStatusProblem(body: unknown): string | undefined {
  return objectProblem(body) ?? dateProblem(body as Fields, "mostRecentlyActiveDate");
}

function objectProblem(body: unknown): string | undefined {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return undefined;
  return `The body must be a JSON object (got ${shown(body)})`;
}

function quantityProblem(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  // JSON has no infinity, but 1e999 parses as one
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return undefined;
  return fieldProblem(name, value, "a number of 0 or more");
}

function dateProblem(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (typeof value === "string" && isIsoDate(value)) return undefined;
  return fieldProblem(name, value, "an ISO 8601 date such as 2017-04-07T12:00:00Z");
}

function fieldProblem(name: string, value: unknown, accepted: string): string {
  return value === undefined
    ? `${name} is missing; it must be ${accepted}`
    : `${name} must be ${accepted} (got ${shown(value)})`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`;
}

const ISO_DATE =
  /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-](\d{2}):?(\d{2})))?$/;

/** As "2017-04-7", which Amazon's sample apps send. */
const UNPADDED = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;

/** Whether text is a real calendar date, alone or with a time that says its offset from UTC. */
export function isIsoDate(text: string): boolean {
  const match = ISO_DATE.exec(
    text.replace(UNPADDED, (_, year: string, month: string, day: string) =>
      [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-"),
    ),
  );
  if (match === null) return false;
  const day = match[1]!;
  const midnight = new Date(`${day}T00:00:00Z`);
  // engines may roll 30 February over into March; that does not survive the way back
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return false;
  const [hour, minute, second, offsetHour, offsetMinute] = [2, 3, 4, 5, 6].map((group) =>
    Number(match[group] ?? 0),
  ) as [number, number, number, number, number];
  return hour <= 23 && minute <= 59 && second <= 59 && offsetHour <= 23 && offsetMinute <= 59;
}
