import { type HeapUse, SLOT_BYTES } from "../../hal/simulator/heap-use.js";
import type { Engine } from "../../hal/simulator/index.js";
import { NorFlash } from "../../hal/simulator/index.js";
import { Codec, type Intent, SEAL_BYTES, type UplinkMessage } from "../../sdk/index.js";
import { FakeGateway, KEY } from "../sdk/world.js";
import { type Handled, Host, newMedia } from "./host.js";
import { BUSY, MEAN_STEPS, NORMAL, type Profile, SLOTS, slotsOf } from "./profiles.js";
import { type Journal, LATER } from "./recovery.js";
import { copyOf } from "./storage.js";
import { DAY, START } from "./stream.js";

/** Days from an order to its delivery. */
const DELIVERY_DAYS = 4;
/** A slot is refilled when less than this share is left. */
const REFILL_BELOW = 0.05;

/** The whole SDK in an engine, with a gateway that answers, and a household. */
export class Device {
  readonly host: Host;
  readonly gateway: FakeGateway;
  readonly #profile: Profile;
  readonly #slots;
  readonly #left: number[];
  #day = 0;
  /** Steps of `consume` calls that reached the threshold, and so were committed. */
  readonly committed: Handled[] = [];

  static async start(
    engine: Engine["name"],
    profile: Profile,
    slots = SLOTS,
    flash = new NorFlash(),
    start = START,
    isCollecting = false,
  ): Promise<Device & { readonly boot: Handled; readonly emptySlots: number }> {
    const gateway = new FakeGateway(() => start + host.ticks);
    const host: Host = await Host.start(engine, { ...newMedia(), flash }, gateway);
    const emptySlots = await host.collect();
    host.isCollecting = isCollecting;
    const key = [...KEY.secret];
    const boot = await host.run({ do: "everfull", profile, slots, key, utc: start });
    return Object.assign(new Device(host, gateway, profile, slots), { boot, emptySlots });
  }

  private constructor(host: Host, gateway: FakeGateway, profile: Profile, slots: number) {
    this.host = host;
    this.gateway = gateway;
    this.#profile = profile;
    this.#slots = slotsOf(profile, slots);
    this.#left = this.#slots.map(({ opening }) => opening);
  }

  /** Uses every slot for a day. What is used at once is committed at once. @returns everything that was handled, the begin of the next day included */
  async day(): Promise<Handled[]> {
    const handled: Handled[] = [];
    const midnight = this.#day++ * DAY;
    const { commits } = this.#profile;
    for (let i = 0; i < commits; i++) {
      handled.push(...(await this.host.advanceTo(midnight + ((i + 0.5) / commits) * DAY)));
      this.#order();
      for (const [index, { id, capacity, refill }] of this.#slots.entries()) {
        const steps = Math.max(MEAN_STEPS, Math.ceil(0.01 * capacity));
        const used = await this.host.run({ do: "consume", id, steps });
        handled.push(used);
        if (used.written > 0) this.committed.push(used);
        this.#left[index]! -= steps;
        if (this.#left[index]! >= REFILL_BELOW * capacity) continue;
        this.#left[index]! += refill;
        handled.push(await this.host.run({ do: "refill", id, steps: refill }));
      }
    }
    handled.push(...(await this.host.advanceTo(midnight + DAY)));
    return handled;
  }

  /** Messages in the outbox. */
  async queued(): Promise<number> {
    const { reply } = await this.host.run({ do: "queued" });
    return reply[0]!;
  }

  /** The service places what was ordered. */
  #order(): void {
    const { gateway } = this;
    for (const { slot, cycle, day } of gateway.intents.slice(gateway.events.length / 2) as Intent[]) {
      gateway.order("accepted", cycle, 0, slot);
      gateway.order("placed", cycle, day + DELIVERY_DAYS, slot);
    }
  }
}

export interface DeviceFigures {
  /** Steps of a `consume` that was committed. */
  readonly event: readonly number[];
  /** Of a one-slot device, by day: the day's end with its forecast and status. */
  readonly close: readonly number[];
  /** The same: the event in which the status is sealed and sent. */
  readonly seal: readonly number[];
  /** The same two together, of a four-slot device. */
  readonly closeOfFour: readonly number[];
  /** Most bytes of a sealed message with a status. */
  readonly statusBytes: number;
  /** The same of one with a health record. */
  readonly healthBytes: number;
  /** Starting it on a full journal. */
  readonly recovery: number;
}

const DAYS = 20;
const codec = new Codec();

/** Figures of the whole SDK in XS. */
export async function deviceFigures(full: Journal, days = DAYS): Promise<DeviceFigures> {
  const four = await Device.start("xs", NORMAL);
  const closeOfFour: number[] = [];
  try {
    for (let day = 0; day < days; day++) {
      const handled = await four.day();
      const { close, seal } = parts(handled);
      closeOfFour.push(close + seal);
    }
  } finally {
    await four.host.stop();
  }
  const most = (messages: readonly UplinkMessage[]) =>
    Math.max(...messages.map((message) => codec.encodeUplink(message).length + SEAL_BYTES));
  const one = await Device.start("xs", NORMAL, 1);
  const days1: ReturnType<typeof parts>[] = [];
  try {
    for (let day = 0; day < days; day++) days1.push(parts(await one.day()));
  } finally {
    await one.host.stop();
  }
  const restarted = await Device.start("xs", BUSY, SLOTS, copyOf(full.flash), full.at + LATER);
  await restarted.host.stop();
  return {
    event: four.committed.map(({ steps }) => steps),
    close: days1.map(({ close }) => close),
    seal: days1.map(({ seal }) => seal),
    closeOfFour,
    statusBytes: most(four.gateway.statuses),
    healthBytes: most(four.gateway.health),
    recovery: restarted.boot.steps,
  };
}

/** The costliest timer event of a day is its end, when flash was written; the first event in which something is sent seals what is queued. */
function parts(handled: readonly Handled[]): { close: number; seal: number } {
  const timers = handled.filter(({ event, written }) => event === "timer" && written > 0);
  const close = Math.max(0, ...timers.map(({ steps }) => steps));
  const seal = handled.filter(({ sent }) => sent.length > 0).reduce((total, { steps }) => total + steps, 0);
  return { close, seal };
}

/** What the whole SDK has in the heap, above the engine's own and the program's code, which lie in flash on a chip. */
export interface HeapFigures {
  /** At the end of each day, after collection. */
  readonly rest: readonly HeapUse[];
  /** Messages that waited at that time. */
  readonly queued: readonly number[];
  /**
   * Bytes of slots at the most: what was there before an event and all that it made, as if nothing of it were garbage before it ended. The chip collects
   * when its heap is full, so it needs no more than this and may need less.
   */
  readonly peakSlotBytes: number;
  /** The same of the start on a full journal. */
  readonly recoverySlotBytes: number;
}

/** Heap of the whole SDK in XS. The broker cannot be reached on the last days, so that orders and statuses gather. */
export async function heapFigures(
  slots: number,
  full: Journal,
  days = DAYS,
  offline = 4,
): Promise<HeapFigures> {
  const device = await Device.start("xs", NORMAL, slots, new NorFlash(), START, true);
  const { host, emptySlots } = device;
  const rest: HeapUse[] = [];
  const queued: number[] = [];
  let peakSlots = 0;
  try {
    const empty = await emptyHeap();
    for (let day = 0; day < days; day++) {
      host.isOffline = day >= days - offline;
      const handled = await device.day();
      peakSlots = Math.max(peakSlots, ...handled.map((event) => event.slots - emptySlots));
      rest.push(above(await host.heap(), empty));
      queued.push(await device.queued());
    }
  } finally {
    await host.stop();
  }
  const restarted = await Device.start("xs", BUSY, slots, copyOf(full.flash), full.at + LATER, true);
  await restarted.host.stop();
  return {
    rest,
    queued,
    peakSlotBytes: peakSlots * SLOT_BYTES,
    recoverySlotBytes: (restarted.boot.slots - restarted.emptySlots) * SLOT_BYTES,
  };
}

/** What is in the heap when the program is loaded and not started. */
async function emptyHeap(): Promise<HeapUse> {
  const host = await Host.start("xs", newMedia());
  try {
    await host.collect();
    return await host.heap();
  } finally {
    await host.stop();
  }
}

function above(use: HeapUse, empty: HeapUse): HeapUse {
  return {
    slots: use.slots - empty.slots,
    slotBytes: use.slotBytes - empty.slotBytes,
    chunkBytes: use.chunkBytes - empty.chunkBytes,
  };
}

/** Days that an engine runs of a four-slot device, per second. */
export async function daysPerSecond(engine: Engine["name"], days: number): Promise<number> {
  const device = await Device.start(engine, NORMAL);
  try {
    const begun = performance.now();
    for (let day = 0; day < days; day++) await device.day();
    return days / ((performance.now() - begun) / 1000);
  } finally {
    await device.host.stop();
  }
}
