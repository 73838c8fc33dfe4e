import test from "ava";
import { Timeline } from "../../../examples/chaos/timeline.js";

test("tasks run in the order of their times, those of one moment as they were scheduled", async (t) => {
  const timeline = new Timeline(1000);
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name} ${timeline.now}`);
  timeline.at(1200, note("c"));
  timeline.at(1100, note("a"));
  timeline.at(1100, note("b"));
  timeline.at(1150, note("cancelled")).cancel();
  timeline.at(500, note("past"));
  timeline.at(1301, note("never"));
  await timeline.runUntil(1300);
  t.deepEqual(ran, ["past 1000", "a 1100", "b 1100", "c 1200"]);
  t.is(timeline.now, 1300);
});

test("time passes only when the promises that were settled have come to rest", async (t) => {
  const timeline = new Timeline(0);
  const ran: string[] = [];
  const job = async () => {
    await timeline.sleep(10);
    for (let i = 0; i < 100; i++) await undefined;
    ran.push(`rest ${timeline.now}`);
  };
  void job();
  timeline.at(11, () => ran.push("next"));
  await timeline.runUntil(20);
  t.deepEqual(ran, ["rest 10", "next"]);
});

test("it ends after the task that asks for it", async (t) => {
  const timeline = new Timeline(0);
  timeline.at(5, () => {});
  timeline.at(6, () => t.fail());
  await timeline.runUntil(20, () => false);
  t.is(timeline.now, 5);
});
