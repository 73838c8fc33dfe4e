import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { listen } from "../hal/simulator/servers.js";
import {
  BUILD,
  OUT,
  PATIENCE,
  pause,
  run,
  SimulatedFirmware,
  startWorld,
  testInSimulator,
  testWithModdable,
  until,
} from "./moddable-world.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const EXAMPLES = ["dispenser", "printer"] as const;
const slotsOf = (example: (typeof EXAMPLES)[number]) =>
  JSON.parse(readFileSync(join(ROOT, "examples", example, "manifest.json"), "utf8")).config.slots;

const SLOT = {
  id: "soap",
  unit: "count",
  stepsPerUnit: 1,
  capacity: 100,
  refill: 100,
  // Three days' worth: to be ordered on the first day that begins.
  opening: 10,
  ratedLife: 30,
  sensor: { kind: "dose-counter", pin: 4, stepsPerDose: 1, refillButton: 5 },
};

/** Names of modules that only products with updates over the air have. */
const UPDATE =
  /"(sdk\/update\/|hal\/boards\/esp32\/update\/|hal\/boards\/moddable\/download\/|everfull\/firmware\/(image-update|trial-day|update-board))[a-z0-9-]*"/g;

const withoutModdable = () => {
  const env = { ...process.env };
  delete env.MODDABLE;
  return env;
};

/** Builds without the SDK: what is checked before anything is compiled. */
const check = async (...args: readonly string[]) =>
  (await run(process.execPath, [BUILD, ...args], { env: withoutModdable() })).stdout;

test("the build advises makers whose refill lasts longer than a month", async (t) => {
  t.notRegex(await check("lin", `slots=${JSON.stringify([SLOT])}`), /advice/);
  t.regex(
    await check("lin", `slots=${JSON.stringify([SLOT, { ...SLOT, id: "towels", refill: 150 }])}`),
    /^moddable: advice: slot "towels": a refill lasts 45 days; a month at most is advised$/m,
  );
  const error = await t.throwsAsync(check("lin", "slots=soap"));
  t.regex(error!.message, /slots: JSON is accepted/);
});

test("the build says why it skips where there is no Moddable SDK, and succeeds", async (t) => {
  for (const platform of ["lin", "esp32"])
    for (const product of [[], ...EXAMPLES.map((example) => [join(ROOT, "examples", example)])])
      t.regex(
        await check(platform, ...product),
        new RegExp(`^moddable: skipped ${platform}: MODDABLE is not set; .*https://.*\n$`),
      );
});

test("the build refuses a configuration by name, before anything is compiled, and shows no secret", async (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[`slots=${JSON.stringify([{ ...SLOT, refil: 5 }])}`], /configuration: slots\[0\]\.refil: is not known/],
    [
      [`slots=${JSON.stringify([{ ...SLOT, sensor: { kind: "dose-counter", pin: 4 } }])}`],
      /slots\[0\]\.sensor\.stepsPerDose: is missing/,
    ],
    [
      [`slots=${JSON.stringify([{ ...SLOT, sensor: { kind: "scale" } }])}`],
      /slots\[0\]\.sensor\.kind: must be equal to one of the allowed values: dose-counter,/,
    ],
    [[`slots=${JSON.stringify([SLOT, SLOT])}`], /slots: slot "soap": the id is used twice/],
    [["brokerPort=70000"], /broker\.port: must be <= 65535/],
    [["keySecret=123456789abc"], /key\.secret: must match pattern/],
  ];
  for (const [settings, message] of cases) {
    const error = await t.throwsAsync(check("lin", ...settings));
    t.regex(error!.message, message);
    // What execFile adds is the command; ours is what the build said.
    t.notRegex((error as unknown as { stderr: string }).stderr, /123456789abc/);
  }
  const error = await t.throwsAsync(check("lin", join(ROOT, "examples", "none")));
  t.regex(error!.message, /none.manifest\.json: there is no manifest/);
});

testInSimulator(
  "compiled by Moddable, the firmware meters, orders and finds its journal after a power cut",
  async (t) => {
    t.timeout(PATIENCE);
    const world = await startWorld(
      t,
      "firmware/any",
      [SLOT],
      [`use=${JSON.stringify({ interval: 100 })}`, `slots=${JSON.stringify([SLOT])}`],
    );
    const { gateway, sandbox, serial, start } = world;
    let device = await start();
    t.deepEqual(device.slots.soap, { remaining: 10, consumed: 0, cycle: 0, state: "idle" });
    await device.cutPower();
    device = await world.startUntilDated();
    await device.cutPower();

    // The next day, what is left does not last.
    world.nextDay();
    device = await start();
    await device.said(/event \{"kind":"dayClosed",/);
    await device.said(/event \{"kind":"intended","slot":"soap","cycle":1,/);
    await until("a placed order", async () => (await gateway.orders(serial))[0]?.state === "placed");
    await device.cutPower();
    t.is(sandbox.orders.length, 1);
    t.is(sandbox.counts.statuses[serial]?.[SLOT.id], 1);
    const [status] = await gateway.statuses(serial);
    t.is(status!.remaining, Math.max(0, SLOT.opening - status!.consumed));

    // Whatever it was told and has said, it knows after a restart; what happened meanwhile, it asks for.
    device = await start();
    const soap = device.slots.soap!;
    t.is(soap.cycle, 1);
    t.is(soap.state, "intended");
    t.true(soap.consumed > 0 && soap.consumed >= status!.consumed);
    t.is(soap.remaining, Math.max(0, SLOT.opening - soap.consumed));
    await device.said(/event \{"kind":"order","slot":"soap","cycle":1,"state":"placed",/);

    const { consumed } = soap;
    await until("doses that are kept", async () => {
      await device.cutPower();
      device = await start();
      await pause(300);
      return device.slots.soap!.consumed > consumed;
    });
    t.is(device.slots.soap!.state, "placed");
    await device.cutPower();

    t.is(sandbox.orders.length, 1, "one order, over all starts");
    world.assertNothingRefused();
  },
);

testInSimulator(
  "compiled by Moddable, the firmware tells its broker who it is, and people why the broker refuses it",
  async (t) => {
    t.timeout(PATIENCE);
    const asked: Buffer[] = [];
    const broker = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (packet) => {
        asked.push(packet);
        socket.write(Uint8Array.of(0x20, 2, 0, 4));
      });
    });
    const port = await listen(broker);
    t.teardown(() => broker.close());
    const { stdout } = await run(process.execPath, [
      BUILD,
      "lin",
      "--out",
      OUT,
      "serial=moddable-1",
      // So that it asks for the time at once.
      "hasClock=false",
      `keySecret=${"ab".repeat(32)}`,
      "brokerHost=127.0.0.1",
      `brokerPort=${port}`,
      "brokerPassword=swordfish",
      `slots=${JSON.stringify([SLOT])}`,
    ]);
    const home = await mkdtemp(join(tmpdir(), "everfull-moddable-"));
    t.teardown(() => rm(home, { recursive: true }));
    const [, library] = /^ {2}(\S+mc\.so) /m.exec(stdout)!;
    const device = await SimulatedFirmware.start(t, library!, home, [SLOT.id]);
    await device.said(/^uplink: the broker refuses: user name or password; trying again in \d+ s$/);
    t.true(device.isRunning);
    await device.cutPower();
    const text = (value: string) => Buffer.concat([Uint8Array.of(0, value.length), Buffer.from(value)]);
    const told = Buffer.concat([text("moddable-1"), text("moddable-1"), text("swordfish")]);
    t.true(asked[0]!.subarray(-told.length).equals(told), asked[0]!.toString("latin1"));
  },
);

testInSimulator(
  "compiled by Moddable, the dispenser weighs, orders and knows its soap after a power cut",
  async (t) => {
    t.timeout(PATIENCE);
    const [slot] = slotsOf("dispenser");
    // As in the product's manifest, but in a hurry, and with little soap left.
    const soap = { ...slot, opening: 150, sensor: { ...slot.sensor, interval: 50 } };
    // 150 g at the start of each run, and a gram every 200 ms from then on.
    const use = { interval: 200, full: 84_000 + 75_000, countsPerUse: 500 };
    const world = await startWorld(
      t,
      "examples/dispenser",
      [soap],
      [`use=${JSON.stringify(use)}`, `slots=${JSON.stringify([soap])}`],
    );
    const { gateway, sandbox, serial, start } = world;
    let device = await world.startUntilDated();
    await device.cutPower();
    world.nextDay();
    device = await start();
    await device.said(/dispenser: \d+ g of soap, enough for .*; a refill is being ordered/);
    await until("a placed order", async () => (await gateway.orders(serial))[0]?.state === "placed");
    // Long enough for 1 % of the capacity, which is committed, on a machine that has much else to do.
    await pause(20_000);
    await device.cutPower();

    // What was used is kept, and of the order it hears when it asks.
    device = await start();
    const { consumed, cycle, state } = device.slots.soap!;
    t.true(consumed >= 10, `${consumed} g`);
    t.is(cycle, 1);
    if (state !== "placed") await device.said(/dispenser: a refill is ordered/);
    await device.cutPower();
    device = await start();
    t.is(device.slots.soap!.cycle, 1);
    t.true(device.slots.soap!.consumed >= consumed);
    await device.cutPower();
    t.is(sandbox.orders.length, 1);
    world.assertNothingRefused();
  },
);

testInSimulator(
  "compiled by Moddable, the printer counts pages while the device is off, and takes new cartridges for refills",
  async (t) => {
    t.timeout(PATIENCE);
    const inks = slotsOf("printer").map((slot: { sensor: object; identity: object }) => ({
      ...slot,
      opening: 200,
      sensor: { ...slot.sensor, interval: 200 },
      identity: { ...slot.identity, interval: 300 },
    }));
    // 20 pages a second; a cartridge is exchanged every 400 of them, one a quarter of that after the other.
    const use = { interval: 50, cartridges: { pages: 400, quantity: 1000 } };
    const world = await startWorld(t, "examples/printer", inks, [
      `use=${JSON.stringify(use)}`,
      `slots=${JSON.stringify(inks)}`,
    ]);
    const { gateway, sandbox, serial, start } = world;
    let device = await world.startUntilDated();
    world.nextDay();
    await device.cutPower();
    device = await start();
    await device.said(/printer: black \d+ %/);
    // Of 200 steps and 30 days of rated life, less than a week is left: every ink that was not exchanged is ordered.
    await device.said(/printer: a cartridge of \w+ is being ordered/);
    await until("a placed order", async () => (await gateway.orders(serial))[0]?.state === "placed");
    const total = () => Object.values(device.slots).reduce((sum, { consumed }) => sum + consumed, 0);
    const before = total();
    // A restart: what was printed meanwhile was printed.
    await pause(6000);
    await device.cutPower();
    await pause(3000);
    device = await start();
    await pause(3000);
    await device.cutPower();
    device = await start();
    t.true(total() - before >= 100, `${total() - before} steps`);
    t.true(
      Object.values(device.slots).some(({ remaining }) => remaining > 200),
      "an ink has more than it began with: its cartridge was exchanged",
    );
    await device.cutPower();
    t.is(new Set(sandbox.orders.map(({ slotId }) => slotId)).size, sandbox.orders.length, "one order an ink");
    world.assertNothingRefused();
  },
);

for (const target of ["esp32", "esp32/esp32c3"])
  for (const example of EXAMPLES)
    testWithModdable(`the ${example} links for ${target}, with no kind that it does not have`, async (t) => {
      t.timeout(PATIENCE);
      const { stdout } = await run(process.execPath, [
        BUILD,
        target,
        join(ROOT, "examples", example),
        "--out",
        OUT,
      ]);
      for (const room of ["SDK", "HAL", "firmware", "codec", "crypto", "platform"])
        t.regex(stdout, new RegExp(`^ +[1-9]\\d+ {2}${room}`, "m"));
      t.log(stdout);
      const image = readFileSync(/^ {2}(\S+mc\.xs\.c) /m.exec(stdout)![1]!, "utf8");
      const kinds = [...image.matchAll(/"everfull\/firmware\/([a-z0-9-]+)"/g)].map(([, name]) => name!);
      const others = { dispenser: "page-counter", printer: "load-cell" } as const;
      const own = { dispenser: "load-cell", printer: "page-counter" } as const;
      t.true(kinds.includes(own[example]), kinds.join(" "));
      t.false(kinds.includes(others[example]), kinds.join(" "));
      t.false(kinds.includes("tag-reader"), kinds.join(" "));
      t.deepEqual(image.match(UPDATE), null);
    });

for (const target of ["esp32", "esp32/esp32c3"])
  testWithModdable(
    `a product with updates links for ${target}, with its own partitions and bootloader`,
    async (t) => {
      t.timeout(PATIENCE);
      const { stdout } = await run(process.execPath, [
        BUILD,
        target,
        join(ROOT, "test", "firmware", "update", "linked"),
        "--out",
        OUT,
      ]);
      t.log(stdout);
      const file = /^ {2}(\S+mc\.xs\.c) /m.exec(stdout)![1]!;
      t.true(new Set(readFileSync(file, "utf8").match(UPDATE)).size >= 10);
      const makefile = readFileSync(join(file, "..", "makefile"), "utf8");
      t.regex(makefile, /^PARTITIONS_FILE = .*\/partitions-ota\.csv$/m);
      t.regex(makefile, /^SDKCONFIGPATH = .*\/sdkconfig-ota$/m);
    },
  );

testWithModdable("a product that shows a QR code links for esp32, with the platform's own", async (t) => {
  t.timeout(PATIENCE);
  const product = join(ROOT, "test", "firmware", "qr-code", "linked");
  const { stdout } = await run(process.execPath, [BUILD, "esp32", product, "--out", OUT]);
  const image = readFileSync(/^ {2}(\S+mc\.xs\.c) /m.exec(stdout)![1]!, "utf8");
  t.regex(image, /"everfull\/firmware\/qr-code"/);
  t.notRegex(image, /uqr/);
});

test("products with updates have all of the configuration of ESP-IDF that others have, and the bootloader's roll-back", (t) => {
  for (const name of ["sdkconfig.defaults", "sdkconfig.defaults.release"]) {
    const [plain, updated] = ["sdkconfig", "sdkconfig-ota"].map((folder) =>
      readFileSync(join(ROOT, "firmware", folder, name), "utf8"),
    );
    t.true(updated!.startsWith(plain!), name);
  }
  const updated = readFileSync(join(ROOT, "firmware", "sdkconfig-ota", "sdkconfig.defaults"), "utf8");
  t.regex(updated, /^CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y$/m);
});
