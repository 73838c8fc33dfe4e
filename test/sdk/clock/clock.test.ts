import test from "ava";
import fc from "fast-check";
import {
  AGREEMENT,
  type Anchoring,
  Clock,
  type ClockSource,
  FAR,
  FAR_AFTER_RESTART,
  INSISTENCE,
  TRUSTED_FOR,
} from "../../../sdk/clock/clock.js";
import { ByteReader, ByteWriter } from "../../../sdk/ledger/index.js";
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

  /** A clock that the gateway has told the time. */
  static confirmed(utc = NOON): Run {
    const run = new Run();
    run.clock.anchor(utc, "gateway");
    run.record();
    return run;
  }

  /** Keeps the time, as a commit does. */
  record(): void {
    fold(this.clock, [this.clock.record()]);
  }

  /** Power off and on, with all that was kept. */
  restart(): Run {
    return new Run(0, this.clock);
  }
}

test("before it is told the time, a clock knows none", (t) => {
  const { clock } = new Run();
  t.is(clock.quality, "unknown");
  t.deepEqual(
    [clock.now, clock.day, clock.minute, clock.until(0)],
    [undefined, undefined, undefined, undefined],
  );
  t.false(clock.isAnchored);
  t.false(clock.isConfirmed);
});

test("a clock is trusted from an anchor for seven days, then drifts, and runs on all the while", (t) => {
  const run = new Run();
  run.ticks = 5000;
  t.is(run.clock.anchor(NOON, "board"), "taken");
  t.is(run.clock.quality, "trusted");
  t.is(run.clock.now, NOON);
  run.ticks += TRUSTED_FOR;
  t.is(run.clock.quality, "trusted");
  run.ticks += 1;
  t.is(run.clock.quality, "drifting");
  t.is(run.clock.now, NOON + TRUSTED_FOR + 1);
  t.is(run.clock.anchor(NOON + TRUSTED_FOR + SECOND, "board"), "taken");
  t.is(run.clock.quality, "trusted");
  t.is(run.clock.now, NOON + TRUSTED_FOR + SECOND);
});

test("what cannot be a time is refused from either source and changes nothing", (t) => {
  for (const source of ["board", "gateway"] as const)
    for (const utc of [0, -1, EARLIEST - 1, LATEST, Number.NaN, Number.POSITIVE_INFINITY, -NOON]) {
      const run = new Run();
      t.is(run.clock.anchor(utc, source), "refused", `${utc}`);
      t.is(run.clock.quality, "unknown");
      run.clock.anchor(NOON, source);
      run.ticks = 50;
      t.is(run.clock.anchor(utc, source), "refused");
      t.is(run.clock.now, NOON + 50);
    }
  t.is(new Run().clock.anchor(EARLIEST, "board"), "taken");
  t.is(new Run().clock.anchor(LATEST - 1, "gateway"), "taken");
});

test("a first time of the board is not confirmed before the gateway has told one", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "board");
  t.false(run.clock.isConfirmed);
  run.clock.anchor(NOON + SECOND, "board");
  t.false(run.clock.isConfirmed);
  t.is(run.clock.anchor(NOON + 2 * SECOND, "gateway"), "taken");
  t.true(run.clock.isConfirmed);
  t.true(Run.confirmed().clock.isConfirmed);
});

test("the gateway overrides a time of the board alone, ahead or behind by years", (t) => {
  for (const jump of [10 * 365 * DAY, -10 * 365 * DAY, FAR + 1, -FAR - 1]) {
    const run = new Run();
    run.clock.anchor(NOON, "board");
    t.is(run.clock.anchor(NOON + jump, "gateway"), "corrected", `${jump}`);
    t.is(run.clock.now, NOON + jump);
    t.true(run.clock.isConfirmed);
    const restarted = new Run();
    restarted.clock.anchor(NOON, "board");
    restarted.record();
    const next = restarted.restart();
    const isAbsence = jump > 0 && jump <= FAR_AFTER_RESTART;
    t.is(next.clock.anchor(NOON + jump, "gateway"), isAbsence ? "taken" : "corrected", `${jump}`);
    t.is(next.clock.now, NOON + jump);
  }
});

test("in a run that knows the time, neither source alone moves it by more than a day at once, and ahead only the gateway that insists", (t) => {
  for (const source of ["board", "gateway"] as const)
    for (const sign of [1, -1]) {
      const run = Run.confirmed();
      t.is(run.clock.anchor(NOON + sign * FAR, source), "taken");
      run.clock.anchor(NOON, source);
      t.is(run.clock.anchor(NOON + sign * (FAR + 1), source), "doubted");
      // Nor when it insists: ticks say what time it is. But what the gateway said before may have been held back on its way.
      run.ticks = INSISTENCE - 1;
      t.is(run.clock.anchor(NOON + run.ticks + sign * (FAR + 1), source), "doubted");
      run.ticks = 5 * DAY;
      const isLate = source === "gateway" && sign > 0;
      const insisted = NOON + run.ticks + sign * (FAR + 1);
      t.is(run.clock.anchor(insisted, source), isLate ? "corrected" : "doubted");
      t.is(run.clock.now, isLate ? insisted : NOON + run.ticks);
      t.true(run.clock.isConfirmed);
    }
});

test("a board alone does not move its own time far either", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "board");
  t.is(run.clock.anchor(NOON + 20 * DAY, "board"), "doubted");
  t.is(run.clock.anchor(NOON + 20 * DAY, "board"), "doubted");
  t.is(run.clock.now, NOON);
});

test("a far time is believed when both sources agree, in any order, with the ticks in between", (t) => {
  for (const [first, second] of [
    ["board", "gateway"],
    ["gateway", "board"],
  ] as const)
    for (const jump of [100 * DAY, -100 * DAY])
      for (const [off, result] of [
        [0, "corrected"],
        [AGREEMENT, "corrected"],
        [-AGREEMENT, "corrected"],
        [AGREEMENT + 1, "doubted"],
        [-AGREEMENT - 1, "doubted"],
      ] as const) {
        const run = Run.confirmed();
        t.is(run.clock.anchor(NOON + jump, first), "doubted");
        run.ticks = 3 * HOUR;
        t.is(run.clock.anchor(NOON + jump + run.ticks + off, second), result, `${first} ${jump} ${off}`);
        t.is(run.clock.now, result === "doubted" ? NOON + run.ticks : NOON + jump + run.ticks + off);
        t.true(run.clock.isConfirmed);
      }
});

test("a doubt is over when a time that is plausible was taken", (t) => {
  const run = Run.confirmed();
  t.is(run.clock.anchor(NOON + 100 * DAY, "board"), "doubted");
  t.is(run.clock.anchor(NOON, "gateway"), "taken");
  t.is(run.clock.anchor(NOON + 100 * DAY, "gateway"), "doubted");
});

test("after a restart, weeks of absence are plausible, and going back by more than a day is not", (t) => {
  for (const source of ["board", "gateway"] as const)
    for (const [jump, result] of [
      [3 * 7 * DAY, "taken"],
      [FAR_AFTER_RESTART, "taken"],
      [FAR_AFTER_RESTART + 1, "doubted"],
      [-FAR, "taken"],
      [-FAR - 1, "doubted"],
    ] as const) {
      const run = Run.confirmed().restart();
      t.is(run.clock.anchor(NOON + jump, source), result, `${source} ${jump}`);
      t.is(run.clock.quality, result === "taken" ? "trusted" : "drifting");
      t.is(run.clock.now, result === "taken" ? NOON + jump : NOON);
    }
});

test("weeks that the board alone tells after a restart are believed until the gateway says otherwise", (t) => {
  const run = Run.confirmed().restart();
  t.is(run.clock.anchor(NOON + 50 * DAY, "board"), "taken");
  t.false(run.clock.isConfirmed);
  run.record();
  const next = run.restart();
  t.false(next.clock.isConfirmed);
  t.is(next.clock.anchor(NOON + 5 * DAY, "gateway"), "corrected");
  t.true(next.clock.isConfirmed);
  // A time that goes on as expected takes nothing from what the gateway has confirmed.
  next.record();
  const last = next.restart();
  t.is(last.clock.anchor(NOON + 5 * DAY + HOUR, "board"), "taken");
  t.true(last.clock.isConfirmed);
});

test("after a restart without another source, a gateway that says the same an hour later is believed", (t) => {
  for (const [jump, result] of [
    [400 * DAY, "taken"],
    [-3 * DAY, "corrected"],
  ] as const) {
    const run = Run.confirmed().restart();
    const tell = (source: ClockSource, off = 0) => run.clock.anchor(NOON + jump + run.ticks + off, source);
    t.is(tell("gateway"), "doubted");
    run.ticks = INSISTENCE - 1;
    t.is(tell("gateway"), "doubted");
    run.ticks = INSISTENCE;
    t.is(tell("gateway", DAY * Math.sign(jump) * 5), "doubted", "not the same");
    t.is(tell("gateway"), "doubted", "what it said in between counts");
    run.ticks = 2 * INSISTENCE;
    t.is(tell("gateway"), result);
    t.is(run.clock.now, NOON + jump + run.ticks);
    t.true(run.clock.isConfirmed);
  }
  const board = Run.confirmed().restart();
  t.is(board.clock.anchor(NOON + 400 * DAY, "board"), "doubted");
  board.ticks = 10 * DAY;
  t.is(board.clock.anchor(NOON + 410 * DAY, "board"), "doubted", "a board may say so for ever");
});

test("after a restart time goes on from the last that was recorded, as drifting", (t) => {
  const run = new Run();
  run.clock.anchor(NOON + 999, "board");
  run.record();
  run.ticks = 3 * HOUR;
  const next = run.restart();
  t.is(next.clock.quality, "drifting");
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
  const next = run.restart();
  for (let elapsed = 0; elapsed < 3 * DAY; elapsed += 10 * MINUTE + 777) {
    next.ticks = elapsed;
    t.is(next.clock.now, NOON + elapsed);
    next.record();
    t.is(next.clock.now, NOON + elapsed);
  }
});

test("through weeks of restarts without a source, days go on by what was recorded", (t) => {
  let run = Run.confirmed();
  for (let boot = 0; boot < 100; boot++) {
    run = run.restart();
    t.is(run.clock.quality, "drifting");
    run.ticks = 7 * HOUR;
    run.record();
    // What was not recorded any more is lost.
    run.ticks += 5 * MINUTE;
    t.is(run.clock.now, NOON + (boot + 1) * 7 * HOUR + 5 * MINUTE);
  }
  t.is(run.clock.day, Math.floor((NOON + 700 * HOUR) / DAY));
  t.true(run.clock.isConfirmed);
});

test("a clock that was set back is kept as it was set", (t) => {
  const run = new Run();
  run.clock.anchor(NOON + DAY, "board");
  run.record();
  run.clock.anchor(NOON, "board");
  t.true(run.clock.isRecordDue(DAY));
  run.record();
  t.is(run.restart().clock.now, NOON);
  // The same from the records themselves as from a checkpoint.
  const replayed = new Run();
  fold(replayed.clock, [
    { kind: 24, write: (to) => to.count((NOON + 5 * DAY) / SECOND) },
    { kind: 24, write: (to) => to.count(NOON / SECOND) },
  ]);
  t.is(replayed.clock.now, NOON);
});

test("a record is due when what the journal has is older than asked, or does not know who confirmed it", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "board");
  t.true(run.clock.isRecordDue(10 * MINUTE));
  run.record();
  t.false(run.clock.isRecordDue(10 * MINUTE));
  run.ticks = 10 * MINUTE - 1;
  t.false(run.clock.isRecordDue(10 * MINUTE));
  run.ticks = 10 * MINUTE;
  t.true(run.clock.isRecordDue(10 * MINUTE));
  run.record();
  run.clock.anchor(run.clock.now!, "gateway");
  t.true(run.clock.isRecordDue(10 * MINUTE));
  run.record();
  t.false(run.clock.isRecordDue(10 * MINUTE));
});

test("a record that was made before the gateway confirmed the time takes nothing from this run", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "board");
  const late = run.clock.record();
  run.clock.anchor(NOON, "gateway");
  fold(run.clock, [late]);
  t.true(run.clock.isConfirmed);
  t.true(run.clock.isRecordDue(DAY));
  t.false(run.restart().clock.isConfirmed);
});

test("without a time, metering goes on from restart to restart, and is recorded as time is", (t) => {
  let run = new Run();
  t.deepEqual([run.clock.metered, run.clock.relativeDay, run.clock.untilDayEnds], [0, 1, DAY]);
  run.ticks = 10 * MINUTE;
  t.true(run.clock.isRecordDue(10 * MINUTE));
  run.record();
  t.false(run.clock.isRecordDue(10 * MINUTE));
  for (let boot = 0; boot < 10; boot++) {
    run = run.restart();
    t.is(run.clock.quality, "unknown");
    run.ticks = 5 * HOUR + 500;
    run.record();
    t.is(run.clock.metered, 10 * MINUTE + boot * 5 * HOUR + run.ticks, "to the millisecond within a run");
  }
  t.is(run.clock.relativeDay, 3);
  t.is(run.clock.untilDayEnds, 72 * HOUR - 50 * HOUR - 10 * MINUTE - 500);
  // It goes on when the time is known, but is kept no more.
  run.clock.anchor(NOON, "gateway");
  run.record();
  run.ticks += HOUR;
  run.record();
  t.is(run.clock.relativeDay, 3);
  t.is(run.restart().clock.metered, 50 * HOUR + 10 * MINUTE);
});

test("the UTC offset is the configured one until it was changed, and then what it was changed to", (t) => {
  const run = new Run(60);
  run.clock.anchor(NOON, "board");
  run.record();
  t.is(run.clock.movedTo, undefined);
  t.is(run.clock.minute, 13 * 60);
  t.is(new Run(120, run.clock).clock.minute, 14 * 60);
  for (const offset of [-840, -1, 0, 1, 840]) {
    fold(run.clock, [run.clock.move(offset)]);
    for (const clock of [run.clock, new Run(120, run.clock).clock]) {
      t.is(clock.movedTo, offset);
      t.is(clock.day, Math.floor((NOON + offset * MINUTE) / DAY));
      t.is(clock.minute, (12 * 60 + offset + 1440) % 1440);
    }
  }
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

for (const zone of ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
  test(`with the offset moved at each change, days are those of ${zone} for two years`, (t) => {
    const format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      ...{ year: "numeric", month: "2-digit", day: "2-digit" },
      ...{ hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    });
    const local = (utc: number) => {
      const parts = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, value]));
      const date = Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day));
      return { day: date / DAY, minute: Number(parts.hour) * 60 + Number(parts.minute) };
    };
    const offsetAt = (utc: number) => {
      const { day, minute } = local(utc);
      return day * 1440 + minute - Math.floor(utc / MINUTE);
    };
    const start = Date.UTC(2025, 0, 1);
    const run = new Run();
    run.clock.anchor(start, "gateway");
    let changes = 0;
    let offset = 0;
    for (let ticks = 0; ticks < 730 * DAY; ticks += 30 * MINUTE) {
      run.ticks = ticks;
      if (offsetAt(start + ticks) !== offset) {
        offset = offsetAt(start + ticks);
        fold(run.clock, [run.clock.move(offset)]);
        changes++;
      }
      const { day, minute } = local(start + ticks);
      if (run.clock.day !== day || run.clock.minute !== minute)
        return t.fail(`${new Date(start + ticks).toISOString()}: day ${run.clock.day}, not ${day}`);
    }
    t.is(changes, 5);
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
  t.is(run.clock.untilDayEnds, 12 * HOUR);
});

test("a clock takes its own records and no others", (t) => {
  const { clock } = new Run();
  const before = saved(clock);
  t.false(fold(clock, [{ kind: 1, write: (to) => to.count(5) }]));
  t.is(clock.quality, "unknown");
  t.deepEqual(saved(clock), before);
});

test("a clock that never knew the time is restarted knowing none", (t) => {
  const next = new Run().restart();
  t.deepEqual([next.clock.quality, next.clock.now], ["unknown", undefined]);
  const recorded = new Run();
  recorded.record();
  t.deepEqual([recorded.clock.quality, recorded.clock.now], ["unknown", undefined]);
});

test("what earlier firmware has kept is read: a time that nobody has confirmed", (t) => {
  for (const seconds of [0, NOON / SECOND]) {
    const checkpoint = new ByteWriter();
    checkpoint.count(seconds);
    const run = new Run(60);
    run.clock.load(new ByteReader(checkpoint.view()));
    const replayed = new Run(60);
    fold(replayed.clock, [{ kind: 24, write: (to) => to.count(seconds) }]);
    for (const { clock } of [run, replayed]) {
      t.is(clock.now, seconds === 0 ? undefined : NOON);
      t.deepEqual([clock.isConfirmed, clock.metered, clock.movedTo], [false, 0, undefined]);
    }
  }
});

/** The clock in other words: times that go on, instead of an origin; all that is told in section 4.2 of the design. */
class Model {
  now: number | undefined;
  confirmed = false;
  /** Time since the last anchor of this run. */
  age: number | undefined;
  doubts: { source: ClockSource; utc: number; age: number }[] = [];
  kept: { now: number; confirmed: boolean } | undefined;
  metered = 0;
  keptMetered = 0;

  wait(time: number): void {
    if (this.now !== undefined) this.now += time;
    if (this.age !== undefined) this.age += time;
    this.metered += time;
    for (const doubt of this.doubts) {
      doubt.utc += time;
      doubt.age += time;
    }
  }

  keep(): void {
    if (this.now === undefined) this.keptMetered = Math.floor(this.metered / SECOND) * SECOND;
    else this.kept = { now: Math.floor(this.now / SECOND) * SECOND, confirmed: this.confirmed };
  }

  restart(): void {
    this.now = this.kept?.now;
    this.confirmed = this.kept?.confirmed ?? false;
    this.age = undefined;
    this.doubts = [];
    this.metered = this.keptMetered;
  }

  tell(utc: number, source: ClockSource): Anchoring {
    if (utc < EARLIEST || utc >= LATEST) return "refused";
    const take = (confirmed: boolean): void => {
      this.now = utc;
      this.age = 0;
      this.doubts = [];
      this.confirmed = confirmed;
    };
    if (this.now === undefined) {
      take(source === "gateway");
      return "taken";
    }
    const ahead = utc - this.now;
    const most = this.age === undefined ? 60 * DAY : DAY;
    if (ahead >= -DAY && ahead <= most) {
      take(source === "gateway" || (this.confirmed && ahead <= DAY));
      return "taken";
    }
    if (source === "board" || this.confirmed) {
      const same = this.doubts.filter((doubt) => Math.abs(doubt.utc - utc) <= 10 * MINUTE);
      const other = same.find((doubt) => doubt.source !== source);
      const own = same.find((doubt) => doubt.source === source);
      const insists = own && source === "gateway" && (this.age === undefined || ahead > 0) && own.age >= HOUR;
      if (!other && !insists) {
        if (!own)
          this.doubts = [...this.doubts.filter((doubt) => doubt.source !== source), { source, utc, age: 0 }];
        return "doubted";
      }
    }
    const wasOff = ahead > 0 && this.confirmed && this.age === undefined;
    take(true);
    return wasOff ? "taken" : "corrected";
  }
}

const told = fc.record({
  act: fc.constantFrom("tell" as const),
  source: fc.constantFrom<ClockSource>("board", "gateway"),
  // Around a few times, so that sources meet.
  off: fc
    .tuple(
      fc.constantFrom(0, 0, 0, DAY, -DAY, 40 * DAY, 400 * DAY, 400 * DAY, -400 * DAY, -9000 * DAY),
      fc.constantFrom(0, 0, 1, -1, 8 * MINUTE, -8 * MINUTE, HOUR, -HOUR, 13 * HOUR),
    )
    .map(([far, near]) => far + near),
  wait: fc.nat(2 * DAY),
});
const passed = fc.record({
  act: fc.constantFrom("restart" as const, "record" as const, "record" as const),
  wait: fc.nat(20 * DAY),
});

test("after any anchors, restarts and waits, a clock is what its model says", (t) => {
  const results = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: told }, passed), { maxLength: 60 }), (steps) => {
      let utc = NOON;
      let run = new Run();
      const model = new Model();
      for (const step of steps) {
        utc += step.wait;
        run.ticks += step.wait;
        model.wait(step.wait);
        if (step.act === "tell") {
          const expected = model.tell(utc + step.off, step.source);
          results.set(expected, (results.get(expected) ?? 0) + 1);
          if (run.clock.anchor(utc + step.off, step.source) !== expected) return false;
        } else if (step.act === "restart") {
          run = run.restart();
          model.restart();
        } else {
          const { now } = run.clock;
          run.record();
          model.keep();
          if (run.clock.now !== now) return false;
        }
        const { now, quality, isConfirmed, metered } = run.clock;
        const trusted = model.age !== undefined && model.age <= 7 * DAY;
        if (now !== model.now || isConfirmed !== model.confirmed || metered !== model.metered) return false;
        if (quality !== (now === undefined ? "unknown" : trusted ? "trusted" : "drifting")) return false;
      }
      return true;
    }),
    { numRuns: 2000 },
  );
  for (const result of ["taken", "corrected", "doubted", "refused"])
    t.true(results.get(result)! > 50, `${result}: ${results.get(result)}`);
});

test("a journal that is read late takes nothing from the time that has passed since the start", (t) => {
  const run = new Run();
  run.clock.anchor(NOON, "gateway");
  run.record();
  const next = new Run();
  next.ticks = 3 * HOUR;
  loaded(next.clock, run.clock);
  t.is(next.clock.now, NOON + 3 * HOUR);
  const unknown = new Run();
  unknown.ticks = 5 * HOUR;
  unknown.record();
  const late = new Run();
  late.ticks = 2 * HOUR;
  loaded(late.clock, unknown.clock);
  t.is(late.clock.metered, 7 * HOUR);
});
