import test from "ava";
import { crc32 } from "../../../sdk/ledger/crc32.js";
import { testOnEngines } from "../../hal/simulator/support.js";
import { DAY, HOUR, imageOf, MINUTE, OtaWorld } from "./ota-world.js";

testOnEngines("an image is offered, fetched, tried for a healthy day, and stays", async (t, engine) => {
  t.timeout(300_000);
  const world = await OtaWorld.start(t, engine, await imageOf(1));
  await world.to(1, HOUR);
  const image = await imageOf(2);
  const description = world.release(image, 2);
  await world.to(2, 12 * HOUR);
  t.log(world.log.join("\n"), world.started, world.requests);
  await world.to(6);
  t.log(world.log.join("\n"), world.started, world.requests);
  t.deepEqual(world.phases, ["2: described", "2: downloading", "2: staged", "2: trial", "2: confirmed"]);
  t.is(world.version, 2);
  t.is(crc32(description), world.gateway.offers[0]!.image);
});
void test, MINUTE, DAY;
