import { NorFlash } from "../../hal/simulator/nor-flash.js";
import {
  type Acknowledgement,
  Codec,
  type Connect,
  type DeviceEvent,
  type DownlinkMessage,
  downTopic,
  Everfull,
  type EverfullOptions,
  type FlashPartition,
  type HealthRecord,
  type Intent,
  MAX_EVENTS,
  type Offered,
  type OrderEvent,
  type OrderState,
  open,
  PACKET,
  type RegistrationNews,
  type Settings,
  type Settled,
  type SlotOptions,
  type Status,
  seal,
  type UplinkKey,
  type UplinkMessage,
  upTopic,
} from "../../sdk/index.js";
import { FakeConnection, hex, ManualClock, type Written } from "./uplink/support.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** A Monday, 00:00 UTC. */
export const START = Date.UTC(2026, 5, 1);
/** The day of {@link START}, in days since 1970-01-01. */
export const FIRST = START / DAY;
export const SERIAL = "EF-1";
export const KEY: UplinkKey = { number: 3, secret: Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1) };

/** A kilogram of soap for a month, and paper that outlasts every test. */
export const SOAP: SlotOptions = {
  id: "soap",
  unit: "grams",
  stepsPerUnit: 1,
  capacity: 1000,
  refill: 1000,
  ratedLife: 30,
};
export const PAPER: SlotOptions = {
  id: "paper",
  unit: "count",
  stepsPerUnit: 1,
  capacity: 50_000,
  refill: 10_000,
  ratedLife: 500,
};

/** Thrown by flash whose power is cut. */
export class PowerCut extends Error {}

export type Tear = "before" | "halfway" | "after";

/** Flash whose power can be cut within a write or an erase, counted from now on. */
export class CuttableFlash implements FlashPartition {
  readonly #flash: NorFlash;
  #left = Number.POSITIVE_INFINITY;
  #tear: Tear = "before";
  isCut = false;
  /** What it refuses, with power on. */
  readonly refuses = new Set<"read" | "write" | "erase">();
  /** What the power was cut in. */
  cutIn: "write" | "erase" | undefined;

  constructor(flash: NorFlash) {
    this.#flash = flash;
  }

  /** The power goes within the `operation`th write or erase from now, from 1. */
  cutAt(operation: number, tear: Tear): void {
    this.#left = operation;
    this.#tear = tear;
  }

  status() {
    return this.#flash.status();
  }

  read(byteLength: number, offset: number): ArrayBuffer {
    if (this.isCut) throw new PowerCut();
    if (this.refuses.has("read")) throw new Error("read refused");
    return this.#flash.read(byteLength, offset);
  }

  write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = new Uint8Array(buffer);
    this.#operate(
      "write",
      () => this.#flash.write(bytes, offset),
      () => {
        // Between two alignments: power knows nothing of them.
        const torn = Math.floor(bytes.length / 2);
        for (let i = 0; i < torn; i++) this.#flash.bytes[offset + i]! &= bytes[i]!;
        this.#flash.bytes[offset + torn]! &= bytes[torn]! | 0x0f;
      },
    );
  }

  eraseBlock(start: number, end = start + 1): void {
    this.#operate(
      "erase",
      () => this.#flash.eraseBlock(start, end),
      () => {
        const { blockLength } = this.#flash.status();
        this.#flash.bytes.fill(0xff, start * blockLength, (start + 0.5) * blockLength);
      },
    );
  }

  close(): void {}

  #operate(what: "write" | "erase", whole: () => void, half: () => void): void {
    if (this.isCut) throw new PowerCut();
    if (this.refuses.has(what)) throw new Error(`${what} refused`);
    if (--this.#left > 0) {
      whole();
      return;
    }
    if (this.#tear === "halfway") half();
    if (this.#tear === "after") whole();
    this.isCut = true;
    this.cutIn = what;
    throw new PowerCut();
  }
}

/** The gateway's side of the protocol: stores what is new, answers everything, keeps the order events. */
export class FakeGateway {
  readonly #codec = new Codec();
  readonly #now: () => number;
  /** Highest sequence that was stored. */
  seen = 0;
  /** Highest order event that the device has confirmed. */
  confirmed = 0;
  /** Sequence of the newest answer. */
  down = 0;
  readonly events: OrderEvent[] = [];
  /** What was stored, each once. */
  readonly stored: { readonly sequence: number; readonly message: UplinkMessage }[] = [];
  /** Everything that arrived, repetitions included. */
  arrived: UplinkMessage[] = [];
  /** What is to be set; it goes down before every answer until the device is done with it. */
  settings: Settings | undefined;
  /** Number of the newest settings that the device is done with. */
  settled = 0;
  /** An image that is offered; it goes down before every answer until the device has answered it. */
  image: Uint8Array | undefined;
  /** What it says of the registration; it goes down before every answer until the device knows it. */
  news: RegistrationNews | undefined;
  /** Number of the newest that the device knows. */
  informed = 0;
  /** An authorization waits for {@link redeem}; until then nothing is said of the registration. */
  isPending = false;
  /** Every message that went down. */
  readonly sent: Uint8Array[] = [];
  /** What a gateway must never see. */
  readonly problems: string[] = [];
  /** Changes the next answers; undefined: there is none. */
  answer: (acknowledgement: Acknowledgement) => Acknowledgement | undefined = (same) => same;
  readonly #bodies = new Map<number, string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get statuses(): Status[] {
    return this.stored.flatMap(({ message }) => (message.kind === "status" ? [message] : []));
  }

  get intents(): Intent[] {
    return this.stored.flatMap(({ message }) => (message.kind === "intent" ? [message] : []));
  }

  get health(): HealthRecord[] {
    return this.stored.flatMap(({ message }) => (message.kind === "health" ? [message] : []));
  }

  get answers(): Settled[] {
    return this.stored.flatMap(({ message }) => (message.kind === "settled" ? [message] : []));
  }

  get offers(): Offered[] {
    return this.stored.flatMap(({ message }) => (message.kind === "offered" ? [message] : []));
  }

  get polls(): number[] {
    return this.stored.flatMap(({ message }) => (message.kind === "poll" ? [message.applied] : []));
  }

  /** Something has become of an order. */
  order(state: OrderState, cycle = 1, day = 0, slot = 0): void {
    this.events.push({ number: this.events.length + 1, slot, cycle, state, day });
  }

  /** The service says which slots are subscribed; undefined: that the device is not registered. */
  inform(subscribed: readonly number[] | undefined, failure: RegistrationNews["failure"] = "none"): void {
    this.isPending = false;
    this.news = {
      kind: "registration",
      number: Math.max(this.news?.number ?? 0, this.informed) + 1,
      registered: subscribed !== undefined,
      subscribed: (subscribed ?? []).reduce((bits, slot) => bits + 2 ** slot, 0),
      failure,
    };
  }

  /** Takes a sealed message. Returns what it sends down, sealed. */
  handle(sealed: Uint8Array): Uint8Array[] {
    const { sequence, body } = open(KEY, "up", sealed);
    const message = this.#codec.decodeUplink(body);
    const before = this.#bodies.get(sequence);
    if (before !== undefined && before !== hex(body))
      this.problems.push(`sequence ${sequence} was used for two bodies`);
    this.#bodies.set(sequence, hex(body));
    this.arrived.push(message);
    if (sequence > this.seen) {
      this.seen = sequence;
      this.stored.push({ sequence, message });
      if (message.applied < this.confirmed)
        this.problems.push(`event ${message.applied} confirmed after ${this.confirmed}`);
      // As a real one: what was confirmed once is not sent again.
      this.confirmed = Math.max(this.confirmed, message.applied);
      if (message.kind === "settled") this.settled = message.number;
      if (message.kind === "offered") this.image = undefined;
      if (message.kind === "informed") this.informed = message.number;
      if (message.kind === "authorization" || message.kind === "grant") this.isPending = true;
      if (message.kind === "deregistration") this.inform(undefined);
      // A device that has lost its journal says so.
      if (message.kind === "health") this.settled = message.settings;
    }
    const { settings } = this;
    // Before the answer: after that, the device may leave.
    const first = settings && settings.number > this.settled ? [this.#seal(settings)] : [];
    if (this.news && !this.isPending && this.news.number > this.informed) first.push(this.#seal(this.news));
    if (this.image) first.push(this.#seal({ kind: "image", description: this.image }));
    const answer = this.say();
    return answer ? [...first, answer] : first;
  }

  /** What it would answer now. */
  say(change: Partial<Acknowledgement> = {}): Uint8Array | undefined {
    const answer = this.answer({
      kind: "acknowledgement",
      seen: this.seen,
      time: Math.floor(this.#now() / 1000),
      newest: this.events.length,
      events: this.events.slice(this.confirmed, this.confirmed + MAX_EVENTS),
      ...change,
    });
    return answer && this.#seal(answer);
  }

  #seal(message: DownlinkMessage): Uint8Array {
    const sealed = seal(KEY, "down", ++this.down, this.#codec.encodeDownlink(message));
    this.sent.push(sealed);
    return sealed;
  }
}

/** What the broker does with a connection. */
export type BrokerMood = "up" | "refusing" | "silent" | "throwing";

/** A device with its flash, a broker, a gateway, and time that stands still until it is told to pass. */
export class World {
  readonly clock = new ManualClock(START);
  readonly nor: NorFlash;
  flash: CuttableFlash;
  readonly gateway = new FakeGateway(() => this.clock.now);
  readonly connections: FakeConnection[] = [];
  readonly violations: string[] = [];
  mood: BrokerMood = "up";
  /** The broker delivers everything twice. */
  twice = false;
  /** What a set clock of the board shows; undefined: there is none. */
  wallClock: (() => number | undefined) | undefined = () => this.clock.now;
  slots: readonly SlotOptions[];
  more: Partial<EverfullOptions> = {};
  /** What has happened on a day. */
  readonly events: Exclude<
    DeviceEvent,
    { kind: "storage" | "settings" | "registration" | "deregistration" }
  >[] = [];
  /** What was heard of the registration. */
  readonly registrations: Extract<DeviceEvent, { kind: "registration" | "deregistration" }>[] = [];
  /** What has become of settings. */
  readonly settled: Extract<DeviceEvent, { kind: "settings" }>[] = [];
  /** All events, by their kinds; those of the store with its state. */
  readonly kinds: string[] = [];
  readonly warnings: string[] = [];
  device!: Everfull;
  /** Changes with every start: what an earlier run has scheduled does not run any more. */
  #run = 0;
  #startedAt = START;

  constructor(slots: readonly SlotOptions[] = [SOAP], nor = new NorFlash()) {
    this.slots = slots;
    this.nor = nor;
    this.flash = new CuttableFlash(nor);
  }

  /** Power on; cut again within an operation of the start, or with flash that refuses, if told so. */
  start(
    cut?: { readonly operation: number; readonly tear: Tear },
    refuses: readonly ("read" | "write" | "erase")[] = [],
  ): this {
    const run = ++this.#run;
    this.#startedAt = this.clock.now;
    this.flash = new CuttableFlash(this.nor);
    if (cut) this.flash.cutAt(cut.operation, cut.tear);
    for (const operation of refuses) this.flash.refuses.add(operation);
    const { wallClock } = this;
    const connections = this.connections.length;
    this.device = new Everfull({
      identity: { serial: SERIAL, key: KEY },
      slots: this.slots,
      broker: { host: "broker.example", port: 1883 },
      flash: this.flash,
      connect: (options) => this.#connect(options),
      ticks: () => this.clock.now - this.#startedAt,
      schedule: (delay, task) =>
        this.clock.schedule(delay, () => {
          if (run === this.#run) task();
        }),
      random: () => 0.5,
      ...(wallClock ? { wallClock } : {}),
      // A program without power tells nothing and reaches nothing, though here it runs on to the end of its task.
      onEvent: (event) => {
        if (this.flash.isCut) return;
        this.kinds.push(event.kind === "storage" ? `storage ${event.state}` : event.kind);
        if (event.kind === "settings") this.settled.push(event);
        else if (event.kind === "registration" || event.kind === "deregistration")
          this.registrations.push(event);
        else if (event.kind !== "storage") this.events.push(event);
      },
      warn: (text) => !this.flash.isCut && this.warnings.push(text),
      ...this.more,
    });
    // The turns of the loop that follow at once, up to the visit.
    if (this.connections.length === connections)
      this.clock.advance(0, () => this.flash.isCut || this.connections.length > connections);
    return this;
  }

  /** Power off, without a warning. */
  cutPower(): this {
    this.#run++;
    for (const connection of this.connections) connection.closed = true;
    return this;
  }

  restart(): this {
    return this.cutPower().start();
  }

  /** Lets time pass; ends early when the power was cut. */
  advance(duration: number): void {
    try {
      this.clock.advance(duration, () => this.flash.isCut);
    } catch (error) {
      if (!this.flash.isCut) throw error;
    }
  }

  /** To a time of a day, the day of the start being 0. */
  advanceTo(day: number, time = 0): void {
    this.advance(START + day * DAY + time - this.clock.now);
  }

  /** Uses soap and ends at the begin of the next day. */
  spendDay(use: number): void {
    const day = Math.floor((this.clock.now - START) / DAY);
    this.device.consume("soap", use);
    this.advanceTo(day + 1);
  }

  /** An answer that was not asked for. */
  push(sealed: Uint8Array | undefined): void {
    const connection = this.connections.at(-1);
    if (sealed && connection?.alive) connection.deliver(downTopic(SERIAL), sealed);
  }

  #connect: Connect = (options) => {
    if (this.mood === "throwing" || this.flash.isCut) throw new Error("no network");
    const connection = new FakeConnection(options, this.violations, (_, written) =>
      this.#written(connection, written),
    );
    this.connections.push(connection);
    if (this.mood === "refusing") this.#later(connection, () => connection.lose());
    if (this.mood === "up") this.#later(connection, () => connection.accept());
    return connection;
  };

  #written(connection: FakeConnection, { data, options }: Written): void {
    if (options.operation === PACKET.SUBSCRIBE) this.#later(connection, () => connection.grant());
    else if (options.operation === PACKET.DISCONNECT) this.#later(connection, () => connection.lose());
    else if (data && options.topic === upTopic(SERIAL))
      this.#later(connection, () => {
        const answers = this.gateway.handle(data);
        connection.acknowledge(options.id!);
        if (connection.alive) connection.writable(1528);
        for (const answer of answers)
          for (let i = 0; i < (this.twice ? 2 : 1); i++)
            this.#later(connection, () => connection.deliver(downTopic(SERIAL), answer, 50));
      });
    else this.violations.push(`wrote to ${options.topic}`);
  }

  /** The network takes no time, so that the gateway's whole seconds are exact; but it is never there before the device has returned. */
  #later(connection: FakeConnection, task: () => void): void {
    this.clock.schedule(0, () => {
      if (connection.alive) task();
    });
  }
}
