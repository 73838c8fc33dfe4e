import type {
  FlashPartition,
  MqttClient,
  MqttOptions,
  MqttWriteOptions,
  Scheduled,
} from "../../../sdk/index.js";
import type { Board, IOClass, OpenIO, ResetReason, UpdateBoard } from "../board.js";
import { i2cClass, type SerialReaders, serialClass } from "./buses.js";
import { ANSWER, CALL, EVENT, EVENT_HEAD } from "./protocol.js";
import { join, partition, view } from "./request.js";
import { concat, fromText, toText } from "./text.js";
import { desktopUpdate, type Fetches } from "./update.js";

/** The one way out of the program: hands bytes to the host and returns its answer. */
export type Call = (request: ArrayBuffer) => ArrayBuffer;

/** Writable bytes of a connection before the host has told of any. */
const NOTHING_WRITABLE = 0;

/**
 * The board of a device program that runs on a desktop, in XS or in Node: flash, pins, time and network are played by the host.
 */
export class DesktopBoard implements Board {
  readonly name = "desktop";
  readonly flash: FlashPartition;
  readonly io: Board["io"];
  readonly #call: Call;
  #ticks = 0;
  #seed = 0;
  #nextTimer = 0;
  #nextConnection = 0;
  readonly #timers = new Map<number, () => void>();
  readonly #connections = new Map<number, MqttConnection>();
  readonly #readers = new Map<number, () => void>();
  readonly #serialReaders: SerialReaders = new Map();
  readonly #fetches: Fetches = new Map();

  constructor(call: Call) {
    this.#call = call;
    this.flash = this.#flash();
    const io = this.#ioClass();
    this.io = {
      PulseCount: io,
      Bridge: io,
      Button: io,
      Serial: serialClass(this, this.#serialReaders),
      I2C: i2cClass(this),
    };
  }

  /** Seeds {@link random}; every start of a device gets its own. */
  seed(seed: number): void {
    this.#seed = seed >>> 0;
  }

  /** Asked for once, by firmware with updates. */
  get update(): UpdateBoard {
    return desktopUpdate(this, this.#fetches);
  }

  resetReason(): ResetReason {
    return (fromText(this.request(view(CALL.resetReason, 0).buffer).slice()) || "other") as ResetReason;
  }

  ticks(): number {
    return this.#ticks;
  }

  schedule(delay: number, task: () => void): Scheduled {
    const timer = ++this.#nextTimer;
    this.#timers.set(timer, task);
    const request = view(CALL.timerSet, 12);
    request.setUint32(1, timer);
    request.setFloat64(5, delay);
    this.request(request.buffer);
    return {
      cancel: () => {
        if (!this.#timers.delete(timer)) return;
        this.request(view(CALL.timerClear, 4, timer).buffer);
      },
    };
  }

  /** mulberry32: repeatable, which is what a simulation wants of it. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  connect = (options: MqttOptions): MqttClient => {
    const id = ++this.#nextConnection;
    const { host, port, id: client, clean, keepAlive, user, password } = options;
    this.request(
      join(
        CALL.mqttOpen,
        id,
        toText(JSON.stringify({ host, port, id: client, clean, keepAlive, user, password })),
      ),
    );
    const connection = new MqttConnection(this, id, options, () => this.#connections.delete(id));
    this.#connections.set(id, connection);
    return connection;
  };

  log(text: string): void {
    this.request(concat(new Uint8Array([CALL.log]), toText(text)).buffer);
  }

  /** Tells whoever watches what happened. */
  tell(event: unknown): void {
    this.request(concat(new Uint8Array([CALL.tell]), toText(JSON.stringify(event))).buffer);
  }

  /** Tells the host that the program has started. */
  started(): void {
    this.request(view(CALL.started, 0).buffer);
  }

  /** Takes an event of the host. Returns false when it is not one for the board. */
  dispatch(event: DataView): boolean {
    this.#ticks = event.getFloat64(1);
    const id = event.byteLength >= EVENT_HEAD + 4 ? event.getUint32(EVENT_HEAD) : 0;
    const connection = this.#connections.get(id);
    switch (event.getUint8(0)) {
      case EVENT.timer: {
        const task = this.#timers.get(id);
        this.#timers.delete(id);
        task?.();
        return true;
      }
      case EVENT.mqttControl:
        connection?.onControl(event.getUint8(EVENT_HEAD + 4), event.getUint16(EVENT_HEAD + 5));
        return true;
      case EVENT.mqttMessage: {
        const topic = event.getUint16(EVENT_HEAD + 4);
        const bytes = new Uint8Array(event.buffer).slice(EVENT_HEAD + 6);
        connection?.onMessage(fromText(bytes.slice(0, topic)), bytes.slice(topic));
        return true;
      }
      case EVENT.mqttWritable:
        connection?.onWritable(event.getUint32(EVENT_HEAD + 4));
        return true;
      case EVENT.mqttError:
        connection?.onError(event.getUint8(EVENT_HEAD + 4));
        return true;
      case EVENT.ioReadable:
        this.#readers.get(event.getUint8(EVENT_HEAD))?.();
        return true;
      case EVENT.serialReadable:
        this.#serialReaders.get(event.getUint8(EVENT_HEAD))?.(
          new Uint8Array(event.buffer).slice(EVENT_HEAD + 1),
        );
        return true;
      case EVENT.imageFetched: {
        const bytes = new Uint8Array(event.buffer).slice(EVENT_HEAD + 4);
        this.#fetches.get(id)?.(bytes.length > 0 ? bytes : undefined);
        return true;
      }
      default:
        return false;
    }
  }

  /** @throws {Error} what the host refused, with its reason */
  request(request: ArrayBuffer): Uint8Array {
    const answer = new Uint8Array(this.#call(request));
    if (answer[0] !== ANSWER.done) throw new Error(fromText(answer.slice(1)));
    return answer.subarray(1);
  }

  #flash(): FlashPartition {
    const status = JSON.parse(fromText(this.request(view(CALL.flashStatus, 0).buffer).slice()));
    return partition(this, status, CALL.flashRead, CALL.flashWrite, CALL.flashErase);
  }

  #ioClass(): IOClass {
    const request = (bytes: ArrayBuffer) => this.request(bytes);
    const readers = this.#readers;
    return class implements OpenIO {
      readonly #pin: number;
      #open = true;

      constructor(options: { readonly pin: number; onReadable?(): void }) {
        this.#pin = options.pin;
        const { onReadable } = options;
        if (onReadable) readers.set(options.pin, () => onReadable.call(this));
      }

      read(): number | undefined {
        if (!this.#open) throw new Error("io: it was closed");
        const answer = request(new Uint8Array([CALL.ioRead, this.#pin]).buffer);
        return answer.length === 0 ? undefined : new DataView(answer.buffer, answer.byteOffset).getInt32(0);
      }

      close(): void {
        this.#open = false;
        readers.delete(this.#pin);
      }
    };
  }
}

/** ECMA-419's MQTT client on the host's network. */
class MqttConnection implements MqttClient {
  readonly #board: DesktopBoard;
  readonly #id: number;
  readonly #options: MqttOptions;
  readonly #release: () => void;
  #open = true;
  #message: Uint8Array | undefined;

  constructor(board: DesktopBoard, id: number, options: MqttOptions, release: () => void) {
    this.#board = board;
    this.#id = id;
    this.#options = options;
    this.#release = release;
  }

  write(data: Uint8Array | null, options: MqttWriteOptions): number {
    if (!this.#open) throw new Error("mqtt: it was closed");
    const meta = toText(JSON.stringify(options));
    const head = new Uint8Array(2);
    new DataView(head.buffer).setUint16(0, meta.length);
    const rest = concat(concat(head, meta), data ?? new Uint8Array(0));
    const answer = this.#board.request(join(CALL.mqttWrite, this.#id, rest));
    return answer.length < 4 ? NOTHING_WRITABLE : new DataView(answer.buffer, answer.byteOffset).getUint32(0);
  }

  read(count: number): ArrayBuffer | undefined {
    const message = this.#message;
    if (!message || message.length === 0) return undefined;
    const part = message.slice(0, count);
    this.#message = message.subarray(part.length);
    return part.buffer as ArrayBuffer;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
    this.#board.request(view(CALL.mqttClose, 4, this.#id).buffer);
  }

  onControl(operation: number, id: number): void {
    this.#options.onControl({ operation, id });
  }

  onMessage(topic: string, data: Uint8Array): void {
    this.#message = data;
    this.#options.onReadable(data.length, { more: false, topic, byteLength: data.length });
    this.#message = undefined;
  }

  onWritable(count: number): void {
    this.#options.onWritable(count);
  }

  onError(code: number): void {
    // As on the platform: the client has closed itself when it reports an error.
    this.#open = false;
    this.#release();
    this.#options.onError(code);
  }
}
