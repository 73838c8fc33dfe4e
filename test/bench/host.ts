import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ANSWER, CALL, EVENT, EVENT_HEAD } from "../../hal/boards/desktop/protocol.js";
import type { Cost, Engine, EngineOptions } from "../../hal/simulator/engine.js";
import { startNodeEngine } from "../../hal/simulator/engine-node.js";
import { startXsEngine } from "../../hal/simulator/engine-xs.js";
import type { HeapUse } from "../../hal/simulator/heap-use.js";
import { NorFlash } from "../../hal/simulator/index.js";
import { type MqttWriteOptions, PACKET } from "../../sdk/index.js";
import { type Command, RUN, TEXT_CALL } from "./commands.js";
import { NvsModel } from "./nvs-model.js";
import { sum } from "./table.js";

/** Key of the state in the text store. */
export const STATE_KEY = "state";

/** What outlasts a start of the device. */
export interface Media {
  readonly flash: NorFlash;
  readonly nvs: NvsModel;
}

export function newMedia(): Media {
  return { flash: new NorFlash(), nvs: new NvsModel() };
}

/** The gateway, as far as a device sees it. */
export interface Gateway {
  /** Takes a sealed message; what it returns goes down. */
  handle(sealed: Uint8Array): readonly Uint8Array[];
}

/** What one event cost, and what the device did in it. */
export interface Handled {
  readonly event: "run" | "timer" | "network" | "pin";
  /** The event as the board has it; {@link RUN} for a command. */
  readonly code: number;
  readonly steps: number;
  /** Slots of the heap in use when it was handled, with the garbage since the last collection. */
  readonly slots: number;
  /** Sizes of the sealed messages that it sent. */
  readonly sent: readonly number[];
  /** Bytes programmed into the flash. */
  readonly written: number;
  /** Blocks of the flash that were erased. */
  readonly erased: number;
  /** Whether a connection was opened. */
  readonly connected: boolean;
  /** Pins that were read. */
  readonly pins: readonly number[];
  /** What the program told of, such as the events of the SDK. */
  readonly told: readonly { readonly kind: string; readonly [field: string]: unknown }[];
}

/** What an event did so far, see {@link Handled}. */
class Doings {
  readonly sent: number[] = [];
  readonly pins: number[] = [];
  readonly told: Handled["told"][number][] = [];
  connected = false;
}

/** Another program than that of the bench, and the pins of its board. */
export interface Program {
  readonly bundle: string;
  /** What is at a pin; undefined when there is nothing to read. */
  readPin(pin: number): number | undefined;
  /** Told of every event that goes to the program, and of every answer to a call of its. */
  heard?(isAnswer: boolean, bytes: Uint8Array): void;
}

let bundled: Promise<string> | undefined;

/** The program of the bench as one script, made once. */
export function programBundle(): Promise<string> {
  bundled ??= build({
    entryPoints: [fileURLToPath(new URL("./program.js", import.meta.url))],
    outfile: fileURLToPath(new URL("../../device/everfull-bench.js", import.meta.url)),
    write: false,
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  }).then(({ outputFiles }) => outputFiles[0]!.text);
  return bundled;
}

/** A whole number and its width in bytes. */
type Field = readonly [value: number, width: 1 | 2 | 4];

const PUBLISH = 3;
const PUBACK = 4;
/** Bytes that a connection takes at once. */
const WINDOW = 1528;

/** A device that runs the program of the bench in an engine, with its board, its time and its network played here. */
export class Host {
  readonly media: Media;
  readonly #gateway: Gateway | undefined;
  #engine!: Engine;
  /** Milliseconds since the device was started. */
  ticks = 0;
  readonly #timers = new Map<number, number>();
  /** What the network has for the device, the oldest first. */
  readonly #network: { readonly connection: number; readonly event: Uint8Array }[] = [];
  #doings = new Doings();
  readonly #program: Program | undefined;
  /** Whether connections are refused. */
  isOffline = false;
  /** Whether garbage is collected before every event, so that {@link Handled.slots} has that of this event only. */
  isCollecting = false;
  /** What the device logged. */
  readonly log: string[] = [];

  static async start(
    engine: Engine["name"],
    media: Media,
    gateway?: Gateway,
    program?: Program,
  ): Promise<Host> {
    const host = new Host(media, gateway, program);
    const options: EngineOptions = {
      bundle: program?.bundle ?? (await programBundle()),
      call: (request) => {
        const answer = host.#answer(request);
        program?.heard?.(true, answer);
        return answer;
      },
    };
    host.#engine = await (engine === "xs" ? startXsEngine(options) : startNodeEngine(options));
    return host;
  }

  private constructor(media: Media, gateway: Gateway | undefined, program: Program | undefined) {
    this.media = media;
    this.#gateway = gateway;
    this.#program = program;
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  /** Has a command carried out. The cost is that of the work alone. */
  async run(command: Command): Promise<{ readonly reply: Uint8Array; readonly cost: Cost } & Handled> {
    await this.#engine.handle(Buffer.from(JSON.stringify(command)));
    let result!: { reply: Uint8Array; cost: Cost };
    const handled = await this.#handle("run", RUN, async () => {
      result = await this.#engine.handle(this.#head(RUN));
      return result.cost;
    });
    return { ...result, ...handled };
  }

  /** Collects garbage. @returns the slots in use, see {@link Cost} */
  async collect(): Promise<number> {
    return (await this.#engine.handle(this.#head(EVENT.collect))).cost.slots;
  }

  /** What lives in the heap. @throws {Error} in Node, which cannot tell */
  async heap(): Promise<HeapUse> {
    if (!this.#engine.heap) throw new Error("bench: the heap is measured in XS");
    return await this.#engine.heap();
  }

  /** Has the program of a device start, see `firmware/desktop.ts`. */
  boot(boot: object): Promise<Handled> {
    return this.#dispatch("run", Buffer.concat([this.#head(EVENT.boot), Buffer.from(JSON.stringify(boot))]));
  }

  /** There is something new at a pin. */
  readable(pin: number): Promise<Handled> {
    return this.#dispatch("pin", this.#head(EVENT.ioReadable, [pin, 1]));
  }

  /** Lets time pass until a time, in milliseconds since the start: timers and network. */
  async advanceTo(ticks: number): Promise<Handled[]> {
    const handled: Handled[] = [];
    for (;;) {
      const message = this.#network.shift();
      if (message) {
        handled.push(await this.#dispatch("network", message.event));
        continue;
      }
      const next = [...this.#timers].reduce<[number, number] | undefined>(
        (first, timer) => (first && first[1] <= timer[1] ? first : timer),
        undefined,
      );
      if (!next || next[1] > ticks) break;
      this.#timers.delete(next[0]);
      this.ticks = Math.max(this.ticks, next[1]);
      handled.push(await this.#dispatch("timer", this.#head(EVENT.timer, [next[0], 4])));
    }
    this.ticks = ticks;
    return handled;
  }

  #dispatch(event: Handled["event"], bytes: Uint8Array): Promise<Handled> {
    // The time goes with the event when it happens, not when it was queued.
    new DataView(bytes.buffer, bytes.byteOffset).setFloat64(1, this.ticks);
    this.#program?.heard?.(false, bytes);
    return this.#handle(event, bytes[0]!, async () => (await this.#engine.handle(bytes)).cost);
  }

  async #handle(event: Handled["event"], code: number, work: () => Promise<Cost>): Promise<Handled> {
    const { flash } = this.media;
    const before = { written: flash.written, erased: sum(flash.erases) };
    if (this.isCollecting) await this.collect();
    this.#doings = new Doings();
    const { steps, slots } = await work();
    const written = flash.written - before.written;
    return { event, code, steps, slots, written, erased: sum(flash.erases) - before.erased, ...this.#doings };
  }

  #head(kind: number, ...fields: readonly Field[]): Uint8Array {
    const head = Buffer.alloc(EVENT_HEAD);
    head[0] = kind;
    head.writeDoubleBE(this.ticks, 1);
    return new Uint8Array(Buffer.concat([head, numbers(...fields)]));
  }

  #tell(connection: number, kind: number, ...fields: readonly Field[]): void {
    this.#network.push({ connection, event: this.#head(kind, [connection, 4], ...fields) });
  }

  #answer(request: Uint8Array): Uint8Array {
    try {
      return Buffer.concat([Uint8Array.of(ANSWER.done), this.#serve(request)]);
    } catch (error) {
      return Buffer.concat([Uint8Array.of(ANSWER.refused), Buffer.from((error as Error).message)]);
    }
  }

  #serve(request: Uint8Array): Uint8Array {
    const { flash, nvs } = this.media;
    const view = new DataView(request.buffer, request.byteOffset, request.length);
    const nothing = new Uint8Array(0);
    switch (request[0]) {
      case CALL.flashStatus:
        return Buffer.from(JSON.stringify(flash.status()));
      case CALL.flashRead:
        return new Uint8Array(flash.read(view.getUint32(1), view.getUint32(5)));
      case CALL.flashWrite:
        flash.write(request.subarray(5), view.getUint32(1));
        return nothing;
      case CALL.flashErase:
        flash.eraseBlock(view.getUint32(1), view.getUint32(5));
        return nothing;
      case TEXT_CALL.get:
        return nvs.get(STATE_KEY) ?? nothing;
      case TEXT_CALL.set:
        nvs.set(STATE_KEY, request.slice(1));
        return nothing;
      case CALL.timerSet:
        this.#timers.set(view.getUint32(1), this.ticks + view.getFloat64(5));
        return nothing;
      case CALL.timerClear:
        this.#timers.delete(view.getUint32(1));
        return nothing;
      case CALL.ioRead: {
        const pin = request[1]!;
        this.#doings.pins.push(pin);
        const value = this.#program?.readPin(pin);
        return value === undefined ? nothing : numbers([value >>> 0, 4]);
      }
      case CALL.tell:
        this.#doings.told.push(JSON.parse(Buffer.from(request.subarray(1)).toString()));
        return nothing;
      case CALL.started:
        return nothing;
      case CALL.mqttOpen:
        this.#doings.connected = true;
        if (this.isOffline) this.#tell(view.getUint32(1), EVENT.mqttError, [0, 1]);
        else this.#tell(view.getUint32(1), EVENT.mqttWritable, [WINDOW, 4]);
        return nothing;
      case CALL.mqttWrite: {
        const length = view.getUint16(5);
        const options = JSON.parse(Buffer.from(request.subarray(7, 7 + length)).toString());
        this.#write(view.getUint32(1), options, request.slice(7 + length));
        return numbers([WINDOW, 4]);
      }
      case CALL.mqttClose:
        this.#forget(view.getUint32(1));
        return nothing;
      case CALL.log:
        this.log.push(Buffer.from(request.subarray(1)).toString());
        return nothing;
      default:
        throw new Error(`bench: call ${request[0]} is not known`);
    }
  }

  #write(connection: number, options: MqttWriteOptions, data: Uint8Array): void {
    const operation = options.operation ?? PUBLISH;
    if (operation === PACKET.SUBSCRIBE)
      this.#tell(connection, EVENT.mqttControl, [PACKET.SUBACK, 1], [options.id!, 2]);
    else if (operation === PACKET.DISCONNECT) this.#forget(connection);
    else {
      this.#doings.sent.push(data.length);
      const answers = this.#gateway?.handle(data) ?? [];
      this.#tell(connection, EVENT.mqttControl, [PUBACK, 1], [options.id!, 2]);
      const topic = Buffer.from(options.topic!.replace(/up$/, "down"));
      const head = this.#head(EVENT.mqttMessage, [connection, 4], [topic.length, 2]);
      for (const answer of answers)
        this.#network.push({ connection, event: new Uint8Array(Buffer.concat([head, topic, answer])) });
    }
  }

  #forget(connection: number): void {
    const kept = this.#network.filter((message) => message.connection !== connection);
    this.#network.splice(0, this.#network.length, ...kept);
  }
}

/** Whole numbers of the given widths in bytes, one after another, big endian. */
function numbers(...fields: readonly Field[]): Uint8Array {
  const bytes = Buffer.alloc(fields.reduce((sum, [, width]) => sum + width, 0));
  let at = 0;
  for (const [value, width] of fields) at = bytes.writeUIntBE(value, at, width);
  return bytes;
}
