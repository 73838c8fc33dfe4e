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
export const BUILD = join(ROOT, "firmware", "moddable", "build.mjs");
/** Where the tests build. */
export const OUT = join(ROOT, "dist", "moddable-test");
/** Of a whole test, with a first build of XS in it. */
export const PATIENCE = 900_000;
/** Of one thing that the device should do. */
const WAIT = 30_000;
export const DAY = 86_400_000;
const KEY_NUMBER = 7;

/** Why a product cannot be run here; undefined when it can. */
function obstacle(): string | undefined {
  const { MODDABLE, EVERFULL_MODDABLE_HOST } = process.env;
  if (!MODDABLE) return "MODDABLE is not set";
  if (!EVERFULL_MODDABLE_HOST) return "EVERFULL_MODDABLE_HOST is not set, see firmware/README.md";
  if (!existsSync(EVERFULL_MODDABLE_HOST)) return `EVERFULL_MODDABLE_HOST: no ${EVERFULL_MODDABLE_HOST}`;
  if (!findMosquitto()) return "there is no mosquitto on PATH";
  return undefined;
}

export const run = promisify(execFile);

/** Tests with the Moddable SDK, shown as skipped where something is missing. They build in one place: one at a time. */
function testWithout(missing: string | undefined, what: string) {
  if (missing) console.log(`${what}: left out: ${missing}`);
  return missing ? test.skip : test.serial;
}

export const testInSimulator = testWithout(obstacle(), "products in Moddable's simulator");
export const testWithModdable = testWithout(
  process.env.MODDABLE ? undefined : "MODDABLE is not set",
  "products linked for ESP32",
);

/** What the gateway and the service know of a slot. */
interface SlotFacts {
  readonly id: string;
  readonly unit: string;
  readonly stepsPerUnit: number;
  readonly capacity: number;
  readonly refill: number;
}

/**
 * A product that is built for Moddable's simulator, with mosquitto, the gateway and the DRS sandbox around it. The gateway's clock starts a day early: the
 * device's first day ends when that is put right.
 *
 * @param product its folder, from the project's
 * @param settings of its configuration
 */
export async function startWorld(
  t: ExecutionContext,
  product: string,
  slots: readonly SlotFacts[],
  settings: readonly string[],
) {
  const serial = `moddable-${product.replaceAll("/", "-")}`;
  const broker = (await startMosquitto(t))!;
  const gatewayKeys = nacl.box.keyPair();
  const deviceKeys = nacl.box.keyPair();
  const secret = sharedKey(gatewayKeys.publicKey, deviceKeys.secretKey);
  const { stdout } = await run(process.execPath, [
    BUILD,
    "lin",
    join(ROOT, product),
    "--out",
    OUT,
    `serial=${serial}`,
    `keyNumber=${KEY_NUMBER}`,
    `keySecret=${Buffer.from(secret).toString("hex")}`,
    `brokerHost=${broker.host}`,
    `brokerPort=${broker.port}`,
    // As on a chip: only the gateway tells it the time.
    "hasClock=false",
    ...settings,
  ]);
  const [, library] = /^ {2}(\S+mc\.so) /m.exec(stdout)!;

  let early = DAY;
  const clock = {
    now: () => Date.now() - early,
    at: (time: number, task: () => unknown) => {
      const timer = setTimeout(task, Math.max(0, time - clock.now()));
      return { cancel: () => clearTimeout(timer) };
    },
  };
  const device = { serial, model: "everfull-test", accessToken: "token" };
  const sandbox = await startSandbox({
    clock,
    run: String(Date.now()),
    devices: [
      {
        ...device,
        slots: slots.map(({ id, unit }, index) => ({
          id,
          asin: `B00${index}`,
          unit,
          quantity: 100,
          subscribed: true,
        })),
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
        ...device,
        utcOffsetMinutes: 0,
        key: { number: KEY_NUMBER, secret: sharedKey(deviceKeys.publicKey, gatewayKeys.secretKey) },
        slots,
      },
    ],
  });
  t.teardown(() => gateway.close());
  sandbox.setNotificationUrl(serial, gateway.notificationUrl);

  const home = await mkdtemp(join(tmpdir(), "everfull-moddable-"));
  t.teardown(() => rm(home, { recursive: true }));
  const start = () =>
    SimulatedFirmware.start(
      t,
      library!,
      home,
      slots.map(({ id }) => id),
    );

  return {
    serial,
    sandbox,
    gateway,
    start,
    /** The next day has come. */
    nextDay() {
      early = 0;
    },
    /** Starts the device until it has been told the time and kept it: power may be cut before that, and then it asks again. */
    async startUntilDated(): Promise<SimulatedFirmware> {
      let started = await start();
      t.is(started.clock, "unknown");
      for (let told = 1; started.clock === "unknown"; told++) {
        await until("an answer of the gateway", () => gateway.counts.acknowledgements >= told);
        await pause(300);
        await started.cutPower();
        started = await start();
      }
      t.is(started.clock, "drifting");
      return started;
    },
    /** Nothing was refused but what was repeated, because power was cut before its answer was kept. */
    assertNothingRefused() {
      t.deepEqual(
        Object.entries(gateway.counts.refused).filter(([why, count]) => why !== "replayed" && count > 0),
        [],
      );
      t.is(gateway.counts.failed, 0);
    },
  };
}

export interface SlotFound {
  readonly remaining: number;
  readonly consumed: number;
  readonly cycle: number;
  readonly state: string;
}

/** A product in Moddable's simulator: one process from power on to power off. */
export class SimulatedFirmware {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #t: ExecutionContext;
  clock = "";
  /** What it found in its journal, by the slots' ids. */
  slots: Readonly<Record<string, SlotFound>> = {};

  constructor(t: ExecutionContext, library: string, home: string) {
    this.#t = t;
    // Line by line: what stands in a buffer is lost when the power is cut.
    this.#process = spawn("stdbuf", ["-oL", process.env.EVERFULL_MODDABLE_HOST!, library], {
      env: { ...process.env, HOME: home },
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface(this.#process.stdout!).on("line", (line) => this.#lines.push(line));
    t.teardown(() => this.cutPower());
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves when it has said what it found in its journal. */
  static async start(
    t: ExecutionContext,
    library: string,
    home: string,
    ids: readonly string[],
  ): Promise<SimulatedFirmware> {
    const device = new SimulatedFirmware(t, library, home);
    device.clock = (await device.said(/runs on lin, clock (\w+)/))[1]!;
    const slots: Record<string, SlotFound> = {};
    for (const id of ids) {
      const found = await device.said(
        new RegExp(`slot ${id}: (\\d+) remaining, (\\d+) consumed, cycle (\\d+) (\\w+)`),
      );
      const [remaining, consumed, cycle] = found.slice(1, 4).map(Number) as [number, number, number];
      slots[id] = { remaining, consumed, cycle, state: found[4]! };
    }
    device.slots = slots;
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
    if (!this.isRunning) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
    for (const line of this.#lines) this.#t.log(line);
  }
}

export async function until(what: string, condition: () => unknown): Promise<void> {
  const end = Date.now() + WAIT;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
