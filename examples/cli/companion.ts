import { endSignal } from "./end-signal.js";
import type { Signals } from "./gateway.js";
import { type Command, UsageError } from "./usage.js";

const PORTS = 8070;
const SERIAL = "SUDS-0001";

/** The `companion` command: runs until it is sent SIGTERM or SIGINT. */
export function companionCommand(signals: Signals = process): Command {
  return {
    name: "companion",
    about: "Run the app of a device maker with a simulated device, its gateway and the sandbox",
    options: [
      {
        name: "port",
        value: "PORT",
        about: `of the app; the device's display and the sandbox get the next two (default ${PORTS}; 0: free ones)`,
      },
      {
        name: "flow",
        value: "device|web",
        about:
          "who redeems the customer's code: for the device, by its pairing code (default), or the gateway alone",
      },
      {
        name: "clock",
        value: "real|virtual",
        about: "time passes (default), or only moves on the device's display; both can be moved ahead there",
      },
    ],
    async run(values, terminal) {
      const port = portOf(values.get("port") ?? String(PORTS));
      const [app, display, sandbox] = [0, 1, 2].map((more) => (port === 0 ? 0 : port + more));
      const flow = choice("flow", values.get("flow") ?? "device", ["device", "web"] as const);
      const clock = choice("clock", values.get("clock") ?? "real", ["real", "virtual"] as const);
      const { startDemo } = await import("../companion/index.js");
      const ended = endSignal(signals);
      try {
        const demo = await startDemo({
          homes: [{ serial: SERIAL, flow, ports: { app: app!, display: display! } }],
          sandbox: { port: sandbox! },
          ticks: clock === "real",
          onWarning: (text) => terminal.err(`${text}\n`),
        });
        const [home] = demo.homes;
        const rows = [
          ["app, open it first", `${home!.appUrl}/`],
          ["device's display", `${home!.displayUrl}/`],
          ["customer at Amazon", `${demo.sandbox.url}/`],
        ];
        terminal.out(
          `A device maker's app, with a local sandbox in Amazon's place:\n${rows.map(([name, url]) => `  ${name!.padEnd(20)}${url}\n`).join("")}`,
        );
        await ended.signal;
        await demo.close();
        return 0;
      } finally {
        ended.end();
      }
    },
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!(/^\d{1,5}$/.test(text) && port <= 65_533))
    throw new UsageError(`--port: 0 to 65533 is accepted (got "${text}")`);
  return port;
}

function choice<Value extends string>(name: string, given: string, accepted: readonly Value[]): Value {
  const value = accepted.find((each) => each === given);
  if (value === undefined)
    throw new UsageError(`--${name}: ${accepted.join(" or ")} is accepted (got "${given}")`);
  return value;
}
