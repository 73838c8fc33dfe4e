import test from "ava";
import fc from "fast-check";
import { VirtualClock } from "../../../hal/simulator/index.js";

const START = Date.UTC(2025, 0, 1);

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("tasks run in the order of their times, and in the order of scheduling at one time", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ time: fc.integer({ min: 0, max: 20 }), cancel: fc.boolean() }), { maxLength: 60 }),
      async (entries) => {
        const clock = new VirtualClock(START);
        const ran: [number, number][] = [];
        const handles = entries.map(({ time }, index) =>
          clock.at(START + time, () => void ran.push([index, clock.now() - START])),
        );
        entries.forEach(({ cancel }, index) => {
          if (cancel) handles[index]!.cancel();
        });
        await clock.runUntil(START + 20);
        const expected = entries
          .map(({ time, cancel }, index) => ({ time, cancel, index }))
          .filter(({ cancel }) => !cancel)
          // Array.prototype.sort is stable.
          .sort((a, b) => a.time - b.time)
          .map(({ time, index }) => [index, time] as [number, number]);
        t.deepEqual(ran, expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("only what is due by the end runs, and the clock is then at the end", async (t) => {
  const clock = new VirtualClock(START);
  const ran: string[] = [];
  clock.at(START + 10, () => void ran.push("at the end"));
  clock.at(START + 11, () => void ran.push("after it"));
  await clock.runUntil(START + 10);
  t.deepEqual(ran, ["at the end"]);
  t.is(clock.now(), START + 10);
  await clock.runUntil(START + 100);
  t.deepEqual(ran, ["at the end", "after it"]);
  t.is(clock.now(), START + 100);
  await clock.runUntil(START + 50);
  t.is(clock.now(), START + 100, "it never goes back");
});

test("a task may schedule and cancel others; what is due in the past runs now", async (t) => {
  const clock = new VirtualClock(START);
  const ran: [string, number][] = [];
  const note = (name: string) => () => void ran.push([name, clock.now() - START]);
  const later = clock.at(START + 7, note("cancelled"));
  clock.at(START + 5, () => {
    note("first")();
    clock.at(START + 1, note("overdue"));
    clock.at(START + 6, note("next"));
    later.cancel();
  });
  clock.at(START + 5, note("second"));
  await clock.runUntil(START + 10);
  t.deepEqual(ran, [
    ["first", 5],
    ["second", 5],
    ["overdue", 5],
    ["next", 6],
  ]);
});

test("time stands still while a task has not settled or an activity is open", async (t) => {
  const clock = new VirtualClock(START);
  const ran: string[] = [];
  clock.at(START + 1, async () => {
    const done = clock.activity.begin("a message in flight");
    void (async () => {
      for (let i = 0; i < 5; i++) await turn();
      ran.push(`arrived at ${clock.now() - START}`);
      done();
    })();
    await turn();
    ran.push(`sent at ${clock.now() - START}`);
  });
  clock.at(START + 2, () => void ran.push("next"));
  await clock.runUntil(START + 2);
  t.deepEqual(ran, ["sent at 1", "arrived at 1", "next"]);
});

test("nothing runs before what was under way at first has ended", async (t) => {
  const clock = new VirtualClock(START);
  const done = clock.activity.begin("starting");
  let ran = false;
  clock.at(START, () => {
    ran = true;
  });
  const running = clock.runUntil(START);
  for (let i = 0; i < 5; i++) await turn();
  t.false(ran);
  done();
  await running;
  t.true(ran);
});

test("activities are counted one by one, and ending one twice ends it once", async (t) => {
  const { activity } = new VirtualClock(START);
  const endA = activity.begin("same");
  const endB = activity.begin("same");
  endA();
  endA();
  t.deepEqual(activity.pending, ["same"]);
  await t.throwsAsync(activity.idle(10), { message: /did not end.*same/ });
  endB();
  t.deepEqual(activity.pending, []);
  await activity.idle(10);
});

test("idle goes on waiting when something new begins as the last thing ends", async (t) => {
  const { activity } = new VirtualClock(START);
  const endA = activity.begin("a");
  let idle = false;
  const waiting = activity.idle(5000).then(() => {
    idle = true;
  });
  endA();
  const endB = activity.begin("b");
  for (let i = 0; i < 3; i++) await turn();
  t.false(idle);
  endB();
  await waiting;
  t.true(idle);
});

test("what does not end is named, and what follows does not run", async (t) => {
  const clock = new VirtualClock(START, { patience: 30 });
  let ran = false;
  clock.at(START + 1, () => {
    clock.activity.begin("ended")();
    clock.activity.begin("publishing to everfull/X/up");
    clock.activity.begin("event 7 of X");
  });
  clock.at(START + 2, () => {
    ran = true;
  });
  const error = await t.throwsAsync(clock.runUntil(START + 5));
  t.is(error.message, "simulation: did not end within 0.03 s: publishing to everfull/X/up; event 7 of X");
  t.false(ran);
});

test("a task that never settles is named by its time", async (t) => {
  const clock = new VirtualClock(START, { patience: 30 });
  clock.at(START + 1500, () => new Promise(() => {}));
  await t.throwsAsync(clock.runUntil(START + 5000), {
    message: "simulation: did not end within 0.03 s: the task of 2025-01-01T00:00:01.500Z",
  });
});

test("what a task throws ends the run, and the rest runs when it is continued", async (t) => {
  for (const fail of [
    () => {
      throw new Error("burnt");
    },
    async () => {
      await turn();
      throw new Error("burnt");
    },
  ]) {
    const clock = new VirtualClock(START);
    let ran = false;
    clock.at(START + 1, fail);
    clock.at(START + 2, () => {
      ran = true;
    });
    await t.throwsAsync(clock.runUntil(START + 5), { message: "burnt" });
    t.false(ran);
    t.is(clock.now(), START + 1);
    await clock.runUntil(START + 5);
    t.true(ran);
  }
});

test("a time that is no number is refused, not put anywhere in the order", (t) => {
  const clock = new VirtualClock(START);
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY])
    t.throws(() => clock.at(time, () => {}), { message: /a finite time .* is accepted/ });
});
