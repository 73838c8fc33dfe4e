import test from "ava";
import product from "../../firmware/any/index.js";
import { startApp } from "../../firmware/app.js";
import { Condition } from "../../firmware/condition.js";
import type { Board, BoardStatus, ResetReason } from "../../hal/boards/board.js";
import { PATTERNS, StatusLight } from "../../hal/boards/status-light.js";
import { ManualClock } from "../sdk/uplink/support.js";
import { configOf, TestBoard } from "./test-board.js";

const HOUR = 3_600_000;

/** What of a board a condition asks. */
class Bench {
  readonly clock = new ManualClock();
  readonly shown: BoardStatus[] = [];
  free: number | undefined = 50_000;
  reason: ResetReason = "power-on";

  board(): Board {
    return {
      schedule: this.clock.schedule,
      resetReason: () => this.reason,
      freeMemory: () => this.free,
      setStatus: (status: BoardStatus) => this.shown.push(status),
    } as unknown as Board;
  }
}

test("the least that was ever free is told, not what is free now", (t) => {
  const bench = new Bench();
  const condition = new Condition(bench.board());
  t.is(condition.figures.leastFree, 50_000);
  bench.free = 20_000;
  bench.clock.advance(HOUR);
  bench.free = 60_000;
  bench.clock.advance(HOUR);
  t.is(condition.figures.leastFree, 20_000);
  condition.close();
  t.deepEqual(bench.clock.waits, []);
});

test("a board that measures nothing is asked once, and tells nothing", (t) => {
  const bench = new Bench();
  bench.free = undefined;
  const condition = new Condition(bench.board());
  t.deepEqual(condition.figures, { resetCause: "power" });
  t.deepEqual(bench.clock.waits, []);
});

test("a board that has none of it tells nothing", (t) => {
  const condition = new Condition({ schedule: new ManualClock().schedule } as unknown as Board);
  t.deepEqual(condition.figures, {});
  condition.onEvent({ kind: "storage", state: "failing", reason: "flash" });
});

test("every reason of a board is a cause of the health record", (t) => {
  const bench = new Bench();
  const condition = new Condition(bench.board());
  const causes = (
    ["power-on", "brown-out", "watchdog", "panic", "software", "external", "other"] as const
  ).map((reason) => {
    bench.reason = reason;
    return condition.figures.resetCause;
  });
  t.deepEqual(causes, ["power", "brownout", "watchdog", "panic", "software", "pin", "unknown"]);
});

test("a journal that refuses is shown until it is back", (t) => {
  const bench = new Bench();
  const condition = new Condition(bench.board());
  condition.onEvent({ kind: "storage", state: "failing", reason: "flash" });
  condition.onEvent({ kind: "dayClosed", day: 20_000 });
  condition.onEvent({ kind: "storage", state: "ok", reason: "" });
  t.deepEqual(bench.shown, ["ready", "trouble", "ready"]);
});

/** A device on a board with a light, whose network is there. */
function lit(model: object, more: Partial<Board>) {
  const bench = new TestBoard();
  bench.set(4, 0);
  let levels: (0 | 1)[] = [];
  const shown: BoardStatus[] = [];
  const { schedule } = bench.clock;
  const light = new StatusLight({ write: (level) => levels.push(level), schedule });
  light.say("network", "ready");
  const board: Board = {
    ...bench.board(),
    ...more,
    setStatus(status) {
      shown.push(status);
      light.say("firmware", status);
    },
  };
  const config = configOf([{ sensor: { kind: "dose-counter", pin: 4, stepsPerDose: 1, refillButton: 5 } }]);
  const app = startApp(board, { ...config, ...model }, product);
  bench.settle();
  /** Flashes within a minute. */
  const flashes = () => {
    levels = [];
    bench.pass(60_000);
    return levels.filter((level) => level === 1).length;
  };
  return { bench, app, shown, flashes };
}

test("the light is ready when the customer has answered the offer, and not before", (t) => {
  let entropy = 0;
  const registration: NonNullable<Board["registration"]> = {
    entropy: (count) => new Uint8Array(count).map(() => ++entropy & 255),
    sha256: () => new Uint8Array(32),
  };
  const { bench, app, shown, flashes } = lit({ model: "M" }, { registration });
  const { everfull } = app;
  const setup = 60_000 / PATTERNS.setup.reduce((sum, one) => sum + one, 0);
  t.is(flashes(), setup);
  everfull.offerRegistration();
  t.is(flashes(), setup);
  everfull.declineRegistration();
  flashes();
  t.is(flashes(), 2);
  everfull.deregister("deleted");
  bench.pass(3 * 60_000);
  t.is(flashes(), setup, "the next customer is to be asked");
  const offer = everfull.offerRegistration()!;
  everfull.authorizeRegistration(offer.pairingCode, { code: "c", clientId: "i", redirectUri: "r" });
  flashes();
  t.is(flashes(), 2);
  t.deepEqual(shown, ["setup", "ready", "setup", "ready"]);
  app.close();
});

test("a device that offers no registration is ready at once", (t) => {
  const registration = { entropy: () => new Uint8Array(32), sha256: () => new Uint8Array(32) };
  for (const [model, more] of [
    [{}, { registration }],
    [{ model: "M" }, {}],
  ] as const) {
    const { app, shown, flashes } = lit(model, more);
    t.is(flashes(), 2);
    t.deepEqual(shown, ["ready"]);
    app.close();
  }
});
