import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { connectAsync } from "mqtt";
import {
  DeviceCrash,
  type Inspection,
  NorFlash,
  Random,
  SimulatedDevice,
  type SimulatedDeviceOptions,
  VirtualClock,
} from "../../../hal/simulator/index.js";
import { Codec, open, seal, type UplinkMessage } from "../../../sdk/index.js";
import { freePort, startAedes, type TestBroker, testOnEngines } from "./support.js";

const MIDNIGHT = Date.UTC(2025, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = MIDNIGHT + 9 * HOUR;
const SERIAL = "D-1";
const KEY = { number: 1, secret: Uint8Array.from({ length: 32 }, (_, i) => i * 5 + 1) };
const PIN = 4;
const BUTTON = 5;
const CAPACITY = 200;
/** 1 % of the capacity: what a power cut may lose is less. */
const COMMITTED_AT = 2;

/** Flash that says when it is written to. */
class WatchedFlash extends NorFlash {
  writes = 0;
  onWrite: (write: number) => void = () => {};

  override write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    this.onWrite(++this.writes);
    super.write(buffer, offset);
  }
}

/** One dispenser that counts tablets, and everything that it reaches. */
class Bench {
  readonly clock = new VirtualClock(START, { patience: 8000 });
  readonly flash: WatchedFlash;
  readonly device: SimulatedDevice;
  readonly log: string[] = [];
  readonly up: string[] = [];
  readonly told: unknown[] = [];
  /** Of messages that the gateway will answer. */
  #unanswered: (() => void)[] = [];
  hook: Partial<Pick<SimulatedDeviceOptions, "published" | "delivered" | "told" | "readPin">> = {};
  pulses = 0;
  button = 0;

  constructor(
    engine: "node" | "xs",
    broker: { readonly host: string; readonly port: number },
    options: { readonly content?: Uint8Array; readonly config?: object } = {},
  ) {
    this.flash = new WatchedFlash(options.content ? { content: options.content } : {});
    this.device = new SimulatedDevice({
      name: SERIAL,
      engine,
      clock: this.clock,
      flash: this.flash,
      readPin: (pin) => this.hook.readPin?.(pin) ?? (pin === PIN ? this.pulses : this.button),
      log: (text) => this.log.push(text),
      told: (event) => {
        this.told.push(event);
        this.hook.told?.(event);
      },
      published: (topic, payload) => {
        this.up.push(Buffer.from(payload).toString("hex"));
        this.#unanswered.push(this.clock.activity.begin("an answer"));
        this.hook.published?.(topic, payload);
      },
      delivered: (topic, payload) => {
        this.#unanswered.shift()?.();
        this.hook.delivered?.(topic, payload);
      },
      left: () => {
        for (const end of this.#unanswered.splice(0)) end();
      },
      config: {
        serial: SERIAL,
        key: { number: KEY.number, secret: Buffer.from(KEY.secret).toString("hex") },
        broker: { host: broker.host, port: broker.port },
        utcOffsetMinutes: 0,
        slots: [
          {
            id: "tablets",
            unit: "count",
            stepsPerUnit: 1,
            capacity: CAPACITY,
            refill: CAPACITY,
            ratedLife: 100,
            sensor: { kind: "dose-counter", pin: PIN, stepsPerDose: 1, refillButton: BUTTON },
          },
        ],
        ...options.config,
      },
    });
  }

  /** Power on; a pulse counter starts at zero with the board. */
  async start(): Promise<void> {
    this.pulses = 0;
    await this.device.start();
  }

  async use(steps: number): Promise<void> {
    this.pulses += steps;
    await this.device.readable(PIN);
  }

  async pass(milliseconds: number): Promise<void> {
    await this.clock.runUntil(this.clock.now() + milliseconds);
    if (this.device.crash) throw this.device.crash;
  }

  /** Runs to the end of a day, the first being 1: by then its visit is over and nothing is queued. */
  endOfDay(day: number): Promise<void> {
    return this.pass(MIDNIGHT + day * DAY - 1 - this.clock.now());
  }

  async slot(): Promise<Inspection["slots"][number]> {
    return (await this.device.inspect()).slots[0]!;
  }
}

/** Stands in for the gateway: acknowledges every message and gives the time. */
async function startGateway(broker: TestBroker, now: () => number) {
  const codec = new Codec();
  const received: UplinkMessage[] = [];
  let downlink = 0;
  const client = await connectAsync(`mqtt://${broker.host}:${broker.port}`, { protocolVersion: 4 });
  client.on("message", (topic, payload) => {
    const { sequence, body } = open(KEY, "up", new Uint8Array(payload));
    received.push(codec.decodeUplink(body));
    const answer = codec.encodeDownlink({
      kind: "acknowledgement",
      seen: sequence,
      time: Math.floor(now() / 1000),
      newest: 0,
      events: [],
    });
    const sealed = seal(KEY, "down", ++downlink, answer);
    client.publish(topic.replace(/up$/, "down"), Buffer.from(sealed), { qos: 1 });
  });
  await client.subscribeAsync("everfull/+/up", { qos: 1 });
  return { received, close: () => client.endAsync(true) };
}

async function startWorld(t: ExecutionContext, engine: "node" | "xs") {
  const broker = await startAedes();
  const bench = new Bench(engine, broker);
  const gateway = await startGateway(broker, () => bench.clock.now());
  t.teardown(async () => {
    await bench.device.cutPower();
    await gateway.close();
    await broker.close();
  });
  return { broker, bench, gateway };
}

/** A device whose broker is not there. */
async function alone(
  t: ExecutionContext,
  engine: "node" | "xs",
  options?: ConstructorParameters<typeof Bench>[2],
): Promise<Bench> {
  const bench = new Bench(engine, { host: "127.0.0.1", port: await freePort() }, options);
  t.teardown(() => bench.device.cutPower());
  return bench;
}

function conserved({ account }: Inspection["slots"][number]): boolean {
  const { opening, refills, corrections, consumed, remaining } = account;
  return opening + refills + corrections - consumed === remaining;
}

testOnEngines("a device starts, asks for the time, meters and reports", async (t, engine) => {
  const { bench, gateway } = await startWorld(t, engine);
  t.false(bench.device.isOn);
  await bench.start();
  t.true(bench.device.isOn);
  t.is(bench.device.starts, 1);
  await bench.pass(MINUTE);
  t.is((await bench.device.inspect()).clock, "trusted");
  await bench.use(7);
  bench.button = 1;
  await bench.device.readable(BUTTON);
  bench.button = 0;
  await bench.device.readable(BUTTON);
  await bench.endOfDay(3);
  const slot = await bench.slot();
  t.is(slot.account.consumed, 7);
  t.is(slot.account.refills, CAPACITY);
  t.is(slot.remaining, 2 * CAPACITY - 7);
  const statuses = gateway.received.filter((message) => message.kind === "status");
  t.deepEqual(
    statuses.map((status) => status.consumed),
    [7, 7],
    "as of the begin of the second and the third day",
  );
  t.is(bench.up.length, gateway.received.length);
  t.true(bench.device.connections >= 2);
  t.deepEqual(bench.log, []);
  t.is(bench.device.steps > 0, engine === "xs");
  const heap = await bench.device.heap();
  if (engine === "xs") t.true(heap > 1000 && heap < 1_000_000, `${heap}`);
  else t.is(heap, 0);
});

testOnEngines("a restart keeps the ledger", async (t, engine) => {
  const { bench } = await startWorld(t, engine);
  await bench.start();
  await bench.pass(MINUTE);
  for (let day = 0; day < 3; day++) {
    await bench.use(10 * COMMITTED_AT + day * COMMITTED_AT);
    await bench.pass(24 * HOUR);
    const before = await bench.slot();
    await bench.device.cutPower();
    t.false(bench.device.isOn);
    await bench.pass(MINUTE);
    await bench.start();
    const after = await bench.slot();
    t.deepEqual(after.account, before.account);
    t.is(after.account.consumed, [20, 42, 66][day]!);
    t.is(after.cycle, before.cycle);
    await bench.pass(HOUR);
  }
  t.is(bench.device.starts, 4);
});

testOnEngines("without power nothing is metered, no timer runs, and nothing is sent", async (t, engine) => {
  const { bench } = await startWorld(t, engine);
  await bench.start();
  await bench.pass(MINUTE);
  await bench.use(4);
  await bench.device.cutPower();
  const { writes } = bench.flash;
  const sent = bench.up.length;
  await bench.use(100);
  await bench.pass(72 * HOUR);
  t.is(bench.flash.writes, writes);
  t.is(bench.up.length, sent);
  await t.throwsAsync(bench.device.inspect(), { message: "D-1: it is off" });
  await bench.device.cutPower();
  await bench.start();
  t.is((await bench.slot()).account.consumed, 4);
});

testOnEngines(
  "power can be cut while it starts, and a device that is on is not started",
  async (t, engine) => {
    const bench = await alone(t, engine);
    const starting = bench.start();
    await t.throwsAsync(bench.device.start(), { message: "D-1: it is on" });
    await bench.device.cutPower();
    await starting;
    t.false(bench.device.isOn);
    for (let turns = 1; turns < 200; turns *= 3) {
      const again = bench.start();
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      await bench.device.cutPower();
      await again;
      t.false(bench.device.isOn);
    }
    await bench.start();
    await t.throwsAsync(bench.device.start(), { message: "D-1: it is on" });
    t.is((await bench.slot()).remaining, CAPACITY);
    await bench.pass(MINUTE);
  },
);

testOnEngines("a configuration that the firmware refuses is a crash of the device", async (t, engine) => {
  const bench = await alone(t, engine, { config: { serial: "not/a/serial" } });
  await t.throwsAsync(bench.start(), { instanceOf: DeviceCrash, message: /identity\.serial/ });
  t.true(bench.device.crash instanceof DeviceCrash);
  await bench.pass(MINUTE).catch((error) => t.is(error, bench.device.crash));
});

testOnEngines("a device asked in the middle of other events answers after them", async (t, engine) => {
  const bench = await alone(t, engine);
  await bench.start();
  bench.pulses = 2;
  const first = bench.device.readable(PIN);
  const asked = bench.slot();
  bench.pulses = 6;
  const second = bench.device.readable(PIN);
  // The pins are read when the event is handled, which in Node is after all three were queued.
  t.true([2, 6].includes((await asked).account.consumed));
  await Promise.all([first, second]);
  t.is((await bench.slot()).account.consumed, 6);
});

testOnEngines("random bytes in the flash are formatted with a warning", async (t, engine) => {
  for (const seed of engine === "xs" ? ["a"] : ["a", "b", "c", "d", "e", "f"]) {
    const random = new Random(`flash ${seed}`);
    const content = Uint8Array.from({ length: 16 * 4096 }, () => random.int(256));
    const bench = await alone(t, engine, { content });
    await bench.start();
    t.true(
      bench.log.some((line) => line === "journal: the partition holds no ledger; it is formatted"),
      bench.log.join(),
    );
    const { account } = await bench.slot();
    t.is(account.opening, CAPACITY);
    t.is(account.remaining, CAPACITY);
    await bench.use(4);
    await bench.device.cutPower();
    bench.log.length = 0;
    await bench.start();
    t.is((await bench.slot()).account.consumed, 4);
    t.false(bench.log.some((line) => line.startsWith("journal")));
    await bench.device.cutPower();
  }
});

testOnEngines("an erased flash is no reason to warn", async (t, engine) => {
  const bench = await alone(t, engine);
  await bench.start();
  t.false(bench.log.some((line) => line.startsWith("journal")));
});

testOnEngines(
  "with the broker down it goes on metering, and delivers once there is one",
  async (t, engine) => {
    const port = await freePort();
    const down = new Bench(engine, { host: "127.0.0.1", port });
    t.teardown(() => down.device.cutPower());
    await down.start();
    await down.pass(2 * HOUR);
    await down.use(8);
    await down.pass(2 * HOUR);
    t.is((await down.slot()).account.consumed, 8);
    t.is((await down.device.inspect()).clock, "unknown");
    t.is((await down.device.inspect()).figures.visits, 0);
    t.is(
      down.log.filter((line) => line.includes("refused or lost")).length,
      1,
      "said once, not at every attempt",
    );
    t.deepEqual(down.up, []);

    const broker = await startAedes({ port });
    t.teardown(() => broker.close());
    const gateway = await startGateway(broker, () => down.clock.now());
    t.teardown(() => gateway.close());
    // The wait between attempts is bounded by an hour.
    await down.pass(61 * MINUTE);
    t.is((await down.device.inspect()).clock, "trusted");
    t.true((await down.device.inspect()).figures.visits! >= 1);
    await down.endOfDay(2);
    t.deepEqual(
      gateway.received.flatMap((message) => (message.kind === "status" ? [message.consumed] : [])),
      [8],
    );
    t.is((await down.device.inspect()).figures.queued, 0);
  },
);

test("power cut at every write to flash loses less than 1 % of the capacity and nothing that was committed", async (t) => {
  let cuts = 0;
  for (let cutAt = 1; ; cutAt++) {
    const bench = await alone(t, "node");
    let cut: Promise<void> | undefined;
    let used = 0;
    let seen = 0;
    bench.flash.onWrite = (write) => {
      if (write === cutAt) cut = bench.device.cutPower();
    };
    await bench.start();
    for (let i = 0; i < 12 && !cut; i++) {
      // Pulses one by one: every second one is committed.
      used++;
      await bench.use(1);
      if (!cut) seen = (await bench.slot()).account.consumed;
    }
    if (!cut) {
      t.is(seen, used);
      break;
    }
    cuts++;
    await cut;
    bench.flash.onWrite = () => {};
    await bench.start();
    const slot = await bench.slot();
    t.true(conserved(slot), `cut at write ${cutAt}`);
    t.true(slot.account.consumed >= seen, `cut at write ${cutAt}: ${slot.account.consumed} of ${seen}`);
    t.true(slot.account.consumed <= used && slot.account.consumed > used - COMMITTED_AT - 1);
    await bench.use(COMMITTED_AT);
    t.is((await bench.slot()).account.consumed, slot.account.consumed + COMMITTED_AT);
    await bench.pass(MINUTE);
    await bench.device.cutPower();
  }
  t.true(cuts >= 8, `${cuts}`);
});

test("power cut from within what the board is asked: the device starts again and time goes on", async (t) => {
  for (const moment of ["readPin", "published", "delivered", "told"] as const) {
    const { bench } = await startWorld(t, "node");
    let cut: Promise<void> | undefined;
    const cutNow = () => {
      cut ??= bench.device.cutPower();
      return undefined;
    };
    await bench.start();
    if (moment === "readPin" || moment === "told") await bench.pass(MINUTE);
    bench.hook = { [moment]: cutNow };
    await bench.use(5);
    await bench.endOfDay(2);
    t.truthy(cut, moment);
    await cut;
    t.false(bench.device.isOn);
    t.is(bench.device.crash, undefined, moment);
    bench.hook = {};
    await bench.start();
    const before = (await bench.slot()).account.consumed;
    await bench.use(4);
    await bench.endOfDay(4);
    const slot = await bench.slot();
    t.is(slot.account.consumed, before + 4, moment);
    t.true(conserved(slot));
    t.is((await bench.device.inspect()).figures.queued, 0, `${moment}: everything is delivered in the end`);
  }
});

test("power cut at any moment of a visit: the device starts again, and what it owes is delivered", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }), async (moments) => {
      const broker = await startAedes();
      const bench = new Bench("node", broker);
      const gateway = await startGateway(broker, () => bench.clock.now());
      try {
        let used = 0;
        for (const turns of moments) {
          await bench.start();
          await bench.use(COMMITTED_AT);
          used += COMMITTED_AT;
          for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
          await bench.device.cutPower();
        }
        await bench.start();
        await bench.endOfDay(2);
        const slot = await bench.slot();
        t.true(conserved(slot));
        t.is(slot.account.consumed, used);
        const { clock, figures } = await bench.device.inspect();
        t.is(clock, "trusted");
        t.is(figures.queued, 0);
        const statuses = gateway.received.flatMap((message) =>
          message.kind === "status" ? [message.consumed] : [],
        );
        t.deepEqual(statuses, [used]);
      } finally {
        await bench.device.cutPower();
        await gateway.close();
        await broker.close();
      }
    }),
    { numRuns: 12 },
  );
});

test("the broker breaks the connection in the middle of a visit: the device comes back and delivers", async (t) => {
  for (const moment of ["published", "delivered"] as const) {
    const { bench, broker } = await startWorld(t, "node");
    let dropped = false;
    await bench.start();
    await bench.use(4);
    bench.hook = {
      [moment]: () => {
        if (!dropped) broker.drop();
        dropped = true;
      },
    };
    // The stand-in for the gateway connects again by itself, in real time.
    await bench.pass(0);
    t.true(dropped);
    t.is(bench.device.crash, undefined);
    t.is((await bench.slot()).account.consumed, 4, moment);
  }
});
