import test from "ava";
import { Work } from "../../../examples/gateway/work.js";

/** A job that goes on until it is told to end. */
function job() {
  let begin = () => {};
  let end = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let release = () => {};
  const run = (given: () => void) => {
    release = given;
    begin();
    return ended;
  };
  return { run, begun, end, release: () => release() };
}

/** Whether a promise has been settled when everything that can go on has. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test("jobs of one line run one after another, those of others beside them", async (t) => {
  const work = new Work();
  const [one, two, other] = [job(), job(), job()];
  t.true(work.offer("a", one.run));
  t.true(work.offer("a", two.run));
  t.true(work.offer("b", other.run));
  await Promise.all([one.begun, other.begun]);
  t.false(await isSettled(two.begun));
  one.end();
  await two.begun;
  two.end();
  other.end();
  await work.idle();
  t.is(work.held, 0);
});

test("a line takes so many jobs and no more, and takes some again when it has done some", async (t) => {
  const work = new Work(100, 2);
  const [one, two, three, other] = [job(), job(), job(), job()];
  t.true(work.offer("a", one.run));
  t.true(work.offer("a", two.run));
  t.false(work.offer("a", three.run));
  t.true(work.offer("b", other.run));
  t.is(work.held, 3);
  await one.begun;
  one.end();
  await two.begun;
  t.true(work.offer("a", three.run));
  for (const each of [two, three, other]) each.end();
  await work.idle();
});

test("there is room until so many jobs are held, and again when one is released or has ended", async (t) => {
  const work = new Work(2);
  const [one, two, three] = [job(), job(), job()];
  work.offer("a", one.run);
  t.true(await isSettled(work.room()));
  work.offer("b", two.run);
  await Promise.all([one.begun, two.begun]);
  const room = work.room();
  t.false(await isSettled(room));
  one.release();
  one.release();
  t.true(await isSettled(room));
  t.is(work.held, 1);
  work.offer("c", three.run);
  const again = work.room();
  t.false(await isSettled(again));
  two.end();
  await again;
  for (const each of [one, three]) each.end();
  await work.idle();
  t.is(work.held, 0);
});
