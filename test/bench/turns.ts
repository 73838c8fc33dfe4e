import { readFileSync } from "node:fs";
import type { DeviceConfig, SlotConfig } from "../../firmware/config.js";
import { EVENT } from "../../hal/boards/desktop/protocol.js";
import { DEVICE_PROGRAM } from "../../hal/simulator/device-program.js";
import { type Engine, LoadCellModel } from "../../hal/simulator/index.js";

import { hex } from "../sdk/uplink/support.js";
import { FakeGateway, KEY } from "../sdk/world.js";
import { type Handled, Host, type Media, newMedia, type Program } from "./host.js";
import { BUSY, SLOTS, slotsOf } from "./profiles.js";
import { type Journal, LATER } from "./recovery.js";
import { copyOf } from "./storage.js";
import { DAY, START } from "./stream.js";
import { median } from "./table.js";

/*
 * The device program as it is flashed, in a household for a month, and the bytecode steps of each turn of its loop. A turn is one event that the program handles to
 * the end; while it does, no timer runs, no pulse is counted in JavaScript and the watchdog is not fed.
 */

/** One turn of the loop. */
export interface Turn {
  /** What set it off and what was done in it. */
  readonly kind: string;
  readonly steps: number;
  readonly written: number;
  readonly erased: number;
}

const HOUR = 60 * 60 * 1000;
const SERIAL = "EF-1";
const CAPACITY = 1000;
/** Steps used of each slot a day: a month's worth is ordered in the third week. */
const USE = 40;
const USES = 8;
const LOAD_CELLS = 2;
const BUTTON = 20;
/** In kilograms. */
const STEP_MASS = 1e-3;
const NOISE = 1e-3;
const SCALE = 1e-6;
const SAMPLES_EVERY = 15 * 60 * 1000;
/** Days from the outcome of an order to its refill. */
const DELIVERY_DAYS = 4;

/** A device with load cells and counters, one to each slot. */
export function configOf(slots: number): DeviceConfig {
  return {
    serial: SERIAL,
    key: { number: KEY.number, secret: Buffer.from(KEY.secret).toString("hex") },
    broker: { host: "broker.example", port: 1883 },
    utcOffsetMinutes: 0,
    slots: Array.from({ length: slots }, (_, index): SlotConfig => {
      const slot = {
        id: `slot-${index}`,
        capacity: CAPACITY,
        refill: CAPACITY,
        ratedLife: 25,
        stepsPerUnit: 1,
      };
      return index < LOAD_CELLS
        ? {
            ...slot,
            unit: "grams",
            noise: 1,
            sensing: "level",
            sensor: {
              kind: "load-cell",
              pin: index,
              zero: 0,
              scale: SCALE,
              massPerStep: STEP_MASS,
              noise: NOISE,
              interval: SAMPLES_EVERY,
            },
          }
        : {
            ...slot,
            unit: "count",
            smallestUse: 1,
            sensor: { kind: "dose-counter", pin: index, stepsPerDose: 1, refillButton: BUTTON + index },
          };
    }),
  };
}

/** A household with a device whose power can be cut; its gateway answers at once. */
export class MonthOfTurns {
  readonly turns: Turn[] = [];
  /** The sealed messages that left the device, in hexadecimal digits: to compare two runs. */
  readonly sent: string[] = [];
  readonly media: Media;
  readonly gateway = new FakeGateway(() => this.#now());
  readonly #config: DeviceConfig;
  readonly #engine: Engine["name"];
  readonly #program: string;
  readonly #left: number[];
  readonly #doses: number[];
  readonly #cells: LoadCellModel[];
  readonly #pressed = new Set<number>();
  /** Intents that the service has not yet told the outcome of, and the slots that a refill is on its way to, by the day of its arrival. */
  #decided = 0;
  readonly #deliveries: { readonly slot: number; readonly day: number }[] = [];
  #host!: Host;
  #startedAt: number;
  #starts = 0;

  constructor(
    engine: Engine["name"],
    slots = SLOTS,
    media = newMedia(),
    start = START,
    program = readFileSync(DEVICE_PROGRAM, "utf8"),
  ) {
    this.#engine = engine;
    this.#program = program;
    this.media = media;
    this.#config = configOf(slots);
    this.#startedAt = start;
    this.#left = this.#config.slots.map(() => CAPACITY);
    this.#doses = this.#config.slots.map(() => 0);
    this.#cells = this.#config.slots.map(
      (_, slot) =>
        new LoadCellModel({
          seed: `cell ${slot}`,
          zero: 0,
          scale: SCALE,
          noise: NOISE,
          driftPerDay: NOISE,
          temperatureSwing: NOISE,
        }),
    );
  }

  #now(): number {
    return this.#startedAt + (this.#host?.ticks ?? 0);
  }

  /** Power on. @param found what is in flash, for the name of the turn */
  async start(found: string): Promise<void> {
    const program: Program = {
      bundle: this.#program,
      readPin: (pin) => this.#read(pin),
      heard: (isAnswer, bytes) => this.heard(isAnswer, bytes),
    };
    this.#startedAt = this.#now();
    const gateway = {
      handle: (sealed: Uint8Array) => {
        this.sent.push(hex(sealed));
        return this.gateway.handle(sealed);
      },
    };
    this.#host = await Host.start(this.#engine, this.media, gateway, program);
    // A counter of the hardware begins anew.
    this.#doses.fill(0);
    const boot = { device: this.#config, start: ++this.#starts };
    const handled = await this.#host.boot(boot);
    this.turns.push({ ...handled, kind: `start, ${found}` });
  }

  /** Told of every event that goes to the program, and of every answer to a call of its. */
  protected heard(_isAnswer: boolean, _bytes: Uint8Array): void {}

  /** Power off, between two events. */
  async cut(): Promise<void> {
    await this.#host.stop();
  }

  /** Lets the rest of a day pass, with what is used on it. @param day since the first start */
  async day(day: number): Promise<void> {
    for (let use = 0; use < USES; use++) {
      await this.to(day, ((use + 0.5) / USES) * 24);
      for (const [slot] of this.#config.slots.entries()) {
        this.#left[slot]! -= USE / USES;
        this.#doses[slot]! += USE / USES;
        if (slot >= LOAD_CELLS) await this.#readable(slot);
      }
      this.#decide(day);
      await this.#refill(day);
    }
    await this.to(day + 1, 0);
  }

  /** Lets time pass up to an hour of a day. */
  async to(day: number, hour: number): Promise<void> {
    const ticks = START + day * DAY + hour * HOUR - this.#startedAt;
    if (ticks < this.#host.ticks) return;
    for (const handled of await this.#host.advanceTo(ticks)) this.turns.push(turnOf(handled));
  }

  async #readable(pin: number): Promise<void> {
    this.turns.push(turnOf(await this.#host.readable(pin)));
  }

  #read(pin: number): number {
    if (pin >= BUTTON) return this.#pressed.delete(pin) ? 1 : 0;
    return pin < LOAD_CELLS
      ? this.#cells[pin]!.raw(this.#left[pin]! * STEP_MASS, this.#now())
      : this.#doses[pin]!;
  }

  /** The service tells the outcomes of all slots' orders together: the most that one answer has room for. */
  #decide(day: number): void {
    const { intents } = this.gateway;
    if (intents.length < this.#decided + this.#config.slots.length) return;
    for (const { slot, cycle, day: ordered } of intents.slice(this.#decided)) {
      this.gateway.order("accepted", cycle, 0, slot);
      this.gateway.order("placed", cycle, ordered + DELIVERY_DAYS, slot);
      this.#deliveries.push({ slot, day: day + DELIVERY_DAYS });
    }
    this.#decided = intents.length;
  }

  async #refill(day: number): Promise<void> {
    for (const delivery of this.#deliveries.filter((due) => due.day <= day)) {
      this.#deliveries.splice(this.#deliveries.indexOf(delivery), 1);
      const { slot } = delivery;
      this.#left[slot]! += CAPACITY;
      if (slot < LOAD_CELLS) continue;
      this.#pressed.add(BUTTON + slot);
      await this.#readable(BUTTON + slot);
    }
  }
}

/** Names a turn by its event and by what was done in it. */
export function turnOf(handled: Handled): Turn {
  return { kind: kindOf(handled), ...handled };
}

function kindOf({ code, sent, written, erased, connected, pins, told }: Handled): string {
  const told_ = (kind: string) => told.filter((event) => event.kind === kind).length;
  const orders = told_("intended");
  const news = told_("order");
  const commit = written > 0 ? ", committed" : "";
  switch (code) {
    case EVENT.timer:
      if (told_("dayClosed") > 0)
        return orders > 0
          ? `midnight: day closed, first slot reported, ${orders} ordered`
          : "midnight: day closed, first slot reported";
      if (orders > 0) return `slot reported, ${orders} ordered`;
      if (connected) return "visit begins";
      if (sent.length > 0) return `visit: ${sent.length} sealed and sent`;
      if (erased > 0) return "next block begun";
      if (pins.length > 0) return `load cell: sample, meter${commit}`;
      return `timer${commit}`;
    case EVENT.ioReadable:
      return (pins[0] ?? 0) >= BUTTON ? `refill button${commit}` : `dose counter: sample, meter${commit}`;
    case EVENT.mqttWritable:
      return "visit: connected, subscribes";
    case EVENT.mqttControl:
      return sent.length > 0
        ? `visit: subscribed, ${sent.length} sealed and sent`
        : "visit: broker's acknowledgement";
    case EVENT.mqttMessage:
      return news > 0
        ? `visit: answer with ${news} order events`
        : `visit: answer${sent.length > 0 ? ", more sent" : ""}`;
    default:
      return `event ${code}${commit}`;
  }
}

/** A month of four slots with a power cut in it, and a start on a journal that is full. */
export async function monthOfTurns(full: Journal, days = 31): Promise<Turn[]> {
  const month = new MonthOfTurns("xs");
  await month.start("empty flash");
  for (let day = 0; day < days; day++) {
    if (day === 10) {
      await month.to(day, 12);
      await month.cut();
      await month.start("after a power cut");
    }
    await month.day(day);
  }
  await month.cut();
  return [...month.turns, await startOnFull(full)];
}

/** The start on the full journal of a busy device. */
async function startOnFull({ flash, at }: Journal): Promise<Turn> {
  const media = { ...newMedia(), flash: copyOf(flash) };
  const full = new MonthOfTurns("xs", slotsOf(BUSY).length, media, at + LATER);
  await full.start("full 64 KB journal");
  await full.cut();
  return full.turns[0]!;
}

/** Turns of one kind. */
export interface KindOfTurn {
  readonly kind: string;
  readonly count: number;
  readonly median: number;
  readonly most: number;
  /** Most bytes that one of them programmed, and blocks that it erased. */
  readonly written: number;
  readonly erased: number;
}

/** The kinds of turns, the longest first. */
export function kindsOf(turns: readonly Turn[]): KindOfTurn[] {
  const kinds = new Map<string, Turn[]>();
  for (const turn of turns) kinds.set(turn.kind, [...(kinds.get(turn.kind) ?? []), turn]);
  return [...kinds]
    .map(([kind, list]) => ({
      kind,
      count: list.length,
      median: median(list.map(({ steps }) => steps)),
      most: Math.max(...list.map(({ steps }) => steps)),
      written: Math.max(...list.map(({ written }) => written)),
      erased: Math.max(...list.map(({ erased }) => erased)),
    }))
    .sort((a, b) => b.most - a.most);
}

/** Steps that an ESP32 at 240 MHz takes in a millisecond, at least and at most: hal/simulator/README.md says where that comes from. */
export const STEPS_PER_MS = Object.freeze({ least: 1000, most: 2000 });
/** What a turn may take, in milliseconds. */
export const TURN_LIMIT = 50;
