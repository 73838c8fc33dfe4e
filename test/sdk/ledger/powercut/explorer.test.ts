import test from "ava";
import type { FlashPartition } from "../../../../sdk/ledger/index.js";
import { Codec } from "../../../../sdk/uplink/index.js";
import { recordsOf } from "./actions.js";
import { exploreChains, exploreSingles, Findings } from "./explorer.js";
import { geometry, geometryOf, nameOf, newFlash } from "./geometry.js";
import { conserves, isAsBefore, isOneOf, readsLittle, Violation, Witness, writesOnce } from "./invariants.js";
import { Parts, slotsOf } from "./parts.js";
import { Reference } from "./reference.js";
import { replay } from "./replay.js";
import { FIRST_DAY, type Scenario, scenarios } from "./scenarios.js";
import { agrees, type Running } from "./stores.js";
import { cutId, cutOf, tearId, tearOf, variantsOf } from "./tears.js";

const ALL = scenarios();
const TALLY = ALL.find(({ name }) => name === "tally-restarts")!;
const DEVICE = ALL.find(({ name }) => name === "outbox")!;
const OUTLOOK = { runOut: 10, early: 1, late: 2, idle: 3 };

// --- What is tried.

test("a write is torn before its first byte, after every one, and after the last, in bit patterns and unstable ones", (t) => {
  const shape = geometry(3, 512, 4);
  const variants = variantsOf({ kind: "write", offset: 0, bytes: new Uint8Array(12) }, shape, "every");
  for (let done = 0; done <= 12; done++)
    t.true(
      variants.some(({ tear }) => tear.done === done && (tear.reach === 0 || tear.share === 0)),
      `after ${done} bytes`,
    );
  for (let done = 0; done < 12; done++)
    t.true(
      variants.filter(({ tear }) => tear.done === done && tear.reach === 1).length >= 2,
      `within byte ${done}`,
    );
  for (const done of [0, 4, 8])
    t.true(
      variants.some(({ tear }) => tear.unstable && tear.done === done && tear.reach === 4),
      `unit at ${done}`,
    );
  t.true(variants.filter(({ tear }) => tear.unstable && tear.reach === 12).length >= 5);
});

test("an erase is torn from either end, in scattered bytes and bits, and unstable", (t) => {
  const variants = variantsOf({ kind: "erase", block: 0 }, geometry(3, 512, 4), "every");
  const has = (of: (tear: (typeof variants)[number]["tear"]) => boolean | undefined) =>
    t.true(variants.some(({ tear }) => of(tear)));
  has(({ done, reach, backwards }) => done === 256 && reach === 0 && !backwards);
  has(({ done, reach, backwards }) => done === 256 && reach === 0 && backwards);
  has(({ bytewise }) => bytewise);
  has(({ share, reach }) => share === 254 && reach === 512);
  has(({ programmed }) => programmed);
  has(({ unstable, done }) => unstable && done === 0);
  has(({ done, reach, programmed }) => done === 0 && reach === 0 && !programmed);
  has(({ done }) => done === 512);
});

test("fewer variants are a part of what can be asked for", (t) => {
  const shape = geometry(3, 512, 16);
  const count = (detail: "every" | "units" | "few") =>
    variantsOf({ kind: "write", offset: 0, bytes: new Uint8Array(160) }, shape, detail).length;
  t.true(count("every") > 3 * count("units"));
  t.true(count("units") > count("few"));
  t.true(count("few") >= 10);
});

// --- Ids.

test("cuts, tears and geometries are read back from their ids", (t) => {
  for (const kind of ["write", "erase"] as const) {
    const operation = kind === "write" ? { kind, offset: 0, bytes: new Uint8Array(32) } : { kind, block: 1 };
    for (const variant of variantsOf(operation, geometry(3, 512, 16), "every")) {
      t.deepEqual(tearOf(tearId(variant.tear)), variant.tear);
      t.deepEqual(cutOf(cutId({ operation: 7, ...variant })), { operation: 7, ...variant });
    }
  }
  const refusal = { operation: 3, effect: { done: 1, reach: 2, share: 3, seed: 4, unstable: true } };
  const cut = { ...cutOf("12.d5r4s128x7u.no7"), refusal };
  t.is(cutId(cut), "12.d5r4s128x7u.no7.r3.d1r2s3x4u");
  t.deepEqual(cutOf(cutId(cut)), cut);
  t.deepEqual(geometryOf(nameOf(geometry(64, 4096, 16))), geometry(64, 4096, 16));
  for (const bad of ["", "12", "12.d1", "1.d1r2s3x4q.s0", "1.d1r2s3x4.z0"])
    t.throws(() => cutOf(bad), { instanceOf: RangeError });
  t.throws(() => geometryOf("3x512"), { instanceOf: RangeError });
});

test("what is no id is refused with what is accepted", (t) => {
  const refused = (id: string) =>
    t.throws(() => replay(id, ALL, () => {}), { instanceOf: RangeError }).message;
  t.regex(refused("nothing/3x512a4"), /one of first-boot, .* is accepted \(got "nothing"\)/);
  t.regex(refused("tally-ring/3x512"), /3x512a4 is accepted/);
  t.regex(refused("tally-ring/3x512a4/x"), /12\.d5r4s128x7u\.no7 is accepted/);
  t.regex(refused("model/x"), /a whole number/);
  refused("refusal/tally-ring/3x512a4/what");
});

// --- What is broken is found out, and found again by its id.

/** A scenario whose store is broken, or whose flash lies to it. */
function broken(
  scenario: Scenario,
  how: { flash?(flash: FlashPartition): FlashPartition; store?(running: Running): Running },
): Scenario {
  return {
    ...scenario,
    start: (flash, warn) => {
      const running = scenario.start(how.flash?.(flash) ?? flash, warn);
      return how.store?.(running) ?? running;
    },
  };
}

/** All of a partition but some of its functions. */
function but(flash: FlashPartition, functions: Partial<FlashPartition>): FlashPartition {
  return {
    status: () => flash.status(),
    read: (length, offset) => flash.read(length, offset),
    write: (bytes, offset) => flash.write(bytes, offset),
    eraseBlock: (start, end) => flash.eraseBlock(start, end),
    close: () => flash.close(),
    ...functions,
  };
}

/** A driver that says a write is done when it is only in its cache. */
function caching(flash: FlashPartition): FlashPartition {
  let cached: { bytes: Uint8Array; offset: number } | undefined;
  const flush = () => {
    const write = cached;
    cached = undefined;
    if (write) flash.write(write.bytes, write.offset);
  };
  return but(flash, {
    read: (length, offset) => {
      const bytes = new Uint8Array(flash.read(length, offset));
      if (cached)
        for (let i = 0; i < length; i++) {
          const byte = cached.bytes[offset + i - cached.offset];
          if (byte !== undefined) bytes[i] = byte;
        }
      return bytes.buffer;
    },
    write: (bytes, offset) => {
      flush();
      cached = { bytes: new Uint8Array(bytes).slice(), offset };
    },
    eraseBlock: (start, end) => {
      flush();
      flash.eraseBlock(start, end);
    },
  });
}

/** A driver that writes every write twice. */
function stammering(flash: FlashPartition): FlashPartition {
  return but(flash, {
    write: (bytes, offset) => {
      flash.write(bytes, offset);
      try {
        flash.write(bytes, offset);
      } catch {
        // It does not care.
      }
    },
  });
}

/** A driver that reads the whole partition, whatever is asked. */
function greedy(flash: FlashPartition): FlashPartition {
  return but(flash, {
    read: (length, offset) => flash.read(flash.status().size, 0).slice(offset, offset + length),
  });
}

const BROKEN: readonly [what: string, scenario: Scenario, invariant: RegExp][] = [
  ["a flash that caches writes", broken(TALLY, { flash: caching }), /^(isOneOf|isAsBefore): /],
  ["a device on a flash that caches writes", broken(DEVICE, { flash: caching }), /^(isOneOf|isAsBefore): /],
  ["a flash that writes twice", broken(TALLY, { flash: stammering }), /^writesOnce: /],
  ["a flash that reads all", broken(TALLY, { flash: greedy }), /^readsLittle: /],
  [
    "a store that commits twice",
    broken(TALLY, {
      store: (running) => ({
        get state() {
          return running.state;
        },
        open: () => running.open(),
        commit: (expected, branch) => {
          running.commit(expected, branch);
          if (expected.number === 9) running.commit(expected, branch);
        },
        advance: () => running.advance(),
        check: () => {},
        checkDamaged: () => {},
      }),
    }),
    /^(isOneOf|isAsBefore): /,
  ],
];

for (const [what, scenario, invariant] of BROKEN)
  test(`${what} is found out, and the id of a failure reruns it`, (t) => {
    const found = new Findings();
    const shape = scenario.geometries[0]!;
    try {
      found.add(exploreSingles(scenario, shape, "few"));
      found.add(exploreChains(scenario, shape, 5, 60));
    } catch (error) {
      // Found out without any cut.
      t.true(error instanceof Violation);
      t.regex((error as Error).message, invariant);
      t.regex(replay(`${scenario.name}/${nameOf(shape)}`, [scenario], () => {}) ?? "", invariant);
      return;
    }
    t.true(found.failed > 0);
    t.true(found.failures.some(({ message }) => invariant.test(message)));
    for (const { id, message } of found.failures)
      t.is(
        replay(id, [scenario], () => {}),
        message,
        id,
      );
  });

test("a replay tells every operation, what was torn, and what each start found", (t) => {
  const told: string[] = [];
  const id = "tally-restarts/3x512a4/2.d0r0s0x0.s0/1.d4r4s128x1u.no5";
  t.is(
    replay(id, ALL, (text) => told.push(text)),
    undefined,
  );
  const text = told.join("\n");
  t.regex(text, /^life 0: unstable bits read settled$/m);
  t.regex(text, /operation 0: erase of block \d/);
  t.regex(text, /operation 2: write of \d+ bytes at \d+: power is cut, \{"done":0/);
  t.regex(text, /opened: the state is that after \d commits; \d+ bytes were read/);
  t.regex(text, /nothing failed$/);
});

// --- Each invariant can fail.

function parts(): Parts {
  return new Parts(slotsOf(1), new Codec());
}

function violates(t: { is(a: unknown, b: unknown): unknown }, invariant: string, run: () => void): void {
  let found: unknown;
  try {
    run();
  } catch (error) {
    found = error instanceof Violation ? error.invariant : error;
  }
  t.is(found, invariant);
}

test("a state that was never committed is told from those that were", (t) => {
  const possible = [3, 4].map((number) => ({ number, state: Uint8Array.of(number) }));
  t.is(isOneOf(possible, Uint8Array.of(4)).number, 4);
  violates(t, "isOneOf", () => isOneOf(possible, Uint8Array.of(5)));
  violates(t, "isOneOf", () => isOneOf(possible, Uint8Array.of(3, 0)));
  violates(t, "isAsBefore", () => isAsBefore(Uint8Array.of(1), Uint8Array.of(2), "now"));
});

test("a step that is not accounted for is found", (t) => {
  const device = parts();
  const reference = new Reference(slotsOf(1));
  device.fold(recordsOf(device, [{ kind: "consume", slot: 0, steps: 5 }]));
  violates(t, "conserves", () => conserves(device, reference));
  reference.apply([{ kind: "consume", slot: 0, steps: 5 }]);
  t.notThrows(() => agrees(device, reference));
  reference.slots[0]!.calibration = 1;
  violates(t, "agrees", () => agrees(device, reference));
});

test("a sequence that goes back or is used twice is found, and a cycle with two intents", (t) => {
  const report = (day: number) => [{ kind: "report", slot: 0, day, outlook: OUTLOOK } as const];
  const order = (quantity: number) =>
    [{ kind: "order", slot: 0, day: FIRST_DAY, quantity, outlook: OUTLOOK }] as const;
  const seen = (...commits: readonly Parameters<typeof recordsOf>[1][]) => {
    const device = parts();
    for (const commit of commits) device.fold(recordsOf(device, commit));
    return device;
  };
  const witness = () => new Witness(new Codec());
  violates(t, "sequencesRise", () => {
    const all = witness();
    all.see(seen(report(1), report(2)));
    all.see(seen(report(1)));
  });
  violates(t, "oneBodyPerSequence", () => {
    const all = witness();
    all.see(seen(report(1)));
    all.clone().see(seen(report(2)));
  });
  violates(t, "oneIntentPerCycle", () => {
    const all = witness();
    all.see(seen(order(5)));
    all.see(seen([{ kind: "poll" }], [{ kind: "acknowledge", seen: 1 }], order(6)));
  });
  violates(t, "cyclesRise", () => {
    const all = witness();
    all.see(seen(order(5)));
    all.see(seen(report(1), report(2)));
  });
});

test("too many bytes, too many at once, and a second write are found", (t) => {
  const flash = newFlash(geometry(3, 512, 4));
  t.notThrows(() => readsLittle(flash));
  flash.read(513, 0);
  violates(t, "readsLittle", () => readsLittle(flash));
  flash.powerOn();
  for (let i = 0; i < 10; i++) flash.read(512, 0);
  violates(t, "readsLittle", () => readsLittle(flash));
  flash.write(new Uint8Array(4), 0);
  t.notThrows(() => writesOnce(flash));
  t.throws(() => flash.write(new Uint8Array(4), 0));
  violates(t, "writesOnce", () => writesOnce(flash));
});
