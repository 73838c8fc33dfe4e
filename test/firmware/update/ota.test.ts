import test from "ava";
import { crc32 } from "../../../sdk/ledger/crc32.js";
import { testOnEngines, testOnXs } from "../../hal/simulator/support.js";
import { HOUR, imageOf, OtaWorld } from "./ota-world.js";

const PATIENCE = 300_000;

testOnEngines("an image is offered, fetched, tried for a healthy day, and stays", async (t, engine) => {
  t.timeout(PATIENCE);
  const world = await OtaWorld.start(t, engine, await imageOf(1));
  await world.to(1, HOUR);
  const description = world.release(await imageOf(2), 2);
  await world.to(2, HOUR);
  // The visit of the first day brought it; what is left of that day is not a day of its own.
  t.deepEqual(world.phases, ["2: described", "2: downloading", "2: staged", "2: trial"]);
  t.deepEqual(world.started, [1, 2]);
  // It came with each of the visit's answers until the device had its say; the last word counts.
  t.is(world.gateway.offers.length, 1);
  t.is(world.gateway.offers[0]!.image, crc32(description));
  t.regex(world.gateway.offers[0]!.outcome, /^(taken|known)$/);
  await world.to(4);
  t.is(world.phases.at(-1), "2: confirmed");
  t.is(world.gateway.offer, undefined);
  // The gateway hears who runs.
  const versions = world.gateway.received.flatMap((message) =>
    message.kind === "health" ? [message.version[1]] : [],
  );
  t.deepEqual([versions.at(0), versions.at(-1)], [1, 2]);
  // A software reset by the update itself, and no crash since.
  t.deepEqual((await world.device.inspect()).figures.queued, 0);
  await world.fail();
  await world.to(5);
  t.deepEqual(world.started, [1, 2, 2]);
  t.is(world.version, 2);
  // It is offered again by a gateway that has lost its answer.
  world.gateway.offer = description;
  await world.to(7);
  t.is(world.gateway.offers.at(-1)?.outcome, "known");
  t.deepEqual(world.started, [1, 2, 2]);
});

for (const crashes of ["early", "late"] as const)
  testOnEngines(
    `an image that crashes ${crashes} is rolled back, and never taken again`,
    async (t, engine) => {
      t.timeout(PATIENCE);
      const world = await OtaWorld.start(t, engine, await imageOf(1));
      await world.to(1, HOUR);
      const description = world.release(await imageOf(2, { crashes }), 2);
      await world.to(2, HOUR);
      t.is(world.phases.at(-1), "2: rolledBack");
      t.is(world.version, 1);
      // It was started by the update and after each crash; the start after the third sends it back.
      t.deepEqual(world.started, [1, 2, 2, 2, 2, 1]);
      t.false(world.boot.isImage(1 - world.running), "nothing of it is left");
      world.gateway.offer = description;
      await world.to(3, HOUR);
      t.is(world.gateway.offers.at(-1)?.outcome, "rejected");
      // It goes on metering and reporting.
      t.is(world.gateway.received.filter(({ kind }) => kind === "status").length, 2);
      t.is(world.started.at(-1), 1);
    },
  );

test("an image on trial whose statuses nobody acknowledges goes after three days", async (t) => {
  t.timeout(PATIENCE);
  const world = await OtaWorld.start(t, "node", await imageOf(1));
  await world.to(1, HOUR);
  world.release(await imageOf(2), 2);
  await world.to(2, HOUR);
  t.is(world.phases.at(-1), "2: trial");
  world.gateway.isMute = true;
  await world.to(4, 23 * HOUR);
  t.is(world.phases.at(-1), "2: trial");
  await world.to(5, HOUR);
  t.is(world.phases.at(-1), "2: rolledBack");
  t.is(world.version, 1);
  world.gateway.isMute = false;
  await world.to(6, 23 * HOUR);
  t.is((await world.device.inspect()).figures.queued, 0, "the old image reports what the new one could not");
});

test("a crash makes a day unhealthy, also when the power is cut after it", async (t) => {
  t.timeout(PATIENCE);
  const world = await OtaWorld.start(t, "node", await imageOf(1));
  await world.to(1, HOUR);
  world.release(await imageOf(2), 2);
  await world.to(2, 5 * HOUR);
  await world.crash();
  await world.to(2, 6 * HOUR);
  await world.fail();
  await world.to(3, HOUR);
  t.is(world.phases.at(-1), "2: trial");
  await world.to(4, HOUR);
  t.is(world.phases.at(-1), "2: confirmed");
  t.deepEqual(world.started, [1, 2, 2, 2]);
});

test("images for others and of other makers are answered with their reason, and nothing is fetched", async (t) => {
  t.timeout(PATIENCE);
  const world = await OtaWorld.start(t, "node", await imageOf(1));
  await world.to(1, HOUR);
  const image = await imageOf(2);
  const offers: readonly (readonly [Uint8Array, string])[] = [
    [world.release(image, 1), "downgrade"],
    [world.release(image, 2).with(4, 9), "product"],
    [world.release(image, 2).with(-1, 0), "known"],
  ];
  for (const [day, [description, outcome]] of offers.entries()) {
    world.gateway.offer = description;
    await world.to(2 + day);
    t.is(world.gateway.offers.at(-1)?.outcome, outcome as never, `${day}`);
  }
  // That the signature is not the maker's shows a while after it is taken.
  t.deepEqual(world.phases, ["2: described", "2: abandoned"]);
  t.is(world.requests, 0);
  world.gateway.offer = offers[2]![0];
  await world.to(5);
  t.is(world.gateway.offers.at(-1)?.outcome, "signature");
  t.deepEqual(world.started, [1]);
});

test("a server that is down for hours is waited for", async (t) => {
  t.timeout(PATIENCE);
  const world = await OtaWorld.start(t, "node", await imageOf(1));
  await world.to(1, HOUR);
  world.isServerDown = true;
  world.release(await imageOf(2), 2);
  await world.to(1, 13 * HOUR);
  t.is(world.phases.at(-1), "2: downloading");
  t.true(world.requests > 3);
  world.isServerDown = false;
  await world.to(1, 16 * HOUR);
  t.is(world.phases.at(-1), "2: trial");
});

testOnXs("XS and Node send the same bytes through an update and a roll-back", async (t) => {
  t.timeout(PATIENCE);
  const run = async (engine: "node" | "xs") => {
    const world = await OtaWorld.start(t, engine, await imageOf(1));
    await world.to(1, HOUR);
    world.release(await imageOf(2), 2);
    await world.to(4, HOUR);
    world.release(await imageOf(3, { crashes: "late" }), 3);
    await world.to(6);
    const { sent, started, phases } = world;
    await world.close();
    return { sent, started, phases };
  };
  const [node, xs] = [await run("node"), await run("xs")];
  t.true(node.sent.length > 10);
  t.is(node.phases.at(-1), "3: rolledBack");
  t.deepEqual(xs, node);
});

/** The power is cut in so many places of each run, spread over all that changes flash from the offer on. */
const CUTS = 12;

for (const crashes of [undefined, "late"] as const)
  test(`wherever the power is cut, ${crashes ? "an image that crashes goes" : "a good image stays"}`, async (t) => {
    t.timeout(2 * PATIENCE);
    const [one, two] = [await imageOf(1), await imageOf(2, crashes ? { crashes } : {})];
    const run = async (cut: number, seed: number) => {
      const world = await OtaWorld.start(t, "node", one);
      await world.to(1, HOUR);
      world.release(two, 2);
      const begun = world.supply.operations;
      world.supply.cutAt = begun + cut;
      world.supply.seed = seed;
      await world.to(6);
      const { supply, version, phases, started, device } = world;
      const known = started.every((each) => each === 1 || each === 2);
      const isOn = device.isOn && !device.crash;
      await world.close();
      const { offer } = world.gateway;
      return { operations: supply.operations - begun, version, phases, started, known, isOn, offer };
    };
    const whole = await run(Number.POSITIVE_INFINITY, 0);
    t.is(whole.version, crashes ? 1 : 2);
    t.log(`${whole.operations} operations`);
    for (let i = 0; i < CUTS; i++) {
      const cut = Math.floor(((i + 0.5) * whole.operations) / CUTS);
      const { version, phases, started, known, isOn, offer } = await run(cut, 4 * i + (i % 4));
      const replay = `cut in operation ${cut}, seed ${4 * i + (i % 4)}: ${phases.join(", ")}; started ${started.join()}`;
      t.is(version, crashes ? 1 : 2, replay);
      t.is(phases.at(-1), crashes ? "2: rolledBack" : "2: confirmed", replay);
      t.true(known, replay);
      t.is(offer, undefined, replay);
      t.true(isOn, replay);
    }
  });
