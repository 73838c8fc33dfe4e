import test from "ava";
import fc from "fast-check";
import { Metered } from "../../../sdk/metering/metered.js";

const SLOTS = 2;
const step = fc.oneof(
  fc.record({ kind: fc.constant("consume" as const), slot: fc.nat(SLOTS - 1), steps: fc.nat(50) }),
  fc.record({
    kind: fc.constant("refill" as const),
    slot: fc.nat(SLOTS - 1),
    steps: fc.integer({ min: 1, max: 50 }),
  }),
);

/** Takes everything out, oldest first. */
function drained(metered: Metered): { use: number[]; refill: unknown }[] {
  const stretches = [];
  while (!metered.isEmpty) {
    const { use, refill } = metered.first;
    stretches.push({ use: [...use], refill });
    metered.shift();
  }
  return stretches;
}

test("what was metered comes out in order, whole, and is seen applied before that", (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(200), (steps, opening) => {
      const metered = new Metered(SLOTS);
      const remaining = new Array(SLOTS).fill(opening);
      const consumed = new Array(SLOTS).fill(0);
      const expected: { use: number[]; refill: unknown }[] = [{ use: [0, 0], refill: undefined }];
      for (const { kind, slot, steps: amount } of steps) {
        const last = expected.at(-1)!;
        if (kind === "consume") {
          metered.consume(slot, amount);
          last.use[slot]! += amount;
          consumed[slot] += amount;
          remaining[slot] = Math.max(0, remaining[slot] - amount);
        } else {
          metered.refill(slot, amount);
          last.refill = { slot, steps: amount };
          expected.push({ use: [0, 0], refill: undefined });
          remaining[slot] += amount;
        }
      }
      const refills = expected.length - 1;
      for (let slot = 0; slot < SLOTS && refills <= 32; slot++) {
        const applied = metered.applied(slot, opening);
        if (applied.remaining !== remaining[slot] || applied.consumed !== consumed[slot]) return false;
      }
      if (expected.at(-1)!.use.every((used) => used === 0)) expected.pop();
      return refills > 32 || JSON.stringify(drained(metered)) === JSON.stringify(expected);
    }),
  );
  t.pass();
});

test("however many refills wait, they take a bounded room, and no step is lost", (t) => {
  const metered = new Metered(2);
  for (let i = 0; i < 1000; i++) {
    metered.consume(i % 2, 3);
    metered.refill((i + 1) % 2, 5);
  }
  metered.consume(0, 1);
  const stretches = drained(metered);
  t.true(stretches.length <= 34, `${stretches.length}`);
  t.is(
    stretches.reduce((sum, { use }) => sum + use[0]! + use[1]!, 0),
    3001,
  );
  t.is(
    stretches.reduce((sum, { refill }) => sum + ((refill as { steps: number } | undefined)?.steps ?? 0), 0),
    5000,
  );
  t.true(metered.isEmpty);
});

test("refills that are added together take nothing from what remains", (t) => {
  const metered = new Metered(1);
  for (let i = 0; i < 60; i++) {
    metered.refill(0, 100);
    metered.consume(0, 80);
  }
  t.deepEqual(metered.applied(0, 0), { remaining: 1200, consumed: 4800 });
  let remaining = 0;
  for (const { use, refill } of drained(metered)) {
    t.true(use[0]! <= remaining, "no use was more than was there");
    remaining += ((refill as { steps: number } | undefined)?.steps ?? 0) - use[0]!;
  }
  t.is(remaining, 1200);
});
