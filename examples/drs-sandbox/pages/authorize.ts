import { type Html, type HtmlValue, html } from "../../web/html.js";
import type { HttpReply } from "../http.js";
import { failed, readAuthorization, succeeded } from "../lwa/authorization.js";
import type { Customer } from "../state/customers.js";
import type { Device, Slot } from "../state/devices.js";
import type { Product } from "../state/models.js";
import { accountFields, readAccount } from "./account.js";
import { pageReply, problemPage, seeOther } from "./layout.js";
import { cookieOf, type Flow, type Session } from "./sessions.js";
import { customerButtons, signIn } from "./sign-in.js";
import { button, form, type PageHandler, type PagesOptions, type Visitor, whoIs } from "./visitor.js";

/** The steps of a login for a device, in their order. */
type Step = "sign-in" | "consent" | "products" | "confirm";

/** `GET /ap/oa`: an app sends its customer to sign in and to register a device. */
export const startAuthorization: PageHandler = ({ clients, models }, { call, session }) => {
  const read = readAuthorization(call.query, clients, models);
  if (read.kind === "page")
    return problemPage("This app cannot be signed in to", `The app's request is wrong: ${read.message}.`);
  if (read.kind === "redirect") return seeOther(read.location);
  return toStep(session.startFlow(read.request), session.customer ? "consent" : "sign-in", session);
};

export function toStep(flow: Flow, step: Step, session?: Session): HttpReply {
  return seeOther(`/ap/flow/${flow.id}/${step}`, session && cookieOf(session));
}

export const showStep: PageHandler = (options, visitor) => {
  const { session, args } = visitor;
  const flow = session.flow(args[0]!);
  if (flow === undefined) return over();
  return show(options, session, flow, args[1]!) ?? notYet(session, flow);
};

export const postStep: PageHandler = (options, visitor) => {
  const { session, args, form: given } = visitor;
  const flow = session.flow(args[0]!);
  if (flow === undefined) return over();
  if (given.get("action") === "cancel") {
    session.endFlow(flow);
    return seeOther(failed(flow.request, "access_denied", "The customer has cancelled"));
  }
  switch (args[1]) {
    case "sign-in":
      return signIn(options, visitor)
        ? toStep(flow, "consent", session)
        : show(options, session, flow, "sign-in", "There is no such customer.")!;
    case "consent":
      return agree(options, session, flow);
    case "products":
      return choose(options, visitor, flow);
    case "confirm":
      return confirm(options, visitor, flow);
    default:
      return notYet(session, flow);
  }
};

function agree({ actions }: PagesOptions, session: Session, flow: Flow): HttpReply {
  const { customer } = session;
  if (customer === undefined) return notYet(session, flow);
  // asked twice, by a reload, it is agreed to once
  if (registered(session, flow) === undefined) {
    const device = actions.login(flow.request, customer);
    flow.consent = { device, customer, change: device.changes };
  }
  return toStep(flow, "products");
}

function choose(options: PagesOptions, { session, form: given }: Visitor, flow: Flow): HttpReply {
  const device = registered(session, flow);
  if (device === undefined) return notYet(session, flow);
  const products = new Map<string, Product | undefined>();
  for (const [index, slot] of [...device.slots.values()].entries()) {
    const asin = given.get(`slot-${index}`);
    const product = slot.products.find((each) => each.asin === asin);
    if (product === undefined && asin !== "")
      return show(
        options,
        session,
        flow,
        "products",
        `Choose what to reorder for ${slot.name}, or nothing.`,
      )!;
    products.set(slot.id, product);
  }
  flow.products = products;
  return toStep(flow, "confirm");
}

function confirm(options: PagesOptions, { session, form: given }: Visitor, flow: Flow): HttpReply {
  const { actions, lwa } = options;
  const device = registered(session, flow);
  const { customer } = session;
  const { products } = flow;
  if (device === undefined || customer === undefined || products === undefined) return notYet(session, flow);
  if ([...products.values()].some((product) => product !== undefined)) {
    const account = readAccount(given, customer);
    if (account === undefined)
      return show(options, session, flow, "confirm", "Choose an address and a payment method.")!;
    actions.setAccount(customer, account.address, account.payment);
  }
  const choices = [...device.slots.values()].map((slot) => {
    const product = products.get(slot.id);
    return { slot, product, subscribed: product !== undefined };
  });
  actions.choose(device, choices, true);
  session.endFlow(flow);
  return seeOther(succeeded(flow.request, lwa.authorize(device, flow.request)));
}

/** The device, as long as it is registered by this login. */
function registered({ customer }: Session, { consent }: Flow): Device | undefined {
  const isSo =
    consent?.device.isRegistered &&
    consent.customer === customer &&
    consent.change === consent.device.changes;
  return isSo ? consent.device : undefined;
}

/** To the step that is due. */
function notYet(session: Session, flow: Flow): HttpReply {
  if (session.customer === undefined) return toStep(flow, "sign-in");
  if (registered(session, flow) === undefined) return toStep(flow, "consent");
  return toStep(flow, flow.products === undefined ? "products" : "confirm");
}

function over(): HttpReply {
  return problemPage("This sign-in is over", "Start again from your app.", undefined, 410);
}

/** @returns undefined: the step is not to be seen yet */
function show(
  options: PagesOptions,
  session: Session,
  flow: Flow,
  step: string,
  problem = "",
): HttpReply | undefined {
  const { customer } = session;
  const page = (title: string, body: HtmlValue) =>
    pageReply({
      title,
      status: problem === "" ? 200 : 400,
      exit: flow.request.redirectUri,
      body: html`${problem !== "" && html`<p class="alert" role="alert">${problem}</p>`}${body}`,
    });
  if (step === "sign-in") return page("Sign in", signInStep(options, session, flow));
  if (customer === undefined) return undefined;
  if (step === "consent")
    return page(`Register ${flow.request.model.name}`, consentStep(session, customer, flow));
  const device = registered(session, flow);
  if (device === undefined) return undefined;
  if (step === "products") return page("Choose what to reorder", productsStep(session, device, flow));
  if (step !== "confirm" || flow.products === undefined) return undefined;
  return page("Confirm", confirmStep(session, customer, device, flow.products));
}

function signInStep(options: PagesOptions, session: Session, { request }: Flow): Html {
  return html`<p>Sign in to use replenishment with ${request.client.name}.</p>
<p>Customers of this sandbox have no password. Never enter a real one here.</p>
${form(session, html`${customerButtons(options)}${button("Cancel", "action", "cancel", true)}`)}`;
}

function consentStep(session: Session, customer: Customer, flow: Flow): Html {
  const { client, model, serial, isTest } = flow.request;
  return html`<p><strong>${client.name}</strong> asks to register this device, and to reorder for it what you choose on the next page.</p>
<dl>
<dt>Device</dt><dd>${model.name}</dd>
<dt>Device ID</dt><dd>${serial}</dd>
${isTest && html`<dt>Test device</dt><dd>Its orders are not shipped.</dd>`}
</dl>
${form(session, html`${button("Allow", "action", "agree")}${button("Cancel", "action", "cancel", true)}`)}
${whoIs(session, customer, `/ap/flow/${flow.id}/consent`)}`;
}

function productsStep(session: Session, device: Device, flow: Flow): Html {
  const fields = [...device.slots.values()].map((slot, index) => {
    const chosen = flow.products ? flow.products.get(slot.id) : slot.chosen;
    return slotFields(slot, `slot-${index}`, chosen, "Nothing for now");
  });
  return html`<p>${device.name} reorders it before it runs out. You can change this at any time.</p>
${form(session, html`${fields}${button("Continue", "action", "choose")}`)}`;
}

/** Products of a slot to choose from. */
export function slotFields(slot: Slot, name: string, chosen: Product | undefined, none: string): Html {
  const radio = (value: string, label: HtmlValue, isChosen: boolean) =>
    html`<label><input type="radio" name="${name}" value="${value}"${isChosen && html` checked`} required> ${label}</label>`;
  return html`<fieldset>
<legend>${slot.name}</legend>
${slot.products.map((product) => radio(product.asin, describe(product), product.asin === chosen?.asin))}
${radio("", none, chosen === undefined)}
</fieldset>`;
}

export function describe({ title, quantity, unit, price }: Product): string {
  return `${title}, ${quantity} ${unit}${price === undefined ? "" : `, ${price}`}`;
}

function confirmStep(
  session: Session,
  customer: Customer,
  device: Device,
  products: NonNullable<Flow["products"]>,
): Html {
  const isAny = [...products.values()].some((product) => product !== undefined);
  const list = [...device.slots.values()].map((slot) => {
    const product = products.get(slot.id);
    return html`<dt>${slot.name}</dt><dd>${product === undefined ? "Nothing is reordered" : describe(product)}</dd>`;
  });
  return html`<dl>${list}</dl>
<p><a href="products">Change products</a></p>
${form(
  session,
  html`${isAny && accountFields(customer)}${button(isAny ? "Confirm" : "Finish without reordering", "action", "confirm")}`,
)}`;
}
