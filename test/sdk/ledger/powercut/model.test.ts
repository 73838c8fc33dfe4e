import test from "ava";
import { Codec } from "../../../../sdk/uplink/index.js";
import { exploreModel, runModel } from "./model.js";
import { told } from "./support.js";

const OPERATIONS = 20_000;

test("after any operations, cuts, refusals and restarts, a device knows what a plain reference knows", (t) => {
  const { counts, failures } = exploreModel(1, OPERATIONS);
  t.deepEqual(failures, [], told({ failures }));
  t.is(counts.operations, OPERATIONS);
  t.log(JSON.stringify(counts));
  t.true(
    counts.commits > 0.7 * OPERATIONS && counts.cuts > 1000 && counts.refusals > 1000,
    JSON.stringify(counts),
  );
});

test("the same seed is the same history", (t) => {
  const run = () => {
    const told: string[] = [];
    const counts = runModel(3, 200, new Codec(), (text) => told.push(text));
    return { told, counts };
  };
  t.deepEqual(run(), run());
});
