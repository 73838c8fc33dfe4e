import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FlashPartition, MqttWriteOptions } from "../../sdk/index.js";
import type { UpdatePort } from "../../sdk/update/index.js";
import type { ResetReason } from "../boards/board.js";
import { ANSWER, CALL, EVENT, EVENT_HEAD } from "../boards/desktop/protocol.js";
import { DEVICE_PROGRAM } from "./device-program.js";
import type { Engine, EngineOptions } from "./engine.js";
import { startNodeEngine } from "./engine-node.js";
import { startXsEngine } from "./engine-xs.js";
import { SLOT_BYTES } from "./heap-use.js";
import { MqttLink, type OpenOptions } from "./mqtt-link.js";
import type { NorFlash } from "./nor-flash.js";
import type { VirtualClock } from "./virtual-clock.js";

/** What a device with updates has beside its journal. */
export interface SimulatedUpdate {
  /** The update's own ledger. */
  readonly flash: FlashPartition;
  /** The places of its images, as the program that runs now sees them. */
  port(): UpdatePort;
  /** What the bootloader starts: the device program, as one script. */
  boot(): string;
  /** A part of an image on the server; undefined: it cannot be had. It comes {@link FETCH_TIME} later. */
  fetch(digest: Uint8Array, offset: number, length: number): Uint8Array | undefined;
}

export interface SimulatedDeviceOptions {
  readonly name: string;
  /** File of the device program, as `bundle` makes it; default: the firmware with every kind of sensor. */
  readonly program?: string;
  readonly engine: Engine["name"];
  readonly clock: VirtualClock;
  readonly flash: NorFlash;
  /** Two images and a bootloader: then `program` is not asked for. */
  readonly update?: SimulatedUpdate;
  /** The device's configuration, as its firmware takes it. */
  readonly config: object;
  /** What is at a pin, in counts; undefined when there is nothing to read. */
  readPin(pin: number): number | undefined;
  /** Bytes that the device sends on a serial line, by its receiving pin; what comes back, if anything. */
  serial?(pin: number, bytes: Uint8Array): Uint8Array | undefined;
  /** A transaction on an I2C bus, by its data pin: bytes are written, then so many read. Undefined when nothing is at the address. */
  i2c?(pin: number, address: number, written: Uint8Array, byteLength: number): Uint8Array | undefined;
  /** A sealed message leaves the device. */
  published?(topic: string, payload: Uint8Array): void;
  /** A message has been handled by the device. */
  delivered?(topic: string, payload: Uint8Array): void;
  /** A connection is gone: what was on its way down on it does not arrive. */
  left?(): void;
  log?(text: string): void;
  /** What the firmware told of. */
  told?(event: unknown): void;
  /** The program has ended by itself; the device stands still until power is cut. */
  crashed?(error: Error): void;
}

/** What the firmware says of itself when asked. */
export interface Inspection {
  readonly clock: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly slots: readonly {
    readonly id: string;
    readonly remaining: number;
    readonly onHand: number;
    readonly inbound: number;
    /** Number of the newest order cycle. */
    readonly cycle: number;
    readonly state: string;
    readonly decision: string;
    readonly cancellations: number;
    readonly lateOrders: number;
    readonly runOut: { readonly low: number; readonly median: number; readonly high: number };
    readonly account: Readonly<
      Record<"opening" | "refills" | "corrections" | "consumed" | "remaining" | "onHand", number>
    >;
  }[];
}

/** Of a restart that the firmware asks for, and of a request for a part of an image, in milliseconds. */
const RESTART_TIME = 500;
const FETCH_TIME = 20;

const text = new TextEncoder();

/** A device whose program runs in an engine and whose board is played here. */
export class SimulatedDevice {
  readonly #options: SimulatedDeviceOptions;
  readonly #program: string | undefined;
  #port: UpdatePort | undefined;
  readonly #digests = new Map<number, Hash>();
  #reason: ResetReason | undefined;
  readonly #link: MqttLink;
  /** Whether power is on; the program may still be loading. */
  #powered = false;
  #engine: Engine | undefined;
  #startedAt = 0;
  #timers = new Map<number, { cancel(): void }>();
  /** Events wait for the one before: the program handles one at a time. */
  #queue: Promise<void> = Promise.resolve();
  #crash: Error | undefined;
  #starts = 0;
  #connections = 0;
  #steps = 0;
  #slots = 0;
  /** Slots in use before the program has started: the engine's own and the program's code. */
  #emptySlots = 0;
  /** While it has not, turns of its loop follow at once: no time passes between them. */
  #hasStarted = false;
  /** Tells the events of this power cycle from those of an earlier one. */
  #cycle = 0;

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options;
    if (!options.update) this.#program = readFileSync(options.program ?? DEVICE_PROGRAM, "utf8");
    const cycle = () => this.#cycle;
    this.#link = new MqttLink({
      activity: options.clock.activity,
      published: (topic, payload) => options.published?.(topic, payload),
      delivered: (topic, payload) => options.delivered?.(topic, payload),
      left: () => options.left?.(),
      events: {
        control: (connection, operation, id) =>
          this.#event(EVENT.mqttControl, cycle(), numbers([connection, 4], [operation, 1], [id, 2])),
        message: (connection, topic, payload) => {
          const name = text.encode(topic);
          return this.#event(
            EVENT.mqttMessage,
            cycle(),
            Buffer.concat([numbers([connection, 4], [name.length, 2]), name, payload]),
          );
        },
        writable: (connection, bytes) =>
          this.#event(EVENT.mqttWritable, cycle(), numbers([connection, 4], [bytes, 4])),
        error: (connection, code) =>
          this.#event(EVENT.mqttError, cycle(), numbers([connection, 4], [code, 1])),
      },
    });
  }

  /** Whether the program runs. */
  get isOn(): boolean {
    return this.#engine !== undefined;
  }

  /** Starts so far. */
  get starts(): number {
    return this.#starts;
  }

  /** Connections opened so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Bytecode steps so far, loading of the program not included; 0 in Node. */
  get steps(): number {
    return this.#steps;
  }

  /** Why the program ended by itself, if it did. */
  get crash(): Error | undefined {
    return this.#crash;
  }

  /** Whether a message on this topic would reach the device now. */
  listensTo(topic: string): boolean {
    return this.#link.listensTo(topic);
  }

  /**
   * Power on: the program starts from what is in flash. When power is cut meanwhile, it resolves without a device that is on.
   *
   * @param reason what the board says of it; without, it cannot tell
   */
  async start(reason?: ResetReason): Promise<void> {
    if (this.#powered) throw new Error(`${this.#options.name}: it is on`);
    this.#powered = true;
    this.#reason = reason;
    this.#crash = undefined;
    this.#hasStarted = false;
    const cycle = ++this.#cycle;
    try {
      const { update } = this.#options;
      const bundle = this.#program ?? update!.boot();
      this.#port = update?.port();
      const options: EngineOptions = { bundle, call: (request) => this.#answer(request) };
      const engine = await (this.#options.engine === "xs"
        ? startXsEngine(options)
        : startNodeEngine(options));
      if (cycle !== this.#cycle) return await engine.stop();
      this.#engine = engine;
      this.#startedAt = this.#options.clock.now();
      const boot = { device: this.#options.config, start: ++this.#starts };
      this.#emptySlots = await this.#heapSlots();
      await this.#event(EVENT.boot, cycle, text.encode(JSON.stringify(boot)));
      for (let turn: unknown; !this.#hasStarted && turn !== this.#queue; await turn) turn = this.#queue;
      this.#hasStarted = true;
      if (this.#crash) throw this.#crash;
    } catch (error) {
      if (cycle !== this.#cycle) return;
      // A program that could not even be loaded is no device that is on.
      if (!this.#engine) this.#powered = false;
      throw error;
    }
  }

  /** Power off, at any moment: only what is in flash remains. */
  async cutPower(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    this.#powered = false;
    this.#cycle++;
    this.#digests.clear();
    // Before anything else: an engine that runs on meanwhile would still reach the board.
    const stopped = engine?.stop();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#link.cut();
    await stopped;
  }

  /** There is something new to read at a pin. */
  async readable(pin: number): Promise<void> {
    await this.#event(EVENT.ioReadable, this.#cycle, Uint8Array.of(pin));
  }

  /** What the firmware says of itself. */
  async inspect(): Promise<Inspection> {
    const reply = await this.#aside(EVENT.inspect);
    return JSON.parse(Buffer.from(reply).toString());
  }

  /** Bytes of heap that are in use after garbage collection, in a 32-bit XS and without the engine's own; 0 in Node. */
  async heap(): Promise<number> {
    return ((await this.#heapSlots()) - this.#emptySlots) * SLOT_BYTES;
  }

  async #heapSlots(): Promise<number> {
    await this.#aside(EVENT.collect);
    return this.#slots;
  }

  /** Asks for the sake of figures: what it costs is not part of them. */
  #aside(kind: number): Promise<Uint8Array> {
    const reply = this.#queue.then(async () => {
      const steps = this.#steps;
      const result = await this.#handle(kind, new Uint8Array(0));
      this.#steps = steps;
      return result;
    });
    this.#queue = reply.then(
      () => {},
      () => {},
    );
    return reply;
  }

  /**
   * Hands an event to the program, after those before it; dropped when the power was cut meanwhile.
   *
   * @returns whether it was handled
   */
  #event(kind: number, cycle: number, fields: Uint8Array): Promise<boolean> {
    const done = this.#options.clock.activity.begin(`event ${kind} of ${this.#options.name}`);
    const handled = this.#queue.then(async () => {
      if (!this.#engine || this.#crash || cycle !== this.#cycle) return false;
      try {
        await this.#handle(kind, fields);
        return cycle === this.#cycle;
      } catch (error) {
        // Power cut while the program was at work: nothing is wrong with it.
        if (cycle === this.#cycle) this.#fail(error as Error);
        return false;
      }
    });
    this.#queue = handled.then(done);
    return handled;
  }

  /** After the events before it. */
  #turn(fire: () => Promise<void> | undefined): void {
    this.#queue = this.#queue.then(() => {
      void fire();
    });
  }

  #fail(error: Error): void {
    this.#crash = error;
    this.#options.crashed?.(error);
  }

  async #handle(kind: number, fields: Uint8Array): Promise<Uint8Array> {
    const engine = this.#engine;
    if (!engine) throw new Error(`${this.#options.name}: it is off`);
    const head = new Uint8Array(EVENT_HEAD);
    head[0] = kind;
    new DataView(head.buffer).setFloat64(1, this.#options.clock.now() - this.#startedAt);
    const { reply, cost } = await engine.handle(Buffer.concat([head, fields]));
    this.#steps += cost.steps;
    this.#slots = cost.slots;
    return reply;
  }

  #answer(request: Uint8Array): Uint8Array {
    try {
      const result = this.#serve(request);
      return Buffer.concat([Uint8Array.of(ANSWER.done), result]);
    } catch (error) {
      return Buffer.concat([Uint8Array.of(ANSWER.refused), text.encode((error as Error).message)]);
    }
  }

  #serve(request: Uint8Array): Uint8Array {
    const { clock, flash } = this.#options;
    const view = new DataView(request.buffer, request.byteOffset, request.length);
    const rest = (from: number) => request.subarray(from);
    const nothing = new Uint8Array(0);
    switch (request[0]) {
      case CALL.flashStatus:
        return text.encode(JSON.stringify(flash.status()));
      case CALL.flashRead:
        return new Uint8Array(flash.read(view.getUint32(1), view.getUint32(5)));
      case CALL.flashWrite:
        flash.write(rest(5), view.getUint32(1));
        return nothing;
      case CALL.flashErase:
        flash.eraseBlock(view.getUint32(1), view.getUint32(5));
        return nothing;
      case CALL.timerSet: {
        const timer = view.getUint32(1);
        const cycle = this.#cycle;
        const delay = view.getFloat64(5);
        const fire = () => {
          // Cancelled meanwhile, if it is not there.
          if (!this.#timers.delete(timer)) return;
          return this.#event(EVENT.timer, cycle, numbers([timer, 4])).then(() => {});
        };
        const isTurn = delay === 0 && !this.#hasStarted;
        this.#timers.set(timer, isTurn ? { cancel: () => {} } : clock.at(clock.now() + delay, fire));
        if (isTurn) this.#turn(fire);
        return nothing;
      }
      case CALL.timerClear: {
        const timer = view.getUint32(1);
        this.#timers.get(timer)?.cancel();
        this.#timers.delete(timer);
        return nothing;
      }
      case CALL.ioRead: {
        const value = this.#options.readPin(view.getUint8(1));
        return value === undefined ? nothing : numbers([value >>> 0, 4]);
      }
      case CALL.serialWrite: {
        const pin = view.getUint8(1);
        const answer = this.#options.serial?.(pin, rest(2));
        // Not from within the call: what comes back, comes later.
        if (answer && answer.length > 0)
          void this.#event(EVENT.serialReadable, this.#cycle, Buffer.concat([numbers([pin, 1]), answer]));
        return nothing;
      }
      case CALL.i2cTransfer: {
        const read = this.#options.i2c?.(view.getUint8(1), view.getUint8(2), rest(5), view.getUint16(3));
        if (!read) throw new Error("i2c: not acknowledged");
        return read;
      }
      case CALL.mqttOpen:
        this.#connections++;
        this.#link.open(view.getUint32(1), JSON.parse(Buffer.from(rest(5)).toString()) as OpenOptions);
        return nothing;
      case CALL.mqttWrite: {
        const length = view.getUint16(5);
        const options = JSON.parse(
          Buffer.from(request.subarray(7, 7 + length)).toString(),
        ) as MqttWriteOptions;
        return numbers([this.#link.write(view.getUint32(1), options, rest(7 + length)), 4]);
      }
      case CALL.mqttClose:
        this.#link.close(view.getUint32(1));
        return nothing;
      case CALL.log:
        this.#options.log?.(Buffer.from(rest(1)).toString());
        return nothing;
      case CALL.tell:
        this.#options.told?.(JSON.parse(Buffer.from(rest(1)).toString()));
        return nothing;
      case CALL.started:
        this.#hasStarted = true;
        return nothing;
      case CALL.resetReason:
        return text.encode(this.#reason ?? "");
      default:
        return this.#serveUpdate(request, view);
    }
  }

  #serveUpdate(request: Uint8Array, view: DataView): Uint8Array {
    const { clock, update } = this.#options;
    const port = this.#port;
    if (!update || !port) throw new Error(`board: call ${request[0]} is not known`);
    const nothing = new Uint8Array(0);
    switch (request[0]) {
      case CALL.updateStatus: {
        const { size, blockLength } = port;
        return text.encode(JSON.stringify({ size, blockLength, ledger: update.flash.status() }));
      }
      case CALL.updateRead:
        return new Uint8Array(update.flash.read(view.getUint32(1), view.getUint32(5)));
      case CALL.updateWrite:
        update.flash.write(request.slice(5), view.getUint32(1));
        return nothing;
      case CALL.updateErase:
        update.flash.eraseBlock(view.getUint32(1), view.getUint32(5));
        return nothing;
      case CALL.imageRunning:
        return port.running(view.getUint32(1));
      case CALL.imageErase:
        port.erase(view.getUint32(1));
        return nothing;
      case CALL.imageWrite:
        port.write(view.getUint32(1), request.slice(5));
        return nothing;
      case CALL.imageRead:
        return port.read(view.getUint32(1), view.getUint32(5));
      case CALL.imageComplete:
        port.complete(request.slice(1));
        return nothing;
      case CALL.imageNext:
        return Uint8Array.of(port.next());
      case CALL.imageArm:
        port.arm();
        return nothing;
      case CALL.imageSettle:
        port.settle(request[1]!, request[2] === 1);
        return nothing;
      case CALL.imageFetch: {
        const number = view.getUint32(1);
        const bytes = update.fetch(request.slice(13), view.getUint32(5), view.getUint32(9)) ?? nothing;
        const cycle = this.#cycle;
        clock.at(clock.now() + FETCH_TIME, () =>
          this.#event(EVENT.imageFetched, cycle, Buffer.concat([numbers([number, 4]), bytes])).then(() => {}),
        );
        return nothing;
      }
      case CALL.digestWrite: {
        const number = view.getUint32(1);
        const hash = this.#digests.get(number) ?? createHash(request[5] === 0 ? "sha256" : "sha512");
        this.#digests.set(number, hash.update(request.subarray(6)));
        return nothing;
      }
      case CALL.digestClose: {
        const hash = this.#digests.get(view.getUint32(1));
        if (!hash) throw new Error("digest: nothing was written");
        this.#digests.delete(view.getUint32(1));
        return hash.digest();
      }
      case CALL.restart: {
        void this.cutPower();
        const cycle = this.#cycle;
        clock.at(clock.now() + RESTART_TIME, async () => {
          if (cycle !== this.#cycle) return;
          await this.start("software").catch((error) => {
            // What crashes while it starts was told.
            if (!this.#crash) this.#fail(error);
          });
        });
        return nothing;
      }
      default:
        throw new Error(`board: call ${request[0]} is not known`);
    }
  }
}

/** Whole numbers of the given widths in bytes, one after another, big endian. */
function numbers(...fields: readonly (readonly [value: number, width: 1 | 2 | 4])[]): Uint8Array {
  const bytes = Buffer.alloc(fields.reduce((sum, [, width]) => sum + width, 0));
  let at = 0;
  for (const [value, width] of fields) at = bytes.writeUIntBE(value, at, width);
  return bytes;
}
