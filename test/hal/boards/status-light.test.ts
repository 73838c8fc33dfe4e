import test from "ava";
import { onHeld } from "../../../hal/boards/hold.js";
import { PATTERNS, StatusLight } from "../../../hal/boards/status-light.js";
import { VirtualTime } from "../sensors/virtual-time.js";

function newLight() {
  const time = new VirtualTime();
  const switched: [time: number, isOn: 0 | 1][] = [];
  const light = new StatusLight({
    write: (isOn) => switched.push([time.now, isOn]),
    schedule: (delay, task) => time.schedule(delay, task),
  });
  return { time, switched, light };
}

test("each status has its own pattern, which goes on", (t) => {
  for (const status of ["trouble", "setup", "offline", "ready"] as const) {
    const { time, switched, light } = newLight();
    light.say("firmware", status);
    const pattern = PATTERNS[status];
    t.is(pattern.length % 2, 0, "it ends dark");
    const length = pattern.reduce((sum, part) => sum + part, 0);
    time.advance(2 * length);
    const expected: [number, 0 | 1][] = [[0, 0]];
    let at = 0;
    for (let i = 0; i <= 2 * pattern.length; i++) {
      expected.push([at, i % 2 === 0 ? 1 : 0]);
      at += pattern[i % pattern.length]!;
    }
    t.deepEqual(switched, expected, status);
  }
  t.is(new Set(Object.values(PATTERNS).map(String)).size, 4);
});

test("the most urgent of what is said is shown, until it no longer holds", (t) => {
  const { time, switched, light } = newLight();
  const firstLit = (): number => {
    switched.length = 0;
    time.advance(60_000);
    const on = switched.findIndex(([, isOn]) => isOn === 1);
    return switched[on + 1]![0] - switched[on]![0];
  };
  light.say("firmware", "ready");
  light.say("network", "offline");
  t.is(firstLit(), PATTERNS.offline[0]!);
  light.say("firmware", "trouble");
  t.is(firstLit(), PATTERNS.trouble[0]!);
  light.say("network", "ready");
  light.say("firmware", "setup");
  t.is(firstLit(), PATTERNS.setup[0]!);
  t.is(time.pending, 1, "one timer, whatever was said");
  // Said again it does not start again.
  const before = switched.length;
  light.say("firmware", "setup");
  t.is(switched.length, before);
  light.close();
  t.is(time.pending, 0);
  t.is(switched.at(-1)![1], 0);
});

test("a light that has nothing to say wakes the loop four times a minute", (t) => {
  const { time, switched, light } = newLight();
  light.say("firmware", "ready");
  switched.length = 0;
  time.advance(60_000);
  t.is(switched.length, 4);
});

test("a button that is held is told of once, one that is let go or bounces is not", (t) => {
  const time = new VirtualTime();
  let pressed = 0;
  let edge: () => void = () => {};
  let isClosed = false;
  let held = 0;
  const button = onHeld({
    io: class {
      constructor(options: { pin: number; onReadable?(): void }) {
        t.is(options.pin, 9);
        edge = () => options.onReadable?.call(this);
      }
      read() {
        return pressed;
      }
      close() {
        isClosed = true;
      }
    },
    pin: 9,
    time: 5_000,
    schedule: (delay, task) => time.schedule(delay, task),
    onHeld: () => held++,
  });
  const press = (level: number) => {
    pressed = level;
    edge();
  };
  press(1);
  time.advance(4_900);
  press(0);
  time.advance(10_000);
  t.is(held, 0);
  press(1);
  time.advance(10);
  press(1);
  time.advance(60_000);
  t.is(held, 1);
  press(0);
  press(1);
  pressed = 0;
  time.advance(60_000);
  t.is(held, 1, "it was let go, and the edge was missed");
  press(1);
  button.close();
  time.advance(60_000);
  t.is(held, 1);
  t.true(isClosed);
});
