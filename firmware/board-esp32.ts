import type { Board } from "../hal/boards/board.js";
import { Esp32Board } from "../hal/boards/esp32/board.js";
import { type Amplifier, Button, type Light, openLight } from "../hal/boards/esp32/io.js";
import { NvsStore } from "../hal/boards/esp32/settings-store.js";
import { openAccessPoint } from "../hal/boards/esp32/soft-ap.js";
import { onHeld } from "../hal/boards/hold.js";
import { certificateOf } from "../hal/boards/moddable/certificate.js";
import { type PortOptions, SetupPort } from "../hal/boards/moddable/setup-port.js";
import { SetupServer } from "../hal/boards/moddable/setup-server.js";
import { schedule } from "../hal/boards/moddable/time.js";
import { IDENTITY, Setup } from "../hal/boards/setup/setup.js";
import { StatusLight } from "../hal/boards/status-light.js";
import { jsonOf, numberOf, type Settings, serversOf, textOf } from "./settings.js";

const HELD = 5_000;
/** A set-up that a button has asked for ends when nobody has come for so long. */
const PATIENCE = 10 * 60_000;

/** The module `firmware/board` on the ESP32. */
export function openBoard(settings: Settings): Board {
  const controls = jsonOf<Readonly<Record<string, number>>>(settings, "controls");
  const bridges = jsonOf<Readonly<Record<string, Amplifier>>>(settings, "bridges");
  const light = jsonOf<Light>(settings, "statusLight");
  const password = settings.wifiPassword === undefined ? undefined : textOf(settings, "wifiPassword");
  return new Esp32Board({
    servers: serversOf(settings),
    timeServers: textOf(settings, "timeServers", "pool.ntp.org").split(","),
    ...(controls ? { controls } : {}),
    ...(bridges ? { bridges } : {}),
    ...(light ? { light } : {}),
    isWaiting: settings.isWaiting === true,
    ...(settings.brokerCA === undefined ? {} : { certificate: certificateOf(textOf(settings, "brokerCA")) }),
    // Not `ssid`: with that, Moddable connects before it starts the firmware, and without a network it never starts it.
    ...(settings.wifiSSID === undefined
      ? {}
      : { wifi: { ssid: textOf(settings, "wifiSSID"), ...(password === undefined ? {} : { password }) } }),
  });
}

/**
 * Starts the firmware with what was set up, and opens the ways to set it up. A device that knows who it is meters, whatever else it lacks.
 *
 * The serial port is always open. The access point is while the device lacks something, or when its button was held: then without the Wi-Fi that it has.
 */
export function setUp(config: Settings, start: (settings: Settings) => void): void {
  const store = new NvsStore();
  const setup = new Setup({
    store,
    config,
    needed: [...IDENTITY, "wifiSSID"],
    schedule,
    start: restart,
    log,
  });
  const { settings } = setup;
  let isAsked = false;
  attempt(() => {
    isAsked = store.takeAsked();
  });
  const isWaiting = isAsked || setup.missing().length > 0;
  const canStart = setup.missing(IDENTITY).length === 0;
  const port = jsonOf<PortOptions>(settings, "setupSerial");
  if (port) attempt(() => new SetupPort(setup, port));
  if (isWaiting) attempt(() => openPage(setup));
  if (isAsked) schedule(PATIENCE, () => setup.requests === 0 && restart());
  if (settings.setupButton !== undefined)
    attempt(() =>
      onHeld({
        io: Button,
        pin: numberOf(settings, "setupButton"),
        time: HELD,
        schedule,
        onHeld: () =>
          attempt(() => {
            store.ask();
            restart();
          }),
      }),
    );
  if (canStart) start(isWaiting ? { ...settings, wifiSSID: undefined, isWaiting: true } : settings);
  else {
    log(`setup: waiting for ${setup.missing().join(", ")}`);
    const light = jsonOf<Light>(settings, "statusLight");
    if (light) new StatusLight({ write: openLight(light), schedule }).say("setup", "setup");
  }
}

/** The access point and its page. */
function openPage(setup: Setup): void {
  const { settings } = setup;
  if (settings.setupPassword === undefined) throw new Error("no access point without a setupPassword");
  openAccessPoint(textOf(settings, "setupName", "everfull-setup"), textOf(settings, "setupPassword"));
  new SetupServer(setup, 80);
}

/** The firmware does not depend on any way to set it up. */
function attempt(task: () => unknown): void {
  try {
    task();
  } catch (error) {
    log(`setup: ${error instanceof Error ? error.message : error}`);
  }
}

function restart(): void {
  (globalThis as unknown as { System: { restart(): void } }).System.restart();
}

function log(text: string): void {
  trace(`${text}\n`);
}
