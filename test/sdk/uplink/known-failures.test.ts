import test from "ava";
import { type BoardFigures, type SlotOptions, upTopic } from "../../../sdk/index.js";
import { HOUR, PAPER, SERIAL, SOAP, World } from "../world.js";
import { hex } from "./support.js";

/*
 * What outboxes of other device libraries are known to do wrong, each as a test: they lose what is queued while they are drained, never send what was queued
 * before the first connection, send the first message again at every tick of a timer, and are empty after a reboot by the watchdog.
 */

/** An order is due on the next day. */
const LOW: SlotOptions = { ...SOAP, opening: 200 };

function published(world: World): string[][] {
  return world.connections.map(({ written }) =>
    written.flatMap(({ data, options }) => (data && options.topic === upTopic(SERIAL) ? [hex(data)] : [])),
  );
}

/** Everything was sent that was queued, and nothing was stored twice. */
function isDelivered(world: World): boolean {
  const sequences = world.gateway.stored.map(({ sequence }) => sequence);
  return (
    world.device.figures.queued === 0 &&
    world.gateway.problems.length === 0 &&
    world.violations.length === 0 &&
    new Set(sequences).size === sequences.length
  );
}

test("messages that are queued while the queue is being sent are not lost, also when the connection is", (t) => {
  const world = new World([LOW, PAPER]);
  world.mood = "refusing";
  world.start();
  for (let day = 0; day < 3; day++) world.spendDay(10);
  const waiting = world.device.figures.queued;
  t.true(waiting >= 4);
  // With the first answer comes what the device has to answer, and then the connection is gone.
  world.gateway.inform([0, 1]);
  let answers = 0;
  world.gateway.answer = (same) => {
    if (++answers === 2) {
      world.connections.at(-1)!.lose();
      world.mood = "refusing";
    }
    return same;
  };
  world.mood = "up";
  world.advance(HOUR);
  t.is(answers, 2);
  t.true(world.device.figures.queued > 0);
  t.is(world.gateway.informed, 0, "it is queued behind the others");
  world.gateway.answer = (same) => same;
  world.mood = "up";
  world.advance(3 * HOUR);
  t.is(world.gateway.informed, 1);
  t.is(world.gateway.intents.length, 1);
  t.deepEqual([...new Set(world.gateway.statuses.map(({ slot }) => slot))].sort(), [0, 1]);
  t.true(isDelivered(world));
});

test("messages that are queued before the first connection there ever was are sent", (t) => {
  const world = new World([LOW, PAPER]);
  world.mood = "throwing";
  world.start();
  for (let day = 0; day < 3; day++) world.spendDay(10);
  t.is(world.connections.length, 0);
  const { queued } = world.device.figures;
  world.mood = "up";
  world.advance(2 * HOUR);
  t.true(world.gateway.stored.length >= queued);
  t.is(world.gateway.intents.length, 1);
  t.true(isDelivered(world));
});

test("the first message is sent once in a visit, and visits that bring no answer become rarer", (t) => {
  const world = new World([LOW, PAPER]);
  world.gateway.answer = () => undefined;
  world.start();
  world.advance(48 * HOUR);
  const visits = published(world);
  for (const sent of visits) t.is(new Set(sent).size, sent.length, "nothing twice in a visit");
  // With a tick a minute it were 2,880.
  t.true(visits.length > 10 && visits.length < 120, `${visits.length} visits`);
  const first = visits[0]![0]!;
  t.true(visits.flat().filter((message) => message === first).length <= visits.length);
  world.gateway.answer = (same) => same;
  world.advance(3 * HOUR);
  t.true(isDelivered(world));
});

test("a reboot by the watchdog leaves the queue as it was, byte for byte", (t) => {
  const world = new World([LOW, PAPER]);
  let resetCause: NonNullable<BoardFigures["resetCause"]> = "power";
  world.more = { health: () => ({ resetCause }) };
  world.gateway.answer = () => undefined;
  world.start();
  for (let day = 0; day < 2; day++) world.spendDay(10);
  world.advance(HOUR);
  const before = published(world).at(-1)!;
  const { queued } = world.device.figures;
  t.true(queued >= 4);
  resetCause = "watchdog";
  world.restart();
  t.is(world.device.figures.queued, queued);
  const visits = world.connections.length;
  world.advance(HOUR);
  const after = published(world).slice(visits)[0]!;
  t.deepEqual(after.slice(0, before.length), before.slice(0, after.length));
  world.gateway.answer = (same) => same;
  world.advanceTo(3, 23 * HOUR);
  t.is(world.gateway.intents.length, 1);
  t.is(world.gateway.health.at(-1)!.resets[5], 1, "and the gateway hears of it");
  t.true(isDelivered(world));
});
