import { randomUUID } from "node:crypto";
import type { SandboxLogEntry } from "../drs-sandbox/index.js";
import { endSignal } from "./end-signal.js";
import type { Signals } from "./gateway.js";
import { type Command, UsageError } from "./usage.js";

const LISTEN = "127.0.0.1:8060";

/** The `sandbox` command: runs until it is sent SIGTERM or SIGINT. */
export function sandboxCommand(signals: Signals = process): Command {
  return {
    name: "sandbox",
    about: "Run a local stand-in for Amazon's side: sign-in, pages, DRS and its notifications",
    options: [
      {
        name: "settings",
        value: "FILE",
        about:
          "models, customers, apps and devices, JSON; see examples/drs-sandbox/README.md\n(default: a soap dispenser, a printer and two customers)",
      },
      {
        name: "listen",
        value: "HOST:PORT",
        about: `where it is reached (default ${LISTEN}); not for the public`,
      },
      {
        name: "notifications",
        value: "URL",
        about: "where SNS posts to for models that do not say so themselves, as http://127.0.0.1:8080/sns",
      },
      {
        name: "return-url",
        value: "URL[,URL]",
        about: "Allowed Return URLs of every app, in place of those in its settings",
      },
      {
        name: "clock",
        value: "real|virtual",
        about:
          "time passes (default), or only moves when POST /sandbox/clock says so; both can be moved ahead",
      },
    ],
    async run(values, terminal) {
      const clockKind = values.get("clock") ?? "real";
      if (clockKind !== "real" && clockKind !== "virtual")
        throw new UsageError(`--clock: real or virtual is accepted (got "${clockKind}")`);
      const listen = hostAndPort(values.get("listen") ?? LISTEN);
      const { AdjustableClock, startSandbox } = await import("../drs-sandbox/index.js");
      const { readSettings } = await import("../drs-sandbox/settings-file.js");
      const { HOUSEHOLD } = await import("../drs-sandbox/household.js");
      const file = values.get("settings");
      const settings = file === undefined ? HOUSEHOLD : readSettings(file);
      const url = values.get("notifications");
      const returnUrls = values.get("return-url")?.split(",");
      const apps = [settings.lwa ?? []].flat().map((app) => (returnUrls ? { ...app, returnUrls } : app));
      const models = (settings.models ?? []).map((model) =>
        url === undefined ? model : { notificationUrl: url, ...model },
      );
      const clock = new AdjustableClock({
        ticks: clockKind === "real",
        onError: (error) => terminal.err(`${error instanceof Error ? error.message : error}\n`),
      });
      const ended = endSignal(signals);
      try {
        const sandbox = await startSandbox({
          handshake: true,
          ...settings,
          ...listen,
          lwa: apps,
          models,
          clock,
          // a gateway that remembers ids must not take this run for the last one
          run: randomUUID(),
          log: (entry) => terminal.out(`${line(entry)}\n`),
        });
        const rows: [string, string][] = [
          ["pages", `${sandbox.url}/`],
          ["sign-in", `${sandbox.url}/ap/oa`],
          ["tokens", `${sandbox.url}/auth/o2/token`],
          ["service", sandbox.url],
          ["settings", `${sandbox.url}/settings`],
          ["devices", `${sandbox.url}/mn/dcw/myx.html`],
          ["faults, clock", `${sandbox.url}/sandbox`],
          ["SNS topic", sandbox.topicArn],
          ...apps.flatMap(({ clientId, clientSecret, returnUrls: urls = [] }): [string, string][] => [
            ["client id", clientId],
            ["client secret", clientSecret],
            ...urls.map((each): [string, string] => ["return URL", each]),
          ]),
        ];
        terminal.out(
          `A local sandbox, not Amazon:\n${rows.map(([name, value]) => `  ${name.padEnd(15)}${value}\n`).join("")}`,
        );
        await ended.signal;
        await sandbox.close();
        return 0;
      } finally {
        ended.end();
      }
    },
  };
}

function line(entry: SandboxLogEntry): string {
  const time = new Date(entry.at).toISOString();
  switch (entry.kind) {
    case "request":
      return `${time} ${entry.method} ${entry.path} ${entry.status}${entry.message === undefined ? "" : ` ${entry.message}`}`;
    case "order":
      return `${time} order of ${entry.serial}, ${entry.slotId}: ${entry.state}`;
    case "notification":
      return `${time} ${entry.type}: ${entry.outcome} (${entry.answer})`;
  }
}

/** An IPv6 address stands in brackets. */
function hostAndPort(text: string): { host: string; port: number } {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (!found || Number(found[3]) > 65_535)
    throw new UsageError(`--listen: HOST:PORT is accepted (got "${text}")`);
  return { host: (found[1] ?? found[2])!, port: Number(found[3]) };
}
