import { readFileSync } from "node:fs";
import test from "ava";
import { testOnXs } from "../../hal/simulator/support.js";
import { converse, costOf } from "./costs.js";
import { PARTS } from "./parts.js";
import { SUBJECTS } from "./subjects.js";

/** A little above what each takes today: steps of its costliest sample, slots that it makes, bytes at rest, ms that the loop waits for the bus. */
const MOST: Readonly<Record<string, readonly [steps: number, slots: number, rest: number, wait: number]>> = {
  DoseCounter: [500, 8, 900, 0],
  "LoadCell, HX711": [4000, 10, 3400, 0.1],
  "LoadCell, HX711 asleep between samples": [5000, 45, 3400, 0.25],
  FlowMeter: [1000, 14, 1900, 0],
  "DigitalPulse: one pulse": [80, 2, 900, 0],
  "FlowMeter, DigitalPulse": [1000, 14, 2900, 0],
  "Ultrasonic, 5 pings": [9000, 250, 3600, 0],
  VL6180X: [3900, 95, 2200, 0.85],
  PageCounter: [6600, 310, 2600, 0],
  CartridgeMemory: [1850, 75, 700, 5.2],
  PN532: [21_500, 720, 1600, 48],
};
const README = readFileSync(new URL("../../../../hal/README.md", import.meta.url), "utf8");

/** Numbers of a row of `hal/README.md`, by its section's table of so many columns. */
function rowOf(name: string, columns: number): number[] {
  const section = README.slice(README.indexOf("## Accuracy and cost"), README.indexOf("## In code"));
  const rows = section.split("\n").map((line) => line.split("|").slice(1, -1));
  const row = rows.find((cells) => cells.length === columns && cells[0]!.replaceAll("`", "").trim() === name);
  return (row ?? []).map((cell) => Number(cell.replaceAll(",", "")));
}

/** Steps of a turn of 50 ms on the slowest chip, see hal/simulator/README.md. */
const TURN_LIMIT = 50_000;

test("every sensor of the table has its parts and its bounds", (t) => {
  const names = Object.keys(SUBJECTS);
  t.deepEqual(Object.keys(PARTS), names);
  t.deepEqual(Object.keys(MOST), names);
});

test("what is measured is use: every sensor with a meter finds some, and no data sheet's rule is broken", (t) => {
  for (const name of Object.keys(SUBJECTS)) {
    const { samples } = converse(name);
    const consumed = samples
      .map(({ result }) => result)
      .filter((result): result is { consumed: number } => "consumed" in result);
    if (consumed.length === 0) continue;
    t.true(
      consumed.slice(12).some((result) => result.consumed > 0),
      name,
    );
  }
});

test("bus time is that of the bytes on the wire", (t) => {
  // 1 + 1 bytes, then 1 + 52, each of 9 bits, and start, repeated start and stop, at 100 kHz.
  const [turn] = converse("CartridgeMemory").samples[0]!.turns;
  t.deepEqual(turn!.transfers, [{ bits: 9 * 55 + 3, hz: 100_000, isWaitedFor: true }]);
  // A probe of 4 bytes and a frame of 8.
  const scale = converse("LoadCell, HX711").samples[20]!.turns.flatMap(({ transfers }) => transfers);
  t.deepEqual(
    scale.map(({ bits }) => bits),
    [32, 64],
  );
  // Each byte of the question and of the answer has a start and a stop bit.
  const pages = converse("PageCounter").samples[0]!.turns.flatMap(({ transfers }) => transfers);
  const question = "\x1b%-12345X@PJL\r\n@PJL INFO PAGECOUNT\r\n\x1b%-12345X";
  const answer = "@PJL INFO PAGECOUNT\r\nPAGECOUNT=1003\r\n\f";
  t.deepEqual(
    pages,
    [question, answer].map(({ length }) => ({ bits: 10 * length, hz: 9600, isWaitedFor: false })),
  );
});

for (const [name, [steps, slots, rest, wait]] of Object.entries(MOST))
  testOnXs(
    `${name}: a sample takes at most ${steps} steps and ${slots} slots, as hal/README.md says`,
    async (t) => {
      const cost = await costOf(name);
      t.true(cost.steps > steps / 2 && cost.mostSteps <= steps, `${cost.steps} to ${cost.mostSteps} steps`);
      t.true(cost.longestTurn <= TURN_LIMIT);
      t.true(cost.slots >= 0 && cost.slots <= slots, `${cost.slots} slots`);
      const bytes = cost.rest.slotBytes + cost.rest.chunkBytes;
      t.true(bytes > 300 && bytes <= rest, `${bytes} bytes`);
      const isSaid = (said: number | undefined, measured: number, slack: number) =>
        t.true(Math.abs(said! - measured) <= measured / 10 + slack, `README: ${said}, measured: ${measured}`);
      const [, , , saidSteps, saidSlots, saidTime] = rowOf(name, 7);
      isSaid(saidSteps, cost.steps, 0);
      isSaid(saidSlots, cost.slots, 2);
      isSaid(saidTime, cost.busTime, 0.01);
      const [, turns, costliest, longest, slotBytes, chunkBytes] = rowOf(name, 6);
      t.is(turns, cost.turns);
      isSaid(costliest, cost.mostSteps, 0);
      isSaid(longest, cost.longestTurn, 0);
      isSaid(slotBytes, cost.rest.slotBytes, 32);
      isSaid(chunkBytes, cost.rest.chunkBytes, 32);
      t.true(cost.waitTime <= wait && cost.busTime >= cost.waitTime, `${cost.waitTime} ms`);
    },
  );
