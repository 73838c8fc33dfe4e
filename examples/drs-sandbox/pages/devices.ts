import { html } from "../../web/html.js";
import { pageReply, seeOther } from "./layout.js";
import { button, form, notice, type PageHandler, toSignIn, whoIs } from "./visitor.js";

const DEVICES = "/mn/dcw/myx.html";
const APPS = "/manage-apps";

/** The customer's devices, of all makers. */
export const showDevices: PageHandler = ({ devices }, visitor) => {
  const { session } = visitor;
  const { customer } = session;
  if (customer === undefined) return toSignIn(visitor);
  const list = devices.of(customer.id).map(
    ({ serial, name, model }) => html`<section>
<h2>${name}</h2>
<dl><dt>Device ID</dt><dd>${serial}</dd><dt>Model</dt><dd>${model}</dd></dl>
${form(
  session,
  html`<input type="hidden" name="serial" value="${serial}">${button(`Settings of ${serial}`, "action", "settings")}${button(`Deregister ${serial}`, "action", "deregister", true)}`,
)}
</section>`,
  );
  return pageReply({
    title: "Your devices",
    body: html`${notice(session)}${list.length > 0 ? list : html`<p>No device is registered.</p>`}
<p><a href="${APPS}">Apps that you have allowed</a></p>
${whoIs(session, customer, DEVICES)}`,
  });
};

export const postDevices: PageHandler = ({ devices, actions }, visitor) => {
  const { session, form: given } = visitor;
  const { customer } = session;
  if (customer === undefined) return toSignIn(visitor);
  const device = devices.of(customer.id).find(({ serial }) => serial === given.get("serial"));
  if (device !== undefined && given.get("action") === "settings")
    return seeOther(`/settings/${session.startVisit(device, undefined).id}`);
  if (device !== undefined && given.get("action") === "deregister") {
    actions.deregister(device);
    session.notify(`${device.name}, ${device.serial}, is deregistered.`);
  }
  return seeOther(DEVICES);
};

/** Makers that the customer has let in; to take that back ends all their devices. */
export const showApps: PageHandler = ({ devices, clients }, visitor) => {
  const { session } = visitor;
  const { customer } = session;
  if (customer === undefined) return toSignIn(visitor);
  const own = devices.of(customer.id);
  const list = [...clients.all]
    .map(({ id, name }) => ({
      id,
      name,
      count: own.filter((device) => clients.idOr(device.clientId) === id).length,
    }))
    .filter(({ count }) => count > 0)
    .map(
      ({ id, name, count }) => html`<section>
<h2>${name}</h2>
<p>${count} ${count === 1 ? "device" : "devices"}. Removing the app deregisters ${count === 1 ? "it" : "them"}.</p>
${form(session, html`<input type="hidden" name="client" value="${id}">${button(`Remove ${name}`, "action", "remove", true)}`)}
</section>`,
    );
  return pageReply({
    title: "Apps that you have allowed",
    body: html`${notice(session)}${list.length > 0 ? list : html`<p>There are none.</p>`}
<p><a href="${DEVICES}">Your devices</a></p>
${whoIs(session, customer, APPS)}`,
  });
};

export const postApps: PageHandler = ({ devices, clients, actions }, visitor) => {
  const { session, form: given } = visitor;
  const { customer } = session;
  if (customer === undefined) return toSignIn(visitor);
  const client = clients.withId(given.get("client") ?? "");
  if (client !== undefined) {
    for (const device of devices.of(customer.id))
      if (clients.idOr(device.clientId) === client.id) actions.deregister(device);
    session.notify(`${client.name} is removed.`);
  }
  return seeOther(APPS);
};
