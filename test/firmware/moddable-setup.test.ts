import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import { connectAsync } from "mqtt";
import { freePort, startMosquitto } from "../hal/simulator/support.js";
import {
  BUILD,
  OUT,
  PATIENCE,
  pause,
  run,
  SimulatedFirmware,
  testInSimulator,
  until,
} from "./moddable-world.js";

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

const lacksTools = ["openssl", "python3"].filter((name) => !isOnPath(name));
if (lacksTools.length > 0)
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
    const { stdout } = await run(process.execPath, [
      BUILD,
      "lin",
      "--out",
      `${OUT}-setup`,
      `brokerCA=${(await readFile(ours.authority)).toString("base64")}`,
      "timeServers=127.0.0.1",
      `timePort=${server.port}`,
      "hasClock=false",
      `setupPort=${page}`,
      `setupDevice=${line.path}`,
      `use=${JSON.stringify({ interval: 100 })}`,
      `slots=${JSON.stringify([SLOT])}`,
    ]);

    const [, library] = /^ {2}(\S+mc\.so) /m.exec(stdout)!;
    const device = new SimulatedFirmware(t, library!, folder);
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
    const deceived = await SimulatedFirmware.start(t, library!, folder, [SLOT.id]);
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
