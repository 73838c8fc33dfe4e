import { html } from "../../web/html.js";
import { type App, devicePath, modelOf, withDevice } from "../app.js";
import { attempt, type HomeDevice, type Removal, type RemovalOutcome } from "../home.js";
import { alert, seeOther } from "../web/layout.js";
import { button, form, type PageHandler, shown } from "../web/site.js";

type How = Removal["how"];

const TEXTS: Readonly<
  Record<How, { readonly title: string; readonly button: string; readonly about: string }>
> = Object.freeze({
  deleted: {
    title: "Delete",
    button: "Delete",
    about: "It is removed from this app, and Amazon is told: nothing is reordered for it any more.",
  },
  unlinked: {
    title: "Unlink",
    button: "Unlink",
    about:
      "It stays in this app. Amazon is told: nothing is reordered for it any more, until you sign up again.",
  },
});

/** Asks before it is done. */
export function askRemoval(app: App, how: How): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], ({ link }) => {
      const { name } = modelOf(app, link);
      const text = TEXTS[how];
      return shown(app.look, visit, {
        title: `${text.title} ${name}?`,
        body: html`<p>${text.about}</p>
${form(visit, visit.call.path, button(`${text.button} ${name}`))}
<p><a class="button second" href="${devicePath(link.serial)}">Keep it</a></p>`,
      });
    });
}

export function remove(app: App, how: How): PageHandler {
  return ({ args }) =>
    withDevice(app, args[0], async (device) => {
      const { link } = device;
      device.removal = { how, outcome: await begin(app, device, how) };
      device.isRegisteredByService = false;
      return seeOther(devicePath(link.serial, "/removal"));
    });
}

/** The device first: it stops ordering at once, and tells the service itself. */
async function begin(app: App, device: HomeDevice, how: How): Promise<RemovalOutcome> {
  const { link } = device;
  const answer = await attempt(link.deregister(how));
  if (answer === "queued") return "pending";
  const view = await attempt(app.gateway.device(link.serial));
  const isGone = view && view.registration.state !== "registered" && view.registration.state !== "pending";
  if (answer === "unneeded" && isGone) return "unneeded";
  return relay(app, device);
}

async function relay({ gateway }: App, { link }: HomeDevice): Promise<RemovalOutcome> {
  const isTaken = await attempt(gateway.deregister(link.serial).then(() => true));
  return isTaken ? "relayed" : "failed";
}

/** What has become of it. */
export function showRemoval(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], async (device) => {
      const { link, removal } = device;
      const { name } = modelOf(app, link);
      if (removal === undefined) return seeOther(devicePath(link.serial));
      if (removal.outcome === "pending") {
        const status = await attempt(link.status());
        if (status?.deregistration === "delivered") removal.outcome = "delivered";
        // It stays queued there; the service has a better connection.
        else if (status?.deregistration !== "pending") removal.outcome = await relay(app, device);
      }
      const done = removal.how === "deleted" ? "deleted" : "unlinked";
      switch (removal.outcome) {
        case "pending":
          return shown(app.look, visit, {
            title: `${name} is being ${done}`,
            body: html`<p role="status">Nothing is ordered any more. Amazon is being told; leave ${name} switched on for a moment.</p>
<p><a class="button" href="${visit.call.path}">Check again</a></p>`,
          });
        case "failed":
          return shown(app.look, visit, {
            title: `${name} is not ${done} yet`,
            body: html`${alert("Amazon could not be told. Check that you are online, and try again.")}
${form(visit, devicePath(link.serial, removal.how === "deleted" ? "/delete" : "/unlink"), button("Try again"))}
<p><a class="button second" href="${devicePath(link.serial)}">Keep it</a></p>`,
          });
      }
      device.removal = undefined;
      if (removal.how === "deleted") app.home.remove(link.serial);
      return shown(app.look, visit, {
        title: `${name} is ${done}`,
        body: html`<p role="status">${OVER[removal.outcome]}</p>
<p><a class="button" href="/">${removal.how === "deleted" ? "Your devices" : `Back to ${name}`}</a></p>`,
      });
    });
}

const OVER: Readonly<Record<Exclude<RemovalOutcome, "pending" | "failed">, string>> = Object.freeze({
  delivered: "Our service has it from the device, and Amazon is told. Nothing is reordered any more.",
  relayed:
    "The device could not be reached, or could not reach us: we tell Amazon in its place. Nothing is reordered any more.",
  unneeded: "It was not registered at Amazon: there is nobody to tell.",
});
