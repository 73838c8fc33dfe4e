import type { Connect, MqttClient, MqttOptions, MqttWriteOptions, Scheduled } from "../../../sdk/index.js";
import { PACKET } from "../../../sdk/index.js";

interface Task {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that passes only when it is told to, in milliseconds. */
export class ManualClock {
  now: number;
  #tasks: Task[] = [];
  #order = 0;

  constructor(start = 0) {
    this.now = start;
  }

  readonly schedule = (delay: number, run: () => void): Scheduled => {
    const task = { time: this.now + Math.max(0, delay), order: this.#order++, run };
    this.#tasks.push(task);
    return {
      cancel: () => {
        this.#tasks = this.#tasks.filter((other) => other !== task);
      },
    };
  };

  /** Milliseconds until each task that is scheduled, the next first. */
  get waits(): number[] {
    return this.#sorted().map(({ time }) => time - this.now);
  }

  /** Runs what is due within `duration` milliseconds, in order; ends early, at the time of that task, after one for which `stop` is true. */
  advance(duration: number, stop: () => boolean = () => false): void {
    const end = this.now + duration;
    for (;;) {
      const next = this.#sorted()[0];
      if (!next || next.time > end) break;
      this.#tasks = this.#tasks.filter((task) => task !== next);
      this.now = Math.max(this.now, next.time);
      next.run();
      if (stop()) return;
    }
    this.now = end;
  }

  #sorted(): Task[] {
    return this.#tasks.sort((a, b) => a.time - b.time || a.order - b.order);
  }
}

export interface Written {
  readonly data: Uint8Array | null;
  readonly options: MqttWriteOptions;
}

/** What the platform's client may have in its buffer beyond what it last told. */
const SLACK = 8;
const PUBACK = 4;

/**
 * One connection of a device, as the platform's client behaves: it may not be closed from within a callback, calls nothing after it was closed, throws when more is
 * written than there is room for, and has closed itself when it reports an error. The other side is played by the test.
 */
export class FakeConnection implements MqttClient {
  readonly options: MqttOptions;
  readonly written: Written[] = [];
  /** What the device may not do, and did. */
  readonly violations: string[];
  /** By the device. */
  closed = false;
  /** By the other side. */
  lost = false;
  room = 1528;
  #inCallback = false;
  #unread = new Uint8Array(0);
  readonly #onWrite: ((connection: FakeConnection, written: Written) => void) | undefined;

  constructor(
    options: MqttOptions,
    violations: string[],
    onWrite?: (connection: FakeConnection, written: Written) => void,
  ) {
    this.options = options;
    this.violations = violations;
    this.#onWrite = onWrite;
  }

  get alive(): boolean {
    return !this.closed && !this.lost;
  }

  /** Payloads that were published. */
  get published(): Uint8Array[] {
    return this.written.flatMap(({ data }) => (data === null ? [] : [data]));
  }

  /** Packet types of everything that was written; 0 for a publication. */
  get packets(): number[] {
    return this.written.map(({ options }) => options.operation ?? 0);
  }

  write(data: Uint8Array | null, options: MqttWriteOptions): number {
    if (!this.alive) this.#violate("wrote to a closed connection");
    const bytes = data === null ? 0 : data.length + 9 + options.topic!.length;
    if (bytes > this.room + SLACK) this.#violate(`wrote ${bytes} bytes into room for ${this.room}`);
    this.room = Math.max(0, this.room - bytes);
    const written = { data: data === null ? null : data.slice(), options };
    this.written.push(written);
    this.#onWrite?.(this, written);
    return this.room;
  }

  read(count: number): ArrayBuffer | undefined {
    if (!this.#inCallback) this.#violate("read outside onReadable");
    const part = this.#unread.slice(0, count);
    this.#unread = this.#unread.slice(count);
    return part.buffer;
  }

  close(): void {
    if (this.#inCallback) this.#violate("closed from within a callback");
    this.closed = true;
  }

  /** The broker accepts the connection. */
  accept(): void {
    this.writable(this.room);
  }

  /** The broker grants the subscription. */
  grant(): void {
    this.#call(() => this.options.onControl({ operation: PACKET.SUBACK, id: 1 }));
  }

  acknowledge(id: number): void {
    this.#call(() => this.options.onControl({ operation: PUBACK, id }));
  }

  writable(room: number): void {
    this.room = room;
    this.#call(() => this.options.onWritable(room));
  }

  /** Delivers a message in fragments of at most so many bytes. */
  deliver(topic: string, payload: Uint8Array, fragment = payload.length): void {
    let at = 0;
    do {
      const count = Math.min(fragment, payload.length - at);
      this.#unread = payload.slice(at, at + count);
      const first = at === 0;
      at += count;
      const more = at < payload.length;
      this.#call(() =>
        this.options.onReadable(count, first ? { more, topic, byteLength: payload.length } : { more }),
      );
      if (this.#unread.length > 0) this.violations.push(`left ${this.#unread.length} bytes unread`);
    } while (at < payload.length);
  }

  /** A fragment as no broker should send it. */
  fragment(part: Uint8Array, options: Parameters<MqttOptions["onReadable"]>[1]): void {
    this.#unread = part.slice();
    this.#call(() => this.options.onReadable(part.length, options));
  }

  /** The connection is refused or lost. */
  lose(code?: number): void {
    this.lost = true;
    this.#call(() => this.options.onError(code));
  }

  #call(callback: () => void): void {
    this.#inCallback = true;
    try {
      callback();
    } finally {
      this.#inCallback = false;
    }
  }

  #violate(what: string): never {
    this.violations.push(what);
    throw new Error(what);
  }
}

/** Hands out {@link FakeConnection}s. */
export class FakeMqtt {
  readonly connections: FakeConnection[] = [];
  readonly violations: string[] = [];
  /** The next attempts throw. */
  throws = false;

  readonly connect: Connect = (options) => {
    if (this.throws) throw new Error("no network");
    const connection = new FakeConnection(options, this.violations);
    this.connections.push(connection);
    return connection;
  };

  /** The newest connection. */
  get last(): FakeConnection {
    return this.connections.at(-1)!;
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
