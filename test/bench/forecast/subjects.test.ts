import test from "ava";
import { courseOf } from "./course.js";
import { fnv1a, halves, homeOf, packOf, subjectsOf } from "./subjects.js";
import { subjectFrom } from "./support.js";

test("the hash is FNV-1a", (t) => {
  t.is(fnv1a(""), 0x811c9dc5);
  t.is(fnv1a("a"), 0xe40c292c);
  t.is(fnv1a("foobar"), 0xbf9cf968);
});

test("a series is countable when all its values are whole, knows its weekday, and has an expected use that is wrong", (t) => {
  const [whole, part, none] = subjectsOf([
    { id: "foobar", start: "2014-02-17", quantities: [1, 0, 2] },
    { id: "b", start: "1970-01-01", quantities: [1, 0.5] },
    { id: "c", start: "1970-01-01", quantities: [0, 0] },
  ]);
  t.is(whole?.unit, 1);
  t.is(whole?.mean, 1);
  t.is(whole?.weekday, 0, "a Monday");
  t.is(whole?.priorRate, 0.5, "0xbf9cf968 modulo 5 is 0, the first factor");
  t.is(part?.unit, 0);
  t.is(part?.weekday, 3, "a Thursday");
  t.is(none, undefined, "nothing is ever used: no pack ends");
});

test("homes are told by the number in an id, and every second one is for tuning", (t) => {
  t.is(homeOf("refit_h10_washing_1_p0"), "10");
  t.is(homeOf("h3"), "3");
  t.is(homeOf("hall_soap"), "hall_soap");
  const of = (id: string) => ({ ...subjectFrom([1]), id, home: homeOf(id) });
  t.deepEqual(
    [...halves(["x_h10_a", "y", "x_h2_b", "x_h10_c", "x_h1_d", "b"].map(of))],
    [
      ["1", "report"],
      ["2", "tune"],
      ["10", "report"],
      ["b", "tune"],
      ["y", "report"],
    ],
  );
});

test("a pack of countable units is rounded, and left out when it is under 3 of them", (t) => {
  t.is(packOf(subjectFrom([0, 0, 0, 1]), 14), 4);
  t.is(packOf(subjectFrom([0, 0, 0, 0, 0, 1]), 14), undefined);
  t.is(packOf({ ...subjectFrom([0.5, 0.25]), unit: 0 }, 14), 5.25);
  t.is(courseOf(subjectFrom([0, 0, 0, 0, 0, 1]), 14), undefined);
});
