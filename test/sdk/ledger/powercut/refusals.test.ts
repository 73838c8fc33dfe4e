import test from "ava";
import { nameOf } from "./geometry.js";
import { exploreReadErrors, exploreRefusals, exploreWear } from "./refusals.js";
import { scenarios } from "./scenarios.js";
import { told } from "./support.js";

const ALL = scenarios();
const REFUSED: readonly string[] = [
  "first-boot",
  "order-cycle",
  "upgrade",
  "after-cut",
  "restarts",
  "tally-change",
  "tally-ring",
  "tally-upgrade",
];
/** Those with a history that can be misread. */
const MISREAD: readonly string[] = [
  "metering",
  "compaction",
  "upgrade",
  "after-cut",
  "tally-change",
  "tally-upgrade",
  "tally-large",
];
/** Those that begin with an erased partition. */
const WORN: readonly string[] = ["first-boot", "tally-ring"];
const ROUNDS = 5;

for (const scenario of ALL.filter(({ name }) => REFUSED.includes(name)))
  for (const shape of scenario.geometries)
    test(`an operation that is refused costs nothing else, with power on and after a restart: ${scenario.name} on ${nameOf(shape)}`, (t) => {
      const found = exploreRefusals(scenario, shape);
      t.is(found.failed, 0, told(found));
      t.true(found.cuts > 50);
    });

for (const scenario of ALL.filter(({ name }) => MISREAD.includes(name)))
  for (const shape of scenario.geometries)
    test(`a read that is refused while opening costs nothing, however often: ${scenario.name} on ${nameOf(shape)}`, (t) => {
      const found = exploreReadErrors(scenario, shape);
      t.is(found.failed, 0, told(found));
      t.true(found.cuts > 10);
    });

for (const scenario of ALL.filter(({ name }) => WORN.includes(name)))
  for (const shape of scenario.geometries)
    test(`a block that wears out, in any manner, costs nothing that was committed: ${scenario.name} on ${nameOf(shape)}`, (t) => {
      const found = exploreWear(scenario, shape, ROUNDS);
      t.is(found.failed, 0, told(found));
      t.true(found.cuts >= 12 * shape.blocks);
    });
