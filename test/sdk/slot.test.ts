import test from "ava";
import fc from "fast-check";
import { EverfullError } from "../../sdk/errors.js";
import { Stock } from "../../sdk/ledger/index.js";
import { checkedSlots, MOST_SLOTS, type SlotOptions } from "../../sdk/slot.js";

const SOAP: SlotOptions = {
  id: "soap",
  unit: "milliliters",
  stepsPerUnit: 10,
  capacity: 1000,
  refill: 900,
  ratedLife: 30,
};

/** The message that refuses the change. */
function refusal(change: object): string {
  try {
    checkedSlots([{ ...SOAP, ...change }]);
  } catch (error) {
    if (error instanceof EverfullError && error.code === "options") return error.message;
    throw error;
  }
  return "accepted";
}

test("what is left out has its default", (t) => {
  t.deepEqual(checkedSlots([SOAP]), [
    {
      ...SOAP,
      opening: 1000,
      smallestUse: 0,
      noise: 0,
      sensing: "count",
      policy: { leadDays: 7, reserveDays: 1, epsilon: 0.03, graceDays: 2, unknownClockShare: 0 },
    },
  ]);
});

test("what is given is kept", (t) => {
  const full = {
    ...SOAP,
    opening: 10,
    smallestUse: 3,
    noise: 2.5,
    sensing: "level" as const,
    policy: { leadDays: 14, reserveDays: 0, epsilon: 0.2, graceDays: 0, unknownClockShare: 0.2 },
  };
  t.deepEqual(checkedSlots([full]), [full]);
});

/** A field, what is accepted, and values that are not. */
const REFUSED: readonly (readonly [string, string, readonly unknown[]])[] = [
  ["unit", "a unit's name", ["", undefined, 5]],
  [
    "stepsPerUnit",
    "a whole number of steps from 1 to 65535",
    [0, -1, 1.5, 65536, Number.NaN, "10", undefined],
  ],
  [
    "capacity",
    "a whole number of steps from 1 to 65535",
    [0, -3, 0.5, 65536, Number.NaN, "1000", undefined, null],
  ],
  ["refill", "a whole number of steps from 1 to 65535", [0, -1, 900.5, 65536, undefined]],
  ["opening", "a whole number of steps from 0 to 65535", [-1, 0.5, 65536, Number.POSITIVE_INFINITY]],
  ["ratedLife", "a number of days from 0.01 to below 10000", [0, -5, 0.009, 10000, Number.NaN, undefined]],
  ["smallestUse", "a whole number of steps from 0 to 1000", [-1, 0.5, 1001]],
  ["noise", "a number of steps from 0 to the capacity", [-0.1, 1000, Number.NaN]],
  ["sensing", '"count" or "level"', ["weight", ""]],
];
const REFUSED_POLICY: typeof REFUSED = [
  ["leadDays", "a whole number of days from 7 to 365", [6, 0, -7, 7.5, 366, Number.NaN]],
  ["reserveDays", "a whole number of days from 0 to 365", [-1, 0.5, 366]],
  ["epsilon", "a probability above 0 and below 1", [0, 1, -0.1, 2, Number.NaN]],
  ["graceDays", "a whole number of days from 0 to 365", [-1, 1.5, 366]],
  ["unknownClockShare", "a share from 0 to 1", [-0.1, 1.1, Number.NaN]],
];

test("a refused field is told with its slot, its value and what is accepted", (t) => {
  for (const [field, accepted, values] of REFUSED)
    for (const value of values)
      t.is(refusal({ [field]: value }), `slot "soap": ${field} must be ${accepted} (got ${value})`);
  for (const [field, accepted, values] of REFUSED_POLICY)
    for (const value of values)
      t.is(
        refusal({ policy: { [field]: value } }),
        `slot "soap": policy.${field} must be ${accepted} (got ${value})`,
      );
});

test("the ends of each range are accepted", (t) => {
  const ends: readonly object[] = [
    { stepsPerUnit: 1 },
    { stepsPerUnit: 65535 },
    { capacity: 1 },
    { capacity: 65535 },
    { refill: 1 },
    { refill: 65535 },
    { opening: 0 },
    { opening: 65535 },
    { ratedLife: 0.01 },
    { ratedLife: 9999.9 },
    { smallestUse: 0 },
    { smallestUse: 1000 },
    { noise: 0 },
    { noise: 999.9 },
    { policy: { leadDays: 7 } },
    { policy: { leadDays: 365 } },
    { policy: { reserveDays: 0 } },
    { policy: { reserveDays: 365 } },
    { policy: { graceDays: 0 } },
    { policy: { graceDays: 365 } },
    { policy: { epsilon: 1e-9 } },
    { policy: { epsilon: 0.999 } },
    { policy: { unknownClockShare: 0 } },
    { policy: { unknownClockShare: 1 } },
  ];
  for (const end of ends) t.is(refusal(end), "accepted", JSON.stringify(end));
});

test("ids are what may be part of a topic", (t) => {
  for (const id of ["a", "A-1_z", "x".repeat(64)]) t.is(refusal({ id }), "accepted");
  for (const id of ["", "a b", "a/b", "a+", "#", "ä", "x".repeat(65), undefined, 7])
    t.is(refusal({ id }), `slot "${id}": id must be 1 to 64 of A-Z a-z 0-9 - _ (got ${id})`);
});

test("each id is used once", (t) => {
  const error = t.throws(() => checkedSlots([SOAP, { ...SOAP, id: "rinse" }, SOAP]), {
    instanceOf: EverfullError,
  });
  t.is(error.message, 'slot "soap": the id is used twice');
});

test("a device has 1 to 23 slots", (t) => {
  const slots = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ ...SOAP, id: `slot-${index}` }));
  t.is(checkedSlots(slots(1)).length, 1);
  t.is(checkedSlots(slots(MOST_SLOTS)).length, 23);
  for (const count of [0, 24]) {
    const error = t.throws(() => checkedSlots(slots(count)), { instanceOf: EverfullError });
    t.deepEqual([error.code, error.message], ["options", `slots: 1 to 23 are accepted (got ${count})`]);
  }
});

test("every slot that is accepted can be kept and forecast", (t) => {
  fc.assert(
    fc.property(
      fc.record({
        capacity: fc.integer({ min: 1, max: 65535 }),
        ratedLife: fc.oneof(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.double({ min: 1, max: 10000, noNaN: true }),
        ),
        noise: fc.double({ min: 0, max: 65535, noNaN: true }),
        smallestUse: fc.nat(65535),
      }),
      (fields) => {
        if (refusal(fields) !== "accepted") return true;
        const stock = new Stock(checkedSlots([{ ...SOAP, ...fields }]));
        const { low, median, high } = stock.forecast(0).runOut(stock.account(0).remaining, 0);
        return low <= median && median <= high;
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});
