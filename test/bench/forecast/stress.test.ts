import test from "ava";
import fc from "fast-check";
import { courseOf, WARM } from "./course.js";
import { runPaired } from "./paired.js";
import { withAbsences, withDoubling, withHalving, withLevelNoise, withMissedDays } from "./stress.js";
import { Spy, subjectFrom } from "./support.js";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const anySubject = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 60, maxLength: 200 }), fc.nat())
  .filter(([use]) => sum(use) >= 20)
  .map(([use, number]) => subjectFrom(use, `test_h1_soap${number}_p0`));

test("an absence is in every pack once: each lasts so many days longer, on the same weekdays, and holds the same", (t) => {
  fc.assert(
    fc.property(
      anySubject,
      fc.constantFrom(14, 30),
      fc.constantFrom(2, 3),
      fc.constantFrom("anywhere", "early"),
      (subject, days, weeks, when) => {
        const before = courseOf(subject, days);
        const course = withAbsences(subject, days, weeks, when);
        if (before === undefined || course === undefined) return t.is(before, course);
        const packs = runPaired(before, new Spy(0)).length;
        t.is(runPaired(course, new Spy(0)).length, packs);
        t.is(course.use.length, before.use.length + packs * 7 * weeks);
        t.is(sum(course.use), sum(before.use));
        t.is(course.pack, before.pack);
        t.is(course.setting.truth, course.use);
        t.deepEqual(course.use.slice(0, WARM), before.use.slice(0, WARM));
        // What was used on each weekday is what it was.
        const weekdays = (use: readonly number[]) =>
          [0, 1, 2, 3, 4, 5, 6].map((weekday) => sum(use.filter((_, day) => day % 7 === weekday)));
        t.deepEqual(weekdays(course.use), weekdays(before.use));
        return undefined;
      },
    ),
  );
});

test("an absence is a run of days without use", (t) => {
  const use = new Array<number>(120).fill(1);
  const course = withAbsences(subjectFrom(use), 30, 2, "anywhere");
  const runs = (course?.use ?? []).join("").match(/0+/g);
  // 92 days after the warm start are three packs of 30 days and a rest.
  t.deepEqual(
    runs?.map(({ length }) => length),
    [14, 14, 14],
  );
});

test("an early absence is over when half of the pack is left", (t) => {
  const use = new Array<number>(600).fill(1);
  for (const id of ["a", "b", "c", "d"]) {
    const course = withAbsences(subjectFrom(use, id), 30, 2, "early")!;
    const spy = new Spy(0);
    const packs = runPaired(course, spy);
    // Left are 15, 15 days before the end, with no absence to come.
    t.true(packs.every(({ half }) => half?.error === 0));
    t.true(spy.days.filter(({ used }) => used === 0).length >= 14 * packs.length);
  }
});

test("doubling and halving begin in the middle third, and only packs that end after it count", (t) => {
  fc.assert(
    fc.property(anySubject, (subject) => {
      for (const [course, part] of [
        [withDoubling(subject, 30), 2],
        [withHalving(subject, 30), 0.5],
      ] as const) {
        if (course === undefined) return;
        const from = course.countedFrom;
        const length = subject.use.length;
        t.true(from >= Math.floor(length / 3) && from < 2 * Math.floor(length / 3));
        t.is(course.use.length, length);
        t.deepEqual(course.use.slice(0, from), subject.use.slice(0, from));
        t.is(sum(course.use.slice(from)), Math.floor(part * sum(subject.use.slice(from))));
        t.true(course.use.every((used) => Number.isInteger(used)));
        t.is(course.pack, courseOf(subject, 30)!.pack);
        t.is(course.setting.truth, course.use);
      }
    }),
  );
  const counted = runPaired(withDoubling(subjectFrom(new Array<number>(300).fill(1)), 14)!, new Spy(0));
  t.true(counted[0]!.pack > 2);
});

test("continuous use is halved as it is", (t) => {
  const subject = { ...subjectFrom(new Array<number>(90).fill(0.5)), unit: 0 as const };
  const { use, countedFrom } = withHalving(subject, 30)!;
  t.true(use.every((used, day) => used === (day < countedFrom ? 0.5 : 0.25)));
});

test("missed days come 1 to 5 in a row, with at least 5 days between, and change no use", (t) => {
  const subject = subjectFrom(new Array<number>(5000).fill(1));
  const course = withMissedDays(subject, 30)!;
  t.is(course.use, subject.use);
  const text = course.use.map((_, day) => (course.missed.has(day) ? "x" : ".")).join("");
  const runs = (text.match(/x+/g) ?? []).map(({ length }) => length);
  t.deepEqual([...new Set(runs)].sort(), [1, 2, 3, 4, 5]);
  const between = (text.slice(text.indexOf("x"), text.lastIndexOf("x")).match(/\.+/g) ?? []).map(
    ({ length }) => length,
  );
  t.is(Math.min(...between), 5);
  t.is(Math.max(...between), 24);
  t.true(Math.abs(course.missed.size / 5000 - 1 / 6) < 0.02, String(course.missed.size));
});

test("level noise is a share of the pack, told to the policy, and more of it is the same noise, larger", (t) => {
  const subject = subjectFrom(new Array<number>(5000).fill(1));
  const two = withLevelNoise(subject, 30, 0.02)!;
  const five = withLevelNoise(subject, 30, 0.05)!;
  t.is(two.setting.noise, 0.02 * 30);
  t.is(two.noise.length, 5000);
  const mean = sum([...two.noise]) / 5000;
  const sd = Math.sqrt(sum(two.noise.map((each) => (each - mean) ** 2)) / 5000);
  t.true(Math.abs(mean) < 0.03 && Math.abs(sd - 0.6) < 0.02, `${mean} ${sd}`);
  t.true(five.noise.every((each, day) => Math.abs(each - 2.5 * two.noise[day]!) < 1e-9));
  t.deepEqual(withLevelNoise(subject, 30, 0.02), two);
  t.notDeepEqual(withLevelNoise({ ...subject, id: "another" }, 30, 0.02)?.noise, two.noise);
});
