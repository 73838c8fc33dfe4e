import { createHash } from "node:crypto";
import test from "ava";
import { type App, startApp } from "../../firmware/app.js";
import type { DeviceConfig } from "../../firmware/config.js";
import type { Product } from "../../firmware/wiring/kind.js";
import { loadCell } from "../../firmware/wiring/load-cell.js";
import type { Board, OpenIO } from "../../hal/boards/board.js";
import { NorFlash } from "../../hal/simulator/nor-flash.js";
import type { FlashPartition } from "../../sdk/index.js";
import { ManualClock } from "../sdk/uplink/support.js";

const MINUTE = 60_000;
const START = Date.UTC(2026, 5, 1);

const CONFIG: DeviceConfig = {
  serial: "EF-1",
  key: { number: 1, secret: "07".repeat(32) },
  broker: { host: "broker.example", port: 1883 },
  utcOffsetMinutes: 0,
  slots: [
    {
      id: "soap",
      unit: "grams",
      stepsPerUnit: 1,
      capacity: 1000,
      refill: 1000,
      ratedLife: 30,
      noise: 1,
      sensing: "level",
      sensor: {
        kind: "load-cell",
        pin: 4,
        zero: 0,
        scale: 1e-6,
        massPerStep: 1e-3,
        noise: 1e-3,
        interval: 5 * MINUTE,
      },
    },
  ],
};

const PRODUCT = { kinds: [loadCell] };

/** A board with a load cell and a flash that may not be readable. */
class Bench {
  readonly clock = new ManualClock(START);
  readonly nor = new NorFlash();
  grams = 1000;
  isReadable = true;
  /** Reads of the amplifier that give nothing before one that does. */
  silentReads = 0;
  amplifierError: Error | undefined;
  readonly log: string[] = [];

  board(): Board {
    const started = this.clock.now;
    const { nor } = this;
    const bench = this;
    const flash: FlashPartition = {
      status: () => nor.status(),
      read: (length, offset) => {
        if (!this.isReadable) throw new Error("read refused");
        return nor.read(length, offset);
      },
      write: (bytes, offset) => nor.write(bytes, offset),
      eraseBlock: (start, end) => nor.eraseBlock(start, end),
      close: () => {},
    };
    class Bridge implements OpenIO {
      #reads = 0;
      read(): number | undefined {
        if (bench.amplifierError) throw bench.amplifierError;
        if (this.#reads++ < bench.silentReads) return undefined;
        this.#reads = 0;
        return Math.round(bench.grams * 1000);
      }
      close(): void {}
    }
    return {
      name: "test",
      flash,
      io: { PulseCount: Bridge, Bridge, Button: Bridge },
      connect: () => {
        throw new Error("no network");
      },
      ticks: () => this.clock.now - started,
      schedule: this.clock.schedule,
      random: () => 0.5,
      wallClock: () => this.clock.now,
      log: (text) => this.log.push(text),
    };
  }

  /** Switches a device on, and has it start. */
  start(config: DeviceConfig = CONFIG, product: Product = PRODUCT, more: Partial<Board> = {}): App {
    const app = startApp({ ...this.board(), ...more }, config, product);
    this.clock.advance(0);
    return app;
  }

  /** Samples that settle the meter. */
  pass(minutes = 90): void {
    this.clock.advance(minutes * MINUTE);
  }
}

test("a level is not compared with what an unreadable journal would have said: it is weighed when that is known", (t) => {
  const bench = new Bench();
  const first = bench.start();
  bench.pass();
  bench.grams = 400;
  bench.pass();
  t.is(first.everfull.slot("soap").remaining, 400);
  first.close();
  bench.isReadable = false;
  const { everfull } = bench.start();
  bench.grams = 350;
  bench.pass();
  t.like(everfull.storage, { state: "failing", isOpen: false });
  t.is(everfull.slot("soap").consumed, 0);
  bench.isReadable = true;
  bench.pass();
  t.like(everfull.storage, { state: "ok", isOpen: true });
  t.like(everfull.account("soap"), { consumed: 650, remaining: 350, refills: 0, corrections: 0 });
});

test("an amplifier that sleeps between samples is asked again until it has one", (t) => {
  const bench = new Bench();
  bench.silentReads = 8;
  const { everfull, close } = bench.start();
  bench.pass();
  bench.grams = 600;
  bench.pass();
  t.is(everfull.slot("soap").remaining, 600);
  bench.silentReads = Infinity;
  bench.grams = 100;
  bench.pass();
  t.is(everfull.slot("soap").remaining, 600);
  close();
});

test("an amplifier that fails is logged once and asked again at every interval: what was used meanwhile is seen then", (t) => {
  const bench = new Bench();
  const { everfull, close } = bench.start();
  bench.pass();
  bench.amplifierError = new Error("HX711: DOUT stays low");
  bench.grams = 700;
  bench.log.length = 0;
  bench.pass();
  t.is(bench.log.filter((text) => text === "slot soap: HX711: DOUT stays low").length, 1);
  t.is(everfull.slot("soap").consumed, 0);
  bench.amplifierError = undefined;
  bench.pass();
  t.is(everfull.slot("soap").consumed, 300);
  bench.amplifierError = new Error("HX711: DOUT stays low");
  bench.pass();
  t.is(bench.log.filter((text) => text === "slot soap: HX711: DOUT stays low").length, 2);
  close();
});

test("what a start brings is told to the product, with the device that it happened to", (t) => {
  const bench = new Bench();
  const told: string[] = [];
  const product = {
    kinds: [loadCell],
    onEvent(
      event: { readonly kind: string },
      device: { readonly everfull: { readonly slotIds: readonly string[] } },
    ) {
      told.push(`${event.kind} ${device.everfull.slotIds}`);
    },
  };
  bench.start(CONFIG, product).close();
  // Off over midnight: the day is closed by the start.
  bench.clock.advance(24 * 60 * MINUTE);
  const app = bench.start(CONFIG, product);
  t.deepEqual(told, ["dayClosed soap"]);
  app.close();
});

test("a device that knows its model, on a board that has what it takes, offers its registration; others do not", (t) => {
  const registration = {
    entropy: (count: number) => new Uint8Array(count).fill(7),
    sha256: (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest()),
  };
  const offer = (config: DeviceConfig, more: Partial<Board>) => {
    const app = new Bench().start(config, PRODUCT, more);
    try {
      return app.everfull.offerRegistration();
    } finally {
      app.close();
    }
  };
  const config = { ...CONFIG, model: "dispenser+1" };
  t.like(offer(config, { registration }), { model: "dispenser+1", serial: "EF-1" });
  for (const [each, more] of [
    [CONFIG, { registration }],
    [config, {}],
  ] as const)
    t.throws(() => offer(each, more), { code: "options", message: /^registration: needed/ });
  t.throws(() => offer({ ...CONFIG, model: "a model" }, { registration }), { message: /^identity\.model: / });
});

test("the start leaves the loop in turns of its own, and what it finds too late to throw goes to whoever asked", (t) => {
  const bench = new Bench();
  bench.start().close();
  const heard: unknown[] = [];
  const start = () => startApp(bench.board(), CONFIG, PRODUCT, (error) => heard.push(error ?? "started"));
  const app = start();
  t.deepEqual(heard, []);
  let turns = 0;
  while (heard.length === 0) {
    bench.clock.advance(0, () => true);
    turns++;
  }
  t.deepEqual(heard, ["started"]);
  t.true(turns > 5, `${turns} turns`);
  app.close();
  // Closed in the middle of it: nothing goes on, and nothing is told.
  const closed = start();
  bench.clock.advance(0, () => true);
  closed.close();
  bench.clock.advance(MINUTE);
  t.is(heard.length, 1);
  // A sensor that cannot be opened.
  const { PulseCount, Button } = bench.board().io;
  const refusing = startApp(
    {
      ...bench.board(),
      io: {
        PulseCount,
        Button,
        get Bridge(): never {
          throw new Error("no such pin");
        },
      },
    },
    CONFIG,
    PRODUCT,
    (error) => heard.push(error),
  );
  bench.clock.advance(0);
  t.is(heard.length, 2);
  t.regex(String(heard[1]), /no such pin/);
  t.throws(() => refusing.everfull.slot("soap"), { code: "closed" }, "nothing stays open");
});
