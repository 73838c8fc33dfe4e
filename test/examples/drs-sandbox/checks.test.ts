import test from "ava";
import fc from "fast-check";
import { isIsoDate } from "../../../examples/drs-sandbox/service/checks.js";
import { orderInstanceId, uuid } from "../../../examples/drs-sandbox/state/identifiers.js";
import { UUID } from "./support.js";

const DATE = fc.date({
  min: new Date("0000-01-01T00:00:00Z"),
  max: new Date("9999-12-31T23:59:59.999Z"),
  noInvalidDate: true,
});

test("every date that JavaScript writes is an ISO date, with and without its time", (t) => {
  fc.assert(
    fc.property(DATE, (date) => {
      const text = date.toISOString();
      return isIsoDate(text) && isIsoDate(text.slice(0, 10));
    }),
  );
  t.pass();
});

test("a date is real exactly when the calendar has it", (t) => {
  const digits = (count: number) => (value: number) => String(value).padStart(count, "0");
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9999 }).map(digits(4)),
      fc.integer({ min: 0, max: 14 }).map(digits(2)),
      fc.integer({ min: 0, max: 33 }).map(digits(2)),
      (year, month, day) => {
        const text = `${year}-${month}-${day}`;
        const leap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0);
        const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Number(month) - 1] ?? 0;
        return isIsoDate(text) === (Number(day) >= 1 && Number(day) <= days);
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

test("a time needs its offset and hours, minutes and seconds in range", (t) => {
  for (const good of ["T00:00Z", "T23:59:59Z", "T12:00:00.5Z", "T12:00:00+05:30", "T12:00:00-0800"])
    t.true(isIsoDate(`2017-04-07${good}`), good);
  for (const bad of [
    "T12:00:00",
    "T24:00:00Z",
    "T12:60:00Z",
    "T12:00:60Z",
    "T12Z",
    "T12:00:00.Z",
    "T12:00:00+24:00",
    "T12:00:00+05:60",
    " 12:00:00Z",
    "Z",
    "T12:00:00Z ",
  ])
    t.false(isIsoDate(`2017-04-07${bad}`), bad);
});

test("ids have Amazon's shapes, and equal ids come from equal parts only", (t) => {
  const parts = fc.array(fc.oneof(fc.string(), fc.nat()), { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      return (
        UUID.test(uuid(...a)) &&
        /^amzn1\.dash\.v2\.o\.[A-Za-z0-9]{100}$/.test(orderInstanceId(...a)) &&
        (uuid(...a) === uuid(...b)) === same &&
        (orderInstanceId(...a) === orderInstanceId(...b)) === same
      );
    }),
  );
  t.not(uuid("a", "bc"), uuid("ab", "c"));
});
