import test from "ava";
import { fnv1a } from "../../../sdk/uplink/spread.js";
import { downTopic, upTopic } from "../../../sdk/uplink/topics.js";

test("hashes are those of FNV-1a's published vectors", (t) => {
  t.is(fnv1a(""), 0x811c9dc5);
  t.is(fnv1a("a"), 0xe40c292c);
  t.is(fnv1a("foobar"), 0xbf9cf968);
});

test("serials that differ in their last digits meet the gateway in every hour of the day alike", (t) => {
  const hours = new Array<number>(24).fill(0);
  const devices = 10_000;
  for (let i = 0; i < devices; i++) hours[Math.floor((fnv1a(`EF-${100_000 + i}`) % 1440) / 60)]!++;
  const mean = devices / 24;
  for (const [hour, count] of hours.entries())
    t.true(Math.abs(count - mean) < mean / 4, `hour ${hour}: ${count} of ${devices}`);
});

test("topics hold the serial between the product's name and the direction", (t) => {
  t.is(upTopic("EF-1"), "everfull/EF-1/up");
  t.is(downTopic("EF-1"), "everfull/EF-1/down");
});
