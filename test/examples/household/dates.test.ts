import test from "ava";
import { Calendar, DAY } from "../../../examples/household/dates.js";
import { demonstration } from "../../../examples/household/plan.js";

const weekday = (time: number) => new Date(time).getUTCDay();

test("dates that devices believe in are left as they are", (t) => {
  const calendar = new Calendar("2014-02-20");
  t.is(calendar.start, Date.UTC(2014, 1, 20));
  t.is(calendar.dateOf(calendar.start + DAY), "2014-02-21");
});

for (const first of ["1950-01-31", "1998-02-28", "2012-12-31", "2060-05-05", "2098-12-31"])
  test(`a run that begins on ${first} is moved by years to the same weekday, and keeps its dates`, (t) => {
    const calendar = new Calendar(first);
    t.true(calendar.start >= Date.UTC(2013, 0, 1) && calendar.start < Date.UTC(2060, 0, 2));
    t.is(weekday(calendar.start), weekday(Date.parse(first)));
    for (const day of [0, 1, 59, 60, 365, 1000])
      t.is(
        calendar.dateOf(calendar.start + day * DAY),
        new Date(Date.parse(first) + day * DAY).toISOString().slice(0, 10),
      );
    t.is(calendar.momentOf(calendar.start + 1234), `${first}T00:00:01.234Z`);
  });

test("the demonstration runs both series on the dates that both have", (t) => {
  const days = Array.from({ length: 20 }, (_, day) => day);
  const [tablets, soap] = demonstration([
    { id: "refit_h2_dishwasher_p0", start: "2014-03-05", quantities: days.slice(0, 10) },
    { id: "refit_h2_washing_p0", start: "2014-03-01", quantities: days.slice(0, 12) },
  ]);
  t.is(tablets!.series.start, "2014-03-05");
  t.is(soap!.series.start, "2014-03-05");
  t.deepEqual(tablets!.series.quantities, [0, 1, 2, 3, 4, 5, 6, 7]);
  t.deepEqual(soap!.series.quantities, [4, 5, 6, 7, 8, 9, 10, 11]);
});
