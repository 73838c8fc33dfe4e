import { type Html, html } from "../../web/html.js";
import type { HttpReply } from "../http.js";
import type { Customer } from "../state/customers.js";
import type { Device, Slot } from "../state/devices.js";
import { accountFields, readAccount } from "./account.js";
import { describe, slotFields, toStep } from "./authorize.js";
import { EXIT_RULE, isExit } from "./exits.js";
import { pageReply, problemPage, seeOther } from "./layout.js";
import { cancelOrder, orderList } from "./order-list.js";
import { cookieOf, type Session, type Visit } from "./sessions.js";
import { button, form, notice, type PageHandler, type PagesOptions, type Visitor, whoIs } from "./visitor.js";

/** `GET /settings`: an app sends its customer to the settings of a device, by the device's access token. */
export const startSettings: PageHandler = ({ devices, lwa }, { call, session }) => {
  const token = call.query.get("access_token") ?? "";
  const exitUri = call.query.get("exitUri") ?? undefined;
  if (exitUri !== undefined && !isExit(exitUri)) return problemPage("Settings", `exitUri ${EXIT_RULE}`);
  const device = devices.withToken(token) ?? lwa.withToken(token);
  // out of the address bar and of the history with the token
  if (device) return seeOther(`/settings/${session.startVisit(device, exitUri).id}`, cookieOf(session));
  const login = lwa.formerLogin(token);
  if (login) {
    const flow = session.startFlow({ ...login, state: undefined });
    return toStep(flow, session.customer ? "consent" : "sign-in", session);
  }
  return problemPage(
    "Settings",
    "This link is not good any more. Open the settings from the app again.",
    exit(exitUri),
  );
};

export const showSettings: PageHandler = (options, visitor) =>
  withDevice(options, visitor, (visit, customer) =>
    pageReply({
      title: `Settings of ${visit.device.name}`,
      body: html`${notice(visitor.session)}
${[...visit.device.slots.values()].map((slot) => slotSection(visitor.session, slot))}
<section><h2>Shipping and payment</h2>
${form(visitor.session, html`${accountFields(customer)}${button("Save shipping and payment", "action", "account")}`)}
</section>
<section><h2>Past orders</h2>
${orderList(options, visitor.session, ordersOf(options, customer, visit.device))}
</section>
<section><h2>This device</h2>
<dl><dt>Device ID</dt><dd>${visit.device.serial}</dd><dt>Model</dt><dd>${visit.device.model}</dd></dl>
<p><a href="/mn/dcw/myx.html">All your devices</a></p>
</section>
${exit(visit.exitUri)}
${whoIs(visitor.session, customer, visitor.call.path)}`,
    }),
  );

export const postSettings: PageHandler = (options, visitor) =>
  withDevice(options, visitor, (visit, customer) => {
    const { session, form: given, call } = visitor;
    const slot = visit.device.slots.get(given.get("slot") ?? "");
    switch (given.get("action")) {
      case "subscribe":
      case "unsubscribe":
        if (slot) subscribe(options, session, visit.device, slot, given.get("action") === "subscribe");
        break;
      case "product":
        if (slot) choose(options, session, visit.device, slot, given.get("product"));
        break;
      case "account": {
        const account = readAccount(given, customer);
        if (account) options.actions.setAccount(customer, account.address, account.payment);
        session.notify(
          account ? "Shipping and payment are saved." : "Choose an address and a payment method.",
        );
        break;
      }
      case "cancel":
        cancelOrder(options, session, given, ordersOf(options, customer, visit.device));
        break;
    }
    return seeOther(call.path);
  });

function subscribe(
  { actions }: PagesOptions,
  session: Session,
  device: Device,
  slot: Slot,
  isOn: boolean,
): void {
  if (isOn && slot.chosen === undefined) {
    session.notify(`Choose a product for ${slot.name} first.`);
    return;
  }
  actions.choose(device, [{ slot, product: slot.chosen, subscribed: isOn }]);
  session.notify(`${slot.name} is ${isOn ? "reordered from now on" : "not reordered any more"}.`);
}

function choose(
  { actions }: PagesOptions,
  session: Session,
  device: Device,
  slot: Slot,
  asin: string | null,
): void {
  const product = slot.products.find((each) => each.asin === asin);
  if (product === undefined && asin !== "") return;
  // a first choice is what the customer wants reordered; a later one changes nothing about that
  const subscribed = product !== undefined && (slot.chosen === undefined || slot.subscribed);
  actions.choose(device, [{ slot, product, subscribed }]);
  session.notify(product ? `${slot.name}: ${product.title} is chosen.` : `${slot.name}: nothing is chosen.`);
}

function slotSection(session: Session, slot: Slot): Html {
  const hidden = html`<input type="hidden" name="slot" value="${slot.id}">`;
  return html`<section><h2>${slot.name}</h2>
<p>Reordering is <strong>${slot.subscribed ? "on" : "off"}</strong>. ${
    slot.chosen ? `Chosen: ${describe(slot.chosen)}.` : "No product is chosen."
  }</p>
${
  slot.chosen !== undefined &&
  form(
    session,
    html`${hidden}${
      slot.subscribed
        ? button(`Turn off reordering of ${slot.name}`, "action", "unsubscribe", true)
        : button(`Turn on reordering of ${slot.name}`, "action", "subscribe")
    }`,
  )
}
${form(
  session,
  html`${hidden}${slotFields({ ...slot, name: `Product for ${slot.name}` }, "product", slot.chosen, "No product")}${button(`Save product for ${slot.name}`, "action", "product", true)}`,
)}
</section>`;
}

function ordersOf({ orders }: PagesOptions, customer: Customer, { serial }: Device) {
  return orders.of(customer.id).filter((order) => order.serial === serial);
}

function exit(uri: string | undefined): Html | false {
  return uri !== undefined && html`<p><a class="button second" href="${uri}">Exit</a></p>`;
}

/** Runs a task for the customer whose device it is; everybody else is told what to do. */
function withDevice(
  _options: PagesOptions,
  { session, args, call }: Visitor,
  task: (visit: Visit, customer: Customer) => HttpReply,
): HttpReply {
  const visit = session.visit(args[0]!);
  if (visit === undefined)
    return problemPage(
      "Settings",
      "This page is over. Open the settings from the app again.",
      undefined,
      410,
    );
  const { device, exitUri } = visit;
  if (!device.isRegistered)
    return problemPage(
      "Settings",
      `${device.name} is not registered any more. Set it up from the app again.`,
      exit(exitUri),
      410,
    );
  const { customer } = session;
  if (customer === undefined) return seeOther(`/ap/signin?next=${encodeURIComponent(call.path)}`);
  if (device.customerId !== customer.id)
    return problemPage(
      "Settings",
      `${device.name} is registered to another customer.`,
      html`${whoIs(session, customer, call.path)}${exit(exitUri)}`,
      403,
    );
  return task(visit, customer);
}
