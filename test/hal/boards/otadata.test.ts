import test from "ava";
import fc from "fast-check";
import { OtaData } from "../../../hal/boards/esp32/update/otadata.js";
import { Bootloader, makeImage, selectCrc } from "../../sdk/update/bootloader.js";
import { Supply, TornNor } from "../../sdk/update/torn-nor.js";

const SECTOR = 64;
const [NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED] = [0, 1, 2, 3, 4, 0xffffffff] as const;
type Entry = readonly [sequence: number, state: number] | undefined;

function device(entries: readonly [Entry, Entry], rollback = true) {
  const supply = new Supply();
  const content = Buffer.alloc(2 * SECTOR, 0xff);
  for (const [i, entry] of entries.entries())
    if (entry) {
      content.writeUInt32LE(entry[0], i * SECTOR);
      content.writeUInt32LE(entry[1], i * SECTOR + 24);
      content.writeUInt32LE(selectCrc(entry[0]), i * SECTOR + 28);
    }
  const flash = new TornNor(supply, 2, SECTOR, content);
  const slots = [1, 2].map((version) => new TornNor(supply, 4, 512, makeImage(version, 1000)));
  return { supply, flash, boot: new Bootloader(flash, slots, rollback), data: new OtaData(flash) };
}

const valid = ({ flash }: { flash: TornNor }) =>
  [0, 1].map((sector) => {
    const bytes = Buffer.from(flash.read(32, sector * SECTOR));
    return bytes.every((byte) => byte === 0xff) ? "blank" : [bytes.readUInt32LE(0), bytes.readUInt32LE(24)];
  });

const entry = fc.option(
  fc.tuple(
    fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 0xfffffff0 })),
    fc.constantFrom(NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED),
  ),
  { nil: undefined },
);

test("the model's checks are those that Espressif's own tool writes", (t) => {
  // The first words of an `otadata` written by otatool.py for slots 0 and 1.
  t.is(selectCrc(1), 0x4743989a);
  t.is(selectCrc(2), 0x55f63774);
});

test("it reads what is next as the bootloader does, whatever there is", (t) => {
  fc.assert(
    fc.property(entry, entry, (first, second) => {
      // A plain bootloader changes nothing by being asked, but where there is no valid entry.
      const one = device([first, second], false);
      const next = one.data.next();
      return one.boot.boot() === next;
    }),
  );
  t.pass();
});

test("after settling, that slot boots under either bootloader, again and again, by the one entry that is left", (t) => {
  fc.assert(
    fc.property(entry, entry, fc.nat(1), fc.boolean(), (first, second, slot, rollback) => {
      const one = device([first, second], rollback);
      one.data.settle(slot);
      const left = valid(one).filter((state) => state !== "blank");
      t.is(left.length, 1);
      t.is((left[0] as number[])[1], VALID);
      for (let i = 0; i < 3; i++) if (one.boot.boot() !== slot) return false;
      return one.data.next() === slot;
    }),
  );
  t.pass();
});

/** The states of a device in which `settle` is called: [entries, running slot]. */
const SITUATIONS: readonly (readonly [string, readonly [Entry, Entry], number])[] = [
  [
    "on trial, first update",
    [
      [1, VALID],
      [2, PENDING],
    ],
    1,
  ],
  [
    "on trial, later",
    [
      [5, NEW],
      [4, VALID],
    ],
    0,
  ],
  [
    "on trial, plain bootloader",
    [
      [3, UNDEFINED],
      [4, UNDEFINED],
    ],
    1,
  ],
  [
    "gone back",
    [
      [5, ABORTED],
      [4, VALID],
    ],
    1,
  ],
  ["gone back, first update", [undefined, [2, ABORTED]], 0],
];

for (const [what, entries, running] of SITUATIONS)
  for (const stays of [true, false])
    test(`a cut while settling boots what ran or what shall run, and never goes astray: ${what}, ${stays ? "stays" : "goes"}`, (t) => {
      const slot = stays ? running : 1 - running;
      const whole = device(entries);
      whole.data.settle(slot);
      const all = whole.supply.operations;
      t.true(all >= 3);
      for (let cutAt = 0; cutAt < all; cutAt++)
        for (let seed = 0; seed < 64; seed++) {
          const one = device(entries);
          one.supply.cutAt = cutAt;
          one.supply.seed = seed;
          t.throws(() => one.data.settle(slot));
          one.supply.isOff = false;
          const next = one.data.next();
          t.true(next === running || next === slot, `cut ${cutAt}, tear ${seed}: slot ${next}`);
          const booted = one.boot.boot();
          // Before it is armed, an image that had its boot is given up: as without any of this.
          const isArmed = cutAt > 0 || entries.every((entry) => entry?.[1] !== PENDING);
          if (isArmed) t.true(booted === running || booted === slot, `cut ${cutAt}, tear ${seed}: ${booted}`);
          one.data.settle(slot);
          t.is(one.boot.boot(), slot, `cut ${cutAt}, tear ${seed}`);
        }
    });

test("arming gives the image one more boot, and clears bits only", (t) => {
  const one = device([
    [1, VALID],
    [2, NEW],
  ]);
  t.is(one.boot.boot(), 1);
  t.deepEqual(valid(one)[1], [2, PENDING]);
  const before = one.flash.bytes.slice();
  one.data.arm();
  t.true(one.flash.bytes.every((byte, i) => (byte & ~before[i]!) === 0));
  t.is(one.boot.boot(), 1);
  // Not armed: the bootloader goes back.
  t.is(one.boot.boot(), 0);
});

test("a sector that does not hold what was written is told", (t) => {
  const one = device([
    [1, VALID],
    [2, NEW],
  ]);
  one.flash.write = () => undefined;
  t.throws(() => one.data.settle(0), { message: /otadata: sector 0 does not hold/ });
});
