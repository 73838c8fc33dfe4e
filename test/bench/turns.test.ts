import test from "ava";
import { EVENT } from "../../hal/boards/desktop/protocol.js";
import { testOnXs } from "../hal/simulator/support.js";
import type { Handled } from "./host.js";
import { journals } from "./recovery.js";
import { kindsOf, MonthOfTurns, monthOfTurns, STEPS_PER_MS, TURN_LIMIT, turnOf } from "./turns.js";

const NOTHING: Handled = {
  event: "timer",
  code: EVENT.timer,
  steps: 1,
  slots: 1,
  sent: [],
  written: 0,
  erased: 0,
  connected: false,
  pins: [],
  told: [],
};

test("a turn is named by its event and by what was done in it", (t) => {
  const kind = (handled: Partial<Handled>) => turnOf({ ...NOTHING, ...handled }).kind;
  t.is(kind({}), "timer");
  t.is(kind({ written: 8 }), "timer, committed");
  t.is(kind({ connected: true }), "visit begins");
  t.is(kind({ pins: [0] }), "load cell: sample, meter");
  const told = [{ kind: "dayClosed" }, { kind: "intended" }];
  t.is(kind({ told: told.slice(0, 1), connected: true }), "midnight: day closed, first slot reported");
  t.is(kind({ told }), "midnight: day closed, first slot reported, 1 ordered");
  t.is(kind({ told: told.slice(1), written: 8 }), "slot reported, 1 ordered");
  t.is(kind({ sent: [40] }), "visit: 1 sealed and sent");
  t.is(kind({ written: 1000, erased: 1 }), "next block begun");
  t.is(kind({ code: EVENT.ioReadable, pins: [22], written: 8 }), "refill button, committed");
  t.is(kind({ code: EVENT.mqttControl, sent: [40, 40] }), "visit: subscribed, 2 sealed and sent");
  t.is(
    kind({ code: EVENT.mqttMessage, told: [{ kind: "order" }, { kind: "order" }] }),
    "visit: answer with 2 order events",
  );
});

/** Bytecode steps. Within half of what an ESP32 does in the time that a turn may take at least, so that it holds where the estimate is high, but for what is noise here. */
const LONGEST_TURN = 1.1 * TURN_LIMIT * STEPS_PER_MS.least;

test("kinds of turns are sorted by their longest, with its bytes and erases", (t) => {
  const turn = (kind: string, steps: number, erased = 0) => ({ kind, steps, written: 2 * steps, erased });
  t.deepEqual(kindsOf([turn("a", 5), turn("b", 9), turn("a", 1, 2), turn("a", 3)]), [
    { kind: "b", count: 1, median: 9, most: 9, written: 18, erased: 0 },
    { kind: "a", count: 3, median: 3, most: 5, written: 10, erased: 2 },
  ]);
});

testOnXs("a month has turns of every kind, each with its steps", async (t) => {
  const turns = await monthOfTurns(journals().at(-1)!);
  const kinds = kindsOf(turns);
  t.true(turns.every(({ steps }) => steps > 0));
  for (const kind of [
    "start, empty flash",
    "start, after a power cut",
    "start, full 64 KB journal",
    "midnight: day closed, first slot reported",
    "slot reported, 1 ordered",
    "next block begun",
    "visit: answer with 2 order events",
    "visit: subscribed, 1 sealed and sent",
    "visit: 1 sealed and sent",
    "load cell: sample, meter, committed",
    "refill button, committed",
  ])
    t.true(
      kinds.some((one) => one.kind === kind),
      kind,
    );
  t.is(
    kinds.filter(({ kind }) => kind.startsWith("midnight")).reduce((sum, { count }) => sum + count, 0),
    31,
  );
  t.true(kinds.some(({ erased }) => erased > 0));
  for (const { kind, most } of kinds) t.true(most <= LONGEST_TURN, `${kind}: ${most} steps`);
  t.log(
    kinds
      .slice(0, 6)
      .map(({ kind, most }) => `${kind}: ${most}`)
      .join("; "),
  );
});

testOnXs("two runs of a month take the same turns, step for step", async (t) => {
  const run = async () => {
    const month = new MonthOfTurns("xs");
    await month.start("empty flash");
    for (let day = 0; day < 3; day++) await month.day(day);
    await month.cut();
    return month.turns.map(({ kind, steps }) => [kind, steps]);
  };
  t.deepEqual(await run(), await run());
});
