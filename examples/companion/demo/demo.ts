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
const SERIAL = "SUDS-0001";
const NAME = "Suds";
const COMPOSITE_ID = "amzn1.dash.v1.composite.5ad50001-0000-4000-8000-000000000001";
const SUPPORT_URL = "https://suds.example/help";
/** Grams. */
const SLOT = Object.freeze({ id: "soap", unit: "g", stepsPerUnit: 1, capacity: 1000, refill: 1000 });
const RATED_LIFE = 30;

export interface DemoOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Of app, device's display and sandbox; default free ones. */
  readonly ports?: { readonly app: number; readonly display: number; readonly sandbox: number };
  /** Default `device`. */
  readonly flow?: Flow;
  /** Whether time passes by itself; default it is moved by the display and `clock`. */
  readonly ticks?: boolean;
  readonly sandbox?: Pick<SandboxOptions, "plan" | "customers">;
  readonly onWarning?: (text: string) => void;
}

export interface Demo {
  /** Where the app begins. */
  readonly appUrl: string;
  readonly displayUrl: string;
  readonly device: DemoDevice;
  readonly gateway: Gateway;
  readonly sandbox: Sandbox;
  readonly clock: DemoClock;
  close(): Promise<void>;
}

/** Starts a service, a gateway, a device and its app in this process, on one clock. What has been opened is closed when one of them fails. */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { host = "127.0.0.1", flow = "device", onWarning = () => {} } = options;
  const ports = options.ports ?? { app: 0, display: 0, sandbox: 0 };
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (let step = closing.pop(); step; step = closing.pop()) await step();
  };
  const onError = (error: unknown) => onWarning(error instanceof Error ? error.message : String(error));
  try {
    const clock = new DemoClock();
    const server = await openServer({ host, port: ports.app, onError });
    closing.push(() => server.close());
    const display = await openServer({ host, port: ports.display, onError });
    closing.push(() => display.close());

    const [client] = [HOUSEHOLD.lwa ?? []].flat();
    const models = (HOUSEHOLD.models ?? []).map((model) =>
      model.id === MODEL ? { ...model, name: NAME, compositeId: COMPOSITE_ID } : model,
    );
    const sandbox = await startSandbox({
      ...HOUSEHOLD,
      ...options.sandbox,
      clock,
      host,
      port: ports.sandbox,
      lwa: { ...client!, name: NAME, returnUrls: [callbackUrl(server.url)] },
      models,
      handshake: true,
      run: randomUUID(),
    });
    closing.push(() => sandbox.close());

    const key = { number: 1, secret: new Uint8Array(randomBytes(32)) };
    const appToken = randomBytes(24).toString("base64url");
    const flights = new Flights(clock);
    const network = new Network({
      activity: clock.activity,
      published: (topic, payload) => flights.begin(topic, payload),
      delivered: (topic, payload) => flights.end(topic, payload),
      left: () => flights.endAll(`everfull/${SERIAL}/down`),
    });
    const { clientId, clientSecret } = client!;
    const gateway = await startGateway({
      clock,
      devices: [{ serial: SERIAL, model: MODEL, key, slots: [SLOT], utcOffsetMinutes: 0 }],
      drs: sandbox.url,
      lwa: { clientId, clientSecret, tokenUrl: `${sandbox.url}/auth/o2/token` },
      tokenKeys: [{ number: 1, secret: new Uint8Array(randomBytes(32)) }],
      sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
      app: { token: appToken, settingsUrl: `${sandbox.url}/settings` },
      hooks: {
        handled: (topic, payload) => flights.end(topic, payload),
        publishing: (topic, payload) => {
          if (network.listensTo(topic)) flights.begin(topic, payload);
        },
      },
      log: ({ level, event, ...more }) => {
        if (level !== "info") onWarning(`gateway: ${event} ${JSON.stringify(more)}`);
      },
    });
    closing.push(() => gateway.close());
    sandbox.setModelNotificationUrl(MODEL, gateway.notificationUrl);

    const device = new DemoDevice({
      clock,
      network,
      broker: gateway.broker!,
      identity: { serial: SERIAL, model: MODEL, key },
      slot: { ...SLOT, ratedLife: RATED_LIFE },
      onWarning: (text) => onWarning(`device: ${text}`),
    });
    device.start();
    closing.push(() => device.cutPower());

    serveCompanion({
      server,
      gateway: { url: gateway.appUrl!, token: appToken },
      clientId,
      flow,
      models: { [MODEL]: { name: NAME, compositeId: COMPOSITE_ID, slots: { [SLOT.id]: "Hand soap" } } },
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
    if (options.ticks) clock.run(onError);
    closing.push(() => clock.stop());
    return { appUrl: server.url, displayUrl: display.url, device, gateway, sandbox, clock, close };
  } catch (error) {
    await close();
    throw error;
  }
}
