import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { Health } from "../../../sdk/health/health.js";
import { ByteReader, ByteWriter, type JournalHealth, Ledger, RECORD } from "../../../sdk/ledger/index.js";
import { Registration } from "../../../sdk/registration/registration.js";
import { DeviceSettings } from "../../../sdk/settings/settings.js";
import { checkedSlots } from "../../../sdk/slot.js";
import { RESET_CAUSES, type ResetCause } from "../../../sdk/uplink/index.js";
import { fold } from "../ledger/fold.js";
import { DAY, FIRST, HOUR, MINUTE, PAPER, SOAP, type Tear, World } from "../world.js";

const JOURNAL: JournalHealth = { worn: [], damaged: 0, formatted: false, mostErases: 0 };
const DEVICE = { day: 20_000, dropped: 0, clock: "trusted", utcOffset: 0, settings: 0, applied: 0 } as const;

/** Starts by cause. */
const resets = (health: Health) => health.message(DEVICE, JOURNAL).resets;

function end(t: ExecutionContext, world: World): void {
  t.deepEqual(world.violations, []);
  t.deepEqual(world.gateway.problems, []);
}

test("starts are counted by their causes, each once, over any restarts", (t) => {
  const anyStart = fc.record({
    cause: fc.option(fc.constantFrom(...RESET_CAUSES), { nil: undefined }),
    /** The store refuses so often before it takes the record. */
    refusals: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(anyStart, { minLength: 1, maxLength: 60 }), (starts) => {
      // Small enough that checkpoints come and go.
      const flash = new NorFlash({ blockLength: 256, blocks: 3 });
      const expected = RESET_CAUSES.map(() => 0);
      for (const { cause, refusals } of starts) {
        const health = new Health({ health: () => (cause ? { resetCause: cause } : {}) });
        const ledger = new Ledger({ flash, parts: [health], warn: (text) => t.fail(text) });
        ledger.open();
        for (let i = 0; i < refusals; i++) t.is(health.start().length, 1);
        t.deepEqual(resets(health), expected);
        ledger.commit(health.start());
        t.deepEqual(health.start(), []);
        expected[RESET_CAUSES.indexOf(cause ?? "unknown")]!++;
        t.deepEqual(resets(health), expected);
      }
    }),
    { numRuns: 100 },
  );
});

test("a cause that only a later firmware knows, and one that no board has, count as unknown", (t) => {
  const health = new Health({ health: () => ({ resetCause: "cosmic ray" as ResetCause }) });
  fold(health, health.start());
  fold(health, [{ kind: RECORD.started, write: (to) => to.byte(200) }]);
  t.deepEqual(resets(health), [2, 0, 0, 0, 0, 0, 0]);
});

test("a checkpoint of a firmware that knows fewer causes or more is read", (t) => {
  for (const [counts, expected] of [
    [
      [3, 4],
      [3, 4, 0, 0, 0, 0, 0],
    ],
    [
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      [1, 2, 3, 4, 5, 6, 7],
    ],
  ] as const) {
    const to = new ByteWriter();
    to.count(20_001);
    to.count(counts.length);
    for (const count of counts) to.count(count);
    const health = new Health({});
    health.load(new ByteReader(to.view()));
    t.deepEqual(resets(health), [...expected]);
    t.false(health.isDue(20_001));
    t.true(health.isDue(20_002));
  }
});

test("counts end at what the message holds", (t) => {
  const to = new ByteWriter();
  to.count(0);
  to.count(1);
  to.count(65_535);
  const health = new Health({});
  health.load(new ByteReader(to.view()));
  fold(health, health.start());
  t.is(resets(health)[0], 65_535);
  const most = 0xffffffff;
  const figures = { ...JOURNAL, mostErases: 1e12, damaged: 1e12, worn: [1, 2] };
  t.like(new Health({}).message({ ...DEVICE, dropped: 1e12 }, figures), {
    dropped: most,
    mostErases: most,
    damaged: most,
    worn: 2,
  });
});

test("what a board cannot say is 0, and one that throws says nothing", (t) => {
  for (const [leastFree, told] of [
    [undefined, 0],
    [Number.NaN, 0],
    [-5, 0],
    [1234.9, 1234],
    [Number.POSITIVE_INFINITY, 0xffffffff],
  ] as const)
    t.is(
      new Health({ health: () => (leastFree === undefined ? {} : { leastFree }) }).message(DEVICE, JOURNAL)
        .leastFree,
      told,
    );
  const health = new Health({
    health: () => {
      throw new Error("no such register");
    },
  });
  fold(health, health.start());
  t.like(health.message(DEVICE, JOURNAL), { leastFree: 0, version: [0, 0, 0] });
  t.deepEqual(resets(health), [1, 0, 0, 0, 0, 0, 0]);
});

test("records of other parts are left to them", (t) => {
  t.false(new Health({}).replay(RECORD.consumed, new ByteReader(new Uint8Array(4))));
});

test("a health record goes up once a day with the first status, and tells what there is to tell", (t) => {
  const world = new World([SOAP, PAPER]);
  let cause: ResetCause = "power";
  let leastFree = 30_000;
  world.more = { version: [2, 7, 1], health: () => ({ resetCause: cause, leastFree }) };
  world.start();
  world.advance(DAY - 1);
  t.deepEqual(world.gateway.health, [], "not on the day of the first start, as no status is");
  world.advanceTo(1, HOUR);
  cause = "brownout";
  world.restart();
  cause = "watchdog";
  world.restart();
  leastFree = 12_000;
  world.advanceTo(5);
  world.advance(DAY - 1);
  const { health } = world.gateway;
  t.deepEqual(
    health.map(({ day }) => day - FIRST),
    [1, 2, 3, 4, 5],
  );
  t.deepEqual(health[0], {
    kind: "health",
    day: FIRST + 1,
    version: [2, 7, 1],
    resets: [0, 1, 0, 0, 0, 0, 0],
    leastFree: 30_000,
    mostErases: health[0]!.mostErases,
    worn: 0,
    damaged: 0,
    dropped: 0,
    clock: "trusted",
    utcOffset: 0,
    settings: 0,
    applied: 0,
  });
  t.true(health[0]!.mostErases >= 1);
  t.like(health[1]!, { resets: [0, 1, 0, 0, 0, 1, 1], leastFree: 12_000 });
  t.deepEqual(world.device.health, health.at(-1));
  t.deepEqual(
    world.gateway.stored.slice(0, 4).map(({ message }) => message.kind),
    ["poll", "status", "health", "status"],
  );
  end(t, world);
});

test("while the gateway is out of reach only the newest is kept, and what it replaced is counted in it", (t) => {
  const world = new World().start();
  world.mood = "silent";
  world.advanceTo(9, HOUR);
  // With the poll of the first day.
  t.is(world.device.figures.queued, 3);
  world.mood = "up";
  world.advance(2 * HOUR);
  t.is(world.gateway.health.length, 1);
  // Until the day began, seven statuses and seven records had been replaced.
  t.like(world.gateway.health[0]!, { day: FIRST + 9, dropped: 14 });
  end(t, world);
});

test("a clock that drifts is told", (t) => {
  const world = new World().start();
  world.gateway.answer = (answer) => ({ ...answer, time: 0 });
  world.wallClock = undefined;
  world.advanceTo(1, HOUR);
  world.restart();
  world.advanceTo(2, HOUR);
  t.is(world.device.health.clock, "drifting");
  end(t, world);
});

test("whenever power is cut as a day begins, no day has two health records and none is left out", (t) => {
  let cuts = 0;
  for (const tear of ["before", "halfway", "after"] as Tear[])
    for (let operation = 1; ; operation++) {
      const world = new World([SOAP, PAPER]).start();
      world.advanceTo(1, -MINUTE);
      world.flash.cutAt(operation, tear);
      world.advance(2 * MINUTE);
      if (!world.flash.isCut) break;
      cuts++;
      world.restart();
      world.restart();
      world.advanceTo(3, -MINUTE);
      t.deepEqual(
        world.gateway.health.map(({ day }) => day - FIRST),
        [1, 2],
        `${tear} ${operation}`,
      );
      // Each start is counted; one that was cut before it could be has not begun.
      t.is(world.gateway.health.at(-1)!.resets[0], 3);
      end(t, world);
    }
  t.true(cuts > 6, `${cuts}`);
});

test("a start that the store refuses at first is counted once when it takes records again", (t) => {
  const world = new World().start(undefined, ["write"]);
  world.advance(HOUR);
  t.is(world.device.storage.state, "failing");
  world.flash.refuses.clear();
  world.advance(HOUR);
  t.is(world.device.storage.state, "ok");
  t.is(world.device.health.resets[0], 1);
  world.restart();
  t.is(world.device.health.resets[0], 2);
  end(t, world);
});

test("a journal of a firmware without health records and settings is read, and goes on with them", (t) => {
  const flash = new NorFlash({ blockLength: 512, blocks: 3 });
  const warn = (text: string) => t.fail(text);
  const earlier = new Registration(1);
  const before = new Ledger({ flash, parts: [earlier], warn });
  before.open();
  before.commit([earlier.enter("registered")]);
  const parts = () =>
    [new Registration(1), new Health({}), new DeviceSettings(checkedSlots([SOAP]))] as const;
  const upgraded = parts();
  const ledger = new Ledger({ flash, parts: upgraded, warn });
  ledger.open();
  t.is(upgraded[0].state, "registered");
  t.true(upgraded[1].isDue(20_000));
  t.is(upgraded[2].number, 0);
  ledger.commit([...upgraded[1].start(), upgraded[1].report(20_000)]);
  const restarted = parts();
  new Ledger({ flash, parts: restarted, warn }).open();
  t.false(restarted[1].isDue(20_000));
  t.is(resets(restarted[1])[0], 1);
  // And back: what an earlier firmware does not know is passed over.
  const back = new Registration(1);
  new Ledger({ flash, parts: [back], warn }).open();
  t.is(back.state, "registered");
});
