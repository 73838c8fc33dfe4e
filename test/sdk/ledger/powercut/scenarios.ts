import { NorFlash, PowerCut, type Tear } from "../../../../hal/simulator/nor-flash.js";
import type { FlashPartition } from "../../../../sdk/ledger/index.js";
import { Codec } from "../../../../sdk/uplink/index.js";
import type { Action, Commit, Outlook } from "./actions.js";
import { formatOneBlocks, formatOneImage } from "./format-one.js";
import { type Geometry, geometry, newFlash } from "./geometry.js";
import { slotsOf } from "./parts.js";
import type { Reference } from "./reference.js";
import {
  type Expected,
  ExpectedParts,
  ExpectedTally,
  type Record,
  type Running,
  RunningParts,
  RunningTally,
  type Script,
} from "./stores.js";

/** A history whose every operation is cut. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly geometries: readonly Geometry[];
  /** Commits whose operations are cut, those of the start before them included. */
  readonly commits: number;
  /** Commits after which the device is restarted in the history itself; never when not told. */
  readonly restartsEvery?: number;
  /** Commits after which the next block is taken into use, before there is no room left; only then when not told. */
  readonly makesRoomEvery?: number;
  readonly codec: Codec;
  /** The partition before, and what may be in it. */
  prepare(shape: Geometry): { readonly flash: NorFlash; readonly possible: readonly Expected[] };
  /** A store on the partition, not yet open. */
  start(flash: FlashPartition, warn: (text: string) => void): Running;
}

interface ScenarioOptions {
  readonly name: string;
  readonly about: string;
  readonly geometries: readonly Geometry[];
  readonly commits: number;
  readonly restartsEvery?: number;
  readonly makesRoomEvery?: number;
  /** Commits of an earlier life on the same partition. */
  readonly before?: number;
  /** How the last of them was torn, if it was. */
  readonly torn?: Tear;
  /** The earlier life was that of the first journal format. */
  readonly formatOne?: boolean;
}

type Store = Pick<Scenario, "start"> & { readonly first: Expected };

/** An earlier life, with a whole or a torn end. */
function lived(store: Store, shape: Geometry, options: ScenarioOptions): ReturnType<Scenario["prepare"]> {
  const flash = newFlash(shape);
  const { before = 0, torn } = options;
  let expected = store.first;
  if (before === 0) return { flash, possible: [expected] };
  const running = store.start(flash, () => {});
  running.open();
  for (; expected.number < before; expected = expected.next(0)) running.commit(expected, 0);
  if (!torn) return { flash: flash.clone(), possible: [expected] };
  flash.onOperation = (operation) => {
    flash.interrupt(operation, torn);
    flash.cutPower();
    throw new PowerCut("off");
  };
  try {
    running.commit(expected, 0);
  } catch (error) {
    if (!flash.isOff) throw error;
  }
  return { flash: flash.clone(), possible: [expected, expected.next(0)] };
}

/** An earlier life of the first journal format. */
function livedInFormatOne(store: Store, shape: Geometry, before: number): ReturnType<Scenario["prepare"]> {
  const history = [];
  let expected = store.first;
  for (; expected.number < before; expected = expected.next(0)) {
    const record =
      expected instanceof ExpectedParts
        ? expected.payload(0)
        : (expected as ExpectedTally).record(expected.number, 0);
    history.push({ before: expected.state, record });
  }
  const content = formatOneImage(shape, formatOneBlocks(shape, history));
  return { flash: new NorFlash({ ...shape, content }), possible: [expected] };
}

function scenario(store: Store, codec: Codec, options: ScenarioOptions): Scenario {
  return {
    name: options.name,
    about: options.about,
    geometries: options.geometries,
    commits: options.commits,
    ...(options.restartsEvery && { restartsEvery: options.restartsEvery }),
    ...(options.makesRoomEvery && { makesRoomEvery: options.makesRoomEvery }),
    codec,
    start: store.start,
    prepare: (shape) =>
      options.formatOne ? livedInFormatOne(store, shape, options.before!) : lived(store, shape, options),
  };
}

// --- What happens to a device.

export const FIRST_DAY = 20000;

function outlook(number: number, branch: number): Outlook {
  return { runOut: 20 + branch, early: 3 + (number % 5), late: 300 % 256, idle: number % 3 };
}

function consume(number: number, branch: number, slot = 0): Action {
  return { kind: "consume", slot, steps: 1 + ((7 * number + 13 * branch) % 23) };
}

function anchor(number: number): Action {
  return { kind: "anchor", seconds: FIRST_DAY * 86400 + 1800 * number };
}

/** Use, the time every two hours, a calibration now and then, more use than there is at the end. */
const metering: Script = (number, branch) => [
  consume(number, branch),
  ...(number % 9 === 8 ? [{ kind: "refill", slot: 0, steps: 40, day: FIRST_DAY } as const] : []),
  ...(number % 5 === 3 ? [{ kind: "calibrate", slot: 0, value: branch - 3 * number } as const] : []),
  ...(number % 4 === 0 ? [anchor(number)] : []),
];

/** Days that close, each with its status, which is acknowledged. */
const days: Script = (number, branch, { lastSequence, received }) => {
  const day = FIRST_DAY + Math.floor(number / 5);
  switch (number % 5) {
    case 0:
      return [{ kind: "close", day }, anchor(48 * (day - FIRST_DAY))];
    case 1:
      return [
        { kind: "report", slot: 0, day, outlook: outlook(number, branch) },
        { kind: "miss", minutes: 15 },
      ];
    case 2:
      return [
        { kind: "acknowledge", seen: lastSequence },
        { kind: "receive", sequence: received + 1, applied: 0 },
      ];
    default:
      return [consume(number, branch)];
  }
};

/** Three orders of a slot: refilled, cancelled, booked as delivered; the third is then refilled. */
const orders: Script = (number, branch, { lastSequence, received, applied }) => {
  const day = FIRST_DAY + number;
  const comes = (state: "accepted" | "placed" | "shipped" | "cancelled", value = 0): Commit => [
    { kind: "acknowledge", seen: lastSequence },
    { kind: "receive", sequence: received + 1, applied: applied + 1 },
    { kind: "event", slot: 0, state, day, value },
  ];
  const order: Commit = [
    consume(number, branch),
    { kind: "report", slot: 0, day, outlook: outlook(number, branch) },
    { kind: "order", slot: 0, day, quantity: 250, outlook: outlook(number, branch) },
  ];
  const refill: Commit = [{ kind: "refill", slot: 0, steps: 250 - branch, day }];
  const use: Commit = [consume(number, branch), anchor(48 * number)];
  const story: readonly Commit[] = [
    [{ kind: "close", day }, anchor(48 * number)],
    order,
    comes("accepted"),
    comes("placed", day + 4),
    comes("shipped", day + 3),
    refill,
    use,
    order,
    comes("accepted"),
    comes("cancelled"),
    order,
    comes("placed", day + 2),
    [{ kind: "overdue", slot: 0, day }, consume(number, branch)],
    refill,
  ];
  return story[number % story.length]!;
};

/** Messages that gather, replace each other, are acknowledged in part, wholly, and by a gateway that knows more than the device. */
const outbox: Script = (number, branch, reference: Reference) => {
  const { lastSequence, received, applied, slots } = reference;
  const day = FIRST_DAY + Math.floor(number / 8);
  const state = slots[0]!.state;
  switch (number % 8) {
    case 0:
    case 3:
      return [{ kind: "report", slot: 0, day, outlook: outlook(number, branch) }, consume(number, branch)];
    case 1:
      return [{ kind: "report", slot: slots.length - 1, day, outlook: outlook(number, branch) }];
    case 2:
      return [consume(number, branch), { kind: "poll" }];
    case 4:
      return state === "idle" || state === "rejected"
        ? [{ kind: "order", slot: 0, day, quantity: 250, outlook: outlook(number, branch) }]
        : [{ kind: "poll" }];
    case 5:
      return [
        { kind: "acknowledge", seen: Math.max(0, lastSequence - 1) },
        { kind: "receive", sequence: received + 1, applied },
      ];
    case 6:
      return [
        { kind: "receive", sequence: received + 1, applied: applied + 1 },
        { kind: "event", slot: 0, state: "rejected", day, value: 0 },
      ];
    default:
      return number % 16 === 15
        ? [
            { kind: "acknowledge", seen: lastSequence + 50 + branch },
            { kind: "receive", sequence: received + 1, applied },
            { kind: "renumber", above: day + number },
          ]
        : [
            { kind: "acknowledge", seen: lastSequence },
            { kind: "receive", sequence: received + 2, applied },
          ];
  }
};

/** A little of everything: several slots, their days, orders and messages. */
const busy: Script = (number, branch, reference) => {
  const slot = number % reference.slots.length;
  const day = FIRST_DAY + Math.floor(number / 12);
  const { state } = reference.slots[slot]!;
  if (number % 12 === 0) return [{ kind: "close", day }, consume(number, branch, slot), anchor(2 * number)];
  if (number % 12 < 5) return [{ kind: "report", slot, day, outlook: outlook(number, branch) }];
  if (number % 12 === 5)
    return [
      { kind: "acknowledge", seen: reference.lastSequence },
      { kind: "receive", sequence: reference.received + 1, applied: reference.applied + 1 },
      { kind: "event", slot, state: number % 24 < 12 ? "placed" : "cancelled", day, value: day + 3 },
    ];
  if (number % 12 === 6 && state === "placed")
    return [consume(number, branch, slot), { kind: "refill", slot, steps: 250, day }];
  if (number % 12 === 6 && (state === "idle" || state === "cancelled"))
    return [{ kind: "order", slot, day, quantity: 250, outlook: outlook(number, branch) }];
  return [consume(number, branch, slot)];
};

function partsStore(slotCount: number, codec: Codec, script: Script): Store {
  const slots = slotsOf(slotCount);
  return {
    first: new ExpectedParts(slots, codec, script),
    start: (flash, warn) => new RunningParts(flash, slots, codec, warn),
  };
}

/** Records of 0 to `most` bytes, told apart by number and branch. */
export function recordsUpTo(most: number): Record {
  return (number, branch) => {
    const length = (5 * number + 3 * branch) % (most + 1);
    return Uint8Array.from({ length }, (_, i) => (31 * number + 101 * branch + 7 * i + (i >> 3)) & 0xff);
  };
}

function tallyStore(filler: number, most: number): Store {
  return {
    first: new ExpectedTally(filler, recordsUpTo(most)),
    start: (flash, warn) => new RunningTally(flash, filler, warn),
  };
}

const ONE_SLOT = [geometry(3, 1024, 4), geometry(3, 1024, 1), geometry(4, 1024, 16)];
const SMALL = [geometry(3, 512, 4), geometry(3, 512, 1), geometry(4, 512, 16)];

/** Torn in the middle, and every bit of it reads anew. */
const UNSTABLE_END: Tear = { done: 6, reach: 64, share: 128, seed: 3, unstable: true };

/** All scenarios. The store and its expectations live as long as the list. */
export function scenarios(): Scenario[] {
  const codec = new Codec();
  const device = (slots: number, script: Script, options: ScenarioOptions) =>
    scenario(partsStore(slots, codec, script), codec, options);
  const tally = (filler: number, most: number, options: ScenarioOptions) =>
    scenario(tallyStore(filler, most), codec, options);
  return [
    device(1, metering, {
      name: "first-boot",
      about: "an erased partition, and the first commits",
      geometries: ONE_SLOT,
      commits: 3,
    }),
    device(1, metering, {
      name: "metering",
      about: "use as it is metered, refills, calibrations, the time",
      geometries: ONE_SLOT,
      commits: 24,
      before: 6,
    }),
    device(1, days, {
      name: "day-close",
      about: "days that close, their statuses and acknowledgements",
      geometries: ONE_SLOT,
      commits: 15,
      before: 5,
    }),
    device(1, metering, {
      name: "compaction",
      about: "the ring goes around more than once",
      geometries: ONE_SLOT,
      commits: 90,
      before: 60,
    }),
    device(1, orders, {
      name: "order-cycle",
      about: "an order that is refilled, one that is cancelled, one that is booked as delivered",
      geometries: ONE_SLOT,
      commits: 14,
    }),
    device(2, outbox, {
      name: "outbox",
      about:
        "messages that replace each other and are acknowledged in part, wholly, and by more than was sent",
      geometries: [geometry(3, 2048, 4), geometry(3, 2048, 1), geometry(4, 2048, 16)],
      commits: 24,
      before: 2,
    }),
    device(1, metering, {
      name: "upgrade",
      about: "a partition of the first journal format, in its second round of the ring",
      geometries: ONE_SLOT,
      commits: 5,
      before: 90,
      formatOne: true,
    }),
    device(1, metering, {
      name: "after-cut",
      about: "a start after a cut that left a record torn and unstable",
      geometries: ONE_SLOT,
      commits: 4,
      before: 12,
      torn: UNSTABLE_END,
    }),
    device(1, orders, {
      name: "restarts",
      about: "power that goes and comes between commits",
      geometries: ONE_SLOT,
      commits: 14,
      before: 3,
      restartsEvery: 3,
    }),
    device(1, metering, {
      name: "room",
      about: "a block change between commits, as a device makes it before a block is full",
      geometries: ONE_SLOT,
      commits: 16,
      before: 4,
      makesRoomEvery: 5,
    }),
    device(4, busy, {
      name: "four-slots",
      about: "a busy device of four slots on the partition of the simulated board",
      geometries: [geometry(16, 4096, 4), geometry(64, 4096, 16)],
      commits: 60,
      before: 150,
    }),
    tally(0, 6, {
      name: "tally-short",
      about: "few and short records, of which all pairs of cuts are tried",
      geometries: SMALL,
      commits: 3,
      before: 2,
    }),
    tally(310, 40, {
      name: "tally-change",
      about: "a block change every few records, of which all pairs of cuts are tried",
      geometries: SMALL,
      commits: 8,
      before: 1,
    }),
    tally(60, 60, {
      name: "tally-ring",
      about: "a ring that goes around several times",
      geometries: [...SMALL, geometry(5, 1024, 4)],
      commits: 90,
    }),
    tally(0, 40, {
      name: "tally-restarts",
      about: "restarts after every other record",
      geometries: SMALL,
      commits: 16,
      restartsEvery: 2,
    }),
    tally(40, 40, {
      name: "tally-room",
      about: "a block change after every third record, and within one where it does not fit",
      geometries: SMALL,
      commits: 20,
      makesRoomEvery: 3,
    }),
    tally(20, 30, {
      name: "tally-upgrade",
      about: "a tally of the first journal format",
      geometries: SMALL,
      commits: 3,
      before: 60,
      formatOne: true,
    }),
    tally(40, 90, {
      name: "tally-large",
      about: "large partitions",
      geometries: [geometry(64, 512, 4), geometry(16, 4096, 16), geometry(64, 4096, 4)],
      commits: 120,
      before: 200,
    }),
  ];
}
