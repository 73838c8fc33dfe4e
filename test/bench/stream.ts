import { Random } from "../../hal/simulator/index.js";
import type { OrderEvent } from "../../sdk/uplink/messages.js";
import { MEAN_STEPS, type Profile, slotsOf } from "./profiles.js";
import { RewriteStore } from "./stores.js";
import { type Task, Work } from "./work.js";

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** A Monday, 00:00 UTC. */
export const START = Date.UTC(2026, 5, 1);
const RESTART_DAYS = 7;
/** Time of the day's visit to the broker. */
const VISIT = 3 * HOUR;
const DELIVERY_DAYS = 4;
/** A slot is refilled when less than this share of it is left. */
const REFILL_BELOW = 0.05;

/**
 * A household and a gateway: what happens to a device, day after day, the same for the same seed. The first day begins with the first start; from then on it
 * is started anew once a week, right after the day was closed.
 *
 * What is ordered depends on the device, so one is simulated along, whose state is kept in RAM.
 */
export class Stream {
  readonly #profile: Profile;
  readonly #slots;
  readonly #random: Random;
  readonly #device: Work;
  #day = 0;
  #down = 0;
  #event = 0;
  /** Days on which a refill arrives, per slot; those that have arrived stay until they are loaded. */
  readonly #boxes: number[][];

  constructor(profile: Profile, seed = 1) {
    this.#profile = profile;
    this.#slots = slotsOf(profile);
    this.#random = new Random(seed);
    this.#boxes = this.#slots.map(() => []);
    const nothing = { get: () => undefined, set: () => {} };
    this.#device = new Work(this.#slots, (parts, slots) => new RewriteStore(parts, slots, nothing, "never"));
  }

  /** The tasks of the next day, in order. Its close is the begin of the day after. */
  next(): Task[] {
    const day = this.#day++;
    const midnight = START + day * DAY;
    const tasks: Task[] = [];
    const add = (task: Task) => {
      tasks.push(task);
      // The start of the weekly restart would forget everything here.
      if (task.do !== "start" || day === 0) this.#device.perform(task);
    };
    if (day === 0) add({ at: midnight, do: "start" });
    add({ at: midnight, do: "closeDay" });
    this.#slots.forEach((_, slot) => {
      add({ at: midnight, do: "report", slot });
    });
    add({ at: midnight, do: "dayDone" });
    if (day > 0 && day % RESTART_DAYS === 0) add({ at: midnight, do: "start" });
    const timed = this.#timed(midnight);
    for (const { at, make } of timed) for (const task of make(at)) add(task);
    return tasks;
  }

  #timed(midnight: number): { at: number; make(at: number): Iterable<Task> }[] {
    const timed: { at: number; make(at: number): Iterable<Task> }[] = [
      { at: midnight + VISIT, make: (at) => this.#visit(at) },
    ];
    for (let minutes = 30; minutes < 24 * 60; minutes += 30)
      timed.push({ at: midnight + minutes * MINUTE, make: (at) => [{ at, do: "heartbeat" }] });
    const { commits } = this.#profile;
    const pause = DAY / commits / this.#slots.length;
    for (let i = 0; i < commits; i++)
      this.#slots.forEach((_, slot) => {
        // Spread over the day, the slots in turn, each up to half a pause late.
        const at = Math.floor(midnight + (i * this.#slots.length + slot + 0.5 * this.#random.next()) * pause);
        timed.push({ at, make: () => this.#use(at, slot) });
      });
    return timed.sort((a, b) => a.at - b.at);
  }

  *#use(at: number, slot: number): Iterable<Task> {
    const steps = 1 + Math.floor(this.#random.next() * (2 * MEAN_STEPS - 1));
    yield { at, do: "use", slot, steps };
    const { remaining } = this.#device.parts.stock.account(slot);
    const { capacity, refill } = this.#slots[slot]!;
    const boxes = this.#boxes[slot]!;
    if (remaining >= REFILL_BELOW * capacity || boxes.length === 0 || boxes[0]! > at) return;
    boxes.shift();
    yield { at: at + MINUTE, do: "refill", slot, steps: refill };
  }

  /** Everything that is queued is sent; the gateway answers each message, and tells what became of orders with the first. */
  *#visit(at: number): Iterable<Task> {
    const { mailbox } = this.#device.parts;
    const events = this.#news(at);
    for (const { sequence } of [...mailbox.queue]) {
      yield { at, do: "answer", sequence: ++this.#down, seen: sequence, events: events.splice(0) };
    }
  }

  #news(at: number): OrderEvent[] {
    const today = Math.floor(at / DAY);
    return this.#slots.flatMap((_, slot): OrderEvent[] => {
      const { number: cycle, state } = this.#device.parts.cycles.of(slot);
      const day = today + DELIVERY_DAYS;
      const event = (name: OrderEvent["state"]): OrderEvent => ({
        number: ++this.#event,
        slot,
        cycle,
        state: name,
        day: name === "accepted" ? 0 : day,
      });
      if (state === "intended") return [event("accepted"), event("placed")];
      if (state !== "placed") return [];
      this.#boxes[slot]!.push(day * DAY);
      return [event("shipped")];
    });
  }
}
