import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { GATEWAY_USER, makeBatch } from "../../../examples/provision/batch.js";
import { findMosquitto, freePort } from "../../hal/simulator/servers.js";

const SHIPPED = fileURLToPath(new URL("../../../../examples/gateway/mosquitto/", import.meta.url));
const run = promisify(execFile);
const obstacle = findMosquitto() === undefined ? "there is no mosquitto on PATH" : undefined;
if (obstacle) console.log(`the shipped configuration of mosquitto: left out: ${obstacle}`);
const testWithMosquitto = obstacle ? test.serial.skip : test.serial;

interface Broker {
  readonly devicePort: number;
  readonly gatewayPort: number;
  readonly authority: Buffer;
  readonly gatewayPassword: string;
  password(serial: string): string;
}

/** Mosquitto with the shipped configuration, only folders and ports changed, for a batch of these devices. */
async function start(t: ExecutionContext, serials: readonly string[]): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), "everfull-mosquitto-"));
  t.teardown(() => rm(folder, { recursive: true }));
  // Started by root, it is somebody else by the time that it reads them.
  await chmod(folder, 0o755);
  const batch = makeBatch({
    serials,
    model: "dispenser-1",
    slots: [{ id: "soap", unit: "ounce", stepsPerUnit: 10, capacity: 350, refill: 350 }],
    utcOffsetMinutes: 0,
    keyNumber: 1,
    broker: { host: "127.0.0.1", port: 8883 },
    withGateway: true,
  });
  await writeFile(join(folder, "passwords"), batch.passwords);
  await writeFile(join(folder, "acl"), await readFile(join(SHIPPED, "acl")));
  const authority = await certificates(folder);
  const [devicePort, gatewayPort] = [await freePort(), await freePort()];
  const shipped = await readFile(join(SHIPPED, "mosquitto.conf"), "utf8");
  const config = shipped
    .replaceAll("/etc/mosquitto/everfull/", `${folder}/`)
    .replace("listener 8883", `listener ${devicePort} 127.0.0.1`)
    .replace("listener 8884", `listener ${gatewayPort}`);
  await writeFile(join(folder, "mosquitto.conf"), config);
  const broker = spawn(findMosquitto()!, ["-c", join(folder, "mosquitto.conf")], { stdio: "ignore" });
  const ended = once(broker, "exit");
  t.teardown(async () => {
    broker.kill("SIGKILL");
    await ended;
  });
  while (!((await accepts(devicePort)) && (await accepts(gatewayPort)))) {
    if (broker.exitCode !== null) throw new Error(`mosquitto ended with exit code ${broker.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    devicePort,
    gatewayPort,
    authority,
    gatewayPassword: batch.gatewayPassword!.trimEnd(),
    password: (serial) => /"brokerPassword":"([^"]+)"/.exec(batch.setups.get(serial)!)![1]!,
  };
}

/** As the README says, and readable by mosquitto. @returns the authority */
async function certificates(folder: string, name = "broker"): Promise<Buffer> {
  const script = /```sh\n(openssl req -x509[^`]*)```/.exec(
    await readFile(join(SHIPPED, "README.md"), "utf8"),
  )![1]!;
  await run("sh", ["-e", "-c", script.replaceAll("broker.example", "localhost")], { cwd: folder });
  await chmod(join(folder, `${name}.key`), 0o644);
  return await readFile(join(folder, "authority.pem"));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function connect(
  t: ExecutionContext,
  port: number,
  ca: Buffer,
  options: IClientOptions,
): Promise<MqttClient> {
  const client = await connectAsync(`mqtts://localhost:${port}`, {
    ca,
    protocolVersion: 4,
    reconnectPeriod: 0,
    ...options,
  });
  client.on("error", () => {});
  t.teardown(() => client.endAsync(true));
  return client;
}

function device(t: ExecutionContext, broker: Broker, serial: string, id = serial): Promise<MqttClient> {
  return connect(t, broker.devicePort, broker.authority, {
    clientId: id,
    username: serial,
    password: broker.password(serial),
  });
}

function gateway(t: ExecutionContext, broker: Broker): Promise<MqttClient> {
  return connect(t, broker.gatewayPort, broker.authority, {
    protocolVersion: 5,
    username: GATEWAY_USER,
    password: broker.gatewayPassword,
  });
}

/** What comes to a client, as `TOPIC TEXT`; `until` waits for one that is sent last. */
function inbox(client: MqttClient) {
  const messages: string[] = [];
  let told = () => {};
  client.on("message", (topic, payload) => {
    messages.push(`${topic} ${payload}`);
    told();
  });
  return {
    messages,
    async until(last: string): Promise<string[]> {
      while (!messages.includes(last))
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      return messages;
    },
  };
}

testWithMosquitto(
  "a device reaches its own topics and no other's, whatever it asks for; the gateway reaches all",
  async (t) => {
    const broker = await start(t, ["A", "B"]);
    const [a, b, both] = [
      await device(t, broker, "A"),
      await device(t, broker, "B"),
      await gateway(t, broker),
    ];
    const [toA, toB, toGateway] = [inbox(a), inbox(b), inbox(both)];
    await both.subscribeAsync("$share/everfull/everfull/+/up", { qos: 1 });
    // What is not granted may be refused, or be granted and never come.
    const wanted = [
      "everfull/A/down",
      "everfull/A/up",
      "everfull/B/down",
      "everfull/B/up",
      "everfull/+/down",
      "#",
    ];
    for (const topic of wanted) await a.subscribeAsync(topic, { qos: 1 }).catch(() => {});
    await b.subscribeAsync("everfull/B/down", { qos: 1 });

    for (const topic of [
      "everfull/B/up",
      "everfull/B/down",
      "everfull/A/down",
      "everfull/everfull.gateway/down",
      "other",
    ])
      await a.publishAsync(topic, "from A", { qos: 1, retain: true });
    await a.publishAsync("everfull/A/up", "from A", { qos: 1 });
    await b.publishAsync("everfull/B/up", "from B", { qos: 1 });
    t.deepEqual([...(await toGateway.until("everfull/B/up from B"))].sort(), [
      "everfull/A/up from A",
      "everfull/B/up from B",
    ]);

    await both.publishAsync("everfull/B/down", "to B", { qos: 1 });
    await t.throwsAsync(both.publishAsync("everfull/A/up", "no device", { qos: 1 }), {
      message: /Not authorized/,
    });
    await both.publishAsync("everfull/A/down", "to A", { qos: 1 });
    t.deepEqual(await toB.until("everfull/B/down to B"), ["everfull/B/down to B"]);
    // Several of its subscriptions match.
    t.deepEqual([...new Set(await toA.until("everfull/A/down to A"))], ["everfull/A/down to A"]);
  },
);

testWithMosquitto(
  "whoever has no password, or another's, is refused, with the code that says so",
  async (t) => {
    const broker = await start(t, ["A", "B"]);
    const strangers: IClientOptions[] = [
      { clientId: "A" },
      { clientId: "A", username: "A" },
      { clientId: "A", username: "A", password: broker.password("B") },
      { clientId: "A", username: "C", password: broker.password("A") },
      { username: GATEWAY_USER, password: broker.password("A") },
    ];
    for (const port of [broker.devicePort, broker.gatewayPort])
      for (const options of strangers) {
        const error = await t.throwsAsync(connect(t, port, broker.authority, options));
        t.true([4, 5].includes((error as unknown as { code: number }).code), error!.message);
      }
  },
);

testWithMosquitto("a device cannot take another's connection by its client identifier", async (t) => {
  const broker = await start(t, ["A", "B"]);
  const b = await device(t, broker, "B");
  const toB = inbox(b);
  await b.subscribeAsync("everfull/B/down", { qos: 1 });
  await device(t, broker, "A", "B");
  const both = await gateway(t, broker);
  await both.publishAsync("everfull/B/down", "still there", { qos: 1 });
  await toB.until("everfull/B/down still there");
  t.true(b.connected);
});

testWithMosquitto("a broker of another authority is not spoken to, nor is one without TLS", async (t) => {
  const broker = await start(t, ["A"]);
  const other = await mkdtemp(join(tmpdir(), "everfull-mosquitto-"));
  t.teardown(() => rm(other, { recursive: true }));
  const credentials = { username: "A", password: broker.password("A") };
  await t.throwsAsync(connect(t, broker.devicePort, await certificates(other), credentials), {
    message: /certificate/,
  });
  await t.throwsAsync(
    connectAsync(`mqtt://localhost:${broker.devicePort}`, { ...credentials, reconnectPeriod: 0 }, false),
  );
});
