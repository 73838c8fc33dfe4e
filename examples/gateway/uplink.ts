import {
  type Acknowledgement,
  Codec,
  type DownlinkMessage,
  downTopic,
  MAX_EVENTS,
  open,
  seal,
  UplinkError,
  type UplinkKey,
  type UplinkMessage,
  upTopic,
} from "everfull";
import type { Alarm } from "./alarm.js";
import type { Calls } from "./calls.js";
import { type GatewayCounts, REFUSALS, type RefusalReason } from "./counts.js";
import type { Database, Queries } from "./database.js";
import { dayAt } from "./days.js";
import { reason } from "./errors.js";
import { answerImage, owedImage } from "./images.js";
import type { Log } from "./log.js";
import type { GatewayDevice, GatewayHooks, GatewayOptions } from "./options.js";
import { giveUp } from "./orders.js";
import type { Redeemer } from "./redeemer.js";
import { leaveRegistration, owedNews } from "./registration.js";
import { see } from "./sequences.js";
import { DECIDES, SERVICE_DECIDES, type Service } from "./service.js";
import { offsetOf } from "./settings.js";

/** What all devices publish to. */
export const UP_FILTER = upTopic("+");

/**
 * Whoever may publish can make up serials without end: this many pairs of serial and reason are remembered as
 * logged, and beyond them refusals are only counted.
 */
const MOST_LOGGED = 1000;
/**
 * Downlink sequences are no lower than the seconds since then, UTC milliseconds: so a database that was lost or is older than the device gives none
 * again, which the device would not take and which would use a nonce twice.
 */
const DOWNLINK_EPOCH = Date.UTC(2020, 0);

export interface UplinkOptions {
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly clock: Pick<NonNullable<GatewayOptions["clock"]>, "now">;
  readonly database: Database;
  /** What a device is with. */
  readonly serviceOf: (
    device: GatewayDevice,
  ) => Pick<Service, "name" | "takesOrders" | "statusTask" | "reportsActivity">;
  readonly calls: Pick<Calls, "drain">;
  readonly alarm: Alarm;
  readonly redeemer: Pick<Redeemer, "keep" | "take">;
  /** Calls that the message's own handling has not made by then are made all the same, by whoever can; in milliseconds. */
  readonly takeover: number;
  /** Resolves once the broker has taken it. */
  readonly publish: (topic: string, payload: Uint8Array) => Promise<void>;
  readonly counts: GatewayCounts;
  readonly hooks: GatewayHooks;
  readonly log: Log;
}

/** What is counted of what goes down beside the answers. */
const COUNTED = Object.freeze({
  image: "images",
  settings: "settings",
  registration: "registrations",
  acknowledgement: "acknowledgements",
});

/** What one message led to in the database, and what its device is told. */
interface Committed {
  readonly fresh: boolean;
  readonly acknowledgement: Acknowledgement;
  /** What the device is to set or is offered, and has not answered. */
  readonly owed: readonly DownlinkMessage[];
  /** Sequence that the last of these goes down with. */
  readonly downlink: number;
}

/** Opens, checks, stores and answers the messages of devices. */
export class Uplink {
  readonly #codec = new Codec();
  readonly #logged = new Set<string>();
  readonly #options: UplinkOptions;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /**
   * Does everything for one message. To be called for one message of a device at a time. Never throws.
   *
   * @param answered is called when all that is left are the calls to the device's service
   */
  async handle(topic: string, payload: Uint8Array, answered: () => void = () => {}): Promise<void> {
    const { counts, log } = this.#options;
    counts.received++;
    try {
      await this.#handle(topic, payload, answered);
    } catch (error) {
      counts.failed++;
      log({ level: "error", event: "message-failed", topic, message: reason(error) });
    }
    this.#handled(topic, payload);
  }

  /** Instead of {@link handle}: there is no room for the message. Its device repeats it. */
  drop(topic: string, payload: Uint8Array): void {
    this.#options.counts.received++;
    this.#refuse(serialOf(topic), "flooding", "too many messages of the device are waiting");
    this.#handled(topic, payload);
  }

  #handled(topic: string, payload: Uint8Array): void {
    const { hooks, log } = this.#options;
    try {
      hooks.handled?.(topic, payload);
    } catch (error) {
      log({ level: "error", event: "hook-failed", hook: "handled", message: reason(error) });
    }
  }

  async #handle(topic: string, payload: Uint8Array, answered: () => void): Promise<void> {
    const { alarm, calls, counts, database, devices, log } = this.#options;
    const serial = serialOf(topic);
    const device = devices.get(serial);
    if (!device) return this.#refuse(serial, "unknown device", "no device is registered under this serial");

    const key = keyOf(device, payload);
    let sequence: number;
    let message: UplinkMessage;
    try {
      const opened = open(key, "up", payload);
      sequence = opened.sequence;
      message = this.#codec.decodeUplink(opened.body);
    } catch (error) {
      if (error instanceof UplinkError && isRefusal(error.code))
        return this.#refuse(serial, error.code, error.message);
      throw error;
    }
    if ((message.kind === "status" || message.kind === "intent") && !device.slots[message.slot])
      return this.#refuse(
        serial,
        "unknown slot",
        `0 to ${device.slots.length - 1} are accepted (got ${message.slot})`,
      );

    const committed = await database.transaction((queries) =>
      this.#store(queries, device, sequence, message),
    );
    if (committed.fresh) {
      counts.stored++;
      log({ level: "info", event: "stored", serial, sequence, kind: message.kind });
      if (message.kind === "intent" && !this.#options.serviceOf(device).takesOrders) counts.declined++;
    } else
      this.#refuse(
        serial,
        "replayed",
        `sequences above ${committed.acknowledgement.seen}, or a little below and new, are accepted (got ${sequence})`,
      );
    await this.#answer(device, key, committed);
    answered();
    await calls.drain(serial);
    await alarm.set();
  }

  /**
   * Everything that a message changes, and its answer as of that moment: what the device is told does not
   * depend on how fast DRS is. A message that was here before changes nothing, but is answered: the device
   * repeats it because the first answer was lost.
   */
  async #store(
    queries: Queries,
    device: GatewayDevice,
    sequence: number,
    message: UplinkMessage,
  ): Promise<Committed> {
    const { serial } = device;
    const { reportsActivity, statusTask, takesOrders } = this.#options.serviceOf(device);
    const now = Math.floor(this.#options.clock.now());
    const due = now + this.#options.takeover;
    const before = await queries.lockDevice(serial);
    const seen = see(before, sequence);
    if (seen) {
      await queries.seen(serial, seen, now);
      await queries.confirmEvents(serial, message.applied);
      if (message.kind === "status") {
        await queries.putStatus(serial, sequence, message, now);
        if (message.remaining >= device.slots[message.slot]!.capacity)
          await queries.putFull(serial, message.slot, sequence);
        if (before.ended === null) await queries.addTask(serial, statusTask, due, message.slot);
      } else if (message.kind === "intent" && (await queries.addOrder(serial, sequence, message, now))) {
        const { slot, cycle } = message;
        if (before.ended === null && takesOrders)
          await queries.addTask(serial, "replenish", due, slot, cycle);
        else {
          const order = (await queries.order(serial, slot, cycle))!;
          if (before.ended !== null) await giveUp(queries, order, before.ended);
          else await giveUp(queries, order, DECIDES, SERVICE_DECIDES);
        }
      } else if (message.kind === "health") {
        await queries.putHealth(serial, sequence, message, now);
        await queries.told(serial, message.settings, message.utcOffset);
      } else if (message.kind === "settled") {
        const offset = await queries.answerSettings(serial, message, now);
        await queries.told(serial, message.number, offset);
        const { number, outcome, slot } = message;
        const level = outcome === "applied" ? "info" : "warn";
        this.#options.log({ level, event: "settings-answered", serial, number, outcome, slot });
      } else if (message.kind === "offered")
        await answerImage(queries, serial, message, now, this.#options.log);
      else await this.#storeRegistration(queries, device, message, due);
      const { ended } = await queries.lockDevice(serial);
      if (reportsActivity && ended === null) {
        const today = dayAt(now, await offsetOf(queries, device));
        if (before.reportedDay === null || before.reportedDay < today)
          await queries.addTask(serial, "deviceStatus", due);
      }
    }
    const { newestEvent, settled } = await queries.lockDevice(serial);
    const settings = await queries.owedSettings(serial, settled, now);
    const image = await owedImage(queries, serial, now);
    const news = await owedNews(queries, serial);
    const owed = [news, settings, image].filter((message) => message !== undefined);
    const least = Math.floor((now - DOWNLINK_EPOCH) / 1000);
    for (const _ of owed) await queries.nextDownlink(serial, least);
    return {
      fresh: seen !== undefined,
      acknowledgement: {
        kind: "acknowledgement",
        seen: (seen ?? before).highWater,
        time: Math.floor(now / 1000),
        newest: newestEvent,
        events: await queries.unconfirmedEvents(serial, MAX_EVENTS),
      },
      owed,
      downlink: await queries.nextDownlink(serial, least),
    };
  }

  async #storeRegistration(
    queries: Queries,
    device: GatewayDevice,
    message: UplinkMessage,
    due: number,
  ): Promise<void> {
    const { log, redeemer, serviceOf } = this.#options;
    const { serial } = device;
    if (message.kind === "informed") await queries.registrations.told(serial, message.number);
    else if (message.kind === "authorization") {
      const isWanted = serviceOf(device).name === "drs";
      if (await redeemer.keep(queries, serial, message, isWanted))
        await queries.addTask(serial, "authorize", due);
    } else if (message.kind === "grant")
      await redeemer.take(queries, serial, message.refreshToken, message.clientId);
    else if (message.kind === "deregistration") {
      const { reason: why } = message;
      log({ level: "info", event: "deregistration", serial, reason: why });
      await leaveRegistration(queries, serial, `the customer has ${why} the device`, due);
    }
  }

  async #answer(
    device: GatewayDevice,
    key: UplinkKey,
    { acknowledgement, owed, downlink }: Committed,
  ): Promise<void> {
    const { counts } = this.#options;
    // First what it is to answer: with the acknowledgement, the device may leave.
    for (const [index, message] of owed.entries())
      if (await this.#send(device, key, downlink - owed.length + index, message))
        counts[COUNTED[message.kind]]++;
    if (await this.#send(device, key, downlink, acknowledgement)) counts.acknowledgements++;
  }

  /** False: the broker did not take it. */
  async #send(
    device: GatewayDevice,
    key: UplinkKey,
    sequence: number,
    message: DownlinkMessage,
  ): Promise<boolean> {
    const { counts, hooks, log, publish } = this.#options;
    const topic = downTopic(device.serial);
    const payload = seal(key, "down", sequence, this.#codec.encodeDownlink(message));
    try {
      hooks.publishing?.(topic, payload);
    } catch (error) {
      log({ level: "error", event: "hook-failed", hook: "publishing", message: reason(error) });
    }
    try {
      await publish(topic, payload);
      return true;
    } catch (error) {
      // Nothing is lost: without an answer, the device repeats its message and gets another.
      counts.unpublished++;
      log({ level: "warn", event: "unpublished", serial: device.serial, message: reason(error) });
      return false;
    }
  }

  #refuse(serial: string, why: RefusalReason, detail: string): void {
    const { counts, log } = this.#options;
    counts.refused[why]++;
    const key = `${why} ${serial}`;
    if (this.#logged.has(key) || this.#logged.size >= MOST_LOGGED) return;
    this.#logged.add(key);
    log({ level: "warn", event: "refused", serial, reason: why, detail });
  }
}

function serialOf(topic: string): string {
  return topic.split("/")[1]!;
}

/** The key that a message claims to be under; the newest if it is none of the device's. */
function keyOf({ key, oldKey }: GatewayDevice, payload: Uint8Array): UplinkKey {
  return oldKey && payload[0] === oldKey.number ? oldKey : key;
}

function isRefusal(code: string): code is RefusalReason {
  return (REFUSALS as readonly string[]).includes(code);
}
