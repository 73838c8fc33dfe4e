import test from "ava";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../sdk/index.js";
import { UpdateError, Updater, type UpdaterOptions, UpdateState } from "../../../sdk/update/index.js";
import { imageIn, makeImage, selectCrc } from "./bootloader.js";
import {
  type Behaviour,
  BLOCK,
  CHIP,
  describe,
  HEALTHY,
  makeMaker,
  PRODUCT,
  SICK,
  World,
  type WorldOptions,
} from "./world.js";

const MAKER = makeMaker();
const OLD = makeImage(1, 4000);
const NEW = makeImage(2, 5100);
const DESCRIPTION = describe(MAKER, NEW, { version: 2 });
const BOOTLOADERS = [true, false] as const;

/** `otadata` after so many updates: an entry for the first slot, and that of the image before it. */
function used(sequence: number): Uint8Array {
  const bytes = Buffer.alloc(128, 0xff);
  for (const [at, value] of [
    [0, sequence],
    [64, sequence - 1],
  ] as const) {
    bytes.writeUInt32LE(value, at);
    bytes.writeUInt32LE(2, at + 24);
    bytes.writeUInt32LE(selectCrc(value), at + 28);
  }
  return new Uint8Array(bytes);
}

function world(options: Partial<WorldOptions> & { image?: Uint8Array } = {}): World {
  const { image = NEW, ...others } = options;
  return new World({
    maker: MAKER,
    fetch: (offset, length) => image.slice(offset, offset + length),
    ...others,
  });
}

/** An update with all that belongs to it, whatever the power does. */
function update(device: World, bytes = DESCRIPTION, days = 8): void {
  if (!device.start()) return;
  device.offer(bytes);
  device.days(days);
}

/** After the last cut the power stays: everything that began comes to an end. */
function finish(device: World, bytes = DESCRIPTION): void {
  for (let i = 0; i < 3; i++) {
    device.start();
    device.offer(bytes);
    device.days(8);
  }
}

function runs(device: World): number {
  return imageIn(device.slots[device.running]!.bytes).version;
}

/** Nothing ever ran but what the factory has put there and what the maker has signed. */
function onlySigned(device: World, ...signed: readonly Uint8Array[]): boolean {
  const known = [OLD, ...signed].map((bytes) => Buffer.from(bytes));
  return device.starts.every(({ bytes }) => known.some((one) => one.equals(bytes)));
}

for (const rollback of BOOTLOADERS)
  for (const otadata of [undefined, used(5)]) {
    const title = `${rollback ? "a bootloader that rolls back" : "a plain bootloader"}, ${otadata ? "used" : "blank"} otadata`;
    const options = { rollback, ...(otadata ? { otadata } : {}) };

    test(`an image that is good stays: ${title}`, (t) => {
      const device = world(options);
      t.true(device.start());
      t.deepEqual(device.offer(DESCRIPTION), { kind: "taken" });
      t.is(device.state.phase, "trial");
      t.is(runs(device), 2);
      device.days(1);
      // The day in which it came was not its own.
      t.is(device.state.phase, "trial");
      device.days(1);
      t.is(device.state.phase, "confirmed");
      t.true(device.state.settled);
      for (let i = 0; i < 3; i++) device.start();
      t.is(runs(device), 2);
      t.deepEqual(device.offer(DESCRIPTION), { kind: "known" });
      t.true(onlySigned(device, NEW));
      // Blocks from the second on, the first one last.
      t.deepEqual(
        device.requests.map(({ offset }) => offset),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 0].map((block) => block * BLOCK),
      );
    });

    test(`the next update goes into the slot of the one before: ${title}`, (t) => {
      let images = [NEW];
      const device = world({
        ...options,
        fetch: (offset, length) => images.at(-1)!.slice(offset, offset + length),
      });
      update(device);
      for (let version = 3; version < 7; version++) {
        const image = makeImage(version, 3000 + 512 * version);
        images = [...images, image];
        device.offer(describe(MAKER, image, { version }));
        device.days(4);
        t.is(device.state.phase, "confirmed");
        device.start();
        t.is(runs(device), version);
      }
      t.true(onlySigned(device, ...images));
    });

    const sick: readonly (readonly [string, Behaviour, string])[] = [
      ["crashes after its start", { crashes: "late" }, rollback ? "crashes" : "crashes"],
      ["has no healthy day", { day: SICK }, "unhealthy"],
      ["ends no day", { silent: true }, "unhealthy"],
      ["is not of its version", { claims: 9 }, "version"],
    ];
    for (const [what, behaviour, reason] of sick)
      test(`an image that ${what} goes: ${title}`, (t) => {
        const device = world({ ...options, behaviours: { 2: behaviour } });
        update(device, DESCRIPTION, 12);
        t.is(device.state.phase, "rolledBack");
        t.is(device.state.reason, reason as typeof device.state.reason);
        t.is(runs(device), 1);
        t.true(device.starts.some(({ version }) => version === 2));
        t.like(device.offer(DESCRIPTION), { kind: "refused", reason: "rejected" });
        for (let i = 0; i < 3; i++) device.start();
        t.is(runs(device), 1);
        // Not even when the other image is lost.
        t.false(device.boot.isImage(1 - device.running));
      });
  }

test("an image that crashes before it can be counted goes, where the bootloader rolls back", (t) => {
  const device = world({ behaviours: { 2: { crashes: "early" } } });
  update(device);
  t.is(device.state.phase, "rolledBack");
  t.is(device.state.reason, "bootloader");
  t.is(device.starts.filter(({ version }) => version === 2).length, 1);
  t.is(runs(device), 1);
});

test("an image that brings brown-outs about gets the benefit of the doubt three times", (t) => {
  const device = world({ behaviours: { 2: { crashes: "early", browns: true } } });
  update(device);
  t.like(device.state, { phase: "rolledBack", reason: "bootloader" });
  t.is(device.starts.filter(({ version }) => version === 2).length, 3);
  t.is(runs(device), 1);
  // All but the first block was there.
  t.is(device.requests.length, 12);
});

test("and starts over for ever, where it does not", (t) => {
  const device = world({ rollback: false, behaviours: { 2: { crashes: "early" } } });
  t.throws(() => update(device), { message: "it starts over and over" });
});

test("power cuts while on trial are the household's, up to a number", (t) => {
  const device = world();
  device.start();
  device.offer(DESCRIPTION);
  for (let i = 0; i < 10; i++) t.true(device.start(true));
  t.is(device.state.phase, "trial");
  t.is(device.state.crashes, 0);
  device.days(2);
  t.is(device.state.phase, "confirmed");

  const other = world();
  other.start();
  other.offer(DESCRIPTION);
  for (let i = 0; i < 25; i++) other.start(true);
  t.like(other.state, { phase: "rolledBack", reason: "restarts" });
  t.is(runs(other), 1);
});

test("a wrong signature is found before anything is fetched", (t) => {
  const forged = DESCRIPTION.slice();
  forged[forged.length - 1]! ^= 1;
  for (const bytes of [forged, describe(makeMaker(), NEW, { version: 2 })]) {
    const device = world();
    device.start();
    t.deepEqual(device.offer(bytes), { kind: "taken" });
    t.like(device.state, { phase: "abandoned", reason: "signature" });
    t.deepEqual(device.requests, []);
    t.like(device.offer(bytes), { kind: "refused", reason: "signature" });
    // And what the maker did sign is taken after it.
    t.deepEqual(device.offer(DESCRIPTION), { kind: "taken" });
    t.is(runs(device), 2);
  }
});

test("an image for another device, an older one and one that does not fit are refused at once", (t) => {
  const cases = [
    ["product", { version: 2, product: PRODUCT + 1 }],
    ["chip", { version: 2, chip: CHIP + 1 }],
    ["key", { version: 2, key: 1 }],
    ["downgrade", { version: 1 }],
    ["from", { version: 9, from: 3 }],
    ["size", { version: 2, size: 14 * BLOCK + 1 }],
  ] as const;
  const device = world();
  device.start();
  for (const [reason, fields] of cases)
    t.like(device.offer(describe(MAKER, NEW, fields)), { kind: "refused", reason });
  t.like(device.offer(DESCRIPTION.slice(0, -1)), { kind: "refused", reason: "malformed" });
  t.like(device.offer(new Uint8Array(0)), { kind: "refused", reason: "malformed" });
  t.is(device.state.phase, "idle");
  t.deepEqual(device.requests, []);
});

test("what was confirmed is the least that is ever taken", (t) => {
  const device = world();
  update(device);
  t.is(device.state.highest, 2);
  // The old image is put there by wire.
  device.slots[device.running]!.bytes.fill(0xff);
  device.slots[1 - device.running]!.bytes.fill(0xff);
  device.slots[device.running]!.bytes.set(OLD);
  device.start();
  t.is(runs(device), 1);
  t.like(device.offer(describe(MAKER, makeImage(2, 4100), { version: 2 })), {
    kind: "refused",
    reason: "downgrade",
  });
});

test("one update at a time", (t) => {
  const device = world();
  device.start();
  device.offer(DESCRIPTION);
  t.is(device.state.phase, "trial");
  t.like(device.offer(describe(MAKER, NEW, { version: 3 })), { kind: "refused", reason: "busy" });
  t.deepEqual(device.offer(DESCRIPTION), { kind: "known" });
});

test("a network that is gone for hours is waited for; one that stays away is not", (t) => {
  const flaky = world({
    fetch: (offset, length, request) => (request % 3 === 0 ? NEW.slice(offset, offset + length) : undefined),
  });
  update(flaky);
  t.is(flaky.state.phase, "confirmed");
  t.is(flaky.state.attempt, 1);

  const gone = world({ fetch: () => undefined });
  update(gone);
  t.like(gone.state, { phase: "abandoned", reason: "download" });
  t.is(gone.requests.length, 31);
  // The next offer begins anew.
  t.deepEqual(gone.offer(DESCRIPTION), { kind: "taken" });
});

test("answers that are too short or too long are none", (t) => {
  for (const change of [-1, 1]) {
    const device = world({
      fetch: (offset, length, request) =>
        request < 5 ? NEW.slice(offset, offset + length + change) : NEW.slice(offset, offset + length),
    });
    update(device);
    t.is(device.state.phase, "confirmed");
    t.true(onlySigned(device, NEW));
  }
});

test("an image that is not what was signed is fetched three times, and never runs", (t) => {
  // It is an image, and the bootloader would boot it.
  const device = world({ image: makeImage(3, 5100) });
  update(device);
  t.like(device.state, { phase: "abandoned", reason: "digest", attempt: 3 });
  t.is(device.requests.length, 30);
  t.true(onlySigned(device));
  t.is(runs(device), 1);
  t.false(device.boot.isImage(1));
});

test("one that is signed and that the platform does not take never runs either", (t) => {
  const image = NEW.slice();
  image[700]! ^= 1;
  const device = world({ image });
  update(device, describe(MAKER, image, { version: 2 }));
  t.like(device.state, { phase: "abandoned", reason: "image" });
  t.is(runs(device), 1);
  t.false(device.boot.isImage(1));
});

test("what runs already is not put there again under another version", (t) => {
  const device = world({ image: OLD });
  update(device, describe(MAKER, OLD, { version: 2 }));
  t.like(device.state, { phase: "abandoned", reason: "same" });
  t.is(runs(device), 1);
});

test("by its own check of signatures too", (t) => {
  const device = world({ ownCheck: true });
  update(device);
  t.is(device.state.phase, "confirmed");
  const forged = DESCRIPTION.slice();
  forged[20]! ^= 1;
  const other = world({ ownCheck: true });
  update(other, forged);
  t.true(other.state.phase === "abandoned" || other.state.phase === "idle");
  t.deepEqual(other.requests, []);
});

test("what cannot be kept is not taken", (t) => {
  const device = world();
  device.start();
  device.isRefusing = true;
  t.like(device.offer(DESCRIPTION), { kind: "refused", reason: "storage" });
  t.is(device.state.phase, "idle");
  device.isRefusing = false;
  t.deepEqual(device.offer(DESCRIPTION), { kind: "taken" });
});

test("a start that cannot be counted gets no second one", (t) => {
  const device = world();
  device.start();
  device.offer(DESCRIPTION);
  t.is(device.state.boots, 1);
  device.isRefusing = true;
  device.start(false);
  t.is(runs(device), 2);
  device.isRefusing = false;
  device.start(false);
  t.is(runs(device), 1);
  t.like(device.state, { phase: "rolledBack", reason: "bootloader" });
});

test("a store that refuses while the image is fetched costs a while, not the image", (t) => {
  let requests = 0;
  const device: World = world({
    fetch: (offset, length) => {
      requests++;
      device.isRefusing = requests > 4 && requests < 14;
      return NEW.slice(offset, offset + length);
    },
  });
  update(device);
  t.is(device.state.phase, "confirmed");
  t.true(onlySigned(device, NEW));
});

test("closed, it does nothing more, and the next start goes on", (t) => {
  const device = world();
  device.start();
  t.deepEqual(device.offerOnly(DESCRIPTION), { kind: "taken" });
  device.close();
  t.is(device.state.phase, "described");
  t.deepEqual(device.requests, []);
  device.start();
  t.is(runs(device), 2);
});

test("options that cannot be are refused by name", (t) => {
  const port = { size: 4096, blockLength: 512 };
  const good = { keys: [MAKER.publicKey], port, state: new UpdateState() };
  const cases = [
    [{ keys: [] }, /^keys: /],
    [{ keys: [new Uint8Array(31)] }, /^keys: 32 bytes are accepted \(got 31\)/],
    [{ trialDays: 0 }, /^trialDays: 1 to 14 are accepted \(got 0\)/],
    [{ trialDays: 1.5 }, /^trialDays: /],
    [{ port: { ...port, blockLength: 500 } }, /^port\.blockLength: /],
  ] as const;
  for (const [options, message] of cases) {
    const error = t.throws(() => new Updater({ ...good, ...options } as unknown as UpdaterOptions), {
      instanceOf: UpdateError,
    });
    t.is(error.code, "options");
    t.regex(error.message, message);
  }
});

test("a checkpoint holds all of it", (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 12 }), (steps) => {
      const state = new UpdateState();
      const records = [
        state.describe(DESCRIPTION),
        state.abandon("digest"),
        state.download(2, 3, 200),
        state.stage(0xfedcba98),
        state.switchOver(1),
        state.try(3, 2, 1),
        state.confirm(),
        state.rollBack("crashes"),
        state.settle(),
        state.describe(describe(MAKER, NEW, { version: 70_000 })),
      ];
      for (const step of steps) {
        const to = new ByteWriter();
        records[step]!.write(to);
        state.replay(records[step]!.kind, new ByteReader(to.view()));
      }
      const saved = new ByteWriter();
      state.save(saved);
      t.true(saved.length <= 200, `${saved.length}`);
      const loaded = new UpdateState();
      loaded.load(new ByteReader(saved.view()));
      t.deepEqual({ ...loaded }, { ...state });
      t.deepEqual(loaded.description, state.description);
    }),
  );
});

test("a slice of work changes or reads one block of flash", (t) => {
  const device = world();
  update(device);
  t.is(device.mostCalls, 1);
});

const SCENARIOS: readonly (readonly [string, Behaviour])[] = [
  ["good", {}],
  ["unhealthy", { day: SICK }],
  ["crashing", { crashes: "late" }],
];

/**
 * What must hold after any cuts, once the power stays: a signed image runs; the journal and the bootloader agree on which; and it is still the
 * one after more starts.
 */
function holds(device: World, behaviour: Behaviour): string | undefined {
  if (!onlySigned(device, NEW)) return "an image ran that no one has signed";
  const { phase, settled } = device.state;
  const version = runs(device);
  if (!settled) return `${phase} is not settled`;
  if (version === 2 && phase !== "confirmed") return `version 2 runs and is ${phase}`;
  if (version === 1 && phase !== "rolledBack") return `version 1 runs, version 2 is ${phase}`;
  if (version === 2 && behaviour.day === SICK) return "it stayed without a healthy day";
  if (version === 2 && behaviour.crashes) return "it stayed though it crashes";
  for (let i = 0; i < 3; i++) {
    device.start();
    if (runs(device) !== version) return "the next start runs another one";
  }
  return undefined;
}

function operationsOf(options: Partial<WorldOptions>): number {
  const device = world(options);
  finish(device);
  return device.supply.operations;
}

for (const [name, behaviour] of SCENARIOS)
  for (const rollback of BOOTLOADERS)
    for (const otadata of name === "good" ? [undefined, used(8)] : [used(8)])
      test(`power cut in every operation, ${name} image, ${rollback ? "roll-back" : "plain"}, ${otadata ? "used" : "blank"} otadata`, (t) => {
        const options = { rollback, behaviours: { 2: behaviour }, ...(otadata ? { otadata } : {}) };
        const all = operationsOf(options);
        t.true(all > 50, `${all}`);
        let lost = 0;
        for (let cutAt = 0; cutAt < all; cutAt++)
          for (let seed = 0; seed < 4; seed++) {
            const device = world(options);
            device.supply.cutAt = cutAt;
            device.supply.seed = seed;
            update(device);
            if (device.supply.isOff) finish(device);
            else device.days(12);
            const text = holds(device, behaviour);
            if (text !== undefined) t.fail(`cut in operation ${cutAt}, tear ${seed}: ${text}`);
            if (behaviour.day !== SICK && !behaviour.crashes && runs(device) === 1) lost++;
          }
        t.is(lost, 0, "good images that a single power cut has cost");
      });

test("any number of cuts anywhere, with any tears, on any image and either bootloader", (t) => {
  const run = (
    [, behaviour]: readonly [string, Behaviour],
    rollback: boolean,
    isUsed: boolean,
    cuts: readonly (readonly [number, number])[],
  ) => {
    const device = world({
      rollback,
      behaviours: { 2: behaviour },
      ...(isUsed ? { otadata: used(9) } : {}),
    });
    for (const [after, seed] of cuts) {
      device.supply.cutAt = device.supply.operations + after;
      device.supply.seed = seed;
      update(device, DESCRIPTION, 6);
      device.supply.cutAt = Number.POSITIVE_INFINITY;
    }
    finish(device);
    return holds(device, behaviour);
  };
  fc.assert(
    fc.property(
      fc.constantFrom(...SCENARIOS),
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(70), fc.nat(1000)), { minLength: 1, maxLength: 6 }),
      (...parameters) => {
        const text = run(...parameters);
        if (text !== undefined) throw new Error(text);
      },
    ),
    { numRuns: 400 },
  );
  t.pass();
});

test("a day is healthy when the journal took commits, the gateway heard of it and nothing crashed", (t) => {
  const sick = [{ commits: 0 }, { isStoring: false }, { acknowledged: false }, { crashes: 1 }];
  for (const fields of sick) {
    const device = world({ behaviours: { 2: { day: { ...HEALTHY, ...fields } } } });
    update(device);
    t.like(device.state, { phase: "rolledBack", reason: "unhealthy" }, JSON.stringify(fields));
  }
});
