import { type DeviceEvent, downTopic, type Identity, PACKET, type SlotOptions, upTopic } from "everfull";
import type { GatewayDevice } from "../gateway/options.js";
import { Board } from "./board.js";
import { Connection } from "./connection.js";
import { DatabaseServer } from "./database-server.js";
import { Faults, isWithin, type Rates } from "./faults.js";
import { GatewayLife } from "./gateway-life.js";
import { Process } from "./process.js";
import { Service, type ServiceOrder } from "./service.js";
import { Timeline } from "./timeline.js";
import { Trace } from "./trace.js";
import { type Violation, Watch } from "./watch.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday, 00:00 UTC. */
const START = Date.UTC(2026, 5, 1);
/** After the faults, milliseconds: what was owed is made good, and the last statuses go up, those of the last day too. */
const REST_MS = 4 * DAY + 23 * HOUR;
/** A household that has run out buys a pack itself after so long, milliseconds. */
const PATIENCE_MS = 2 * DAY;
const CAPACITY = 700;
const TOKEN = "token";

/** What is wrong on purpose, to see it found. */
export type Mutant =
  /** The gateway does not remember that it has asked for an order. */
  | "forgets attempts"
  /** It acknowledges a message that is not committed yet. */
  | "acknowledges early"
  /** The device finds older flash after a power cut, and gives its sequences again. */
  | "reuses sequences";

export interface RunOptions {
  readonly seed: string;
  /** Days with faults; five without follow. */
  readonly days: number;
  readonly mutant?: Mutant;
  /** Instead of those that the seed gives. */
  readonly rates?: Partial<Rates>;
  /** Keeps the whole trace. */
  readonly trace?: boolean;
}

export interface RunResult {
  readonly seed: string;
  readonly violations: readonly Violation[];
  /** Of everything that has happened. */
  readonly hash: string;
  /** What has happened last; with `trace`, all of it. */
  readonly trace: readonly string[];
  readonly figures: Figures;
}

/** How much has happened. */
export interface Figures {
  readonly messages: number;
  readonly kills: number;
  readonly cuts: number;
  readonly calls: number;
  readonly orders: number;
  /** Orders that the customer has cancelled, and of which neither the answer nor any news has reached a gateway. */
  readonly unheard: number;
  /** Keys under which the device was answered. */
  readonly keys: number;
  /** Devices that are with DRS's successor. */
  readonly successors: number;
}

/** Runs one device, its household, network, broker, gateways, database and DRS through the faults of a seed. */
export function runChaos(options: RunOptions): Promise<RunResult> {
  return new Run(options).run();
}

class Run {
  readonly #options: RunOptions;
  readonly #timeline = new Timeline(START);
  readonly #faults: Faults;
  readonly #trace: Trace;
  readonly #watch: Watch;
  readonly #slots: readonly SlotOptions[];
  #identity: Identity;
  readonly #server: DatabaseServer;
  readonly #service: Service;
  readonly #board: Board;
  readonly #gateways: { process: Process; life: GatewayLife | undefined; skew: number }[];
  #gatewayDevice: GatewayDevice;
  readonly #truth: { metered: number; lost: number; physical: number; packs: number; emptySince: number }[];
  #connection: Connection | undefined;
  #registered = true;
  readonly #answered = new Set<number>();
  #messages = 0;
  #kills = 0;
  #calls = 0;

  constructor(options: RunOptions) {
    const { days, mutant, rates, seed } = options;
    this.#options = options;
    const timeline = this.#timeline;
    this.#faults = new Faults(seed, START, days, rates);
    const faults = this.#faults;
    this.#trace = new Trace(options.trace);
    this.#slots = ["soap", "paper"].slice(0, faults.slots).map((id) => ({
      id,
      unit: "grams",
      stepsPerUnit: 1,
      capacity: CAPACITY,
      refill: CAPACITY,
      ratedLife: 12,
    }));
    this.#watch = new Watch(() => timeline.now, this.#slots);
    const secret = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
    this.#identity = { serial: "EF-1", key: { number: 1, secret } };
    this.#gatewayDevice = {
      serial: this.#identity.serial,
      model: faults.isSuccessor ? "successor-1" : "dispenser-1",
      key: this.#identity.key,
      accessToken: TOKEN,
      utcOffsetMinutes: 0,
      slots: this.#slots.map(({ id, unit, stepsPerUnit, capacity, refill }) => ({
        id,
        unit,
        stepsPerUnit,
        capacity,
        refill,
      })),
    };
    this.#truth = this.#slots.map(() => ({
      metered: 0,
      lost: 0,
      physical: CAPACITY,
      packs: 0,
      emptySince: 0,
    }));
    this.#server = new DatabaseServer({
      timeline,
      faults,
      isHasty: mutant === "acknowledges early",
      isForgetful: mutant === "forgets attempts",
    });
    this.#service = new Service({
      serial: this.#identity.serial,
      token: TOKEN,
      slotIds: this.#slots.map(({ id }) => id),
      timeline,
      faults,
      notify: (messageId, message) => this.#notify(messageId, message),
      ordered: (order) => this.#ordered(order),
      wrong: (what) => this.#watch.violate("told once", what),
      delivered: (slotId) => {
        this.#note(`delivered ${slotId}`);
        this.#truth[this.#slotOf(slotId)]!.packs++;
      },
    });
    this.#board = new Board({
      timeline,
      faults,
      identity: () => this.#identity,
      slots: this.#slots,
      connect: (given) => this.#connect(given),
      onEvent: (event) => this.#event(event),
      onPower: (isOn) => this.#power(isOn),
      onWrongClock: () => this.#watch.clockIsWrong(),
      isForgetful: mutant === "reuses sequences",
    });
    this.#gateways = Array.from({ length: faults.gateways }, (_, index) => ({
      process: this.#process(index),
      life: undefined,
      skew: 0,
    }));
  }

  async run(): Promise<RunResult> {
    const faults = this.#faults;
    const timeline = this.#timeline;
    await this.#server.queries.addDevices([this.#identity.serial]);
    this.#server.tables.commit();
    for (let index = 0; index < this.#gateways.length; index++) this.#startGateway(index);
    this.#board.start();
    this.#schedule();
    let failure: string | undefined;
    try {
      const end = faults.quietFrom + REST_MS;
      await timeline.runUntil(end, () => this.#watch.violations.length === 0);
      if (this.#watch.violations.length === 0) this.#atRest();
    } catch (error) {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    if (failure !== undefined) this.#watch.violate("crash", failure);
    return {
      seed: this.#options.seed,
      violations: this.#watch.violations,
      hash: this.#trace.hash,
      trace: this.#trace.newest,
      figures: {
        messages: this.#messages,
        kills: this.#kills,
        cuts: this.#board.cuts,
        calls: this.#calls,
        orders: this.#service.orders.length,
        unheard: this.#unheard(),
        keys: this.#answered.size,
        successors: this.#faults.isSuccessor ? 1 : 0,
      },
    };
  }

  #note(entry: string): void {
    this.#trace.add(this.#timeline.now, entry);
  }

  #slotOf(id: string): number {
    return this.#slots.findIndex((slot) => slot.id === id);
  }

  // What happens when

  #schedule(): void {
    const faults = this.#faults;
    const timeline = this.#timeline;
    for (let day = 0; day < this.#options.days; day++)
      for (let hour = 7; hour < 23; hour += 3)
        timeline.at(START + day * DAY + hour * HOUR + faults.random.int(3 * HOUR), () => this.#live());
    for (const { from, to, within } of faults.cuts)
      timeline.at(from, () => {
        this.#note(`power is cut, within ${within ?? "nothing"}`);
        this.#cut(within, to);
      });
    for (const { from } of [...faults.offline, ...faults.brokerDown])
      timeline.at(from, () => this.#lose("the network or the broker is gone"));
    for (const { from, to, gateway } of faults.outages)
      timeline.at(from, () => {
        this.#gateways[gateway]!.process.kill("whatever it did");
        this.#restart(gateway, to);
      });
    for (const { at, gateway, by } of faults.moves)
      timeline.at(at, () => {
        this.#note(`clock of gateway ${gateway} moves to ${by}`);
        this.#gateways[gateway]!.skew = by;
      });
    const { deregistration } = faults;
    if (deregistration) timeline.at(deregistration.at, () => this.#deregister(deregistration.by));
    if (faults.rotation) this.#scheduleRotation(faults.rotation);
    timeline.at(faults.quietFrom, () => this.#calm());
  }

  /** The device gets a new key. It is set up for it when it starts, and the gateways when they do. */
  #scheduleRotation({ both, device, done }: NonNullable<Faults["rotation"]>): void {
    const timeline = this.#timeline;
    const oldKey = this.#identity.key;
    const key = { number: oldKey.number + 1, secret: oldKey.secret.map((byte) => byte ^ 0x55) };
    const configure = (at: number, change: (before: GatewayDevice) => GatewayDevice) =>
      timeline.at(at, () => {
        this.#gatewayDevice = change(this.#gatewayDevice);
        for (const [index, { process }] of this.#gateways.entries())
          if (process.isAlive) {
            process.kill("to be set up anew");
            this.#restart(index, at + 1000);
          }
      });
    configure(both, (before) => ({ ...before, key, oldKey }));
    timeline.at(device, () => {
      this.#note("the device has a new key");
      this.#identity = { ...this.#identity, key };
      this.#cut(undefined, device + 1000);
    });
    configure(done, ({ oldKey: _, ...before }) => before);
  }

  #calm(): void {
    this.#note("quiet");
    this.#board.calm();
    for (const [index, gateway] of this.#gateways.entries()) {
      gateway.skew = 0;
      this.#startGateway(index);
    }
  }

  /** The household uses something up, and fills up what is empty. */
  #live(): void {
    const { random } = this.#faults;
    for (const [index, slot] of this.#slots.entries()) {
      const truth = this.#truth[index]!;
      const used = Math.min(truth.physical, 2 + random.int(22));
      const isPatient = truth.emptySince === 0 || this.#timeline.now - truth.emptySince < PATIENCE_MS;
      if (truth.physical < CAPACITY / 20 && !isPatient && truth.packs === 0) truth.packs = 1;
      truth.physical -= used;
      this.#board.does(() => {
        // Without power nothing is metered.
        if (!this.#board.device) return;
        truth.metered += used;
        this.#board.device.consume(slot.id, used);
      });
      const { device } = this.#board;
      if (device && truth.packs > 0 && truth.physical < CAPACITY / 10) {
        truth.packs--;
        truth.physical += CAPACITY;
        truth.emptySince = 0;
        this.#note(`refill of ${slot.id}`);
        this.#watch.filled(index);
        this.#board.does(() => device.refill(slot.id, CAPACITY));
      }
      if (truth.physical < CAPACITY / 20) truth.emptySince ||= this.#timeline.now;
    }
  }

  #deregister(by: "gateway" | "customer"): void {
    this.#note(`deregistered by the ${by}`);
    if (by === "customer") {
      this.#service.deregister();
      this.#tellDevice();
      return;
    }
    const attempt = async (): Promise<void> => {
      const life = this.#gateways.find(({ process }) => process.isAlive)?.life;
      // Whoever is not answered asks again.
      const again = this.#timeline.after(10 * MINUTE, () => void attempt());
      try {
        await life?.deregister(this.#identity.serial);
        if (!life) return;
        again.cancel();
        this.#tellDevice();
      } catch {
        // Asked again.
      }
    };
    void attempt();
  }

  /** The product tells the device that it is not registered any more, as soon as it has power. */
  #tellDevice(): void {
    this.#registered = false;
    this.#tellRegistration();
  }

  #tellRegistration(): void {
    const { device } = this.#board;
    if (!device) return;
    this.#board.does(() => {
      if (!this.#registered) {
        if (device.registration === "deregistered" || device.setRegistration("deregistered"))
          this.#watch.deviceEnded();
      } else if (device.registration !== "registered") device.setRegistration("registered", device.slotIds);
    });
  }

  // Device and network

  #cut(within: number | undefined, backAt: number): void {
    this.#board.cut(within, backAt);
  }

  #power(isOn: boolean): void {
    this.#note(isOn ? "device on" : "device off");
    if (isOn) this.#tellRegistration();
    else {
      this.#connection = undefined;
      // A cut within an operation may lose what was metered in that moment, beside what was waiting.
      for (const truth of this.#truth) truth.lost += CAPACITY / 100 + 23;
    }
  }

  #event(event: DeviceEvent): void {
    this.#note(JSON.stringify(event));
    this.#watch.event(event);
  }

  get #isReachable(): boolean {
    const { now } = this.#timeline;
    return !isWithin(this.#faults.offline, now) && !isWithin(this.#faults.brokerDown, now);
  }

  #lose(why: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection?.isOpen) return;
    this.#note(`connection lost: ${why}`);
    this.#board.does(() => connection.lose());
  }

  #connect(given: ConstructorParameters<typeof Connection>[0]): Connection {
    const faults = this.#faults;
    const connection: Connection = new Connection(given, (data, options) => {
      const later = (task: () => void) =>
        this.#timeline.after(faults.between(1, 300), () => {
          if (this.#connection === connection && connection.isOpen) this.#board.does(task);
        });
      if (options.operation === PACKET.SUBSCRIBE) later(() => connection.grant());
      else if (options.operation === PACKET.DISCONNECT) later(() => connection.lose());
      else if (data && options.topic === upTopic(this.#identity.serial)) {
        this.#note(`up ${data.length}`);
        this.#watch.sealed("up", data);
        this.#messages++;
        later(() => connection.acknowledge(options.id!));
        this.#carry((delay) => this.#toGateway(data, delay));
      } else this.#watch.violate("topic", `the device wrote to ${options.topic}`);
    });
    this.#connection = connection;
    const isThere = this.#isReachable;
    this.#timeline.after(faults.between(10, 2000), () => {
      if (this.#connection !== connection || !connection.isOpen) return;
      this.#board.does(() => (isThere && this.#isReachable ? connection.accept() : connection.lose()));
    });
    return connection;
  }

  /** What the network makes of one message. */
  #carry(send: (delay: number) => void): void {
    const faults = this.#faults;
    const { now } = this.#timeline;
    const { dropped, doubled, late } = faults.rates;
    if (faults.happens(dropped, now)) {
      this.#note("dropped");
      return;
    }
    const copies = faults.happens(doubled, now) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++)
      send(faults.happens(late, now) ? faults.between(MINUTE, 30 * HOUR) : faults.between(1, 500));
  }

  /** The shared subscription gives it to one of the gateways that are there. */
  #toGateway(payload: Uint8Array, delay: number): void {
    this.#timeline.after(delay, () => {
      const there = this.#gateways.filter(({ process, life }) => process.isAlive && life);
      if (there.length === 0) return;
      there[this.#faults.random.int(there.length)]!.life!.receive(upTopic(this.#identity.serial), payload);
    });
  }

  async #publish(topic: string, payload: Uint8Array): Promise<void> {
    const { now } = this.#timeline;
    if (isWithin(this.#faults.brokerDown, now)) throw new Error("the broker is not connected");
    this.#watch.sealed("down", payload);
    this.#answered.add(payload[0]!);
    this.#messages++;
    this.#carry((delay) =>
      this.#timeline.after(delay, () => {
        const connection = this.#connection;
        if (!connection?.isOpen || topic !== downTopic(this.#identity.serial)) return;
        this.#note(`down ${payload.length}`);
        this.#board.does(() => connection.deliver(topic, payload));
      }),
    );
  }

  // Gateways and DRS

  #process(index: number): Process {
    return new Process(this.#timeline, this.#faults, (step) => {
      this.#kills++;
      this.#note(`gateway ${index} is killed: ${step}`);
      const random = this.#faults.random.next();
      this.#restart(index, this.#timeline.now + Math.floor(1000 + random ** 6 * 2 * DAY));
    });
  }

  #restart(index: number, at: number): void {
    this.#timeline.at(at, () => this.#startGateway(index));
  }

  #startGateway(index: number): void {
    const gateway = this.#gateways[index]!;
    if (gateway.life && gateway.process.isAlive) return;
    this.#note(`gateway ${index} starts`);
    gateway.process = this.#process(index);
    const life = new GatewayLife({
      timeline: this.#timeline,
      faults: this.#faults,
      process: gateway.process,
      server: this.#server,
      device: this.#gatewayDevice,
      skew: () => gateway.skew,
      publish: (topic, payload) => this.#publish(topic, payload),
      service: (token, call, link) => {
        this.#calls++;
        this.#note(`${call.operation} ${call.subject} ${link ?? ""}`);
        this.#seeEnd();
        this.#watch.called(call.operation, this.#slotOf(call.subject), link);
        this.#link = link;
        const answer = this.#service.answer(token, call);
        this.#note(`${answer.status} ${JSON.stringify(answer.body)}`);
        return answer;
      },
      log: (entry) => this.#note(JSON.stringify(entry)),
    });
    gateway.life = life;
    void life.start();
  }

  #link: number | undefined;

  #ordered(order: ServiceOrder): void {
    this.#watch.ordered(order, this.#slotOf(order.slotId), this.#link);
  }

  /** Whether the gateways know that the registration has ended. */
  #seeEnd(): void {
    if (this.#server.tables.devices.get(this.#identity.serial)?.ended) this.#watch.ended();
  }

  /** SNS: repeated for an hour until a gateway has stored it, unless it gets lost altogether. */
  #notify(messageId: string, message: object): void {
    const faults = this.#faults;
    const timeline = this.#timeline;
    const { notificationDoubled, notificationLate, notificationLost } = faults.rates;
    this.#note(`${messageId} ${JSON.stringify(message)}`);
    const isOrder = "orderInfo" in message;
    // The tokens are fixed here: that a registration has ended, nothing else would tell.
    if (isOrder && faults.happens(notificationLost, timeline.now)) {
      this.#note(`${messageId} is lost`);
      return;
    }
    const giveUpAt = isOrder ? timeline.now + HOUR : Number.POSITIVE_INFINITY;
    const deliver = async (): Promise<void> => {
      const there = this.#gateways.filter(({ process, life }) => process.isAlive && life);
      const gateway = there.length === 0 ? undefined : there[faults.random.int(there.length)]!;
      const again = timeline.after(20_000 + faults.between(0, 5 * MINUTE), () => {
        if (timeline.now < giveUpAt) void deliver();
      });
      try {
        if (!gateway?.life) return;
        await gateway.life.notify(messageId, message);
        again.cancel();
        this.#note(`${messageId} is stored`);
        this.#seeEnd();
      } catch {
        // Repeated.
      }
    };
    const copies = faults.happens(notificationDoubled, timeline.now) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const isLate = faults.happens(notificationLate, timeline.now);
      timeline.after(isLate ? faults.between(MINUTE, HOUR) : faults.between(10, 5000), () => void deliver());
    }
  }

  #unheard(): number {
    const known = new Set(this.#server.tables.orders.filter(() => true).map((order) => order.instanceId));
    return this.#service.orders.filter(
      ({ instanceId, state }) => state === "cancelled" && !known.has(instanceId),
    ).length;
  }

  #atRest(): void {
    const { tables } = this.#server;
    const { device } = this.#board;
    if (!device) {
      this.#watch.violate("crash", "the device has no power at rest");
      return;
    }
    this.#seeEnd();
    this.#watch.atRest({
      orders: tables.orders.filter(() => true),
      statuses: tables.statuses.filter(() => true),
      truth: this.#truth,
      device: this.#slots.map(({ id }) => device.slot(id)),
      queued: device.figures.queued,
      reported: this.#slots.map((_, slot) => {
        const key = `${this.#identity.serial} ${slot}`;
        const table = this.#faults.isSuccessor ? tables.inventory : tables.statuses;
        return table.get(key)?.reported ?? 0;
      }),
      inventory: this.#faults.isSuccessor ? this.#service.inventory : undefined,
      tasks: tables.tasks.filter(() => true).map(({ kind, slot, cycle }) => `${kind} ${slot} ${cycle}`),
    });
  }
}
