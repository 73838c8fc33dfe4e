import { html } from "../../web/html.js";
import { type App, devicePath, modelOf, setupPath } from "../app.js";
import { seeOther } from "../web/layout.js";
import { button, form, type PageHandler, shown } from "../web/site.js";

/** The front: with one device that is ready, its page. */
export function showHome(app: App): PageHandler {
  return (visit) => {
    const { devices } = app.home;
    const [only] = devices;
    if (only?.isReady && devices.length === 1) return seeOther(devicePath(only.link.serial));
    const list = devices.map(({ link, isReady }) => {
      const { name } = modelOf(app, link);
      return isReady
        ? html`<section><h2>${name}</h2><p><a href="${devicePath(link.serial)}">Open ${name}, ${link.serial}</a></p></section>`
        : html`<section><h2>${name}</h2><p>Its set-up is not finished.</p>
<p><a class="button" href="${setupPath(link.serial)}">Continue set-up of ${name}</a></p></section>`;
    });
    return shown(app.look, visit, {
      title: "Your devices",
      body: html`${list.length > 0 ? list : html`<p>You have no device yet.</p>`}
<p><a class="button${list.length > 0 && " second"}" href="/setup">Set up a device</a></p>`,
    });
  };
}

/** Devices that are near and not yet added. */
export function showFound(app: App): PageHandler {
  return (visit) => {
    const found = app.find().filter(({ serial }) => app.home.find(serial) === undefined);
    const list = found.map((link) => {
      const { name } = modelOf(app, link);
      return html`<section><h2>${name}</h2>
<dl><dt>Identification number</dt><dd>${link.serial}</dd></dl>
${form(visit, "/setup", button(`Set up ${name}, ${link.serial}`, false, "serial", link.serial))}
</section>`;
    });
    return shown(app.look, visit, {
      title: "Find your device",
      body: html`${list.length > 0 ? list : html`<p>No new device is near. Switch it on, and hold the phone close to it.</p>`}
<p><a href="/setup">Look again</a></p>`,
    });
  };
}

export function addFound(app: App): PageHandler {
  return ({ form: given, session }) => {
    const link = app.find().find(({ serial }) => serial === given.get("serial"));
    if (link === undefined) {
      session.notify("This device is not near any more.");
      return seeOther("/setup");
    }
    app.home.add(link);
    return seeOther(setupPath(link.serial));
  };
}
