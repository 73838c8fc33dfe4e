import { NOTICES, type Notice, noticeText, supportFor } from "everfull/notices";
import type { AppDevice, AppSlot } from "../../gateway/index.js";
import { type Html, html } from "../../web/html.js";
import { type App, type CompanionModel, devicePath, modelOf, setupPath, withDevice } from "../app.js";
import type { LinkLevel, LinkStatus } from "../device-link.js";
import { CompanionError } from "../errors.js";
import { attempt } from "../home.js";
import { localeOf, longDate } from "../locale.js";
import { alert, seeOther } from "../web/layout.js";
import { type PageHandler, shown } from "../web/site.js";

const PENDING = "The sign-up for Amazon Dash Replenishment is under way.";

/** The first screen: what is left and until when, what the guidelines leave to the maker to tell, and the settings one tap away. */
export function showProduct(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], async (device) => {
      const { link } = device;
      if (!device.isReady) return seeOther(setupPath(link.serial));
      const model = modelOf(app, link);
      const view = await attempt(app.gateway.device(link.serial));
      const near = await attempt(link.status());
      const locale = localeOf(visit.call.headers["accept-language"]);
      const here = (what: string) => devicePath(link.serial, what);
      return shown(app.look, visit, {
        title: model.name,
        body: html`${view === undefined ? alert("What is left cannot be shown just now. Please try again.") : [noticesOf(view, model, locale), view.registration.state === "pending" && html`<p>${PENDING}</p>`, ...view.slots.map((slot) => slotSection({ ...slot, ...levelOf(slot, near) }, model))]}
<p><a class="button" href="${here("/dash")}">Amazon Dash Replenishment</a></p>
<section><h2>About this device</h2>
<dl><dt>Model</dt><dd>${link.model}</dd><dt>Identification number</dt><dd>${link.serial}</dd></dl>
<nav aria-label="This device">
<p><a href="${here("/support")}">Help</a></p>
<p><a href="${here("/unlink")}">Unlink from Amazon</a></p>
<p><a href="${here("/delete")}">Delete ${model.name}</a></p>
<p><a href="/setup">Set up another device</a></p>
</nav>
</section>`,
      });
    });
}

function noticesOf(
  { notices, registration }: AppDevice,
  model: CompanionModel,
  locale: string,
): Html | undefined {
  const texts = notices.flatMap(({ notice, slot }) =>
    isNotice(notice) ? [noticeText(notice, { locale, slot: model.slots[slot] ?? slot })] : [],
  );
  if (registration.failure !== "none" && registration.state !== "registered")
    texts.push(noticeText("set-up-again", { locale }));
  if (texts.length === 0) return undefined;
  return html`<section class="notices" aria-label="Notices" lang="${locale}">${texts.map((text) => html`<p>${text}</p>`)}</section>`;
}

/** A later gateway may tell of more. */
function isNotice(notice: string): notice is Notice {
  return NOTICES.some((each) => each === notice);
}

/** A device that is near knows better than its last report. */
function levelOf({ id }: AppSlot, near: LinkStatus | undefined): Partial<LinkLevel> {
  return near?.levels.find((level) => level.id === id) ?? {};
}

function slotSection(slot: AppSlot, model: CompanionModel): Html {
  const name = model.slots[slot.id] ?? slot.id;
  const { percent, remaining, runOut, onHand, unit, subscribed } = slot;
  return html`<section class="slot"><h2>${name}</h2>
${
  percent === null || remaining === null
    ? html`<p>Nothing is reported yet.</p>`
    : html`<p class="much">${percent} % left</p>
<meter min="0" max="100" value="${percent}" aria-label="${name}, left">${percent} %</meter>
<p>${remaining} ${unit}${onHand !== null && onHand > 0 && `, and ${onHand} ${unit} on the shelf`}</p>
${runOut !== null && html`<p>Enough until about <time datetime="${runOut}">${longDate(runOut)}</time></p>`}`
}
<p>Reordering is ${subscribed === true ? "on" : "off"}</p>
</section>`;
}

/** Amazon's settings of the device, or the sign-up when there are none. */
export function openSettings(app: App): PageHandler {
  return ({ args, session }) =>
    withDevice(app, args[0], async ({ link }) => {
      try {
        return seeOther(await app.gateway.settingsLink(link.serial, app.url + devicePath(link.serial)));
      } catch (error) {
        if (!(error instanceof CompanionError)) throw error;
        if (error.reason === "not-registered") return seeOther(setupPath(link.serial, "/offer"));
        const view = await attempt(app.gateway.device(link.serial));
        session.notify(
          view?.registration.state === "pending"
            ? PENDING
            : "Amazon's settings cannot be opened just now. Please try again.",
        );
        return seeOther(devicePath(link.serial));
      }
    });
}

export function showSupport(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], ({ link }) => {
      const { name } = modelOf(app, link);
      return shown(app.look, visit, {
        title: "Help",
        body: html`<section><h2>An order, a delivery or a payment</h2>
<p>Amazon answers all questions about orders.</p>
<p><a href="${supportFor("order", app.supportUrl).url}">Contact Amazon</a></p></section>
<section><h2>Anything else about ${name}</h2>
<p>Have the identification number at hand: ${link.serial}</p>
<p><a href="${supportFor("device", app.supportUrl).url}">Contact us</a></p></section>
<p><a href="${devicePath(link.serial)}">Back to ${name}</a></p>`,
      });
    });
}
