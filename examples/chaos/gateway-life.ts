import { Alarm } from "../gateway/alarm.js";
import { AlexaClient } from "../gateway/alexa-client.js";
import { AlexaService } from "../gateway/alexa-service.js";
import { Calls } from "../gateway/calls.js";
import type { GatewayClock } from "../gateway/clock.js";
import { noCounts } from "../gateway/counts.js";
import type { Database } from "../gateway/database.js";
import { DrsClient } from "../gateway/drs-client.js";
import { DrsService } from "../gateway/drs-service.js";
import type { HttpAnswer } from "../gateway/http-call.js";
import { Leases } from "../gateway/leases.js";
import type { Log } from "../gateway/log.js";
import { Notifications } from "../gateway/notifications.js";
import type { GatewayDevice } from "../gateway/options.js";
import { Redeemer } from "../gateway/redeemer.js";
import { Registrations } from "../gateway/registrations.js";
import { Tokens } from "../gateway/tokens.js";
import { Uplink } from "../gateway/uplink.js";
import { Vault } from "../gateway/vault.js";
import { Work } from "../gateway/work.js";
import { Worker } from "../gateway/worker.js";
import { EVENTS, MODELS } from "./alexa.js";
import type { DatabaseServer, Doings } from "./database-server.js";
import { type Faults, isWithin } from "./faults.js";
import type { Process } from "./process.js";
import type { ServiceAnswer, ServiceCall } from "./service.js";
import type { Entry, Timeline } from "./timeline.js";

/** How long after a gateway has stopped others take over, in milliseconds: the gateway's default. */
const TAKEOVER_MS = 60_000;
/** How often it looks for what others have left behind. The real one does so every 10 seconds, which would be most of what happens here. */
const LOOK_MS = 10 * 60_000;
const WAY_MS = 200;
const BASE = "https://drs.example";

export interface GatewayLifeOptions {
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly process: Process;
  readonly server: DatabaseServer;
  readonly device: GatewayDevice;
  /** Milliseconds that its clock is ahead at the moment. */
  readonly skew: () => number;
  readonly publish: (topic: string, payload: Uint8Array) => Promise<void>;
  /** A call reaches DRS. @param link the order cycle or the status sequence that it is made for */
  readonly service: (token: string | undefined, call: ServiceCall, link: number | undefined) => ServiceAnswer;
  readonly log: Log;
}

/** One life of a gateway: its real parts, put together as `startGateway` does it, with the outside world behind {@link Process}. */
export class GatewayLife {
  readonly #options: GatewayLifeOptions;
  readonly #work = new Work();
  readonly #uplink: Uplink;
  readonly #notifications: Notifications;
  readonly #registrations: Registrations;
  readonly #alarm: Alarm;
  readonly #database: Database;
  readonly #doings: Doings = { asked: new Map(), read: new Map() };

  constructor(options: GatewayLifeOptions) {
    const { device, faults, log, process, publish, server, timeline } = options;
    this.#options = options;
    const database = server.connect(process, this.#doings);
    this.#database = database;
    const devices = new Map([[device.serial, device]]);
    const counts = noCounts();
    const clock: GatewayClock = {
      now: () => timeline.now + options.skew(),
      at: (time, task) => this.#at(time - options.skew(), task),
    };
    const leases = new Leases({
      database,
      clock,
      owner: "gateway",
      duration: TAKEOVER_MS,
      monotonic: () => timeline.now,
    });
    const vault = new Vault([]);
    const tokens = new Tokens({ database, vault, lwa: undefined, clock, log });
    const drs = new DrsClient({
      base: BASE,
      counts,
      http: (url, init, timeout) => this.#http(url, init, timeout),
    });
    const random = () => faults.random.next();
    const redeemer = new Redeemer({ database, vault, lwa: undefined, clock, log });
    const client = new AlexaClient({
      events: EVENTS,
      counts,
      http: (url, init, timeout) => this.#http(url, init, timeout),
    });
    const service = faults.isSuccessor
      ? new AlexaService({ database, client, models: MODELS, tokens, clock, random, counts, log })
      : new DrsService({ database, drs, tokens, redeemer, clock, random, counts, log });
    const serviceOf = () => service;
    const worker = new Worker({ database, serviceOf, clock, random, log });
    const track = (job: Promise<void>) => this.#work.track(job);
    const calls = new Calls({ devices, clock, leases, worker, log, track });
    const drain = (serial: string) => calls.drain(serial);
    // That it looks again and again is done here instead.
    const alone = { direct: database.direct, shared: false } as Database;
    const isBusy = () => calls.putOff > 0;
    this.#alarm = new Alarm({
      database: alone,
      clock,
      devices,
      leases,
      log,
      look: LOOK_MS,
      drain,
      isBusy,
    });
    this.#registrations = new Registrations({
      devices,
      database,
      serviceOf,
      vault,
      clock,
      drain,
      alarm: this.#alarm,
    });
    this.#notifications = new Notifications({
      devices: faults.isSuccessor ? new Map() : devices,
      clock,
      sns: undefined,
      database,
      work: this.#work,
      counts,
      log,
      wake: () => this.#alarm.set(),
      host: "127.0.0.1",
      port: 0,
    });
    this.#uplink = new Uplink({
      devices,
      clock,
      database,
      serviceOf,
      calls,
      alarm: this.#alarm,
      redeemer,
      publish: async (topic, payload) => {
        if (process.endsAt("before the acknowledgement", 2)) await process.never;
        await process.pause(WAY_MS);
        await publish(topic, payload);
        if (process.endsAt("after the acknowledgement", 2)) await process.never;
      },
      counts,
      hooks: {},
      log,
      takeover: TAKEOVER_MS,
    });
  }

  /** Takes up what an earlier life has left. */
  async start(): Promise<void> {
    this.#options.timeline.busy();
    try {
      await this.#database.direct.addDevices([this.#options.device.serial]);
    } catch {
      // A program that is to run starts it again.
      this.#options.process.kill("start: the database failed");
      return;
    }
    await this.#alarm.start();
    this.#look();
  }

  receive(topic: string, payload: Uint8Array): void {
    this.#options.timeline.busy();
    const taken = this.#work.offer(topic, (release) => this.#uplink.handle(topic, payload, release));
    if (!taken) this.#uplink.drop(topic, payload);
  }

  /** Resolves when it is stored. */
  notify(messageId: string, message: object): Promise<void> {
    this.#options.timeline.busy();
    return this.#notifications.take(messageId, message);
  }

  deregister(serial: string): Promise<void> {
    this.#options.timeline.busy();
    return this.#registrations.deregister(serial);
  }

  #look(): void {
    this.#at(this.#options.timeline.now + LOOK_MS, async () => {
      await this.#alarm.set();
      this.#look();
    });
  }

  #at(time: number, task: () => Promise<void>): Entry {
    const { process, timeline } = this.#options;
    return timeline.at(time, () => {
      if (!process.isAlive) return;
      timeline.busy();
      void task();
    });
  }

  /** One request to DRS, over a network that loses any half of it. */
  async #http(url: string, init: RequestInit, timeout: number): Promise<HttpAnswer> {
    const { faults, process, service, timeline } = this.#options;
    const call = callOf(url, init);
    const weight = call.operation === "replenish" ? 15 : 2;
    const link = this.#linkOf(call);
    const token = new Headers(init.headers).get("authorization")?.replace("Bearer ", "");
    const lost = async (sent: boolean): Promise<HttpAnswer> => {
      await timeline.sleep(sent ? timeout : 20);
      if (!process.isAlive) await process.never;
      return { answered: false, sent, message: sent ? "timeout" : "ECONNREFUSED" };
    };
    const mood =
      faults.service.find((span) => isWithin([span], timeline.now))?.mood ??
      (faults.happens(faults.rates.callFails, timeline.now)
        ? (["refusing", "deaf", "mute", "busy", "broken"] as const)[faults.random.int(5)]
        : undefined);
    if (process.endsAt(`before the call of ${call.operation}`, weight)) await process.never;
    if (mood === "refusing") return lost(false);
    await timeline.sleep(faults.between(1, WAY_MS));
    if (mood === "deaf") return lost(true);
    // What has left arrives, whatever becomes of its sender.
    const answer =
      mood === "busy" ? { status: 503, body: { message: "busy" } } : service(token ?? undefined, call, link);
    if (process.endsAt(`in the middle of the call of ${call.operation}`, weight)) await process.never;
    if (mood === "mute") return lost(true);
    await timeline.sleep(faults.between(1, WAY_MS));
    if (process.endsAt(`after the answer to ${call.operation}`, weight)) await process.never;
    const { status, body } = mood === "broken" ? { status: 500, body: { message: "broken" } } : answer;
    return { answered: true, status, headers: new Headers(), text: JSON.stringify(body) };
  }

  #linkOf({ operation, subject }: ServiceCall): number | undefined {
    const { serial, slots } = this.#options.device;
    const key = `${serial} ${slots.findIndex(({ id }) => id === subject)}`;
    if (operation === "replenish") return this.#doings.asked.get(key);
    return operation === "slotStatus" ? this.#doings.read.get(key) : undefined;
  }
}

function callOf(url: string, init: RequestInit): ServiceCall {
  const [operation = "", subject = ""] = url === EVENTS ? ["event"] : url.slice(BASE.length + 1).split("/");
  const body = typeof init.body === "string" ? init.body : "";
  return { method: init.method ?? "GET", operation, subject: decodeURIComponent(subject), body };
}
