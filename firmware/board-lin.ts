import type { Board } from "../hal/boards/board.js";
import { LinBoard } from "../hal/boards/lin/board.js";
import { FileStore } from "../hal/boards/lin/settings-store.js";
import type { SimulatedUse } from "../hal/boards/lin/simulated-io.js";
import { certificateOf } from "../hal/boards/moddable/certificate.js";
import { SetupPort } from "../hal/boards/moddable/setup-port.js";
import { SetupServer } from "../hal/boards/moddable/setup-server.js";
import { schedule } from "../hal/boards/moddable/time.js";
import { IDENTITY, Setup } from "../hal/boards/setup/setup.js";
import { flagOf, jsonOf, numberOf, type Settings, serversOf, textOf } from "./settings.js";

/** The module `firmware/board` in Moddable's simulator. */
export function openBoard(settings: Settings): Board {
  const use = jsonOf<SimulatedUse>(settings, "use");
  return new LinBoard({
    journal: textOf(settings, "journal", "everfull-ledger.bin"),
    hasClock: flagOf(settings, "hasClock", true),
    servers: serversOf(settings),
    ...(use ? { use } : {}),
    ...(settings.timeServers === undefined
      ? {}
      : {
          timeServers: textOf(settings, "timeServers").split(","),
          timePort: numberOf(settings, "timePort", 123),
        }),
    ...(settings.brokerCA === undefined ? {} : { certificate: certificateOf(textOf(settings, "brokerCA")) }),
  });
}

/**
 * Starts the firmware with what was set up. With `setupPort`, a port for the page, or `setupDevice`, a serial line, a device that does not know who it is waits
 * there until somebody has told it.
 */
export function setUp(config: Settings, start: (settings: Settings) => void): void {
  if (config.setupPort === undefined && config.setupDevice === undefined) {
    start(config);
    return;
  }
  const setup = new Setup({
    store: new FileStore(textOf(config, "setupFile", "everfull-settings.json")),
    config,
    needed: IDENTITY,
    schedule,
    start() {
      for (const way of ways) way.close();
      start(setup.settings);
    },
    log: (text) => trace(`${text}\n`),
  });
  const ways: { close(): void }[] = [];
  if (setup.missing().length === 0) {
    start(setup.settings);
    return;
  }
  if (config.setupPort !== undefined) ways.push(new SetupServer(setup, numberOf(config, "setupPort")));
  if (config.setupDevice !== undefined)
    ways.push(new SetupPort(setup, { device: textOf(config, "setupDevice") }));
  trace(`setup: waiting for ${setup.missing().join(", ")}\n`);
}
