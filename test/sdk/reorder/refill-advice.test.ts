import test from "ava";
import { refillAdvice } from "../../../sdk/index.js";

test("a maker whose refills last longer than a month is told so", (t) => {
  t.is(refillAdvice({ id: "soap", refill: 1000 }, 1000 / 31), undefined);
  t.is(
    refillAdvice({ id: "soap", refill: 1000 }, 1000 / 32),
    'slot "soap": a refill lasts 32 days; a month at most is advised',
  );
  t.is(refillAdvice({ id: "soap", refill: 1000 }, 0), undefined);
});
