import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { sharedKey } from "everfull";
import nacl from "tweetnacl";
import { startSandbox } from "../../examples/drs-sandbox/index.js";
import { startGateway } from "../../examples/gateway/index.js";
import { findMosquitto, startMosquitto } from "../hal/simulator/support.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BUILD = join(ROOT, "firmware", "moddable", "build.mjs");
const OUT = join(ROOT, "dist", "moddable-test");
const LIBRARY = join(OUT, "bin", "lin", "mc", "release", "everfull", "mc.so");
/** Of a whole test, with a first build of XS in it. */
const PATIENCE = 240_000;
/** Of one thing that the device should do. */
const WAIT = 20_000;
const DAY = 86_400_000;

const SERIAL = "moddable-1";
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

/** Why the firmware cannot be run here; undefined when it can. */
function obstacle(): string | undefined {
  const { MODDABLE, EVERFULL_MODDABLE_HOST } = process.env;
  if (!MODDABLE) return "MODDABLE is not set";
  if (!EVERFULL_MODDABLE_HOST) return "EVERFULL_MODDABLE_HOST is not set, see firmware/README.md";
  if (!existsSync(EVERFULL_MODDABLE_HOST)) return `EVERFULL_MODDABLE_HOST: no ${EVERFULL_MODDABLE_HOST}`;
  if (!findMosquitto()) return "there is no mosquitto on PATH";
  return undefined;
}

const run = promisify(execFile);
const missing = obstacle();
if (missing) console.log(`firmware in Moddable's simulator: left out: ${missing}`);
const testInSimulator = missing ? test.skip : test;

test("the build advises makers whose refill lasts longer than a month", async (t) => {
  const env = { ...process.env };
  delete env.MODDABLE;
  const build = async (slots: string) =>
    (await run(process.execPath, [BUILD, "lin", `slots=${slots}`], { env })).stdout;
  t.notRegex(await build(JSON.stringify([SLOT])), /advice/);
  t.regex(
    await build(JSON.stringify([SLOT, { ...SLOT, id: "towels", refill: 150 }])),
    /^moddable: advice: slot "towels": a refill lasts 45 days; a month at most is advised$/m,
  );
  const error = await t.throwsAsync(build("soap"));
  t.regex(error!.message, /slots: JSON is accepted/);
});

test("the build says why it skips where there is no Moddable SDK, and succeeds", async (t) => {
  const env = { ...process.env };
  delete env.MODDABLE;
  for (const platform of ["lin", "esp32"]) {
    const { stdout } = await run(process.execPath, [BUILD, platform], { env });
    t.regex(stdout, new RegExp(`^moddable: skipped ${platform}: MODDABLE is not set; .*https://.*\n$`));
  }
});

testInSimulator(
  "compiled by Moddable, the firmware meters, orders and finds its journal after a power cut",
  async (t) => {
    t.timeout(PATIENCE);
    const broker = (await startMosquitto(t))!;
    const gatewayKeys = nacl.box.keyPair();
    const deviceKeys = nacl.box.keyPair();
    const secret = sharedKey(gatewayKeys.publicKey, deviceKeys.secretKey);
    await run(process.execPath, [
      BUILD,
      "lin",
      "--out",
      OUT,
      `serial=${SERIAL}`,
      "keyNumber=7",
      `keySecret=${Buffer.from(secret).toString("hex")}`,
      `brokerHost=${broker.host}`,
      `brokerPort=${broker.port}`,
      // As on a chip: only the gateway tells it the time.
      "hasClock=false",
      `use=${JSON.stringify({ interval: 100 })}`,
      `slots=${JSON.stringify([SLOT])}`,
    ]);

    // The gateway's clock starts a day early: the device's first day ends when that is put right.
    let early = DAY;
    const clock = {
      now: () => Date.now() - early,
      at: (time: number, task: () => unknown) => {
        const timer = setTimeout(task, Math.max(0, time - clock.now()));
        return { cancel: () => clearTimeout(timer) };
      },
    };
    const sandbox = await startSandbox({
      clock,
      run: String(Date.now()),
      devices: [
        {
          serial: SERIAL,
          model: "everfull-test",
          accessToken: "token",
          slots: [{ id: SLOT.id, asin: "B000", unit: SLOT.unit, quantity: 100, subscribed: true }],
        },
      ],
      plan: () => ({ placedAfter: 10, shippedAfter: DAY, deliveredAfter: 2 * DAY }),
    });
    t.teardown(() => sandbox.close());
    const gateway = await startGateway({
      broker: `mqtt://${broker.host}:${broker.port}`,
      clock,
      drs: sandbox.url,
      sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
      devices: [
        {
          serial: SERIAL,
          model: "everfull-test",
          accessToken: "token",
          utcOffsetMinutes: 0,
          key: { number: 7, secret: sharedKey(deviceKeys.publicKey, gatewayKeys.secretKey) },
          slots: [SLOT],
        },
      ],
    });
    t.teardown(() => gateway.close());
    sandbox.setNotificationUrl(SERIAL, gateway.notificationUrl);

    const home = await mkdtemp(join(tmpdir(), "everfull-moddable-"));
    t.teardown(() => rm(home, { recursive: true }));
    const start = () => SimulatedFirmware.start(t, home);

    // It asks for the time, and keeps it. Power may be cut before it has: then it asks again.
    let device = await start();
    t.is(device.clock, "unknown");
    t.deepEqual(device.slot, { remaining: 10, consumed: 0, cycle: 0, state: "idle" });
    for (let told = 1; device.clock === "unknown"; told++) {
      await until("an answer of the gateway", () => gateway.counts.acknowledgements >= told);
      await pause(300);
      await device.cutPower();
      device = await start();
    }
    t.is(device.clock, "drifting");
    await device.cutPower();

    // The next day, what is left does not last.
    early = 0;
    device = await start();
    await device.said(/event \{"kind":"dayClosed",/);
    await device.said(/event \{"kind":"intended","slot":"soap","cycle":1,/);
    await until("a placed order", async () => (await gateway.orders(SERIAL))[0]?.state === "placed");
    await device.cutPower();
    t.is(sandbox.orders.length, 1);
    t.is(sandbox.counts.statuses[SERIAL]?.[SLOT.id], 1);
    const [status] = await gateway.statuses(SERIAL);
    t.is(status!.remaining, Math.max(0, SLOT.opening - status!.consumed));

    // Whatever it was told and has said, it knows after a restart; what happened meanwhile, it asks for.
    device = await start();
    t.is(device.slot.cycle, 1);
    t.is(device.slot.state, "intended");
    t.true(device.slot.consumed > 0 && device.slot.consumed >= status!.consumed);
    t.is(device.slot.remaining, Math.max(0, SLOT.opening - device.slot.consumed));
    await device.said(/event \{"kind":"order","slot":"soap","cycle":1,"state":"placed",/);

    const { consumed } = device.slot;
    await until("doses that are kept", async () => {
      await device.cutPower();
      device = await start();
      await pause(300);
      return device.slot.consumed > consumed;
    });
    t.is(device.slot.state, "placed");
    await device.cutPower();

    t.is(sandbox.orders.length, 1, "one order, over all starts");
    t.deepEqual(
      // A message is repeated when power was cut before its answer was kept.
      Object.entries(gateway.counts.refused).filter(([why, count]) => why !== "replayed" && count > 0),
      [],
    );
    t.is(gateway.counts.failed, 0);
  },
);

/** The firmware in Moddable's simulator: one process from power on to power off. */
class SimulatedFirmware {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #t: ExecutionContext;
  clock = "";
  slot = { remaining: -1, consumed: -1, cycle: -1, state: "" };

  private constructor(t: ExecutionContext, home: string) {
    this.#t = t;
    // Line by line: what stands in a buffer is lost when the power is cut.
    this.#process = spawn("stdbuf", ["-oL", process.env.EVERFULL_MODDABLE_HOST!, LIBRARY], {
      env: { ...process.env, HOME: home },
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface(this.#process.stdout!).on("line", (line) => this.#lines.push(line));
    t.teardown(() => this.cutPower());
  }

  /** Resolves when it has said what it found in its journal. */
  static async start(t: ExecutionContext, home: string): Promise<SimulatedFirmware> {
    const device = new SimulatedFirmware(t, home);
    device.clock = (await device.said(/runs on lin, clock (\w+)/))[1]!;
    const found = await device.said(/slot soap: (\d+) remaining, (\d+) consumed, cycle (\d+) (\w+)/);
    const [remaining, consumed, cycle] = found.slice(1, 4).map(Number) as [number, number, number];
    device.slot = { remaining, consumed, cycle, state: found[4]! };
    return device;
  }

  async said(pattern: RegExp): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null | undefined;
    await until(`${pattern} from the device`, () => {
      match = this.#lines.map((line) => pattern.exec(line)).find((found) => found);
      if (!match && this.#process.exitCode !== null)
        throw new Error(`the firmware ended with ${this.#process.exitCode}:\n${this.#lines.join("\n")}`);
      return match;
    });
    return match!;
  }

  async cutPower(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
    for (const line of this.#lines) this.#t.log(line);
  }
}

async function until(what: string, condition: () => unknown): Promise<void> {
  const end = Date.now() + WAIT;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
