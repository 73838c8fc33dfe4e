import { type Html, type HtmlValue, html } from "../../web/html.js";
import type { CustomerActions } from "../customer-actions.js";
import type { HttpCall, HttpReply } from "../http.js";
import type { Clients } from "../lwa/clients.js";
import type { LwaService } from "../lwa/token-endpoint.js";
import type { Agenda } from "../state/agenda.js";
import type { Customer, Customers } from "../state/customers.js";
import type { Devices } from "../state/devices.js";
import type { Models } from "../state/models.js";
import type { OrderBook } from "../state/orders.js";
import { seeOther } from "./layout.js";
import type { Session, Sessions } from "./sessions.js";

export interface PagesOptions {
  agenda: Agenda;
  clients: Clients;
  models: Models;
  customers: Customers;
  devices: Devices;
  orders: OrderBook;
  lwa: LwaService;
  actions: CustomerActions;
}

/** Someone at a page. */
export interface Visitor {
  readonly call: HttpCall;
  readonly session: Session;
  readonly sessions: Sessions;
  /** What was sent; of a GET, nothing. */
  readonly form: URLSearchParams;
  /** Arguments of the path. */
  readonly args: readonly string[];
}

export type PageHandler = (options: PagesOptions, visitor: Visitor) => HttpReply;

/** A form that posts to a page, by default the one it is on. */
export function form(session: Session, content: HtmlValue, action?: string): Html {
  return html`<form method="post"${action !== undefined && html` action="${action}"`}>
<input type="hidden" name="form_token" value="${session.formToken}">
${content}
</form>`;
}

export function button(label: string, name: string, value: string, isSecond = false): Html {
  return html`<button type="submit" name="${name}" value="${value}"${isSecond && html` class="second"`}>${label}</button>`;
}

/** What was done by the last form. */
export function notice(session: Session): Html | undefined {
  const text = session.takeNotice();
  return text === "" ? undefined : html`<p role="status">${text}</p>`;
}

/** To the sign-in, and back to where the visitor is. */
export function toSignIn({ call }: Visitor): HttpReply {
  const query = call.query.toString();
  const next = query === "" ? call.path : `${call.path}?${query}`;
  return seeOther(`/ap/signin?next=${encodeURIComponent(next)}`);
}

/** Whose page it is, with a way to become someone else. */
export function whoIs(session: Session, customer: Customer, next: string): Html {
  return html`<p>Signed in as <strong>${customer.name}</strong></p>
${form(session, html`<input type="hidden" name="next" value="${next}">${button("Sign in as someone else", "action", "sign-out", true)}`, "/ap/signin")}`;
}

export function moment(time: number): Html {
  const iso = new Date(time).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}
