import type { Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { connectAsync } from "mqtt";
import { Activity } from "../../../hal/simulator/index.js";
import { MqttLink, type OpenOptions } from "../../../hal/simulator/mqtt-link.js";
import { PACKET } from "../../../sdk/index.js";
import { freePort, startAedes, startMosquitto, startTcp, testWithMosquitto } from "./support.js";

/** Real milliseconds: far above what anything here takes. */
const PATIENCE = 8000;
const DOWN = "everfull/D-1/down";
const UP = "everfull/D-1/up";
const CONNACK = 2;
const PUBACK = 4;

/** A link whose device writes down what it is told. `gate` holds the device up in what it is handling. */
class Bench {
  readonly activity = new Activity();
  readonly told: string[] = [];
  readonly published: string[] = [];
  readonly delivered: string[] = [];
  left = 0;
  powered = true;
  gate: Promise<void> = Promise.resolve();
  on: (what: string) => void = () => {};
  readonly link: MqttLink;

  constructor() {
    const told = (what: string) => async () => {
      await this.gate;
      if (!this.powered) return false;
      this.told.push(what);
      this.on(what);
      return true;
    };
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    this.link = new MqttLink({
      activity: this.activity,
      published: (topic, payload) => this.published.push(`${topic} ${hex(payload)}`),
      delivered: (topic, payload) => this.delivered.push(`${topic} ${hex(payload)}`),
      left: () => this.left++,
      events: {
        control: (connection, operation, id) => told(`${connection} control ${operation} ${id}`)(),
        message: (connection, topic, payload) => told(`${connection} message ${topic} ${hex(payload)}`)(),
        writable: (connection, bytes) => told(`${connection} writable ${bytes}`)(),
        error: (connection, code) => told(`${connection} error${code ? ` ${code}` : ""}`)(),
      },
    });
  }

  open(number: number, broker: { readonly host: string; readonly port: number }): void {
    const options: OpenOptions = {
      host: broker.host,
      port: broker.port,
      id: "D-1",
      clean: true,
      keepAlive: 0,
    };
    this.link.open(number, options);
  }

  subscribe(number: number): void {
    const items = [{ topic: DOWN, QoS: 1 as const }];
    this.link.write(number, { operation: PACKET.SUBSCRIBE, id: 11, items }, new Uint8Array(0));
  }

  publish(number: number, ...bytes: number[]): number {
    return this.link.write(number, { topic: UP, QoS: 1, id: 12 }, Uint8Array.from(bytes));
  }

  disconnect(number: number): void {
    this.link.write(number, { operation: PACKET.DISCONNECT }, new Uint8Array(0));
  }

  idle(): Promise<void> {
    return this.activity.idle(PATIENCE);
  }

  /** Resolves when the device is told this. */
  async until(what: string): Promise<void> {
    if (this.told.includes(what)) return;
    await new Promise<void>((resolve) => {
      this.on = (found) => {
        if (found === what) resolve();
      };
    });
  }
}

async function visit(t: ExecutionContext, broker: { readonly host: string; readonly port: number }) {
  const other = await connectAsync(`mqtt://${broker.host}:${broker.port}`, { protocolVersion: 4 });
  t.teardown(() => other.endAsync(true));
  await other.subscribeAsync(UP, { qos: 1 });
  const received = new Promise<string>((resolve) =>
    other.once("message", (topic, payload) => resolve(`${topic} ${payload.toString("hex")}`)),
  );

  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  t.deepEqual(bench.told, [`1 control ${CONNACK} 0`, "1 writable 1528"]);

  t.false(bench.link.listensTo(DOWN));
  bench.subscribe(1);
  await bench.idle();
  t.deepEqual(bench.told.splice(0).slice(2), [`1 control ${PACKET.SUBACK} 11`]);
  t.true(bench.link.listensTo(DOWN));
  t.false(bench.link.listensTo(UP));

  t.is(bench.publish(1, 0, 1, 255), 1528);
  t.deepEqual(bench.published, [`${UP} 0001ff`]);
  await bench.idle();
  t.deepEqual(bench.told.splice(0), [`1 control ${PUBACK} 12`]);
  t.is(await received, `${UP} 0001ff`);

  const arrived = bench.until(`1 message ${DOWN} fe00`);
  await other.publishAsync(DOWN, Buffer.of(0xfe, 0), { qos: 1 });
  await arrived;
  await bench.idle();
  t.deepEqual(bench.delivered, [`${DOWN} fe00`]);
  t.is(bench.left, 0);

  bench.told.length = 0;
  bench.disconnect(1);
  t.is(bench.left, 1);
  t.false(bench.link.listensTo(DOWN));
  await bench.idle();
  bench.link.close(1);
  await bench.idle();
  t.deepEqual(bench.told, [], "a connection that the device has closed has nothing to tell");

  bench.open(2, broker);
  await bench.idle();
  bench.link.close(2);
  await bench.idle();
  t.deepEqual(bench.told, [`2 control ${CONNACK} 0`, "2 writable 1528"]);
  t.is(bench.left, 2);
}

test("a device visits a broker: connect, subscribe, publish, receive, leave", async (t) => {
  const broker = await startAedes();
  t.teardown(() => broker.close());
  await visit(t, broker);
});

testWithMosquitto("a device visits mosquitto: the same", async (t) => {
  await visit(t, await startMosquitto(t));
});

test("a refused connection is exactly one error", async (t) => {
  const bench = new Bench();
  bench.open(1, { host: "127.0.0.1", port: await freePort() });
  await bench.idle();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  await bench.idle();
  t.deepEqual(bench.told, ["1 error"]);
  t.is(bench.left, 1);
});

test("a broker that does not let the device in is exactly one error", async (t) => {
  const broker = await startAedes({ authenticate: (_client, _user, _password, done) => done(null, false) });
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  t.deepEqual(bench.told, ["1 error 5"]);
});

for (const code of [1, 2, 3, 4, 5])
  test(`a broker that refuses with code ${code} and leaves the connection open is one error with that code`, async (t) => {
    const broker = await startTcp((socket) =>
      socket.once("data", () => socket.write(Uint8Array.of(0x20, 2, 0, code))),
    );
    t.teardown(() => broker.close());
    const bench = new Bench();
    bench.open(1, broker);
    await bench.idle();
    t.deepEqual(bench.told, [`1 error ${code}`]);
    t.is(bench.left, 1);
  });

test("a connection that the broker breaks is exactly one error, and later calls of the device do nothing", async (t) => {
  const broker = await startAedes();
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  bench.subscribe(1);
  await bench.idle();
  bench.told.length = 0;
  const lost = bench.until("1 error");
  broker.drop();
  await lost;
  await bench.idle();
  bench.publish(1, 1);
  bench.subscribe(1);
  bench.disconnect(1);
  bench.link.close(1);
  await bench.idle();
  t.deepEqual(bench.told, ["1 error"]);
  t.deepEqual(bench.published, []);
  t.is(bench.left, 1);
});

test("what the device writes before it has heard that its connection is lost is lost, not refused", async (t) => {
  const broker = await startAedes();
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  bench.told.length = 0;
  let open: () => void = () => {};
  bench.gate = new Promise((resolve) => {
    open = resolve;
  });
  broker.drop();
  while (bench.left === 0) await new Promise((resolve) => setImmediate(resolve));
  t.true(bench.activity.pending.length > 0, "time stands still until the device has heard");
  t.deepEqual(bench.told, []);
  t.notThrows(() => bench.publish(1, 1));
  open();
  await bench.idle();
  t.deepEqual(bench.told, ["1 error"]);
});

test("a broken connection ends what the broker has not answered", async (t) => {
  const broker = await startTcp(quietBroker());
  t.teardown(() => broker.close());
  for (const write of [(bench: Bench) => bench.subscribe(1), (bench: Bench) => void bench.publish(1, 1)]) {
    const bench = new Bench();
    bench.open(1, broker);
    await bench.idle();
    write(bench);
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.true(bench.activity.pending.length > 0, "the broker has not answered");
    broker.drop();
    await bench.idle();
    t.deepEqual(bench.told.slice(2), ["1 error"]);
  }
});

test("a broken connection ends leaving, though not everything is acknowledged", async (t) => {
  const broker = await startTcp(quietBroker());
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  bench.publish(1, 1);
  bench.disconnect(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(bench.activity.pending, ["disconnecting"]);
  broker.drop();
  await bench.idle();
  t.deepEqual(bench.told.slice(2), []);
});

for (const [moment, act] of [
  ["connecting", () => {}],
  ["subscribing", (bench: Bench) => bench.subscribe(1)],
  ["publishing", (bench: Bench) => void bench.publish(1, 1)],
  [
    "leaving",
    (bench: Bench) => {
      bench.publish(1, 1);
      bench.disconnect(1);
    },
  ],
] as const)
  test(`power cut while ${moment}: nothing stays under way, nothing is told`, async (t) => {
    const broker = await startTcp(moment === "connecting" ? () => {} : quietBroker());
    t.teardown(() => broker.close());
    const bench = new Bench();
    bench.open(1, broker);
    if (moment === "connecting") await new Promise((resolve) => setTimeout(resolve, 20));
    else await bench.idle();
    act(bench);
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.true(bench.activity.pending.length > 0);
    bench.told.length = 0;
    bench.link.cut();
    await bench.idle();
    t.deepEqual(bench.told, []);
    t.is(bench.left, 1);
  });

test("power cut while the device handles a message: it is not delivered", async (t) => {
  const sender = await startTcp((socket) => {
    quietBroker()(socket);
    socket.on("data", (data) => {
      if (data[0] === 0x82) socket.write(Buffer.concat([publication(DOWN, 0xaa), suback(data)]));
    });
  });
  t.teardown(() => sender.close());
  const bench = new Bench();
  bench.open(1, sender);
  await bench.idle();
  let open: () => void = () => {};
  bench.gate = new Promise((resolve) => {
    open = resolve;
  });
  bench.subscribe(1);
  while (!bench.activity.pending.includes("message to D-1"))
    await new Promise((resolve) => setImmediate(resolve));
  bench.powered = false;
  bench.link.cut();
  open();
  await bench.idle();
  t.deepEqual(bench.delivered, []);
  t.is(bench.left, 1);
});

test("a message that comes before the subscription is granted is handed over", async (t) => {
  const broker = await startTcp((socket) => {
    quietBroker()(socket);
    socket.on("data", (data) => {
      if (data[0] === 0x82) socket.write(Buffer.concat([publication(DOWN, 0xaa), suback(data)]));
    });
  });
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  bench.told.length = 0;
  bench.subscribe(1);
  await bench.idle();
  t.deepEqual([...bench.told].sort(), [`1 control ${PACKET.SUBACK} 11`, `1 message ${DOWN} aa`]);
  t.deepEqual(bench.delivered, [`${DOWN} aa`]);
  bench.link.cut();
  await bench.idle();
});

test("a subscription that the broker refuses is not granted, and time goes on", async (t) => {
  const broker = await startTcp((socket) => {
    quietBroker()(socket);
    socket.on("data", (data) => {
      if (data[0] === 0x82) socket.write(suback(data, 0x80));
    });
  });
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  bench.told.length = 0;
  bench.subscribe(1);
  await bench.idle();
  t.deepEqual(bench.told, []);
  t.false(bench.link.listensTo(DOWN));
  bench.link.cut();
  await bench.idle();
});

test("nothing of a connection from before a power cut reaches the one with its number after it", async (t) => {
  const broker = await startAedes();
  t.teardown(() => broker.close());
  for (let turns = 0; turns < 12; turns++) {
    const bench = new Bench();
    bench.open(1, broker);
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    bench.link.cut();
    bench.told.length = 0;
    bench.open(1, broker);
    await bench.idle();
    t.deepEqual(bench.told, [`1 control ${CONNACK} 0`, "1 writable 1528"], `cut after ${turns} turns`);
    bench.link.cut();
    await bench.idle();
  }
});

test("what a client does not write is refused", async (t) => {
  const broker = await startAedes();
  t.teardown(() => broker.close());
  const bench = new Bench();
  bench.open(1, broker);
  await bench.idle();
  t.throws(() => bench.link.write(1, { operation: CONNACK }, new Uint8Array(0)), {
    message: /packet type 2/,
  });
  t.throws(() => bench.link.write(1, {}, new Uint8Array(0)), { message: /needs a topic/ });
  bench.link.close(1);
  await bench.idle();
});

/** Lets everyone in and then says nothing more. */
function quietBroker() {
  return (socket: Socket) => {
    socket.on("data", (data) => {
      if (data[0] === 0x10) socket.write(Uint8Array.of(0x20, 2, 0, 0));
    });
  };
}

/** MQTT 3.1.1, section 3.9, for a SUBSCRIBE with one topic. */
function suback(subscribe: Buffer, code = 1): Uint8Array {
  return Uint8Array.of(0x90, 3, subscribe[2]!, subscribe[3]!, code);
}

/** MQTT 3.1.1, section 3.3, with QoS 0. */
function publication(topic: string, ...payload: number[]): Uint8Array {
  const name = Buffer.from(topic);
  return Uint8Array.of(0x30, 2 + name.length + payload.length, 0, name.length, ...name, ...payload);
}
