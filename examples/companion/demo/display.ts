import { html } from "../../web/html.js";
import { seeOther } from "../web/layout.js";
import type { WebHandler } from "../web/server.js";
import { button, form, type PageHandler, shown, siteHandler } from "../web/site.js";
import type { DemoClock } from "./clock.js";
import { codePicture } from "./code.js";
import type { DemoDevice } from "./device.js";

const DAY = 86_400_000;
/** Longest wait for a factory reset to be told on, in milliseconds of the clock; the SDK waits as long. */
const RESET_PATIENCE = 120_000;
const STEP = 5000;

const LOOK = Object.freeze({
  brand: "Simulated device",
  foot: "What the device itself shows, and what its customer does with it. It has no part in the app.",
});

export interface DisplayOptions {
  readonly device: DemoDevice;
  readonly clock: DemoClock;
  readonly name: string;
  readonly capacity: number;
  readonly unit: string;
  /** Waits until the gateway has done what it is at. */
  readonly idle: () => Promise<void>;
  /** Where the app is, for the code that a phone scans. */
  readonly appUrl: string;
}

/** The display of the simulated device, and its customer's hands: for the demonstration, in the place of the product itself. */
export function displayHandler(options: DisplayOptions): WebHandler {
  return siteHandler({
    look: LOOK,
    cookie: "everfull-display",
    isSecure: false,
    places: [{ path: /^\/$/, get: showDisplay(options), post: act(options) }],
  });
}

function showDisplay({ device, name, unit, capacity, appUrl, clock }: DisplayOptions): PageHandler {
  return (visit) => {
    const { everfull, pairingCode, serial, slotId } = device;
    const scan = `${appUrl}/setup/${serial}/pair?pairing=${pairingCode}`;
    const settings = `${appUrl}/devices/${serial}/dash`;
    const now = new Date(clock.now()).toISOString();
    return shown(LOOK, visit, {
      title: `Display of ${name}`,
      body: html`<section><h2>Display</h2>
${
  everfull === undefined
    ? html`<p>Off</p>`
    : html`<p><strong>${everfull.mayFinishSetup() ? "Ready for use" : "Set it up in the app"}</strong></p>
${pairingCode !== "" && html`<p>Pairing code</p><p class="code">${pairingCode}</p><p><a href="${scan}">${codePicture(scan)}<br>Scan it with the app</a></p>`}
<p>${everfull.slot(slotId).remaining} of ${capacity} ${unit}</p>
${everfull.registration === "registered" && html`<p><a href="${settings}">${codePicture(settings)}<br>Amazon Dash Replenishment settings</a></p>`}`
}
<p>Identification number ${serial}</p>
</section>
<section><h2>What you do with it</h2>
${form(visit, "/", html`${button(`Use 50 ${unit}`, false, "action", "use")}${button("Fill it up", false, "action", "fill")}${button(everfull ? "Switch off" : "Switch on", true, "action", "power")}${button("Factory reset", true, "action", "reset")}`)}
</section>
<section><h2>Time</h2>
<p>It is ${now.slice(0, 10)}, ${now.slice(11, 16)} UTC.</p>
${form(visit, "/", html`${button("Let an hour pass", true, "action", "hour")}${button("Let a day pass", true, "action", "day")}`)}
</section>`,
    });
  };
}

function act(options: DisplayOptions): PageHandler {
  return async ({ form: given, session }) => {
    const { device, clock, capacity, idle } = options;
    const { everfull, slotId } = device;
    switch (given.get("action")) {
      case "use":
        everfull?.consume(slotId, Math.min(50, everfull.slot(slotId).remaining));
        break;
      case "fill": {
        const room = everfull ? capacity - everfull.slot(slotId).remaining : 0;
        if (room > 0) everfull?.refill(slotId, room);
        break;
      }
      case "power":
        if (everfull) device.cutPower();
        else device.start();
        break;
      case "reset":
        if (everfull) session.notify(await reset(options));
        break;
      case "hour":
      case "day":
        await clock.advance(given.get("action") === "day" ? DAY : DAY / 24);
        await idle();
        break;
    }
    return seeOther("/");
  };
}

/** Nothing is erased here: it is the deregistration before it that matters. */
async function reset({ device, clock, idle }: DisplayOptions): Promise<string> {
  const answer = await device.deregister("reset");
  if (answer === "storage") return "It cannot be reset just now. Please try again.";
  if (answer === "unneeded") return "It is reset.";
  for (let waited = 0; waited <= RESET_PATIENCE; waited += STEP) {
    await clock.advance(STEP);
    await idle();
    const { deregistration } = await device.status();
    if (deregistration === "delivered") return "It is reset, and Amazon is told.";
  }
  return "It is reset. Amazon could not be told: leave the device connected, or unlink it in the app.";
}
