import { randomBytes, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { Admin } from "./admin.js";
import { Alarm } from "./alarm.js";
import { AlexaClient } from "./alexa-client.js";
import { type AlexaMessage, discoveryEndpoint, stateReport } from "./alexa-messages.js";
import { AlexaService } from "./alexa-service.js";
import { App, SETTINGS_URL } from "./app.js";
import { BrokerLink } from "./broker-link.js";
import { Calls } from "./calls.js";
import { HOST_CLOCK } from "./clock.js";
import { whereOf } from "./connection.js";
import { type GatewayCounts, noCounts } from "./counts.js";
import { Database, type HealthRow, type OrderRow, type SettingsRow, type StatusRow } from "./database.js";
import type { ImageRow } from "./database-images.js";
import { DrsClient } from "./drs-client.js";
import { DrsService } from "./drs-service.js";
import { GatewayError, reason } from "./errors.js";
import { enterImage } from "./images.js";
import { callTimeout, Leases } from "./leases.js";
import { startBroker } from "./local-broker.js";
import { LwaClient } from "./lwa-client.js";
import { type Gauge, Metrics } from "./metrics.js";
import { type AlexaModel, alexaModelOf, type DeviceModels } from "./models.js";
import { Notifications } from "./notifications.js";
import {
  checkOptions,
  type GatewayDevice,
  type GatewayOptions,
  TOKEN_KEYS_VARIABLE,
  withoutUser,
} from "./options.js";
import { Watchman } from "./readiness.js";
import { Redeemer } from "./redeemer.js";
import { Registrations, type TokenGrant } from "./registrations.js";
import type { Service } from "./service.js";
import { enterSettings, offsetOf, type SettingsEntry } from "./settings.js";
import { Sns } from "./sns.js";
import { Tokens } from "./tokens.js";
import { UP_FILTER, Uplink } from "./uplink.js";
import { parseTokenKeys, Vault } from "./vault.js";
import { Work } from "./work.js";
import { Worker } from "./worker.js";

export { type AlexaMessage, discoverResponse } from "./alexa-messages.js";
export type { AppDevice, AppErrorCode, AppSlot } from "./app.js";
export type { GatewayClock } from "./clock.js";
export type { AlexaOperation, DrsOperation, GatewayCounts, RefusalReason } from "./counts.js";
export {
  Database,
  type HealthRow,
  type OrderRow,
  type OrderRowState,
  type SettingsRow,
  type StatusRow,
} from "./database.js";
export type { ImageRow } from "./database-images.js";
export { GatewayError, type GatewayErrorCode } from "./errors.js";
export { type LocalBroker, type LocalBrokerOptions, startBroker } from "./local-broker.js";
export type { GatewayLogEntry } from "./log.js";
export type { LwaOptions } from "./lwa-client.js";
export type { AlexaModel, DeviceModel, DeviceModels, Measurement, SlotSensor } from "./models.js";
export type { AlexaOptions, GatewayDevice, GatewayHooks, GatewayOptions, GatewaySlot } from "./options.js";
export type { TokenGrant } from "./registrations.js";
export { SERVICE_DECIDES } from "./service.js";
export type { SettingsEntry, SlotEntry } from "./settings.js";
export type { SnsOptions } from "./sns.js";
export { parseTokenKeys, type TokenKey } from "./vault.js";

export interface Gateway {
  /** Where DRS's notifications are to be posted to. */
  readonly notificationUrl: string;
  /** Where `/healthz`, `/readyz` and `/metrics` are, without a slash at the end; undefined: nowhere. */
  readonly adminUrl: string | undefined;
  /** Where the backend of the maker's app asks, without a slash at the end; undefined: nowhere. */
  readonly appUrl: string | undefined;
  /** Where devices find the broker in this process; undefined: there is none. */
  readonly broker: { readonly host: string; readonly port: number } | undefined;
  /** A copy of the counts as they are now. */
  readonly counts: GatewayCounts;
  /** The newest status of each slot, of one device or of all. */
  statuses(serial?: string): Promise<StatusRow[]>;
  /** All orders, of one device or of all. */
  orders(serial?: string): Promise<OrderRow[]>;
  /**
   * Takes the tokens of a device whose customer has gone through Login with Amazon: from now on it is registered.
   *
   * @throws {GatewayError} `options`: no such device, or no tokens
   */
  authorize(serial: string, grant: TokenGrant): Promise<void>;
  /**
   * Unties a device from its customer's account. From now on nothing is ordered or reported for it; resolves when DRS
   * was told, or could not be told for the moment, which is repeated until it is.
   * Alexa is not told: that is for the customer or the skill.
   *
   * @throws {GatewayError} `options`: no such device
   */
  deregister(serial: string): Promise<void>;
  /**
   * A device as the maker's skill lists it in its answer to `Discover`; see {@link discoverResponse}.
   *
   * @throws {GatewayError} `options`: no such device, or its model is not with Alexa
   */
  discoveryEndpoint(serial: string): object;
  /**
   * The skill's answer to `ReportState` of a device.
   *
   * @param correlationToken of the directive
   * @throws {GatewayError} `options`: no such device, or its model is not with Alexa
   */
  stateReport(serial: string, correlationToken: string): Promise<AlexaMessage>;
  /** The newest health record of each device, of one or of all. */
  health(serial?: string): Promise<HealthRow[]>;
  /** The last health record of each day of a device, oldest first. */
  healthDays(serial: string): Promise<HealthRow[]>;
  /**
   * Enters settings for a device. They go down with every answer to it until it has told what became of them.
   *
   * @returns their number; see {@link settings}
   * @throws {GatewayError} `settings`: nothing is entered
   */
  setSettings(serial: string, entry: SettingsEntry): Promise<number>;
  /** Everything that was ever entered, with its times and what became of it, of one device or of all. */
  settings(serial?: string): Promise<SettingsRow[]>;
  /**
   * Offers a device an image of its firmware: `description` as `everfull image-sign` writes it.
   *
   * @returns the entry's number; see {@link images}
   * @throws {GatewayError} `image`: nothing is entered
   */
  offerImage(serial: string, description: Uint8Array): Promise<number>;
  /** Every image that was ever offered, and what became of the offer, of one device or of all. */
  images(serial?: string): Promise<ImageRow[]>;
  /** Resolves when nothing is being worked on. */
  idle(): Promise<void>;
  /**
   * Finishes what it is working on; calls to DRS that have not begun stay owed. Further calls change nothing.
   */
  close(): Promise<void>;
}

/** How long after a gateway has stopped without a word others take over, in milliseconds. */
const TAKEOVER_MS = 60_000;
/** Times in such a period that a gateway looks for what others have left behind. */
const LOOKS = 6;
/** Devices that are added to the database with one statement. */
const MOST_ADDED = 10_000;

/**
 * Resolves once it is subscribed at the broker and listens for notifications. Calls to DRS that an earlier
 * run left owed are made when they are due.
 *
 * @throws {GatewayError} `options`, `database`, `endpoint` or `broker`; nothing is left open
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { tokenKeys = keysOfEnvironment(), random = Math.random } = options;
  checkOptions(options, tokenKeys);
  const { clock = HOST_CLOCK, hooks = {}, log = () => {}, host = "127.0.0.1", port = 0 } = options;
  const devices = new Map(options.devices.map((device) => [device.serial, device]));
  const { models = {} } = options;
  const counts = noCounts();
  const work = new Work();
  /** What closing consists of, in reverse. */
  const closing: (() => unknown)[] = [];
  const closeAll = async () => {
    for (let step = closing.pop(); step; step = closing.pop()) await step();
  };

  try {
    let database: Database;
    if (options.database instanceof Database) database = options.database;
    else {
      database = await Database.open(options.database, (error) =>
        log({ level: "warn", event: "database-error", message: reason(error) }),
      );
      closing.push(() => database.close());
    }
    const vault = new Vault(tokenKeys);
    const { takeover = TAKEOVER_MS } = options;
    const timeout = callTimeout(takeover);
    const lwa = options.lwa && new LwaClient(options.lwa, counts, timeout);
    const tokens = new Tokens({ database, vault, lwa, clock, log });
    const alexaLwa = options.alexa?.lwa ? new LwaClient(options.alexa.lwa, counts, timeout) : lwa;
    const alexaTokens = new Tokens({ database, vault, lwa: alexaLwa, clock, log });
    for (let at = 0; at < options.devices.length; at += MOST_ADDED) {
      const added = options.devices.slice(at, at + MOST_ADDED);
      await database.direct.addDevices(added.map(({ serial }) => serial));
      await tokens.begin(added);
    }

    const localBroker = options.broker === undefined ? await startBroker(options.localBroker) : undefined;
    if (localBroker) closing.push(() => localBroker.close());

    const sns = options.sns && new Sns(options.sns, () => clock.now());
    // What DRS says of a device that has moved from there does not concern it any more.
    const atDrs = new Map([...devices].filter(([, device]) => !alexaModelOf(models, device)));
    let alarm: Alarm | undefined;
    const notifications = new Notifications({
      devices: atDrs,
      ...{ clock, sns, database, work, counts, log, host, port },
      wake: async () => alarm?.set(),
    });
    await notifications.listen();
    closing.push(() => notifications.close());
    const notificationUrl = notifications.url;

    const owner = `${hostname()}:${process.pid}:${randomBytes(4).toString("hex")}`;
    const leases = new Leases({ database, clock, owner, duration: takeover });
    const drs = new DrsClient({ base: options.drs, counts, timeout });
    const redeemer = new Redeemer({ database, vault, lwa, clock, log });
    const drsService = new DrsService({ database, drs, tokens, redeemer, clock, random, counts, log });
    const client = new AlexaClient({ ...options.alexa, counts, timeout });
    const alexaService = new AlexaService({
      database,
      client,
      models,
      tokens: alexaTokens,
      clock,
      random,
      counts,
      log,
    });
    const serviceOf = (device: GatewayDevice): Service =>
      alexaModelOf(models, device) ? alexaService : drsService;
    const worker = new Worker({ database, serviceOf, clock, random, log });
    const calls = new Calls({
      devices,
      clock,
      leases,
      worker,
      log,
      track: (job) => work.track(job),
    });
    /** Counts as work: no message that is being handled waits for it. */
    const drain = (serial: string) => {
      const done = calls.drain(serial);
      work.track(done);
      return done;
    };
    const bell = new Alarm({
      database,
      clock,
      devices,
      leases,
      log,
      look: takeover / LOOKS,
      drain,
      isBusy: () => calls.putOff > 0,
    });
    alarm = bell;
    const registrations = new Registrations({
      ...{ devices, database, serviceOf, vault, clock, drain },
      alarm: bell,
    });
    const metrics = new Metrics();
    closing.push(() => metrics.close());

    const uplink = new Uplink({
      devices,
      clock,
      database,
      serviceOf,
      calls,
      alarm: bell,
      redeemer,
      takeover,
      publish: (topic, payload) => link.publish(topic, payload),
      counts,
      hooks,
      log,
    });
    const receive = (topic: string, payload: Uint8Array) => {
      const arrived = performance.now();
      const since = () => (performance.now() - arrived) / 1000;
      const taken = work.offer(topic, async (release) => {
        const failed = counts.failed;
        await uplink.handle(topic, payload, () => {
          release();
          metrics.answered.observe(since());
        });
        metrics.done.observe(since());
        if (counts.failed > failed) void watchman.check();
      });
      if (!taken) uplink.drop(topic, payload);
    };
    const link = await BrokerLink.open({
      url: localBroker?.gatewayUrl ?? options.broker!,
      filter: options.group === undefined ? UP_FILTER : `$share/${options.group}/${UP_FILTER}`,
      log,
      received: receive,
      room: () => work.room(),
    });
    closing.push(() => link.close());
    closing.push(() => work.idle());

    const watchman = new Watchman({ database, link, log });
    let adminUrl: string | undefined;
    if (options.admin) {
      const admin = new Admin({
        host: options.admin.host ?? "127.0.0.1",
        port: options.admin.port ?? 0,
        readiness: () => watchman.check(),
        metrics: () => metrics.text(counts, gauges(work, calls, link)),
      });
      await admin.listen();
      adminUrl = admin.url;
      closing.push(() => admin.close());
    }

    let appUrl: string | undefined;
    if (options.app) {
      const app = new App({
        host: options.app.host ?? "127.0.0.1",
        port: options.app.port ?? 0,
        token: options.app.token,
        settingsUrl: options.app.settingsUrl ?? SETTINGS_URL,
        ...{ devices, database, redeemer, registrations, drain, log },
        serviceOf,
        withToken: (device, make) => calls.turn(device.serial, () => tokens.call(device, make)),
        wake: () => bell.set(),
      });
      await app.listen();
      appUrl = app.url;
      closing.push(() => app.close());
    }

    closing.push(() => {
      bell.stop();
      calls.stop();
      worker.stop();
    });
    await bell.start();
    await link.join();
    closing.push(() => link.leave());
    closing.push(() => watchman.close());
    log({
      level: "info",
      event: "started",
      broker: localBroker ? `mqtt://${localBroker.host}:${localBroker.port}` : withoutUser(options.broker!),
      database: options.database instanceof Database ? undefined : whereOf(options.database),
      group: options.group,
      notificationUrl,
      adminUrl,
      appUrl,
    });

    let closed: Promise<void> | undefined;
    return {
      notificationUrl,
      adminUrl,
      appUrl,
      broker: localBroker && { host: localBroker.host, port: localBroker.port },
      get counts() {
        return structuredClone(counts);
      },
      statuses: (serial) => database.direct.statuses(serial),
      orders: (serial) => database.direct.orders(serial),
      authorize: (serial, grant) => registrations.authorize(serial, grant),
      deregister: (serial) => registrations.deregister(serial),
      discoveryEndpoint: (serial) => discoveryEndpoint(...withAlexa(devices, models, serial)),
      stateReport: async (serial, correlationToken) => {
        const [device, model] = withAlexa(devices, models, serial);
        const statuses = await database.direct.statuses(serial);
        const utcOffsetMinutes = await offsetOf(database.direct, device);
        const messageId = randomUUID();
        return stateReport({ device, model, statuses, utcOffsetMinutes, correlationToken, messageId });
      },
      health: (serial) => database.direct.health(serial),
      healthDays: (serial) => database.direct.healthDays(serial),
      setSettings: async (serial, entry) => {
        const device = devices.get(serial);
        if (!device) throw new GatewayError("settings", `device "${serial}" is not registered`);
        const number = await enterSettings(database, device, entry, Math.floor(clock.now()));
        log({ level: "info", event: "settings-entered", serial, number });
        return number;
      },
      settings: (serial) => database.direct.settings(serial),
      offerImage: async (serial, description) => {
        if (!devices.has(serial)) throw new GatewayError("image", `device "${serial}" is not registered`);
        const now = Math.floor(clock.now());
        const number = await database.transaction((queries) => enterImage(queries, serial, description, now));
        log({ level: "info", event: "image-entered", serial, number });
        return number;
      },
      images: (serial) => database.direct.images.list(serial),
      idle: () => work.idle(),
      close: () => {
        closed ??= closeAll();
        return closed;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** @throws {GatewayError} `options` */
function withAlexa(
  devices: ReadonlyMap<string, GatewayDevice>,
  models: DeviceModels,
  serial: string,
): [GatewayDevice, AlexaModel] {
  const device = devices.get(serial);
  const model = device && alexaModelOf(models, device);
  if (!model) throw new GatewayError("options", `device "${serial}": none with Alexa has this serial`);
  return [device, model];
}

function keysOfEnvironment() {
  const text = process.env[TOKEN_KEYS_VARIABLE];
  return text === undefined || text === "" ? [] : parseTokenKeys(text);
}

function gauges(work: Work, calls: Calls, link: BrokerLink): Gauge[] {
  return [
    { name: "everfull_messages_held", help: "Taken in and not yet answered", value: work.held },
    { name: "everfull_calls_running", help: "Devices whose calls are being made", value: calls.running },
    { name: "everfull_calls_put_off", help: "Devices whose calls wait for room", value: calls.putOff },
    { name: "everfull_broker_up", help: "1: connected and subscribed", value: link.isUp ? 1 : 0 },
  ];
}
