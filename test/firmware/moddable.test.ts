import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { sharedKey } from "everfull";
import { connectAsync } from "mqtt";
import nacl from "tweetnacl";
import { startSandbox } from "../../examples/drs-sandbox/index.js";
import { startGateway } from "../../examples/gateway/index.js";
import { findMosquitto, freePort, startMosquitto } from "../hal/simulator/support.js";

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
// One after the other: they build in the same place.
const testInSimulator = missing ? test.serial.skip : test.serial;

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
          notificationUrl: "http://127.0.0.1:9/not-yet-known",
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

const lacksTools = ["openssl", "python3"].filter((name) => !isOnPath(name));
if (!missing && lacksTools.length > 0)
  console.log(
    `set-up, time and TLS in Moddable's simulator: left out: no ${lacksTools.join(", no ")} on PATH`,
  );

(lacksTools.length > 0 ? test.serial.skip : testInSimulator)(
  "compiled by Moddable, a device is set up over line and page, hears the time, and trusts one authority only",
  async (t) => {
    t.timeout(PATIENCE);
    const folder = await mkdtemp(join(tmpdir(), "everfull-moddable-"));
    t.teardown(() => rm(folder, { recursive: true }));
    // The broker gives its certificates up to be read by whom it runs as.
    await chmod(folder, 0o755);
    const ours = await issue(folder, "ours");
    const theirs = await issue(folder, "theirs");
    const broker = (await startMosquitto(t, ours))!;
    const stranger = (await startMosquitto(t, theirs))!;
    const server = await startTimeServer(t);
    const line = await SerialLine.open(t, join(folder, "tty"));
    const page = await freePort();
    await run(process.execPath, [
      BUILD,
      "lin",
      "--out",
      OUT,
      `brokerCA=${(await readFile(ours.authority)).toString("base64")}`,
      "timeServers=127.0.0.1",
      `timePort=${server.port}`,
      "hasClock=false",
      `setupPort=${page}`,
      `setupDevice=${line.path}`,
      `use=${JSON.stringify({ interval: 100 })}`,
      `slots=${JSON.stringify([SLOT])}`,
    ]);

    const device = SimulatedFirmware.powerOn(t, folder);
    await device.said(/^setup: waiting for serial, keySecret, brokerHost$/);
    // Noise first, and in pieces.
    t.deepEqual(await line.ask('\0\xff{"get":\n'), { error: "line" });
    line.send('{"get":');
    t.like(await line.ask("true}\n"), { ok: true, missing: ["serial", "keySecret", "brokerHost"] });
    const keySecret = "ab".repeat(32);
    t.deepEqual(await line.ask(`${JSON.stringify({ set: { serial: SERIAL, keySecret, keyNumber: 7 } })}\n`), {
      ok: true,
      missing: ["brokerHost"],
    });
    const url = `http://127.0.0.1:${page}/`;
    t.true((await (await fetch(url)).text()).includes('role="status">brokerHost<'));
    t.is((await fetch(`${url}favicon.ico`)).status, 404);
    const topics = await listenTo(t, broker.port, ours);
    const strange = await listenTo(t, stranger.port, theirs);
    const form = new URLSearchParams({ brokerHost: "127.0.0.1", brokerPort: String(broker.port) });
    t.is(await (await fetch(url, { method: "POST", body: form })).text(), "Saved. The device starts.");

    // It is what it was set up to be, and speaks with its broker.
    await device.said(/^everfull: moddable-1 runs on lin, clock unknown$/);
    await until("a message", () => topics.length > 0);
    t.is(topics[0], `everfull/${SERIAL}/up`);
    await until("a question for the time", () => server.answers > 0);
    await pause(300);
    await device.cutPower();

    // It knows both after a power cut. Another authority's broker is refused, and it goes on.
    const file = join(folder, "everfull-settings.json");
    await writeFile(
      file,
      JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), brokerPort: stranger.port }),
    );
    const deceived = await SimulatedFirmware.start(t, folder);
    t.is(deceived.clock, "drifting");
    await deceived.said(/^tls: 127\.0\.0\.1: certificate: auth err$/);
    await deceived.said(/^everfull: /);
    await pause(500);
    t.true(deceived.isRunning);
    await deceived.cutPower();
    t.deepEqual(strange, []);
  },
);

function isOnPath(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
}

/** Certificates of a broker at 127.0.0.1, and of the authority that has signed it, alone in DER. */
interface Issued {
  readonly authority: string;
  readonly chain: string;
  readonly key: string;
}

async function issue(folder: string, name: string): Promise<Issued> {
  const at = (end: string) => join(folder, `${name}${end}`);
  const openssl = (...options: string[]) => run("openssl", options);
  const key = (file: string) => ["-newkey", "rsa:2048", "-nodes", "-keyout", file];
  await openssl(
    "req",
    "-x509",
    ...key(at("-ca.key")),
    "-out",
    at("-ca.pem"),
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
  );
  await openssl("x509", "-in", at("-ca.pem"), "-outform", "der", "-out", at(".der"));
  await openssl("req", ...key(at(".key")), "-out", at(".csr"), "-subj", "/CN=broker");
  await writeFile(at(".ext"), "subjectAltName=IP:127.0.0.1\n");
  const signed = [
    "-CA",
    at("-ca.pem"),
    "-CAkey",
    at("-ca.key"),
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    at(".ext"),
  ];
  await openssl("x509", "-req", "-in", at(".csr"), ...signed, "-out", at(".pem"));
  const chain = await Promise.all([at(".pem"), at("-ca.pem")].map((file) => readFile(file, "utf8")));
  await writeFile(at("-chain.pem"), chain.join(""));
  await chmod(at(".key"), 0o644);
  return { authority: at(".der"), chain: at("-chain.pem"), key: at(".key") };
}

/** Topics of what is published at a broker from now on. */
async function listenTo(t: ExecutionContext, port: number, { chain }: Issued): Promise<string[]> {
  const topics: string[] = [];
  const client = await connectAsync(`mqtts://127.0.0.1:${port}`, { ca: await readFile(chain) });
  t.teardown(() => client.endAsync(true));
  client.on("message", (topic) => topics.push(topic));
  await client.subscribeAsync("#");
  return topics;
}

/** Gives the time as RFC 4330 has it; before each answer comes one that is none, and one that is somebody else's. */
async function startTimeServer(
  t: ExecutionContext,
): Promise<{ readonly port: number; readonly answers: number }> {
  const server = { port: 0, answers: 0 };
  const socket = createSocket("udp4");
  socket.on("message", (question, { port, address }) => {
    const answer = Buffer.alloc(48);
    answer[0] = 0x24;
    answer[1] = 2;
    answer.writeUInt32BE(2_208_988_800 + 86_400 * 365, 40);
    socket.send(answer.subarray(0, 7), port, address);
    socket.send(answer, port, address);
    question.copy(answer, 24, 40, 48);
    answer.writeUInt32BE(2_208_988_800 + Math.floor(Date.now() / 1000), 40);
    socket.send(answer, port, address, () => server.answers++);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.teardown(() => new Promise<void>((resolve) => void socket.close(() => resolve())));
  server.port = socket.address().port;
  return server;
}

/** A serial line whose other end is a device file: what Node has no call for, Python has. */
class SerialLine {
  static readonly #PROGRAM = `
import os, pty, select, sys, tty
near, far = pty.openpty()
tty.setraw(far)
os.symlink(os.ttyname(far), sys.argv[1])
os.write(1, b"\\n")
while True:
    ready, _, _ = select.select([near, 0], [], [])
    if near in ready: os.write(1, os.read(near, 4096))
    if 0 in ready:
        data = os.read(0, 4096)
        if not data: break
        os.write(near, data)
`;
  readonly path: string;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];

  private constructor(t: ExecutionContext, path: string) {
    this.path = path;
    this.#process = spawn("python3", ["-c", SerialLine.#PROGRAM, path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface(this.#process.stdout!).on("line", (text) => this.#lines.push(text));
    t.teardown(() => this.#process.kill("SIGKILL"));
  }

  static async open(t: ExecutionContext, path: string): Promise<SerialLine> {
    const line = new SerialLine(t, path);
    await until("a serial line", () => line.#lines.length > 0);
    return line;
  }

  send(text: string): void {
    this.#process.stdin!.write(Buffer.from(text, "latin1"));
  }

  async ask(text: string): Promise<Record<string, unknown>> {
    this.#lines.length = 0;
    this.send(text);
    const answer = () => this.#lines.find((line) => line.startsWith("{"));
    await until("an answer over the line", answer);
    return JSON.parse(answer()!);
  }
}

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

  static powerOn(t: ExecutionContext, home: string): SimulatedFirmware {
    return new SimulatedFirmware(t, home);
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves when it has said what it found in its journal. */
  static async start(t: ExecutionContext, home: string): Promise<SimulatedFirmware> {
    const device = SimulatedFirmware.powerOn(t, home);
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
