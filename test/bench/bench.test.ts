import test from "ava";
import { testOnXs } from "../hal/simulator/support.js";
import { deviceFigures, heapFigures } from "./device.js";
import { messageFigures } from "./messages.js";
import { BUSY, NORMAL } from "./profiles.js";
import { journals, openJournal } from "./recovery.js";
import { type Compared, type Measured, measure, measureInNode, STORES, warmWeek, year } from "./storage.js";
import { Stream } from "./stream.js";
import { median, sum, table } from "./table.js";

async function inNode(): Promise<{ [store in Compared]: Measured }> {
  const [journal, event, day] = await Promise.all(
    STORES.map((store) => measureInNode(store, warmWeek(NORMAL))),
  );
  return { journal: journal!, event: event!, day: day! };
}

test("the stream is the same every time, and has orders, answers and refills in it", (t) => {
  const tasks = () => {
    const stream = new Stream(NORMAL);
    return Array.from({ length: 60 }, () => stream.next()).flat();
  };
  const first = tasks();
  t.deepEqual(first, tasks());
  const count = (kind: string) => first.filter((task) => task.do === kind).length;
  t.is(count("use"), 60 * 4 * NORMAL.commits);
  t.true(count("refill") >= 4);
  t.is(count("start"), 9);
  const states = first.flatMap((task) => (task.do === "answer" ? task.events.map(({ state }) => state) : []));
  t.deepEqual([...new Set(states)], ["accepted", "placed", "shipped"]);
});

test("the three stores end in the same state", async (t) => {
  const { journal, event, day } = await inNode();
  t.is(event.state, journal.state);
  t.is(day.state, journal.state);
});

test("the journal programs fewer bytes of an event than a rewrite, and of a day", async (t) => {
  const { journal, event } = await inNode();
  t.true(sum(journal.bytes.events) < sum(event.bytes.events) / 50);
  t.true(sum(journal.bytes.days) < sum(event.bytes.days) / 50);
});

test("a busy device wears 64 KB so little that it lasts 100 years, and loses nothing that was committed", (t) => {
  const { stores } = year(BUSY, 21);
  t.true(stores.journal.years >= 100, `${stores.journal.years} years`);
  t.true(stores.journal.years > 10 * stores.event.years);
  const nothing = { events: 0, steps: 0, answers: 0 };
  t.deepEqual(stores.journal.lost, nothing);
  t.deepEqual(stores.event.lost, nothing);
  t.is(stores.day.lost.events, 4 * BUSY.commits);
});

test("journals are found at every fill", (t) => {
  t.deepEqual(
    journals().map(({ ring, newest }) => [ring, Math.floor(20 * newest) / 20]),
    [
      [0.25, 0.95],
      [0.5, 0.95],
      [1, 0.25],
      [1, 0.5],
      [1, 0.95],
    ],
  );
});

test("a table has aligned columns, numbers to the right", (t) => {
  t.is(
    table(
      ["what", "n"],
      [
        ["a", 1234],
        ["bcd ef", undefined],
      ],
    ),
    "  what        n\n  ------  -----\n  a       1,234\n  bcd ef      -",
  );
});

testOnXs("what XS writes is what Node writes, and an event is within its steps", async (t) => {
  const node = await inNode();
  for (const store of STORES) {
    const xs = await measure("xs", store, warmWeek(NORMAL));
    t.is(xs.state, node[store].state);
    t.deepEqual(xs.bytes, node[store].bytes);
    t.deepEqual(xs.erases, node[store].erases);
    if (store === "journal") t.true(median(xs.steps.events) <= 25_000);
  }
});

testOnXs("a full journal is opened within its steps", async (t) => {
  const { steps, bytesRead } = await openJournal("xs", journals().at(-1)!);
  t.true(steps <= 3_000_000, `${steps} steps`);
  t.true(bytesRead < 3 * 4096, `${bytesRead} bytes`);
});

testOnXs("the whole device keeps within its steps and its message size", async (t) => {
  const figures = await deviceFigures(journals().at(-1)!, 12);
  t.true(median(figures.event) <= 25_000);
  for (const [day, steps] of figures.close.entries())
    t.true(steps > 0 && figures.seal[day]! > 0 && steps + figures.seal[day]! <= 400_000);
  t.true(figures.statusBytes > 21 && figures.statusBytes <= 52, `${figures.statusBytes} bytes`);
  t.true(figures.recovery <= 3_000_000, `${figures.recovery} steps`);
});

testOnXs("the heap of a device keeps within what it takes today, and a slot more takes little", async (t) => {
  const full = journals().at(-1)!;
  const one = await heapFigures(1, full, 4, 2);
  const four = await heapFigures(4, full, 4, 2);
  for (const { rest } of [one, four])
    for (const { slots, slotBytes, chunkBytes } of rest) {
      t.is(slotBytes, 16 * slots);
      t.true(slots > 0 && chunkBytes > 0);
    }
  // The statuses of four slots, and the poll of a visit that found no broker.
  for (const queued of four.queued.slice(-2)) t.true(queued >= 5, `${queued} messages`);
  const most = (use: typeof one.rest) =>
    Math.max(...use.map(({ slotBytes, chunkBytes }) => slotBytes + chunkBytes));
  // The budget is 16 KB; what is above it is known, and shall not grow. 600 bytes are for turns that end soon: subkeys kept, slices of the journal.
  t.true(most(one.rest) <= 21 * 1024, `${most(one.rest)} bytes`);
  t.true(most(four.rest) <= 26 * 1024, `${most(four.rest)} bytes`);
  t.true(most(four.rest) - most(one.rest) <= 3 * 2500);
});

testOnXs(
  "a sealed message is smaller than a signed JSON, and costs a hundredth to make and to open",
  async (t) => {
    const figures = await messageFigures("xs");
    const of = (message: string, form: string) =>
      figures.find((found) => found.message === message && found.form === form)!;
    for (const message of ["status", "order"]) {
      const sealed = of(message, "sealed");
      const signed = of(message, "signed");
      t.true(sealed.bytes <= 52, `${sealed.bytes} bytes`);
      t.true(signed.bytes > 4 * sealed.bytes);
      for (const step of ["protect", "open"] as const)
        t.true(signed.steps![step] > 100 * sealed.steps![step], step);
    }
  },
);
