import { html } from "../../web/html.js";
import type { HttpReply } from "../http.js";
import type { Customer } from "../state/customers.js";
import { pageReply, seeOther } from "./layout.js";
import { cookieOf } from "./sessions.js";
import { button, form, type PageHandler, type PagesOptions, type Visitor } from "./visitor.js";

/** Buttons with the names of everyone; also in a login for a device. */
export function customerButtons({ customers }: PagesOptions) {
  return [...customers.all].map(({ id, name }) => button(`Sign in as ${name}`, "customer", id));
}

/** @returns undefined: the form names nobody */
export function signIn({ customers }: PagesOptions, visitor: Visitor): Customer | undefined {
  const { session, sessions, form: given } = visitor;
  const customer = customers.withId(given.get("customer") ?? "");
  if (customer === undefined) return undefined;
  session.customer = customer;
  sessions.renew(session);
  return customer;
}

export const showSignIn: PageHandler = (options, { session, call }) =>
  page(options, session, local(call.query.get("next")), "");

export const postSignIn: PageHandler = (options, visitor) => {
  const { session, form: given } = visitor;
  const next = local(given.get("next"));
  if (given.get("action") === "sign-out") {
    session.customer = undefined;
    return seeOther(`/ap/signin?next=${encodeURIComponent(next)}`);
  }
  if (signIn(options, visitor) === undefined)
    return page(options, session, next, "There is no such customer.");
  return seeOther(next, cookieOf(session));
};

function page(options: PagesOptions, session: Visitor["session"], next: string, problem: string): HttpReply {
  return pageReply({
    title: "Sign in",
    status: problem === "" ? 200 : 400,
    cookie: cookieOf(session),
    body: html`${problem !== "" && html`<p class="alert" role="alert">${problem}</p>`}
<p>Customers of this sandbox have no password. Never enter a real one here.</p>
${form(session, html`<input type="hidden" name="next" value="${next}">${customerButtons(options)}`, "/ap/signin")}`,
  });
}

/** A path on this server, whatever was asked for. */
function local(next: string | null): string {
  // browsers take a backslash for a slash, and two of them for another server
  return next !== null && /^\/(?![/\\])[!-~]*$/.test(next) ? next : "/";
}
