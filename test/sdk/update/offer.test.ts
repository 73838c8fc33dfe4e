import test, { type ExecutionContext } from "ava";
import { crc32 } from "../../../sdk/ledger/crc32.js";
import { IMAGE_OUTCOMES, type ImageOutcome } from "../../../sdk/uplink/index.js";
import { fnv1a } from "../../../sdk/uplink/spread.js";
import { DAY, FIRST, MINUTE, PAPER, SERIAL, SOAP, type Tear, World } from "../world.js";
import { makeImage } from "./bootloader.js";
import { describe, makeMaker } from "./world.js";

const DESCRIPTION = describe(makeMaker(), makeImage(2, 5100), { version: 2 });
/** Time of the day at which this device visits the broker. */
const VISIT = (fnv1a(SERIAL) % (24 * 60)) * MINUTE;

/** A device, and what its product is asked. */
function offered(answer?: (asked: number) => ImageOutcome) {
  const world = new World([SOAP, PAPER]);
  const asked: Uint8Array[] = [];
  if (answer) world.more = { onImage: (description) => answer(asked.push(description)) };
  world.start();
  world.advanceTo(1, MINUTE);
  world.gateway.image = DESCRIPTION;
  return { world, asked };
}

function end(t: ExecutionContext, world: World): void {
  t.deepEqual(world.violations, []);
  t.deepEqual(world.gateway.problems, []);
}

for (const outcome of IMAGE_OUTCOMES)
  test(`what the product makes of an image goes up in the same visit, and is asked no more: ${outcome}`, (t) => {
    const { world, asked } = offered(() => outcome);
    world.advanceTo(1, VISIT + MINUTE);
    // The statuses of two slots and the health record were answered, each with an offer before.
    t.true(asked.length >= 1);
    for (const description of asked) t.deepEqual(description, DESCRIPTION);
    t.is(world.gateway.image, undefined);
    t.deepEqual(world.gateway.offers.at(-1), {
      kind: "offered",
      image: crc32(DESCRIPTION),
      outcome,
      applied: 0,
    });
    t.is(world.device.figures.queued, 0);
    const before = asked.length;
    world.advanceTo(3);
    t.is(asked.length, before);
    end(t, world);
  });

test("firmware that takes no images says so", (t) => {
  const { world } = offered();
  world.advanceTo(1, VISIT + MINUTE);
  t.like(world.gateway.offers.at(-1), { image: crc32(DESCRIPTION), outcome: "unsupported" });
  t.is(world.gateway.image, undefined);
  t.deepEqual(world.warnings, []);
  end(t, world);
});

test("a product that throws has answered nothing, goes on, and is asked again", (t) => {
  const { world, asked } = offered((times) => {
    if (times <= 3) throw new Error("no room");
    return "taken";
  });
  world.advanceTo(1, VISIT + MINUTE);
  t.true(world.warnings.some((text) => text.includes("no room")));
  world.advanceTo(2, VISIT + MINUTE);
  t.is(world.gateway.offers.at(-1)?.outcome, "taken");
  t.true(asked.length > 3);
  // Nothing else has waited for it.
  t.is(world.device.figures.queued, 0);
  t.is(world.gateway.statuses.filter(({ day }) => day === FIRST + 1).length, 2);
  end(t, world);
});

test("a broker that delivers twice does not make the product hear twice", (t) => {
  const { world, asked } = offered(() => "taken");
  world.twice = true;
  const before = world.gateway.arrived.length;
  world.advanceTo(1, VISIT + MINUTE);
  t.true(asked.length <= world.gateway.arrived.length - before);
  t.is(world.gateway.offers.at(-1)?.outcome, "taken");
  end(t, world);
});

test("a store that refuses takes no image, and the gateway offers it again", (t) => {
  const { world, asked } = offered(() => "taken");
  world.flash.refuses.add("write");
  world.advanceTo(1, VISIT + MINUTE);
  t.is(asked.length, 0);
  world.flash.refuses.clear();
  world.advanceTo(3);
  t.true(asked.length > 0);
  t.is(world.gateway.image, undefined);
  end(t, world);
});

test("wherever power is cut, the gateway gets its answer in the end, and no sequence has two bodies", (t) => {
  const operationsOf = () => {
    const { world } = offered(() => "taken");
    let count = 0;
    world.nor.onOperation = () => void count++;
    world.advanceTo(1, VISIT + MINUTE);
    return count;
  };
  const operations = operationsOf();
  t.true(operations > 3);
  for (let operation = 1; operation <= operations; operation++)
    for (const tear of ["before", "halfway", "after"] satisfies Tear[]) {
      let isKept = false;
      const { world, asked } = offered(() => {
        const outcome = isKept ? "known" : "taken";
        isKept = true;
        return outcome;
      });
      world.flash.cutAt(operation, tear);
      world.advanceTo(1, VISIT + MINUTE);
      t.true(world.flash.isCut);
      world.restart();
      world.advanceTo(3);
      t.is(world.gateway.image, undefined, `${operation} ${tear}`);
      t.true(asked.length >= 1);
      t.true(["taken", "known"].includes(world.gateway.offers.at(-1)!.outcome));
      end(t, world);
    }
});

test("the newest day whose statuses are acknowledged is told, over restarts, and none while statuses wait", (t) => {
  const world = new World([SOAP, PAPER]).start();
  world.advanceTo(1);
  t.is(world.device.figures.reported, 0, "they wait for the visit");
  world.advanceTo(1, VISIT + MINUTE);
  t.is(world.device.figures.reported, FIRST + 1);
  world.restart();
  t.is(world.device.figures.reported, FIRST + 1);
  world.mood = "refusing";
  world.advanceTo(2, VISIT + MINUTE);
  t.is(world.device.figures.reported, 0);
  world.restart();
  t.is(world.device.figures.reported, 0);
  world.mood = "up";
  world.advance(DAY);
  t.is(world.device.figures.reported, FIRST + 3);
});
