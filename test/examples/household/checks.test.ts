import test from "ava";
import { type CheckInput, checksOf } from "../../../examples/household/checks.js";
import type { DeviceReport, OrderReport } from "../../../examples/household/report.js";

const NAMES = {
  lead: "every order at least 7 days before it was needed",
  stock: "nothing ran out",
  orders: "one order at the service for each order cycle",
  status: "a status every day",
  account: "opening + refills + corrections - consumed = remaining",
  used: "what the gateway knows was used was used",
  refused: "no message refused",
};

function order(lead: number | null): OrderReport {
  return {
    cycle: 1,
    ordered: "2025-01-10",
    accepted: "2025-01-10",
    placed: "2025-01-10",
    shipped: null,
    delivered: null,
    neededBy: lead === null ? null : "2025-01-30",
    lead,
  };
}

function device(
  serial: string,
  orders: readonly OrderReport[],
  unserved: readonly number[] = [],
): DeviceReport {
  return {
    serial,
    title: serial,
    restarts: 0,
    messages: { up: 0, upBytes: 0, down: 0, downBytes: 0 },
    connections: 0,
    flash: { blocks: 16, erases: 0, written: 0 },
    steps: null,
    peakHeap: null,
    health: null,
    uplinks: [],
    warnings: [],
    slots: [
      {
        id: "tablets",
        title: serial,
        series: "a",
        unit: "count",
        capacity: 30,
        refill: 30,
        history: [],
        refills: [],
        stockOuts: unserved.map((missed) => ({ date: "2025-02-01", unserved: missed })),
        orders,
        lateOrders: 0,
        advice: null,
        meterError: 0,
      },
    ],
  };
}

type Book = CheckInput["books"][number];

const COUNTED: Book = {
  serial: "A",
  account: { opening: 30, refills: 30, corrections: -1, consumed: 40, remaining: 19, onHand: 0 },
  cycle: 1,
  counted: true,
  mayBeLost: 0,
  statusesReceived: 29,
  reportedConsumed: 40,
  trulyConsumed: 40,
};

const WEIGHED: Book = {
  ...COUNTED,
  serial: "B",
  counted: false,
  cycle: 2,
  reportedConsumed: 1029,
  trulyConsumed: 1000,
};

/** A run of 30 days and two devices in which all is well. */
const GOOD: CheckInput = {
  days: 30,
  devices: [device("A", [order(8)]), device("B", [order(7), order(null)])],
  refused: { replayed: 0, forged: 0 },
  orders: [{ serial: "A" }, { serial: "B" }, { serial: "B" }],
  books: [COUNTED, WEIGHED],
};

const failing = (input: CheckInput) =>
  checksOf(input)
    .filter(({ passed }) => !passed)
    .map(({ name }) => name);

test("a good run passes every check, and each says what was found", (t) => {
  const checks = checksOf(GOOD);
  t.deepEqual(
    checks.map(({ name, passed }) => [name, passed]),
    Object.values(NAMES).map((name) => [name, true]),
  );
  t.deepEqual(
    checks.map(({ found }) => found),
    [
      "least lead 7 days of 2 orders, 1 not needed yet",
      "no stock-out",
      "3 orders",
      "29 of 29, 29 of 29",
      "to the step",
      "40 of 40 steps, 1029 of 1000 steps",
      "none",
    ],
  );
});

test("an order that is not needed yet is no late order", (t) => {
  const input = { ...GOOD, devices: [device("A", [order(null)])] };
  t.is(checksOf(input)[0]!.found, "1 order, none needed yet");
  t.true(checksOf(input)[0]!.passed);
});

test("counted use may be short of what power cuts can have lost, and of no more; weighed use is not excused by them", (t) => {
  const books = (counted: Partial<Book>, weighed: Partial<Book> = {}) => ({
    ...GOOD,
    books: [
      { ...COUNTED, ...counted },
      { ...WEIGHED, ...weighed },
    ],
  });
  t.deepEqual(failing(books({ reportedConsumed: 39 })), [NAMES.used]);
  t.deepEqual(failing(books({ reportedConsumed: 39, mayBeLost: 1 })), []);
  t.deepEqual(failing(books({ reportedConsumed: 38, mayBeLost: 1 })), [NAMES.used]);
  t.deepEqual(failing(books({}, { reportedConsumed: 1031, mayBeLost: 100 })), [NAMES.used]);
});

test("an order less than 7 days ahead fails", (t) => {
  const input = { ...GOOD, devices: [device("A", [order(8)]), device("B", [order(6), order(30)])] };
  t.deepEqual(failing(input), [NAMES.lead]);
  t.true(checksOf(input)[0]!.found.startsWith("least lead 6 days of 3 orders"));
});

test("a day on which something was missing fails", (t) => {
  const input = { ...GOOD, devices: [device("A", [order(8)], [1, 2]), device("B", [order(7)])] };
  t.deepEqual(failing(input), [NAMES.stock]);
  t.is(checksOf(input)[1]!.found, "2 days with a stock-out");
});

test("an order too many or too few at the service fails, and names the device", (t) => {
  for (const serials of [
    ["A", "B"],
    ["A", "A", "B", "B"],
    ["B", "B", "B"],
  ]) {
    const input = { ...GOOD, orders: serials.map((serial) => ({ serial })) };
    t.deepEqual(failing(input), [NAMES.orders], serials.join());
  }
  t.is(checksOf({ ...GOOD, orders: [{ serial: "A" }, { serial: "B" }] })[2]!.found, "not so for B");
});

test("a day without a status, or with two, fails", (t) => {
  for (const statusesReceived of [0, 28, 30]) {
    const input = { ...GOOD, books: [COUNTED, { ...WEIGHED, statusesReceived }] };
    t.deepEqual(failing(input), [NAMES.status]);
    t.is(checksOf(input)[3]!.found, `29 of 29, ${statusesReceived} of 29`);
  }
});

test("an account that is a step off, or is not known, fails", (t) => {
  for (const field of ["opening", "refills", "corrections", "consumed", "remaining"] as const) {
    const account = { ...COUNTED.account!, [field]: COUNTED.account![field] + 1 };
    t.deepEqual(failing({ ...GOOD, books: [{ ...COUNTED, account }, WEIGHED] }), [NAMES.account], field);
  }
  const input = { ...GOOD, books: [COUNTED, { ...WEIGHED, account: undefined }] };
  t.deepEqual(failing(input), [NAMES.account]);
  t.is(checksOf(input)[4]!.found, "not so for B");
});

test("a counter may not be off by one step, nor may a status be missing", (t) => {
  for (const reportedConsumed of [39, 41, undefined])
    t.deepEqual(failing({ ...GOOD, books: [{ ...COUNTED, reportedConsumed }, WEIGHED] }), [NAMES.used]);
});

test("a scale may be off by 3 %, in either direction", (t) => {
  for (const [reportedConsumed, names] of [
    [970, []],
    [1030, []],
    [969, [NAMES.used]],
    [1031, [NAMES.used]],
  ] as const)
    t.deepEqual(failing({ ...GOOD, books: [COUNTED, { ...WEIGHED, reportedConsumed }] }), [...names]);
});

test("a scale may be off by 10 steps however little was used", (t) => {
  for (const [reportedConsumed, names] of [
    [80, []],
    [60, []],
    [81, [NAMES.used]],
    [59, [NAMES.used]],
  ] as const)
    t.deepEqual(failing({ ...GOOD, books: [COUNTED, { ...WEIGHED, reportedConsumed, trulyConsumed: 70 }] }), [
      ...names,
    ]);
});

test("a refused message fails, whatever the reason", (t) => {
  const input = { ...GOOD, refused: { replayed: 1, forged: 2 } };
  t.deepEqual(failing(input), [NAMES.refused]);
  t.is(checksOf(input).at(-1)!.found, "3 refused");
});
