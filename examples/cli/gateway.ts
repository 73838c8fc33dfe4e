import { readFileSync, statSync } from "node:fs";
import type { DeviceModel, GatewayLogEntry, GatewayOptions } from "../gateway/index.js";
import type { Terminal } from "./terminal.js";
import { type Command, type OptionUse, UsageError } from "./usage.js";

const DRS = "https://dash-replenishment-service-na.amazon.com";
const ALEXA_EVENTS = "https://api.amazonalexa.com/v3/events";
const DATABASE = "everfull-data";
const LISTEN = "127.0.0.1:1883";
const NOTIFICATIONS = "127.0.0.1:8080";
const ADMIN = "127.0.0.1:9090";
/** Longest time that closing may take, in milliseconds: what is under way may wait for answers that long. */
const CLOSE_MS = 30_000;

/** Environment variables: for what other users of the machine must not see in the list of processes. */
const VARIABLES = Object.freeze({
  database: "EVERFULL_DATABASE",
  broker: "EVERFULL_BROKER",
  brokerPassword: "EVERFULL_BROKER_PASSWORD",
  tokenKeys: "EVERFULL_TOKEN_KEYS",
  lwaClientSecret: "EVERFULL_LWA_CLIENT_SECRET",
  appToken: "EVERFULL_APP_TOKEN",
  alexaClientSecret: "EVERFULL_ALEXA_CLIENT_SECRET",
});

const OPTIONS: readonly OptionUse[] = [
  {
    name: "devices",
    value: "FILE[,FILE]",
    about: "required: the devices with their keys and tokens, JSON; see examples/gateway/README.md",
  },
  {
    name: "database",
    value: "WHERE",
    about: `a directory for one gateway, or postgres://USER@HOST/NAME for several\n(default: ${VARIABLES.database}, else ${DATABASE}); its password comes from PGPASSWORD or PGPASSFILE`,
  },
  {
    name: "broker",
    value: "URL",
    about: `mqtt://USER@HOST:PORT or mqtts://, MQTT 3.1.1 or 5 (default: ${VARIABLES.broker}, else one in this process)`,
  },
  {
    name: "broker-password-file",
    value: "FILE",
    about: `its first line is the broker's password (default: ${VARIABLES.brokerPassword})`,
  },
  {
    name: "listen",
    value: "HOST:PORT",
    about: `of the broker in this process (default ${LISTEN})`,
  },
  {
    name: "group",
    value: "NAME",
    about: "share the devices' messages with the other gateways of this name; needs --broker and PostgreSQL",
  },
  { name: "drs", value: "URL", about: `base URL of DRS (default ${DRS})` },
  {
    name: "lwa-client-id",
    value: "ID",
    about: `Login with Amazon, for devices with a refresh token; its secret comes from ${VARIABLES.lwaClientSecret},\nthe keys that tokens are stored under from ${VARIABLES.tokenKeys}`,
  },
  {
    name: "alexa-events",
    value: "URL",
    about: `where inventory reports go, for models that are with Alexa (default ${ALEXA_EVENTS})`,
  },
  {
    name: "alexa-client-id",
    value: "ID",
    about: `Login with Amazon of the skill (default: as --lwa-client-id); its secret comes from\n${VARIABLES.alexaClientSecret}`,
  },
  {
    name: "sns-topic",
    value: "ARN[,ARN]",
    about: "topics whose signed notifications are taken (default: none is)",
  },
  {
    name: "sns-origin",
    value: "URL",
    about:
      "origin of a stand-in for SNS, such as the sandbox's: where its certificates are (default: Amazon's)",
  },
  {
    name: "notifications",
    value: "HOST:PORT",
    about: `where order news is posted to (default ${NOTIFICATIONS})`,
  },
  {
    name: "admin",
    value: "HOST:PORT",
    about: `/healthz, /readyz and /metrics; not for the public (default ${ADMIN})`,
  },
  {
    name: "app",
    value: "HOST:PORT",
    about: `where the backend of the maker's app asks; its bearer token comes from ${VARIABLES.appToken} (default: nowhere)`,
  },
  {
    name: "settings-url",
    value: "URL",
    about: "page that settings links for the app lead to (default: Amazon's)",
  },
  {
    name: "takeover",
    value: "SECONDS",
    about: "after so long others make the calls of a gateway that died, 1 to 86400 (default 60)",
  },
];

/** What ends the command: the first is asked to close, the second does not wait. */
export interface Signals {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** The `gateway` command: runs until it is sent SIGTERM or SIGINT. */
export function gatewayCommand(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  signals: Signals = process,
): Command {
  return {
    name: "gateway",
    about: "Run the cloud end: take the devices' messages, order at DRS, answer",
    options: OPTIONS,
    async run(values, terminal) {
      const settings = readSettings(values, environment);
      const { readDevices } = await import("../gateway/devices-file.js");
      const { startGateway } = await import("../gateway/index.js");
      const files = settings.devices.map(readDevices);
      const devices = files.flatMap((each) => each.devices);
      const models: Record<string, DeviceModel> = {};
      for (const [name, model] of files.flatMap((each) => Object.entries(each.models))) {
        if (Object.hasOwn(models, name)) throw new UsageError(`--devices: model "${name}" is in two files`);
        models[name] = model;
      }
      for (const file of settings.devices) warnOfReaders(file, terminal);
      const stop = stopSignal(signals);
      try {
        const gateway = await startGateway({
          ...settings.options,
          clock: { now: Date.now },
          devices,
          models,
          log: (entry) => terminal.out(`${line(entry)}\n`),
        });
        const signal = await stop.first;
        terminal.out(`${line({ level: "info", event: "closing", signal })}\n`);
        const closed = await Promise.race([
          gateway.close().then(() => true),
          stop.second.then(() => false),
          after(CLOSE_MS).then(() => false),
        ]);
        terminal.out(
          `${line({ level: closed ? "info" : "error", event: closed ? "closed" : "not-closed" })}\n`,
        );
        return closed ? 0 : 1;
      } finally {
        stop.end();
      }
    },
  };
}

interface Settings {
  readonly devices: readonly string[];
  readonly options: Omit<GatewayOptions, "clock" | "devices" | "models" | "log">;
}

/** @throws {UsageError} the option, what is accepted, and what was given unless that may be a secret */
function readSettings(
  values: ReadonlyMap<string, string>,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const devices = values.get("devices");
  if (!devices) throw new UsageError("--devices FILE is required");
  for (const name of ["database", "broker"])
    if (/\/\/[^/@]*:[^/@]*@/.test(values.get(name) ?? ""))
      throw new UsageError(
        `--${name}: no password is accepted here, where every user of the machine can read it: see --help`,
      );
  const broker = values.get("broker") || environment[VARIABLES.broker] || undefined;
  if (broker !== undefined && values.has("listen"))
    throw new UsageError("--listen: not accepted together with a broker elsewhere");
  const password = brokerPassword(values, environment);
  if (password !== undefined && broker === undefined)
    throw new UsageError("a broker password is given, but no --broker");
  const group = values.get("group");
  const takeover = values.get("takeover");
  if (
    takeover !== undefined &&
    !(/^\d{1,5}$/.test(takeover) && Number(takeover) >= 1 && Number(takeover) <= 86_400)
  )
    throw new UsageError(`--takeover: 1 to 86400 seconds are accepted (got "${takeover}")`);
  return {
    devices: devices.split(","),
    options: {
      database: values.get("database") || environment[VARIABLES.database] || DATABASE,
      drs: values.get("drs") ?? DRS,
      ...(broker === undefined
        ? { localBroker: hostAndPort("listen", values.get("listen") ?? LISTEN) }
        : { broker: withPassword(broker, password) }),
      ...lwaSettings("lwa-client-id", VARIABLES.lwaClientSecret, values, environment),
      alexa: {
        events: values.get("alexa-events") ?? ALEXA_EVENTS,
        ...lwaSettings("alexa-client-id", VARIABLES.alexaClientSecret, values, environment),
      },
      ...snsSettings(values),
      ...(group !== undefined && { group }),
      ...(takeover !== undefined && { takeover: Number(takeover) * 1000 }),
      ...hostAndPort("notifications", values.get("notifications") ?? NOTIFICATIONS),
      admin: hostAndPort("admin", values.get("admin") ?? ADMIN),
      ...appSettings(values, environment),
    },
  };
}

/** @throws {UsageError} an origin without a topic */
function snsSettings(values: ReadonlyMap<string, string>): Pick<GatewayOptions, "sns"> {
  const topics = values.get("sns-topic");
  const origin = values.get("sns-origin");
  if (topics !== undefined)
    return { sns: { topicArns: topics.split(","), ...(origin !== undefined && { origin }) } };
  if (origin !== undefined) throw new UsageError("--sns-origin: not accepted without --sns-topic");
  return {};
}

/** @throws {UsageError} one of the two is missing */
function appSettings(
  values: ReadonlyMap<string, string>,
  environment: Readonly<Record<string, string | undefined>>,
): Pick<GatewayOptions, "app"> {
  const app = values.get("app");
  const settingsUrl = values.get("settings-url");
  if (app === undefined) {
    if (settingsUrl !== undefined) throw new UsageError("--settings-url: not accepted without --app");
    return {};
  }
  const token = environment[VARIABLES.appToken];
  if (!token) throw new UsageError(`--app: needs ${VARIABLES.appToken} in the environment`);
  return { app: { ...hostAndPort("app", app), token, ...(settingsUrl !== undefined && { settingsUrl }) } };
}

function brokerPassword(
  values: ReadonlyMap<string, string>,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const file = values.get("broker-password-file");
  if (file === undefined) return environment[VARIABLES.brokerPassword] || undefined;
  try {
    return readFileSync(file, "utf8").split(/\r?\n/, 1)[0]!;
  } catch (error) {
    throw new UsageError(`--broker-password-file: cannot be read: ${(error as Error).message}`);
  }
}

/** @throws {UsageError} one of the two is missing */
function lwaSettings(
  option: string,
  variable: string,
  values: ReadonlyMap<string, string>,
  environment: Readonly<Record<string, string | undefined>>,
): Pick<GatewayOptions, "lwa"> {
  const clientId = values.get(option);
  if (clientId === undefined) return {};
  const clientSecret = environment[variable];
  if (!clientSecret) throw new UsageError(`--${option}: needs ${variable} in the environment`);
  return { lwa: { clientId, clientSecret } };
}

/** @throws {UsageError} it has no user, or is no URL */
function withPassword(broker: string, password: string | undefined): string {
  if (password === undefined) return broker;
  const url = URL.canParse(broker) ? new URL(broker) : undefined;
  if (!url || url.username === "")
    throw new UsageError("--broker: with a password, mqtt://USER@HOST:PORT or mqtts:// is accepted");
  url.password = encodeURIComponent(password);
  return url.href;
}

/** An IPv6 address stands in brackets. */
function hostAndPort(name: string, text: string): { host: string; port: number } {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (!found || Number(found[3]) > 65_535)
    throw new UsageError(`--${name}: HOST:PORT is accepted (got "${text}")`);
  return { host: (found[1] ?? found[2])!, port: Number(found[3]) };
}

/** The file holds keys. */
function warnOfReaders(file: string, terminal: Terminal): void {
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0)
    terminal.err(`everfull gateway: ${file} can be read by others; chmod 600 keeps its keys secret\n`);
}

function line(entry: GatewayLogEntry): string {
  return JSON.stringify({ time: new Date().toISOString(), ...entry });
}

function stopSignal(signals: Signals) {
  let [one, two] = [(_: NodeJS.Signals) => {}, () => {}];
  let asked = false;
  const first = new Promise<NodeJS.Signals>((resolve) => {
    one = resolve;
  });
  const second = new Promise<void>((resolve) => {
    two = resolve;
  });
  const listeners = (["SIGTERM", "SIGINT"] as const).map((signal) => {
    const listener = () => {
      if (asked) two();
      asked = true;
      one(signal);
    };
    signals.on(signal, listener);
    return () => signals.off(signal, listener);
  });
  return { first, second, end: () => listeners.forEach((off) => void off()) };
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
