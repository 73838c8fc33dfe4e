import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { parseSeries, readSeries, type Series, SeriesError } from "../../../examples/household/series.js";
import { dateAfter } from "./report-fixture.js";

const HEADER = "series_id,date,quantity";

function refusal(run: () => unknown): SeriesError {
  try {
    run();
  } catch (error) {
    if (error instanceof SeriesError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

/** A field as RFC 4180 writes it: quoted where it must be, or where `always`. */
function field(text: string, always: boolean): string {
  return always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const id = fc
  .string({
    unit: fc.constantFrom("a", "Z", "7", "_", " ", ",", '"', "\n", "\r\n", "é"),
    minLength: 1,
    maxLength: 12,
  })
  .filter((text) => text.trim() !== "");
const anySeries: fc.Arbitrary<Series> = fc.record({
  id,
  start: fc.integer({ min: 0, max: 30_000 }).map((day) => dateAfter("1970-01-01", day)),
  quantities: fc.array(
    fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    {
      minLength: 1,
      maxLength: 8,
    },
  ),
});

test("series written as CSV are read back as they were, however they are quoted, mixed and ended", (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anySeries, { minLength: 1, maxLength: 4, selector: (series) => series.id }),
      fc.constantFrom("\n", "\r\n"),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(0, 1, 2),
      (series, newline, quoted, mixed, blank) => {
        const rows = series.flatMap((one) =>
          one.quantities.map((quantity, day) => ({
            day,
            text: [one.id, dateAfter(one.start, day), String(quantity)]
              .map((text) => field(text, quoted))
              .join(","),
          })),
        );
        // Sorting is stable: the first day of every series, then the second of every series, ...
        if (mixed) rows.sort((a, b) => a.day - b.day);
        const text = [HEADER, ...rows.map((row) => row.text)].join(newline) + newline.repeat(blank);
        t.deepEqual(parseSeries(text, "x.csv"), series);
      },
    ),
    { numRuns: 300 },
  );
});

const REFUSED = [
  { name: "an empty file", text: "", line: 1, code: "empty", says: HEADER },
  { name: "a header alone", text: `${HEADER}\n`, line: 1, code: "empty", says: "at least one line" },
  {
    name: "another header",
    text: "id,date,quantity\na,2014-01-01,1\n",
    line: 1,
    code: "header",
    says: HEADER,
  },
  { name: "no header", text: "a,2014-01-01,1\n", line: 1, code: "header", says: HEADER },
  { name: "a column too few", rows: ["a,2014-01-01"], code: "columns", says: "2 of 3 columns" },
  { name: "a column too many", rows: ["a,2014-01-01,1,"], code: "columns", says: "4 of 3 columns" },
  { name: "a blank line between others", rows: ["", "a,2014-01-02,1"], code: "columns", says: "1 of 3" },
  { name: "an empty id", rows: [",2014-01-01,1"], code: "id", says: 'series_id ""' },
  { name: "an id of spaces", rows: ["  ,2014-01-01,1"], code: "id", says: 'series_id "  "' },
  { name: "a date in another form", rows: ["b,1.2.2014,1"], code: "date", says: 'date "1.2.2014"' },
  {
    name: "a day that February does not have",
    rows: ["b,2014-02-30,1"],
    code: "date",
    says: 'date "2014-02-30"',
  },
  { name: "a leap day of another year", rows: ["b,2014-02-29,1"], code: "date", says: 'date "2014-02-29"' },
  { name: "a month that no year has", rows: ["b,2014-13-01,1"], code: "date", says: 'date "2014-13-01"' },
  { name: "an instant for a date", rows: ["b,2014-01-01T00:00:00Z,1"], code: "date", says: "YYYY-MM-DD" },
  { name: "an empty quantity", rows: ["b,2014-01-01,"], code: "quantity", says: 'quantity ""' },
  { name: "a negative quantity", rows: ["b,2014-01-01,-1"], code: "quantity", says: 'quantity "-1"' },
  { name: "a quantity of spaces", rows: ["b,2014-01-01, "], code: "quantity", says: 'quantity " "' },
  { name: "a quantity in words", rows: ["b,2014-01-01,one"], code: "quantity", says: 'quantity "one"' },
  { name: "a hexadecimal quantity", rows: ["b,2014-01-01,0x10"], code: "quantity", says: 'quantity "0x10"' },
  { name: "NaN", rows: ["b,2014-01-01,NaN"], code: "quantity", says: 'quantity "NaN"' },
  { name: "a quantity that is not finite", rows: ["b,2014-01-01,1e999"], code: "quantity", says: "finite" },
  { name: "a gap", rows: ["a,2014-01-03,1"], code: "order", says: "date 2014-01-03: 2014-01-02 is accepted" },
  { name: "a repeated date", rows: ["a,2014-01-01,1"], code: "order", says: "2014-01-02 is accepted" },
  { name: "a date before the last", rows: ["a,2013-12-31,1"], code: "order", says: "2014-01-02 is accepted" },
  { name: "a quote that is not closed", rows: ['"a,2014-01-02,1'], code: "quotes", says: 'closing "' },
  { name: "text after a closing quote", rows: ['"a"b,2014-01-02,1'], code: "quotes", says: "doubled" },
  { name: "a quote inside a plain field", rows: ['a"b,2014-01-02,1'], code: "quotes", says: "doubled" },
  { name: "a NUL", rows: ["a\0,2014-01-02,1"], code: "text", says: "U+0000" },
  { name: "a carriage return alone", rows: ["a,2014-01-02,1\ra,2014-01-03,1"], code: "text", says: "U+000D" },
] as const;

for (const bad of REFUSED) {
  test(`${bad.name} is refused with the number of its line and what is accepted`, (t) => {
    const text = "text" in bad ? bad.text : [HEADER, "a,2014-01-01,1", ...bad.rows, ""].join("\n");
    const line = "text" in bad ? bad.line : 3;
    const error = refusal(() => parseSeries(text, "data/x.csv"));
    t.is(error.name, "SeriesError");
    t.is(error.code, bad.code);
    t.is(error.line, line);
    t.true(error.message.startsWith(`data/x.csv:${line}: `), error.message);
    t.true(error.message.includes(bad.says), error.message);
    t.regex(error.message, /accepted|missing/);
  });
}

test("a line is numbered as an editor does, also behind a field that has line breaks", (t) => {
  const rows = [HEADER, '"two\nlines",2014-01-01,1', '"two\nlines",2014-01-02,1', "b,2014-01-01,-5"];
  t.is(refusal(() => parseSeries(rows.join("\n"), "x.csv")).line, 6);
  t.is(refusal(() => parseSeries(rows.join("\r\n"), "x.csv")).line, 6);
});

test("a byte order mark before the header is skipped", (t) => {
  t.deepEqual(parseSeries(`\uFEFF${HEADER}\na,2016-02-28,1\na,2016-02-29,0.5\na,2016-03-01,.25`, "x.csv"), [
    { id: "a", start: "2016-02-28", quantities: [1, 0.5, 0.25] },
  ]);
});

test("whatever the text, it is parsed or refused with a line that it has", (t) => {
  const piece = fc.constantFrom(
    HEADER,
    "a",
    "2014-01-01",
    "2014-01-02",
    "1",
    ",",
    ",",
    '"',
    "\n",
    "\n",
    "\r\n",
    "\0",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, headed) => {
      const text = (headed ? `${HEADER}\n` : "") + pieces.join("");
      try {
        t.true(parseSeries(text, "x.csv").length > 0);
      } catch (error) {
        if (!(error instanceof SeriesError) || error.line === null) throw error;
        t.true(error.line >= 1 && error.line <= text.split("\n").length);
      }
    }),
    { numRuns: 500 },
  );
});

test("a file that is missing, a folder or not text is refused by its name", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everfull-series-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const missing = join(folder, "missing.csv");
  const error = refusal(() => readSeries(missing));
  t.is(error.code, "file");
  t.is(error.line, null);
  t.true(error.message.startsWith(`${missing}: `), error.message);
  t.is(refusal(() => readSeries(folder)).code, "file");

  const binary = join(folder, "binary.csv");
  writeFileSync(
    binary,
    Buffer.concat([Buffer.from(`${HEADER}\na,2014-01-01,1\n`), Buffer.from([0xff, 0xfe, 0x80])]),
  );
  const garbage = refusal(() => readSeries(binary));
  t.is(garbage.code, "text");
  t.is(garbage.line, 3);
});

test("the data of the demonstration is read whole", (t) => {
  const file = new URL("../../../../examples/household/data/appliance_cycles.csv", import.meta.url);
  const series = readSeries(file.pathname);
  t.deepEqual(
    series.map((one) => [one.id, one.quantities.length]),
    [
      ["refit_h2_washing_p0", 407],
      ["refit_h2_dishwasher_p0", 407],
      ["refit_h5_dishwasher_p1", 398],
      ["refit_h8_washing_p0", 392],
      ["refit_h10_dishwasher_p0", 300],
    ],
  );
  t.is(series[0]?.start, "2014-02-17");
});
