import test from "ava";
import { Condition } from "../../firmware/condition.js";
import type { Board, BoardStatus, ResetReason } from "../../hal/boards/board.js";
import { ManualClock } from "../sdk/uplink/support.js";

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
