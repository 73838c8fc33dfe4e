import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import { transform } from "esbuild";
import { connectAsync } from "mqtt";
import type { ResetReason } from "../../../hal/boards/board.js";
import { OtaData } from "../../../hal/boards/esp32/update/otadata.js";
import { bundle } from "../../../hal/simulator/bundle.js";
import { SimulatedDevice, type SimulatedUpdate, VirtualClock } from "../../../hal/simulator/index.js";
import { PowerCut } from "../../../hal/simulator/nor-flash.js";
import {
  Codec,
  type DownlinkMessage,
  type Offered,
  open,
  seal,
  type UplinkMessage,
} from "../../../sdk/index.js";
import type { UpdatePort } from "../../../sdk/update/index.js";
import { startAedes } from "../../hal/simulator/support.js";
import { Bootloader, imageIn } from "../../sdk/update/bootloader.js";
import { Supply, suppliedNor, TornNor } from "../../sdk/update/torn-nor.js";
import { describe, type Maker, makeMaker } from "../../sdk/update/world.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** A Monday, 00:00 UTC. */
export const START = Date.UTC(2026, 5, 1);
export const KEY = { number: 1, secret: Uint8Array.from({ length: 32 }, (_, i) => i * 3 + 1) };
export const SERIAL = "EF-OTA-7";
const BLOCK = 4096;
const BLOCKS = 96;
const PIN = 4;
const HEAD = 16;
const DIGEST = 32;

export const MAKER: Maker = makeMaker();

/** What an image does beside its work, see `product.ts`. */
export interface ImageTraits {
  readonly crashes?: "early" | "late";
}

let program: Promise<string> | undefined;

/** The firmware with updates, as one script. */
function firmware(): Promise<string> {
  program ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), "everfull-ota-"));
    try {
      const file = join(folder, "firmware.js");
      await bundle(fileURLToPath(new URL("product.js", import.meta.url)), file);
      return (await transform(await readFile(file, "utf8"), { minify: true, target: "es2022" })).code;
    } finally {
      await rm(folder, { recursive: true });
    }
  })();
  return program;
}

/** An image as the bootloader's model knows them, whose program is the firmware itself. */
export async function imageOf(version: number, traits: ImageTraits = {}): Promise<Uint8Array> {
  const key = Buffer.from(MAKER.publicKey).toString("hex");
  const first = `var IMAGE = ${JSON.stringify({ version, key, ...traits })};\n`;
  const text = Buffer.from(first + (await firmware()));
  const bytes = Buffer.alloc(HEAD + text.length + DIGEST);
  bytes[0] = 0xe9;
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt16LE(5, 12);
  text.copy(bytes, HEAD);
  createHash("sha256")
    .update(bytes.subarray(0, -DIGEST))
    .digest()
    .copy(bytes, bytes.length - DIGEST);
  return new Uint8Array(bytes);
}

export const descriptionOf = (image: Uint8Array, version: number) => describe(MAKER, image, { version });

/** Offers an image before every answer until it has been answered. */
export class OfferingGateway {
  readonly #codec = new Codec();
  readonly #now: () => number;
  offer: Uint8Array | undefined;
  /** Nothing is answered. */
  isMute = false;
  readonly received: UplinkMessage[] = [];
  #seen = 0;
  #down = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get offers(): Offered[] {
    return this.received.flatMap((message) => (message.kind === "offered" ? [message] : []));
  }

  handle(sealed: Uint8Array): Uint8Array[] {
    if (this.isMute) return [];
    const { sequence, body } = open(KEY, "up", sealed);
    if (sequence > this.#seen) {
      const message = this.#codec.decodeUplink(body);
      this.received.push(message);
      if (message.kind === "offered") this.offer = undefined;
      this.#seen = sequence;
    }
    const time = Math.floor(this.#now() / 1000);
    const messages: DownlinkMessage[] = [
      { kind: "acknowledgement", seen: this.#seen, time, newest: 0, events: [] },
    ];
    if (this.offer) messages.unshift({ kind: "image", description: this.offer });
    return messages.map((message) => seal(KEY, "down", ++this.#down, this.#codec.encodeDownlink(message)));
  }
}

/** A device with two images, its bootloader and its power, a broker, a gateway and a server of images. */
export class OtaWorld {
  readonly clock = new VirtualClock(START + 8 * HOUR, { patience: 30_000 });
  readonly gateway = new OfferingGateway(() => this.clock.now());
  readonly supply = new Supply();
  readonly slots: readonly TornNor[];
  readonly boot: Bootloader;
  readonly device: SimulatedDevice;
  readonly log: string[] = [];
  /** Versions that were started. */
  readonly started: number[] = [];
  readonly sent: string[] = [];
  readonly server = new Map<string, Uint8Array>();
  /** The server does not answer. */
  isServerDown = false;
  requests = 0;
  running = 0;
  #pulses = 0;
  readonly #ledger = suppliedNor(this.supply, 4);
  readonly #journal = suppliedNor(this.supply, 16, BLOCK);
  readonly #flights = new Map<string, (() => void)[]>();

  private constructor(engine: "node" | "xs", factory: Uint8Array, broker: { host: string; port: number }) {
    this.slots = [new TornNor(this.supply, BLOCKS, BLOCK, factory), new TornNor(this.supply, BLOCKS, BLOCK)];
    this.boot = new Bootloader(new TornNor(this.supply, 2, BLOCK), this.slots, true);
    this.device = new SimulatedDevice({
      name: SERIAL,
      engine,
      clock: this.clock,
      flash: this.#journal,
      update: this.#update(),
      config: {
        serial: SERIAL,
        key: { number: KEY.number, secret: Buffer.from(KEY.secret).toString("hex") },
        broker: { host: broker.host, port: broker.port },
        utcOffsetMinutes: 0,
        slots: [
          {
            id: "soap",
            unit: "count",
            stepsPerUnit: 1,
            capacity: 1000,
            refill: 1000,
            ratedLife: 30,
            sensor: { kind: "dose-counter", pin: PIN, stepsPerDose: 1 },
          },
        ],
      },
      readPin: () => this.#pulses,
      published: (topic, payload) => {
        this.sent.push(Buffer.from(payload).toString("hex"));
        this.#begin(topic, payload);
      },
      delivered: (topic, payload) => this.#end(topic, payload),
      left: () => {
        for (const [key, ends] of this.#flights)
          if (key.startsWith(`everfull/${SERIAL}/down`)) for (const end of ends.splice(0)) end();
      },
      log: (text) => this.log.push(text),
      crashed: (error) => {
        this.clock.at(this.clock.now() + 1000, async () => {
          if (this.device.crash !== error || this.supply.isOff) return;
          await this.device.cutPower();
          await this.#start("panic");
        });
      },
    });
    this.supply.onOff = () => {
      void this.device.cutPower();
      this.clock.at(this.clock.now() + MINUTE, () => this.#powerOn());
    };
  }

  /** @param connect connects another gateway than {@link gateway} to the broker */
  static async start(
    t: ExecutionContext,
    engine: "node" | "xs",
    factory: Uint8Array,
    connect?: (world: OtaWorld, broker: string) => Promise<() => Promise<unknown>>,
  ): Promise<OtaWorld> {
    const broker = await startAedes();
    const world = new OtaWorld(engine, factory, broker);
    t.teardown(() => world.close());
    world.#closers.push(() => world.device.cutPower());
    const url = `mqtt://${broker.host}:${broker.port}`;
    world.#closers.push(await (connect ? connect(world, url) : world.#connect(url)), () => broker.close());
    world.#live();
    await world.#start("power-on");
    return world;
  }

  async #connect(url: string): Promise<() => Promise<unknown>> {
    const client = await connectAsync(url, { protocolVersion: 4 });
    client.on("message", (topic, payload) => {
      const down = topic.replace(/up$/, "down");
      for (const answer of this.gateway.handle(new Uint8Array(payload))) {
        this.publishing(down, answer);
        client.publish(down, Buffer.from(answer), { qos: 1 });
      }
      this.handled(topic, payload);
    });
    await client.subscribeAsync("everfull/+/up", { qos: 1 });
    return () => client.endAsync(true);
  }

  /** A gateway is about to publish: time stands still until the device has handled it. */
  publishing(topic: string, payload: Uint8Array): void {
    if (this.device.listensTo(topic)) this.#begin(topic, payload);
  }

  /** A gateway is done with a message. */
  handled(topic: string, payload: Uint8Array): void {
    this.#end(topic, payload);
  }

  readonly #closers: (() => unknown)[] = [];

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }

  get version(): number {
    return imageIn(this.slots[this.running]!.bytes).version;
  }

  /** What the update told of its phases. */
  get phases(): string[] {
    return this.log.flatMap((text) => /^update: version (\d+: \w+)/.exec(text)?.[1] ?? []);
  }

  /** Puts an image on the server, and has it offered. @returns its description */
  release(image: Uint8Array, version: number): Uint8Array {
    this.server.set(createHash("sha256").update(image).digest("hex"), image);
    const description = descriptionOf(image, version);
    this.gateway.offer = description;
    return description;
  }

  /** To a time of a day, the day of the start being 0. */
  async to(day: number, time = 0): Promise<void> {
    await this.clock.runUntil(START + day * DAY + time);
  }

  /** The power fails now, for a minute. */
  async fail(): Promise<void> {
    this.supply.isOff = true;
    await this.device.cutPower();
    await this.clock.runUntil(this.clock.now() + MINUTE);
    await this.#powerOn();
  }

  /** The watchdog resets it now. */
  async crash(): Promise<void> {
    await this.device.cutPower();
    await this.#start("watchdog");
  }

  async #powerOn(): Promise<void> {
    this.supply.isOff = false;
    this.supply.cutAt = Number.POSITIVE_INFINITY;
    this.#ledger.powerOn();
    this.#journal.powerOn();
    await this.#start("power-on");
  }

  /** What crashes at once is started anew by `crashed`; what loses its power, by the supply. */
  async #start(reason: ResetReason): Promise<void> {
    try {
      await this.device.start(reason);
    } catch (error) {
      if (!this.device.crash) throw error;
    }
  }

  /** A dose every two hours. */
  #live(): void {
    this.clock.at(this.clock.now() + 2 * HOUR, async () => {
      this.#pulses++;
      if (this.device.isOn) await this.device.readable(PIN);
      this.#live();
    });
  }

  #update(): SimulatedUpdate {
    return {
      flash: this.#ledger,
      port: () => this.#port(),
      boot: () => {
        const slot = this.boot.boot();
        if (slot === undefined) throw new Error("nothing boots");
        this.running = slot;
        const { version, bytes } = imageIn(this.slots[slot]!.bytes);
        this.started.push(version);
        return Buffer.from(bytes.subarray(HEAD, -DIGEST)).toString();
      },
      fetch: (digest, offset, length) => {
        this.requests++;
        if (this.isServerDown) return undefined;
        return this.server.get(Buffer.from(digest).toString("hex"))?.slice(offset, offset + length);
      },
    };
  }

  #port(): UpdatePort {
    const { running, boot, slots } = this;
    const next = slots[1 - running]!;
    const data = new OtaData(boot.data);
    return {
      size: BLOCK * BLOCKS,
      blockLength: BLOCK,
      running: (length) => new Uint8Array(slots[running]!.read(length, 0)),
      erase: (block) => next.eraseBlock(block),
      write: (block, bytes) => {
        next.eraseBlock(block);
        next.write(bytes, block * BLOCK);
      },
      read: (block, length) => new Uint8Array(next.read(length, block * BLOCK)),
      complete: (first) => {
        if (this.supply.isOff) throw new PowerCut("off");
        boot.complete(running, first);
      },
      next: () => data.next(),
      arm: () => data.arm(),
      settle: (slot, stays) => data.settle(stays ? slot : 1 - slot),
    };
  }

  #begin(topic: string, payload: Uint8Array): void {
    const key = `${topic} ${Buffer.from(payload).toString("hex")}`;
    this.#flights.set(key, [...(this.#flights.get(key) ?? []), this.clock.activity.begin(key)]);
  }

  #end(topic: string, payload: Uint8Array): void {
    this.#flights.get(`${topic} ${Buffer.from(payload).toString("hex")}`)?.shift()?.();
  }
}
