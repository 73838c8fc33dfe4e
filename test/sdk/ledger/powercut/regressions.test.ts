import test from "ava";
import { replay } from "./replay.js";
import { scenarios } from "./scenarios.js";

/*
 * Histories in which a journal that was thought to be proof has lost something, and why. Operations are counted: a journal that does its work in other steps
 * meets other cuts under the same id, so these are no substitute for the search that found them.
 */
const FOUND: readonly [id: string, why: string][] = [
  [
    "tally-change/3x512a4/24.d28r0s128x22.s62947/2.d0r4s128x8u.rra199569/99999.d0r4s128x8u.rra199569.r2.d0r65535s128x936u/0.d0r512s128x46up.onr134143/0.d0r512s128x46up.onr263047",
    "two blocks in a row whose commit markers read as they like were built on each other, and the last that was certain was erased",
  ],
  [
    "tally-change/4x512a16/2.d0r16s128x3u.asn934138/0.d0r512s128x7u.rra941673/8.d0r16s128x7u.onr698167.r0.d0r65535s128x854u",
    "a block whose erase was refused came back whole, with the sequence that another had been given meanwhile",
  ],
  [
    "refusal/compaction/4x1024a16/read.2.2.d0r0s0x0",
    "a block that could not be read for a while had the newest sequence",
  ],
  [
    "refusal/upgrade/3x1024a4/read.2.2.d0r0s0x0",
    "of the first format, the newest block could not be read, and an older one was taken",
  ],
  [
    "refusal/tally-large/64x512a4/read.32.2.d0r0s0x0",
    "the newest block could not be read, and its sequence was given again",
  ],
  [
    "tally-short/3x512a4/2.d0r4s128x6u.onr6/0.d256r0s128x3b.s0",
    "a closing marker went into a block whose erase was half done",
  ],
  [
    "tally-upgrade/4x512a16/3.d0r16s250x81u.rra12049/5.d0r16s128x7u.onr259949.r0.d0r65535s128x82u/1.d0r512s128x7u.rra449946.r0.d0r65535s128x805u/10.d0r16s128x6u.onr781192",
    "a half-erased block could not be seen when another was begun, and passed for the newer one later",
  ],
  [
    "tally-short/5x512a4/7.d0r4s128x3u.no3/4.d0r4s128x1u.no0/4.d0r4s128x1u.on0/4.d0r4s128x1u.on0/0.d0r512s128x1u.no0",
    "the same, without refusals",
  ],
  [
    "tally-short/3x512a4/4.d0r4s128x3u.no3/4.d0r4s128x1u.no0/0.d0r512s128x1u.on0/0.d0r512s128x1u.on0/0.d0r512s128x1u.no0",
    "a block whose erase had begun read as whole, and was believed more than what had been begun from it",
  ],
  ["content/6428", "a damaged record was passed over, and a quantity below zero could not be saved"],
  ["model/13/1000", "a record that was refused and appended again was folded twice"],
];

const ALL = scenarios();

for (const [id, why] of FOUND)
  test(`nothing is lost any more where ${why}: ${id}`, (t) => {
    t.is(
      replay(id, ALL, () => {}),
      undefined,
    );
  });
