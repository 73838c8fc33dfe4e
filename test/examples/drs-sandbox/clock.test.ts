import test from "ava";
import fc from "fast-check";
import { AdjustableClock } from "../../../examples/drs-sandbox/index.js";

const START = Date.UTC(2030, 0, 1);

test("a clock that stands still runs everything at its own time, in order, and waits for it", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 20 }), async (delays) => {
      const clock = new AdjustableClock({ start: START, ticks: false });
      const ran: [number, number][] = [];
      let running = 0;
      delays.forEach((delay, index) => {
        clock.at(START + delay, async () => {
          running += 1;
          ran.push([clock.now() - START, index]);
          await Promise.resolve();
          t.is(running, 1, "one at a time");
          running -= 1;
        });
      });
      await Promise.all([clock.advance(400), clock.advance(600)]);
      t.is(clock.now(), START + 1000);
      const wanted = delays
        .map((delay, index): [number, number] => [delay, index])
        .sort(([a, i], [b, j]) => a - b || i - j);
      t.deepEqual(ran, wanted);
    }),
  );
});

test("what is due now runs without an advance; what is due later does not", async (t) => {
  const clock = new AdjustableClock({ start: START, ticks: false });
  let later = false;
  clock.at(START + 1, () => {
    later = true;
  });
  const keep = setTimeout(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    clock.at(START, resolve);
  });
  clearTimeout(keep);
  t.false(later);
  await clock.advance(1);
  t.true(later);
});

test("a clock that ticks goes with the host's, from where it was moved to", async (t) => {
  const clock = new AdjustableClock({ ticks: true });
  const before = Date.now();
  await clock.advance(86_400_000);
  t.true(clock.now() >= before + 86_400_000);
  const keep = setTimeout(() => {}, 60_000);
  const at = await new Promise<number>((resolve) => {
    const time = clock.now() + 5;
    clock.at(time, () => resolve(clock.now() - time));
  });
  clearTimeout(keep);
  t.true(at >= 0, "not before its time");
});

test("what was taken back does not run, and what throws is told to who advances", async (t) => {
  const clock = new AdjustableClock({ start: START, ticks: false });
  clock.at(START + 1, () => t.fail()).cancel();
  clock.at(START + 2, () => {
    throw new Error("broken");
  });
  await t.throwsAsync(clock.advance(5), { message: "broken" });
  t.is(clock.now(), START + 2);
  await clock.advance(3);
  t.is(clock.now(), START + 5);
});
