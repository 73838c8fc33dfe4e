import type { Board } from "../hal/boards/board.js";
import { Esp32Board } from "../hal/boards/esp32/board.js";
import type { Amplifier } from "../hal/boards/esp32/io.js";
import { jsonOf, type Settings, serversOf, textOf } from "./settings.js";

/** The module `firmware/board` on the ESP32. */
export function openBoard(settings: Settings): Board {
  const controls = jsonOf<Readonly<Record<string, number>>>(settings, "controls");
  const bridges = jsonOf<Readonly<Record<string, Amplifier>>>(settings, "bridges");
  const password = settings.wifiPassword === undefined ? undefined : textOf(settings, "wifiPassword");
  return new Esp32Board({
    servers: serversOf(settings),
    ...(controls ? { controls } : {}),
    ...(bridges ? { bridges } : {}),
    // Not `ssid`: with that, Moddable connects before it starts the firmware, and without a network it never starts it.
    ...(settings.wifiSSID === undefined
      ? {}
      : { wifi: { ssid: textOf(settings, "wifiSSID"), ...(password === undefined ? {} : { password }) } }),
  });
}
