import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import { Codec, open, seal, type UplinkMessage } from "everfull";
import {
  type Inspection,
  NorFlash,
  SimulatedDevice,
  type SimulatedDeviceOptions,
  VirtualClock,
} from "everfull/simulator";
import { connectAsync } from "mqtt";
import { bundle } from "../../hal/simulator/bundle.js";
import { startAedes } from "../hal/simulator/support.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MIDNIGHT = Date.UTC(2026, 2, 2);
export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
const KEY = { number: 1, secret: Uint8Array.from({ length: 32 }, (_, i) => i * 3 + 1) };

/** What is wired to the product: the board's side of a simulated device. */
export type Wired = Pick<SimulatedDeviceOptions, "readPin"> &
  Partial<Pick<SimulatedDeviceOptions, "serial" | "i2c">>;

/** A product of `examples/` on the desktop, configured as its own manifest says, with a broker and a gateway that acknowledges. */
export class ProductBench {
  readonly clock = new VirtualClock(MIDNIGHT + 8 * 60 * MINUTE, { patience: 30_000 });
  readonly flash = new NorFlash();
  readonly device: SimulatedDevice;
  readonly log: string[] = [];
  readonly told: { readonly kind: string; readonly slot?: string }[] = [];
  readonly received: UplinkMessage[] = [];
  #unanswered: (() => void)[] = [];

  private constructor(name: string, program: string, engine: "node" | "xs", port: number, wired: Wired) {
    const manifest = JSON.parse(readFileSync(join(ROOT, "examples", name, "manifest.json"), "utf8"));
    this.device = new SimulatedDevice({
      ...wired,
      name,
      program,
      engine,
      clock: this.clock,
      flash: this.flash,
      log: (text) => this.log.push(text),
      told: (event) => this.told.push(event as { kind: string }),
      published: () => this.#unanswered.push(this.clock.activity.begin("an answer")),
      delivered: () => this.#unanswered.shift()?.(),
      left: () => {
        for (const end of this.#unanswered.splice(0)) end();
      },
      config: {
        serial: name,
        key: { number: KEY.number, secret: Buffer.from(KEY.secret).toString("hex") },
        broker: { host: "127.0.0.1", port },
        utcOffsetMinutes: 0,
        slots: manifest.config.slots,
      },
    });
  }

  static async start(
    t: ExecutionContext,
    name: string,
    engine: "node" | "xs",
    wired: Wired,
  ): Promise<ProductBench> {
    mkdirSync(join(ROOT, "dist"), { recursive: true });
    const folder = mkdtempSync(join(ROOT, "dist", `test-${name}-`));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const program = join(folder, `${name}.js`);
    await bundle(join(ROOT, "dist", "examples", name, "index.js"), program);
    const broker = await startAedes();
    const bench = new ProductBench(name, program, engine, broker.port, wired);
    const codec = new Codec();
    const client = await connectAsync(`mqtt://${broker.host}:${broker.port}`, { protocolVersion: 4 });
    let downlink = 0;
    client.on("message", (topic, payload) => {
      const { sequence, body } = open(KEY, "up", new Uint8Array(payload));
      bench.received.push(codec.decodeUplink(body));
      const answer = codec.encodeDownlink({
        kind: "acknowledgement",
        seen: sequence,
        time: Math.floor(bench.clock.now() / 1000),
        newest: 0,
        events: [],
      });
      const sealed = seal(KEY, "down", ++downlink, answer);
      client.publish(topic.replace(/up$/, "down"), Buffer.from(sealed), { qos: 1 });
    });
    await client.subscribeAsync("everfull/+/up", { qos: 1 });
    t.teardown(async () => {
      await bench.device.cutPower();
      await client.endAsync(true);
      await broker.close();
    });
    await bench.device.start();
    return bench;
  }

  async pass(milliseconds: number): Promise<void> {
    await this.clock.runUntil(this.clock.now() + milliseconds);
    if (this.device.crash) throw this.device.crash;
  }

  async restart(off: number): Promise<void> {
    await this.device.cutPower();
    await this.clock.runUntil(this.clock.now() + off);
    await this.device.start();
  }

  /** Slots by their ids, each of them conserving what was in it. */
  async slots(): Promise<Readonly<Record<string, Inspection["slots"][number]>>> {
    const { slots } = await this.device.inspect();
    for (const { id, account } of slots) {
      const { opening, refills, corrections, consumed, remaining } = account;
      if (opening + refills + corrections - consumed !== remaining) throw new Error(`${id}: not conserved`);
    }
    return Object.fromEntries(slots.map((slot) => [slot.id, slot]));
  }
}
