import test from "ava";
import fc from "fast-check";
import { Container } from "../../../examples/household/container.js";

test("a container is full at first, with nothing on the shelf", (t) => {
  const container = new Container(30, 20);
  t.is(container.remaining, 30);
  t.is(container.onHand, 0);
  t.false(container.mayRefill);
});

test("use takes what is there, and what is not there is wanted all the same", (t) => {
  const container = new Container(10, 10);
  t.is(container.use(7), 7);
  t.is(container.use(5), 3);
  t.is(container.use(2), 0);
  t.is(container.remaining, 0);
  t.is(container.taken, 10);
  t.is(container.wanted, 14);
  t.deepEqual(container.endDay(), { remaining: 0, onHand: 0, used: 10, unserved: 4 });
});

test("the end of a day begins the next one's count", (t) => {
  const container = new Container(10, 10);
  container.use(4);
  container.endDay();
  container.use(1);
  t.deepEqual(container.endDay(), { remaining: 5, onHand: 0, used: 1, unserved: 0 });
  t.deepEqual(container.endDay(), { remaining: 5, onHand: 0, used: 0, unserved: 0 });
  t.is(container.taken, 5);
});

test("the customer refills when a whole pack is on the shelf and fits", (t) => {
  const container = new Container(30, 20);
  container.use(20);
  t.false(container.mayRefill, "nothing on the shelf");
  container.deliver();
  t.is(container.onHand, 20);
  t.true(container.mayRefill, "it fits to the last step");
  container.refill();
  t.is(container.remaining, 30);
  t.is(container.onHand, 0);
  container.use(19);
  container.deliver();
  t.false(container.mayRefill, "one step would be left over");
  container.use(1);
  t.true(container.mayRefill);
});

test("nothing appears or is lost, whatever the customer does", (t) => {
  const actions = fc.array(
    fc.oneof(
      fc.record({ use: fc.nat(15) }),
      fc.constantFrom("deliver" as const, "refill" as const, "endDay" as const),
    ),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), actions, (pack, steps) => {
      const container = new Container(20, pack);
      let delivered = 0;
      let used = 0;
      let unserved = 0;
      for (const step of steps) {
        if (typeof step === "object") container.use(step.use);
        else if (step === "deliver") {
          container.deliver();
          delivered += pack;
        } else if (step === "refill") {
          if (container.mayRefill) container.refill();
        } else {
          const day = container.endDay();
          used += day.used;
          unserved += day.unserved;
        }
        t.true(container.remaining >= 0 && container.remaining <= container.capacity);
        t.true(container.onHand >= 0);
        t.is(container.remaining + container.onHand + container.taken, 20 + delivered);
      }
      const last = container.endDay();
      t.is(used + last.used, container.taken);
      t.is(used + last.used + unserved + last.unserved, container.wanted);
    }),
  );
});
