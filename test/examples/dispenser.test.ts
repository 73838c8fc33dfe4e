import test from "ava";
import type { Device } from "everfull/firmware/kind";
import { LoadCellModel } from "everfull/simulator";
import dispenser from "../../examples/dispenser/index.js";
import { testOnEngines } from "../hal/simulator/support.js";
import { DAY, MINUTE, ProductBench } from "./product-bench.js";

const PIN = 4;

test("the dispenser tells of a cancellation only where an order was placed", (t) => {
  const told: string[] = [];
  const device = { board: { log: (text: string) => told.push(text) } } as unknown as Device;
  const cancelled = { kind: "order", slot: "soap", cycle: 1, state: "cancelled", day: 0 } as const;
  dispenser.onEvent!({ ...cancelled, unplaced: true }, device);
  t.deepEqual(told, []);
  dispenser.onEvent!(cancelled, device);
  t.deepEqual(told, ["dispenser: the order was cancelled"]);
});

testOnEngines(
  "the dispenser weighs what is used and filled, over a power cut, and orders in time",
  async (t, engine) => {
    // As in the product's manifest.
    const scale = new LoadCellModel({
      seed: "dispenser",
      zero: 84_000,
      scale: 2e-6,
      noise: 0.001,
      driftPerDay: 0,
      temperatureSwing: 0,
    });
    let grams = 1000;
    const bench: ProductBench = await ProductBench.start(t, "dispenser", engine, {
      readPin: (pin) => (pin === PIN ? scale.raw(grams / 1000, bench?.clock.now() ?? 0) : undefined),
    });
    const soap = async () => (await bench.slots()).soap!;
    const isNear = (value: number, expected: number) => Math.abs(value - expected) <= 3;
    await bench.pass(60 * MINUTE);
    t.true(isNear((await soap()).remaining, 1000));
    grams = 940;
    await bench.pass(60 * MINUTE);
    t.true(isNear((await soap()).remaining, 940), String((await soap()).remaining));

    // What is used while it is off is seen when it is on again.
    await bench.device.cutPower();
    grams = 900;
    await bench.restart(10 * MINUTE);
    await bench.pass(60 * MINUTE);
    t.true(isNear((await soap()).remaining, 900), String((await soap()).remaining));
    t.true(isNear((await soap()).account.consumed, 100));

    for (let day = 0; day < 30 && !bench.received.some(({ kind }) => kind === "intent"); day++) {
      grams -= 35;
      await bench.pass(DAY);
    }
    const intent = bench.received.find((message) => message.kind === "intent")!;
    t.like(intent, { slot: 0, cycle: 1, quantity: 1000 });
    t.true(intent.remaining >= 7 * 35, String(intent.remaining));
    t.true(bench.log.some((text) => /^dispenser: \d+ g of soap, .*; a refill is being ordered$/.test(text)));

    const before = (await soap()).account.refills;
    // Taken off to be filled: nothing is used by that, and the customer is told.
    const filled = Math.min(1000, grams + 700);
    const put = filled - grams;
    const { consumed } = (await soap()).account;
    grams = -300;
    await bench.pass(60 * MINUTE);
    t.is((await soap()).account.consumed, consumed);
    grams = filled;
    await bench.pass(60 * MINUTE);
    t.true(isNear((await soap()).account.refills - before, put));
    const told = (text: string) => bench.log.filter((line) => line === text).length;
    t.is(told("slot soap: away"), 1);
    t.is(told("dispenser: the container is away"), 1);
    t.is(told("dispenser: the container is back"), 1);
  },
);
