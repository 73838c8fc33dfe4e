import test from "ava";
import fc from "fast-check";
import { printReport, verdict } from "../../../examples/household/print.js";
import type { HealthReport, RunReport } from "../../../examples/household/report.js";
import { dateAfter, deviceOf, orderOf, reportOf, slotOf } from "./report-fixture.js";

const PLAIN = { width: 100, colour: false, unicode: true };
const print = (report: RunReport, options = PLAIN) => printReport(report, options).split("\n");
const days = (count: number) => new Array<number>(count).fill(10);

test("every order has its line in the table, with - for what has not happened", (t) => {
  const orders = [
    orderOf(),
    orderOf({ cycle: 12, placed: null, shipped: null, delivered: null, neededBy: null, lead: null }),
  ];
  const lines = print(reportOf([deviceOf([slotOf(days(60), { orders })])]));
  const head = lines.findIndex((line) => line.startsWith("cycle"));
  t.deepEqual(lines[head]?.split(/ {2,}/), [
    "cycle",
    "ordered",
    "placed",
    "shipped",
    "delivered",
    "needed by",
    "lead days",
  ]);
  t.deepEqual(lines[head + 1]?.trim().split(/\s+/), [
    "1",
    "2014-03-01",
    "2014-03-02",
    "2014-03-03",
    "2014-03-06",
    "2014-03-10",
    "9",
  ]);
  t.deepEqual(lines[head + 2]?.trim().split(/\s+/), ["12", "2014-03-01", "-", "-", "-", "-", "-"]);
});

test("what a device did is told in numbers and units", (t) => {
  const text = printReport(
    reportOf([deviceOf([slotOf(days(60), { meterError: 0.30000000000000004 })])]),
    PLAIN,
  );
  for (const found of [
    /^messages up +4, 1,234 bytes, 308\.5 each on average$/m,
    /^messages down +2, 90 bytes, 45 each on average$/m,
    /^flash +7 erases of 16 blocks, 12,345 bytes written$/m,
    /^restarts +3$/m,
    /^steps a day +250,000 on average, 390,000 at most$/m,
    /^peak heap +14,336 bytes of slots in use, as on a 32-bit chip$/m,
    /^stock-outs: none; late orders: none; largest meter error: 0\.3 tablets$/m,
    /^refused messages +none$/m,
    /^DRS calls +Replenish 1$/m,
  ])
    t.regex(text, found);
});

test("the newest health record is told, with what was told in it", (t) => {
  const told = (health: HealthReport | null) =>
    printReport(reportOf([deviceOf([slotOf(days(60))], { health })]), PLAIN).match(/^health +(.*)$/m)![1];
  t.is(told(null), "not told yet");
  const health: HealthReport = {
    date: "2014-04-20",
    version: "1.4.12",
    resets: { unknown: 0, power: 3, brownout: 1 },
    leastFree: 18_432,
    mostErases: 1,
    dropped: 0,
    clock: "trusted",
    settings: 2,
  };
  t.is(
    told(health),
    "on 2014-04-20: firmware 1.4.12, starts: power 3, brownout 1, clock trusted, 1 erase of a block at most, " +
      "0 messages replaced, 18,432 bytes of heap left at least, settings 2",
  );
  t.notRegex(told({ ...health, leastFree: null, settings: 0 })!, /heap|settings/);
});

test("an engine that does not count steps or heap is said to", (t) => {
  const device = deviceOf([slotOf(days(60))], { steps: null, peakHeap: null });
  const text = printReport(reportOf([device], { engine: "node" }), PLAIN);
  t.regex(text, /^engine node/m);
  t.regex(text, /^steps a day +not counted by this engine$/m);
  t.regex(text, /^peak heap +not measured by this engine$/m);
});

test("the marks are explained once, however many slots there are", (t) => {
  const device = deviceOf([slotOf(days(60)), slotOf(days(60), { id: "b", title: "Other" })]);
  const lines = print(reportOf([device, deviceOf([slotOf(days(60))], { serial: "EF-2" })]));
  t.is(lines.filter((line) => line.includes("O ordered")).length, 1);
  t.is(lines.filter((line) => line.includes("what remains of")).length, 3);
});

test("stock-outs are listed with their dates, many of them only counted", (t) => {
  const stockOuts = Array.from({ length: 8 }, (_, day) => ({
    date: dateAfter("2014-03-01", day),
    unserved: 1.5,
  }));
  const few = printReport(
    reportOf([deviceOf([slotOf(days(60), { stockOuts: stockOuts.slice(0, 2) })])]),
    PLAIN,
  );
  t.regex(few, /^stock-outs: 2: 2014-03-01 \(1\.5 tablets short\), 2014-03-02 \(1\.5 tablets short\);/m);
  const many = printReport(reportOf([deviceOf([slotOf(days(60), { stockOuts })])]), PLAIN);
  t.regex(many, /^stock-outs: 8: 2014-03-01 .*2014-03-05 \(1\.5 tablets short\), 3 more;/m);
});

test("late orders are counted, and what the maker should think about is told", (t) => {
  const text = printReport(
    reportOf([deviceOf([slotOf(days(60), { lateOrders: 2, advice: "a refill lasts 45 days" })])]),
    PLAIN,
  );
  t.regex(text, /^stock-outs: none; late orders: 2; .*\nadvice: a refill lasts 45 days$/m);
  t.notRegex(printReport(reportOf([deviceOf([slotOf(days(60))])]), PLAIN), /advice/);
});

test("refused messages, warnings and checks are told", (t) => {
  const report = reportOf([deviceOf([slotOf(days(60))], { warnings: ["the clock jumped"] })], {
    refused: { replayed: 2, unsealed: 1, torn: 0 },
    checks: [
      { name: "nothing ran out", passed: true, found: "no stock-out" },
      { name: "no message refused", passed: false, found: "3 refused" },
    ],
  });
  const text = printReport(report, PLAIN);
  t.regex(text, /^refused messages +replayed 2, unsealed 1$/m);
  t.regex(text, /^warning: the clock jumped$/m);
  t.regex(text, /^✓ nothing ran out: no stock-out$/m);
  t.regex(text, /^✗ no message refused: 3 refused$/m);
  const ascii = printReport(report, { ...PLAIN, unicode: false });
  t.regex(ascii, /^ok {3}nothing ran out: no stock-out$/m);
  t.regex(ascii, /^FAIL no message refused: 3 refused$/m);
  t.regex(ascii, /^[\x20-\x7e\n]*$/);
});

const VERDICTS: readonly (readonly [string, string, Partial<RunReport>, ...(number | null)[]])[] = [
  ["all orders in time", "180 days: 3 orders, all at least 7 days ahead, no stock-out.", {}, 9, 7, 30],
  ["one order", "180 days: 1 order, 8 days ahead, no stock-out.", {}, 8],
  ["no order", "180 days: no order, no stock-out.", {}],
  ["a late order", "180 days: 3 orders, 1 less than 7 days ahead, no stock-out.", {}, 9, 6, null],
  [
    "an order not needed yet",
    "180 days: 2 orders, 1 at least 9 days ahead and 1 not needed yet, no stock-out.",
    {},
    9,
    null,
  ],
  ["only orders not needed yet", "180 days: 2 orders, none needed yet, no stock-out.", {}, null, null],
  [
    "a failed check",
    "180 days: 1 order, 9 days ahead, no stock-out, 1 of 2 checks failed.",
    {
      checks: [
        { name: "a", passed: false, found: "" },
        { name: "b", passed: true, found: "" },
      ],
    },
    9,
  ],
  ["a single day", "1 day: no order, no stock-out.", { days: 1 }],
];

for (const [what, sentence, fields, ...leads] of VERDICTS) {
  test(`the last line gives the verdict: ${what}`, (t) => {
    const orders = leads.map((lead, at) => orderOf({ cycle: at + 1, lead }));
    const report = reportOf([deviceOf([slotOf(days(60), { orders })])], { days: 180, ...fields });
    t.is(verdict(report), sentence);
    t.deepEqual(print(report).slice(-2), [sentence, ""]);
  });
}

test("the verdict counts the orders and stock-outs of all slots of all devices", (t) => {
  const slot = slotOf(days(60), {
    orders: [orderOf()],
    stockOuts: [{ date: "2014-03-01", unserved: 1 }],
  });
  const report = reportOf([deviceOf([slot, slot]), deviceOf([slot])]);
  t.is(verdict(report), "60 days: 3 orders, all at least 9 days ahead, 3 stock-outs.");
});

test("no report is printed with a hole in it", (t) => {
  const whole = fc.constantFrom(0, 1, 17, 1e6);
  const date = fc.constantFrom(null, "2014-02-20", "2014-03-05T10:00:00.000Z");
  const order = fc.record({
    cycle: whole,
    ordered: fc.constant("2014-03-01"),
    accepted: date,
    placed: date,
    shipped: date,
    delivered: date,
    neededBy: date,
    lead: fc.constantFrom(null, -3, 0, 7),
  });
  const device = fc
    .record({
      orders: fc.array(order, { maxLength: 3 }),
      length: fc.integer({ min: 1, max: 200 }),
      capacity: fc.constantFrom(0, 0.1, 30, 700),
      restarts: whole,
      messages: fc.record({ up: whole, upBytes: whole, down: whole, downBytes: whole }),
      flash: fc.record({ blocks: whole, erases: whole, written: whole }),
      steps: fc.option(fc.record({ mean: fc.constantFrom(0, Number.NaN, 1.5), most: whole })),
      peakHeap: fc.option(whole),
    })
    .map(({ orders, length, capacity, ...fields }) =>
      deviceOf([slotOf(new Array<number>(length).fill(capacity / 2), { orders, capacity })], fields),
    );
  fc.assert(
    fc.property(
      fc.array(device, { maxLength: 2 }),
      fc.constantFrom(0, 1.25),
      fc.boolean(),
      fc.boolean(),
      (devices, seconds, colour, unicode) => {
        const text = printReport(reportOf(devices, { seconds, drs: {}, checks: [] }), {
          width: 100,
          colour,
          unicode,
        });
        t.notRegex(text, /NaN|undefined|null|Infinity|-0\b(?!\d)|\[object|T10:00/);
        t.true(text.endsWith(".\n"));
      },
    ),
    { numRuns: 200 },
  );
});
