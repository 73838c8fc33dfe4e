import test from "ava";
import { Random } from "../../../../hal/simulator/models/random.js";

const draw = (random: Random, n: number) => Array.from({ length: n }, () => random.next());

test("the same seed gives the same sequence, another seed another", (t) => {
  t.deepEqual(draw(new Random("a"), 50), draw(new Random("a"), 50));
  t.deepEqual(draw(new Random(7), 5), draw(new Random("7"), 5));
  const a = draw(new Random("seed 1"), 1000);
  const b = draw(new Random("seed 2"), 1000);
  t.is(a.filter((value, i) => value === b[i]).length, 0);
});

test("next is uniform in [0, 1)", (t) => {
  const buckets = new Array<number>(16).fill(0);
  for (const value of draw(new Random("uniform"), 160_000)) buckets[Math.floor(value * 16)]!++;
  t.is(buckets.length, 16);
  // Chi-squared, 15 degrees of freedom: 37.7 is the 0.1 % point.
  const chi = buckets.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
  t.true(chi < 37.7, `${chi}`);
});

test("normal has mean 0, deviation 1 and Gaussian tails", (t) => {
  const random = new Random("normal");
  const n = 100_000;
  const values = Array.from({ length: n }, () => random.normal());
  const mean = values.reduce((a, b) => a + b) / n;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
  t.true(Math.abs(mean) < 0.015, `${mean}`);
  t.true(Math.abs(variance - 1) < 0.02, `${variance}`);
  const beyond = values.filter((value) => Math.abs(value) > 2).length / n;
  t.true(Math.abs(beyond - 0.0455) < 0.003, `${beyond}`);
});

test("int reaches every whole number below n and nothing else", (t) => {
  const random = new Random("int");
  const seen = new Set(Array.from({ length: 500 }, () => random.int(6)));
  t.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5]);
  for (const n of [0, 1.5, -1, 2 ** 33]) t.throws(() => random.int(n), { instanceOf: RangeError });
});
