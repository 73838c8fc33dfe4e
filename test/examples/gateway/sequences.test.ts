import test from "ava";
import fc from "fast-check";
import { ALL_SEEN, type Seen, see, WINDOW } from "../../../examples/gateway/sequences.js";

const NEW: Seen = { highWater: 0, recent: 0 };

/** Which sequences are accepted, in the order they come. */
function accepted(sequences: readonly number[], seen = NEW): boolean[] {
  return sequences.map((sequence) => {
    const next = see(seen, sequence);
    seen = next ?? seen;
    return next !== undefined;
  });
}

test("each sequence is accepted once, also one that others have overtaken", (t) => {
  t.deepEqual(accepted([1, 2, 2, 1, 5, 4, 4, 3, 5]), [
    true,
    true,
    false,
    false,
    true,
    true,
    false,
    true,
    false,
  ]);
});

test("what is older than the window is not accepted, whether it was seen or not", (t) => {
  t.deepEqual(accepted([1, 3 + WINDOW, 3, 2, 1]), [true, true, true, false, false]);
  t.deepEqual(accepted([2, 1000, 1000 - WINDOW, 999 - WINDOW, 999]), [true, true, true, false, true]);
});

test("of a device from before the window nothing below the high-water mark is accepted", (t) => {
  t.deepEqual(accepted([40, 39, 10, 41, 40, 44, 42], { highWater: 40, recent: ALL_SEEN }), [
    false,
    false,
    false,
    true,
    false,
    true,
    true,
  ]);
});

test("it agrees with a set of everything seen, in any order and up to the end of sequences", (t) => {
  const sequences = fc
    .tuple(
      fc.constantFrom(1, 1000, 2 ** 31 - 40, 2 ** 32 - 200),
      fc.array(fc.nat({ max: 90 }), { maxLength: 120 }),
    )
    .map(([first, steps]) => steps.map((step) => first + step));
  fc.assert(
    fc.property(sequences, (list) => {
      const model = new Set<number>();
      let high = 0;
      const expected = list.map((sequence) => {
        const is = sequence > high || (sequence >= high - WINDOW && !model.has(sequence));
        if (is) model.add(sequence);
        high = Math.max(high, sequence);
        return is;
      });
      t.deepEqual(accepted(list), expected);
    }),
    { numRuns: 500 },
  );
});
