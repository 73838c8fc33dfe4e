import test from "ava";
import fc from "fast-check";
import { Clock, TRUSTED_FOR } from "../../../sdk/clock/clock.js";
import { fold, loaded, saved } from "../ledger/fold.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const EARLIEST = Date.UTC(2013, 0, 1);
const LATEST = 2 ** 32 * SECOND;
const NOON = Date.UTC(2026, 2, 14, 12, 0, 0);

/** A clock and the ticks it runs on. */
class Run {
  ticks = 0;
  readonly clock: Clock;

  constructor(utcOffsetMinutes = 0, before?: Clock) {
    this.clock = new Clock({ ticks: () => this.ticks, utcOffsetMinutes });
    if (before) loaded(this.clock, before);
  }

  /** Keeps the time, as a commit does. */
  record(): void {
    fold(this.clock, [this.clock.record()]);
  }
}

test("before it is told the time, a clock knows none", (t) => {
  const { clock } = new Run();
  t.is(clock.quality, "unknown");
  t.deepEqual(
    [clock.now, clock.day, clock.minute, clock.until(0), clock.lastRecorded],
    [undefined, undefined, undefined, undefined, undefined],
  );
  t.false(clock.isRecordDue(0));
});

test("a clock is trusted from an anchor for seven days, then drifts, and runs on all the while", (t) => {
  const run = new Run();
  run.ticks = 5000;
  t.true(run.clock.anchor(NOON, "board"));
  t.is(run.clock.quality, "trusted");
  t.is(run.clock.now, NOON);
  run.ticks += TRUSTED_FOR;
  t.is(run.clock.quality, "trusted");
  run.ticks += 1;
  t.is(run.clock.quality, "drifting");
  t.is(run.clock.now, NOON + TRUSTED_FOR + 1);
  t.false(run.clock.anchor(NOON + TRUSTED_FOR + SECOND, "board"));
  t.is(run.clock.quality, "trusted");
  t.is(run.clock.now, NOON + TRUSTED_FOR + SECOND);
});

test("only the first anchor of a run is told as such", (t) => {
  const run = new Run();
  t.deepEqual([run.clock.anchor(NOON, "board"), run.clock.anchor(NOON + 5, "board")], [true, false]);
  run.record();
  const next = new Run(0, run.clock);
  t.deepEqual(
    [next.clock.anchor(NOON + HOUR, "board"), next.clock.anchor(NOON + HOUR, "board")],
    [true, false],
  );
});

test("what cannot be a time is refused and changes nothing", (t) => {
  for (const utc of [0, -1, EARLIEST - 1, LATEST, Number.NaN, Number.POSITIVE_INFINITY, -NOON]) {
    const run = new Run();
    t.false(run.clock.anchor(utc, "board"), `${utc}`);
    t.is(run.clock.quality, "unknown");
    run.clock.anchor(NOON, "board");
    run.ticks = 50;
    t.false(run.clock.anchor(utc, "board"));
    t.is(run.clock.now, NOON + 50);
  }
  t.true(new Run().clock.anchor(EARLIEST, "board"));
  t.true(new Run().clock.anchor(LATEST - 1, "board"));
});

test("after a restart time goes on from the last that was recorded, as drifting", (t) => {
  const run = new Run();
  run.clock.anchor(NOON + 999, "board");
  run.record();
  run.ticks = 3 * HOUR;
  const next = new Run(0, run.clock);
  t.is(next.clock.quality, "drifting");
  t.is(next.clock.lastRecorded, NOON);
  t.is(next.clock.now, NOON);
  next.ticks = 90 * MINUTE;
  t.is(next.clock.now, NOON + 90 * MINUTE);
  t.is(next.clock.quality, "drifting");
  next.clock.anchor(NOON + DAY, "board");
  t.is(next.clock.quality, "trusted");
  t.is(next.clock.now, NOON + DAY);
});

test("drifting time runs as fast as the ticks, however often it is recorded", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "board");
  run.record();
  const next = new Run(0, run.clock);
  for (let elapsed = 0; elapsed < 3 * DAY; elapsed += 10 * MINUTE + 777) {
    next.ticks = elapsed;
    t.is(next.clock.now, NOON + elapsed);
    next.record();
    t.is(next.clock.now, NOON + elapsed);
  }
});

test("time is never earlier than what was recorded, over any restarts", (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          wait: fc.nat(20 * DAY),
          act: fc.constantFrom("restart" as const, "record" as const, "anchor" as const),
        }),
        { maxLength: 60 },
      ),
      (steps) => {
        let utc = NOON;
        let run = new Run();
        run.clock.anchor(utc, "board");
        run.record();
        let recorded = NOON;
        for (const { wait, act } of steps) {
          utc += wait;
          run.ticks += wait;
          if (act === "anchor") run.clock.anchor(utc, "board");
          else if (act === "record") {
            const { now } = run.clock;
            run.record();
            recorded = Math.floor(now! / SECOND) * SECOND;
            if (run.clock.now !== now) return false;
          } else run = new Run(0, run.clock);
          const { now, lastRecorded } = run.clock;
          if (!(now! >= recorded && now! <= utc) || lastRecorded !== recorded) return false;
        }
        return true;
      },
    ),
  );
  t.pass();
});

test("a clock that was set back is kept as it was set", (t) => {
  const run = new Run();
  run.clock.anchor(NOON + 5 * DAY, "board");
  run.record();
  run.clock.anchor(NOON, "board");
  t.false(run.clock.isRecordDue(0));
  run.record();
  t.is(new Run(0, run.clock).clock.now, NOON);
  // The same from the records themselves as from a checkpoint.
  const replayed = new Run();
  fold(replayed.clock, [
    { kind: 24, write: (to) => to.count((NOON + 5 * DAY) / SECOND) },
    { kind: 24, write: (to) => to.count(NOON / SECOND) },
  ]);
  t.is(replayed.clock.now, NOON);
});

test("a record is due when what the journal has is older than asked", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "board");
  t.true(run.clock.isRecordDue(10 * MINUTE));
  run.record();
  t.false(run.clock.isRecordDue(10 * MINUTE));
  run.ticks = 10 * MINUTE - 1;
  t.false(run.clock.isRecordDue(10 * MINUTE));
  run.ticks = 10 * MINUTE;
  t.true(run.clock.isRecordDue(10 * MINUTE));
});

test("day and minute are those of the place, from one midnight to the next", (t) => {
  const midnight = Date.UTC(2026, 2, 14);
  const day = midnight / DAY;
  for (const offset of [-840, -300, -1, 0, 1, 90, 330, 840]) {
    const run = new Run(offset);
    const local = midnight - offset * MINUTE;
    run.clock.anchor(local - 1, "board");
    t.deepEqual([run.clock.day, run.clock.minute], [day - 1, 1439], `${offset}`);
    run.ticks = 1;
    t.deepEqual([run.clock.day, run.clock.minute], [day, 0]);
    run.ticks = MINUTE;
    t.deepEqual([run.clock.day, run.clock.minute], [day, 0]);
    run.ticks = MINUTE + 1;
    t.deepEqual([run.clock.day, run.clock.minute], [day, 1]);
    run.ticks = DAY;
    t.deepEqual([run.clock.day, run.clock.minute], [day, 1439]);
    run.ticks = DAY + 1;
    t.deepEqual([run.clock.day, run.clock.minute], [day + 1, 0]);
  }
});

test("the wait for a minute of the day ends at it, within a day, and never at once", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: EARLIEST, max: LATEST - DAY }),
      fc.integer({ min: -840, max: 840 }),
      fc.nat(1439),
      (utc, offset, minute) => {
        const run = new Run(offset);
        run.clock.anchor(utc, "board");
        const day = run.clock.day!;
        const before = run.clock.minute!;
        const wait = run.clock.until(minute)!;
        if (!(wait > 0 && wait <= DAY)) return false;
        run.ticks = wait - 1;
        if (wait > 1 && run.clock.minute === minute && before !== minute) return false;
        run.ticks = wait;
        const exact = (utc + wait + offset * MINUTE) % MINUTE === 0;
        return exact && run.clock.minute === minute && run.clock.day! - day <= 1;
      },
    ),
    { numRuns: 500 },
  );
  const run = new Run(0);
  run.clock.anchor(NOON, "board");
  t.is(run.clock.until(12 * 60 + 1), MINUTE);
  t.is(run.clock.until(12 * 60), DAY);
  t.is(run.clock.until(0), 12 * HOUR);
});

test("a clock takes its own records and no others", (t) => {
  const { clock } = new Run();
  t.false(fold(clock, [{ kind: 1, write: (to) => to.count(5) }]));
  t.is(clock.quality, "unknown");
  t.deepEqual([...saved(clock)], [0]);
});

test("a clock that never knew the time is restarted knowing none", (t) => {
  const next = new Run(0, new Run().clock);
  t.deepEqual([next.clock.quality, next.clock.now], ["unknown", undefined]);
  const recorded = new Run();
  recorded.record();
  t.deepEqual([recorded.clock.quality, recorded.clock.now], ["unknown", undefined]);
});
