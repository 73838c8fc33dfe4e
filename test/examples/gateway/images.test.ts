import { crc32 } from "node:zlib";
import test from "ava";
import type { ImageOutcome, Offered } from "everfull";
import { openConnection } from "../../../examples/gateway/connection.js";
import { MIGRATIONS } from "../../../examples/gateway/database.js";
import { GatewayError } from "../../../examples/gateway/index.js";
import { migrate } from "../../../examples/gateway/migrate.js";
import { makeImage } from "../../sdk/update/bootloader.js";
import { describe, makeMaker } from "../../sdk/update/world.js";
import { lastingDatabase } from "./databases.js";
import { NOON, registered, startWorld, status, TestDevice, type World } from "./harness.js";

const HOUR = 3_600_000;
const SERIALS = ["OFFERED", "BUSY", "FULL", "NEWER", "BOTH", "BAD"] as const;
const MAKER = makeMaker();
const descriptionOf = (version: number) => describe(MAKER, makeImage(version, 4000), { version });
const TWO = descriptionOf(2);
const THREE = descriptionOf(3);
let world: World;

test.before(async () => {
  world = await startWorld(SERIALS.map((serial) => registered(serial)));
});
test.afterEach(() => {
  world.clock.time = NOON;
});
test.after.always(() => world.close());

function device(serial: (typeof SERIALS)[number]): TestDevice {
  return new TestDevice(world, registered(serial));
}

function offered(description: Uint8Array, outcome: ImageOutcome): Offered {
  return { kind: "offered", image: crc32(description), outcome, applied: 0 };
}

test.serial(
  "an image goes down before every answer until the device has told what becomes of it",
  async (t) => {
    const asked = device("OFFERED");
    await asked.send(status());
    t.deepEqual(asked.images, []);
    const sent = world.gateway.counts.images;
    t.is(await world.gateway.offerImage("OFFERED", TWO), 1);
    const waiting = {
      serial: "OFFERED",
      number: 1,
      version: 2,
      image: crc32(TWO),
      state: "waiting",
      outcome: null,
      enteredAt: NOON,
      sentAt: null,
      answeredAt: null,
    } as const;
    t.deepEqual(await world.gateway.images("OFFERED"), [waiting]);
    world.clock.time += HOUR;
    const repeated = asked.sealed(status({ slot: 1 }));
    for (const payload of [repeated, repeated, asked.sealed(status())]) {
      t.truthy(await asked.deliver(payload));
      t.deepEqual(asked.images, [TWO]);
      world.clock.time += HOUR;
    }
    t.is(world.gateway.counts.images, sent + 3);
    t.deepEqual(await world.gateway.images("OFFERED"), [{ ...waiting, sentAt: NOON + HOUR }]);
    t.truthy(await asked.send(offered(TWO, "taken")));
    t.deepEqual(asked.images, [], "the answer ends it");
    await asked.send(status());
    t.deepEqual(asked.images, []);
    const answered = {
      ...waiting,
      state: "taken",
      sentAt: NOON + HOUR,
      answeredAt: NOON + 4 * HOUR,
    } as const;
    t.deepEqual(await world.gateway.images("OFFERED"), [{ ...answered, outcome: "taken" }]);
    // An answer to nothing changes nothing.
    t.truthy(await asked.send(offered(THREE, "busy")));
    t.deepEqual(await world.gateway.images("OFFERED"), [{ ...answered, outcome: "taken" }]);
  },
);

for (const [serial, outcome] of [
  ["BUSY", "busy"],
  ["FULL", "storage"],
] as const)
  test.serial(
    `what the device cannot take now is offered again, but not in the same visit: ${outcome}`,
    async (t) => {
      const later = device(serial);
      await world.gateway.offerImage(serial, TWO);
      await later.send(status());
      t.deepEqual(later.images, [TWO]);
      await later.send(offered(TWO, outcome));
      world.clock.time += 19 * HOUR;
      await later.send(status());
      t.deepEqual(later.images, []);
      t.like((await world.gateway.images(serial)).at(-1), { state: "refused", outcome });
      world.clock.time += HOUR;
      await later.send(status());
      t.deepEqual(later.images, [TWO]);
      await later.send(offered(TWO, "downgrade"));
      world.clock.time += 1000 * HOUR;
      await later.send(status());
      t.deepEqual(later.images, []);
      t.like((await world.gateway.images(serial)).at(-1), { state: "refused", outcome: "downgrade" });
    },
  );

test.serial("a newer image takes the place of one that was not answered", async (t) => {
  const newer = device("NEWER");
  await world.gateway.offerImage("NEWER", TWO);
  t.is(await world.gateway.offerImage("NEWER", THREE), 2);
  await newer.send(status());
  t.deepEqual(newer.images, [THREE]);
  t.deepEqual(
    (await world.gateway.images("NEWER")).map(({ state }) => state),
    ["superseded", "waiting"],
  );
  // Its answer to the one before was on its way.
  await newer.send(offered(TWO, "taken"));
  t.deepEqual(newer.images, [THREE]);
  t.deepEqual(
    (await world.gateway.images("NEWER")).map(({ state }) => state),
    ["taken", "waiting"],
  );
});

test.serial("settings and an image go down together, in front of the answer", async (t) => {
  const both = device("BOTH");
  await world.gateway.setSettings("BOTH", { utcOffsetMinutes: 60 });
  await world.gateway.offerImage("BOTH", TWO);
  t.truthy(await both.send(status()));
  t.is(both.settings.length, 1);
  t.deepEqual(both.images, [TWO]);
});

test.serial(
  "what is no description, and a device that is not there, are refused, and nothing is entered",
  async (t) => {
    for (const description of [new Uint8Array(0), TWO.subarray(1), TWO.with(3, 0x18), new Uint8Array(600)])
      await t.throwsAsync(world.gateway.offerImage("BAD", description), {
        instanceOf: GatewayError,
        code: "image",
        message: /^device "BAD": not the description of an image: /,
      });
    await t.throwsAsync(world.gateway.offerImage("NONE", TWO), { code: "image", message: /not registered/ });
    t.deepEqual(await world.gateway.images("BAD"), []);
  },
);

test.serial("a database of the version before is taken over, and an offer outlasts a restart", async (t) => {
  const directory = await lastingDatabase(t);
  const before = await openConnection(directory, 1, () => {});
  await migrate(before, MIGRATIONS.slice(0, -1));
  await before.query("insert into devices (serial) values ('OLD')");
  await before.close();
  const later = await startWorld([registered("OLD")], { database: directory });
  const old = new TestDevice(later, registered("OLD"));
  await later.gateway.offerImage("OLD", TWO);
  await later.restart();
  await old.send(status());
  t.deepEqual(old.images, [TWO]);
  await old.send(offered(TWO, "known"));
  await later.restart();
  t.like((await later.gateway.images())[0], { state: "taken", outcome: "known" });
  await later.close();
});
