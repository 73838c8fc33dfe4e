import test from "ava";
import fc from "fast-check";
import { drawSlot, legend } from "../../../examples/household/chart.js";
import { dateAfter, orderOf, slotOf } from "./report-fixture.js";

const ROWS = 11;
/** Columns of the labels and the axis with a capacity of 40: "40 +". */
const MARGIN = 4;
const PLAIN = { colour: false, unicode: false };

/** One column a day. */
const width = (days: number) => days + MARGIN;
/** Lower and upper dot of an ASCII character: levels counted from the bottom, 0 to 21. */
const LEVELS: Readonly<Record<string, readonly number[]>> = { " ": [], "'": [1], ".": [0], ":": [0, 1] };

/** Levels drawn in each column, from the bottom, of an ASCII chart. */
function levels(rows: readonly string[], columns: number): number[][] {
  return Array.from({ length: columns }, (_, column) =>
    rows
      .slice(0, ROWS)
      .flatMap((row, at) =>
        (LEVELS[row[MARGIN + column] ?? " "] ?? []).map((dot) => dot + 2 * (ROWS - 1 - at)),
      )
      .sort((a, b) => a - b),
  );
}

/** Bits of braille, as levels from the bottom, 0 to 3, of the left and of the right column of dots. */
function brailleLevels(rows: readonly string[], columns: number): number[][] {
  const dots = [
    [6, 2, 1, 0],
    [7, 5, 4, 3],
  ];
  return Array.from({ length: 2 * columns }, (_, x) =>
    rows
      .slice(0, ROWS)
      .flatMap((row, at) => {
        const bits = (row.codePointAt(MARGIN + (x >> 1)) ?? 0x20) - 0x2800;
        if (bits < 0) return [];
        return (dots[x & 1] ?? []).flatMap((bit, level) =>
          (bits >> bit) & 1 ? [level + 4 * (ROWS - 1 - at)] : [],
        );
      })
      .sort((a, b) => a - b),
  );
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test("a full slot is drawn in the first row, an empty one in the last, half in the middle", (t) => {
  const remaining = [40, 20, 0].flatMap((value) => new Array<number>(20).fill(value));
  const rows = drawSlot(slotOf(remaining), { ...PLAIN, width: width(60) });
  t.is(rows[0], `40 +${"'".repeat(20)}:`);
  t.is(rows[5], `20 +${" ".repeat(20)}:${".".repeat(20)}`);
  t.is(rows[10], ` 0 +${" ".repeat(40)}:${".".repeat(19)}`);
  for (const row of [1, 2, 3, 4]) t.is(rows[row], `   |${" ".repeat(20)}:`);
  for (const row of [6, 7, 8, 9]) t.is(rows[row], `   |${" ".repeat(40)}:`);
});

for (const unicode of [false, true]) {
  test(`each column shows what remained on its day, joined to the day before (${unicode ? "braille" : "ASCII"})`, (t) => {
    const top = unicode ? 43 : 21;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 60, maxLength: 80 }),
        (remaining) => {
          const days = remaining.length;
          const rows = drawSlot(slotOf(remaining), { colour: false, unicode, width: width(days) });
          const drawn = unicode ? brailleLevels(rows, days) : levels(rows, days);
          const level = (day: number) => top - Math.round((1 - (remaining[day] ?? 0) / 40) * top);
          for (let day = 0; day < days; day++) {
            const from = day === 0 ? level(0) : level(day - 1);
            const expected = range(Math.min(from, level(day)), Math.max(from, level(day)));
            // The dot of the day before is in its own column already; a step up or down begins next to it.
            const seen = drawn[unicode ? 2 * day : day] ?? [];
            t.true(seen.includes(level(day)));
            t.true(seen.every((one) => expected.includes(one)));
            t.true(seen.length >= expected.length - 1);
            if (unicode) t.deepEqual(drawn[2 * day + 1], [level(day)]);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
}

test("a short run is stretched and a long one squeezed to the width, with nothing that juts out", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3650 }),
      fc.integer({ min: 60, max: 160 }),
      fc.boolean(),
      (days, columns, unicode) => {
        const last = dateAfter("2014-02-20", days - 1);
        const remaining = Array.from({ length: days }, (_, day) => (day * 7) % 41);
        const slot = slotOf(remaining, { refills: ["2014-02-20", last] });
        const rows = drawSlot(slot, { colour: false, unicode, width: columns });
        for (const row of rows) {
          t.true(row.length <= columns, row);
          t.is(row, row.trimEnd());
        }
        // The axis is as wide as the terminal, and the line reaches the last column.
        t.is(rows[ROWS]?.length, columns);
        t.is(Math.max(...rows.slice(0, ROWS).map((row) => row.length)), columns);
        t.is(rows[ROWS + 2]?.indexOf("R"), MARGIN);
        t.is(rows[ROWS + 2]?.lastIndexOf("R"), MARGIN + Math.floor(((days - 1) * (columns - MARGIN)) / days));
      },
    ),
    { numRuns: 100 },
  );
});

test("without braille a chart is ASCII, and without colour it has no escapes", (t) => {
  const slot = slotOf(range(0, 40), { refills: ["2014-03-01"], orders: [orderOf()] });
  for (const row of drawSlot(slot, { width: 100, ...PLAIN })) t.regex(row, /^[\x20-\x7e]*$/);
  const escaped = drawSlot(slot, { width: 100, colour: true, unicode: true });
  const plain = drawSlot(slot, { width: 100, colour: false, unicode: true });
  t.true(escaped[0]?.includes("\u001b["));
  t.deepEqual(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours are made of
    escaped.map((row) => row.replaceAll(/\u001b\[\d+m/g, "").trimEnd()),
    plain,
  );
});

test("each mark is below the column of its day", (t) => {
  const days = 80;
  const slot = slotOf(new Array(days).fill(10), {
    orders: [
      orderOf({ ordered: dateAfter("2014-02-20", 3), shipped: dateAfter("2014-02-20", 5), delivered: null }),
      orderOf({
        ordered: dateAfter("2014-02-20", 40),
        shipped: null,
        delivered: dateAfter("2014-02-20", 79),
      }),
    ],
    refills: [dateAfter("2014-02-20", 0)],
    stockOuts: [{ date: dateAfter("2014-02-20", 78), unserved: 1 }],
  });
  const rows = drawSlot(slot, { ...PLAIN, width: width(days) });
  t.is(rows.length, ROWS + 3);
  const marks = rows[ROWS + 2] ?? "";
  t.deepEqual(
    [...marks.matchAll(/\S/g)].map((found) => [found[0], found.index - MARGIN]),
    [
      ["R", 0],
      ["O", 3],
      ["S", 5],
      ["O", 40],
      ["X", 78],
      ["D", 79],
    ],
  );
});

test("marks that meet in a column are all shown, below each other, and the same ones once", (t) => {
  const date = "2014-02-22";
  const slot = slotOf(new Array(60).fill(10), {
    orders: [
      orderOf({ ordered: date, shipped: date, delivered: date }),
      orderOf({ cycle: 2, ordered: date, shipped: null, delivered: null }),
    ],
    refills: [date, "2014-03-01"],
    stockOuts: [{ date, unserved: 2 }],
  });
  const rows = drawSlot(slot, { ...PLAIN, width: width(60) }).slice(ROWS + 2);
  t.deepEqual(
    rows.map((row) => row.trim()),
    ["O      R", "S", "D", "R", "X"],
  );
  for (const row of rows) t.regex(row[MARGIN + 2] ?? "", /[OSDRX]/);
});

test("what happened outside the run has no mark", (t) => {
  const slot = slotOf(new Array(60).fill(10), { refills: ["2014-02-19", "2015-01-01"] });
  t.is(drawSlot(slot, { ...PLAIN, width: 100 }).length, ROWS + 2);
});

test("months are named at the column of their first day, January by its year", (t) => {
  const days = 400;
  const columns = 100;
  const rows = drawSlot(slotOf(new Array(days).fill(10)), { ...PLAIN, width: width(columns) });
  const names = [...(rows[ROWS + 1] ?? "").matchAll(/\S+/g)];
  t.deepEqual(
    names.map((name) => name[0]),
    ["Feb", "2014", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "2015", "Feb", "Mar"],
  );
  const april = Math.floor((40 * columns) / days);
  t.is(dateAfter("2014-02-20", 40), "2014-04-01");
  t.is(names[2]?.index, MARGIN + april);
  t.is(rows[ROWS]?.[MARGIN + april], "+");
  t.is([...(rows[ROWS] ?? "").matchAll(/\+/g)].length, 1 + names.length - 1);
});

test("names of months keep apart, whatever the length of the run", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3650 }), fc.integer({ min: 60, max: 160 }), (days, columns) => {
      const names = drawSlot(slotOf(new Array(days).fill(10)), { ...PLAIN, width: columns })[ROWS + 1] ?? "";
      t.regex(names, /^ {4}Feb 2014( +(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|20\d\d))*$/);
      // Beyond two months there is always one more to read the scale from.
      if (days > 75) t.true(names.trim().split(/\s+/).length > 2, `${days} days: ${names}`);
    }),
    { numRuns: 200 },
  );
});

test("more than the capacity stretches the scale", (t) => {
  const rows = drawSlot(slotOf([10, 80]), { ...PLAIN, width: 60 });
  t.is(rows[0]?.slice(0, MARGIN), "80 +");
  t.is(rows[5]?.slice(0, MARGIN), "40 +");
});

test("the legend names every mark", (t) => {
  t.is(legend(false), "O ordered, S shipped, D delivered, R refilled, X stock-out");
});
