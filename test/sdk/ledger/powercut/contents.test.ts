import test from "ava";
import { CONTENTS, exploreContents } from "./contents.js";
import { scenarios } from "./scenarios.js";
import { told } from "./support.js";

const IMAGES = 10_000;

test("whatever a partition holds, a device starts, believes only what was committed, and says when there was more", (t) => {
  const { counts, failures } = exploreContents(scenarios(), 0, IMAGES);
  t.log(JSON.stringify(counts));
  t.deepEqual(failures.slice(0, 5), [], told({ failures }));
  t.is(counts.images, IMAGES);
  t.true(counts.newest > 1000 && counts.older > 1000, JSON.stringify(counts));
  t.true(counts.refused >= Math.floor(IMAGES / Object.keys(CONTENTS).length), JSON.stringify(counts));
});
