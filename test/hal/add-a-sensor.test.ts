import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { NorFlash, SimulatedDevice, VirtualClock } from "everfull/simulator";
import { bundle } from "../../hal/simulator/bundle.js";
import { freePort, testOnEngines } from "./simulator/support.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PIN = 4;
const MINUTE = 60_000;
const run = promisify(execFile);

/** The files of "Add a sensor" in `hal/README.md`, by their paths: each block of code, and the path that stands before it. */
function filesOfReadme(): ReadonlyMap<string, string> {
  const readme = readFileSync(join(ROOT, "hal", "README.md"), "utf8");
  const section = readme.slice(readme.indexOf("## Add a sensor"));
  const end = section.indexOf("\n## ");
  const blocks = section.slice(0, end).matchAll(/`(towels\/[\w.-]+)`:\n\n```\w+\n(.*?)```\n/gs);
  return new Map([...blocks].map(([, path, text]) => [path!, text!]));
}

const files = filesOfReadme();
const FOLDER = mkdtempSync(join(tmpdir(), "everfull-add-a-sensor-"));
const TOWELS = join(FOLDER, "towels");
const PROGRAM = join(FOLDER, "towels.js");

/** Does what the section says, in a folder that has Everfull in its `node_modules` and nothing else of it. */
test.before(async (t) => {
  t.timeout(120_000);
  mkdirSync(join(FOLDER, "node_modules"));
  symlinkSync(ROOT, join(FOLDER, "node_modules", "everfull"), "dir");
  for (const [path, text] of files) {
    mkdirSync(join(FOLDER, dirname(path)), { recursive: true });
    writeFileSync(join(FOLDER, path), text);
  }
  writeFileSync(join(FOLDER, "package.json"), JSON.stringify({ type: "module" }));
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023"],
    module: "nodenext",
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    rootDir: "towels",
    outDir: "out",
  };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["towels/*.ts"] }));
  await run(join(ROOT, "node_modules", ".bin", "tsc"), ["--pretty", "false", "-p", FOLDER]);
  await bundle(join(FOLDER, "out", "index.js"), PROGRAM);
});

test.after.always(() => rmSync(FOLDER, { recursive: true }));

test("the section has every file of the product", (t) => {
  t.deepEqual(
    [...files.keys()],
    [
      "towels/turn-counter.ts",
      "towels/kind.ts",
      "towels/kinds.schema.json",
      "towels/index.ts",
      "towels/manifest.json",
    ],
  );
});

testOnEngines(
  "a sensor that was added as hal/README.md says is metered, over a restart",
  async (t, engine) => {
    const clock = new VirtualClock(Date.UTC(2026, 1, 3, 9));
    let isClosed = 0;
    const device = new SimulatedDevice({
      name: "towels",
      program: PROGRAM,
      engine,
      clock,
      flash: new NorFlash(),
      readPin: (pin) => (pin === PIN ? isClosed : undefined),
      config: {
        serial: "towels-1",
        key: { number: 1, secret: "07".repeat(32) },
        broker: { host: "127.0.0.1", port: await freePort() },
        utcOffsetMinutes: 0,
        slots: JSON.parse(files.get("towels/manifest.json")!).config.slots,
      },
    });
    t.teardown(() => device.cutPower());
    const turn = async () => {
      for (const state of [1, 0]) {
        isClosed = state;
        await device.readable(PIN);
      }
    };
    const consumed = async () => (await device.inspect()).slots[0]!.account.consumed;
    await device.start();
    for (let turns = 0; turns < 7; turns++) await turn();
    await clock.runUntil(clock.now() + 11 * MINUTE);
    t.is(await consumed(), 17);
    await device.cutPower();
    await device.start();
    for (let turns = 0; turns < 4; turns++) await turn();
    await clock.runUntil(clock.now() + 11 * MINUTE);
    t.is(await consumed(), 27);
    t.is(device.crash, undefined);
  },
);

const build = (platform: string, env: NodeJS.ProcessEnv, ...settings: readonly string[]) =>
  run(
    process.execPath,
    [
      join(FOLDER, "node_modules", "everfull", "firmware", "moddable", "build.mjs"),
      platform,
      TOWELS,
      "--out",
      join(FOLDER, "build"),
      ...settings,
    ],
    { env },
  );

test("its description is checked when the product is built, by its own schema", async (t) => {
  const env = { ...process.env };
  delete env.MODDABLE;
  t.regex((await build("esp32", env)).stdout, /^moddable: skipped esp32/);
  const [slot] = JSON.parse(files.get("towels/manifest.json")!).config.slots;
  const wrong = { ...slot, sensor: { ...slot.sensor, sheetsPerTurn: 0 } };
  const error = await t.throwsAsync(build("esp32", env, `slots=${JSON.stringify([wrong])}`));
  t.regex(error!.message, /slots\[0\]\.sensor\.sheetsPerTurn: must be > 0/);
});

const testLink = process.env.MODDABLE ? test : test.skip;
if (!process.env.MODDABLE) console.log("left out: the added sensor linked for ESP32: MODDABLE is not set");

testLink("a product with the added sensor links for ESP32", async (t) => {
  t.timeout(900_000);
  const { stdout } = await build("esp32", process.env);
  t.regex(stdout, /^moddable: towels for esp32/m);
});
