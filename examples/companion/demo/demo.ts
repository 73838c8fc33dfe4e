import { randomBytes, randomUUID } from "node:crypto";
import { HOUSEHOLD } from "../../drs-sandbox/household.js";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../drs-sandbox/index.js";
import { type Gateway, startGateway } from "../../gateway/index.js";
import { Flights } from "../../household/flights.js";
import type { Flow } from "../app.js";
import { callbackUrl, serveCompanion } from "../companion.js";
import { openServer } from "../web/server.js";
import { DemoClock } from "./clock.js";
import { DemoDevice } from "./device.js";
import { displayHandler } from "./display.js";
import { Network } from "./network.js";

const MODEL = "dispenser-1";
const NAME = "Suds";
const SUPPORT_URL = "https://suds.example/help";
/** Grams. */
const SLOT = Object.freeze({ id: "soap", unit: "g", stepsPerUnit: 1, capacity: 1000, refill: 1000 });
const RATED_LIFE = 30;

/** One customer's: a device with its display, and the app. */
export interface HomeOptions {
  /** Of the device. */
  readonly serial: string;
  /** Default `device`. */
  readonly flow?: Flow;
  /** Of app and display; default free ones. */
  readonly ports?: { readonly app: number; readonly display: number };
}

export interface DemoHome {
  /** Where the app begins. */
  readonly appUrl: string;
  readonly displayUrl: string;
  readonly device: DemoDevice;
}

export interface DemoOptions {
  readonly homes: readonly HomeOptions[];
  /** Of everything that listens; default 127.0.0.1. */
  readonly host?: string;
  /** Of the sandbox: its port, and what else is not to be the default. */
  readonly sandbox?: Pick<SandboxOptions, "port" | "plan" | "customers">;
  /** Whether time passes by itself; default it is moved by the displays and `clock`. */
  readonly ticks?: boolean;
  readonly onWarning?: (text: string) => void;
}

export interface Demo {
  /** In the order of the options. */
  readonly homes: readonly DemoHome[];
  readonly gateway: Gateway;
  readonly sandbox: Sandbox;
  readonly clock: DemoClock;
  close(): Promise<void>;
}

/** Starts a service, a gateway, and devices with their apps in this process, on one clock. What has been opened is closed when one of them fails. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { host = "127.0.0.1", onWarning = () => {} } = options;
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (let step = closing.pop(); step; step = closing.pop()) await step();
  };
  const onError = (error: unknown) => onWarning(error instanceof Error ? error.message : String(error));
  const open = async (port = 0) => {
    const server = await openServer({ host, port, onError });
    closing.push(() => server.close());
    return server;
  };
  try {
    const clock = new DemoClock();
    const flights = new Flights(clock);
    const places = await Promise.all(
      options.homes.map(async ({ serial, flow = "device", ports }) => ({
        serial,
        flow,
        key: { number: 1, secret: new Uint8Array(randomBytes(32)) },
        server: await open(ports?.app),
        display: await open(ports?.display),
        network: new Network({
          activity: clock.activity,
          published: (topic, payload) => flights.begin(topic, payload),
          delivered: (topic, payload) => flights.end(topic, payload),
          left: () => flights.endAll(`everfull/${serial}/down`),
        }),
      })),
    );

    const client = { ...[HOUSEHOLD.lwa ?? []].flat()[0]!, name: NAME };
    const { clientId, clientSecret } = client;
    const model = { ...HOUSEHOLD.models!.find(({ id }) => id === MODEL)!, name: NAME };
    const sandbox = await startSandbox({
      ...HOUSEHOLD,
      ...options.sandbox,
      clock,
      host,
      lwa: { ...client, returnUrls: places.map(({ server }) => callbackUrl(server.url)) },
      models: [model],
      handshake: true,
      run: randomUUID(),
    });
    closing.push(() => sandbox.close());

    const app = { token: randomBytes(24).toString("base64url"), settingsUrl: `${sandbox.url}/settings` };
    const gateway = await startGateway({
      clock,
      devices: places.map(({ serial, key }) => ({
        ...{ serial, key, model: MODEL, slots: [SLOT], utcOffsetMinutes: 0 },
      })),
      drs: sandbox.url,
      lwa: { clientId, clientSecret, tokenUrl: `${sandbox.url}/auth/o2/token` },
      tokenKeys: [{ number: 1, secret: new Uint8Array(randomBytes(32)) }],
      sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
      app,
      hooks: {
        handled: (topic, payload) => flights.end(topic, payload),
        publishing: (topic, payload) => {
          if (places.some(({ network }) => network.listensTo(topic))) flights.begin(topic, payload);
        },
      },
      log: ({ level, event, ...more }) => {
        if (level === "error") onWarning(`gateway: ${event} ${JSON.stringify(more)}`);
      },
    });
    closing.push(() => gateway.close());
    sandbox.setModelNotificationUrl(MODEL, gateway.notificationUrl);

    const homes = places.map(({ serial, flow, key, server, display, network }): DemoHome => {
      const device = new DemoDevice({
        clock,
        network,
        broker: gateway.broker!,
        identity: { serial, model: MODEL, key },
        slot: { ...SLOT, ratedLife: RATED_LIFE },
        onWarning: (text) => onWarning(`${serial}: ${text}`),
      });
      device.start();
      closing.push(() => device.cutPower());
      serveCompanion({
        server,
        gateway: { url: gateway.appUrl!, token: app.token },
        clientId,
        flow,
        models: {
          [MODEL]: {
            name: NAME,
            compositeId: model.compositeId!,
            slots: Object.fromEntries(model.slots.map(({ id, name = id }) => [id, name])),
          },
        },
        find: () => (device.everfull ? [device] : []),
        brand: "Suds Home",
        supportUrl: SUPPORT_URL,
        amazon: { authorizeUrl: `${sandbox.url}/ap/oa`, teaserUrl: `${sandbox.url}/teaser` },
      });
      display.serve(
        displayHandler({
          ...{ device, clock, name: NAME, capacity: SLOT.capacity, unit: SLOT.unit, appUrl: server.url },
          idle: () => gateway.idle(),
        }),
      );
      return { appUrl: server.url, displayUrl: display.url, device };
    });
    if (options.ticks) clock.run(onError);
    closing.push(() => clock.stop());
    return { homes, gateway, sandbox, clock, close };
  } catch (error) {
    await close();
    throw error;
  }
}
